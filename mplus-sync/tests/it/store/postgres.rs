//! The store in Postgres. Needs `MPLUS_TEST_POSTGRES`, the URL of a database in which schemas may be made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::DateTime;
use futures_util::future::join_all;
use mplus_sync::model::{ConnectionId, Order, OrderKind};
use mplus_sync::store::postgres::enqueue_in;
use mplus_sync::store::{
    CheckpointStore, Enqueued, OrderOutbox, PostgresStore, Store, StoreError, StoreErrorKind,
};
use mplus_sync::testkit::conformance::{self, StoreFactory};
use tokio::sync::Mutex;
use tokio_postgres::NoTls;

/// Whether there is a database to test with; says so when there is none.
fn is_available() -> bool {
    let named = std::env::var_os("MPLUS_TEST_POSTGRES").is_some();
    if !named {
        eprintln!("skipped: MPLUS_TEST_POSTGRES names no database");
    }
    named
}

/// A schema of its own, dropped at the end of its test.
pub(crate) struct Schema {
    name: String,
    url: String,
    admin: tokio_postgres::Client,
}

impl Schema {
    /// None, with a line that says so, when there is no database to test with.
    pub(crate) async fn create() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !is_available() {
            return None;
        }
        let url = std::env::var("MPLUS_TEST_POSTGRES").unwrap();
        let (admin, connection) =
            tokio_postgres::connect(&url, NoTls).await.expect("MPLUS_TEST_POSTGRES works");
        tokio::spawn(connection);
        let name = format!("mplus_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        admin.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-csearch_path%3D{name}");
        Some(Self { name, url, admin })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn drop(self) {
        self.admin.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name)).await.unwrap();
    }
}

/// Each store has a schema of its own.
#[derive(Default)]
struct PostgresStores(Mutex<BTreeMap<String, Schema>>);

#[async_trait]
impl StoreFactory for PostgresStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let mut schemas = self.0.lock().await;
        if !schemas.contains_key(name) {
            schemas.insert(name.to_owned(), Schema::create().await.expect("there is a database"));
        }
        Ok(Arc::new(PostgresStore::connect(schemas[name].url()).await?))
    }
}

#[tokio::test]
async fn the_store_in_postgres_shows_every_behaviour() {
    if !is_available() {
        return;
    }
    let stores = PostgresStores::default();
    let report = conformance::run(&stores).await;
    for (_, schema) in stores.0.into_inner() {
        schema.drop().await;
    }
    assert!(report.is_met(), "{report}");
}

#[tokio::test]
async fn workers_that_start_at_the_same_time_make_the_tables_once() {
    let Some(schema) = Schema::create().await else { return };
    let opened = join_all((0..6).map(|_| PostgresStore::connect(schema.url()))).await;
    let opened: Vec<PostgresStore> = opened.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(opened[5].checkpoints(&"merchant".into()).await.unwrap().is_empty());
    schema.drop().await;
}

#[tokio::test]
async fn an_order_queued_in_the_hosts_transaction_comes_and_goes_with_it() {
    let Some(schema) = Schema::create().await else { return };
    let store = PostgresStore::connect(schema.url()).await.unwrap();
    let (mut host, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let merchant = ConnectionId::from("merchant");
    let order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);

    let transaction = host.transaction().await.unwrap();
    let queued = enqueue_in(&transaction, &merchant, &order, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(queued, Enqueued::New);
    transaction.rollback().await.unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap(), None);

    let transaction = host.transaction().await.unwrap();
    enqueue_in(&transaction, &merchant, &order, DateTime::UNIX_EPOCH).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(store.entry(&merchant, &order.number).await.unwrap().is_some());
    schema.drop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_unavailable_and_its_password_is_not_told() {
    let url = "postgres://someone:hunter2@127.0.0.1:1/nothing";
    let error = PostgresStore::connect(url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_retryable());
    let odd = PostgresStore::connect("postgres://someone:hunter2@host:port:port").await.unwrap_err();
    assert_eq!(odd.kind(), StoreErrorKind::Invalid);
    for shown in [error.to_string(), format!("{error:?}"), odd.to_string(), format!("{odd:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
