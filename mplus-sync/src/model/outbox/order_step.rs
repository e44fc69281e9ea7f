//! Any step of an order as data: what a store is asked to carry out.

use chrono::{DateTime, Utc};

use super::super::Order;
use super::{Claim, OutboxEntry, Outcome, StepRefused};

/// A step of one order that a store keeps, as data: the store reads the entry, has the step [carried out](Self::carry_out), and
/// writes what comes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum OrderStep<'a> {
    /// [`OutboxEntry::extended`]
    Extend {
        /// Under which claim.
        claim: &'a Claim,
        /// Until when it holds.
        until: DateTime<Utc>,
    },
    /// [`OutboxEntry::noted`]
    Note {
        /// Under which claim.
        claim: &'a Claim,
        /// What the sender notes.
        note: Option<&'a str>,
    },
    /// [`OutboxEntry::finished`]
    Finish {
        /// Under which claim.
        claim: &'a Claim,
        /// How the attempt ended.
        outcome: &'a Outcome,
        /// When.
        now: DateTime<Utc>,
    },
    /// [`OutboxEntry::given_back`]
    GiveBack {
        /// Which claim.
        claim: &'a Claim,
        /// Whether the attempt may have reached the POS.
        may_be_at_pos: bool,
        /// When.
        now: DateTime<Utc>,
    },
    /// [`OutboxEntry::requeued`]
    Requeue {
        /// When.
        now: DateTime<Utc>,
    },
    /// [`OutboxEntry::withdrawn`]
    Withdraw {
        /// Why.
        reason: &'a str,
        /// When.
        now: DateTime<Utc>,
    },
    /// [`OutboxEntry::replaced`]
    Replace {
        /// The corrected order.
        order: &'a Order,
        /// When.
        now: DateTime<Utc>,
    },
    /// [`OutboxEntry::cancelled`]
    Cancel {
        /// Why.
        reason: &'a str,
        /// When.
        now: DateTime<Utc>,
    },
}

impl OrderStep<'_> {
    /// What becomes of an entry.
    ///
    /// # Errors
    /// When the entry's state does not allow the step: nothing is written then.
    pub fn carry_out(&self, entry: OutboxEntry) -> Result<OutboxEntry, StepRefused> {
        match *self {
            Self::Extend { claim, until } => entry.extended(claim, until),
            Self::Note { claim, note } => entry.noted(claim, note.map(str::to_owned)),
            Self::Finish { claim, outcome, now } => entry.finished(claim, outcome, now),
            Self::GiveBack { claim, may_be_at_pos, now } => entry.given_back(claim, may_be_at_pos, now),
            Self::Requeue { now } => entry.requeued(now),
            Self::Withdraw { reason, now } => entry.withdrawn(reason, now),
            Self::Replace { order, now } => entry.replaced(order, now),
            Self::Cancel { reason, now } => entry.cancelled(reason, now),
        }
    }

    /// Whether it has the order sent: workers that wait are woken.
    pub fn queues(&self) -> bool {
        matches!(self, Self::GiveBack { .. } | Self::Requeue { .. } | Self::Replace { .. })
    }

    /// What it does to the order, for errors.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Extend { .. } => "extend the claim of order",
            Self::Note { .. } => "note the attempt of order",
            Self::Finish { .. } => "record the outcome of order",
            Self::GiveBack { .. } => "give back order",
            Self::Requeue { .. } => "queue again order",
            Self::Withdraw { .. } => "withdraw order",
            Self::Replace { .. } => "replace order",
            Self::Cancel { .. } => "record the cancellation of order",
        }
    }
}
