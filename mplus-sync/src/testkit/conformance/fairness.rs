//! Behaviours of claims among merchants, and of what an order may wait for.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::model::{
    Connection, ConnectionId, OutboxEntry, OutboxState, OutboxStateKind, Outcome, PosOrder, Waiting,
};
use crate::store::{ClaimRequest, Store, StoreError, StoreErrorKind};

use super::samples::{merchant, minute, order, table_order};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn request(limit: usize, now: DateTime<Utc>) -> ClaimRequest {
    ClaimRequest::new("w".into(), limit, now + TimeDelta::minutes(5))
}

fn whose(entries: &[OutboxEntry]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.connection.as_str()).or_default() += 1;
    }
    counts
}

async fn queue(
    store: &dyn Store,
    connection: &str,
    count: usize,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let connection = ConnectionId::from(connection);
    for number in 0..count {
        store.enqueue(&connection, &order(&format!("o{number}")), at).await?;
    }
    Ok(())
}

async fn accept(store: &dyn Store, entry: &OutboxEntry, now: DateTime<Utc>) -> Result<(), StoreError> {
    store.finish(&entry.claim(), Outcome::Accepted { pos: PosOrder::with_id("x") }, now).await
}

pub(super) async fn rounds(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    queue(&*store, "flood", 40, minute(0)).await?;
    queue(&*store, "small", 1, minute(1)).await?;
    queue(&*store, "middle", 3, minute(2)).await?;
    let first = store.claim(&request(6, minute(5)), minute(5)).await?;
    expect_equal(
        "the first claim",
        whose(&first),
        BTreeMap::from([("flood", 3), ("middle", 2), ("small", 1)]),
    )?;
    queue(&*store, "late", 1, minute(6)).await?;
    // One at a time, the merchants take turns whatever their backlogs.
    let mut order = Vec::new();
    for _ in 0..4 {
        let now = minute(6);
        let one = store.claim(&request(1, now), now).await?;
        let Some(entry) = one.first() else { return Err(Unmet("nothing was due".into())) };
        order.push(entry.connection.as_str().to_owned());
        accept(&*store, entry, now).await?;
    }
    expect_equal("who has not been served comes first", order[0].as_str(), "late")?;
    expect("then those that wait take turns", order[1..3].contains(&"middle".to_owned()))
}

pub(super) async fn left_out(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for name in ["a", "b", "c"] {
        queue(&*store, name, 2, minute(0)).await?;
    }
    let others = request(6, minute(1)).except(["a".into(), "c".into(), "nobody".into()]);
    let found = store.claim(&others, minute(1)).await?;
    expect_equal("what is claimed", whose(&found), BTreeMap::from([("b", 2)]))?;
    let of_one = others.of("a".into());
    expect_equal("asked for alone", store.claim(&of_one, minute(1)).await?.len(), 0)?;
    let found = store.claim(&request(6, minute(1)), minute(1)).await?;
    expect_equal("by somebody else", whose(&found), BTreeMap::from([("a", 2), ("c", 2)]))
}

pub(super) async fn at_once(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    queue(&*one, "a", 20, minute(0)).await?;
    queue(&*one, "b", 1, minute(0)).await?;
    let claims = (0..6).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        async move { store.claim(&request(10, minute(1)).at_once(3), minute(1)).await }
    });
    let mut claimed = Vec::new();
    for claim in join_all(claims).await {
        claimed.extend(claim?);
    }
    // Those that claimed at the same moment may have left something.
    claimed.extend(one.claim(&request(10, minute(1)).at_once(3), minute(1)).await?);
    expect_equal("under way at once", whose(&claimed), BTreeMap::from([("a", 3), ("b", 1)]))?;
    let full = two.claim(&request(10, minute(2)).of("a".into()).at_once(3), minute(2)).await?;
    expect_equal("while they are under way", full.len(), 0)?;
    let mine = claimed.iter().find(|entry| entry.connection.as_str() == "a");
    let mine = mine.ok_or_else(|| Unmet("nothing was claimed".into()))?;
    accept(&*one, mine, minute(2)).await?;
    let next = two.claim(&request(10, minute(2)).at_once(3), minute(2)).await?;
    expect_equal("after one has ended", whose(&next), BTreeMap::from([("a", 1)]))
}

pub(super) async fn held_and_resting(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let mut paused = Connection::new("paused", "Resto", "pos.example", 1, minute(0));
    paused.paused = Some(minute(0));
    paused.revision = store.save_connection(&paused).await?;
    for name in ["paused", "away", "open"] {
        queue(&*store, name, 1, minute(0)).await?;
    }
    store.rest(&"away".into(), minute(10)).await?;
    let claimed = store.claim(&request(10, minute(1)), minute(1)).await?;
    expect_equal("claimed", whose(&claimed), BTreeMap::from([("open", 1)]))?;
    for name in ["paused", "away"] {
        let mine = store.claim(&request(10, minute(1)).of(name.into()), minute(1)).await?;
        expect_equal("asked for by name", mine.len(), 0)?;
    }
    paused.paused = None;
    store.save_connection(&paused).await?;
    let claimed = store.claim(&request(10, minute(10)), minute(10)).await?;
    let wanted = BTreeMap::from([("away", 1), ("open", 1), ("paused", 1)]);
    expect_equal("later", whose(&claimed), wanted)
}

pub(super) async fn waits(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    queue(&*store, "merchant", 1, minute(0)).await?;
    let store = &store;
    let claim = |now| async move { store.claim(&request(1, now), now).await };
    let wait = |since, at| Outcome::Wait {
        why: Waiting::PosAway { since: minute(since) },
        at: minute(at),
        error: "connection refused".into(),
        may_be_at_pos: false,
    };
    for (now, at) in [(1, 5), (5, 9)] {
        let claimed = claim(minute(now)).await?;
        let entry = claimed.first().ok_or_else(|| Unmet("nothing was due".into()))?;
        store.finish(&entry.claim(), wait(now, at), minute(now)).await?;
    }
    let entry = store.entry(&merchant(), &"o0".into()).await?;
    let entry = entry.ok_or_else(|| Unmet("the order is gone".into()))?;
    expect_equal("attempts", entry.attempts, 0)?;
    let wanted = OutboxState::Waiting(Waiting::PosAway { since: minute(1) });
    expect_equal("what it waits for, and since when", entry.state, wanted)?;
    expect_equal("since when it waits at all", entry.waiting_since, minute(0))?;
    let claimed = claim(minute(9)).await?;
    let entry = claimed.first().ok_or_else(|| Unmet("nothing was due".into()))?;
    store.note_attempt(&entry.claim(), Some("{\"lines\":3}".into())).await?;
    let stored = store.entry(&merchant(), &"o0".into()).await?;
    expect_equal("the note", stored.and_then(|entry| entry.note).as_deref(), Some("{\"lines\":3}"))?;
    let taken_over = claim(minute(60)).await?;
    let taken_over = taken_over.first().ok_or_else(|| Unmet("nothing was due".into()))?;
    expect_equal("the note for who takes over", taken_over.note.as_deref(), Some("{\"lines\":3}"))?;
    let refused = store.note_attempt(&entry.claim(), None).await;
    expect_refused("a note without the claim", refused, StoreErrorKind::Conflict)
}

pub(super) async fn table_turn(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in ["1", "2"] {
        store.enqueue(&merchant(), &table_order(number, 7), minute(0)).await?;
    }
    let first = store.claim(&request(5, minute(1)), minute(1)).await?;
    expect_equal("the first", first.len(), 1)?;
    let reason = "item without number".to_owned();
    store.finish(&first[0].claim(), Outcome::Rejected { reason }, minute(1)).await?;
    let second = store.claim(&request(5, minute(2)), minute(2)).await?;
    expect_equal("the second", second.len(), 1)?;
    store.requeue(&merchant(), &"1".into(), minute(3)).await?;
    let busy = store.claim(&request(5, minute(3)), minute(3)).await?;
    expect_equal("while the second is sent", busy.len(), 0)?;
    accept(&*store, &second[0], minute(4)).await?;
    let again = store.claim(&request(5, minute(4)), minute(4)).await?;
    expect_equal("the first again", again.first().map(|entry| entry.order.number.as_str()), Some("1"))
}

/// Of many merchants the first order waits for its table and the second for the first: far more than a claim looks at.
pub(super) async fn hidden_by_nobody(case: &Case<'_>) -> Checked {
    const MERCHANTS: usize = 300;
    let store = &*case.open().await?;
    let all_wait = || (0..MERCHANTS).map(|n| ConnectionId::from(format!("m{n}")));
    for number in ["1", "2"] {
        let queued = all_wait().map(|connection| async move {
            store.enqueue(&connection, &table_order(number, 7), minute(0)).await
        });
        for one in join_all(queued).await {
            one?;
        }
    }
    let claimed = store.claim(&request(MERCHANTS, minute(1)), minute(1)).await?;
    let mut waiting = claimed;
    loop {
        let more = store.claim(&request(MERCHANTS, minute(1)), minute(1)).await?;
        if more.is_empty() {
            break;
        }
        waiting.extend(more);
    }
    expect_equal("the first of each", waiting.len(), MERCHANTS)?;
    let ended = waiting.iter().map(|entry| async move {
        let outcome = Outcome::Wait {
            why: Waiting::TableClaimed { since: minute(1) },
            at: minute(90),
            error: "somebody works at the table".into(),
            may_be_at_pos: false,
        };
        store.finish(&entry.claim(), outcome, minute(2)).await
    });
    for one in join_all(ended).await {
        one?;
    }
    // Whoever was served last is the last in line.
    queue(store, "busy", 2, minute(3)).await?;
    for round in 0..2 {
        let now = minute(4 + round);
        let claimed = store.claim(&request(1, now), now).await?;
        expect_equal("behind those that wait", whose(&claimed), BTreeMap::from([("busy", 1)]))?;
        accept(store, &claimed[0], now).await?;
    }
    let due = store.claim(&request(MERCHANTS, minute(90)), minute(90)).await?;
    expect("and those are sent once they are due", !due.is_empty())
}

pub(super) async fn given_back(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    queue(&*store, "merchant", 1, minute(0)).await?;
    let mut old = None;
    for (round, may_be_at_pos) in [(1, false), (2, true), (3, false)] {
        let now = minute(round);
        let claimed = store.claim(&request(1, now), now).await?;
        let entry = claimed.first().ok_or_else(|| Unmet("it is not due again at once".into()))?;
        expect_equal("what counts", (entry.attempts, entry.lost), (0, 0))?;
        expect_equal("whether the POS may have it", entry.may_be_at_pos, round == 3)?;
        store.give_back(&entry.claim(), may_be_at_pos, now).await?;
        old = Some(entry.claim());
    }
    let old = old.ok_or_else(|| Unmet("nothing was due".into()))?;
    let again = store.give_back(&old, true, minute(4)).await;
    expect_refused("giving back twice", again, StoreErrorKind::Conflict)?;
    // A claim that ends without a word counts, until an attempt comes to its end.
    store.claim(&request(1, minute(5)), minute(5)).await?;
    let lost = store.claim(&request(1, minute(60)), minute(60)).await?;
    expect_equal("lost", lost.first().map(|entry| entry.lost), Some(1))?;
    let retry = Outcome::Retry { at: minute(61), error: "closed".into(), may_be_at_pos: false };
    store.finish(&lost[0].claim(), retry, minute(60)).await?;
    let entry = store.entry(&merchant(), &"o0".into()).await?;
    expect_equal("forgotten", entry.map(|entry| (entry.attempts, entry.lost)), Some((1, 0)))
}

pub(super) async fn withdrawn_and_replaced(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    queue(&*store, "merchant", 3, minute(0)).await?;
    store.withdraw(&merchant(), &"o0".into(), "the guest left", minute(1)).await?;
    store.withdraw(&merchant(), &"o0".into(), "again", minute(2)).await?;
    let absent = store.withdraw(&merchant(), &"absent".into(), "", minute(1)).await;
    expect_refused("an absent order", absent, StoreErrorKind::NotFound)?;
    let mut corrected = order("o1");
    corrected.note = Some("Ring twice".into());
    store.replace(&merchant(), &corrected, minute(1)).await?;
    let claimed = store.claim(&request(5, minute(1)), minute(1)).await?;
    let found: Vec<_> = claimed.iter().map(|entry| &entry.order).collect();
    expect("what is sent is what was corrected", found.contains(&&corrected) && found.len() == 2)?;
    let sending = store.replace(&merchant(), &order("o1"), minute(1)).await;
    expect_refused("replacing what is sent", sending, StoreErrorKind::Conflict)?;
    let sending = store.withdraw(&merchant(), &"o1".into(), "", minute(1)).await;
    expect_refused("withdrawing what is sent", sending, StoreErrorKind::Conflict)?;
    for entry in &claimed {
        accept(&*store, entry, minute(2)).await?;
    }
    let accepted = store.replace(&merchant(), &order("o1"), minute(3)).await;
    expect_refused("replacing what the POS has", accepted, StoreErrorKind::Conflict)?;
    store.mark_cancelled(&merchant(), &"o1".into(), "the guest left", minute(3)).await?;
    let cancelled = store.entry(&merchant(), &"o1".into()).await?.map(|entry| entry.state);
    let wanted = OutboxState::Cancelled { pos: PosOrder::with_id("x"), reason: "the guest left".into() };
    expect_equal("cancelled", cancelled, Some(wanted))?;
    let withdrawn = store.mark_cancelled(&merchant(), &"o0".into(), "", minute(3)).await;
    expect_refused("cancelling what the POS does not have", withdrawn, StoreErrorKind::Conflict)
}

pub(super) async fn requeued_together(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    queue(&*store, "merchant", 5, minute(0)).await?;
    queue(&*store, "other", 1, minute(0)).await?;
    let claimed = store.claim(&request(10, minute(1)), minute(1)).await?;
    for (number, entry) in claimed.iter().enumerate() {
        let reason = || "table is claimed".to_owned();
        let outcome = match number % 2 {
            0 => Outcome::Rejected { reason: reason() },
            _ => Outcome::NeedsAttention { reason: reason(), may_be_at_pos: true },
        };
        store.finish(&entry.claim(), outcome, minute(1)).await?;
    }
    let rejected = store.counts(&merchant()).await?.get(&OutboxStateKind::Rejected).copied().unwrap_or(0);
    let kind = Some(OutboxStateKind::Rejected);
    expect_equal("those in one state", store.requeue_all(&merchant(), kind, minute(2)).await?, rejected)?;
    expect_equal("all the others", store.requeue_all(&merchant(), None, minute(2)).await?, 5 - rejected)?;
    let backlog = store.backlog(Some(&merchant())).await?;
    expect_equal("waiting", (backlog.waiting, backlog.sending, backlog.oldest), (5, 0, Some(minute(0))))?;
    expect_equal("owed", (backlog.owed, backlog.held), (Some(minute(2)), 0))?;
    expect_equal("of all", store.backlog(None).await?.waiting, 5)?;
    let claimed = store.claim(&request(10, minute(3)).of(merchant()), minute(3)).await?;
    let owed = store.backlog(Some(&merchant())).await?.owed;
    expect_equal("owed once their claims end", (claimed.len(), owed), (5, Some(minute(8))))?;
    store.rest(&merchant(), minute(9)).await?;
    let owed = store.backlog(Some(&merchant())).await?.owed;
    expect_equal("owed once its rest ends", owed, Some(minute(9)))?;
    let accepted = store.requeue_all(&merchant(), Some(OutboxStateKind::Accepted), minute(2)).await;
    expect_refused("those that the POS has", accepted, StoreErrorKind::Conflict)
}
