//! How a run ended, and what follows: pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::model::{ClaimedRun, RunEnd, RunReason, RunRequest};
use crate::report::RunOutcome;

use super::due::{Todo, Wanted};

/// How a run ended, as far as its claim is concerned. Of several parts the worst counts, and these grow worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// It came to its end.
    Done,
    /// It failed, or something that it was to read is not known.
    Unfinished,
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
    pub(super) fn of<'a>(outcomes: impl IntoIterator<Item = &'a RunOutcome>) -> Self {
        let ending = |outcome: &RunOutcome| match outcome {
            RunOutcome::Completed => Self::Done,
            RunOutcome::Busy => Self::Busy,
            RunOutcome::Cancelled => Self::Stopped,
            _ => Self::Unfinished,
        };
        outcomes.into_iter().map(ending).max().unwrap_or(Self::Done)
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
            Self::Unfinished => match again {
                Some(wanted) => {
                    let again = wanted.request(RunReason::Retry, now + pause);
                    (RunEnd::Failed, next.into_iter().chain([again]).collect())
                }
                None => (RunEnd::Done, next),
            },
            // Everything that asked for it still does.
            Self::Busy => (RunEnd::Postponed(now + BUSY), Vec::new()),
            Self::Stopped => (RunEnd::GivenBack, Vec::new()),
        }
    }
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

    /// The same with the day that has had its run: this one's when it came to its end, or the last one that had.
    pub(super) fn of_day(self, ending: Ending, todo: &Todo, last_day: Option<NaiveDate>) -> Self {
        let day = todo.run.and_then(|run| run.day).filter(|_| ending == Ending::Done);
        Self { last_day: day.max(last_day), ..self }
    }
}

/// The last calendar day that has had its daily run, of what was kept.
pub(super) fn last_day(json: &str) -> Option<NaiveDate> {
    #[derive(serde::Deserialize)]
    struct Day {
        last_day: Option<NaiveDate>,
    }
    serde_json::from_str::<Day>(json).ok()?.last_day
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::SyncContext;
    use crate::model::{RunKind, RunReason};
    use crate::report::Scope;

    fn failed() -> RunOutcome {
        RunOutcome::Failed { message: "away".into(), advice: "wait".into() }
    }

    #[test]
    fn the_worst_part_decides() {
        assert_eq!(Ending::of([&RunOutcome::Completed, &failed()]), Ending::Unfinished);
        assert_eq!(Ending::of([&failed(), &RunOutcome::Cancelled]), Ending::Stopped);
        assert_eq!(Ending::of([&RunOutcome::Completed]), Ending::Done);
        assert_eq!(Ending::of([&RunOutcome::Completed, &RunOutcome::Busy]), Ending::Busy);
        let incomplete = RunOutcome::Incomplete { message: String::new(), advice: String::new() };
        assert_eq!(Ending::of([&incomplete]), Ending::Unfinished, "it is tried again by itself");
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
            until: DateTime::UNIX_EPOCH,
            token: 1,
        };
        let day: NaiveDate = "2026-07-01".parse().unwrap();
        let of_day = Todo { run: Some(Wanted { day: Some(day), ..Wanted::SCHEDULED }), next: Vec::new() };
        let other = Todo { run: Some(Wanted::SCHEDULED), next: Vec::new() };
        let kept = |ending, todo: &Todo, last| {
            let report = serde_json::json!({ "menu": 1 });
            let json = serde_json::to_string(&Kept::of(&run, &report).of_day(ending, todo, last)).unwrap();
            last_day(&json)
        };
        assert_eq!(kept(Ending::Done, &of_day, None), Some(day));
        assert_eq!(kept(Ending::Done, &other, Some(day)), Some(day));
        assert_eq!(kept(Ending::Unfinished, &of_day, None), None);
        assert_eq!(last_day("not JSON"), None);
    }
}
