//! Behaviours of the outbox.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rust_decimal::Decimal;

use crate::model::{
    ChosenItem, ConnectionId, CourseNumber, Customer, Discount, LineModifier, OrderKind, OrderLine,
    OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Outcome, Payment, PaymentMethod, PosOrder,
    PostalAddress, Sold, Waiting, WorkerId,
};
use crate::store::{ClaimRequest, Enqueued, Store, StoreErrorKind};

use super::samples::{merchant, minute, order, table_order};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

/// Claims that hold for five minutes.
fn request(worker: &str, limit: usize, now: DateTime<Utc>) -> ClaimRequest {
    ClaimRequest::new(WorkerId::from(worker), limit, now + TimeDelta::minutes(5))
}

async fn claim(store: &dyn Store, minutes: i64) -> Result<Vec<OutboxEntry>, Unmet> {
    Ok(store.claim(&request("w", 100, minute(minutes)), minute(minutes)).await?)
}

async fn claim_one(store: &dyn Store, minutes: i64) -> Result<OutboxEntry, Unmet> {
    let mut claimed = claim(store, minutes).await?;
    match (claimed.pop(), claimed.is_empty()) {
        (Some(entry), true) => Ok(entry),
        (first, _) => Err(Unmet(format!("wanted one claim, found {:?}", (first, claimed)))),
    }
}

fn numbers(entries: &[OutboxEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.order.number.as_str()).collect()
}

fn success(id: &str) -> Outcome {
    Outcome::Accepted { pos: PosOrder::with_id(id) }
}

fn known(state: OutboxStateKind) -> Enqueued {
    Enqueued::Known { state }
}

fn retry(minutes: i64, may_be_at_pos: bool) -> Outcome {
    Outcome::Retry { at: minute(minutes), error: "refused".into(), may_be_at_pos }
}

async fn entry(store: &dyn Store, number: &str) -> Result<OutboxEntry, Unmet> {
    let found = store.entry(&merchant(), &OrderNumber::from(number)).await?;
    found.ok_or_else(|| Unmet(format!("order {number} is gone")))
}

pub(super) async fn queued_once(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    expect_equal("first", store.enqueue(&merchant(), &order("1"), minute(0)).await?, Enqueued::New)?;
    expect_equal(
        "again",
        store.enqueue(&merchant(), &order("1"), minute(1)).await?,
        known(OutboxStateKind::Waiting),
    )?;
    let claimed = claim_one(&*store, 2).await?;
    expect_equal("the order", claimed.order.clone(), order("1"))?;
    expect_equal("when it was queued", claimed.queued_at, minute(0))?;
    store.finish(&claimed.claim(), success("x"), minute(3)).await?;
    let after = store.enqueue(&merchant(), &order("1"), minute(4)).await?;
    expect_equal("after it was accepted", after, known(OutboxStateKind::Accepted))?;
    expect_equal("then due", claim(&*store, 60).await?, Vec::new())
}

pub(super) async fn queued_at_once_by_two(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let queuing = (0..8).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        async move { store.enqueue(&merchant(), &order("1"), minute(0)).await }
    });
    let mut new = 0;
    for queued in join_all(queuing).await {
        new += usize::from(queued? == Enqueued::New);
    }
    expect_equal("new orders", new, 1)
}

pub(super) async fn another_order(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let mut other = order("1");
    other.total = Decimal::ONE;
    let refused = store.enqueue(&merchant(), &other, minute(1)).await;
    expect_refused("the other order", refused, StoreErrorKind::Conflict)?;
    let elsewhere = store.enqueue(&ConnectionId::from("other"), &other, minute(1)).await?;
    expect_equal("the same number of another merchant", elsewhere, Enqueued::New)
}

pub(super) async fn claimed_by_one(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    for number in 0..60 {
        one.enqueue(&merchant(), &order(&format!("o{number}")), minute(0)).await?;
    }
    let workers = (0..6).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move {
            let mut mine = Vec::new();
            loop {
                let request = request(&format!("w{n}"), 3, minute(1));
                let claimed = store.claim(&request, minute(1)).await?;
                if claimed.is_empty() {
                    return Ok::<_, crate::store::StoreError>(mine);
                }
                mine.extend(claimed);
            }
        }
    });
    let mut claimed = Vec::new();
    for mine in join_all(workers).await {
        claimed.extend(mine?);
    }
    let distinct: BTreeSet<&str> = claimed.iter().map(|entry| entry.order.number.as_str()).collect();
    expect_equal("claims", claimed.len(), 60)?;
    expect_equal("orders claimed", distinct.len(), 60)?;
    let sent = |entry: &OutboxEntry| matches!(&entry.state, OutboxState::Sending { .. });
    expect("each is its claimer's", claimed.iter().all(sent))
}

pub(super) async fn claims_by_connection(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let other = ConnectionId::from("other");
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    store.enqueue(&other, &order("2"), minute(0)).await?;
    let mine = request("w", 10, minute(1)).of(other.clone());
    expect_equal("the other's", numbers(&store.claim(&mine, minute(1)).await?), vec!["2"])?;
    expect_equal("everybody's", numbers(&claim(&*store, 1).await?), vec!["1"])
}

async fn accepted_order(store: &dyn Store, number: &str) -> Result<OutboxEntry, Unmet> {
    store.enqueue(&merchant(), &order(number), minute(0)).await?;
    let claimed = claim_one(store, 1).await?;
    store.finish(&claimed.claim(), success(&format!("pos {number}")), minute(2)).await?;
    entry(store, number).await
}

pub(super) async fn accepted(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let done = accepted_order(&*store, "1").await?;
    expect_equal("its state", done.state, OutboxState::Accepted { pos: PosOrder::with_id("pos 1") })?;
    expect_equal("when", done.updated_at, minute(2))?;
    expect_equal("then due", claim(&*store, 60).await?, Vec::new())
}

pub(super) async fn retried(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let first = claim_one(&*store, 1).await?;
    expect_equal("before the first attempt", (first.attempts, first.may_be_at_pos), (0, false))?;
    store.finish(&first.claim(), retry(10, true), minute(1)).await?;
    let waiting = entry(&*store, "1").await?;
    expect_equal("its state", waiting.state, OutboxState::Waiting(Waiting::Resting))?;
    expect_equal("its error", waiting.last_error.as_deref(), Some("refused"))?;
    expect_equal("too early", claim(&*store, 9).await?, Vec::new())?;
    let second = claim_one(&*store, 10).await?;
    expect_equal("before the second", (second.attempts, second.may_be_at_pos), (1, true))?;
    store.finish(&second.claim(), retry(20, false), minute(11)).await?;
    let third = claim_one(&*store, 20).await?;
    expect_equal("before the third", (third.attempts, third.may_be_at_pos), (2, false))
}

pub(super) async fn poison(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("poison"), minute(0)).await?;
    for number in 1..4 {
        store.enqueue(&merchant(), &order(&number.to_string()), minute(number)).await?;
    }
    let one = request("w", 1, minute(5));
    for round in 0..4 {
        let now = minute(5) + TimeDelta::seconds(round);
        let Some(claimed) = store.claim(&one, now).await?.pop() else {
            return Err(Unmet("nothing was due".into()));
        };
        let outcome = if claimed.order.number.as_str() == "poison" {
            Outcome::Retry { at: now + TimeDelta::seconds(2), error: "bad".into(), may_be_at_pos: false }
        } else {
            success("x")
        };
        store.finish(&claimed.claim(), outcome, now).await?;
    }
    let counts = store.counts(&merchant()).await?;
    expect_equal("accepted", counts.get(&OutboxStateKind::Accepted).copied(), Some(3))
}

pub(super) async fn table_order_kept(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for (number, table) in [("1", 7), ("2", 7), ("3", 8), ("4", 7)] {
        store.enqueue(&merchant(), &table_order(number, table), minute(0)).await?;
    }
    store.enqueue(&ConnectionId::from("other"), &table_order("5", 7), minute(0)).await?;
    let first = claim(&*store, 1).await?;
    expect_equal("first", numbers(&first), vec!["1", "5", "3"])?;
    expect_equal("while the first is sent", numbers(&claim(&*store, 1).await?), Vec::<&str>::new())?;
    store.finish(&first[0].claim(), retry(10, false), minute(2)).await?;
    expect_equal("while the first waits", numbers(&claim(&*store, 2).await?), Vec::<&str>::new())?;
    store.finish(&first[1].claim(), success("x"), minute(2)).await?;
    store.finish(&first[2].claim(), success("x"), minute(2)).await?;
    let again = claim_one(&*store, 10).await?;
    expect_equal("the first again", again.order.number.as_str(), "1")?;
    store.finish(&again.claim(), success("x"), minute(10)).await?;
    expect_equal("the next", numbers(&claim(&*store, 11).await?), vec!["2"])
}

pub(super) async fn table_not_blocked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in ["1", "2", "3"] {
        store.enqueue(&merchant(), &table_order(number, 7), minute(0)).await?;
    }
    let first = claim_one(&*store, 1).await?;
    let outcome = Outcome::Rejected { reason: "item without number".into() };
    store.finish(&first.claim(), outcome, minute(1)).await?;
    let second = claim_one(&*store, 1).await?;
    expect_equal("the second", second.order.number.as_str(), "2")?;
    let outcome = Outcome::NeedsAttention { reason: "10 attempts".into(), may_be_at_pos: true };
    store.finish(&second.claim(), outcome, minute(1)).await?;
    expect_equal("the third", claim_one(&*store, 1).await?.order.number.as_str(), "3")
}

pub(super) async fn expired_claim(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &table_order("1", 1), minute(0)).await?;
    store.enqueue(&merchant(), &order("2"), minute(0)).await?;
    let first = claim(&*store, 1).await?;
    expect_equal("claims", first.len(), 2)?;
    expect_equal("before its end", claim(&*store, 5).await?, Vec::new())?;
    expect_equal("released before its end", store.release_expired(minute(5)).await?, 0)?;
    let again = store.claim(&request("other", 1, minute(6)), minute(6)).await?;
    expect_equal("returned", again.len(), 1)?;
    expect("it may be at the POS", again[0].may_be_at_pos && again[0].attempts == 0 && again[0].lost == 1)?;
    expect_equal("released", store.release_expired(minute(6)).await?, 1)?;
    let counts = store.counts(&merchant()).await?;
    expect_equal("queued", counts.get(&OutboxStateKind::Waiting).copied(), Some(1))?;
    let last = claim_one(&*store, 6).await?;
    expect("the released one may be at the POS too", last.may_be_at_pos)
}

pub(super) async fn lost_claim(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let slow = claim_one(&*store, 1).await?.claim();
    let quick = claim_one(&*store, 10).await?;
    let reason = || "too late".to_owned();
    let late = [
        retry(20, false),
        Outcome::Rejected { reason: reason() },
        Outcome::NeedsAttention { reason: reason(), may_be_at_pos: false },
    ];
    for outcome in late {
        let refused = store.finish(&slow, outcome, minute(11)).await;
        expect_refused("the slow worker's outcome", refused, StoreErrorKind::Conflict)?;
    }
    let refused = store.extend_claim(&slow, minute(60)).await;
    expect_refused("the slow worker's extension", refused, StoreErrorKind::Conflict)?;
    expect_equal("the order", entry(&*store, "1").await?, quick.clone())?;
    store.finish(&slow, success("x"), minute(12)).await?;
    let state = entry(&*store, "1").await?.state;
    expect_equal("its state", state, OutboxState::Accepted { pos: PosOrder::with_id("x") })?;
    let refused = store.finish(&quick.claim(), retry(20, false), minute(13)).await;
    expect_refused("the quick worker's retry", refused, StoreErrorKind::Conflict)
}

pub(super) async fn first_success_stays(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let claimed = claim_one(&*store, 1).await?.claim();
    store.finish(&claimed, success("x"), minute(2)).await?;
    store.finish(&claimed, success("y"), minute(3)).await?;
    let done = entry(&*store, "1").await?;
    expect_equal("its state", done.state, OutboxState::Accepted { pos: PosOrder::with_id("x") })?;
    expect_equal("when", done.updated_at, minute(2))
}

pub(super) async fn extended(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let claimed = claim_one(&*store, 1).await?;
    store.extend_claim(&claimed.claim(), minute(30)).await?;
    expect_equal("after the old end", claim(&*store, 10).await?, Vec::new())?;
    store.finish(&claimed.claim(), success("x"), minute(20)).await?;
    let refused = store.extend_claim(&claimed.claim(), minute(40)).await;
    expect_refused("extending what is done", refused, StoreErrorKind::Conflict)
}

pub(super) async fn requeued(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let number = OrderNumber::from("1");
    let absent = store.requeue(&merchant(), &number, minute(0)).await;
    expect_refused("an absent order", absent, StoreErrorKind::NotFound)?;
    store.enqueue(&merchant(), &order("1"), minute(0)).await?;
    let waiting = store.requeue(&merchant(), &number, minute(0)).await;
    expect_refused("a waiting order", waiting, StoreErrorKind::Conflict)?;
    let first = claim_one(&*store, 1).await?;
    let outcome = Outcome::NeedsAttention { reason: "table is claimed".into(), may_be_at_pos: true };
    store.finish(&first.claim(), outcome, minute(2)).await?;
    expect_equal("before", claim(&*store, 60).await?, Vec::new())?;
    store.requeue(&merchant(), &number, minute(70)).await?;
    let again = claim_one(&*store, 70).await?;
    expect_equal("afterwards", (again.attempts, again.may_be_at_pos), (0, true))?;
    expect("an old claim stays lost", again.claims > first.claims)
}

pub(super) async fn states(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in 0..7 {
        store.enqueue(&merchant(), &order(&format!("o{number}")), minute(number)).await?;
    }
    store.enqueue(&ConnectionId::from("other"), &order("other"), minute(0)).await?;
    let mine = request("w", 3, minute(10)).of(merchant());
    let claimed = store.claim(&mine, minute(10)).await?;
    let reason = || "bad".to_owned();
    store.finish(&claimed[0].claim(), success("x"), minute(10)).await?;
    store.finish(&claimed[1].claim(), Outcome::Rejected { reason: reason() }, minute(10)).await?;
    let counts: Vec<(OutboxStateKind, u64)> = store.counts(&merchant()).await?.into_iter().collect();
    let nonzero: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let wanted = [(OutboxStateKind::Waiting, 4), (OutboxStateKind::Sending, 1)];
    let done = [(OutboxStateKind::Accepted, 1), (OutboxStateKind::Rejected, 1)];
    expect_equal("counts", nonzero, [wanted, done].concat())?;
    let rejected = store.entries(&merchant(), OutboxStateKind::Rejected, None, 10).await?;
    expect_equal("the reason", rejected[0].state.clone(), OutboxState::Rejected { reason: reason() })?;
    let first = store.entries(&merchant(), OutboxStateKind::Waiting, None, 3).await?;
    let last = first.last().map(|entry| entry.sequence);
    let rest = store.entries(&merchant(), OutboxStateKind::Waiting, last, 3).await?;
    expect_equal("the first page", numbers(&first), vec!["o3", "o4", "o5"])?;
    expect_equal("the rest", numbers(&rest), vec!["o6"])
}

pub(super) async fn pruned(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    accepted_order(&*store, "done").await?;
    store.enqueue(&merchant(), &order("waiting"), minute(0)).await?;
    store.enqueue(&merchant(), &order("bad"), minute(-1)).await?;
    let Some(bad) = store.claim(&request("w", 1, minute(1)), minute(1)).await?.pop() else {
        return Err(Unmet("nothing was due".into()));
    };
    expect_equal("due longest", bad.order.number.as_str(), "bad")?;
    store.finish(&bad.claim(), Outcome::Rejected { reason: "bad".into() }, minute(2)).await?;
    let other = ConnectionId::from("other");
    store.enqueue(&other, &order("done"), minute(0)).await?;
    let theirs = store.claim(&request("w", 1, minute(1)).of(other.clone()), minute(1)).await?;
    store.finish(&theirs[0].claim(), success("x"), minute(2)).await?;
    let accepted = |minutes| [(OutboxStateKind::Accepted, minute(minutes))];
    expect_equal("too young", store.prune_orders(&merchant(), &accepted(2)).await?, 0)?;
    expect_equal("old enough", store.prune_orders(&merchant(), &accepted(3)).await?, 1)?;
    let waiting = [(OutboxStateKind::Waiting, minute(60))];
    expect_refused(
        "pruning what waits",
        store.prune_orders(&merchant(), &waiting).await,
        StoreErrorKind::Invalid,
    )?;
    let theirs = store.entry(&other, &OrderNumber::from("done")).await?;
    expect("another merchant's order stays", theirs.is_some())?;
    expect_equal("the order", store.entry(&merchant(), &OrderNumber::from("done")).await?, None)?;
    entry(&*store, "bad").await?;
    entry(&*store, "waiting").await?;
    let rejected = [(OutboxStateKind::Rejected, minute(60)), (OutboxStateKind::NeedsAttention, minute(60))];
    expect_equal("rejected ones", store.prune_orders(&merchant(), &rejected).await?, 1)
}

pub(super) async fn whole_order(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let address = PostalAddress { street: Some("Straße 1".into()), ..PostalAddress::default() };
    let mut whole = order("1");
    whole.kind = OrderKind::Delivery { address: address.clone() };
    let mut guest = Customer::new("guest", "Zoë O'Neill");
    guest.email = Some("zoe@example.com".into());
    guest.phone = Some("+31 6 12345678".into());
    guest.address = address;
    whole.customer = Some(guest);
    let cheese = LineModifier {
        group: "toppings".into(),
        modifier: "cheese".into(),
        name: "Cheese".into(),
        quantity: Decimal::new(150, 2),
        unit_price: Decimal::new(5, 1),
    };
    let choice = ChosenItem {
        part: 1,
        item: "cola".into(),
        name: "Cola".into(),
        quantity: Decimal::ONE,
        surcharge: Decimal::new(100, 2),
        modifiers: vec![cheese.clone()],
    };
    let discount = Discount { name: "Lunch".into(), amount: Decimal::new(100, 2) };
    let sold = Sold::Combo { combo: "menu".into(), choices: vec![choice] };
    let mut line = OrderLine::new(sold, "Menu", Decimal::new(10, 1), Decimal::new(1_200, 2));
    line.modifiers = vec![cheese];
    line.discount = Some(discount.clone());
    line.note = Some("No \"onions\"".into());
    line.course = Some(CourseNumber::new(2));
    whole.lines.push(line);
    whole.discounts = vec![discount];
    whole.tip = Decimal::new(200, 2);
    whole.delivery_fee = Decimal::new(350, 2);
    let method = PaymentMethod::Other("Voucher".into());
    whole.payments = vec![
        Payment {
            method: PaymentMethod::Ideal,
            amount: Decimal::new(1_000, 2),
            reference: Some("pi_1".into()),
        },
        Payment { method, amount: Decimal::new(5, 2), reference: None },
    ];
    whole.note = Some("Ring twice".into());
    whole.requested_at = Some(minute(45));
    whole.skip_order_sync = true;
    store.enqueue(&merchant(), &whole, minute(0)).await?;
    expect_equal(
        "queued again",
        store.enqueue(&merchant(), &whole, minute(1)).await?,
        known(OutboxStateKind::Waiting),
    )?;
    let claimed = claim_one(&*store, 1).await?;
    let scale = claimed.order.lines[1].quantity.scale();
    expect_equal("the quantity's scale", scale, 1)?;
    expect_equal("the order", claimed.order, whole)
}
