//! The store in a SQLite file.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use mplus_sync::model::{ConnectionId, Order, OrderKind};
use mplus_sync::store::{
    CheckpointStore, OrderOutbox, SqlValue, SqliteStore, Store, StoreError, StoreErrorKind, Wake, WakeUp,
};
use mplus_sync::testkit::conformance::{self, Spoil, StoreFactory};

use super::spoiled;

struct SqliteStores(tempfile::TempDir);

impl SqliteStores {
    fn change(&self, name: &str, row: &Spoil, from: &str, to: &str) {
        let (table, key, id) = spoiled(row);
        let sql = format!(
            "UPDATE {table} SET body = replace(body, ?1, ?2) WHERE connection = 'merchant' AND {key} = ?3"
        );
        let database = rusqlite::Connection::open(self.0.path().join(name)).unwrap();
        assert_eq!(database.execute(&sql, [from, to, id]).unwrap(), 1);
    }
}

#[async_trait]
impl StoreFactory for SqliteStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.0.path().join(name)).await?))
    }

    async fn spoil(&self, name: &str, row: &Spoil) -> Result<bool, StoreError> {
        self.change(name, row, "\"v\":1", "\"v\":[]");
        self.change(name, row, "\"name\":", "\"nom\":");
        self.change(name, row, "\"number\":", "\"nombre\":");
        Ok(true)
    }

    async fn mend(&self, name: &str, row: &Spoil) -> Result<(), StoreError> {
        self.change(name, row, "\"v\":[]", "\"v\":1");
        self.change(name, row, "\"nom\":", "\"name\":");
        self.change(name, row, "\"nombre\":", "\"number\":");
        Ok(())
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

    // Any driver will do: the statement is data.
    let statement = SqliteStore::enqueue_statement(&merchant, &order, DateTime::UNIX_EPOCH).unwrap();
    let values = || {
        let value = |value: &SqlValue| match value {
            SqlValue::Null => rusqlite::types::Value::Null,
            SqlValue::Integer(number) => rusqlite::types::Value::Integer(*number),
            SqlValue::Text(text) => rusqlite::types::Value::Text(text.clone()),
        };
        rusqlite::params_from_iter(statement.values.iter().map(value).collect::<Vec<_>>())
    };
    let transaction = host.transaction().unwrap();
    assert_eq!(transaction.execute(&statement.text, values()).unwrap(), 1);
    transaction.rollback().unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap(), None);

    let mut listener = store.listen();
    let transaction = host.transaction().unwrap();
    transaction.execute(&statement.text, values()).unwrap();
    transaction.commit().unwrap();
    store.wake(Wake::Orders);
    listener.heard(&[Wake::Orders]).await;
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap().unwrap().order, order);
    assert_eq!(host.execute(&statement.text, values()).unwrap(), 0, "it is queued once");
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    drop(SqliteStore::open(&path).await.unwrap());
    drop(SqliteStore::open(&path).await.unwrap());
    rusqlite::Connection::open(&path).unwrap().execute("INSERT INTO mplus_schema VALUES (99)", []).unwrap();
    let refused = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.to_string().contains("version 99"), "{refused}");
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
