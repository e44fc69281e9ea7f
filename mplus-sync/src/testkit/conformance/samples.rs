//! Sample values.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::model::{ArticleNumber, ConnectionId, Item, Order, OrderKind, OrderLine, Sold, TableRef, Tracked};
use crate::store::CatalogChunk;

/// The merchant of most behaviours.
pub(super) fn merchant() -> ConnectionId {
    ConnectionId::from("merchant")
}

/// Some minutes after the moment at which every behaviour begins.
pub(super) fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

pub(super) fn item(id: &str, number: i64) -> Tracked<Item> {
    let mut item = Item::new(id, format!("Item {number}"));
    item.price = Some(Decimal::new(number, 2));
    Tracked::new(item).linked(ArticleNumber::new(number))
}

pub(super) fn items(items: impl IntoIterator<Item = Tracked<Item>>) -> CatalogChunk {
    CatalogChunk { items: items.into_iter().collect(), ..CatalogChunk::default() }
}

pub(super) fn order(number: &str) -> Order {
    let mut order = Order::new(number, "city", OrderKind::Pickup, minute(0));
    let price = Decimal::new(995, 2);
    order.lines = vec![OrderLine::new(Sold::Item { item: "burger".into() }, "Burger", Decimal::ONE, price)];
    order.total = price;
    order
}

pub(super) fn table_order(number: &str, table: i32) -> Order {
    let kind = OrderKind::DineInPayLater { table: TableRef::whole(table), guests: Some(2) };
    Order { kind, ..order(number) }
}
