//! Orders on their way to the POS: what state each is in, and which state may follow which.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, Order, OrderNumber, WorkerId};

/// An order in the outbox.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OutboxEntry {
    /// Whose order it is.
    pub connection: ConnectionId,
    /// Grows with every order that is queued in a store; orders of one table are sent in this order.
    pub sequence: i64,
    /// The order.
    pub order: Order,
    /// How far it is.
    pub state: OutboxState,
    /// How often it was claimed since it was queued, by the host or again by a person.
    pub attempts: u32,
    /// How often it was claimed ever; what tells a claim from the one before.
    pub claims: i64,
    /// Whether an earlier attempt may have reached the POS: look there before sending again.
    pub may_be_at_pos: bool,
    /// When it is next looked at: not before this while queued, the end of the claim while sending.
    pub due_at: DateTime<Utc>,
    /// Why the last attempt did not end well.
    pub last_error: Option<String>,
    /// When the host queued it.
    pub queued_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

/// How far an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OutboxState {
    /// It waits to be sent.
    Queued,
    /// A worker is sending it.
    Sending {
        /// Which worker.
        worker: WorkerId,
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
}

impl OutboxState {
    /// The state without its details.
    pub fn kind(&self) -> OutboxStateKind {
        match self {
            Self::Queued => OutboxStateKind::Queued,
            Self::Sending { .. } => OutboxStateKind::Sending,
            Self::Accepted { .. } => OutboxStateKind::Accepted,
            Self::Rejected { .. } => OutboxStateKind::Rejected,
            Self::NeedsAttention { .. } => OutboxStateKind::NeedsAttention,
        }
    }
}

/// A state without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxStateKind {
    /// [`OutboxState::Queued`]
    Queued,
    /// [`OutboxState::Sending`]
    Sending,
    /// [`OutboxState::Accepted`]
    Accepted,
    /// [`OutboxState::Rejected`]
    Rejected,
    /// [`OutboxState::NeedsAttention`]
    NeedsAttention,
}

impl OutboxStateKind {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Sending, Self::Accepted, Self::Rejected, Self::NeedsAttention];

    /// The state's name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NeedsAttention => "needs_attention",
        }
    }

    /// Whether a worker still has something to do with it; later orders of the same table wait as long.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
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
}

impl PosOrder {
    /// An order of which the POS gave the identifier.
    pub fn with_id(order_id: impl Into<String>) -> Self {
        Self { order_id: Some(order_id.into()), ..Self::default() }
    }
}

/// The right to send one order, until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose order.
    pub connection: ConnectionId,
    /// Which order.
    pub order: OrderNumber,
    /// The entry's [`claims`](OutboxEntry::claims) when it was granted.
    pub token: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The POS has the order.
    Accepted {
        /// What the POS calls it.
        pos: PosOrder,
    },
    /// It did not work; try again later.
    Retry {
        /// Not before this.
        at: DateTime<Utc>,
        /// Why it did not work.
        error: String,
        /// Whether the POS may have the order all the same: true when this attempt may have been carried out, or an
        /// earlier one and nobody looked since.
        may_be_at_pos: bool,
    },
    /// It can never work as it is.
    Rejected {
        /// What is wrong and what to do.
        reason: String,
    },
    /// It was tried often enough.
    NeedsAttention {
        /// What went wrong and what to do.
        reason: String,
        /// Whether the POS may have the order all the same.
        may_be_at_pos: bool,
    },
}

/// What is noted on an order whose claim ended without an outcome.
pub(crate) const WORKER_LOST: &str = "the worker that was sending it was not heard of again";

/// Why a step of an order is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// The claim has ended and the order went on without it.
    #[error("the claim was lost: its lease ended and the order went on without it")]
    ClaimLost,
    /// Only an order that waits for a person is queued again.
    #[error("only a rejected order, or one that needs attention, can be queued again")]
    NotWaitingForPerson,
}

impl OutboxEntry {
    /// An order that was just queued.
    pub fn queued(connection: ConnectionId, sequence: i64, order: Order, now: DateTime<Utc>) -> Self {
        Self {
            connection,
            sequence,
            order,
            state: OutboxState::Queued,
            attempts: 0,
            claims: 0,
            may_be_at_pos: false,
            due_at: now,
            last_error: None,
            queued_at: now,
            updated_at: now,
        }
    }

    /// Whether it may be claimed now, its table permitting: it waits and is due, or its claim has ended.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state.kind().is_open() && self.due_at <= now
    }

    /// The claim under which it is being sent.
    pub fn claim(&self) -> Claim {
        Claim { connection: self.connection.clone(), order: self.order.number.clone(), token: self.claims }
    }

    /// Claims it. A claim that ended without an outcome leaves behind that the order may be at the POS.
    pub fn claimed(mut self, worker: &WorkerId, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        self.may_be_at_pos |= self.state.kind() == OutboxStateKind::Sending;
        self.state = OutboxState::Sending { worker: worker.clone() };
        self.attempts = self.attempts.saturating_add(1);
        self.claims += 1;
        self.due_at = until;
        self.updated_at = now;
        self
    }

    /// Prolongs its claim.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] when the claim is no longer the current one.
    pub fn extended(mut self, claim: &Claim, until: DateTime<Utc>) -> Result<Self, StepRefused> {
        if !self.is_held_by(claim) {
            return Err(StepRefused::ClaimLost);
        }
        self.due_at = until;
        Ok(self)
    }

    fn is_held_by(&self, claim: &Claim) -> bool {
        self.claims == claim.token && self.state.kind() == OutboxStateKind::Sending
    }

    /// Records how a claim's attempt ended.
    ///
    /// That the POS has the order is recorded whatever became of the claim: it is a fact. The first such fact stays.
    ///
    /// # Errors
    /// [`StepRefused::ClaimLost`] for any other outcome of a claim that is no longer the current one.
    pub fn finished(
        mut self,
        claim: &Claim,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<Self, StepRefused> {
        let held = self.is_held_by(claim);
        let known = self.state.kind() == OutboxStateKind::Accepted;
        match outcome {
            Outcome::Accepted { .. } if known => return Ok(self),
            Outcome::Accepted { pos } => {
                self.state = OutboxState::Accepted { pos: pos.clone() };
                self.may_be_at_pos = true;
                self.last_error = None;
            }
            _ if !held => return Err(StepRefused::ClaimLost),
            Outcome::Retry { at, error, may_be_at_pos } => {
                self.state = OutboxState::Queued;
                self.due_at = *at;
                self.may_be_at_pos = *may_be_at_pos;
                self.last_error = Some(error.clone());
            }
            Outcome::Rejected { reason } => {
                self.state = OutboxState::Rejected { reason: reason.clone() };
                self.last_error = Some(reason.clone());
            }
            Outcome::NeedsAttention { reason, may_be_at_pos } => {
                self.state = OutboxState::NeedsAttention { reason: reason.clone() };
                self.may_be_at_pos = *may_be_at_pos;
                self.last_error = Some(reason.clone());
            }
        }
        self.updated_at = now;
        Ok(self)
    }

    /// Gives back a claim that has ended, so that the order shows as waiting again.
    pub fn released(mut self, now: DateTime<Utc>) -> Self {
        if self.state.kind() == OutboxStateKind::Sending && self.due_at <= now {
            self.state = OutboxState::Queued;
            self.may_be_at_pos = true;
            self.last_error = Some(WORKER_LOST.to_owned());
            self.updated_at = now;
        }
        self
    }

    /// Queues it again after a person put right what was wrong.
    ///
    /// # Errors
    /// [`StepRefused::NotWaitingForPerson`] in any other state.
    pub fn requeued(mut self, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.state.kind() {
            OutboxStateKind::Rejected | OutboxStateKind::NeedsAttention => {
                self.state = OutboxState::Queued;
                self.attempts = 0;
                self.due_at = now;
                self.updated_at = now;
                Ok(self)
            }
            _ => Err(StepRefused::NotWaitingForPerson),
        }
    }
}
