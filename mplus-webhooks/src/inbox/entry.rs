//! An event as the inbox keeps it.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::event::EventName;
use crate::subscription::MerchantId;

/// Names an entry. The same event has the same id in every process, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EntryId(String);

impl EntryId {
    /// Takes the id as [`as_str`](Self::as_str) gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text: letters, digits, `-`, `_` and one colon.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryState {
    /// Waits for somebody to begin.
    Received,
    /// Somebody works on it; when its time is over without an end, that one is taken to be gone.
    Working,
    /// It failed or was cut off, and is tried again.
    Retrying,
    /// Worked off; the reply is kept for repeats.
    Done,
    /// It cannot be read, or failed too often: a person has to look at it.
    Dead,
    /// A person decided that nothing is to be done about it.
    Discarded,
    /// It ended so long ago that only its identity is left, so that a repeat has no second effect.
    Forgotten,
}

impl EntryState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Working,
        Self::Retrying,
        Self::Done,
        Self::Dead,
        Self::Discarded,
        Self::Forgotten,
    ];

    /// The state's name in tables, logs and answers to operators.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Working => "working",
            Self::Retrying => "retrying",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Forgotten => "forgotten",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether work on it is still to be done.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Received | Self::Working | Self::Retrying)
    }
}

impl Serialize for EntryState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How far the work on an entry has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Progress {
    /// Nothing is certain.
    #[default]
    Nothing,
    /// The host's transaction sink has taken it.
    Recorded,
    /// The host's handler has answered, too.
    Answered,
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl Progress {
    /// The number that stands for it in tables.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Recorded => 1,
            Self::Answered => 2,
        }
    }

    /// What the number stands for.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Nothing, Self::Recorded, Self::Answered]
            .into_iter()
            .find(|progress| progress.number() == number)
    }
}

/// The answer that was given to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// The HTTP status: 200, or 400 for a refusal.
    pub status: u16,
    /// The body, before it was signed.
    pub body: Bytes,
}

/// A verified event, kept with the bytes that were signed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Which.
    pub id: EntryId,
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// The subscription that it came through.
    pub subscription: String,
    /// The event.
    pub event: EventName,
    /// The branch of the till, when sent.
    pub branch_number: Option<i64>,
    /// The workplace of the till, when sent.
    pub workplace_number: Option<i64>,
    /// What it is about: the id of the sale or of the external payment.
    pub subject: Option<String>,
    /// The body as it was signed. `None` once the entry is forgotten.
    pub body: Option<Bytes>,
    /// Short for the body: the same bytes of the same merchant are here once.
    pub body_digest: String,
    /// Where it stands.
    pub state: EntryState,
    /// How it was answered, once it is worked off.
    pub reply: Option<StoredReply>,
    /// How often it was begun.
    pub attempts: u32,
    /// What was done of it already: a further attempt does not do that again.
    pub progress: Progress,
    /// Why the last attempt failed, for a person.
    pub last_error: Option<String>,
    /// Who works on it, or did last: a token of that process.
    pub owner: Option<String>,
    /// When it arrived, UTC.
    pub received_at: DateTime<Utc>,
    /// When it is to be tried, or when whoever works on it is taken to be gone, UTC. `None` when it has ended and the host knows.
    pub due_at: Option<DateTime<Utc>>,
    /// When it ended, UTC.
    pub ended_at: Option<DateTime<Utc>>,
    /// How often the host was told in vain that it is a dead letter; it is told again at `due_at`. `None` when there is nothing
    /// to tell.
    pub untold: Option<u32>,
    /// Counts the changes; two writers cannot both succeed from the same version.
    pub version: u64,
}

impl Entry {
    /// An entry that `owner` works on until `due_at`, for the first time.
    pub(crate) fn begun(
        id: EntryId,
        event: EventName,
        merchant: MerchantId,
        subscription: &str,
        (body, body_digest): (Bytes, String),
    ) -> Self {
        Self {
            id,
            merchant,
            subscription: subscription.to_owned(),
            event,
            branch_number: None,
            workplace_number: None,
            subject: None,
            body: Some(body),
            body_digest,
            state: EntryState::Working,
            reply: None,
            attempts: 1,
            progress: Progress::Nothing,
            last_error: None,
            owner: None,
            received_at: DateTime::UNIX_EPOCH,
            due_at: None,
            ended_at: None,
            untold: None,
            version: 0,
        }
    }

    /// The entry, taken by `owner` until `until`. Of one that was refused the handler is asked again.
    #[must_use]
    pub(crate) fn claimed(mut self, owner: &str, until: DateTime<Utc>) -> Self {
        if self.state == EntryState::Done {
            self.progress = self.progress.min(Progress::Recorded);
        }
        self.state = EntryState::Working;
        self.attempts = self.attempts.saturating_add(1);
        self.owner = Some(owner.to_owned());
        self.ended_at = None;
        self.untold = None;
        self.due_at = Some(until);
        self.version += 1;
        self
    }

    /// The entry, still in the hands of whoever has it, until `until`.
    #[must_use]
    pub(crate) fn renewed(mut self, until: DateTime<Utc>) -> Self {
        self.due_at = Some(until);
        self.version += 1;
        self
    }

    /// The entry, to be worked on at `due_at`.
    #[must_use]
    pub(crate) fn waiting(mut self, state: EntryState, due_at: DateTime<Utc>) -> Self {
        self.state = state;
        self.due_at = Some(due_at);
        self.ended_at = None;
        self.untold = None;
        self.version += 1;
        self
    }

    /// The entry at its end.
    #[must_use]
    pub(crate) fn ended(mut self, state: EntryState, at: DateTime<Utc>) -> Self {
        self.state = state;
        self.due_at = None;
        self.ended_at = Some(at);
        self.untold = None;
        self.version += 1;
        self
    }

    /// The entry as a dead letter. The host is told of it now, and again at `tell_again_at` unless that is known to have been done.
    #[must_use]
    pub(crate) fn died(self, at: DateTime<Utc>, tell_again_at: DateTime<Utc>) -> Self {
        Self { untold: Some(0), due_at: Some(tell_again_at), ..self.ended(EntryState::Dead, at) }
    }

    /// The dead letter, of which the host knows.
    #[must_use]
    pub(crate) fn told(mut self) -> Self {
        self.due_at = None;
        self.untold = None;
        self.version += 1;
        self
    }

    /// The dead letter, of which the host is told again at `due_at`.
    #[must_use]
    pub(crate) fn told_in_vain(mut self, due_at: DateTime<Utc>) -> Self {
        self.due_at = Some(due_at);
        self.untold = Some(self.untold.unwrap_or_default().saturating_add(1));
        self.version += 1;
        self
    }

    /// The entry after a failure.
    #[must_use]
    pub(crate) fn failed(mut self, why: &str) -> Self {
        // Not every database holds every character.
        let shown = |character: char| if character.is_control() { ' ' } else { character };
        self.last_error = Some(why.chars().take(1000).map(shown).collect());
        self
    }

    /// Only what tells a repeat from news.
    #[must_use]
    pub(crate) fn forgotten(mut self) -> Self {
        self.state = EntryState::Forgotten;
        self.body = None;
        self.reply = None;
        self.last_error = None;
        self.owner = None;
        self.due_at = None;
        self.untold = None;
        self.version += 1;
        self
    }
}

/// For operators: everything but the bodies.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            id: &'a EntryId,
            merchant: &'a MerchantId,
            subscription: &'a str,
            event: &'a str,
            branch_number: Option<i64>,
            workplace_number: Option<i64>,
            subject: Option<&'a str>,
            state: EntryState,
            reply_status: Option<u16>,
            attempts: u32,
            last_error: Option<&'a str>,
            received_at: DateTime<Utc>,
            due_at: Option<DateTime<Utc>>,
            ended_at: Option<DateTime<Utc>>,
        }
        let shown = Shown {
            id: &self.id,
            merchant: &self.merchant,
            subscription: &self.subscription,
            event: self.event.as_str(),
            branch_number: self.branch_number,
            workplace_number: self.workplace_number,
            subject: self.subject.as_deref(),
            state: self.state,
            reply_status: self.reply.as_ref().map(|reply| reply.status),
            attempts: self.attempts,
            last_error: self.last_error.as_deref(),
            received_at: self.received_at,
            due_at: self.due_at,
            ended_at: self.ended_at,
        };
        shown.serialize(serializer)
    }
}
