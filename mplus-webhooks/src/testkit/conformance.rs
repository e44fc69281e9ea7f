//! What every [`Store`] has to do. A host runs [`store`] against its own implementation.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rust_decimal::Decimal;

use crate::payment::{
    Payment, PaymentFilter, PaymentInput, PaymentKey, PaymentState, ProviderNews, ProviderStatus,
};
use crate::{Claim, MerchantId, Store, StoreError, StoredReply};

/// What a store does wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NonConformance {
    /// It broke this rule.
    #[error("the store breaks a rule: {0}")]
    Broken(&'static str),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

type Checked = Result<(), NonConformance>;

fn rule(kept: bool, rule: &'static str) -> Checked {
    if kept { Ok(()) } else { Err(NonConformance::Broken(rule)) }
}

/// Checks every rule. The store has to be empty; it is not afterwards.
///
/// # Errors
/// The first rule that is broken.
pub async fn store(store: Arc<dyn Store>) -> Checked {
    claims(&*store).await?;
    concurrent_claims(&*store).await?;
    forgetting(&*store).await?;
    payments(&*store).await?;
    concurrent_changes(&*store).await?;
    searching(&*store).await
}

/// An instant with the microseconds that every database keeps.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + second, 123_456_000).unwrap_or_default()
}

fn reply(body: &'static str) -> StoredReply {
    StoredReply { status: 200, body: body.into() }
}

async fn claims(store: &dyn Store) -> Checked {
    let key = "event:claims";
    rule(store.claim(key, at(0), at(-60)).await? == Claim::Granted, "a new claim is granted")?;
    rule(store.claim(key, at(1), at(-59)).await? == Claim::Taken, "a claim in progress is taken")?;
    store.release(key).await?;
    rule(store.claim(key, at(2), at(-58)).await? == Claim::Granted, "a released claim is granted again")?;
    rule(store.claim(key, at(63), at(3)).await? == Claim::Granted, "a stale claim is granted again")?;
    rule(store.claim(key, at(64), at(4)).await? == Claim::Taken, "a claim that was granted again is taken")?;
    store.finish(key, &reply("{\"é\":1}"), at(65)).await?;
    store.release(key).await?;
    rule(
        store.claim(key, at(999), at(998)).await? == Claim::Done(reply("{\"é\":1}")),
        "finished work gives its reply, even after a release and long after its claim would be stale",
    )
}

async fn concurrent_claims(store: &dyn Store) -> Checked {
    let claims = join_all((0..32).map(|_| store.claim("event:concurrent", at(0), at(-60)))).await;
    let claims = claims.into_iter().collect::<Result<Vec<_>, _>>()?;
    let granted = claims.iter().filter(|claim| **claim == Claim::Granted).count();
    rule(granted == 1, "of many claims at once exactly one is granted")
}

async fn forgetting(store: &dyn Store) -> Checked {
    for (key, second) in [("event:old", 1000), ("event:young", 2000)] {
        store.claim(key, at(second), at(second - 60)).await?;
        store.finish(key, &reply("{}"), at(second)).await?;
    }
    store.claim("event:unfinished", at(1000), at(940)).await?;
    store.forget_finished(at(1500)).await?;
    let claim = async |key: &'static str| store.claim(key, at(1001), at(999)).await;
    rule(claim("event:old").await? == Claim::Granted, "old finished work is forgotten")?;
    rule(claim("event:young").await? == Claim::Done(reply("{}")), "young finished work is kept")?;
    rule(claim("event:unfinished").await? == Claim::Taken, "unfinished work is kept")
}

/// A payment as `startExternalPayment` makes it, of `amount` euros, for tests of stores and providers.
pub fn sample_payment(merchant: &str, id: &str, amount: Decimal) -> Payment {
    let key = PaymentKey { merchant: MerchantId::new(merchant), id: id.to_owned() };
    Payment {
        method: "K_WEBHOOK \"é\"".to_owned(),
        branch_number: 1,
        workplace_number: 2,
        expires_at: at(900),
        refresh_at: at(3),
        ..Payment::new(key, amount, "manual", at(0))
    }
}

fn payment(merchant: &str, id: &str) -> Payment {
    // More digits than a float holds.
    sample_payment(merchant, id, Decimal::from_i128_with_scale(1_234_567_890_123_456_789_012_345, 2))
}

/// The payment after an input.
fn after(payment: &Payment, input: PaymentInput, news: Option<&ProviderNews>) -> Payment {
    payment.apply(input, news).0.unwrap_or_else(|| payment.clone())
}

async fn payments(store: &dyn Store) -> Checked {
    let first = payment("a", "p1");
    rule(store.payment(&first.key).await?.is_none(), "an unknown payment is none")?;
    rule(
        !store.replace_payment(&Payment { version: 1, ..first.clone() }).await?,
        "only a stored payment is replaced",
    )?;
    rule(store.insert_payment(&first).await?.is_none(), "a new payment is kept")?;
    rule(store.payment(&first.key).await?.as_deref() == Some(&first), "a payment is read as it was written")?;
    let same_key = Payment { amount: Decimal::ONE, ..first.clone() };
    rule(
        store.insert_payment(&same_key).await?.as_ref() == Some(&first),
        "inserting over a payment returns the stored one",
    )?;
    rule(
        store.payment(&first.key).await?.as_deref() == Some(&first),
        "inserting over a payment changes nothing",
    )?;
    rule(store.insert_payment(&payment("b", "p1")).await?.is_none(), "merchants do not share ids")?;

    let cancelling = after(&first, PaymentInput::RequestCancel, None);
    rule(store.replace_payment(&cancelling).await?, "the next version replaces the payment")?;
    rule(!store.replace_payment(&cancelling).await?, "the same version does not replace it again")?;
    rule(
        store.payment(&first.key).await?.as_deref() == Some(&cancelling),
        "a replaced payment is read as it was written",
    )
}

async fn concurrent_changes(store: &dyn Store) -> Checked {
    let first = payment("a", "concurrent");
    let inserts = join_all((0..16).map(|_| store.insert_payment(&first))).await;
    let inserts = inserts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let kept = inserts.iter().filter(|existing| existing.is_none()).count();
    rule(kept == 1, "of many inserts at once exactly one is kept")?;
    let next = after(&first, PaymentInput::Cancel, None);
    let changes = join_all((0..16).map(|_| store.replace_payment(&next))).await;
    let changes = changes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let changed = changes.iter().filter(|changed| **changed).count();
    rule(changed == 1, "of many changes from the same version exactly one succeeds")
}

async fn searching(store: &dyn Store) -> Checked {
    let created = ProviderNews::new(ProviderStatus::Pending).with_reference("ref-1");
    let known = payment("c", "known");
    store.insert_payment(&known).await?;
    let known = after(&known, PaymentInput::Provider(created.status), Some(&created));
    store.replace_payment(&known).await?;
    rule(
        store.payments_by_reference("manual", "", "ref-1").await? == std::slice::from_ref(&known),
        "a payment is found by its provider's reference once it has one",
    )?;
    rule(
        store.payments_by_reference("other", "", "ref-1").await?.is_empty(),
        "references of other providers are not mixed up",
    )?;

    let early = Payment { refresh_at: at(-100), ..payment("c", "early") };
    let late = Payment { refresh_at: at(100_000), ..payment("c", "late") };
    let ended = Payment { refresh_at: at(-100), state: PaymentState::Cancelled, ..payment("c", "ended") };
    for payment in [&early, &late, &ended] {
        store.insert_payment(payment).await?;
    }
    let due = store.claim_payments(at(-100), at(60), 10).await?;
    rule(
        due == [Payment { refresh_at: at(60), ..early }],
        "exactly the open payments whose time has come are claimed",
    )?;
    rule(
        store.claim_payments(at(59), at(120), 10).await?.iter().all(|payment| payment.key.id != "early"),
        "a claimed payment is nobody else's until then",
    )?;
    let due = store.claim_payments(at(99_000) + TimeDelta::seconds(1), at(200_000), 2).await?;
    rule(due.len() == 2, "the limit is kept")?;
    pages(store).await
}

async fn pages(store: &dyn Store) -> Checked {
    for (id, second) in [("l1", 10), ("l2", 10), ("l3", 11), ("l4", 20)] {
        let state = if id == "l3" { PaymentState::Failed } else { PaymentState::Pending };
        store.insert_payment(&Payment { started_at: at(second), state, ..payment("list", id) }).await?;
    }
    let mut filter = PaymentFilter::default();
    filter.merchant = Some(MerchantId::new("list"));
    filter.limit = 2;
    let first = store.list_payments(&filter).await?;
    let ids = |page: &[Payment]| page.iter().map(|payment| payment.key.id.clone()).collect::<Vec<_>>();
    rule(ids(&first) == ["l1", "l2"], "a page is in the order of the starts and keeps its limit")?;
    let second = match first.last() {
        Some(last) => store.list_payments(&filter.clone().after(last)).await?,
        None => Vec::new(),
    };
    rule(ids(&second) == ["l3", "l4"], "the next page goes on after the last one")?;
    filter.states = vec![PaymentState::Failed];
    rule(ids(&store.list_payments(&filter).await?) == ["l3"], "states are picked")?;
    filter.states.clear();
    (filter.from, filter.to) = (Some(at(10)), Some(at(11)));
    rule(
        ids(&store.list_payments(&filter).await?) == ["l1", "l2"],
        "`from` belongs to the time, `to` does not",
    )
}
