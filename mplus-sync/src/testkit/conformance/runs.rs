//! Behaviours of due runs.

use futures_util::future::join_all;

use crate::model::{
    ClaimedRun, Connection, ConnectionId, Holder, RunEnd, RunKind, RunReason, RunRequest, StoredReport,
};
use crate::store::{RunClaimRequest, Store, StoreErrorKind};

use super::samples::{merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn request(now: i64) -> RunClaimRequest {
    RunClaimRequest::new(Holder::from("w"), 10, minute(now + 5))
}

async fn claim(store: &dyn Store, now: i64) -> Result<Vec<ClaimedRun>, Unmet> {
    Ok(store.claim_runs(&request(now), minute(now)).await?)
}

async fn claim_one(store: &dyn Store, now: i64) -> Result<ClaimedRun, Unmet> {
    let mut claimed = claim(store, now).await?;
    match (claimed.pop(), claimed.is_empty()) {
        (Some(run), true) => Ok(run),
        (first, _) => Err(Unmet(format!("wanted one run, found {:?}", (first, claimed)))),
    }
}

pub(super) async fn one_run(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    let webhook =
        |n: i64| RunRequest::new(RunReason::Webhook, minute(n)).with_details(format!("{{\"n\":{}}}", n % 2));
    let asking = (0..8).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        async move { store.request_run(&merchant(), &RunKind::MENU, webhook(n)).await }
    });
    for asked in join_all(asking).await {
        asked?;
    }
    one.request_run(&merchant(), &RunKind::STOCK, RunRequest::new(RunReason::Stock, minute(3))).await?;
    expect_equal("too early", claim(&*one, -1).await?, Vec::new())?;
    let run = claim_one(&*one, 2).await?;
    expect_equal("what it does", run.kind.clone(), RunKind::MENU)?;
    expect_equal("what asked for it", run.requests.len(), 2)?;
    let first = run.requests.iter().map(|request| request.due_at).min();
    expect_equal("since when", first, Some(minute(0)))?;
    expect_equal("while it runs", claim(&*two, 2).await?, Vec::new())?;
    let known = two.runs(&merchant()).await?;
    let menu = known.iter().find(|run| run.kind == RunKind::MENU);
    let running = menu.and_then(|run| run.running.clone());
    expect_equal("who runs it, since when", running, Some((Holder::from("w"), minute(2))))?;
    one.request_run(&merchant(), &RunKind::MENU, webhook(2)).await?;
    let next = RunRequest::new(RunReason::Daily, minute(600));
    one.finish_run(&run, RunEnd::Done, std::slice::from_ref(&next)).await?;
    let again = two.claim_runs(&request(3).kinds([RunKind::MENU]), minute(3)).await?;
    expect_equal("what was asked for meanwhile", again.len(), 1)?;
    expect_equal("its request", again[0].requests.clone(), vec![webhook(2)])?;
    two.finish_run(&again[0], RunEnd::Done, &[]).await?;
    let known = two.runs(&merchant()).await?;
    let menu = known.iter().find(|run| run.kind == RunKind::MENU);
    expect_equal("the next one", menu.map(|run| run.requests.clone()), Some(vec![next]))
}

pub(super) async fn claimed_by_one(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    for number in 0..30 {
        let connection = ConnectionId::from(format!("m{number}"));
        one.request_run(&connection, &RunKind::SYNC, RunRequest::new(RunReason::Daily, minute(0))).await?;
    }
    let claims = (0..6).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move {
            let mut mine = Vec::new();
            loop {
                let request = RunClaimRequest::new(Holder::from("w"), 4, minute(10));
                let claimed = store.claim_runs(&request, minute(1)).await?;
                if claimed.is_empty() {
                    return Ok::<_, crate::store::StoreError>(mine);
                }
                mine.extend(claimed.into_iter().map(|run| run.connection));
            }
        }
    });
    let mut claimed = Vec::new();
    for mine in join_all(claims).await {
        claimed.extend(mine?);
    }
    // Those that asked at the same moment may have left something.
    claimed.extend(claim(&*one, 1).await?.into_iter().map(|run| run.connection));
    let count = claimed.len();
    claimed.sort();
    claimed.dedup();
    expect_equal("runs claimed", (count, claimed.len()), (30, 30))
}

pub(super) async fn turns(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in 0..20 {
        let connection = ConnectionId::from(format!("m{number}"));
        store
            .request_run(&connection, &RunKind::SYNC, RunRequest::new(RunReason::Daily, minute(number)))
            .await?;
    }
    let asked = ConnectionId::from("z");
    store.request_run(&asked, &RunKind::MENU, RunRequest::new(RunReason::AskedFor, minute(30))).await?;
    let mut claimed = Vec::new();
    for _ in 0..3 {
        let one = RunClaimRequest::new(Holder::from("w"), 1, minute(60));
        claimed.extend(store.claim_runs(&one, minute(30)).await?.into_iter().map(|run| run.connection));
    }
    expect_equal("the order", claimed, vec![asked.clone(), "m0".into(), "m1".into()])?;
    // Not before it is due, whatever its turn.
    store.request_run(&asked, &RunKind::STOCK, RunRequest::new(RunReason::AskedFor, minute(90))).await?;
    let request = RunClaimRequest::new(Holder::from("w"), 100, minute(90)).kinds([RunKind::STOCK]);
    expect_equal("before it is due", store.claim_runs(&request, minute(80)).await?, Vec::new())
}

pub(super) async fn lost(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let daily = RunRequest::new(RunReason::Daily, minute(0));
    store.request_run(&merchant(), &RunKind::SYNC, daily.clone()).await?;
    let slow = claim_one(&*store, 0).await?;
    store.extend_run(&slow, minute(10), Some("{\"done\":3}")).await?;
    let known = store.runs(&merchant()).await?;
    let note = known.first().and_then(|run| run.note.clone());
    expect_equal("how far it is", note.as_deref(), Some("{\"done\":3}"))?;
    expect_equal("before its end", claim(&*store, 9).await?, Vec::new())?;
    let quick = claim_one(&*store, 10).await?;
    expect_equal("what asked for it", quick.requests.clone(), vec![daily.clone()])?;
    let refused = store.extend_run(&slow, minute(60), None).await;
    expect_refused("the slow one's extension", refused, StoreErrorKind::Conflict)?;
    let refused = store.finish_run(&slow, RunEnd::Done, &[]).await;
    expect_refused("the slow one's end", refused, StoreErrorKind::Conflict)?;
    store.finish_run(&quick, RunEnd::GivenBack, &[]).await?;
    let again = claim_one(&*store, 11).await?;
    expect_equal("given back", again.requests.clone(), vec![daily])?;
    let retry = RunRequest::new(RunReason::Retry, minute(20));
    store.finish_run(&again, RunEnd::Failed, &[retry]).await?;
    let backlog = store.run_backlog(minute(21)).await?;
    expect_equal("due", (backlog.due, backlog.running, backlog.oldest), (1, 0, Some(minute(20))))?;
    let retried = claim_one(&*store, 21).await?;
    expect_equal("failures in a row", retried.failures, 1)?;
    let backlog = store.run_backlog(minute(22)).await?;
    expect_equal("running", (backlog.due, backlog.running), (0, 1))?;
    store.finish_run(&retried, RunEnd::Done, &[]).await?;
    expect_equal("nothing is left", store.runs(&merchant()).await?, Vec::new())
}

pub(super) async fn held(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let mut connection = Connection::new(merchant(), "Resto", "pos.example", 1, minute(0));
    connection.paused = Some(minute(0));
    connection.revision = store.save_connection(&connection).await?;
    let request = RunRequest::new(RunReason::Daily, minute(0));
    store.request_run(&merchant(), &RunKind::SYNC, request).await?;
    expect_equal("while it is paused", claim(&*store, 1).await?, Vec::new())?;
    expect_equal("due", store.run_backlog(minute(1)).await?.due, 0)?;
    connection.paused = None;
    store.save_connection(&connection).await?;
    expect_equal("afterwards", claim(&*store, 1).await?.len(), 1)
}

pub(super) async fn left_out(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for name in ["a", "b", "c"] {
        let request = RunRequest::new(RunReason::Daily, minute(0));
        store.request_run(&name.into(), &RunKind::SYNC, request).await?;
    }
    let all = RunClaimRequest::new("w".into(), 6, minute(60));
    let others = all.clone().except(["a".into(), "c".into()]);
    let found = store.claim_runs(&others, minute(1)).await?;
    let whose: Vec<&str> = found.iter().map(|run| run.connection.as_str()).collect();
    expect_equal("what is claimed", whose, vec!["b"])?;
    expect_equal("by somebody else", store.claim_runs(&all, minute(1)).await?.len(), 2)
}

pub(super) async fn without(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for id in ["a", "b", "c", "d"] {
        let mut connection = Connection::new(id, "Resto", "pos.example", 1, minute(0));
        connection.paused = (id == "c").then(|| minute(0));
        store.save_connection(&connection).await?;
    }
    let request = || RunRequest::new(RunReason::AskedFor, minute(0));
    store.request_run(&"b".into(), &RunKind::UPKEEP, request()).await?;
    store.request_run(&"d".into(), &RunKind::SYNC, request()).await?;
    let ids = |names: &[&str]| names.iter().map(|name| ConnectionId::from(*name)).collect::<Vec<_>>();
    let found = store.connections_without_run(&RunKind::UPKEEP, 10).await?;
    expect_equal("neither those that have one nor those that are held", found, ids(&["a", "d"]))?;
    expect_equal("at most one", store.connections_without_run(&RunKind::UPKEEP, 1).await?, ids(&["a"]))
}

pub(super) async fn other_reasons(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let request = |name: &str| RunRequest::new(RunReason::named(name), minute(0));
    for name in ["price_change", "daily", "price_change"] {
        store.request_run(&merchant(), &RunKind::SYNC, request(name)).await?;
    }
    let wanted = vec![request("price_change"), request("daily")];
    expect_equal("what asks for it", claim_one(&*store, 1).await?.requests, wanted)
}

pub(super) async fn reports(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let report = |minutes, json: &str| {
        let day = minute(minutes).date_naive().pred_opt();
        StoredReport { at: minute(minutes), day, json: json.to_owned() }
    };
    store.save_report(&merchant(), &RunKind::STOCK, &report(0, "{}")).await?;
    store.save_report(&merchant(), &RunKind::MENU, &report(1, "{\"old\":1}")).await?;
    let last = report(2, "{\"total\": 2.50,  \"b\":1, \"a\":2}");
    store.save_report(&merchant(), &RunKind::MENU, &last).await?;
    expect_equal(
        "the last, to the letter",
        store.last_report(&merchant(), &RunKind::MENU).await?,
        Some(last.clone()),
    )?;
    expect_equal("its day", store.last_day(&merchant(), &RunKind::MENU).await?, last.day)?;
    let without = StoredReport { day: None, ..report(3, "{}") };
    store.save_report(&merchant(), &RunKind::DRY_RUN, &without).await?;
    expect_equal("without a day", store.last_day(&merchant(), &RunKind::DRY_RUN).await?, None)?;
    expect_equal("of no report", store.last_day(&merchant(), &RunKind::SYNC).await?, None)?;
    let all = store.last_reports(&merchant()).await?;
    let wanted = vec![(RunKind::DRY_RUN, without), (RunKind::MENU, last), (RunKind::STOCK, report(0, "{}"))];
    expect_equal("all", all, wanted)?;
    let none = store.last_report(&ConnectionId::from("other"), &RunKind::MENU).await?;
    expect("another's", none.is_none())
}
