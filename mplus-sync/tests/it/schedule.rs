//! The daily runner, on a clock that a test moves.

use std::cell::RefCell;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mplus_sync::cancel::CancelToken;
use mplus_sync::runtime::Runtime;
use mplus_sync::schedule::{DailySchedule, run_daily};

use crate::support::TestRuntime;

fn daily() -> DailySchedule {
    DailySchedule::at(2, 30).unwrap()
}

fn short(instant: DateTime<Utc>) -> String {
    instant.format("%m-%dT%H:%M").to_string()
}

#[tokio::test]
async fn runs_once_a_day_across_the_spring_change_until_cancelled() {
    let runtime = TestRuntime::at("2026-03-27T12:00:00Z");
    let (cancel, runs) = (CancelToken::new(), RefCell::new(Vec::new()));
    run_daily(&daily(), &runtime, &cancel, async |due| {
        assert!(runtime.now() >= due, "started before it was due");
        runs.borrow_mut().push(short(due));
        if runs.borrow().len() == 3 {
            cancel.cancel();
        }
    })
    .await;
    assert_eq!(runs.into_inner(), ["03-28T01:30", "03-29T01:00", "03-30T00:30"]);
}

#[tokio::test]
async fn a_cancel_drops_the_job_that_is_running() {
    let runtime = TestRuntime::at("2026-03-27T12:00:00Z");
    let cancel = CancelToken::new();
    run_daily(&daily(), &runtime, &cancel, async |_| {
        cancel.cancel();
        std::future::pending::<()>().await;
    })
    .await;
    assert!(cancel.is_cancelled());
}

#[tokio::test]
async fn a_job_that_takes_two_days_leaves_out_the_run_it_missed() {
    let runtime = TestRuntime::at("2026-07-01T12:00:00Z");
    let (cancel, runs) = (CancelToken::new(), RefCell::new(Vec::new()));
    run_daily(&daily(), &runtime, &cancel, async |due| {
        runs.borrow_mut().push(short(due));
        match runs.borrow().len() {
            1 => runtime.set("2026-07-04T12:00:00Z"),
            _ => cancel.cancel(),
        }
    })
    .await;
    assert_eq!(runs.into_inner(), ["07-02T00:30", "07-05T00:30"]);
}

#[tokio::test]
async fn waits_in_short_pieces_so_that_a_moved_clock_is_noticed() {
    let runtime = TestRuntime::at("2026-07-01T12:00:00Z");
    let cancel = CancelToken::new();
    run_daily(&daily(), &runtime, &cancel, async |_| cancel.cancel()).await;
    let sleeps = runtime.sleeps();
    assert!(sleeps.iter().all(|sleep| *sleep <= Duration::from_secs(15 * 60)), "{sleeps:?}");
    assert!(sleeps.iter().sum::<Duration>() >= Duration::from_secs(45_000), "12.5 hours until 00:30 UTC");
}
