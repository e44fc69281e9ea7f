//! The merchants, and the orders that their guests place.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use mplus_qapi::testkit::Pos;
use mplus_sync::fleet::{ByHash, ShardMap};
use mplus_sync::model::{
    ArticleNumber, BranchNumber, Connection, ConnectionId, Item, Location, Order, OrderKind, OrderLine,
    Payment, PaymentMethod, RelationNumber, Revision, Sold, Tracked, Workplace,
};
use mplus_sync::orders::OrderSettings;
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::store::{CatalogChunk, CredentialVault, Credentials, Store, StoreError};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

/// How many merchants are written at the same time.
const AT_ONCE: usize = 24;

/// The stores in which merchants live.
#[derive(Clone)]
pub(crate) struct Stores(pub(crate) Vec<Arc<dyn Store>>);

impl Stores {
    pub(crate) fn of(&self, id: &ConnectionId) -> &Arc<dyn Store> {
        &self.0[ByHash::over(self.0.len()).store_of(id).min(self.0.len() - 1)]
    }
}

/// A merchant by number.
pub(crate) fn id(number: u32) -> ConnectionId {
    ConnectionId::from(format!("merchant-{number:07}"))
}

/// Adds merchants, with a menu of one item for those who sell.
pub(crate) async fn add(
    stores: &Stores,
    numbers: std::ops::Range<u32>,
    selling: u32,
) -> Result<(), Box<dyn Error>> {
    let cola = Pos::brasserie().article_number("Coca-Cola").ok_or("the brasserie sells no cola")?;
    let mut adding = JoinSet::new();
    for number in numbers {
        if adding.len() >= AT_ONCE
            && let Some(added) = adding.join_next().await
        {
            added??;
        }
        let store = Arc::clone(stores.of(&id(number)));
        adding.spawn(async move { add_one(&*store, number, cola, number < selling).await });
    }
    while let Some(added) = adding.join_next().await {
        added??;
    }
    Ok(())
}

async fn add_one(store: &dyn Store, number: u32, cola: i64, sells: bool) -> Result<(), StoreError> {
    let id = id(number);
    if sells {
        let mut chunk = CatalogChunk::default();
        chunk.items.push(Tracked::new(Item::new("cola", "Cola")).linked(ArticleNumber::new(cola)));
        store.apply(&id, chunk).await?;
        let mut location = Location::new("city", "City");
        location.workplaces = vec![Workplace { number: 2, name: "Kassa 2".to_owned() }];
        let location = Tracked::new(location).linked(BranchNumber::new(1));
        store.apply_locations(&id, vec![location]).await?;
    }
    let now = TokioRuntime.now();
    let connection = Connection::new(id, format!("Merchant {number}"), "pos.invalid", 1, now);
    store.save_connection(&connection).await.map(drop)
}

/// Queues a paid order of one cola; one of a new kind can only be read by the next release.
pub(crate) async fn order(
    stores: &Stores,
    merchant: u32,
    number: &str,
    is_new_kind: bool,
) -> Result<(), StoreError> {
    let (id, now) = (id(merchant), TokioRuntime.now());
    let mut order = Order::new(number, "city", OrderKind::Pickup, now);
    let price = Decimal::new(320, 2);
    order.lines = vec![OrderLine::new(Sold::Item { item: "cola".into() }, "cola", 1.into(), price)];
    order.note = is_new_kind.then(|| "drive through".to_owned());
    order.total = order.sum();
    order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    stores.of(&id).enqueue(&id, &order, now).await.map(drop)
}

pub(crate) fn order_settings() -> OrderSettings {
    OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL")
}

/// Every merchant has the credentials of the test POS.
#[derive(Debug)]
pub(crate) struct OneForAll;

#[async_trait]
impl CredentialVault for OneForAll {
    async fn save_credentials(&self, _: &ConnectionId, _: Credentials) -> Result<(), StoreError> {
        Ok(())
    }

    async fn credentials(&self, _: &ConnectionId) -> Result<Option<Credentials>, StoreError> {
        let secret = "geheim & vertrouwelijk".into();
        Ok(Some(Credentials { ident: "testkit".to_owned(), secret }))
    }

    async fn credentials_revision(&self, _: &ConnectionId) -> Result<Option<Revision>, StoreError> {
        Ok(Some(Revision::NEW.next()))
    }

    async fn forget_credentials(&self, _: &ConnectionId) -> Result<(), StoreError> {
        Ok(())
    }
}
