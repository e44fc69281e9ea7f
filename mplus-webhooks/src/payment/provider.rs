//! Whoever really takes the money: a small trait, and how the right one is found.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;

use super::record::Payment;
use super::state::ProviderStatus;
use crate::subscription::MerchantId;

/// What a provider says about a payment, and what else it tells on the way.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProviderNews {
    /// How it stands.
    pub status: ProviderStatus,
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
}

impl ProviderNews {
    /// A status and nothing else.
    pub fn new(status: ProviderStatus) -> Self {
        Self {
            status,
            reference: None,
            checkout_url: None,
            transaction_reference: None,
            card_type: None,
            external_method: None,
            terminal_id: None,
        }
    }

    /// With the provider's id of the payment.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }
}

/// A provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The provider refused, and nothing happened. Asking again is of no use.
    #[error("the payment provider {provider} refused: {message}")]
    Refused {
        /// The provider's name.
        provider: String,
        /// Its reason, without secrets.
        message: String,
    },
    /// No usable answer: what was asked may or may not have happened. Asking again is safe.
    #[error("the payment provider {provider} cannot be reached or does not answer: {message}")]
    Unreachable {
        /// The provider's name.
        provider: String,
        /// What went wrong, without secrets.
        message: String,
    },
}

/// A call to the provider webhook's address that is not the provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's call was refused: {0}")]
pub struct NoticeRefused(pub String);

/// A payment provider: Stripe, Viva Wallet, or the host's own.
#[async_trait]
pub trait PaymentProvider: Debug + Send + Sync {
    /// A name that never changes; it is stored with every payment.
    fn name(&self) -> &str;

    /// Begins a payment. Repeating it for the same payment id has to return the same payment, never a second one. After
    /// a minute it is dropped and tried again later, as are the other two.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] ends the payment as failed; [`ProviderError::Unreachable`] has it repeated later.
    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// How the payment stands now. The provider's word is final.
    ///
    /// # Errors
    /// [`ProviderError`]; the payment stays as it is.
    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// Asks for the end of a payment, and tells how it stands then: cancelled, or captured after all, or still open.
    ///
    /// # Errors
    /// [`ProviderError`]; the payment stays as it is, and the request is repeated later.
    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// Checks a call of the provider's own webhook, and returns the provider's id of the payment that it is about. `Ok(None)` is
    /// a genuine call about something else.
    ///
    /// Whatever else such a call says may be late, repeated or out of order, so it is not read: the provider is asked.
    ///
    /// # Errors
    /// [`NoticeRefused`] when the call is not the provider's.
    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, NoticeRefused>;
}

/// The till that starts a payment; decides who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentPlace<'a> {
    /// The merchant at the host.
    pub merchant: &'a MerchantId,
    /// The branch of the till.
    pub branch_number: i64,
    /// The workplace of the till.
    pub workplace_number: i64,
    /// The payment method's name in the POS.
    pub method: &'a str,
}

/// The host's payment profiles: which provider is assigned where.
pub trait PaymentProviders: Debug + Send + Sync {
    /// The provider for a new payment; `None` when no payment profile is assigned to the location.
    fn assigned(&self, place: &PaymentPlace<'_>) -> Option<Arc<dyn PaymentProvider>>;

    /// The provider of a payment that was started earlier, by its name.
    fn named(&self, merchant: &MerchantId, name: &str) -> Option<Arc<dyn PaymentProvider>>;
}

/// One provider for every merchant, branch and method.
#[derive(Debug, Clone)]
pub struct OneProvider(pub Arc<dyn PaymentProvider>);

impl PaymentProviders for OneProvider {
    fn assigned(&self, _: &PaymentPlace<'_>) -> Option<Arc<dyn PaymentProvider>> {
        Some(self.0.clone())
    }

    fn named(&self, _: &MerchantId, name: &str) -> Option<Arc<dyn PaymentProvider>> {
        (self.0.name() == name).then(|| self.0.clone())
    }
}
