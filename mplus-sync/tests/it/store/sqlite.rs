//! The store in a SQLite file.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use mplus_sync::model::{
    ArticleNumber, Connection, ConnectionId, Item, ItemEdit, Order, OrderKind, Outcome, PosOrder, Tracked,
};
use mplus_sync::store::{
    CatalogChunk, CatalogEdits, CatalogStore, CheckpointStore, ClaimRequest, ConnectionStore, OrderOutbox,
    SqlValue, SqliteStore, Store, StoreError, StoreErrorKind, Wake, WakeUp,
};
use mplus_sync::testkit::conformance::{self, Spoil, StoreFactory};

use super::{fixture, renamed};

struct SqliteStores(tempfile::TempDir);

impl SqliteStores {
    fn change(&self, name: &str, sql: &str) {
        let database = rusqlite::Connection::open(self.0.path().join(name)).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0);
    }
}

#[async_trait]
impl StoreFactory for SqliteStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.0.path().join(name)).await?))
    }

    async fn spoil(&self, name: &str, row: &Spoil) -> Result<bool, StoreError> {
        self.change(name, &renamed(row, false));
        Ok(true)
    }

    async fn mend(&self, name: &str, row: &Spoil) -> Result<(), StoreError> {
        self.change(name, &renamed(row, true));
        Ok(())
    }
}

#[tokio::test]
async fn the_store_in_sqlite_shows_every_behaviour() {
    let report = conformance::run(&SqliteStores(tempfile::tempdir().unwrap())).await;
    assert!(report.is_met() && report.untried.is_empty(), "{report}");
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
async fn this_release_goes_on_from_the_fixture_of_the_first_schema() {
    let directory = tempfile::tempdir().unwrap();
    if std::env::var_os("MPLUS_WRITE_FIXTURES").is_some() {
        write_rows(&directory.path().join("new.db")).await;
    }
    let path = directory.path().join("host.db");
    let host = rusqlite::Connection::open(&path).unwrap();
    for statement in fixture::tables("sqlite").iter().chain(&fixture::rows()) {
        host.execute(statement, []).unwrap();
    }
    drop(host);
    fixture::goes_on(&SqliteStore::open(&path).await.unwrap()).await;
}

/// Dumps the rows of a new database as statements that every database reads.
async fn write_rows(path: &std::path::Path) {
    fixture::fill(&SqliteStore::open(path).await.unwrap()).await;
    let host = rusqlite::Connection::open(path).unwrap();
    let tables = "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE type = 'table' AND name LIKE 'mplus_%' ORDER BY name";
    let mut dump = String::new();
    let mut tables = host.prepare(tables).unwrap();
    let tables = tables.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))).unwrap();
    for (table, counts) in tables.map(Result::unwrap) {
        let mut rows = host.prepare(&format!("SELECT * FROM {table}")).unwrap();
        // What the database counts by itself is the first column.
        let from = usize::from(counts);
        let names = rows.column_names()[from..].join(", ");
        let to = rows.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            (from..to).map(|at| Ok(literal(row.get(at)?))).collect::<Result<Vec<_>, _>>()
        };
        for values in rows.query_map([], row).unwrap() {
            dump += &format!("INSERT INTO {table} ({names}) VALUES ({})\n", values.unwrap().join(", "));
        }
    }
    std::fs::write(fixture::folder().join("rows.sql"), dump).unwrap();
}

fn literal(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        rusqlite::types::Value::Null => "NULL".to_owned(),
        other => panic!("no such value is stored: {other:?}"),
    }
}

#[tokio::test]
async fn tables_of_a_newer_release_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    drop(SqliteStore::open(&path).await.unwrap());
    drop(SqliteStore::open(&path).await.unwrap());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO mplus_schema VALUES (99, 99)", [])
        .unwrap();
    let refused = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.to_string().contains("version 99"), "{refused}");
}

#[tokio::test]
async fn beside_a_newer_release_an_older_one_loses_nothing_and_leaves_alone_what_it_cannot_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    let merchant = ConnectionId::from("merchant");
    let store = SqliteStore::open(&path).await.unwrap();
    let cola = Tracked::new(Item::new("cola", "Cola")).linked(ArticleNumber::new(7));
    store.apply(&merchant, CatalogChunk { items: vec![cola], ..CatalogChunk::default() }).await.unwrap();
    let now = DateTime::UNIX_EPOCH;
    let mut connection = Connection::new("merchant", "Resto", "pos.example", 1, now);
    connection.revision = store.save_connection(&connection).await.unwrap();
    for number in ["1", "2", "3", "4"] {
        let order = Order::new(number, "city", OrderKind::Pickup, now);
        store.enqueue(&merchant, &order, now).await.unwrap();
    }
    // The newer one migrates, and writes one more field everywhere and one more kind of order.
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer
        .execute_batch(
            "INSERT INTO mplus_schema VALUES (2, 1); \
             UPDATE mplus_items SET body = replace(body, '{\"v\":1,', '{\"v\":2,\"glow\":{\"colour\":\"red\"},'); \
             UPDATE mplus_connections SET body = replace(body, '{\"v\":1,', '{\"v\":2,\"glow\":1,'); \
             UPDATE mplus_outbox SET progress = replace(progress, '{\"v\":1,', '{\"v\":2,\"glow\":1,'), \
                 body = replace(body, '{\"v\":1,', '{\"v\":2,\"reads\":1,\"glow\":1,'); \
             UPDATE mplus_outbox SET body = replace(body, '\"reads\":1,', '') WHERE number = '4'; \
             UPDATE mplus_outbox SET body = replace(body, '\"pickup\"', '\"drive_through\"') WHERE number = '1';",
        )
        .unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let edit = CatalogEdits { items: vec![ItemEdit::of("cola").name("Coke")], ..CatalogEdits::default() };
    store.save_edits(&merchant, edit, now).await.unwrap();
    let mut known = store.connection(&merchant).await.unwrap().unwrap();
    known.last_sync_at = Some(now);
    store.save_connection(&known).await.unwrap();
    let claim = ClaimRequest::new("w".into(), 5, now + chrono::TimeDelta::minutes(1));
    let claimed = store.claim(&claim, now).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let pos = PosOrder::with_id("x");
    store.finish(&claimed[0].claim(), Outcome::Accepted { pos }, now).await.unwrap();
    let text = |sql: &str| newer.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    for table in ["mplus_items", "mplus_connections"] {
        let body = text(&format!("SELECT body FROM {table}"));
        assert!(body.contains("\"glow\":") && body.contains("\"v\":2"), "{body}");
    }
    let progress = text("SELECT progress FROM mplus_outbox WHERE number = '2'");
    assert!(progress.contains("\"glow\":1") && progress.contains("accepted"), "{progress}");
    // What the older one could not read, or has something in it that it does not know, was set aside, not changed; a newer one takes
    // it up when it opens the store.
    assert_eq!(store.unreadable(&merchant).await.unwrap().len(), 2);
    newer
        .execute_batch("UPDATE mplus_outbox SET parked = 0 WHERE parked > 0; \
             UPDATE mplus_outbox SET body = replace(replace(body, 'drive_through', 'pickup'), '\"glow\":1,', '')")
        .unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.claim(&claim, now).await.unwrap().len(), 2);
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
