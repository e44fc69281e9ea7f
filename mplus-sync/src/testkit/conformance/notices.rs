//! Behaviours of what the host is told.

use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OutboxStateKind, Outcome, PosOrder};
use crate::store::{ClaimRequest, NoticeRequest, Store};

use super::samples::{merchant, minute, order};
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
