//! The store in Postgres. Needs `MPLUS_TEST_POSTGRES`, the URL of a database in which schemas may be made.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use futures_util::FutureExt;
use futures_util::future::join_all;
use mplus_sync::model::{Checkpoint, ConnectionId, Marker, Order, OrderKind, Resource};
use mplus_sync::store::{
    CatalogChunk, CatalogStore, CheckpointStore, OrderOutbox, PostgresStore, SqlValue, Store, StoreError,
    StoreErrorKind, Wake, WakeUp,
};
use mplus_sync::testkit::PostgresSchema;
use mplus_sync::testkit::conformance::{self, Spoil, StoreFactory};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tokio::sync::Mutex;
use tokio_postgres::NoTls;

use super::agreement;

/// A schema of its own; none, with a line that says so, when there is no database to test with.
pub(crate) async fn schema() -> Option<PostgresSchema> {
    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else {
        eprintln!("skipped: MPLUS_TEST_POSTGRES names no database");
        return None;
    };
    Some(PostgresSchema::create(&url).await.expect("MPLUS_TEST_POSTGRES works"))
}

/// One schema, emptied for each behaviour: they come one after the other.
struct PostgresStores {
    schema: PostgresSchema,
    last: Mutex<String>,
}

#[async_trait]
impl StoreFactory for PostgresStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let store = PostgresStore::connect(self.schema.url()).await?;
        let mut last = self.last.lock().await;
        if *last != name {
            *last = name.to_owned();
            self.schema.empty().await?;
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

impl PostgresStores {
    async fn change(&self, row: &Spoil, texts: [(&str, &str); 2]) {
        let (table, key, id) = super::spoiled(row);
        let (client, connection) = tokio_postgres::connect(self.schema.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        for (from, to) in texts {
            let sql = format!(
                "UPDATE {table} SET body = replace(body, $1, $2) WHERE connection = 'merchant' AND {key} = $3"
            );
            assert_eq!(client.execute(&sql, &[&from, &to, &id]).await.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn the_store_in_postgres_shows_every_behaviour() {
    let Some(schema) = schema().await else { return };
    let stores = PostgresStores { schema, last: Mutex::default() };
    let report = conformance::run(&stores).await;
    stores.schema.drop().await.unwrap();
    assert!(report.is_met(), "{report}");
}

/// Runs a property on an emptied schema for each of its cases.
fn for_each_case<S: Strategy>(steps: S, property: impl AsyncFn(&dyn Store, S::Value)) {
    agreement::block_on(async {
        let Some(schema) = schema().await else { return };
        let store = PostgresStore::connect(schema.url()).await.unwrap();
        let mut runner = TestRunner::deterministic();
        for _ in 0..12 {
            schema.empty().await.unwrap();
            property(&store, steps.new_tree(&mut runner).unwrap().current()).await;
        }
        schema.drop().await.unwrap();
    });
}

#[test]
fn the_outbox_in_postgres_answers_as_the_one_in_memory() {
    for_each_case(agreement::order_steps(), agreement::orders_agree);
}

#[test]
fn the_menu_in_postgres_answers_as_the_one_in_memory() {
    for_each_case(agreement::item_steps(), agreement::items_agree);
}

#[tokio::test]
async fn workers_that_start_at_the_same_time_make_the_tables_once() {
    let Some(schema) = schema().await else { return };
    let opened = join_all((0..6).map(|_| PostgresStore::connect(schema.url()))).await;
    let opened: Vec<PostgresStore> = opened.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(opened[5].checkpoints(&"merchant".into()).await.unwrap().is_empty());
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn a_chunk_is_written_while_its_caller_does_something_else() {
    let Some(schema) = schema().await else { return };
    let store = PostgresStore::connect(schema.url()).await.unwrap();
    let merchant = ConnectionId::from("merchant");
    let checkpoints = vec![Checkpoint::new(Resource::ARTICLES, Marker::new(7))];
    let chunk = CatalogChunk { checkpoints: checkpoints.clone(), ..CatalogChunk::default() };
    // Begun, and not looked at again.
    let mut writing = store.apply(&merchant, chunk);
    assert!((&mut writing).now_or_never().is_none());
    let mut looks = 0;
    while store.checkpoints(&merchant).await.unwrap() != checkpoints {
        looks += 1;
        assert!(looks < 10_000, "it is not written");
    }
    writing.await.unwrap();
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn an_order_queued_in_the_hosts_transaction_comes_and_goes_with_it() {
    let Some(schema) = schema().await else { return };
    let store = PostgresStore::connect(schema.url()).await.unwrap();
    let (mut host, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let merchant = ConnectionId::from("merchant");
    let order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);

    // Any driver will do: the statement is data.
    let statement = PostgresStore::enqueue_statement(&merchant, &order, DateTime::UNIX_EPOCH).unwrap();
    let values: Vec<Box<dyn tokio_postgres::types::ToSql + Sync + Send>> = statement
        .values
        .iter()
        .map(|value| match value {
            SqlValue::Null => Box::new(None::<String>) as Box<dyn tokio_postgres::types::ToSql + Sync + Send>,
            SqlValue::Integer(number) => Box::new(*number),
            SqlValue::Text(text) => Box::new(text.clone()),
        })
        .collect();
    let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
        values.iter().map(|value| &**value as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
    let transaction = host.transaction().await.unwrap();
    assert_eq!(transaction.execute(statement.text.as_str(), &values).await.unwrap(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap(), None);

    let transaction = host.transaction().await.unwrap();
    transaction.execute(statement.text.as_str(), &values).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.entry(&merchant, &order.number).await.unwrap().unwrap().order, order);
    assert_eq!(host.execute(statement.text.as_str(), &values).await.unwrap(), 0, "it is queued once");
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let Some(schema) = schema().await else { return };
    PostgresStore::connect(schema.url()).await.unwrap();
    let (host, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    host.batch_execute("INSERT INTO mplus_schema VALUES (99, 99)").await.unwrap();
    let refused = PostgresStore::connect(schema.url()).await.unwrap_err();
    schema.drop().await.unwrap();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.to_string().contains("version 99"), "{refused}");
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

#[tokio::test]
async fn processes_hear_of_each_others_work() {
    let Some(schema) = schema().await else { return };
    let one = PostgresStore::connect(schema.url()).await.unwrap();
    let other = PostgresStore::connect(schema.url()).await.unwrap();
    let mut listener = other.listen();
    let merchant = ConnectionId::from("merchant");
    let mut number = 0;
    // The other one may not listen yet: nothing depends on the first call.
    let heard = async {
        loop {
            number += 1;
            let order = Order::new(number.to_string(), "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
            one.enqueue(&merchant, &order, DateTime::UNIX_EPOCH).await.unwrap();
            let wait =
                tokio::time::timeout(std::time::Duration::from_millis(300), listener.heard(&[Wake::Orders]));
            if wait.await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), heard).await.expect("it hears");
    schema.drop().await.unwrap();
}
