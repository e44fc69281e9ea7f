//! What every [`Store`] has to do. A host runs [`store`] against its own implementation.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rust_decimal::Decimal;

use crate::event::EventName;
use crate::inbox::{Entry, EntryFilter, EntryId, EntryState, Progress, Pruned, StoredReply};
use crate::payment::{
    Payment, PaymentFilter, PaymentInput, PaymentKey, PaymentState, ProviderNews, ProviderStatus,
};
use crate::{MerchantId, Store, StoreError};

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
    entries(&*store).await?;
    concurrent_entries(&*store).await?;
    owners(&*store).await?;
    due(&*store).await?;
    untold(&*store).await?;
    finding(&*store).await?;
    pruning(&*store).await?;
    payments(&*store).await?;
    concurrent_changes(&*store).await?;
    searching(&*store).await?;
    concurrent_claims(&*store).await?;
    pages(&*store).await
}

/// An instant with the microseconds that every database keeps.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + second, 123_456_000).unwrap_or_default()
}

/// An entry that somebody works on, as a till's event makes it, for tests of stores.
pub fn sample_entry(merchant: &str, id: &str) -> Entry {
    let body: Bytes = format!("{{\"é\":\"{id}\"}}\u{0}").into();
    let entry = Entry::begun(
        EntryId::new(format!("sale:{merchant}.{id}")),
        EventName::CompleteSession,
        MerchantId::new(merchant),
        "restaurant ",
        (body, format!("body:{id}")),
    );
    Entry {
        branch_number: Some(-1),
        subject: Some(format!("session {id}")),
        owner: Some("somebody".to_owned()),
        received_at: at(0),
        due_at: Some(at(90)),
        ..entry
    }
}

fn done(entry: &Entry, second: i64) -> Entry {
    let reply = StoredReply { status: 200, body: "{\"é\":1}".into() };
    Entry { reply: Some(reply), ..entry.clone().ended(EntryState::Done, at(second)) }
}

async fn entries(store: &dyn Store) -> Checked {
    let first = sample_entry("a", "e1");
    rule(store.entry(&first.id).await?.is_none(), "an unknown entry is none")?;
    rule(!store.replace_entry(&first.clone().renewed(at(1))).await?, "only a stored entry is replaced")?;
    rule(store.insert_entry(&first).await?.is_none(), "a new entry is kept")?;
    rule(store.entry(&first.id).await?.as_ref() == Some(&first), "an entry is read as it was written")?;

    let again = Entry { body: Some("other".into()), body_digest: "body:other".to_owned(), ..first.clone() };
    rule(store.insert_entry(&again).await?.as_ref() == Some(&first), "the same id returns the stored entry")?;
    let renamed =
        Entry { id: EntryId::new("bytes:renamed"), event: EventName::CancelSession, ..first.clone() };
    rule(
        store.insert_entry(&renamed).await?.as_ref() == Some(&first),
        "the same body of the same merchant returns the stored entry, whatever its event's name",
    )?;
    rule(store.entry(&renamed.id).await?.is_none(), "what returned a stored entry was not kept")?;
    let others = Entry { body_digest: first.body_digest.clone(), ..sample_entry("b", "e1") };
    rule(store.insert_entry(&others).await?.is_none(), "merchants do not share bodies")?;
    let padded = Entry { id: EntryId::new(format!("{} ", first.id)), ..sample_entry("a ", "e1") };
    rule(store.insert_entry(&padded).await?.is_none(), "a blank at the end of a name makes another name")?;

    let ended = Entry { progress: Progress::Answered, ..done(&first, 5).failed("why\u{0}\n") };
    rule(store.replace_entry(&ended).await?, "the next version replaces the entry")?;
    rule(store.entry(&first.id).await?.as_ref() == Some(&ended), "a replaced entry is read as it was written")
}

async fn concurrent_entries(store: &dyn Store) -> Checked {
    let entry = sample_entry("a", "concurrent");
    let inserts = join_all((0..16).map(|_| store.insert_entry(&entry))).await;
    let inserts = inserts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let kept = inserts.iter().filter(|existing| existing.is_none()).count();
    rule(kept == 1, "of many inserts at once exactly one is kept")
}

async fn owners(store: &dyn Store) -> Checked {
    let first = sample_entry("a", "owned");
    store.insert_entry(&first).await?;
    let takes = (0..16).map(|number| first.clone().claimed(&format!("owner {number}"), at(200)));
    let takes: Vec<_> = takes.collect();
    let taken = join_all(takes.iter().map(|take| store.replace_entry(take))).await;
    let taken = taken.into_iter().collect::<Result<Vec<_>, _>>()?;
    rule(taken.iter().filter(|taken| **taken).count() == 1, "of many who take an entry exactly one gets it")?;
    let holder = store.entry(&first.id).await?.and_then(|entry| entry.owner);
    let winner = taken.iter().position(|taken| *taken).and_then(|number| takes[number].owner.clone());
    rule(holder == winner, "an entry names who took it")?;
    rule(!store.replace_entry(&done(&first, 100)).await?, "who lost an entry cannot finish it")?;
    let back = first.clone().waiting(EntryState::Retrying, at(100));
    rule(!store.replace_entry(&back).await?, "who lost an entry cannot give it back")?;
    rule(store.entry(&first.id).await?.and_then(|entry| entry.owner) == winner, "and changes nothing of it")?;
    if let Some(held) = store.entry(&first.id).await? {
        store.replace_entry(&done(&held, 100)).await?;
    }
    Ok(())
}

async fn due(store: &dyn Store) -> Checked {
    for (merchant, number) in [("busy", 12), ("quiet", 1), ("other", 2)] {
        for id in 0..number {
            let waiting = sample_entry(merchant, &format!("due {id}"));
            let late = if merchant == "busy" { 0 } else { 100 };
            let due_at = Some(at(-1000 + late + id));
            store.insert_entry(&Entry { due_at, state: EntryState::Retrying, ..waiting }).await?;
        }
    }
    let (ended, later) = (sample_entry("busy", "ended"), sample_entry("busy", "later"));
    store
        .insert_entry(&Entry { due_at: None, state: EntryState::Done, ended_at: Some(at(0)), ..ended })
        .await?;
    store.insert_entry(&Entry { due_at: Some(at(1000)), ..later }).await?;

    let found = store.due_entries(at(-800), &[], 3, 100).await?;
    let count = |merchant: &str| found.iter().filter(|entry| entry.merchant.as_str() == merchant).count();
    rule(
        (count("busy"), count("quiet"), count("other")) == (3, 1, 2),
        "of every merchant as many are due as may be",
    )?;
    rule(found.iter().all(|entry| entry.body.is_some()), "what is due comes with its body")?;
    let first = store.due_entries(at(-800), &[], 3, 3).await?;
    let merchants: HashSet<_> = first.iter().map(|entry| entry.merchant.clone()).collect();
    rule(merchants.len() == 3, "no merchant keeps another one waiting")?;
    let except = [MerchantId::new("busy"), MerchantId::new("other")];
    let quiet = store.due_entries(at(-800), &except, 3, 100).await?;
    rule(quiet.len() == 1 && quiet[0].merchant.as_str() == "quiet", "merchants can be left out")?;
    rule(store.due_entries(at(-1001), &[], 3, 100).await?.is_empty(), "nothing is due before its time")?;
    let early = store.due_entries(at(-1000), &[], 3, 100).await?;
    rule(early.len() == 1, "what is due is due at its time")?;
    // Out of the way of what follows.
    for entry in store.due_entries(at(2000), &[], 100, 1000).await? {
        store.replace_entry(&done(&entry, 0)).await?;
    }
    rule(store.due_entries(at(2000), &[], 100, 1000).await?.is_empty(), "what has ended is not due")
}

async fn untold(store: &dyn Store) -> Checked {
    let letter = Entry { version: 0, ..sample_entry("told", "dead").died(at(0), at(90)) };
    store.insert_entry(&letter).await?;
    rule(store.due_entries(at(89), &[], 3, 100).await?.is_empty(), "a dead letter is not due at once")?;
    let due = store.due_entries(at(90), &[], 3, 100).await?;
    rule(due == [letter.clone()], "a dead letter of which the host does not know is due again")?;
    let again = letter.told_in_vain(at(200));
    rule(store.replace_entry(&again).await?, "that it was told in vain is kept")?;
    rule(store.due_entries(at(199), &[], 3, 100).await?.is_empty(), "it waits until it is told again")?;
    rule(store.due_entries(at(200), &[], 3, 100).await? == [again.clone()], "and how often, too")?;
    rule(store.replace_entry(&again.told()).await?, "that it was told is kept")?;
    rule(store.due_entries(at(1000), &[], 3, 100).await?.is_empty(), "what the host knows is not due")
}

async fn finding(store: &dyn Store) -> Checked {
    for (id, second) in [("f1", 10), ("f2", 10), ("f3", 11), ("f4", 20)] {
        let entry = Entry { received_at: at(second), ..sample_entry("find", id) };
        let entry = Entry { subject: Some("one sale".to_owned()), ..entry };
        let state = if id == "f3" { EntryState::Dead } else { EntryState::Done };
        store.insert_entry(&Entry { version: 0, ..entry.ended(state, at(second)) }).await?;
    }
    let merchant = MerchantId::new("find");
    let ids = |page: &[Entry]| page.iter().map(|entry| entry.body_digest.clone()).collect::<Vec<_>>();
    let about = store.entries_about(&merchant, "one sale").await?;
    rule(about.len() == 4, "everything about a sale is found")?;
    rule(about[0].received_at == at(20), "the newest first")?;
    rule(store.entries_about(&MerchantId::new("a"), "one sale").await?.is_empty(), "and nothing of others")?;
    let unread = Entry { subject: None, version: 0, ..sample_entry("read later", "r1") };
    store.insert_entry(&unread).await?;
    let read = Entry { subject: Some("its sale".to_owned()), version: 1, ..unread };
    rule(store.replace_entry(&read).await?, "an entry is changed")?;
    let about = store.entries_about(&MerchantId::new("read later"), "its sale").await?;
    rule(about.len() == 1, "what an entry is about may be found out later")?;

    let mut filter = EntryFilter::default().of(merchant);
    filter.limit = 2;
    let first = store.list_entries(&filter).await?;
    rule(ids(&first) == ["body:f1", "body:f2"], "a page is in the order of arrival and keeps its limit")?;
    rule(first.iter().all(|entry| entry.body.is_none()), "a list is without bodies")?;
    let second = match first.last() {
        Some(last) => store.list_entries(&filter.clone().after(last)).await?,
        None => Vec::new(),
    };
    rule(ids(&second) == ["body:f3", "body:f4"], "the next page goes on after the last one")?;
    filter.states = vec![EntryState::Dead];
    rule(ids(&store.list_entries(&filter).await?) == ["body:f3"], "states are picked")?;
    filter.states.clear();
    (filter.from, filter.to) = (Some(at(11)), Some(at(20)));
    rule(
        ids(&store.list_entries(&filter).await?) == ["body:f3"],
        "`from` belongs to the time, `to` does not",
    )?;
    (filter.from, filter.to) = (None, None);
    filter.subject = Some("another sale".to_owned());
    rule(store.list_entries(&filter).await?.is_empty(), "subjects are picked")
}

async fn pruning(store: &dyn Store) -> Checked {
    let states = [("old", EntryState::Done), ("dead", EntryState::Dead), ("dropped", EntryState::Discarded)];
    for (id, state) in states {
        let entry = sample_entry("prune", id).ended(state, at(-5000));
        store.insert_entry(&Entry { version: 0, ..entry }).await?;
    }
    let open = Entry { due_at: Some(at(-6000)), ..sample_entry("prune", "open") };
    store.insert_entry(&open).await?;
    let young = sample_entry("prune", "young").ended(EntryState::Done, at(-3000));
    store.insert_entry(&Entry { version: 0, ..young }).await?;

    let pruned = store.prune_entries(at(-4000), at(-9000), at(-9000)).await?;
    rule(pruned == Pruned { forgotten: 2, removed: 0 }, "what ended before is forgotten, and nothing else")?;
    let state = async |id: &str| -> Result<_, StoreError> {
        Ok(store.entry(&sample_entry("prune", id).id).await?.map(|entry| (entry.state, entry.body.is_some())))
    };
    rule(state("old").await? == Some((EntryState::Forgotten, false)), "its identity stays, its body goes")?;
    rule(state("dead").await? == Some((EntryState::Dead, true)), "dead letters have a time of their own")?;
    rule(state("young").await? == Some((EntryState::Done, true)), "what ended later stays")?;
    rule(state("open").await? == Some((EntryState::Working, true)), "what has not ended stays")?;
    let repeat = store.insert_entry(&sample_entry("prune", "old")).await?;
    rule(repeat.is_some(), "a repeat of what is forgotten is still known")?;
    store.prune_entries(at(-4000), at(-4000), at(-9000)).await?;
    rule(state("dead").await? == Some((EntryState::Forgotten, false)), "dead letters are forgotten in time")?;
    let pruned = store.prune_entries(at(-4000), at(-4000), at(-4000)).await?;
    rule(pruned.removed == 3, "identities go in the end")?;
    rule(state("old").await?.is_none(), "and are gone then")
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
        provider: "manual".to_owned(),
        ..Payment::new(key, amount, at(0))
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
    let mut paid = ProviderNews::new(ProviderStatus::Pending).with_reference("ref-2");
    paid.transaction_reference = Some("transaction-2".to_owned());
    let other = payment("c", "other");
    store.insert_payment(&other).await?;
    let other = after(&other, PaymentInput::Provider(paid.status), Some(&paid));
    store.replace_payment(&other).await?;
    for reference in ["ref-2", "transaction-2"] {
        rule(
            store.payments_by_reference("manual", "", reference).await? == std::slice::from_ref(&other),
            "a payment is found by the transaction's reference, too",
        )?;
    }
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
        due == [Payment { refresh_at: at(60), version: early.version + 1, ..early.clone() }],
        "exactly the open payments whose time has come are claimed",
    )?;
    let before_the_claim = Payment { version: early.version + 1, ..early };
    rule(
        !store.replace_payment(&before_the_claim).await?,
        "who read a payment before a claim does not make it due again",
    )?;
    let after_the_claim =
        due.into_iter().map(|claimed| Payment { version: claimed.version + 1, told: 7, ..claimed });
    for changed in after_the_claim {
        rule(
            store.replace_payment(&changed).await?
                && store.payment(&changed.key).await?.as_deref() == Some(&changed),
            "who claimed a payment can change it",
        )?;
    }
    rule(
        store.claim_payments(at(59), at(120), 10).await?.iter().all(|payment| payment.key.id != "early"),
        "a claimed payment is nobody else's until then",
    )?;
    let due = store.claim_payments(at(99_000) + TimeDelta::seconds(1), at(200_000), 2).await?;
    rule(due.len() == 2, "the limit is kept")
}

async fn concurrent_claims(store: &dyn Store) -> Checked {
    for number in 0..20 {
        let due = Payment { refresh_at: at(-500), ..payment("claims", &format!("c{number}")) };
        store.insert_payment(&due).await?;
    }
    let claims = join_all((0..8).map(|number| store.claim_payments(at(-499), at(600 + number), 7))).await;
    let claims = claims.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let different: HashSet<_> = claims.iter().map(|payment| payment.key.clone()).collect();
    rule(different.len() == claims.len(), "of many who claim at once nobody gets what another one got")?;
    let mut all = claims.len();
    while all < 20 {
        let more = store.claim_payments(at(-499), at(700), 7).await?.len();
        rule(more > 0, "what nobody claimed is still due")?;
        all += more;
    }
    rule(all == 20, "every due payment is claimed once")?;

    let ended =
        Payment { refresh_at: at(-500), state: PaymentState::Cancelled, ..payment("claims", "ended") };
    store.insert_payment(&ended).await?;
    store.prune_payments(at(-499)).await?;
    rule(store.payment(&ended.key).await?.is_none(), "a payment that ended before is pruned")?;
    rule(
        store.payment(&payment("claims", "c0").key).await?.is_some(),
        "a payment that is open or waits for something is not",
    )
}

async fn pages(store: &dyn Store) -> Checked {
    for (id, second) in [("l1", 10), ("l2", 10), ("l3", 11), ("l4", 20)] {
        let state = if id == "l3" { PaymentState::Failed } else { PaymentState::Pending };
        store.insert_payment(&Payment { started_at: at(second), state, ..payment("list", id) }).await?;
    }
    let merchant = Some(MerchantId::new("list"));
    let mut filter = PaymentFilter { merchant, limit: 2, ..PaymentFilter::default() };
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
