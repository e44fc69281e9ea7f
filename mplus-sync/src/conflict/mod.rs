//! Both sides changed the same thing: who wins, and why.
//!
//! [`decide`] is the whole rule, for one value of any type: a field, a record, or a record's
//! [`Fingerprint`] where the content that both sides last agreed on was not kept.
//!
//! 1. Equal on both sides: nothing to do.
//! 2. Changed on one side since both agreed: that side's value is taken over, which is no conflict. What the POS shows
//!    because the host sent it (an echo) does not count as changed.
//! 3. Changed on both sides: in a webhook the POS wins; in a manual or scheduled sync the later change wins; a tie, and
//!    a time that is not known, goes to the POS.
//!
//! ```
//! use mplus_sync::conflict::{Action, Known, Side, SyncContext, Why, decide};
//!
//! let known = Known::agreed("Cola");
//! let pos = Side { value: "Cola 33 cl", changed_at: Some("2026-11-23T10:00:00Z".parse()?) };
//! let host = Side { value: "Coke", changed_at: Some("2026-11-23T11:00:00Z".parse()?) };
//!
//! let manual = decide(SyncContext::Manual, &known, &pos, &host);
//! assert_eq!((manual.action, manual.why), (Action::KeepHost, Why::HostIsLater));
//! assert_eq!(decide(SyncContext::Webhook, &known, &pos, &host).action, Action::TakePos);
//! # Ok::<(), chrono::ParseError>(())
//! ```

mod fields;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Fingerprint, SyncState};

pub use fields::{FieldDecision, FieldDifference, NoFields, decide_fields, differing_fields};

/// What started the sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncContext {
    /// The POS reported a change.
    Webhook,
    /// A person pressed the button.
    Manual,
    /// The daily time came.
    Scheduled,
}

impl fmt::Display for SyncContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webhook => "webhook",
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
        })
    }
}

/// What is decided by itself when both sides changed a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each field: a price that only the POS changed and a name that only the host changed do not collide.
    #[default]
    Field,
    /// The whole record: who changed any of it later has all of it.
    Record,
}

/// How the conflicts of a run are decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settling {
    pub(crate) context: SyncContext,
    pub(crate) unit: Unit,
}

/// What one side has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side<T> {
    /// The value.
    pub value: T,
    /// When that side last changed it, as far as it is known. For the host: the edit that was not pushed yet.
    ///
    /// Compared in whole seconds, because the POS keeps no smaller ones.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What the sync knows from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<T> {
    /// What both sides had when they last agreed: after a pull the POS's value, after a push that the POS confirmed
    /// the host's. None for something that was never synced.
    pub agreed: Option<T>,
    /// What was sent to the POS since then without an answer that says that it arrived. Forget it with the next
    /// pull, whatever that brings.
    pub sent: Option<T>,
}

impl<T> Known<T> {
    /// Nothing: never synced.
    pub const NOTHING: Self = Self { agreed: None, sent: None };

    /// Both sides agreed on this, and nothing was sent since.
    pub fn agreed(value: T) -> Self {
        Self { agreed: Some(value), sent: None }
    }
}

impl Known<Fingerprint> {
    /// What a stored record's sync state knows.
    ///
    /// By their markers, the later of what was pulled and what was pushed is what both agreed on. A push without a
    /// marker is taken as one of which it is not known whether it arrived.
    pub fn of(sync: &SyncState) -> Self {
        let print = |version: &crate::model::Version| version.fingerprint.clone();
        match (&sync.pulled, &sync.pushed) {
            (Some(pulled), Some(pushed)) => match (pulled.marker, pushed.marker) {
                (Some(pull), Some(push)) if push > pull => Self::agreed(print(pushed)),
                (Some(_), Some(_)) => Self::agreed(print(pulled)),
                _ => Self { agreed: Some(print(pulled)), sent: Some(print(pushed)) },
            },
            (Some(pulled), None) => Self::agreed(print(pulled)),
            (None, Some(pushed)) if pushed.marker.is_some() => Self::agreed(print(pushed)),
            (None, Some(pushed)) => Self { agreed: None, sent: Some(print(pushed)) },
            (None, None) => Self::NOTHING,
        }
    }
}

/// What to do, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Why.
    pub why: Why,
}

impl Decision {
    /// Who won, when both sides had changed it; none when there was no conflict.
    pub fn winner(&self) -> Option<Winner> {
        match (self.why.is_conflict(), self.action) {
            (true, Action::TakePos) => Some(Winner::Pos),
            (true, Action::KeepHost) => Some(Winner::Host),
            _ => None,
        }
    }
}

/// What to do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Both sides have it already.
    Nothing,
    /// The host takes the POS's.
    TakePos,
    /// The host keeps its own and pushes it.
    KeepHost,
}

/// The side that won a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// The POS.
    Pos,
    /// The host.
    Host,
}

impl fmt::Display for Winner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pos => "POS",
            Self::Host => "host",
        })
    }
}

/// Why a decision is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Both sides have the same.
    Same,
    /// Only the POS changed it.
    OnlyPosChanged,
    /// Only the host changed it.
    OnlyHostChanged,
    /// The POS shows what the host sent; the host has changed it again since.
    Echo,
    /// Both changed it and this is a webhook.
    Webhook,
    /// Both changed it, the POS later.
    PosIsLater,
    /// Both changed it, the host later.
    HostIsLater,
    /// Both changed it in the same second.
    Tie,
    /// Both changed it and it is not known when.
    TimeUnknown,
}

impl Why {
    /// Whether both sides had changed it.
    pub fn is_conflict(self) -> bool {
        match self {
            Self::Same | Self::OnlyPosChanged | Self::OnlyHostChanged | Self::Echo => false,
            Self::Webhook | Self::PosIsLater | Self::HostIsLater | Self::Tie | Self::TimeUnknown => true,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "both sides have the same",
            Self::OnlyPosChanged => "only the POS changed it",
            Self::OnlyHostChanged => "only the host changed it",
            Self::Echo => "the host changed it again after it was sent",
            Self::Webhook => "in a webhook the POS wins",
            Self::PosIsLater => "the POS changed it later",
            Self::HostIsLater => "the host changed it later",
            Self::Tie => "both changed it in the same second: the POS wins",
            Self::TimeUnknown => "it is not known who changed it later: the POS wins",
        })
    }
}

/// Decides what becomes of one value. Pure: the same input always gives the same answer.
pub fn decide<T: PartialEq>(
    context: SyncContext,
    known: &Known<T>,
    pos: &Side<T>,
    host: &Side<T>,
) -> Decision {
    let is = |known: &Option<T>, value: &T| known.as_ref() == Some(value);
    let host_is_as_agreed = is(&known.agreed, &host.value);
    if pos.value == host.value {
        Decision { action: Action::Nothing, why: Why::Same }
    } else if is(&known.agreed, &pos.value) {
        Decision { action: Action::KeepHost, why: Why::OnlyHostChanged }
    } else if is(&known.sent, &pos.value) && (!host_is_as_agreed || host.changed_at.is_some()) {
        Decision { action: Action::KeepHost, why: Why::Echo }
    } else if host_is_as_agreed {
        Decision { action: Action::TakePos, why: Why::OnlyPosChanged }
    } else {
        settle(context, pos.changed_at, host.changed_at)
    }
}

/// Both sides changed it.
pub(crate) fn settle(
    context: SyncContext,
    pos: Option<DateTime<Utc>>,
    host: Option<DateTime<Utc>>,
) -> Decision {
    let why = match (context, pos, host) {
        (SyncContext::Webhook, ..) => Why::Webhook,
        (SyncContext::Manual | SyncContext::Scheduled, Some(pos), Some(host)) => {
            match host.timestamp().cmp(&pos.timestamp()) {
                std::cmp::Ordering::Less => Why::PosIsLater,
                std::cmp::Ordering::Equal => Why::Tie,
                std::cmp::Ordering::Greater => Why::HostIsLater,
            }
        }
        (SyncContext::Manual | SyncContext::Scheduled, ..) => Why::TimeUnknown,
    };
    let action = if why == Why::HostIsLater { Action::KeepHost } else { Action::TakePos };
    Decision { action, why }
}

#[cfg(test)]
mod tests;
