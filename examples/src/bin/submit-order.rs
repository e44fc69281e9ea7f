//! One order of each type, from the host to a POS in memory.

use std::error::Error;
use std::sync::Arc;

use chrono::Utc;
use mplus_qapi::testkit::Pos;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, ConnectionId, Customer, Item, Location, Order, OrderKind, OrderLine,
    Payment, PaymentMethod, PostalAddress, RelationNumber, Sold, TableRef, Tracked,
};
use mplus_sync::orders::{LocationSettings, OrderService, OrderSettings};
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::store::{CatalogChunk, CatalogStore, LocationStore, MemoryStore};
use rust_decimal::Decimal;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // What a menu sync and a branch sync would have stored: an item and a location with their numbers at the POS.
    let pos = Pos::brasserie();
    let connection = ConnectionId::from("bistro");
    let store = Arc::new(MemoryStore::new());
    let article = pos.article_number("Coca-Cola").ok_or("the brasserie sells no cola")?;
    let cola = Tracked::new(Item::new("cola", "Coca-Cola")).linked(ArticleNumber::new(article));
    store.apply(&connection, CatalogChunk { items: vec![cola], ..CatalogChunk::default() }).await?;
    let location = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
    store.apply_locations(&connection, vec![location]).await?;

    // What the merchant sets up once.
    let settings = OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL")
        .with_location("city", LocationSettings::at_workplace(1));
    let runtime = Arc::new(TokioRuntime);
    let service =
        OrderService::new(pos.client(), connection, store, settings, runtime.clone(), "this process".into());

    let address =
        PostalAddress { street: Some("Spui 1".into()), city: Some("Amsterdam".into()), ..Default::default() };
    let table = TableRef::whole(7);
    let kinds = [
        ("1001", OrderKind::Pickup),
        ("1002", OrderKind::Delivery { address }),
        ("1003", OrderKind::DineInPayLater { table, guests: Some(2) }),
        ("1004", OrderKind::DineInPayNow { table, guests: None }),
    ];
    for (number, kind) in kinds {
        let order = order(number, kind, runtime.now());
        let sent = service.submit(&order, false).await?;
        println!("order {number}: {}", sent.order_id.as_deref().unwrap_or("accepted"));
        // Sending it again, as after a crash, is harmless.
        assert_eq!(service.submit(&order, true).await?.order_id, sent.order_id);
    }

    // What is wrong with an order is told at once, before anything is sent.
    let mut wrong = order("1005", OrderKind::Pickup, runtime.now());
    wrong.lines[0].sold = Sold::Item { item: "dish of the day".into() };
    if let Err(error) = service.submit(&wrong, false).await {
        println!("{error}");
    }
    println!("the POS has {} orders", pos.orders().len());
    Ok(())
}

fn order(number: &str, kind: OrderKind, now: chrono::DateTime<Utc>) -> Order {
    let mut order = Order::new(number, "city", kind, now);
    order.customer = Some(Customer::new("guest-1", "Jan Jansen"));
    let cola = Sold::Item { item: "cola".into() };
    order.lines = vec![OrderLine::new(cola, "Cola", Decimal::TWO, Decimal::new(320, 2))];
    order.total = order.sum();
    if !matches!(order.kind, OrderKind::DineInPayLater { .. }) {
        order.payments = vec![Payment {
            method: PaymentMethod::Ideal,
            amount: order.total,
            reference: Some("pi_1".into()),
        }];
    }
    order
}
