//! Money that is given back after a payment: part of the payment's record, so that it outlives a crash.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::news::Reason;

/// Money that is given back, all of a payment or a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refund {
    /// The host's id of it. Asking again with the same id is the same refund.
    pub id: String,
    /// How much, euros, more than zero.
    pub amount: Decimal,
    /// Where it stands.
    pub state: RefundState,
    /// Why, as far as the provider tells.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The provider's id of it, once there is one.
    #[serde(default)]
    pub reference: Option<String>,
    /// When the host asked for it, UTC.
    pub requested_at: DateTime<Utc>,
    /// How often the provider was asked for it. A provider without idempotency looks for it first when this is more than one.
    #[serde(default)]
    pub attempts: u32,
    /// Until then somebody asks the provider, UTC.
    #[serde(default)]
    pub asking_until: Option<DateTime<Utc>>,
    /// When the provider was last asked to begin it, UTC; none once that provably was not carried out.
    #[serde(default)]
    pub sent_at: Option<DateTime<Utc>>,
    /// Whether the provider is only to look for it now and to tell how it stands: it has ended before, or the last attempt is
    /// so young that it may still be carried out. Nothing is begun then.
    #[serde(default)]
    pub looks_only: bool,
    /// How many attempts the provider has answered as failed for good, see [`RefundNews::attempt_over`].
    #[serde(default)]
    pub attempts_over: u32,
    /// Whether the host was told that it does not come to an end, though it has been asked for long.
    #[serde(default)]
    pub told_unanswered: bool,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundState {
    /// Stored; the provider has not answered yet. It is asked until it does.
    Requested,
    /// The provider has it under way.
    Pending,
    /// The money is on its way to the customer.
    Succeeded,
    /// The provider does not give it back.
    Failed,
}

impl RefundState {
    /// Whether the provider has to be asked again.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Pending)
    }
}

/// What a provider says about a refund.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RefundNews {
    /// How it stands.
    pub state: RefundState,
    /// The provider's id of it.
    pub reference: Option<String>,
    /// Why, as far as the provider tells.
    pub reason: Option<Reason>,
    /// Whether this attempt came to nothing and always will: a provider that keeps its answers by an idempotency key has kept a
    /// failure of its own. The next attempt needs another key; one that got no answer must not have one.
    pub attempt_over: bool,
}

impl RefundNews {
    /// A state and nothing else.
    pub fn new(state: RefundState) -> Self {
        Self { state, reference: None, reason: None, attempt_over: false }
    }

    /// With the provider's id of the refund.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// With the reason why it stands so.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
}

impl Refund {
    /// A refund of `amount` euros that was asked for just now.
    pub(crate) fn new(id: &str, amount: Decimal, now: DateTime<Utc>) -> Self {
        Self {
            id: id.to_owned(),
            amount,
            state: RefundState::Requested,
            reason: None,
            reference: None,
            requested_at: now,
            attempts: 0,
            asking_until: None,
            sent_at: None,
            looks_only: false,
            attempts_over: 0,
            told_unanswered: false,
        }
    }

    /// Whether a refusal is about giving it back, so that nothing was: not when the provider has taken it before, or is only asked how
    /// it stands.
    pub(crate) fn may_be_refused(&self) -> bool {
        self.state == RefundState::Requested && self.reference.is_none() && !self.looks_only
    }

    /// Whether the provider has taken it, or may have.
    pub(crate) fn may_have_been_taken(&self) -> bool {
        self.reference.is_some() || self.sent_at.is_some()
    }

    /// The refund after the provider's answer. One that succeeded can still turn out to have failed, and the other way round.
    #[must_use]
    pub fn apply(&self, news: &RefundNews) -> Self {
        let mut next = self.clone();
        next.asking_until = None;
        next.attempts_over += u32::from(news.attempt_over);
        let ends_otherwise = news.state != self.state && !news.state.is_open();
        if self.state.is_open() || ends_otherwise {
            next.state = news.state;
            next.reason.clone_from(&news.reason);
        }
        if news.reference.is_some() {
            next.reference.clone_from(&news.reference);
        }
        next
    }
}
