//! The dump of the first schema, with rows of a merchant at work: every later release opens it and goes on from what is there.
//!
//! A released dump is never changed. Until the first release it is written anew when the tables change:
//! `MPLUS_WRITE_FIXTURES=1 cargo test -p mplus-webhooks --all-features first_schema`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryState, Progress, StoredReply};
use mplus_webhooks::payment::{
    Creation, Payment, PaymentInput, PaymentKey, PaymentState, ProviderNews, ProviderStatus,
};
use mplus_webhooks::testkit::conformance::{sample_entry, sample_payment};
use mplus_webhooks::{MerchantId, MysqlStore, PostgresStore, SqliteStore, Store};
use mysql_async::prelude::Queryable as _;
use rust_decimal::Decimal;

use super::{mysql, postgres};

const MERCHANT: &str = "leeuw";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1")
}

/// The statements of a file, which ends each of them in its own way.
fn statements(file: &str, end: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    text.split(end).map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

fn tables(database: &str) -> Vec<String> {
    statements(&format!("{database}.sql"), ";\n")
}

fn rows() -> Vec<String> {
    statements("rows.sql", "\n")
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

fn key(id: &str) -> PaymentKey {
    PaymentKey::new(MerchantId::new(MERCHANT), id)
}

/// One sale that was worked off, one that is tried again, a dead letter that the host does not know of, and one of which the
/// identity is left.
fn entries() -> [Entry; 4] {
    let [mut done, mut retrying, mut dead, mut forgotten] =
        ["done", "retrying", "dead", "forgotten"].map(|id| sample_entry(MERCHANT, id));
    let ended = Some(done.received_at + seconds(2));
    (done.state, done.due_at, done.ended_at) = (EntryState::Done, None, ended);
    done.reply = Some(StoredReply { status: 200, body: "{\"é\":'1'}".into() });
    (done.progress, done.version) = (Progress::Answered, 1);
    (retrying.state, retrying.attempts, retrying.progress) = (EntryState::Retrying, 3, Progress::Recorded);
    (retrying.due_at, retrying.version) = (Some(retrying.received_at + seconds(100)), 5);
    retrying.last_error = Some("the table \\ is 'locked'".to_owned());
    (dead.state, dead.untold, dead.ended_at) = (EntryState::Dead, Some(2), ended);
    dead.due_at = Some(dead.received_at + seconds(120));
    (forgotten.state, forgotten.body, forgotten.due_at) = (EntryState::Forgotten, None, None);
    (forgotten.owner, forgotten.ended_at) = (None, ended);
    [done, retrying, dead, forgotten]
}

/// One that the customer is about to pay, and one that was paid, of which the host was not told yet.
fn payments() -> [Payment; 2] {
    let applied = |payment: &Payment, status, reference: &str| {
        let news = ProviderNews::new(status).with_reference(reference);
        payment.apply(PaymentInput::Provider(status), Some(&news)).0.unwrap()
    };
    let [open, paid] = ["open", "paid"].map(|id| sample_payment(MERCHANT, id, Decimal::new(1250, 2)));
    let open = applied(&open, ProviderStatus::Pending, "ref-open");
    let paid = applied(&paid, ProviderStatus::Captured(Decimal::new(1350, 2)), "ref-paid");
    [open, paid]
}

/// This release goes on from what the dump has.
async fn goes_on(store: Arc<dyn Store>) {
    let expected = entries();
    for entry in &expected {
        assert_eq!(store.entry(&entry.id).await.unwrap().as_ref(), Some(entry));
        // A repeat of any of them is known.
        assert_eq!(store.insert_entry(entry).await.unwrap().as_ref(), Some(entry));
    }
    let [_, retrying, dead, _] = expected;
    let mut due = store.due_entries(retrying.received_at + seconds(200), &[], 9, 9).await.unwrap();
    due.sort_by_key(|entry| entry.due_at);
    assert_eq!(due, [retrying.clone(), dead]);
    let mut done = retrying.clone();
    (done.state, done.due_at, done.version) = (EntryState::Done, None, retrying.version + 1);
    done.ended_at = Some(retrying.received_at + seconds(200));
    assert!(store.replace_entry(&done).await.unwrap());
    assert!(!store.replace_entry(&done).await.unwrap(), "the version counts");

    let [open, paid] = payments();
    for payment in [&open, &paid] {
        assert_eq!(store.payment(&payment.key).await.unwrap().as_deref(), Some(payment));
    }
    let known = store.payment(&key("open")).await.unwrap().unwrap();
    assert_eq!((known.state, known.creation), (PaymentState::Pending, Creation::Known));
    let found = store.payments_by_reference("manual", "", "ref-paid").await.unwrap();
    assert_eq!((found.len(), found[0].final_amount), (1, Some(Decimal::new(1350, 2))));
    let now = open.refresh_at + seconds(60);
    let due = store.claim_payments(now, now + seconds(60), 9).await.unwrap();
    assert_eq!(due.len(), 2, "{due:?}");

    // What is written now stands beside it.
    let next = sample_entry(MERCHANT, "next");
    assert_eq!(store.insert_entry(&next).await.unwrap(), None);
    assert_eq!(store.list_entries(&EntryFilter::default()).await.unwrap().len(), 4);
    let next = sample_payment(MERCHANT, "next", Decimal::ONE);
    assert_eq!(store.insert_payment(&next).await.unwrap(), None);
}

#[tokio::test]
async fn this_release_goes_on_from_the_first_schema_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    if std::env::var_os("MPLUS_WRITE_FIXTURES").is_some() {
        write_rows(&folder.path().join("new.sqlite")).await;
    }
    let path = folder.path().join("webhooks.sqlite");
    let host = rusqlite::Connection::open(&path).unwrap();
    for statement in tables("sqlite").iter().chain(&rows()) {
        host.execute(statement, []).unwrap();
    }
    drop(host);
    goes_on(Arc::new(SqliteStore::open(&path).unwrap())).await;
}

#[tokio::test]
async fn this_release_goes_on_from_the_first_schema_on_postgres() {
    let Some(url) = postgres("first_schema").await else { return };
    let (host, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for statement in tables("postgres").iter().chain(&rows()) {
        host.batch_execute(&statement.replace("X'", r"'\x")).await.unwrap();
    }
    goes_on(Arc::new(PostgresStore::connect(&url).await.unwrap())).await;
}

#[tokio::test]
async fn this_release_goes_on_from_the_first_schema_on_mysql() {
    let Some(url) = mysql("first_schema").await else { return };
    let pool = mysql_async::Pool::new(&*url);
    let mut host = pool.get_conn().await.unwrap();
    for statement in tables("mysql").iter().chain(&rows()) {
        // MySQL reads a backslash in a text as the beginning of an escape.
        host.query_drop(statement.replace('\\', r"\\")).await.unwrap();
    }
    drop(host);
    pool.disconnect().await.unwrap();
    goes_on(Arc::new(MysqlStore::connect(&url).await.unwrap())).await;
}

/// Dumps the rows of a new database as statements that every database reads, but for the bytes: `X'00'`.
async fn write_rows(path: &Path) {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path).unwrap());
    for entry in entries() {
        store.insert_entry(&entry).await.unwrap();
    }
    for payment in payments() {
        store.insert_payment(&payment).await.unwrap();
    }
    let host = rusqlite::Connection::open(path).unwrap();
    let tables =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'mplus_webhook_%' ORDER BY name";
    let mut tables = host.prepare(tables).unwrap();
    let mut dump = String::new();
    for table in tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap) {
        let mut rows = host.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let (names, count) = (rows.column_names().join(", "), rows.column_count());
        let row = |row: &rusqlite::Row<'_>| {
            (0..count).map(|at| Ok(literal(row.get(at)?))).collect::<Result<Vec<_>, _>>()
        };
        for values in rows.query_map([], row).unwrap() {
            dump += &format!("INSERT INTO {table} ({names}) VALUES ({})\n", values.unwrap().join(", "));
        }
    }
    std::fs::write(folder().join("rows.sql"), dump).unwrap();
}

fn literal(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Null => "NULL".to_owned(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        rusqlite::types::Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("X'{digits}'")
        }
        rusqlite::types::Value::Real(number) => unreachable!("no such value is stored: {number}"),
    }
}
