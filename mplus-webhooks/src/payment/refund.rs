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
}

impl RefundNews {
    /// A state and nothing else.
    pub fn new(state: RefundState) -> Self {
        Self { state, reference: None, reason: None }
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
        }
    }

    /// The refund after the provider's answer. A refund that succeeded can still turn out to have failed; nothing else
    /// changes an end.
    #[must_use]
    pub fn apply(&self, news: &RefundNews) -> Self {
        let mut next = self.clone();
        next.asking_until = None;
        let ends_otherwise = self.state == RefundState::Succeeded && news.state == RefundState::Failed;
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
