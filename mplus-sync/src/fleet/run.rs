//! One claimed run.

use std::time::Duration;

use chrono::NaiveDate;
use serde::Serialize;
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::model::{ClaimedRun, RunEnd, RunKind, RunRequest, StoredReport};
use crate::report::RunReport;
use crate::run::RunOptions;
use crate::stock::StockOptions;
use crate::store::StoreError;

use super::alive::{Alive, Ended, is_lost};
use super::due::{self, Todo, Wanted, later, pause};
use super::ending::{Ending, Kept, last_day};
use super::observe;
use super::open::Open;
use super::process::Process;
use super::report::{FleetReport, RunCounts};
use super::upkeep;

/// The kinds that a fleet carries out; others are the host's own.
pub(super) const KINDS: [RunKind; 5] =
    [RunKind::UPKEEP, RunKind::SYNC, RunKind::MENU, RunKind::STOCK, RunKind::DRY_RUN];

/// Carries a claimed run out and records how it ended.
pub(super) async fn carry_out(process: &Process, run: ClaimedRun, cut: &CancelToken) -> FleetReport {
    let span = observe::run_span(&run);
    let runs = work(process, &run, cut).instrument(span).await;
    FleetReport { runs, ..FleetReport::default() }
}

/// Gives a run back that was claimed when the process was to stop.
pub(super) async fn give_back(process: &Process, run: &ClaimedRun) -> FleetReport {
    FleetReport { runs: end(process, run, RunEnd::GivenBack, &[]).await, ..FleetReport::default() }
}

async fn work(process: &Process, run: &ClaimedRun, cut: &CancelToken) -> RunCounts {
    let runtime = process.host.runtime();
    let began = runtime.now();
    observe::run_began(run, began);
    let merchant = match process.merchants.open_as_it_is(&run.connection).await {
        Ok(merchant) => merchant,
        // Disconnected or removed meanwhile, or the vault does not answer.
        Err(_) => {
            let rest = pause(run.failures, process.settings.first_pause, process.settings.longest_pause, 1.0);
            return end(process, run, RunEnd::Postponed(began + rest), &[]).await;
        }
    };
    if run.kind == RunKind::UPKEEP {
        let next = upkeep::look_after(process, &merchant, &run.connection).await;
        return match next {
            Ok(next) => {
                let ended = end(process, run, RunEnd::Done, &[next]).await;
                RunCounts { upkeeps: ended.done, done: 0, ..ended }
            }
            Err(_) => {
                let again = later(began, process.settings.first_pause);
                end(process, run, RunEnd::Postponed(again), &[]).await
            }
        };
    }
    let last_day = match known_day(process, run).await {
        Ok(day) => day,
        Err(_) => return end(process, run, RunEnd::GivenBack, &[]).await,
    };
    let terms = &merchant.terms;
    let todo = match &run.kind {
        kind if *kind == RunKind::STOCK => due::stock_todo(&run.requests, terms.stock_every, began),
        kind if *kind == RunKind::DRY_RUN => due::sync_todo(&run.requests, None, None, began),
        _ => due::sync_todo(&run.requests, terms.daily.as_ref(), last_day, began),
    };
    let Some(wanted) = todo.run else {
        let ended = end(process, run, RunEnd::Done, &todo.next).await;
        return RunCounts { dropped: ended.done, done: 0, ..ended };
    };
    let alive = Alive::new(process, run, cut);
    let ending = match alive.while_doing(sync(process, &merchant, run, wanted, &todo, last_day, &alive)).await
    {
        Ended::ByItself(ending) | Ended::CutOff(ending) => ending,
        Ended::Stopped(Ending::Stopped | Ending::Busy) => Ending::Withdrawn,
        // It had come to its end all the same.
        Ended::Stopped(ending) => ending,
        Ended::Lost => return RunCounts { lost: 1, ..RunCounts::default() },
    };
    observe::run_ended(run, ending, runtime.now() - began);
    let settings = &process.settings;
    let rest = pause(run.failures, settings.first_pause, settings.longest_pause, runtime.random());
    // Whoever asked for a dry run reads what came of it, and asks again.
    let tries_again = run.kind != RunKind::DRY_RUN;
    let (as_ended, next) = ending.recorded(tries_again.then_some(wanted), todo.next, rest, runtime.now());
    end(process, run, as_ended, &next).await
}

/// The last day that has had its run.
async fn known_day(process: &Process, run: &ClaimedRun) -> Result<Option<NaiveDate>, StoreError> {
    if run.kind != RunKind::SYNC {
        return Ok(None);
    }
    let report = process.host.store().last_report(&run.connection, &RunKind::SYNC).await?;
    Ok(report.and_then(|report| last_day(&report.json)))
}

/// Does what the run is for and keeps its report.
async fn sync(
    process: &Process,
    merchant: &Open,
    run: &ClaimedRun,
    wanted: Wanted,
    todo: &Todo,
    last_day: Option<NaiveDate>,
    alive: &Alive<'_>,
) -> Ending {
    let integration = &merchant.integration;
    let mut options = RunOptions::incremental(wanted.context)
        .cancelled_by(alive.stop.clone())
        .with_progress(alive.progress.clone());
    options.scope = wanted.scope;
    options.dry_run = run.kind == RunKind::DRY_RUN;
    options.accepts_loss = wanted.accepts_loss;
    match &run.kind {
        kind if *kind == RunKind::STOCK => {
            let of_stock =
                StockOptions { context: wanted.context, scope: wanted.scope, progress: &alive.progress };
            let report = integration.stock().pull(&of_stock, &alive.stop).await;
            let ending = Ending::of([&report.outcome]);
            keep(process, run, ending, &Kept::of(run, &report), [&report]).await;
            ending
        }
        kind if *kind == RunKind::MENU => {
            let report = Box::pin(integration.sync_menu(&options)).await;
            let ending = Ending::of([&report.outcome]);
            keep(process, run, ending, &Kept::of(run, &report), [&report]).await;
            ending
        }
        _ => {
            let report = Box::pin(integration.sync(&options)).await;
            let ending = Ending::of(report.runs().map(|part| &part.outcome));
            let kept = Kept::of(run, &report).of_day(ending, todo, last_day);
            keep(process, run, ending, &kept, report.runs()).await;
            ending
        }
    }
}

/// Keeps a run's report in place of the last one, and tells the host of its parts; one that did not begin is none.
async fn keep<'r, Report: Serialize>(
    process: &Process,
    run: &ClaimedRun,
    ending: Ending,
    kept: &Kept<'_, Report>,
    parts: impl IntoIterator<Item = &'r RunReport>,
) {
    if ending == Ending::Busy {
        return;
    }
    if let Ok(json) = serde_json::to_string(kept) {
        let report = StoredReport { at: process.host.runtime().now(), json };
        // The run is over whatever becomes of this; the activity log tells of it as well.
        if let Err(error) = process.host.store().save_report(&run.connection, &run.kind, &report).await {
            observe::store_failed(&error);
        }
    }
    if let Some(observer) = &process.run_observer {
        for part in parts.into_iter().collect::<Vec<_>>() {
            observer.ended(&run.kind, part).await;
        }
    }
}

/// Records how a run ended. A store that fails leaves the claim to end by itself; then the run is taken up again.
async fn end(process: &Process, run: &ClaimedRun, end: RunEnd, next: &[RunRequest]) -> RunCounts {
    const TRIES: u32 = 4;
    for attempt in 1..=TRIES {
        match process.host.store().finish_run(run, end, next).await {
            Ok(()) => {
                let mut counts = RunCounts::default();
                match end {
                    RunEnd::Done => counts.done = 1,
                    RunEnd::Failed => counts.failed = 1,
                    RunEnd::Postponed(_) => counts.postponed = 1,
                    RunEnd::GivenBack => counts.given_back = 1,
                }
                return counts;
            }
            Err(error) if is_lost(&error) => break,
            Err(error) => {
                observe::store_failed(&error);
                process.host.runtime().sleep(Duration::from_secs(1) * attempt).await;
            }
        }
    }
    RunCounts { lost: 1, ..RunCounts::default() }
}
