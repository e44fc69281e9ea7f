//! The dump of the first schema, with rows of a merchant at work: every later release opens it and goes on from what is there.
//!
//! A released dump is never changed. Until the first release it is written anew when the tables change:
//! `MPLUS_WRITE_FIXTURES=1 cargo test -p mplus-sync --all-features fixture`.

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::model::{
    Activity, ActivityLevel, ArticleNumber, BranchNumber, Category, Connection, ConnectionId, Item, ItemEdit,
    Location, Order, OrderKind, OutboxStateKind, Outcome, PosOrder, RunKind, RunReason, RunRequest,
    StoredReport, StoredSettings, TableRef, Tracked,
};
use mplus_sync::store::{CatalogChunk, CatalogEdits, ClaimRequest, Page, Select, Store};

/// The folder of the dump.
pub(super) fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1")
}

fn merchant() -> ConnectionId {
    ConnectionId::from("leeuw")
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

/// Writes what the dump has.
#[cfg(feature = "sqlite")]
pub(super) async fn fill(store: &dyn Store) {
    let id = merchant();
    store
        .save_connection(&Connection::new(id.clone(), "De Gouden Leeuw", "pos.example", 1, at(0)))
        .await
        .unwrap();
    store.save_settings(&id, &StoredSettings::new(1, "{}")).await.unwrap();
    let chunk = CatalogChunk {
        categories: vec![Tracked::new(Category::new("drinks", "Dranken"))],
        items: vec![Tracked::new(Item::new("cola", "Cola")).linked(ArticleNumber::new(7))],
        ..CatalogChunk::default()
    };
    store.apply(&id, chunk).await.unwrap();
    let edit = CatalogEdits { items: vec![ItemEdit::of("cola").name("Coke")], ..CatalogEdits::default() };
    store.save_edits(&id, edit, at(1)).await.unwrap();
    let location = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
    store.apply_locations(&id, vec![location]).await.unwrap();
    let table = OrderKind::DineInPayLater { table: TableRef::whole(4), guests: None };
    for (number, kind) in [("1", OrderKind::Pickup), ("2", OrderKind::Pickup), ("3", table)] {
        store.enqueue(&id, &Order::new(number, "city", kind, at(2)), at(2)).await.unwrap();
    }
    let claimed = store.claim(&ClaimRequest::new("w".into(), 1, at(9)), at(3)).await.unwrap();
    let pos = PosOrder::with_id("x");
    store.finish(&claimed[0].claim(), Outcome::Accepted { pos }, at(4)).await.unwrap();
    store.request_run(&id, &RunKind::SYNC, RunRequest::new(RunReason::Daily, at(60))).await.unwrap();
    let report = StoredReport { at: at(5), day: Some(at(5).date_naive()), json: r#"{"menu":{}}"#.to_owned() };
    store.save_report(&id, &RunKind::SYNC, &report).await.unwrap();
    let activity = Activity {
        at: at(5),
        level: ActivityLevel::Info,
        topic: "menu".to_owned(),
        subject: None,
        message: "menu sync completed".to_owned(),
    };
    store.log(&id, &[activity]).await.unwrap();
}

/// The statements that make the dump's rows.
pub(super) fn rows() -> Vec<String> {
    let text = std::fs::read_to_string(folder().join("rows.sql")).expect("the fixture is there");
    text.lines().map(str::to_owned).collect()
}

/// The statements that make the dump's tables in one database.
pub(super) fn tables(database: &str) -> Vec<String> {
    let text =
        std::fs::read_to_string(folder().join(format!("{database}.sql"))).expect("the fixture is there");
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// This release goes on from what the dump has.
pub(super) async fn goes_on(store: &dyn Store) {
    let id = merchant();
    let connection = store.connection(&id).await.unwrap().unwrap();
    assert_eq!((connection.name.as_str(), connection.is_held()), ("De Gouden Leeuw", false));
    assert_eq!(store.settings(&id).await.unwrap().unwrap().json, "{}");
    let items = store.items(&id, Select::Edited(Page::first(9))).await.unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].record.name.as_str(), items[0].edited_at()), ("Coke", Some(at(1))));
    assert_eq!(items[0].external_ids.mpluskassa, Some(ArticleNumber::new(7)));
    assert_eq!(store.categories(&id, Select::Page(Page::first(9))).await.unwrap().len(), 1);
    assert_eq!(store.locations(&id, Select::Page(Page::first(9))).await.unwrap().len(), 1);
    let sent = store.entry(&id, &"1".into()).await.unwrap().unwrap();
    assert_eq!(sent.state.kind(), OutboxStateKind::Accepted);
    let claimed = store.claim(&ClaimRequest::new("w".into(), 9, at(29)), at(20)).await.unwrap();
    let numbers: Vec<_> = claimed.iter().map(|entry| entry.order.number.as_str()).collect();
    assert_eq!(numbers, ["2", "3"]);
    let runs = store.runs(&id).await.unwrap();
    assert_eq!((runs.len(), runs[0].due_at), (1, Some(at(60))));
    assert_eq!(store.last_day(&id, &RunKind::SYNC).await.unwrap(), Some(at(5).date_naive()));
    assert_eq!(store.activities(&id, None, 9).await.unwrap().len(), 1);
    assert!(store.unreadable(&id).await.unwrap().is_empty());
    // What is written now stands beside it.
    let next = Order::new("4", "city", OrderKind::Pickup, at(21));
    store.enqueue(&id, &next, at(21)).await.unwrap();
    let claimed = store.claim(&ClaimRequest::new("w".into(), 9, at(29)), at(22)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    store.remove_connection(&id).await.unwrap();
    assert!(store.entry(&id, &"1".into()).await.unwrap().is_none());
}
