//! The store in a SQLite file.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use mplus_sync::model::{ConnectionId, Order, OrderKind};
use mplus_sync::store::sqlite::enqueue_in;
use mplus_sync::store::{
    CatalogStore, CheckpointStore, Enqueued, OrderOutbox, Page, Select, SqliteStore, Store, StoreError,
    StoreErrorKind,
};
use mplus_sync::testkit::conformance::{self, StoreFactory};

struct SqliteStores(tempfile::TempDir);

#[async_trait]
impl StoreFactory for SqliteStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.0.path().join(name)).await?))
    }
}

#[tokio::test]
async fn the_store_in_sqlite_shows_every_behaviour() {
    let report = conformance::run(&SqliteStores(tempfile::tempdir().unwrap())).await;
    assert!(report.is_met(), "{report}");
}

#[tokio::test]
async fn an_order_queued_in_the_hosts_transaction_comes_and_goes_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut host = rusqlite::Connection::open(&path).unwrap();
    let merchant = ConnectionId::from("merchant");
    let order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);

    let transaction = host.transaction().unwrap();
    let queued = enqueue_in(&transaction, &merchant, &order, DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(queued, Enqueued::New);
    transaction.rollback().unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap(), None);

    let transaction = host.transaction().unwrap();
    enqueue_in(&transaction, &merchant, &order, DateTime::UNIX_EPOCH).unwrap();
    transaction.commit().unwrap();
    assert!(store.entry(&merchant, &order.number).await.unwrap().is_some());
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_is_corrupt_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let sql = "INSERT INTO mplus_items VALUES ('merchant', 'cola', '7', '{\"id\":', NULL, NULL, 1)";
    rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap();
    let read = store.items(&ConnectionId::from("merchant"), Select::Page(Page::first(1))).await;
    let error = read.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("item cola"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let error = SqliteStore::open(directory.path().join("absent/host.db")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[test]
fn the_store_works_under_any_executor() {
    futures_executor(async {
        let store = SqliteStore::in_memory().await.unwrap();
        assert!(store.checkpoints(&ConnectionId::from("merchant")).await.unwrap().is_empty());
    });
}

/// The smallest executor there is: no runtime, no timer, no reactor.
fn futures_executor(future: impl Future<Output = ()>) {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    while future.as_mut().poll(&mut context).is_pending() {
        std::thread::park();
    }
}
