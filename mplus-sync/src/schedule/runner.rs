//! The daily run as a task.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::DailySchedule;
use crate::cancel::CancelToken;
use crate::runtime::Runtime;

/// The longest single wait. A laptop that slept, or a clock that was set, is noticed after at most this long.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Calls `job` with the instant it was due, every day, until `cancel` is thrown.
///
/// Spawn it, or await it beside other work. Runs never overlap: the next one is looked up when `job` has ended, and
/// those that became due meanwhile are left out. A job that is running when `cancel` is thrown is dropped at its next
/// await; a sync survives that and goes on from its checkpoint. What `job` returns is ignored: it reports its own
/// failures, and the next day it is called again.
///
/// ```no_run
/// use mplus_sync::cancel::CancelToken;
/// use mplus_sync::runtime::TokioRuntime;
/// use mplus_sync::schedule::{DailySchedule, run_daily};
///
/// # async fn host() -> Result<(), Box<dyn std::error::Error>> {
/// let schedule = DailySchedule::at(4, 0)?;
/// let cancel = CancelToken::new();
/// run_daily(&schedule, &TokioRuntime, &cancel, async |due| println!("sync of {due}")).await;
/// # Ok(())
/// # }
/// ```
pub async fn run_daily<Job: Future>(
    schedule: &DailySchedule,
    runtime: &dyn Runtime,
    cancel: &CancelToken,
    mut job: impl FnMut(DateTime<Utc>) -> Job,
) {
    let forever = async {
        loop {
            let due = schedule.next_after(runtime.now());
            wait_until(due, runtime).await;
            job(due).await;
        }
    };
    // Ends by the cancel only.
    let _: Result<(), _> = cancel.stop_or(forever).await;
}

async fn wait_until(due: DateTime<Utc>, runtime: &dyn Runtime) {
    // `to_std` refuses negative durations: then `due` has passed.
    while let Ok(left) = (due - runtime.now()).to_std()
        && !left.is_zero()
    {
        runtime.sleep(left.min(LONGEST_WAIT)).await;
    }
}
