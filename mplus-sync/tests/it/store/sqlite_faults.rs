//! What goes wrong with a SQLite file: it cannot grow, may not be written, is damaged, or is another process's for a while. Each
//! is a clear error that loses nothing, and ends with its cause.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::model::{ConnectionId, Order, OrderKind, OutboxStateKind};
use mplus_sync::store::{ClaimRequest, OrderOutbox, SqliteStore, StoreError, StoreErrorKind};

fn merchant() -> ConnectionId {
    ConnectionId::from("merchant")
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn order(number: usize) -> Order {
    Order::new(number.to_string(), "city", OrderKind::Pickup, now())
}

/// A file with one order that no process has open, made by a backup.
async fn file(directory: &Path) -> PathBuf {
    let (first, path) = (directory.join("first.db"), directory.join("host.db"));
    let store = SqliteStore::open(&first).await.unwrap();
    store.enqueue(&merchant(), &order(1), now()).await.unwrap();
    let host = rusqlite::Connection::open(&first).unwrap();
    host.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    path
}

/// Opens a file and queues an order.
async fn queue(path: &Path, number: usize) -> Result<(), StoreError> {
    SqliteStore::open(path).await?.enqueue(&merchant(), &order(number), now()).await.map(drop)
}

async fn waiting(path: &Path) -> u64 {
    let store = SqliteStore::open(path).await.unwrap();
    store.counts(&merchant()).await.unwrap().get(&OutboxStateKind::Waiting).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_file_that_may_not_be_written_says_so_and_works_once_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path()).await;
    // The write version in its header: one that SQLite does not know makes the file one to be read only, whoever opens it.
    let set = |version: u8| {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[18] = version;
        std::fs::write(&path, bytes).unwrap();
    };
    set(3);
    let error = queue(&path, 2).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("readonly"), "{error}");
    set(1);
    queue(&path, 2).await.unwrap();
    assert_eq!(waiting(&path).await, 2);
}

#[tokio::test]
async fn a_damaged_file_is_corrupt_and_is_replaced_by_its_backup() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path()).await;
    let backup = std::fs::read(&path).unwrap();
    let page = 4096;
    let overwritten: Vec<u8> =
        backup.iter().take(page).copied().chain(vec![0xA5; backup.len() - page]).collect();
    let cut = backup[..backup.len() / 2].to_vec();
    for damaged in [overwritten, cut] {
        std::fs::write(&path, damaged).unwrap();
        let error = queue(&path, 2).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    }
    let restored = directory.path().join("restored.db");
    std::fs::write(&restored, backup).unwrap();
    queue(&restored, 2).await.unwrap();
    assert_eq!(waiting(&restored).await, 2);
}

#[tokio::test]
async fn while_another_process_keeps_the_file_to_itself_it_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path()).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.enqueue(&merchant(), &order(2), now()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable(), "{error}");
    // Reading goes on.
    assert!(store.entry(&merchant(), &"1".into()).await.unwrap().is_some());
    other.execute_batch("ROLLBACK").unwrap();
    store.enqueue(&merchant(), &order(2), now()).await.unwrap();
    let request = ClaimRequest::new("w".into(), 9, now() + TimeDelta::minutes(5));
    assert_eq!(store.claim(&request, now()).await.unwrap().len(), 2);
}
