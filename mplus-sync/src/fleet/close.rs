//! What is written down of a run that has ended.

use std::time::Duration;

use chrono::NaiveDate;
use serde::Serialize;

use crate::model::{ClaimedRun, RunEnd, RunKind, RunRequest, StoredReport};
use crate::report::{RunOutcome, RunReport};
use crate::runtime::{Unheard, of_host};
use crate::store::StoreError;

use super::alive::is_lost;
use super::due::{self, later, pause};
use super::ending::{Ending, Kept};
use super::observe;
use super::observer::PATIENCE;
use super::process::Process;
use super::report::RunCounts;

/// The last day that has had its run.
pub(super) async fn known_day(process: &Process, run: &ClaimedRun) -> Result<Option<NaiveDate>, StoreError> {
    if run.kind != RunKind::SYNC {
        return Ok(None);
    }
    process.host.store().last_day(&run.connection, &RunKind::SYNC).await
}

/// Keeps a run's report in place of the last one. A run whose claim was lost has none: another process has it, or its merchant is gone.
pub(super) async fn save<Report: Serialize>(process: &Process, run: &ClaimedRun, kept: &Kept<'_, Report>) {
    let until = later(process.host.runtime().now(), process.settings.claim);
    if process.host.store().extend_run(run, until, None).await.is_err_and(|error| is_lost(&error)) {
        return;
    }
    if let Ok(json) = serde_json::to_string(kept) {
        let report = StoredReport { at: process.host.runtime().now(), day: kept.last_day(), json };
        // The run goes its way whatever becomes of this; the activity log tells of it as well.
        if let Err(error) = process.host.store().save_report(&run.connection, &run.kind, &report).await {
            observe::store_failed(&error);
        }
    }
}

/// Keeps a run's report in place of the last one, and tells the host of its parts; one that did not begin is none.
pub(super) async fn keep<'r, Report: Serialize>(
    process: &Process,
    run: &ClaimedRun,
    ending: Ending,
    kept: &Kept<'_, Report>,
    parts: impl IntoIterator<Item = &'r RunReport>,
) {
    if ending == Ending::Busy {
        return;
    }
    save(process, run, kept).await;
    if let Some(observer) = &process.run_observer {
        let began = |part: &&RunReport| part.outcome != RunOutcome::Busy;
        for part in parts.into_iter().filter(began).collect::<Vec<_>>() {
            let telling = async { observer.ended(&run.kind, part).await };
            if let Err(unheard) = of_host(&**process.host.runtime(), PATIENCE, telling).await {
                observe::not_told(&run.connection, unheard);
                // One that hangs would hold the run up once more.
                if unheard == Unheard::TookTooLong {
                    return;
                }
            }
        }
    }
}

/// Ends a run that failed before it could do anything: everything that asked for it is tried again, after a rest that doubles.
pub(super) async fn try_again(process: &Process, run: &ClaimedRun) -> RunCounts {
    let (runtime, settings) = (process.host.runtime(), &process.settings);
    let rest = pause(run.failures, settings.first_pause, settings.longest_pause, runtime.random());
    let at = runtime.now() + rest;
    let next: Vec<RunRequest> = run.requests.iter().map(|request| due::again(request, at)).collect();
    end(process, run, RunEnd::Failed, &next).await
}

/// Records how a run ended. A store that fails leaves the claim to end by itself; then the run is taken up again.
pub(super) async fn end(process: &Process, run: &ClaimedRun, end: RunEnd, next: &[RunRequest]) -> RunCounts {
    const TRIES: u32 = 4;
    for attempt in 1..=TRIES {
        match process.host.store().finish_run(run, end, next).await {
            Ok(()) => {
                let mut counts = RunCounts::default();
                match end {
                    RunEnd::Done => counts.done = 1,
                    RunEnd::Failed | RunEnd::Silent => counts.failed = 1,
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
