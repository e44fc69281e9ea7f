//! A run whose process did not survive it, or that ended in a panic.
//!
//! It may be the run that ends them: an answer that no memory holds, a fault of ours. So it is not handed on for ever.

use crate::conflict::SyncContext;
use crate::merchant::note_run;
use crate::model::{ClaimedRun, RunKind};
use crate::report::{RunOutcome, RunReport, Scope, SyncReport};

use super::close::{keep, known_day, try_again};
use super::ending::{Ending, Kept};
use super::observe;
use super::process::Process;
use super::report::RunCounts;

/// How many processes in a row may be lost with a run before it rests: a deploy or two end one without being its fault.
const LOST: u32 = 3;

/// Why a run is not carried out again at once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Broken {
    /// So many processes were lost with it.
    Lost(u32),
    Panicked,
}

impl Broken {
    /// Of a run that was claimed: whether it has cost too many processes.
    pub(super) fn of(run: &ClaimedRun) -> Option<Self> {
        (run.lost >= LOST).then_some(Self::Lost(run.lost))
    }

    fn message(self) -> String {
        match self {
            Self::Lost(times) => format!("{times} processes that carried it out were not heard of again"),
            Self::Panicked => "it ended in a panic".to_owned(),
        }
    }
}

const ADVICE: &str =
    "It is tried again after a rest; look what the processes' logs say of it, and report this";

/// Ends a run as failed, with a report; everything that asked for it is tried again after a rest that doubles.
pub(super) async fn fail(process: &Process, run: &ClaimedRun, broken: Broken) -> RunCounts {
    let now = process.host.runtime().now();
    let name = if run.kind == RunKind::STOCK { "stock" } else { RunReport::MENU };
    let mut report =
        RunReport::start(name, run.connection.clone(), SyncContext::Scheduled, Scope::Incremental, now);
    let message = broken.message();
    report.finish(RunOutcome::Failed { message: message.clone(), advice: ADVICE.to_owned() }, now);
    let store = process.host.store();
    // The run is over whatever becomes of these.
    for kept in [
        note_run(&**store, &run.connection, &report, Some(message)).await,
        store.log(&run.connection, &report.activities()).await,
    ] {
        let _ = kept.inspect_err(observe::store_failed);
    }
    keep_report(process, run, report).await;
    try_again(process, run).await
}

/// Keeps the report in place of the last one, as a run of its kind would have.
async fn keep_report(process: &Process, run: &ClaimedRun, report: RunReport) {
    match &run.kind {
        kind if *kind == RunKind::UPKEEP => {}
        kind if *kind == RunKind::SYNC || *kind == RunKind::DRY_RUN => {
            // Without knowing which day has had its run the last report stays.
            let Ok(last_day) = known_day(process, run).await else { return };
            let whole = SyncReport { menu: report, stock: None };
            let kept = Kept::of(run, &whole).after_day(last_day);
            keep(process, run, Ending::Unfinished, &kept, whole.runs()).await;
        }
        _ => keep(process, run, Ending::Unfinished, &Kept::of(run, &report), [&report]).await,
    }
}
