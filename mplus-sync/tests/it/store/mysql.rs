//! The store in MySQL or MariaDB. Needs `MPLUS_TEST_MYSQL`, the URL of a database on a server on which databases may be made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use mplus_sync::model::{Connection, ConnectionId, Order, OrderKind};
use mplus_sync::store::{
    CheckpointStore, ConnectionStore, MySqlOptions, MySqlStore, OrderOutbox, RunStore, SqlValue, Store,
    StoreError, StoreErrorKind,
};
use mplus_sync::testkit::MySqlDatabase;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params, TxOpts, Value};
use tokio::sync::Mutex;

use super::server::{Server, tests_on};

/// A database of its own; none, with a line that says so, when there is no server to test with.
pub(crate) async fn database() -> Option<MySqlDatabase> {
    let Ok(url) = std::env::var("MPLUS_TEST_MYSQL") else {
        eprintln!("skipped: MPLUS_TEST_MYSQL names no database");
        return None;
    };
    Some(MySqlDatabase::create(&url).await.expect("MPLUS_TEST_MYSQL works"))
}

async fn host(url: &str) -> Conn {
    Conn::new(Opts::from_url(url).unwrap()).await.unwrap()
}

fn params(values: &[SqlValue]) -> Params {
    let value = |value: &SqlValue| match value {
        SqlValue::Null => Value::NULL,
        SqlValue::Integer(number) => Value::Int(*number),
        SqlValue::Text(text) => Value::Bytes(text.clone().into_bytes()),
    };
    Params::Positional(values.iter().map(value).collect())
}

struct MySqlServer {
    database: Mutex<MySqlDatabase>,
    url: String,
}

#[async_trait]
impl Server for MySqlServer {
    const NAME: &'static str = "mysql";
    const NUMBERS: &'static str = "(SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n \
         FROM digits AS a, digits AS b, digits AS c, digits AS e, \
         (SELECT d FROM digits UNION ALL SELECT 10 UNION ALL SELECT 11) AS f) AS numbers";
    const NAME_OF: (&'static str, &'static str) = ("CONCAT('m', ", ")");
    const TEXT_OF: (&'static str, &'static str) = ("CAST(", " AS CHAR)");

    async fn begin() -> Option<Self> {
        let database = database().await?;
        let url = database.url().to_owned();
        // What the database counts with: it has no series.
        let mut host = host(&url).await;
        host.query_drop("CREATE TABLE digits (d BIGINT NOT NULL)").await.unwrap();
        host.query_drop("INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
            .await
            .unwrap();
        Some(Self { database: Mutex::new(database), url })
    }

    fn url(&self) -> &str {
        &self.url
    }

    async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(MySqlStore::connect(url).await?))
    }

    async fn run(&self, sql: &str) -> u64 {
        let mut host = host(&self.url).await;
        host.query_drop(sql.replacen("ANALYZE ", "ANALYZE TABLE ", 1)).await.unwrap();
        host.affected_rows()
    }

    async fn empty(&self) -> Result<(), StoreError> {
        self.database.lock().await.empty().await
    }

    async fn end(self) {
        self.database.into_inner().drop().await.unwrap();
    }
}

tests_on!(
    MySqlServer,
    nowhere: "mysql://someone:hunter2@127.0.0.1:1/nowhere",
    odd: "mysql://someone:hunter2@host:port:port"
);

#[tokio::test]
async fn an_order_queued_in_the_hosts_transaction_comes_and_goes_with_it() {
    let Some(database) = database().await else { return };
    let store = MySqlStore::connect(database.url()).await.unwrap();
    let mut host = host(database.url()).await;
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

/// Somebody outside holds what a statement needs; whoever gave up waiting for it leaves nothing behind that others wait for.
#[tokio::test]
async fn what_waits_for_a_table_that_somebody_locked_holds_up_nobody_else_and_is_given_up() {
    let Some(database) = database().await else { return };
    let mut options = MySqlOptions::new(database.url());
    options.connections = 2;
    let store = MySqlStore::open(options).await.unwrap();
    let (mut holder, mut watcher) = (host(database.url()).await, host(database.url()).await);
    let (merchant, now) = (ConnectionId::from("merchant"), DateTime::UNIX_EPOCH);
    let mut record = Connection::new("merchant", "Resto", "pos.example", 1, now);
    record.revision = store.save_connection(&record).await.unwrap();

    holder.query_drop("LOCK TABLES mplus_connections WRITE").await.unwrap();
    let soon = Duration::from_millis(300);
    for _ in 0..3 {
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
    let waiting = "SELECT count(*) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND state LIKE '%metadata lock%'";
    let given_up = async {
        while watcher.query_first::<u64, _>(waiting).await.unwrap() != Some(0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_up).await.expect("the server gives it up");
    holder.query_drop("UNLOCK TABLES").await.unwrap();
    assert_eq!(store.connection(&merchant).await.unwrap().unwrap().revision, record.revision);
    drop(store);
    database.drop().await.unwrap();
}
