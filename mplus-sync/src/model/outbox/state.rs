//! What state an order is in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::WorkerId;

/// How far an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutboxState {
    /// It waits to be sent.
    Waiting(Waiting),
    /// A worker is sending it.
    Sending {
        /// Which worker.
        worker: WorkerId,
        /// What it waited for before.
        waited: Waiting,
    },
    /// The POS has it.
    Accepted {
        /// What the POS calls it.
        pos: PosOrder,
    },
    /// It can never be sent as it is; a person must change something.
    Rejected {
        /// What is wrong and what to do.
        reason: String,
    },
    /// It could not be sent so far; a person must look.
    NeedsAttention {
        /// What went wrong and what to do.
        reason: String,
    },
    /// A person took it back before the POS had it.
    Withdrawn {
        /// Why.
        reason: String,
    },
    /// It was cancelled at the POS.
    Cancelled {
        /// What the POS calls it.
        pos: PosOrder,
        /// Why.
        reason: String,
    },
    /// It was kept from the POS as it asked, in a test environment.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Waiting {
    /// Its turn.
    Queued,
    /// The end of a rest after the POS refused it.
    Resting,
    /// The POS, which cannot be reached.
    PosAway {
        /// Since when, as far as this order knows.
        since: DateTime<Utc>,
    },
    /// Its table, which somebody works at.
    TableClaimed {
        /// Since when, as far as this order knows.
        since: DateTime<Utc>,
    },
    /// The host: its store or its vault fails, or another of its workers is at what the order needs.
    Host {
        /// Since when, as far as this order knows.
        since: DateTime<Utc>,
    },
}

impl Waiting {
    /// The same reason, since when it first was: waiting on for the same thing is one wait.
    pub(super) fn going_on_from(self, before: Self) -> Self {
        match (self, before) {
            (Self::PosAway { since: now }, Self::PosAway { since }) => {
                Self::PosAway { since: since.min(now) }
            }
            (Self::TableClaimed { since: now }, Self::TableClaimed { since }) => {
                Self::TableClaimed { since: since.min(now) }
            }
            (Self::Host { since: now }, Self::Host { since }) => Self::Host { since: since.min(now) },
            (other, _) => other,
        }
    }
}

impl OutboxState {
    /// The state without its details.
    pub fn kind(&self) -> OutboxStateKind {
        match self {
            Self::Waiting(_) => OutboxStateKind::Waiting,
            Self::Sending { .. } => OutboxStateKind::Sending,
            Self::Accepted { .. } => OutboxStateKind::Accepted,
            Self::Rejected { .. } => OutboxStateKind::Rejected,
            Self::NeedsAttention { .. } => OutboxStateKind::NeedsAttention,
            Self::Withdrawn { .. } => OutboxStateKind::Withdrawn,
            Self::Cancelled { .. } => OutboxStateKind::Cancelled,
            Self::Skipped { .. } => OutboxStateKind::Skipped,
        }
    }
}

/// A state without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutboxStateKind {
    /// [`OutboxState::Waiting`]
    Waiting,
    /// [`OutboxState::Sending`]
    Sending,
    /// [`OutboxState::Accepted`]
    Accepted,
    /// [`OutboxState::Rejected`]
    Rejected,
    /// [`OutboxState::NeedsAttention`]
    NeedsAttention,
    /// [`OutboxState::Withdrawn`]
    Withdrawn,
    /// [`OutboxState::Cancelled`]
    Cancelled,
    /// [`OutboxState::Skipped`]
    Skipped,
}

impl OutboxStateKind {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Sending,
        Self::Accepted,
        Self::Rejected,
        Self::NeedsAttention,
        Self::Withdrawn,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The state's name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NeedsAttention => "needs_attention",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a worker still has something to do with it; later orders of the same table wait as long.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending)
    }

    /// Whether a person has to do something.
    pub const fn waits_for_person(self) -> bool {
        matches!(self, Self::Rejected | Self::NeedsAttention)
    }
}

/// What the POS calls an order that it accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PosOrder {
    /// `orderId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The receipt's or turnover's identifier, for an order that was paid (`receiptId`, `omzetId`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_id: Option<String>,
    /// The order number that staff see, year first (`orderNumber`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// What a person should know of it: that it comes to another amount at the POS than the host said, or that another amount is
    /// booked of its payments, in a sentence. None as well where the POS tells neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

impl PosOrder {
    /// An order of which the POS gave the identifier.
    pub fn with_id(order_id: impl Into<String>) -> Self {
        Self { order_id: Some(order_id.into()), ..Self::default() }
    }
}
