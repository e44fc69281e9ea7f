//! Runs that are due: what was asked for, by whom it is carried out, what became of it.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, Holder, Newer};

/// How many requests of one run are told apart; what comes on top is told as one that names no details.
const REQUESTS_KEPT: usize = 100;

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunKind(Cow<'static, str>);

impl RunKind {
    /// Menu and stock.
    pub const SYNC: Self = Self(Cow::Borrowed("sync"));
    /// The menu alone.
    pub const MENU: Self = Self(Cow::Borrowed("menu"));
    /// Stock alone.
    pub const STOCK: Self = Self(Cow::Borrowed("stock"));
    /// The menu, without writing anything on either side.
    pub const DRY_RUN: Self = Self(Cow::Borrowed("dry_run"));
    /// What keeps a merchant going: that the daily sync and the stock pull are asked for as the settings say, and that what
    /// is older than its retention goes.
    pub const UPKEEP: Self = Self(Cow::Borrowed("upkeep"));

    /// Another kind.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name under which it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a run is due. Its JSON form is its [name](Self::as_str).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum RunReason {
    /// The daily time.
    Daily,
    /// Stock's own interval.
    Stock,
    /// An earlier run failed, or broke off.
    Retry,
    /// A branch was added.
    NewBranch,
    /// The POS reported a change.
    Webhook,
    /// A person or the host asked.
    AskedFor,
    /// A reason of the host's own, or one that only a newer release knows. It has a name that none of the above has.
    Other(String),
}

impl RunReason {
    /// The reason of this name.
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        let known = [Self::Daily, Self::Stock, Self::Retry, Self::NewBranch, Self::Webhook, Self::AskedFor];
        known.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Self::Other(name))
    }

    /// The name under which it is stored.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Daily => "daily",
            Self::Stock => "stock",
            Self::Retry => "retry",
            Self::NewBranch => "new_branch",
            Self::Webhook => "webhook",
            Self::AskedFor => "asked_for",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for RunReason {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}

impl From<RunReason> for String {
    fn from(reason: RunReason) -> Self {
        match reason {
            RunReason::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

/// One request for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Why.
    pub reason: RunReason,
    /// Not before this.
    pub due_at: DateTime<Utc>,
    /// Context and scope as JSON, for whoever runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

impl RunRequest {
    /// A request without details.
    pub fn new(reason: RunReason, due_at: DateTime<Utc>) -> Self {
        Self { reason, due_at, details: None }
    }

    /// The same with details, as JSON.
    #[must_use]
    pub fn with_details(self, json: impl Into<String>) -> Self {
        Self { details: Some(json.into()), ..self }
    }
}

/// What is asked for of one kind and one connection: several requests become one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueRun {
    /// What waits to be taken up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requests: Vec<RunRequest>,
    /// What is being carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running: Option<Running>,
    /// How often it was claimed ever.
    #[serde(default)]
    claims: i64,
    /// How many runs in a row have failed.
    #[serde(default)]
    failures: u32,
    /// Whether the last of those waited in vain for the POS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
    /// How many of those that carried it out were not heard of again, since it last came to its end.
    #[serde(default, skip_serializing_if = "is_zero")]
    lost: u32,
    /// The text that was stored here before and that a release could not read: kept until one can, or a person discards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    /// What a newer release wrote and this one does not know: kept when it is written again.
    #[serde(skip)]
    pub(crate) newer: Option<Newer>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A run that somebody carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    requests: Vec<RunRequest>,
    holder: HolderParts,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HolderParts {
    slot: String,
    life: String,
    run: String,
}

impl HolderParts {
    fn of(holder: &Holder) -> Self {
        let (life, run) = (holder.life().to_owned(), holder.run_name().to_owned());
        Self { slot: holder.slot().to_string(), life, run }
    }

    fn holder(&self) -> Holder {
        Holder::of(self.slot.as_str().into(), self.life.as_str()).run(self.run.as_str())
    }
}

/// A run that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRun {
    /// Whose.
    pub connection: ConnectionId,
    /// What to do.
    pub kind: RunKind,
    /// Everything that it was asked for by.
    pub requests: Vec<RunRequest>,
    /// How many runs in a row have failed before.
    pub failures: u32,
    /// Whether the last of those waited in vain for the POS: this one may hold others up.
    pub silent: bool,
    /// When it is taken over from somebody who was not heard of again: how often that was so since it last came to its end.
    /// It may be the run that ends them. 0 when it is not taken over.
    pub lost: u32,
    /// Until when the claim holds, unless it is extended.
    pub until: DateTime<Utc>,
    /// What tells this claim from the one before.
    pub token: i64,
}

/// How a claimed run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// As it should: failures are counted anew.
    Done,
    /// It failed: what asked for it is done with all the same, ask for the next one.
    Failed,
    /// The same, after it waited in vain for the POS; [`ClaimedRun::silent`] says so of the next one.
    Silent,
    /// It was not carried out: everything that asked for it still does.
    GivenBack,
    /// It could not be carried out now: everything that asked for it still does, not before this.
    Postponed(DateTime<Utc>),
}

/// A step of a claimed run that a store keeps, as data: the store reads what is known of the run, has the step
/// [carried out](Self::carry_out), and writes what comes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RunStep<'a> {
    /// [`DueRun::extended`]
    Extend {
        /// Until when the claim holds.
        until: DateTime<Utc>,
        /// How far the run is; none leaves the last note.
        note: Option<&'a str>,
    },
    /// [`DueRun::finished`]
    Finish {
        /// How it ended.
        end: RunEnd,
        /// What is asked for next.
        next: &'a [RunRequest],
    },
}

impl RunStep<'_> {
    /// What becomes of a run.
    ///
    /// # Errors
    /// [`RunLost`] when the claim is no longer the current one: nothing is written then.
    pub fn carry_out(&self, run: DueRun, claim: &ClaimedRun) -> Result<DueRun, RunLost> {
        match *self {
            Self::Extend { until, note } => run.extended(claim, until, note),
            Self::Finish { end, next } => run.finished(claim, end, next),
        }
    }

    /// What it does, for errors.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Extend { .. } => "extend the claim of a run",
            Self::Finish { .. } => "end a run",
        }
    }
}

/// What is known of a run that is due or carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStatus {
    /// Whose.
    pub connection: ConnectionId,
    /// What it does.
    pub kind: RunKind,
    /// When it is next due; none when nobody asks for another one.
    pub due_at: Option<DateTime<Utc>>,
    /// What asks for it.
    pub requests: Vec<RunRequest>,
    /// Who carries one out, and since when; the claim may have ended since.
    pub running: Option<(Holder, DateTime<Utc>)>,
    /// How far it is: what its holder last noted, as JSON.
    pub note: Option<String>,
    /// How many runs in a row have failed.
    pub failures: u32,
}

/// The last report of a kind of run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// When the run ended.
    pub at: DateTime<Utc>,
    /// The last calendar day, in the merchant's zone, that has had its daily run.
    pub day: Option<NaiveDate>,
    /// The report as JSON, kept to the letter.
    pub json: String,
}

/// The claim has ended and another took the run up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim was lost: its lease ended and another took the run up")]
pub struct RunLost;

/// What only the stores in the box, which keep runs as text, do with one that cannot be read.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl DueRun {
    /// What is known in the place of a text that cannot be read, which it keeps. No claim of before has a token beyond `claims`.
    pub(crate) fn in_place_of(unread: String, claims: i64) -> Self {
        Self { unread: Some(unread), claims, ..Self::default() }
    }

    /// The text that it keeps and that could not be read when it was put in its place.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// The same without that text.
    pub(crate) fn without_unread(self) -> Self {
        Self { unread: None, ..self }
    }

    /// The same with what the text asked for, which can be read after all.
    pub(crate) fn with_read(self, read: Self) -> Self {
        let running = read.running.map(|running| running.requests).unwrap_or_default();
        let asked = running.into_iter().chain(read.requests);
        asked.fold(Self { unread: read.unread, ..self }, Self::requested)
    }
}

impl DueRun {
    /// Adds a request. One like it changes nothing but the time, to the earlier of both.
    #[must_use]
    pub fn requested(mut self, request: RunRequest) -> Self {
        let same =
            |known: &&mut RunRequest| known.reason == request.reason && known.details == request.details;
        if let Some(known) = self.requests.iter_mut().find(same) {
            known.due_at = known.due_at.min(request.due_at);
        } else if self.requests.len() < REQUESTS_KEPT {
            self.requests.push(request);
        } else {
            let all = RunRequest { details: None, ..request };
            let last = self.requests.len() - 1;
            let due_at = self.requests[last].due_at.min(all.due_at);
            self.requests[last] = RunRequest { due_at, ..all };
        }
        self
    }

    /// When it is next looked at: the first request while nobody carries it out, the claim's end while somebody does.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        match &self.running {
            Some(running) => Some(running.until),
            None => self.requests.iter().map(|request| request.due_at).min(),
        }
    }

    /// Its place among others that are due: those with an earlier one are claimed first. It is when the run is due, and six hours
    /// earlier for what a person waits for, one hour for what the POS reported: nothing waits for ever behind what is asked for.
    pub fn turn(&self) -> Option<DateTime<Utc>> {
        let turn = |request: &RunRequest| {
            let head_start = TimeDelta::hours(match request.reason {
                RunReason::AskedFor | RunReason::NewBranch => 6,
                RunReason::Webhook => 1,
                _ => 0,
            });
            request.due_at.checked_sub_signed(head_start).unwrap_or(request.due_at)
        };
        match &self.running {
            Some(running) => Some(running.until),
            None => self.requests.iter().map(turn).min(),
        }
    }

    /// Whether somebody carries it out, or did until a claim ended.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether nothing is left to be kept: no request, no run, no failure, nothing unread.
    pub fn is_empty(&self) -> bool {
        self.unread.is_none() && self.requests.is_empty() && self.running.is_none() && self.failures == 0
    }

    /// Claims it: takes up everything that is asked for and due, and what a lost run leaves behind.
    pub fn claimed(
        mut self,
        connection: &ConnectionId,
        kind: &RunKind,
        holder: &Holder,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> (Self, ClaimedRun) {
        let lost = self.running.take();
        let is_taken_over = lost.is_some();
        self.lost = self.lost.saturating_add(u32::from(is_taken_over));
        let mut taken = lost.map(|lost| lost.requests).unwrap_or_default();
        // What is due on its own later, such as the next daily run, is still due then.
        let (due, later) = self.requests.into_iter().partition::<Vec<_>, _>(|request| request.due_at <= now);
        self.requests = later;
        for request in due {
            taken = Self { requests: taken, ..Self::default() }.requested(request).requests;
        }
        self.claims += 1;
        let claimed = ClaimedRun {
            connection: connection.clone(),
            kind: kind.clone(),
            requests: taken.clone(),
            failures: self.failures,
            silent: self.silent,
            lost: if is_taken_over { self.lost } else { 0 },
            until,
            token: self.claims,
        };
        self.running =
            Some(Running { requests: taken, holder: HolderParts::of(holder), since: now, until, note: None });
        (self, claimed)
    }

    fn is_held_by(&self, claim: &ClaimedRun) -> bool {
        self.running.is_some() && self.claims == claim.token
    }

    /// Prolongs its claim and keeps how far it is; without a note the last one stays.
    ///
    /// # Errors
    /// [`RunLost`] when the claim is no longer the current one.
    pub fn extended(
        mut self,
        claim: &ClaimedRun,
        until: DateTime<Utc>,
        note: Option<&str>,
    ) -> Result<Self, RunLost> {
        match &mut self.running {
            Some(running) if self.claims == claim.token => {
                running.until = until;
                if let Some(note) = note {
                    running.note = Some(note.to_owned());
                }
            }
            _ => return Err(RunLost),
        }
        Ok(self)
    }

    /// Ends the claimed run. What was asked for meanwhile stays due, and so does everything in `next`.
    ///
    /// # Errors
    /// [`RunLost`] when the claim is no longer the current one.
    pub fn finished(mut self, claim: &ClaimedRun, end: RunEnd, next: &[RunRequest]) -> Result<Self, RunLost> {
        if !self.is_held_by(claim) {
            return Err(RunLost);
        }
        let taken = self.running.take().map(|running| running.requests).unwrap_or_default();
        match end {
            RunEnd::Done => (self.failures, self.silent, self.lost) = (0, false, 0),
            RunEnd::Failed | RunEnd::Silent => {
                self.failures = self.failures.saturating_add(1);
                self.silent = end == RunEnd::Silent;
            }
            RunEnd::GivenBack => {
                for request in taken {
                    self = self.requested(request);
                }
            }
            RunEnd::Postponed(until) => {
                for request in taken {
                    self = self.requested(RunRequest { due_at: request.due_at.max(until), ..request });
                }
            }
        }
        Ok(next.iter().cloned().fold(self, Self::requested))
    }

    /// What is known of it.
    pub fn status(&self, connection: ConnectionId, kind: RunKind) -> RunStatus {
        RunStatus {
            connection,
            kind,
            due_at: self.requests.iter().map(|request| request.due_at).min(),
            requests: self.requests.clone(),
            running: self.running.as_ref().map(|running| (running.holder.holder(), running.since)),
            note: self.running.as_ref().and_then(|running| running.note.clone()),
            failures: self.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes)
    }

    fn claim(run: DueRun, now: i64) -> (DueRun, ClaimedRun) {
        run.claimed(&"merchant".into(), &RunKind::MENU, &"w".into(), at(now + 5), at(now))
    }

    #[test]
    fn several_requests_become_one_run_and_what_is_due_later_stays_due() {
        let asked = |reason, due| RunRequest::new(reason, at(due));
        let run = DueRun::default()
            .requested(asked(RunReason::Webhook, 3))
            .requested(asked(RunReason::Webhook, 1))
            .requested(asked(RunReason::AskedFor, 2))
            .requested(asked(RunReason::Daily, 600));
        let (run, claimed) = claim(run, 2);
        let wanted = [asked(RunReason::Webhook, 1), asked(RunReason::AskedFor, 2)];
        assert_eq!(claimed.requests, wanted);
        let done = run.finished(&claimed, RunEnd::Done, &[]).unwrap();
        assert_eq!(done.due_at(), Some(at(600)));
    }

    #[test]
    fn what_somebody_waits_for_goes_before_what_was_due_earlier_and_that_does_not_wait_for_ever() {
        let turn = |reason, due| DueRun::default().requested(RunRequest::new(reason, at(due))).turn();
        assert!(turn(RunReason::AskedFor, 300) < turn(RunReason::Daily, 0));
        assert!(turn(RunReason::AskedFor, 300) < turn(RunReason::Webhook, 300));
        assert!(turn(RunReason::Webhook, 30) < turn(RunReason::Retry, 0));
        assert!(turn(RunReason::AskedFor, 361) > turn(RunReason::Daily, 0));
        let daily = DueRun::default().requested(RunRequest::new(RunReason::Daily, at(10)));
        let both = daily.requested(RunRequest::new(RunReason::AskedFor, at(20)));
        assert_eq!((both.turn(), both.due_at()), (Some(at(20 - 360)), Some(at(10))));
    }

    #[test]
    fn a_reason_that_a_newer_release_wrote_is_kept_by_its_name() {
        let text = r#"{"requests":[{"reason":"new_branch","due_at":"2027-01-15T08:00:00Z"},
            {"reason":"price_change","due_at":"2027-01-15T08:00:00Z"}],"claims":3,"failures":0}"#;
        let run: DueRun = serde_json::from_str(text).unwrap();
        let reasons: Vec<_> = run.requests.iter().map(|request| request.reason.clone()).collect();
        assert_eq!(reasons, [RunReason::NewBranch, RunReason::Other("price_change".into())]);
        let again = serde_json::to_value(&run).unwrap();
        assert_eq!(again["requests"][1]["reason"], "price_change");
    }

    #[test]
    fn what_is_asked_for_during_a_run_is_due_after_it() {
        let run = DueRun::default().requested(RunRequest::new(RunReason::Webhook, at(0)));
        let (run, claimed) = claim(run, 0);
        let run = run.requested(RunRequest::new(RunReason::Webhook, at(1)));
        assert_eq!(run.due_at(), Some(at(5)));
        let run = run.finished(&claimed, RunEnd::Done, &[]).unwrap();
        assert_eq!(run.due_at(), Some(at(1)));
    }

    #[test]
    fn a_run_whose_worker_is_lost_is_taken_up_with_everything_that_asked_for_it() {
        let run = DueRun::default().requested(RunRequest::new(RunReason::Daily, at(0)));
        let (run, first) = claim(run, 0);
        let (run, second) = claim(run, 5);
        assert_eq!(second.requests, first.requests);
        assert_eq!((first.lost, second.lost), (0, 1));
        assert_eq!(run.clone().finished(&first, RunEnd::Done, &[]).unwrap_err(), RunLost);
        let run = run.finished(&second, RunEnd::Failed, &[]).unwrap();
        assert_eq!(run.status("m".into(), RunKind::MENU).failures, 1);
        let (run, third) = claim(run.requested(RunRequest::new(RunReason::Retry, at(6))), 6);
        assert_eq!(third.lost, 0, "it is not taken over");
        let (run, fourth) = claim(run, 11);
        assert_eq!(fourth.lost, 2, "what was lost is not forgotten before it came to its end");
        let run = run.finished(&fourth, RunEnd::Done, &[RunRequest::new(RunReason::Daily, at(12))]).unwrap();
        let (run, _) = claim(run, 12);
        assert_eq!(claim(run, 17).1.lost, 1);
    }

    #[test]
    fn that_a_pos_timed_out_is_known_until_a_run_ends_in_another_way() {
        let asked = || RunRequest::new(RunReason::Retry, at(0));
        let (run, first) = claim(DueRun::default().requested(asked()), 0);
        assert!(!first.silent);
        let (run, second) = claim(run.finished(&first, RunEnd::Silent, &[asked()]).unwrap(), 0);
        assert_eq!((second.silent, second.failures), (true, 1));
        let postponed = run.clone().finished(&second, RunEnd::Postponed(at(1)), &[]).unwrap();
        assert!(claim(postponed, 1).1.silent, "nothing was heard of it");
        let (_, third) = claim(run.finished(&second, RunEnd::Failed, &[asked()]).unwrap(), 0);
        assert_eq!((third.silent, third.failures), (false, 2));
    }

    #[test]
    fn a_run_that_is_postponed_keeps_everything_that_asked_for_it() {
        let run = DueRun::default()
            .requested(RunRequest::new(RunReason::Daily, at(0)))
            .requested(RunRequest::new(RunReason::AskedFor, at(1)));
        let (run, claimed) = claim(run, 2);
        let run = run.finished(&claimed, RunEnd::Postponed(at(7)), &[]).unwrap();
        let status = run.status("m".into(), RunKind::MENU);
        assert_eq!((status.due_at, status.requests.len(), status.failures), (Some(at(7)), 2, 0));
    }

    #[test]
    fn how_far_a_run_is_can_be_read_as_long_as_it_runs() {
        let run = DueRun::default().requested(RunRequest::new(RunReason::Daily, at(0)));
        let (run, claimed) = claim(run, 0);
        let run =
            run.extended(&claimed, at(9), Some("half")).unwrap().extended(&claimed, at(10), None).unwrap();
        assert_eq!(run.status("m".into(), RunKind::MENU).note.as_deref(), Some("half"));
        let run = run.finished(&claimed, RunEnd::GivenBack, &[]).unwrap();
        assert_eq!(run.status("m".into(), RunKind::MENU).note, None);
    }

    #[test]
    fn a_flood_of_requests_stays_small() {
        let mut run = DueRun::default();
        for number in 0..1000 {
            let request = RunRequest::new(RunReason::Webhook, at(0)).with_details(number.to_string());
            run = run.requested(request);
        }
        let (_, claimed) = claim(run, 0);
        assert_eq!(claimed.requests.len(), REQUESTS_KEPT);
        assert_eq!(claimed.requests[REQUESTS_KEPT - 1].details, None);
    }
}
