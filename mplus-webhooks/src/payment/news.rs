//! What a provider says about a payment or a refund, and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::ProviderStatus;

/// Why something stands as it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reason {
    /// The provider's own code, such as `card_declined`; none for what this crate found out itself.
    pub code: Option<String>,
    /// For a person, in English, without secrets. The cashier reads it.
    pub text: String,
}

impl Reason {
    /// A reason that this crate or the host gives.
    pub fn new(text: impl Into<String>) -> Self {
        Self { code: None, text: text.into() }
    }

    /// A reason with the provider's code.
    pub fn with_code(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: Some(code.into()), text: text.into() }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => write!(formatter, "{} ({code})", self.text),
            None => formatter.write_str(&self.text),
        }
    }
}

/// What a provider says about a payment, and what else it tells on the way.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProviderNews {
    /// How it stands.
    pub status: ProviderStatus,
    /// Why, as far as the provider tells.
    pub reason: Option<Reason>,
    /// The provider's id of the payment.
    pub reference: Option<String>,
    /// Where the customer pays, when that is a web page.
    pub checkout_url: Option<String>,
    /// The reference for receipts and questions.
    pub transaction_reference: Option<String>,
    /// For instance `visa`.
    pub card_type: Option<String>,
    /// For instance `ideal`.
    pub external_method: Option<String>,
    /// The payment terminal.
    pub terminal_id: Option<String>,
    /// Of a payment that failed or was cancelled: until then the provider is asked again all the same, since what it says of such an
    /// end was seen to be wrong. UTC.
    pub watched_until: Option<DateTime<Utc>>,
}

impl ProviderNews {
    /// A status and nothing else.
    pub fn new(status: ProviderStatus) -> Self {
        Self {
            status,
            reason: None,
            reference: None,
            checkout_url: None,
            transaction_reference: None,
            card_type: None,
            external_method: None,
            terminal_id: None,
            watched_until: None,
        }
    }

    /// With the provider's id of the payment.
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
