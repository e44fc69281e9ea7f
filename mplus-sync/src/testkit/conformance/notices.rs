//! Behaviours of what the host is told.

use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OutboxEntry, OutboxStateKind, Outcome, PosOrder};
use crate::store::{ClaimRequest, Finished, NoticeRequest, Store, StoreError, StoreErrorKind};

use super::samples::{merchant, minute, order, table_order};
use super::{Case, Checked, Unmet, expect, expect_equal};

async fn claim(store: &dyn Store, now: DateTime<Utc>) -> Result<Vec<ClaimedNotice>, Unmet> {
    Ok(store.claim_notices(&NoticeRequest::new(10, now + chrono::TimeDelta::minutes(5)), now).await?)
}

fn told(notices: &[ClaimedNotice]) -> Vec<(&str, OutboxStateKind)> {
    notices.iter().map(|one| (one.notice.order.as_str(), one.notice.state.kind())).collect()
}

/// Rejects an order, queues it again, and has it accepted.
async fn three_things(store: &dyn Store, number: &str) -> Result<(), Unmet> {
    store.enqueue(&merchant(), &order(number), minute(0)).await?;
    let outcomes =
        [Outcome::Rejected { reason: "total".into() }, Outcome::Accepted { pos: PosOrder::with_id("x") }];
    for (outcome, now) in outcomes.into_iter().zip([minute(1), minute(3)]) {
        let claimed = store.claim(&ClaimRequest::new("w".into(), 1, minute(10)), now).await?;
        let entry = claimed.first().ok_or_else(|| Unmet("nothing was due".into()))?;
        store.finish(&entry.claim(), outcome, now).await?;
        if now == minute(1) {
            store.requeue(&merchant(), &number.into(), minute(2)).await?;
        }
    }
    Ok(())
}

pub(super) async fn in_order(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    three_things(&*one, "1").await?;
    three_things(&*one, "2").await?;
    let first = claim(&*one, minute(4)).await?;
    let rejected = OutboxStateKind::Rejected;
    expect_equal("the first of each", told(&first), vec![("1", rejected), ("2", rejected)])?;
    expect_equal("while somebody tells them", told(&claim(&*two, minute(4)).await?), Vec::new())?;
    expect_equal("when", first[0].notice.at, minute(1))?;
    one.acknowledge(&first[0]).await?;
    let second = claim(&*two, minute(4)).await?;
    expect_equal("the next of the told one", told(&second), vec![("1", OutboxStateKind::Waiting)])?;
    two.acknowledge(&second[0]).await?;
    let third = claim(&*two, minute(4)).await?;
    expect_equal("the last", told(&third), vec![("1", OutboxStateKind::Accepted)])?;
    two.acknowledge(&third[0]).await?;
    // The one that was never acknowledged comes again, and those behind it have waited.
    let again = claim(&*two, minute(60)).await?;
    expect_equal("again", told(&again), vec![("2", rejected)])?;
    one.acknowledge(&first[1]).await?;
    expect_equal(
        "an old claim acknowledges nothing",
        told(&claim(&*two, minute(90)).await?),
        vec![("2", rejected)],
    )
}

pub(super) async fn postponed(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    three_things(&*store, "1").await?;
    let first = claim(&*store, minute(4)).await?;
    store.postpone(&first[0], minute(30)).await?;
    expect_equal("too early", told(&claim(&*store, minute(29)).await?), Vec::new())?;
    let again = claim(&*store, minute(30)).await?;
    expect_equal("later", told(&again), vec![("1", OutboxStateKind::Rejected)])?;
    let other = ConnectionId::from("other");
    expect_equal("pruned of another", store.prune_notices(&other, minute(60)).await?, 0)?;
    expect_equal("pruned", store.prune_notices(&merchant(), minute(3)).await?, 2)?;
    let left = claim(&*store, minute(60)).await?;
    expect_equal("left", told(&left), vec![("1", OutboxStateKind::Accepted)])
}

pub(super) async fn not_without_change(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let claimed = store.claim(&ClaimRequest::new("w".into(), 1, minute(10)), minute(1)).await?;
    let entry = claimed.first().ok_or_else(|| Unmet("nothing was due".into()))?;
    let retry = Outcome::Retry { at: minute(2), error: "closed".into(), may_be_at_pos: false };
    store.finish(&entry.claim(), retry, minute(1)).await?;
    expect_equal("while it is tried", told(&claim(&*store, minute(2)).await?), Vec::new())?;
    store.withdraw(&merchant(), &"1".into(), "guest", minute(2)).await?;
    store.withdraw(&merchant(), &"1".into(), "guest", minute(3)).await?;
    let notices = claim(&*store, minute(4)).await?;
    expect_equal("once", told(&notices), vec![("1", OutboxStateKind::Withdrawn)])?;
    store.acknowledge(&notices[0]).await?;
    expect("and not again", claim(&*store, minute(60)).await?.is_empty())
}

/// Outcomes of every kind, and two under claims that were lost.
fn outcomes() -> Vec<Outcome> {
    let accepted = |id: &str| Outcome::Accepted { pos: PosOrder::with_id(id) };
    let retry = Outcome::Retry { at: minute(40), error: "closed".into(), may_be_at_pos: true };
    let reason = || "bad".to_owned();
    vec![
        accepted("x"),
        accepted("y"),
        retry.clone(),
        Outcome::Rejected { reason: reason() },
        Outcome::NeedsAttention { reason: reason(), may_be_at_pos: true },
        Outcome::Skipped { reason: reason() },
        retry,
        accepted("z"),
    ]
}

/// Orders that were claimed, the last two of which another worker has claimed since.
async fn claimed_orders(store: &dyn Store, of: &ConnectionId) -> Result<Vec<OutboxEntry>, Unmet> {
    let count = outcomes().len();
    for number in 0..count {
        let order = if number == 1 { table_order("1", 7) } else { order(&number.to_string()) };
        store.enqueue(of, &order, minute(0)).await?;
    }
    let request = |until| ClaimRequest::new("w".into(), 100, until).of(of.clone());
    let mut claimed = store.claim(&request(minute(10)), minute(1)).await?;
    claimed.sort_by(|one, other| one.order.number.as_str().cmp(other.order.number.as_str()));
    expect_equal("claims", claimed.len(), count)?;
    for kept in &claimed[..count - 2] {
        store.extend_claim(&kept.claim(), minute(30)).await?;
    }
    expect_equal("lost claims", store.claim(&request(minute(30)), minute(11)).await?.len(), 2)?;
    Ok(claimed)
}

fn kinds(recorded: &[Result<(), StoreError>]) -> Vec<Option<StoreErrorKind>> {
    recorded.iter().map(|one| one.as_ref().err().map(StoreError::kind)).collect()
}

pub(super) async fn recorded_together(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let (one_by_one, together) = (ConnectionId::from("one by one"), ConnectionId::from("together"));
    let mut singly = Vec::new();
    for (entry, outcome) in claimed_orders(&*store, &one_by_one).await?.iter().zip(outcomes()) {
        singly.push(store.finish(&entry.claim(), outcome, minute(12)).await);
    }
    let claimed = claimed_orders(&*store, &together).await?;
    let finished: Vec<Finished> =
        claimed.iter().zip(outcomes()).map(|(entry, outcome)| Finished::new(entry, outcome)).collect();
    let recorded = store.finish_all(&finished, minute(12)).await?;
    expect_equal("what was refused", kinds(&recorded), kinds(&singly))?;
    for entry in &claimed {
        let number = &entry.order.number;
        let (one, other) = (store.entry(&one_by_one, number).await?, store.entry(&together, number).await?);
        let as_one = other.map(|other| {
            let (connection, sequence) =
                (one_by_one.clone(), one.as_ref().map_or(0, |one: &OutboxEntry| one.sequence));
            OutboxEntry { connection, sequence, ..other }
        });
        expect_equal("the order", as_one, one)?;
    }
    let mut notices = Vec::new();
    for of in [&one_by_one, &together] {
        let request = NoticeRequest::new(100, minute(20)).of(of.clone());
        let claimed = store.claim_notices(&request, minute(12)).await?;
        let told = claimed.into_iter().map(|one| (one.notice.order, one.notice.at, one.notice.state));
        let mut told: Vec<_> = told.collect();
        told.sort_by(|(one, ..), (other, ..)| one.as_str().cmp(other.as_str()));
        notices.push(told);
    }
    expect_equal("notices", notices.pop(), notices.pop())?;
    let next = table_order("next", 7);
    store.enqueue(&together, &next, minute(12)).await?;
    let request = ClaimRequest::new("w".into(), 100, minute(20)).of(together.clone());
    let freed = store.claim(&request, minute(12)).await?;
    expect(
        "the table is free for its next order",
        freed.iter().any(|entry| entry.order.number == next.number),
    )
}
