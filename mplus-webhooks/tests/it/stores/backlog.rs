//! Thousands of one merchant's events are due, and everybody else's come in turn.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_webhooks::inbox::{Entry, EntryState, InboxStore as _};
use mplus_webhooks::testkit::conformance::sample_entry;
use mplus_webhooks::{MerchantId, SqliteStore, Store};

const BACKLOG: i64 = 3000;

fn due_at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn retrying(merchant: &str, id: &str, second: i64) -> Entry {
    let mut entry = sample_entry(merchant, id);
    (entry.state, entry.due_at) = (EntryState::Retrying, Some(due_at(second)));
    entry
}

/// One row, and as many like it as there are, each a second later.
async fn pile_up(path: &std::path::Path, store: &SqliteStore, merchant: &str) {
    let first = retrying(merchant, "first", 0);
    store.insert_entry(&first).await.unwrap();
    let copy = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?2)
        INSERT INTO mplus_webhook_entry (id, merchant, subscription, event, body, body_digest, state, attempts, progress,
            received_at, due_at, version)
        SELECT id || n, merchant, subscription, event, body, body_digest || n, state, attempts, progress, received_at,
            due_at + n * 1000000, version
        FROM mplus_webhook_entry JOIN number WHERE id = ?1";
    let connection = rusqlite::Connection::open(path).unwrap();
    assert_eq!(
        connection.execute(copy, rusqlite::params![first.id.as_str(), BACKLOG]).unwrap(),
        usize::try_from(BACKLOG).unwrap()
    );
}

#[tokio::test]
async fn merchants_with_thousands_of_due_events_keep_nobody_waiting_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    for merchant in ["many", "also many"] {
        pile_up(&path, &store, merchant).await;
    }
    for second in [9000, 9001] {
        store.insert_entry(&retrying("few", &second.to_string(), second)).await.unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(store);
    let due = async |except: &[MerchantId], per_merchant, limit| {
        let due = store.due_entries(due_at(10_000), except, per_merchant, limit).await.unwrap();
        due.into_iter()
            .map(|entry| {
                assert!(entry.body.is_some());
                (entry.merchant.to_string(), (entry.due_at.unwrap() - due_at(0)).num_seconds())
            })
            .collect::<Vec<_>>()
    };
    let of = |merchant: &str, second| (merchant.to_owned(), second);
    let mut first = due(&[], 2, 3).await;
    // Two are due at the same moment.
    first.sort();
    assert_eq!(first, [of("also many", 0), of("few", 9000), of("many", 0)]);
    let all = due(&[], 2, 32).await;
    assert_eq!(all.len(), 6, "of everybody as many as may be: {all:?}");
    let others = due(&[MerchantId::new("many"), MerchantId::new("few")], 4, 32).await;
    let expected: Vec<_> = (0..4).map(|second| of("also many", second)).collect();
    assert_eq!(others, expected);
}

#[tokio::test]
async fn due_events_that_cannot_be_read_keep_their_merchant_and_others_waiting_for_one_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    for second in 0..4 {
        store.insert_entry(&retrying("newer", &second.to_string(), second)).await.unwrap();
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    // As a later release leaves them.
    assert_eq!(connection.execute("UPDATE mplus_webhook_entry SET progress = 9", []).unwrap(), 4);
    store.insert_entry(&retrying("newer", "readable", 100)).await.unwrap();
    store.insert_entry(&retrying("other", "readable", 101)).await.unwrap();
    let due = async |second| {
        let due = store.due_entries(due_at(second), &[], 2, 2).await.unwrap();
        due.into_iter().map(|entry| entry.merchant.to_string()).collect::<Vec<_>>()
    };
    for _ in 0..4 {
        assert_eq!(due(1000).await, ["other"], "one of them is met in each look");
    }
    assert_eq!(due(1000).await, ["newer", "other"]);
    // They are looked at again, by a release that may know them.
    connection.execute("UPDATE mplus_webhook_entry SET progress = 0", []).unwrap();
    assert_eq!(store.due_entries(due_at(10_000), &[], 9, 9).await.unwrap().len(), 6);
}
