//! How a run ended, and what follows: pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::model::{ClaimedRun, RunEnd, RunReason, RunRequest};
use crate::report::{RunOutcome, RunReport, SyncReport};

use super::due::{Todo, Wanted};

/// How a run ended, as far as its claim is concerned. Of several parts the worst counts, and these grow worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// It came to its end.
    Done,
    /// It failed, or something that it was to read is not known.
    Unfinished,
    /// The same, after it waited in vain for the POS.
    Silent,
    /// It did not begin, as another run of the merchant is at it.
    Busy,
    /// It was cut off.
    Stopped,
    /// Somebody asked for its stop.
    Withdrawn,
}

/// How long a run waits for another one of the same merchant.
const BUSY: TimeDelta = TimeDelta::seconds(30);

impl Ending {
    pub(super) fn of(report: &RunReport) -> Self {
        match report.outcome {
            // Whatever timed out is read by the next run, which need not wait for the next day.
            RunOutcome::Completed if !report.worth_repeating => Self::Done,
            RunOutcome::Busy => Self::Busy,
            RunOutcome::Cancelled => Self::Stopped,
            _ if report.timed_out => Self::Silent,
            _ => Self::Unfinished,
        }
    }

    /// That of a whole sync. One whose menu is done and that [leaves its stock](leaves_stock) has come to its end.
    pub(super) fn of_sync(report: &SyncReport, leaves_stock: bool) -> Self {
        let stock = report.stock.as_ref().filter(|_| !leaves_stock);
        Self::of(&report.menu).max(stock.map_or(Self::Done, Self::of))
    }

    /// What is recorded of the claim, and what is asked for next. A run that failed is tried `again`, after a rest of `pause`.
    pub(super) fn recorded(
        self,
        again: Option<Wanted>,
        next: Vec<RunRequest>,
        pause: TimeDelta,
        now: DateTime<Utc>,
    ) -> (RunEnd, Vec<RunRequest>) {
        match self {
            Self::Done | Self::Withdrawn => (RunEnd::Done, next),
            Self::Unfinished | Self::Silent => match again {
                Some(wanted) => {
                    let failed = if self == Self::Silent { RunEnd::Silent } else { RunEnd::Failed };
                    let again = now + pause;
                    let retry = wanted.without_accepting_loss().request(RunReason::Retry, again);
                    let rested = |request: RunRequest| match request.reason {
                        // Its own interval is no way around the rest.
                        RunReason::Stock => RunRequest { due_at: request.due_at.max(again), ..request },
                        _ => request,
                    };
                    (failed, next.into_iter().map(rested).chain([retry]).collect())
                }
                None => (RunEnd::Done, next),
            },
            // Everything that asked for it still does.
            Self::Busy => (RunEnd::Postponed(now + BUSY), Vec::new()),
            Self::Stopped => (RunEnd::GivenBack, Vec::new()),
        }
    }
}

/// Whether the stock of a sync is left to another run, and the menu not synced again for it: a pull is under way, which may have begun
/// before the menu changed, or the process stops in the middle of it.
pub(super) fn leaves_stock(report: &SyncReport, is_cut_off: bool) -> bool {
    report.stock.as_ref().is_some_and(|stock| match stock.outcome {
        RunOutcome::Busy => true,
        RunOutcome::Cancelled => is_cut_off,
        _ => false,
    })
}

/// What is kept of a run, whole, under its kind: the JSON of [`last_reports`](crate::store::RunStore::last_reports).
#[derive(Debug, Serialize)]
pub(super) struct Kept<'a, Report> {
    /// Why it ran.
    asked_by: Vec<&'a RunReason>,
    /// The last calendar day that has had its daily run.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_day: Option<NaiveDate>,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a, Report: Serialize> Kept<'a, Report> {
    pub(super) fn of(run: &'a ClaimedRun, report: &'a Report) -> Self {
        let asked_by = run.requests.iter().map(|request| &request.reason).collect();
        Self { asked_by, last_day: None, report }
    }

    /// The same of a run that was of no day.
    pub(super) fn after_day(self, last_day: Option<NaiveDate>) -> Self {
        Self { last_day, ..self }
    }

    /// The same with the day that has had its run: this one's when it came to its end, or the last one that had.
    pub(super) fn of_day(self, ending: Ending, todo: &Todo, last_day: Option<NaiveDate>) -> Self {
        let day = todo.run.and_then(|run| run.day).filter(|_| ending == Ending::Done);
        Self { last_day: day.max(last_day), ..self }
    }

    /// The last calendar day that has had its daily run.
    pub(super) fn last_day(&self) -> Option<NaiveDate> {
        self.last_day
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::SyncContext;
    use crate::fleet::due::sync_todo;
    use crate::model::{RunKind, RunReason};
    use crate::report::Scope;

    fn part(outcome: RunOutcome) -> RunReport {
        let (scheduled, now) = (SyncContext::Scheduled, DateTime::UNIX_EPOCH);
        let mut report = RunReport::start("menu", "m".into(), scheduled, Scope::Incremental, now);
        report.finish(outcome, now);
        report
    }

    fn of_sync(menu: RunOutcome, stock: RunOutcome) -> Ending {
        let report = SyncReport { menu: part(menu), stock: Some(part(stock)) };
        Ending::of_sync(&report, leaves_stock(&report, false))
    }

    #[test]
    fn the_worst_part_decides() {
        use RunOutcome::{Busy, Cancelled, Completed};
        let failed = || RunOutcome::Failed { message: "away".into(), advice: "wait".into() };
        assert_eq!(of_sync(Completed, failed()), Ending::Unfinished);
        assert_eq!(of_sync(failed(), Cancelled), Ending::Stopped);
        assert_eq!(of_sync(Completed, Completed), Ending::Done);
        assert_eq!(of_sync(Busy, Completed), Ending::Busy);
        let incomplete = RunOutcome::Incomplete { message: String::new(), advice: String::new() };
        assert_eq!(Ending::of(&part(incomplete)), Ending::Unfinished, "it is tried again by itself");
    }

    #[test]
    fn a_menu_that_was_synced_is_done_also_while_another_pull_has_the_stock() {
        assert_eq!(of_sync(RunOutcome::Completed, RunOutcome::Busy), Ending::Done);
        let of_stock_alone = Ending::of(&part(RunOutcome::Busy));
        assert_eq!(of_stock_alone, Ending::Busy);
    }

    #[test]
    fn a_menu_that_was_synced_is_done_when_the_process_stops_at_the_stock() {
        let report =
            SyncReport { menu: part(RunOutcome::Completed), stock: Some(part(RunOutcome::Cancelled)) };
        assert!(leaves_stock(&report, true));
        assert_eq!(Ending::of_sync(&report, true), Ending::Done);
        assert!(!leaves_stock(&report, false), "a person stopped it");
    }

    #[test]
    fn a_run_in_which_something_failed_that_may_pass_is_not_done() {
        let passes = RunReport { worth_repeating: true, ..part(RunOutcome::Completed) };
        assert_eq!(Ending::of(&passes), Ending::Unfinished);
        let timed_out = RunReport { timed_out: true, ..passes };
        assert_eq!(Ending::of(&timed_out), Ending::Silent, "the next one may hold others up");
        let refused = RunReport { timed_out: true, ..part(RunOutcome::Completed) };
        assert_eq!(Ending::of(&refused), Ending::Done, "nothing of it is worth another one");
    }

    #[test]
    fn that_the_pos_timed_out_is_recorded() {
        let recorded = |ending: Ending| {
            ending.recorded(Some(Wanted::SCHEDULED), Vec::new(), TimeDelta::zero(), DateTime::UNIX_EPOCH).0
        };
        assert_eq!(
            (recorded(Ending::Silent), recorded(Ending::Unfinished)),
            (RunEnd::Silent, RunEnd::Failed)
        );
    }

    #[test]
    fn the_interval_of_stock_is_no_way_around_the_rest_of_a_pull_that_failed() {
        let now = DateTime::UNIX_EPOCH;
        let interval = RunRequest::new(RunReason::Stock, now + TimeDelta::minutes(1));
        let (_, next) =
            Ending::Unfinished.recorded(Some(Wanted::SCHEDULED), vec![interval], TimeDelta::minutes(8), now);
        assert!(next.iter().all(|request| request.due_at == now + TimeDelta::minutes(8)), "{next:?}");
    }

    #[test]
    fn what_failed_is_tried_again_as_it_was_asked_for() {
        let now = DateTime::UNIX_EPOCH;
        let wanted = Wanted::new(SyncContext::Webhook, Scope::Full);
        let daily = RunRequest::new(RunReason::Daily, now + TimeDelta::days(1));
        let pause = TimeDelta::minutes(2);
        let (end, next) = Ending::Unfinished.recorded(Some(wanted), vec![daily.clone()], pause, now);
        assert_eq!(end, RunEnd::Failed);
        assert_eq!(next, [daily.clone(), wanted.request(RunReason::Retry, now + pause)]);
        let recorded = Ending::Unfinished.recorded(None, vec![daily.clone()], pause, now);
        assert_eq!(recorded, (RunEnd::Done, vec![daily]), "unless nobody wants that");
    }

    #[test]
    fn a_retry_believes_no_answer_that_nobody_has_seen() {
        let now = DateTime::UNIX_EPOCH;
        let wanted = Wanted::new(SyncContext::Manual, Scope::Full).accepting_loss(now);
        let (_, next) = Ending::Unfinished.recorded(Some(wanted), Vec::new(), TimeDelta::minutes(1), now);
        assert!(!sync_todo(&next, None, None, now + TimeDelta::minutes(1)).run.unwrap().accepts_loss());
    }

    #[test]
    fn what_was_cut_off_keeps_its_requests() {
        let recorded = |ending: Ending| {
            ending.recorded(Some(Wanted::SCHEDULED), Vec::new(), TimeDelta::zero(), DateTime::UNIX_EPOCH)
        };
        assert_eq!(recorded(Ending::Stopped), (RunEnd::GivenBack, Vec::new()));
        assert_eq!(recorded(Ending::Withdrawn), (RunEnd::Done, Vec::new()), "somebody wanted it to stop");
    }

    #[test]
    fn the_day_that_had_its_run_is_remembered_through_runs_of_other_reasons() {
        let run = ClaimedRun {
            connection: "m".into(),
            kind: RunKind::SYNC,
            requests: vec![RunRequest::new(RunReason::AskedFor, DateTime::UNIX_EPOCH)],
            failures: 0,
            silent: false,
            lost: 0,
            until: DateTime::UNIX_EPOCH,
            token: 1,
        };
        let day: NaiveDate = "2026-07-01".parse().unwrap();
        let of_day = Todo { run: Some(Wanted { day: Some(day), ..Wanted::SCHEDULED }), next: Vec::new() };
        let other = Todo { run: Some(Wanted::SCHEDULED), next: Vec::new() };
        let kept = |ending, todo: &Todo, last| {
            let report = serde_json::json!({ "menu": 1 });
            Kept::of(&run, &report).of_day(ending, todo, last).last_day()
        };
        assert_eq!(kept(Ending::Done, &of_day, None), Some(day));
        assert_eq!(kept(Ending::Done, &other, Some(day)), Some(day));
        assert_eq!(kept(Ending::Unfinished, &of_day, None), None);
    }
}
