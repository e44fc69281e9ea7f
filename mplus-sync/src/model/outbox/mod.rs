//! Orders on their way to the POS: what state each is in, and which state may follow which.

mod order_step;
mod state;
mod step;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, Newer, Order, OrderNumber};

pub use order_step::OrderStep;
pub use state::{OutboxState, OutboxStateKind, PosOrder, Waiting};
pub use step::{Outcome, StepRefused};

/// An order in the outbox. Its JSON form has everything, so that a host's own store can keep it as one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How often the POS refused it since it was queued, by the host or again by a person.
    pub attempts: u32,
    /// How often in a row a claim of it ended without a word: it may be what ends the workers.
    pub lost: u32,
    /// How often it was claimed ever; what tells a claim from the one before.
    pub claims: i64,
    /// Whether an earlier attempt may have reached the POS: look there before sending again.
    pub may_be_at_pos: bool,
    /// When an attempt last ended without a word that may have reached the POS: it was given back, or its claim ended. The POS
    /// may be at work on its call for a while after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off_at: Option<DateTime<Utc>>,
    /// When it is next looked at: not before this while waiting, the end of the claim while sending.
    pub due_at: DateTime<Utc>,
    /// Since when it waits: when it was queued, by the host or again by a person. A limit in time counts from here.
    pub waiting_since: DateTime<Utc>,
    /// What the sender noted before its attempt, to find out later what became of it; only the sender reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why the last attempt did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the host queued it, or what it put in its place.
    pub queued_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
    /// What a newer release wrote of its progress and this one does not know: kept when it is written again.
    #[serde(skip)]
    pub(crate) newer: Option<Newer>,
}

impl OutboxEntry {
    /// An order that was just queued.
    pub fn queued(connection: ConnectionId, sequence: i64, order: Order, now: DateTime<Utc>) -> Self {
        Self {
            connection,
            sequence,
            order,
            state: OutboxState::Waiting(Waiting::Queued),
            attempts: 0,
            lost: 0,
            claims: 0,
            may_be_at_pos: false,
            cut_off_at: None,
            due_at: now,
            waiting_since: now,
            note: None,
            last_error: None,
            queued_at: now,
            updated_at: now,
            newer: None,
        }
    }

    /// The claim under which it is being sent.
    pub fn claim(&self) -> Claim {
        Claim { connection: self.connection.clone(), order: self.order.number.clone(), token: self.claims }
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

/// What became of an order, for the host to know. Those of one order come in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderNotice {
    /// Grows with every notice of a store.
    pub sequence: i64,
    /// Whose order.
    pub connection: ConnectionId,
    /// Which order.
    pub order: OrderNumber,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The state that the order came into.
    pub state: OutboxState,
}

impl OrderNotice {
    /// A notice with everything that it says.
    pub fn new(
        sequence: i64,
        connection: ConnectionId,
        order: OrderNumber,
        at: DateTime<Utc>,
        state: OutboxState,
    ) -> Self {
        Self { sequence, connection, order, at, state }
    }
}

/// A notice that one worker may deliver, until its claim ends.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedNotice {
    /// What to tell.
    pub notice: OrderNotice,
    /// How often it was claimed: what tells a claim from the one before.
    pub token: i64,
}
