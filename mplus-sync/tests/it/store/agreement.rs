//! Whatever is done to them, the stores answer alike: chance picks the steps, the store in memory is the judge.

use std::fmt::Debug;
use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::model::{
    ArticleNumber, Checkpoint, Claim, ClaimedNotice, ConnectionId, Item, ItemEdit, ItemId, Marker, Order,
    OrderKind, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Outcome, PosOrder, Resource,
    SyncState, TableRef, Tracked, WorkerId,
};
use mplus_sync::store::{
    CatalogChunk, CatalogEdits, CatalogPushes, ClaimRequest, MemoryStore, NoticeRequest, Page, Pushed,
    Select, Store, StoreError,
};
use proptest::prelude::*;
use proptest::sample::Index;

fn merchant() -> ConnectionId {
    ConnectionId::from("merchant")
}

fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

/// Both answers, errors by their kind, must be the same.
fn same<T: PartialEq + Debug>(one: Result<T, StoreError>, other: Result<T, StoreError>) -> Option<T> {
    let (one, other) = (one.map_err(|error| error.kind()), other.map_err(|error| error.kind()));
    assert_eq!(one, other);
    one.ok()
}

/// Runs a test's future on a runtime of its own.
pub(super) fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[derive(Debug, Clone)]
pub(super) enum OrderStep {
    Enqueue { order: u8, other: bool },
    Claim { worker: u8, limit: usize },
    Finish { claim: Index, outcome: u8 },
    Extend { claim: Index },
    Requeue { order: u8 },
    Withdraw { order: u8 },
    Replace { order: u8, other: bool },
    Cancel { order: u8 },
    Tell { acknowledge: bool },
    Prune { kind: Index },
    Rest,
    Release,
    Wait { minutes: i64 },
}

pub(super) fn order_steps() -> impl Strategy<Value = Vec<OrderStep>> {
    let step = prop_oneof![
        3 => (0..6u8, prop::bool::weighted(0.1)).prop_map(|(order, other)| OrderStep::Enqueue { order, other }),
        4 => (0..3u8, 1..4usize).prop_map(|(worker, limit)| OrderStep::Claim { worker, limit }),
        5 => (any::<Index>(), 0..6u8).prop_map(|(claim, outcome)| OrderStep::Finish { claim, outcome }),
        1 => any::<Index>().prop_map(|claim| OrderStep::Extend { claim }),
        1 => (0..6u8).prop_map(|order| OrderStep::Requeue { order }),
        1 => (0..6u8).prop_map(|order| OrderStep::Withdraw { order }),
        1 => (0..6u8, any::<bool>()).prop_map(|(order, other)| OrderStep::Replace { order, other }),
        1 => (0..6u8).prop_map(|order| OrderStep::Cancel { order }),
        2 => any::<bool>().prop_map(|acknowledge| OrderStep::Tell { acknowledge }),
        1 => any::<Index>().prop_map(|kind| OrderStep::Prune { kind }),
        1 => Just(OrderStep::Rest),
        1 => Just(OrderStep::Release),
        3 => (1..7i64).prop_map(|minutes| OrderStep::Wait { minutes }),
    ];
    prop::collection::vec(step, 1..60)
}

/// Orders 0 to 3 are of one table.
fn order(number: u8, other: bool) -> Order {
    let table = TableRef::whole(1);
    let kind = if number < 4 { OrderKind::DineInPayLater { table, guests: None } } else { OrderKind::Pickup };
    let mut order = Order::new(format!("o{number}"), "city", kind, minute(0));
    order.skip_order_sync = other;
    order
}

fn outcome(kind: u8, now: i64) -> Outcome {
    let reason = || "reason".to_owned();
    let retry = |may_be_at_pos| Outcome::Retry { at: minute(now + 2), error: reason(), may_be_at_pos };
    match kind {
        0 => retry(false),
        1 => retry(true),
        2 => Outcome::Rejected { reason: reason() },
        3 => Outcome::NeedsAttention { reason: reason(), may_be_at_pos: true },
        _ => Outcome::Accepted { pos: PosOrder::with_id(format!("pos {kind}")) },
    }
}

/// What is compared: sequences need not be without gaps.
fn plain(entry: OutboxEntry) -> OutboxEntry {
    let mut plain = entry;
    plain.sequence = 0;
    plain
}

/// Does the same to a store and to one in memory, and holds every answer of both side by side.
pub(super) async fn orders_agree(store: &dyn Store, steps: Vec<OrderStep>) {
    let judge: &dyn Store = &MemoryStore::new();
    let mut now = 0;
    let mut claims: Vec<Claim> = Vec::new();
    let mut accepted: Vec<OutboxEntry> = Vec::new();
    for step in steps {
        match step {
            OrderStep::Wait { minutes } => now += minutes,
            OrderStep::Enqueue { order: number, other } => {
                let order = order(number, other);
                let queued = store.enqueue(&merchant(), &order, minute(now)).await;
                same(queued, judge.enqueue(&merchant(), &order, minute(now)).await);
            }
            OrderStep::Claim { worker, limit } => {
                let worker = WorkerId::from(format!("w{worker}"));
                let request = ClaimRequest::new(worker, limit, minute(now + 4));
                let plain_all =
                    |claimed: Vec<OutboxEntry>| claimed.into_iter().map(plain).collect::<Vec<_>>();
                let one = store.claim(&request, minute(now)).await.map(plain_all);
                let claimed = same(one, judge.claim(&request, minute(now)).await.map(plain_all));
                claims.extend(claimed.unwrap().iter().map(OutboxEntry::claim));
            }
            OrderStep::Finish { claim, outcome: kind } if !claims.is_empty() => {
                let claim = claim.get(&claims);
                let one = store.finish(claim, outcome(kind, now), minute(now)).await;
                same(one, judge.finish(claim, outcome(kind, now), minute(now)).await);
            }
            OrderStep::Extend { claim } if !claims.is_empty() => {
                let claim = claim.get(&claims);
                let one = store.extend_claim(claim, minute(now + 9)).await;
                same(one, judge.extend_claim(claim, minute(now + 9)).await);
            }
            OrderStep::Finish { .. } | OrderStep::Extend { .. } => {}
            OrderStep::Requeue { order } => {
                let number = OrderNumber::from(format!("o{order}"));
                let one = store.requeue(&merchant(), &number, minute(now)).await;
                same(one, judge.requeue(&merchant(), &number, minute(now)).await);
            }
            OrderStep::Withdraw { order } => {
                let number = OrderNumber::from(format!("o{order}"));
                let one = store.withdraw(&merchant(), &number, "reason", minute(now)).await;
                same(one, judge.withdraw(&merchant(), &number, "reason", minute(now)).await);
            }
            OrderStep::Replace { order: number, other } => {
                let order = order(number, other);
                let one = store.replace(&merchant(), &order, minute(now)).await;
                same(one, judge.replace(&merchant(), &order, minute(now)).await);
            }
            OrderStep::Cancel { order } => {
                let number = OrderNumber::from(format!("o{order}"));
                let one = store.mark_cancelled(&merchant(), &number, "reason", minute(now)).await;
                if same(one, judge.mark_cancelled(&merchant(), &number, "reason", minute(now)).await)
                    .is_some()
                {
                    accepted.retain(|before| before.order.number != number);
                }
            }
            OrderStep::Tell { acknowledge } => {
                let request = NoticeRequest::new(3, minute(now + 4));
                let (one, other) = (
                    store.claim_notices(&request, minute(now)).await.unwrap(),
                    judge.claim_notices(&request, minute(now)).await.unwrap(),
                );
                let told = |notices: &[ClaimedNotice]| {
                    let told =
                        |one: &ClaimedNotice| (one.notice.order.clone(), one.notice.state.clone(), one.token);
                    notices.iter().map(told).collect::<Vec<_>>()
                };
                assert_eq!(told(&one), told(&other));
                for (one, other) in one.iter().zip(&other).filter(|_| acknowledge) {
                    same(store.acknowledge(one).await, judge.acknowledge(other).await);
                }
            }
            OrderStep::Prune { kind } => {
                let ended: Vec<_> = OutboxStateKind::ALL.into_iter().filter(|kind| !kind.is_open()).collect();
                let old = [(*kind.get(&ended), minute(now - 3))];
                same(
                    store.prune_orders(&merchant(), &old).await,
                    judge.prune_orders(&merchant(), &old).await,
                );
                accepted.clear();
            }
            OrderStep::Rest => {
                let until = minute(now + 2);
                same(store.rest(&merchant(), until).await, judge.rest(&merchant(), until).await);
            }
            OrderStep::Release => {
                same(store.release_expired(minute(now)).await, judge.release_expired(minute(now)).await);
            }
        }
        let mut sending = 0;
        for number in 0..6 {
            let number = OrderNumber::from(format!("o{number}"));
            let one = store.entry(&merchant(), &number).await.map(|entry| entry.map(plain));
            let entry = same(one, judge.entry(&merchant(), &number).await.map(|entry| entry.map(plain)));
            let Some(entry) = entry.flatten() else { continue };
            let held = matches!(entry.state, OutboxState::Sending { .. }) && entry.due_at > minute(now);
            sending += usize::from(held && entry.order.table().is_some());
            if let Some(before) = accepted.iter().find(|before| before.order.number == number) {
                assert_eq!(&entry, before, "an accepted order never changes");
            } else if entry.state.kind() == OutboxStateKind::Accepted {
                accepted.push(entry);
            }
        }
        assert!(sending <= 1, "orders of a table go one after the other");
        same(store.counts(&merchant()).await, judge.counts(&merchant()).await);
    }
}

#[derive(Debug, Clone)]
pub(super) enum ItemStep {
    /// Writes items as they were read last, or as they were read before that.
    Apply {
        items: Vec<(u8, bool)>,
        stale: bool,
        marker: i64,
    },
    /// Writes a new item with the number of another.
    Intrude {
        number: u8,
        marker: i64,
    },
    Edit {
        items: Vec<u8>,
    },
    Push {
        item: u8,
        stale: bool,
    },
}

pub(super) fn item_steps() -> impl Strategy<Value = Vec<ItemStep>> {
    let some = || prop::collection::vec((0..6u8, any::<bool>()), 0..5);
    let step = prop_oneof![
        4 => (some(), prop::bool::weighted(0.2), 0..99i64)
            .prop_map(|(items, stale, marker)| ItemStep::Apply { items, stale, marker }),
        1 => (0..6u8, 0..99i64).prop_map(|(number, marker)| ItemStep::Intrude { number, marker }),
        2 => prop::collection::vec(0..6u8, 1..4).prop_map(|items| ItemStep::Edit { items }),
        2 => (0..6u8, any::<bool>()).prop_map(|(item, stale)| ItemStep::Push { item, stale }),
    ];
    prop::collection::vec(step, 1..40)
}

fn chunk(items: Vec<Tracked<Item>>, marker: i64) -> CatalogChunk {
    let checkpoints = vec![Checkpoint::new(Resource::ARTICLES, Marker::new(marker))];
    CatalogChunk { items, checkpoints, ..CatalogChunk::default() }
}

/// The same for the menu; a refused chunk must leave no trace, its checkpoint included.
pub(super) async fn items_agree(store: &dyn Store, steps: Vec<ItemStep>) {
    let judge: &dyn Store = &MemoryStore::new();
    let all = || Select::<Item>::Page(Page::first(100));
    let mut state = (Vec::new(), Vec::new());
    let mut before: Vec<Tracked<Item>> = Vec::new();
    for (step, time) in steps.into_iter().zip(1..) {
        let read: &[Tracked<Item>] = &state.0;
        let known = |id: &str, stale: bool| {
            let rows = if stale { &before } else { read };
            rows.iter().find(|row| row.record.id.as_str() == id).cloned()
        };
        let done = match step {
            ItemStep::Apply { items, stale, marker } => {
                let row = |(number, linked): (u8, bool)| {
                    let id = format!("i{number}");
                    let mut row = known(&id, stale).unwrap_or_else(|| Tracked::new(Item::new(id, "")));
                    row.record.name = format!("written at {time}");
                    row.edits.clear();
                    row.external_ids.mpluskassa = linked.then(|| ArticleNumber::new(number.into()));
                    row
                };
                let chunk = chunk(items.into_iter().map(row).collect(), marker);
                same(store.apply(&merchant(), chunk.clone()).await, judge.apply(&merchant(), chunk).await)
                    .map(drop)
            }
            ItemStep::Intrude { number, marker } => {
                let row = Tracked::new(Item::new("x", "Intruder")).linked(ArticleNumber::new(number.into()));
                let chunk = chunk(vec![row], marker);
                same(store.apply(&merchant(), chunk.clone()).await, judge.apply(&merchant(), chunk).await)
                    .map(drop)
            }
            ItemStep::Edit { items } => {
                let item = |number: u8| ItemEdit::of(format!("i{number}")).name(format!("edited at {time}"));
                let edits =
                    CatalogEdits { items: items.into_iter().map(item).collect(), ..Default::default() };
                let one = store.save_edits(&merchant(), edits.clone(), minute(time)).await;
                same(one, judge.save_edits(&merchant(), edits, minute(time)).await).map(drop)
            }
            ItemStep::Push { item, stale } => {
                let id = format!("i{item}");
                let sent = known(&id, stale).map(|row| row.record);
                let push = Pushed {
                    id: ItemId::from(id),
                    sent,
                    number: ArticleNumber::new(item.into()),
                    sync: SyncState::default(),
                };
                let pushes = CatalogPushes { items: vec![push], ..Default::default() };
                let one = store.mark_pushed(&merchant(), pushes.clone()).await;
                same(one, judge.mark_pushed(&merchant(), pushes).await)
            }
        };
        let rows =
            same(store.items(&merchant(), all()).await, judge.items(&merchant(), all()).await).unwrap();
        let points =
            same(store.checkpoints(&merchant()).await, judge.checkpoints(&merchant()).await).unwrap();
        let next = (rows, points);
        if done.is_none() {
            assert_eq!(next, state, "a refused call leaves no trace");
        } else {
            before = std::mem::replace(&mut state, next).0;
        }
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_outbox_in_sqlite_answers_as_the_one_in_memory(steps in order_steps()) {
        block_on(async {
            let store = mplus_sync::store::SqliteStore::in_memory().await.unwrap();
            orders_agree(&store, steps).await;
        });
    }

    #[test]
    fn the_menu_in_sqlite_answers_as_the_one_in_memory(steps in item_steps()) {
        block_on(async {
            let store = mplus_sync::store::SqliteStore::in_memory().await.unwrap();
            items_agree(&store, steps).await;
        });
    }
}
