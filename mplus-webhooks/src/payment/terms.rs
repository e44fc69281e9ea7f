//! What the host sets and what it is told about external payments.

use std::time::Duration;

use rust_decimal::Decimal;

use super::provider::NoticeRefused;
use super::record::Payment;
use super::state::ProviderStatus;
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// What the host is told about a payment.
///
/// The two that need a person come at least once, possibly more often: every time that it shows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PaymentNotice {
    /// It was started, or came to this state. Told after it was stored; a crash in between swallows it, the store has the truth.
    Changed(Payment),
    /// The provider contradicts what it said before, or has the payment still open after its end. The terminal state stays. A
    /// person has to look at both.
    Conflict {
        /// As it is stored.
        payment: Payment,
        /// What the provider says.
        provider_says: ProviderStatus,
    },
    /// The customer has paid, but the POS has given the payment up or was told that it failed: refund it, or book it by hand.
    UnexpectedCapture {
        /// Told before it is stored, so that a crash cannot swallow it.
        payment: Payment,
        /// What the customer paid, euros.
        captured: Decimal,
    },
}

/// In what unit an amount stands in a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AmountUnit {
    /// `2.7`, as the POS's requests have it.
    #[default]
    Euros,
    /// `270`, as the SOAP twin of the reply has it.
    Cents,
}

/// Limits of external payments.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PaymentLimits {
    /// How long a customer has, before the provider is asked to cancel. Default 15 minutes.
    pub time_to_pay: Duration,
    /// How often the provider is asked about an open payment. Default 3 seconds.
    pub refresh_every: Duration,
    /// How long the till waits for the provider when a payment starts; after that the provider goes on in the background.
    /// Default 2 seconds.
    pub start_patience: Duration,
    /// The largest amount, euros. Default 100,000.
    pub largest_amount: Decimal,
    /// The unit of `finalAmount` in replies, which the vendor's pages do not show. Default euros: those of requests are.
    pub final_amount_unit: AmountUnit,
    /// Shows the checkout page's address as a QR code on the till. Default yes.
    pub show_checkout_code: bool,
}

impl Default for PaymentLimits {
    fn default() -> Self {
        Self {
            time_to_pay: Duration::from_secs(15 * 60),
            refresh_every: Duration::from_secs(3),
            start_patience: Duration::from_secs(2),
            largest_amount: Decimal::from(100_000),
            final_amount_unit: AmountUnit::default(),
            show_checkout_code: true,
        }
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshReport {
    /// Payments whose provider was asked.
    pub asked: usize,
    /// Payments that ended.
    pub ended: usize,
    /// Payments whose store failed; they come again with the next refresh.
    pub failed: usize,
}

/// What became of a call of the provider's webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Not the provider's call: answer HTTP 400.
    #[error(transparent)]
    Refused(#[from] NoticeRefused),
    /// No such provider is configured for the merchant: answer HTTP 404.
    #[error("merchant {merchant} has no payment provider named {provider}")]
    UnknownProvider {
        /// The merchant.
        merchant: MerchantId,
        /// The provider's name.
        provider: String,
    },
    /// The store failed: answer HTTP 500, so that the provider repeats the call.
    #[error(transparent)]
    Store(#[from] StoreError),
}
