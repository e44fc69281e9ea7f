//! One claimed run.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use futures_util::future::{Either, select};
use serde::Serialize;
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::model::{ClaimedRun, RunEnd, RunKind, RunRequest, StoredReport};
use crate::progress::{Progress, ProgressSink};
use crate::run::RunOptions;
use crate::stock::StockOptions;
use crate::store::{StoreError, StoreErrorKind};

use super::due::{self, Todo, Wanted, later, pause};
use super::ending::{Ending, Kept, last_day};
use super::observe;
use super::open::Open;
use super::process::Process;
use super::report::{FleetReport, RunCounts};
use super::upkeep;

/// How often others are told how far a run is, and its claim is prolonged; more often when the claim is short.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// The kinds that a fleet carries out; others are the host's own.
pub(super) const KINDS: [RunKind; 4] = [RunKind::UPKEEP, RunKind::SYNC, RunKind::MENU, RunKind::STOCK];

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
        _ => due::sync_todo(&run.requests, terms.daily.as_ref(), last_day, began),
    };
    let Some(wanted) = todo.run else {
        let ended = end(process, run, RunEnd::Done, &todo.next).await;
        return RunCounts { dropped: ended.done, done: 0, ..ended };
    };
    let alive = Alive::new(process, run, cut);
    let Some(ending) =
        alive.while_doing(sync(process, &merchant, run, wanted, &todo, last_day, &alive)).await
    else {
        return RunCounts { lost: 1, ..RunCounts::default() };
    };
    observe::run_ended(run, ending, runtime.now() - began);
    let settings = &process.settings;
    let rest = pause(run.failures, settings.first_pause, settings.longest_pause, runtime.random());
    let (as_ended, next) = ending.recorded(wanted, todo.next, rest, runtime.now());
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
    match &run.kind {
        kind if *kind == RunKind::STOCK => {
            let of_stock =
                StockOptions { context: wanted.context, scope: wanted.scope, progress: &alive.progress };
            let report = integration.stock().pull(&of_stock, &alive.stop).await;
            let ending = Ending::of([&report.outcome]);
            keep(process, run, ending, &Kept::of(run, &report)).await;
            ending
        }
        kind if *kind == RunKind::MENU => {
            let report = Box::pin(integration.sync_menu(&options)).await;
            let ending = Ending::of([&report.outcome]);
            keep(process, run, ending, &Kept::of(run, &report)).await;
            ending
        }
        _ => {
            let report = Box::pin(integration.sync(&options)).await;
            let ending = Ending::of(report.runs().map(|part| &part.outcome));
            keep(process, run, ending, &Kept::of(run, &report).of_day(ending, todo, last_day)).await;
            ending
        }
    }
}

/// Keeps a run's report in place of the last one; one that did not begin is none.
async fn keep<Report: Serialize>(
    process: &Process,
    run: &ClaimedRun,
    ending: Ending,
    kept: &Kept<'_, Report>,
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

fn is_lost(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::NotFound)
}

/// Keeps a run's claim, and tells others how far it is.
struct Alive<'a> {
    process: &'a Process,
    run: &'a ClaimedRun,
    cut: &'a CancelToken,
    /// Stops the run.
    stop: CancelToken,
    progress: Latest,
}

/// The last that a run told.
#[derive(Clone, Default)]
struct Latest(Arc<Mutex<Option<Progress>>>);

impl Latest {
    fn take(&self) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ProgressSink for Latest {
    fn progress(&self, progress: &Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
    }
}

impl<'a> Alive<'a> {
    fn new(process: &'a Process, run: &'a ClaimedRun, cut: &'a CancelToken) -> Self {
        Self { process, run, cut, stop: CancelToken::new(), progress: Latest::default() }
    }

    /// Does the work as long as the claim is held; none when it was lost. After a cancel the work is stopped, and ends as such.
    async fn while_doing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let lost = async {
            select(pin!(self.until_lost()), pin!(self.cut.cancelled())).await;
            !self.cut.is_cancelled()
        };
        let is_lost = match select(&mut work, pin!(lost)).await {
            Either::Left((done, _)) => return Some(done),
            Either::Right((is_lost, _)) => is_lost,
        };
        // It ends in a moment, and gives back what it holds.
        self.stop.cancel();
        let done = work.await;
        (!is_lost).then_some(done)
    }

    /// Prolongs the claim; ends when it was lost.
    async fn until_lost(&self) {
        let settings = &self.process.settings;
        let (host, every) = (&self.process.host, SIGN_OF_LIFE.min(settings.claim / 3));
        loop {
            host.runtime().sleep(every).await;
            let until = later(host.runtime().now(), settings.claim);
            let note = self.progress.take().and_then(|progress| serde_json::to_string(&progress).ok());
            // A store that cannot be reached now may be reached before the claim ends.
            if let Err(error) = host.store().extend_run(self.run, until, note.as_deref()).await
                && is_lost(&error)
            {
                return;
            }
        }
    }
}
