//! One claimed run.

use std::panic::AssertUnwindSafe;

use chrono::NaiveDate;
use futures_util::FutureExt;
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::connection::OpenError;
use crate::model::{ClaimedRun, RunEnd, RunKind, RunReason};
use crate::report::SyncReport;
use crate::run::RunOptions;
use crate::schedule::DailySchedule;
use crate::stock::StockOptions;
use crate::store::StoreError;
use crate::sync::stock_after;

use super::alive::{Alive, Ended};
use super::broken::{self, Broken};
use super::close::{end, keep, known_day, save, try_again};
use super::due::{self, Todo, Wanted, later, pause};
use super::ending::{Ending, Kept, leaves_stock};
use super::left_out::is_unreadable;
use super::observe;
use super::open::Open;
use super::process::Process;
use super::report::{FleetReport, RunCounts};
use super::{trouble, upkeep};

/// The kinds that a fleet carries out; others are the host's own.
pub(super) const KINDS: [RunKind; 5] =
    [RunKind::UPKEEP, RunKind::SYNC, RunKind::MENU, RunKind::STOCK, RunKind::DRY_RUN];

/// Carries a claimed run out and records how it ended.
pub(super) async fn carry_out(process: &Process, run: ClaimedRun, cut: &CancelToken) -> FleetReport {
    let span = observe::run_span(&run);
    let whole = async {
        if let Some(broken) = Broken::of(&run) {
            return FleetReport { runs: broken::fail(process, &run, broken).await, ..FleetReport::default() };
        }
        // A POS that kept silent the last time may do so again, and others need the room. What a person waits for has its turn.
        let is_kept_apart = run.silent && !due::somebody_waits(&run.requests);
        let place = is_kept_apart.then(|| process.silent_runs.take());
        if let Some(None) = place {
            let again = RunEnd::Postponed(process.again.at(process.host.runtime().now()));
            return FleetReport { runs: end(process, &run, again, &[]).await, ..FleetReport::default() };
        }
        match AssertUnwindSafe(work(process, &run, cut)).catch_unwind().await {
            Ok(runs) => FleetReport { runs, ..FleetReport::default() },
            Err(_) => {
                observe::panicked();
                let runs = broken::fail(process, &run, Broken::Panicked).await;
                FleetReport { runs, panics: 1, ..FleetReport::default() }
            }
        }
    };
    whole.instrument(span).await
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
        // Disconnected or removed meanwhile.
        Err(error @ OpenError::NotConnected(_)) => return without_merchant(process, run, &error).await,
        Err(error) if is_unreadable(&error) => return leave_to_others(process, run, &error).await,
        // The database or the vault does not answer now.
        Err(error) => {
            trouble::cannot_be_opened(process, &run.connection, &error).await;
            return try_again(process, run).await;
        }
    };
    if run.kind == RunKind::UPKEEP {
        let next = upkeep::look_after(process, &merchant, &run.connection).await;
        return match next {
            Ok(next) => {
                let ended = end(process, run, RunEnd::Done, &[next]).await;
                RunCounts { upkeeps: ended.done, done: 0, ..ended }
            }
            Err(error) => put_off(process, run, &error).await,
        };
    }
    let terms = &merchant.terms;
    let last_day = match last_day(process, run, terms.daily.as_ref()).await {
        Ok(day) => day,
        Err(error) => return put_off(process, run, &error).await,
    };
    let todo = match &run.kind {
        kind if *kind == RunKind::STOCK => due::stock_todo(&run.requests, terms, began),
        kind if *kind == RunKind::DRY_RUN => due::sync_todo(&run.requests, None, None, began),
        _ => due::sync_todo(&run.requests, terms.daily.as_ref(), last_day, began),
    };
    let Some(wanted) = todo.run else {
        // Its menu was synced by somebody who was not heard of again, maybe before the stock was pulled.
        if run.kind == RunKind::SYNC
            && run.lost > 0
            && let Err(error) = ask_for_stock(process, run, Wanted::SCHEDULED).await
        {
            return put_off(process, run, &error).await;
        }
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
        Ended::TooLong(Ending::Done) => Ending::Done,
        Ended::TooLong(_) | Ended::Dropped => Ending::Silent,
        Ended::Lost => return RunCounts { lost: 1, ..RunCounts::default() },
    };
    observe::run_ended(run, ending, runtime.now() - began);
    let settings = &process.settings;
    let rest = pause(run.failures, settings.first_pause, settings.longest_pause, runtime.random());
    // Whoever asked for a dry run reads what came of it, and asks again.
    let tries_again = run.kind != RunKind::DRY_RUN;
    let now = runtime.now();
    let next = todo.ended(terms.stock_every, now).next;
    let (as_ended, next) = ending.recorded(tries_again.then_some(wanted), next, rest, now);
    end(process, run, as_ended, &next).await
}

/// Puts off a run whose merchant is not connected now. What is asked for a merchant who is not there at all is dropped: it would be put
/// off for ever.
async fn without_merchant(process: &Process, run: &ClaimedRun, error: &OpenError) -> RunCounts {
    if let Ok(None) = process.host.store().connection(&run.connection).await {
        let ended = end(process, run, RunEnd::Done, &[]).await;
        return RunCounts { dropped: ended.done, done: 0, ..ended };
    }
    observe::not_opened(&run.connection, error);
    let again = later(process.host.runtime().now(), process.settings.first_pause);
    end(process, run, RunEnd::Postponed(again), &[]).await
}

/// Leaves a run to other processes whose merchant's settings or credentials this one cannot read: everything that asked for it still
/// does.
async fn leave_to_others(process: &Process, run: &ClaimedRun, error: &OpenError) -> RunCounts {
    let now = process.host.runtime().now();
    let due = run.requests.iter().map(|request| request.due_at).min().unwrap_or(now);
    trouble::cannot_be_read(process, &run.connection, error, now - due).await;
    match process.left_runs.leave(&run.connection, now) {
        true => end(process, run, RunEnd::GivenBack, &[]).await,
        false => try_again(process, run).await,
    }
}

/// The last day that has had its run, as far as anybody can tell.
async fn last_day(
    process: &Process,
    run: &ClaimedRun,
    daily: Option<&DailySchedule>,
) -> Result<Option<NaiveDate>, StoreError> {
    let known = known_day(process, run).await?;
    if run.kind != RunKind::SYNC || run.lost == 0 {
        return Ok(known);
    }
    let connection = process.host.store().connection(&run.connection).await?;
    let last_menu = connection.and_then(|connection| connection.last_menu_at);
    Ok(known.max(due::day_of_menu(&run.requests, daily, last_menu, process.host.runtime().now())))
}

/// Puts off a run that the store did not let begin.
async fn put_off(process: &Process, run: &ClaimedRun, error: &StoreError) -> RunCounts {
    observe::store_failed(error);
    let again = later(process.host.runtime().now(), process.settings.first_pause);
    end(process, run, RunEnd::Postponed(again), &[]).await
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
    options.accepts_loss = wanted.accepts_loss();
    match &run.kind {
        kind if *kind == RunKind::STOCK => {
            let of_stock =
                StockOptions { context: wanted.context, scope: wanted.scope, progress: &alive.progress };
            let report = integration.stock().pull(&of_stock, &alive.stop).await;
            let ending = Ending::of(&report);
            keep(process, run, ending, &Kept::of(run, &report), [&report]).await;
            ending
        }
        kind if *kind == RunKind::MENU => {
            let report = Box::pin(integration.sync_menu(&options)).await;
            let ending = Ending::of(&report);
            keep(process, run, ending, &Kept::of(run, &report), [&report]).await;
            ending
        }
        _ => {
            let menu = Box::pin(integration.sync_menu(&options)).await;
            let mut report = SyncReport { menu, stock: None };
            // Whoever takes the run over from here need not sync the menu again.
            let kept = Kept::of(run, &report).of_day(Ending::of_sync(&report, false), todo, last_day);
            save(process, run, &kept).await;
            report.stock = Box::pin(stock_after(integration.merchant(), &report.menu, &options)).await;
            let leaves_stock = leaves_stock(&report, alive.is_cut_off());
            let mut ending = Ending::of_sync(&report, leaves_stock);
            if leaves_stock && ask_for_stock(process, run, wanted).await.is_err() {
                ending = ending.max(Ending::Unfinished);
            }
            let kept = Kept::of(run, &report).of_day(ending, todo, last_day);
            keep(process, run, ending, &kept, report.runs()).await;
            ending
        }
    }
}

/// Asks for the pull of stock that a sync has left to it.
async fn ask_for_stock(process: &Process, run: &ClaimedRun, wanted: Wanted) -> Result<(), StoreError> {
    let wanted = Wanted { day: None, ..wanted.without_accepting_loss() };
    let wanted = wanted.request(RunReason::Retry, process.host.runtime().now());
    let asked = process.host.store().request_run(&run.connection, &RunKind::STOCK, wanted).await;
    asked.inspect_err(observe::store_failed)
}
