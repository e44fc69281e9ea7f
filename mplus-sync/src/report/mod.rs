//! What a run did, and what it leaves to a person.
//!
//! A run fills a [`RunReport`] as it goes and hands it back at the end, also when it was cancelled or failed half-way.
//! It serialises to JSON and prints as a table.
//!
//! However much goes wrong, a report stays small: it counts everything and keeps the first
//! [`DETAILS_KEPT`] details of each sort, with long names and values cut.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use mplus_sync::conflict::SyncContext;
//! use mplus_sync::model::{ConnectionId, Resource};
//! use mplus_sync::report::{Note, RunOutcome, RunReport, Scope, Subject};
//!
//! # fn host(now: DateTime<Utc>) -> Result<(), serde_json::Error> {
//! let mut report = RunReport::start("menu", ConnectionId::from("bistro"), SyncContext::Manual, Scope::Full, now);
//! report.count(&Resource::ARTICLES).pulled += 500;
//! let (message, advice) = ("its price is negative", "Correct it in the POS");
//! report.skip(Note::about(Resource::ARTICLES, Subject::new("Cola", "article 12"), message, advice));
//! report.finish(RunOutcome::Completed, now);
//!
//! println!("{report}");
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! ```

mod activity;
mod erased;
mod sync;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::conflict::{FieldDifference, SyncContext, Why, Winner};
use crate::model::{ConnectionId, LocationId, MissingField, Resource, Unreadable};
use crate::tax::TaxProblem;

pub use sync::SyncReport;

/// How many details of each sort a report keeps; all are counted.
pub const DETAILS_KEPT: usize = 1000;

/// Characters of a name or value that a report keeps.
const LONGEST_TEXT: usize = 200;

/// What a run did. In a dry run: what it would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunReport {
    /// What was synced: `menu`, `stock`.
    pub sync: String,
    /// Whose.
    pub connection: ConnectionId,
    /// What started it.
    pub context: SyncContext,
    /// How much was looked at.
    pub scope: Scope,
    /// Whether nothing was written, on either side.
    pub dry_run: bool,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Calls made to the POS, repeats included.
    pub requests: u64,
    /// Chunks written to the host's store.
    pub writes: u64,
    /// How many of each resource.
    pub counts: BTreeMap<Resource, Counts>,
    /// Left out of this run; a later one takes them along when the cause is gone.
    pub skipped: Details<Note>,
    /// Changed on both sides.
    pub conflicts: Details<Conflict>,
    /// To be done by hand in the POS's back office.
    pub manual_actions: Details<Note>,
    /// To be filled in by hand on the host.
    pub incomplete_locations: Details<IncompleteLocation>,
    /// What did not work.
    pub failures: Details<Note>,
    /// Whether some of what did not work may work by itself later, such as a call that timed out: another run is worth it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub worth_repeating: bool,
    /// Whether calls ended because their time was up: such a run holds others up for as long as the time-outs say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

/// How much a run looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    Full,
    /// What changed since the last run.
    Incremental,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunOutcome {
    /// It has not ended.
    Running,
    /// It did not begin, as another run of this connection is at it.
    Busy,
    /// It came to its end. Single records may have been skipped or failed.
    Completed,
    /// It came to its end, and something that it was to read is not known: what depends on it was left out. The next run
    /// reads it again.
    Incomplete {
        /// What is not known.
        message: String,
        /// What to do.
        advice: String,
    },
    /// It was stopped on request. What was done stays done and the next run goes on from there.
    Cancelled,
    /// It could not go on. What was done stays done and the next run goes on from there.
    Failed {
        /// What went wrong.
        message: String,
        /// What to do.
        advice: String,
    },
}

/// How many of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Taken over from the POS.
    pub pulled: u64,
    /// Read from the POS and the same as before.
    pub unchanged: u64,
    /// Made inactive on the host, because they are no longer sold at the POS.
    pub deactivated: u64,
    /// Sent to the POS.
    pub pushed: u64,
    /// Left out.
    pub skipped: u64,
    /// Changed on both sides.
    pub conflicts: u64,
    /// Not done because something went wrong.
    pub failed: u64,
}

/// What a detail is about, as people know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its identifier: the host's, or `article 12` for what the host does not have.
    pub id: String,
}

impl Subject {
    /// Cuts a name that is too long to be shown.
    pub fn new(name: &str, id: impl fmt::Display) -> Self {
        Self { name: cut(name), id: cut(&id.to_string()) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// Something a person should know: what it is about, what happened, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// What kind of thing it is about.
    pub resource: Resource,
    /// Which one; none when it is about all of them.
    pub subject: Option<Subject>,
    /// What happened.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl Note {
    /// About one record.
    pub fn about(resource: Resource, subject: Subject, message: &str, advice: &str) -> Self {
        Self { subject: Some(subject), ..Self::general(resource, message, advice) }
    }

    /// About a resource as a whole.
    pub fn general(resource: Resource, message: &str, advice: &str) -> Self {
        Self { resource, subject: None, message: cut(message), advice: cut(advice) }
    }

    /// About a stored row that cannot be read and was not written.
    pub(crate) fn parked(row: &Unreadable) -> Self {
        let message = format!("the stored row cannot be read, and was left as it is: {}", row.why);
        let advice = "Let a process of the release sync that wrote it, or have the row looked at";
        Self::about(Resource::named(row.kind.clone()), Subject::new(&row.id, &row.id), &message, advice)
    }

    /// About a record whose tax rate or BTW code cannot be used.
    pub fn tax(resource: Resource, subject: Subject, problem: &TaxProblem) -> Self {
        Self::about(resource, subject, &format!("Tax mismatch: {}", problem.kind), &problem.kind.advice())
    }
}

/// A record that both sides had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// What kind of thing it is.
    pub resource: Resource,
    /// Which one.
    pub subject: Subject,
    /// The fields in which both sides differ, with both values.
    pub fields: Vec<FieldDifference>,
    /// Whose values both sides have now.
    pub winner: Winner,
    /// Why.
    pub why: Why,
}

/// A location that guests cannot order at before a person completed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IncompleteLocation {
    /// Which one.
    pub location: LocationId,
    /// Its name.
    pub name: String,
    /// What has to be filled in.
    pub missing: Vec<MissingField>,
}

/// The first [`DETAILS_KEPT`] details of a sort, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Details<T> {
    /// How many there are.
    pub total: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Details<T> {
    /// Counts a detail, and keeps it as long as there is room.
    pub fn push(&mut self, detail: T) {
        self.total += 1;
        if self.first.len() < DETAILS_KEPT {
            self.first.push(detail);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl<T> Default for Details<T> {
    fn default() -> Self {
        Self { total: 0, first: Vec::new() }
    }
}

impl RunReport {
    /// What a sync of the menu is called in [`sync`](Self::sync).
    pub(crate) const MENU: &'static str = "menu";

    /// The report of a run that begins now, not a dry one.
    pub fn start(
        sync: &str,
        connection: ConnectionId,
        context: SyncContext,
        scope: Scope,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            sync: sync.to_owned(),
            connection,
            context,
            scope,
            dry_run: false,
            started_at: now,
            finished_at: None,
            outcome: RunOutcome::Running,
            requests: 0,
            writes: 0,
            counts: BTreeMap::new(),
            skipped: Details::default(),
            conflicts: Details::default(),
            manual_actions: Details::default(),
            incomplete_locations: Details::default(),
            failures: Details::default(),
            worth_repeating: false,
            timed_out: false,
        }
    }

    /// The counts of a resource, to add to; from then on it has its line in the table.
    pub fn count(&mut self, resource: &Resource) -> &mut Counts {
        self.counts.entry(resource.clone()).or_default()
    }

    /// A record was left out.
    pub fn skip(&mut self, note: Note) {
        self.count(&note.resource).skipped += 1;
        self.skipped.push(note);
    }

    /// A record, or a resource, failed.
    pub fn fail(&mut self, note: Note) {
        self.count(&note.resource).failed += 1;
        self.failures.push(note);
    }

    /// A record was changed on both sides.
    pub fn conflict(&mut self, mut conflict: Conflict) {
        for field in &mut conflict.fields {
            field.pos = field.pos.as_deref().map(cut);
            field.host = field.host.as_deref().map(cut);
        }
        self.count(&conflict.resource).conflicts += 1;
        self.conflicts.push(conflict);
    }

    /// Something has to be done by hand in the POS.
    pub fn ask_for(&mut self, action: Note) {
        self.manual_actions.push(action);
    }

    /// A location has to be completed by hand. One that lacks nothing is not listed.
    pub fn incomplete(&mut self, location: IncompleteLocation) {
        if !location.missing.is_empty() {
            self.incomplete_locations.push(IncompleteLocation { name: cut(&location.name), ..location });
        }
    }

    /// The run ended.
    pub fn finish(&mut self, outcome: RunOutcome, now: DateTime<Utc>) {
        self.outcome = outcome;
        self.finished_at = Some(now);
    }

    /// Whether the run came to its end and a person has nothing to look at.
    pub fn is_clean(&self) -> bool {
        self.outcome == RunOutcome::Completed
            && self.skipped.is_empty()
            && self.conflicts.is_empty()
            && self.manual_actions.is_empty()
            && self.incomplete_locations.is_empty()
            && self.failures.is_empty()
    }
}

/// The text, or its beginning when it is too long to be shown.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
