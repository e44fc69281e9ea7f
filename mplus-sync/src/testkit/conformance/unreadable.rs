//! Behaviours of rows that cannot be read. They need a factory that can [spoil](super::StoreFactory::spoil) one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{
    ArticleNumber, Connection, ItemEdit, OutboxStateKind, RunEnd, RunKind, RunReason, RunRequest,
};
use crate::store::{
    CatalogEdits, ClaimRequest, NoticeRequest, Page, RunClaimRequest, Select, SetAside, Store, StoreError,
    StoreErrorKind,
};

use super::samples::{item, items, merchant, minute, order, table_order};
use super::{Case, Checked, Spoil, expect, expect_equal, expect_refused};

/// What the host is told that was not told before.
async fn told(store: &dyn Store, now: DateTime<Utc>) -> Result<Vec<(String, OutboxStateKind)>, StoreError> {
    let mut told = Vec::new();
    for notice in store.claim_notices(&NoticeRequest::new(50, now + TimeDelta::minutes(5)), now).await? {
        told.push((notice.notice.order.to_string(), notice.notice.state.kind()));
        store.acknowledge(&notice).await?;
    }
    Ok(told)
}

async fn claimed(store: &dyn Store, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
    let request = ClaimRequest::new("w".into(), 4, now + TimeDelta::minutes(60));
    let mut numbers: Vec<_> =
        store.claim(&request, now).await?.into_iter().map(|entry| entry.order.number.to_string()).collect();
    numbers.sort();
    Ok(numbers)
}

async fn named(store: &dyn Store) -> Result<Vec<(String, String)>, StoreError> {
    Ok(store.unreadable(&merchant()).await?.into_iter().map(|one| (one.kind, one.id)).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(kind, id)| ((*kind).to_owned(), (*id).to_owned())).collect()
}

pub(super) async fn order_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in ["1", "2", "3"] {
        store.enqueue(&merchant(), &order(number), minute(0)).await?;
    }
    let spoiled = [Spoil::Order("1".into()), Spoil::Order("3".into())];
    for spoil in &spoiled {
        if !case.spoil(spoil).await? {
            return Ok(());
        }
    }
    let mut found = Vec::new();
    for minutes in 1..4 {
        found.extend(claimed(&*store, minute(minutes)).await?);
    }
    expect_equal("the neighbours", found, vec!["2".to_owned()])?;
    expect_equal("what is named", named(&*store).await?, pairs(&[("order", "1"), ("order", "3")]))?;
    let attention = OutboxStateKind::NeedsAttention;
    let wanted = vec![("1".to_owned(), attention), ("3".to_owned(), attention)];
    expect_equal("what the host is told, once", told(&*store, minute(4)).await?, wanted)?;
    let lines = store.activities(&merchant(), None, 9).await?;
    let mut subjects: Vec<_> = lines.into_iter().filter_map(|line| line.activity.subject).collect();
    subjects.sort();
    expect_equal("what a person reads", subjects, vec!["1".to_owned(), "3".to_owned()])?;
    let counts = store.counts(&merchant()).await?;
    expect_equal("how they are counted", counts.get(&attention).copied(), Some(2))?;
    let read = store.entry(&merchant(), &"1".into()).await;
    expect_refused("reading it", read, StoreErrorKind::Corrupt)?;
    case.mend(&spoiled[0]).await?;
    store.requeue(&merchant(), &"1".into(), minute(5)).await?;
    let again = store.claim(&ClaimRequest::new("w".into(), 4, minute(60)), minute(5)).await?;
    expect_equal("after it was mended", again.iter().map(|entry| &entry.order).collect(), vec![&order("1")])?;
    let back = told(&*store, minute(5)).await?;
    expect_equal("the host hears of it", back, vec![("1".to_owned(), OutboxStateKind::Waiting)])?;
    case.mend(&spoiled[1]).await?;
    expect_equal("queued with all others", store.requeue_all(&merchant(), None, minute(6)).await?, 1)?;
    expect_equal("and claimed", claimed(&*store, minute(6)).await?, vec!["3".to_owned()])
}

pub(super) async fn order_keeps_its_turn(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in ["1", "2", "3"] {
        store.enqueue(&merchant(), &table_order(number, 7), minute(0)).await?;
    }
    let spoil = Spoil::Order("1".into());
    if !case.spoil(&spoil).await? {
        return Ok(());
    }
    for minutes in 1..4 {
        let overtaking = claimed(&*store, minute(minutes)).await?;
        expect_equal("what overtakes it", overtaking, Vec::<String>::new())?;
    }
    told(&*store, minute(4)).await?;
    store.withdraw(&merchant(), &"1".into(), "nobody can read it", minute(4)).await?;
    let withdrawn = vec![("1".to_owned(), OutboxStateKind::Withdrawn)];
    expect_equal("the host hears of it", told(&*store, minute(4)).await?, withdrawn)?;
    expect_equal("the next one", claimed(&*store, minute(4)).await?, vec!["2".to_owned()])?;
    expect_equal("nothing is named any more", named(&*store).await?, pairs(&[]))?;
    case.mend(&spoil).await?;
    let entry = store.entry(&merchant(), &"1".into()).await?;
    let kind = entry.map(|entry| entry.state.kind());
    expect_equal("once it can be read", kind, Some(OutboxStateKind::Withdrawn))
}

pub(super) async fn runs_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let request = |minutes| RunRequest::new(RunReason::Daily, minute(minutes));
    let kinds: Vec<String> = (10..22).map(|number| format!("kind{number}")).collect();
    for kind in &kinds {
        store.request_run(&merchant(), &RunKind::named(kind), request(0)).await?;
    }
    store.request_run(&"other".into(), &RunKind::SYNC, request(1)).await?;
    for kind in &kinds {
        if !case.spoil(&Spoil::Run(kind.clone())).await? {
            return Ok(());
        }
    }
    let claim = RunClaimRequest::new("w".into(), 4, minute(60));
    let found = store.claim_runs(&claim, minute(2)).await?;
    let whose: Vec<&str> = found.iter().map(|run| run.connection.as_str()).collect();
    expect_equal("behind more of them than are asked for", whose, vec!["other"])?;
    let wanted: Vec<_> = kinds.iter().map(|kind| ("run".to_owned(), kind.clone())).collect();
    expect_equal("what is named", named(&*store).await?, wanted)?;
    expect_equal("what is due", store.run_backlog(minute(2)).await?.due, 0)?;
    expect_equal("what is known", store.runs(&merchant()).await?.len(), 0)?;
    expect_equal("what is counted", store.count_set_aside().await?, SetAside::new(0, 12, 0))?;
    let lines = store.activities(&merchant(), None, 50).await?;
    let of_runs = lines.iter().filter(|line| line.activity.topic == "runs").count();
    expect_equal("what a person reads, once", of_runs, 12)?;
    // Who asks for one that nobody mended begins a new one; what could not be read is kept.
    let asked = RunRequest::new(RunReason::AskedFor, minute(2));
    store.request_run(&merchant(), &RunKind::named(&kinds[1]), asked.clone()).await?;
    let anew = store.claim_runs(&claim, minute(2)).await?;
    expect_equal("a new one", anew.first().map(|run| run.requests.clone()), Some(vec![asked]))?;
    for run in &anew {
        store.finish_run(run, RunEnd::Done, &[]).await?;
    }
    expect_equal("what is named then", named(&*store).await?.len(), 12)?;
    // Who asks for it again once it was mended takes it up.
    case.mend(&Spoil::Run(kinds[0].clone())).await?;
    store
        .request_run(&merchant(), &RunKind::named(&kinds[0]), RunRequest::new(RunReason::AskedFor, minute(3)))
        .await?;
    let again = store.claim_runs(&claim, minute(3)).await?;
    expect_equal("all that asked for it", again.first().map(|run| run.requests.len()), Some(2))?;
    case.mend(&Spoil::Run(kinds[2].clone())).await?;
    expect_equal("taken up after it was mended", store.take_up_again(&merchant(), minute(4)).await?, 10)?;
    let found = store.claim_runs(&claim, minute(4)).await?;
    let found: Vec<&str> = found.iter().map(|run| run.kind.as_str()).collect();
    expect_equal("the one that can be read", found, vec![kinds[2].as_str()])?;
    expect_equal("discarded", store.discard_set_aside(&merchant()).await?, 10)?;
    expect_equal("what is named last", named(&*store).await?.len(), 0)
}

pub(super) async fn run_begun_anew(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.save_connection(&Connection::new(merchant(), "Resto", "pos.example", 1, minute(0))).await?;
    let asked = |minutes| RunRequest::new(RunReason::AskedFor, minute(minutes));
    store.request_run(&merchant(), &RunKind::UPKEEP, asked(0)).await?;
    if !case.spoil(&Spoil::Run(RunKind::UPKEEP.as_str().to_owned())).await? {
        return Ok(());
    }
    let claim = RunClaimRequest::new("w".into(), 4, minute(60));
    expect_equal("what is claimed", store.claim_runs(&claim, minute(1)).await?.len(), 0)?;
    let without = store.connections_without_run(&RunKind::UPKEEP, 9).await?;
    expect_equal("who is found", without, vec![merchant()])?;
    store.request_run(&merchant(), &RunKind::UPKEEP, asked(2)).await?;
    expect_equal("who is found then", store.connections_without_run(&RunKind::UPKEEP, 9).await?.len(), 0)?;
    let anew = store.claim_runs(&claim, minute(3)).await?;
    expect_equal("what is claimed then", anew.len(), 1)?;
    store.finish_run(&anew[0], RunEnd::Done, &[asked(99)]).await?;
    let known = store.runs(&merchant()).await?;
    let failures: Vec<u32> = known.into_iter().map(|run| run.failures).collect();
    expect_equal("how often it failed", failures, vec![0])
}

pub(super) async fn notices_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let numbers: Vec<String> = (10..22).map(|number| number.to_string()).collect();
    for number in numbers.iter().map(String::as_str).chain(["late"]) {
        store.enqueue(&merchant(), &order(number), minute(0)).await?;
        store.withdraw(&merchant(), &number.into(), "the guest left", minute(1)).await?;
    }
    store.requeue(&merchant(), &"10".into(), minute(2)).await?;
    for number in &numbers {
        if !case.spoil(&Spoil::Notice(number.clone())).await? {
            return Ok(());
        }
    }
    let request = NoticeRequest::new(4, minute(60));
    let found = store.claim_notices(&request, minute(3)).await?;
    let orders: Vec<&str> = found.iter().map(|one| one.notice.order.as_str()).collect();
    expect_equal("behind more of them than are asked for", orders, vec!["late"])?;
    let kinds = named(&*store).await?;
    expect(
        "they are named",
        kinds.len() == numbers.len() && kinds.iter().all(|(_, id)| numbers.contains(id)),
    )?;
    expect_equal("never out of their order", store.claim_notices(&request, minute(4)).await?.len(), 0)?;
    expect_equal("what is counted", store.count_set_aside().await?, SetAside::new(0, 0, 12))?;
    let lines = store.activities(&merchant(), None, 50).await?;
    expect_equal("what a person reads, once", lines.len(), 12)?;
    store.requeue(&merchant(), &"11".into(), minute(5)).await?;
    expect_equal("behind it", told(&*store, minute(6)).await?, Vec::new())?;
    expect_equal("discarded", store.discard_set_aside(&merchant()).await?, 12)?;
    let later = vec![("11".to_owned(), OutboxStateKind::Waiting)];
    expect_equal("then it is told", told(&*store, minute(7)).await?, later)
}

pub(super) async fn connection_hidden(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for id in ["a", "merchant", "z"] {
        let mut connection = Connection::new(id, "Resto", "pos.example", 1, minute(0));
        connection.status = connection.status.failed("away", minute(0));
        store.save_connection(&connection).await?;
    }
    let spoil = Spoil::Connection;
    if !case.spoil(&spoil).await? {
        return Ok(());
    }
    let ids = |found: Vec<Connection>| found.into_iter().map(|one| one.id.to_string()).collect::<Vec<_>>();
    let others = || vec!["a".to_owned(), "z".to_owned()];
    expect_equal("a full page", ids(store.connections(Page::first(2)).await?), others())?;
    expect_equal("those that fail", ids(store.failing_connections(Page::first(2)).await?), others())?;
    let counts = store.count_connections().await?;
    expect_equal("what is counted", (counts.all, counts.failing), (3, 3))?;
    expect_equal("what is named", named(&*store).await?, pairs(&[("connection", "merchant")]))?;
    expect_refused("reading it", store.connection(&merchant()).await, StoreErrorKind::Corrupt)?;
    case.mend(&spoil).await?;
    expect_equal("after it was mended", ids(store.connections(Page::first(9)).await?).len(), 3)
}

pub(super) async fn item_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items((1..5).map(|number| item(&format!("i{number}"), number)))).await?;
    let spoil = Spoil::Item("i2".into());
    if !case.spoil(&spoil).await? {
        return Ok(());
    }
    let page = store.items(&merchant(), Select::Page(Page::first(2))).await?;
    let ids: Vec<&str> = page.iter().map(|row| row.record.id.as_str()).collect();
    expect_equal("a full page without it", ids, vec!["i1", "i3"])?;
    let numbers = Select::PosIds((1..5).map(ArticleNumber::new).collect());
    expect_equal("by their numbers", store.items(&merchant(), numbers).await?.len(), 3)?;
    let listed = store.unreadable(&merchant()).await?;
    let named: Vec<(&str, &str)> = listed.iter().map(|one| (one.kind.as_str(), one.id.as_str())).collect();
    expect_equal("what is named", named, vec![("item", "i2")])?;
    // A pull takes the article for a new one, under whatever identifier.
    let chunk = items([item("i2", 2), item("i9", 9)]);
    let applied = store.apply(&merchant(), chunk).await?;
    let parked: Vec<&str> = applied.parked.iter().map(|one| one.id.as_str()).collect();
    expect_equal("left out of a chunk", parked, vec!["i2"])?;
    let applied = store.apply(&merchant(), items([item("another", 2), item("i10", 10)])).await?;
    expect_equal("left out by its number", applied.parked.len(), 1)?;
    let written =
        store.items(&merchant(), Select::Ids(vec!["i9".into(), "i10".into(), "another".into()])).await?;
    expect_equal("its neighbours are written", written.len(), 2)?;
    let edit = CatalogEdits { items: vec![ItemEdit::of("i2").name("New")], ..CatalogEdits::default() };
    let edited = store.save_edits(&merchant(), edit, minute(1)).await;
    expect_refused("editing it", edited, StoreErrorKind::Corrupt)?;
    case.mend(&spoil).await?;
    let mended = store.items(&merchant(), Select::Ids(vec!["i2".into()])).await?;
    expect("nothing has overwritten it", mended.len() == 1 && mended[0].record == item("i2", 2).record)
}
