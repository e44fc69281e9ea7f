//! The store in Postgres. Needs `MPLUS_TEST_POSTGRES`, the URL of a database in which schemas and roles may be made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use futures_util::FutureExt;
use mplus_sync::model::{Checkpoint, Connection, ConnectionId, Marker, Order, OrderKind, Resource};
use mplus_sync::store::{
    CatalogChunk, CatalogStore, CheckpointStore, ClaimRequest, ConnectionStore, OrderOutbox, PostgresOptions,
    PostgresStore, RunStore, SqlValue, Store, StoreError, StoreErrorKind,
};
use mplus_sync::testkit::PostgresSchema;
use tokio_postgres::NoTls;

use super::server::{Server, tests_on};

/// A schema of its own; none, with a line that says so, when there is no database to test with.
pub(crate) async fn schema() -> Option<PostgresSchema> {
    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else {
        eprintln!("skipped: MPLUS_TEST_POSTGRES names no database");
        return None;
    };
    Some(PostgresSchema::create(&url).await.expect("MPLUS_TEST_POSTGRES works"))
}

/// A client of the host's own.
async fn host(schema: &PostgresSchema) -> tokio_postgres::Client {
    let (host, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    host
}

#[async_trait]
impl Server for PostgresSchema {
    const NAME: &'static str = "postgres";
    const NUMBERS: &'static str = "generate_series(1, 120000) AS n";
    const NAME_OF: (&'static str, &'static str) = ("'m' || (", ")");
    const TEXT_OF: (&'static str, &'static str) = ("(", ")::text");

    async fn begin() -> Option<Self> {
        schema().await
    }

    fn url(&self) -> &str {
        self.url()
    }

    async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(PostgresStore::connect(url).await?))
    }

    async fn run(&self, sql: &str) -> u64 {
        host(self).await.execute(sql, &[]).await.unwrap()
    }

    async fn empty(&self) -> Result<(), StoreError> {
        self.empty().await
    }

    async fn end(self) {
        self.drop().await.unwrap();
    }
}

tests_on!(
    PostgresSchema,
    nowhere: "postgres://someone:hunter2@127.0.0.1:1/nothing",
    odd: "postgres://someone:hunter2@host:port:port"
);

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
    let mut host = host(&schema).await;
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
async fn a_role_that_may_not_make_tables_is_enough_once_they_are_there() {
    let Some(schema) = schema().await else { return };
    let host = host(&schema).await;
    let name: String = host.query_one("SELECT current_schema()::text", &[]).await.unwrap().get(0);
    // Roles are the whole server's.
    let role = format!("{name}_worker");
    host.batch_execute(&format!("CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}")).await.unwrap();
    let url = format!("{}%20-crole%3D{role}", schema.url());
    let refused = PostgresStore::connect(&url).await.unwrap_err();
    PostgresStore::connect(schema.url()).await.unwrap();
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {role}");
    host.batch_execute(&grant).await.unwrap();

    let store = PostgresStore::connect(&url).await.unwrap();
    let (merchant, now) = (ConnectionId::from("merchant"), DateTime::UNIX_EPOCH);
    store.enqueue(&merchant, &Order::new("1", "city", OrderKind::Pickup, now), now).await.unwrap();
    let claimed = store.claim(&ClaimRequest::new("w".into(), 4, now), now).await.unwrap();
    schema.drop().await.unwrap();
    host.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(refused.kind(), StoreErrorKind::Invalid, "there are none to begin with: {refused}");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

/// Somebody outside holds what a statement needs; whoever gave up waiting for it leaves nothing behind that others wait for.
#[tokio::test]
async fn what_waits_for_a_row_that_somebody_locked_holds_up_nobody_else_once_it_was_given_up() {
    let Some(schema) = schema().await else { return };
    let name = format!("gives_up_{}", std::process::id());
    let mut options = PostgresOptions::new(format!("{}&application_name={name}", schema.url()));
    options.connections = 2;
    let store = PostgresStore::open(options).await.unwrap();
    let (mut holder, watcher) = (host(&schema).await, host(&schema).await);
    let (merchant, now) = (ConnectionId::from("merchant"), DateTime::UNIX_EPOCH);
    let order = |number: &str| Order::new(number, "city", OrderKind::Pickup, now);
    let mut record = Connection::new("merchant", "Resto", "pos.example", 1, now);
    record.revision = store.save_connection(&record).await.unwrap();
    store.enqueue(&merchant, &order("1"), now).await.unwrap();

    let transaction = holder.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE mplus_outbox, mplus_connections").await.unwrap();
    let soon = Duration::from_millis(300);
    for number in ["1", "2", "3"] {
        let queued = tokio::time::timeout(soon, store.enqueue(&merchant, &order(number), now)).await;
        assert!(queued.is_err(), "it is locked");
        let read = tokio::time::timeout(soon, store.connection(&merchant)).await;
        assert!(read.is_err(), "it is locked");
        let written = tokio::time::timeout(soon, store.save_connection(&record)).await;
        assert!(written.is_err(), "it is locked");
    }
    // All connections of the pool waited.
    let others = async {
        store.checkpoints(&"other".into()).await.unwrap();
        store.runs(&"other".into()).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(30), others).await.expect("others go on");
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";
    let given_up = async {
        while watcher.query_one(waiting, &[&name]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), given_up).await.expect("the database gives it up");
    transaction.rollback().await.unwrap();
    assert_eq!(store.entry(&merchant, &"2".into()).await.unwrap(), None);
    assert_eq!(store.connection(&merchant).await.unwrap().unwrap().revision, record.revision);
    drop(store);
    schema.drop().await.unwrap();
}
