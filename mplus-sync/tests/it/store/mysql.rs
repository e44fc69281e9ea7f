//! The store in MySQL or MariaDB. Needs `MPLUS_TEST_MYSQL`, the URL of a database on a server on which databases may be made.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use futures_util::future::join_all;
use mplus_sync::model::{ConnectionId, Order, OrderKind};
use mplus_sync::store::{
    CheckpointStore, MySqlStore, OrderOutbox, SqlValue, Store, StoreError, StoreErrorKind,
};
use mplus_sync::testkit::MySqlDatabase;
use mplus_sync::testkit::conformance::{self, Spoil, StoreFactory};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params, TxOpts, Value};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tokio::sync::Mutex;

use super::agreement;

/// A database of its own; none, with a line that says so, when there is no server to test with.
async fn database() -> Option<MySqlDatabase> {
    let Ok(url) = std::env::var("MPLUS_TEST_MYSQL") else {
        eprintln!("skipped: MPLUS_TEST_MYSQL names no database");
        return None;
    };
    Some(MySqlDatabase::create(&url).await.expect("MPLUS_TEST_MYSQL works"))
}

async fn host(database: &MySqlDatabase) -> Conn {
    Conn::new(Opts::from_url(database.url()).unwrap()).await.unwrap()
}

fn params(values: &[SqlValue]) -> Params {
    let value = |value: &SqlValue| match value {
        SqlValue::Null => Value::NULL,
        SqlValue::Integer(number) => Value::Int(*number),
        SqlValue::Text(text) => Value::Bytes(text.clone().into_bytes()),
    };
    Params::Positional(values.iter().map(value).collect())
}

/// One database, emptied for each behaviour: they come one after the other.
struct MySqlStores {
    database: Mutex<MySqlDatabase>,
    url: String,
    last: Mutex<String>,
}

#[async_trait]
impl StoreFactory for MySqlStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let store = MySqlStore::connect(&self.url).await?;
        let mut last = self.last.lock().await;
        if *last != name {
            *last = name.to_owned();
            self.database.lock().await.empty().await?;
        }
        Ok(Arc::new(store))
    }

    async fn spoil(&self, _: &str, row: &Spoil) -> Result<bool, StoreError> {
        self.change(row, [("\"name\":", "\"nom\":"), ("\"number\":", "\"nombre\":")]).await;
        Ok(true)
    }

    async fn mend(&self, _: &str, row: &Spoil) -> Result<(), StoreError> {
        self.change(row, [("\"nom\":", "\"name\":"), ("\"nombre\":", "\"number\":")]).await;
        Ok(())
    }
}

impl MySqlStores {
    async fn change(&self, row: &Spoil, texts: [(&str, &str); 2]) {
        let (table, key, id) = super::spoiled(row);
        let mut host = host(&*self.database.lock().await).await;
        for (from, to) in texts {
            let sql = format!(
                "UPDATE {table} SET body = replace(body, ?, ?) WHERE connection = 'merchant' AND {key} = ?"
            );
            host.exec_drop(sql, (from, to, id)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_store_in_mysql_shows_every_behaviour() {
    let Some(database) = database().await else { return };
    let url = database.url().to_owned();
    let stores = MySqlStores { database: Mutex::new(database), url, last: Mutex::default() };
    let report = conformance::run(&stores).await;
    stores.database.into_inner().drop().await.unwrap();
    assert!(report.is_met(), "{report}");
}

/// Runs a property on an emptied database for each of its cases.
fn for_each_case<S: Strategy>(steps: S, property: impl AsyncFn(&dyn Store, S::Value)) {
    agreement::block_on(async {
        let Some(mut database) = database().await else { return };
        let store = MySqlStore::connect(database.url()).await.unwrap();
        let mut runner = TestRunner::deterministic();
        for _ in 0..12 {
            database.empty().await.unwrap();
            property(&store, steps.new_tree(&mut runner).unwrap().current()).await;
        }
        database.drop().await.unwrap();
    });
}

#[test]
fn the_outbox_in_mysql_answers_as_the_one_in_memory() {
    for_each_case(agreement::order_steps(), agreement::orders_agree);
}

#[test]
fn the_menu_in_mysql_answers_as_the_one_in_memory() {
    for_each_case(agreement::item_steps(), agreement::items_agree);
}

#[tokio::test]
async fn workers_that_start_at_the_same_time_make_the_tables_once() {
    let Some(database) = database().await else { return };
    let opened = join_all((0..6).map(|_| MySqlStore::connect(database.url()))).await;
    let opened: Vec<MySqlStore> = opened.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(opened[5].checkpoints(&"merchant".into()).await.unwrap().is_empty());
    database.drop().await.unwrap();
}

#[tokio::test]
async fn an_order_queued_in_the_hosts_transaction_comes_and_goes_with_it() {
    let Some(database) = database().await else { return };
    let store = MySqlStore::connect(database.url()).await.unwrap();
    let mut host = host(&database).await;
    let merchant = ConnectionId::from("merchant");
    let order = Order::new("1", "Straße", OrderKind::Pickup, DateTime::UNIX_EPOCH);

    let statement = MySqlStore::enqueue_statement(&merchant, &order, DateTime::UNIX_EPOCH).unwrap();
    let mut transaction = host.start_transaction(TxOpts::default()).await.unwrap();
    transaction.exec_drop(&statement.text, params(&statement.values)).await.unwrap();
    assert_eq!(transaction.affected_rows(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap(), None);

    let mut transaction = host.start_transaction(TxOpts::default()).await.unwrap();
    transaction.exec_drop(&statement.text, params(&statement.values)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap().unwrap().order, order);
    host.exec_drop(&statement.text, params(&statement.values)).await.unwrap();
    assert_eq!(host.affected_rows(), 0, "it is queued once");
    database.drop().await.unwrap();
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_not_cut() {
    let Some(database) = database().await else { return };
    let store = MySqlStore::connect(database.url()).await.unwrap();
    let order = Order::new("n".repeat(600), "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
    let refused = store.enqueue(&"merchant".into(), &order, DateTime::UNIX_EPOCH).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid, "{refused}");
    database.drop().await.unwrap();
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let Some(database) = database().await else { return };
    MySqlStore::connect(database.url()).await.unwrap();
    host(&database).await.query_drop("INSERT INTO mplus_schema VALUES (99, 99)").await.unwrap();
    let refused = MySqlStore::connect(database.url()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.to_string().contains("version 99"), "{refused}");
    database.drop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_no_password_is_shown() {
    let error = MySqlStore::connect("mysql://someone:hunter2@127.0.0.1:1/nowhere").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let odd = MySqlStore::connect("mysql://someone:hunter2@host:port:port").await.unwrap_err();
    assert_eq!(odd.kind(), StoreErrorKind::Invalid);
    for shown in [error.to_string(), format!("{error:?}"), odd.to_string(), format!("{odd:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
