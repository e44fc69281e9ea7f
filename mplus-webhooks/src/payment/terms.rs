//! What the host sets about external payments, and what their upkeep reports.

use std::time::Duration;

use rust_decimal::Decimal;

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
    /// How long it is tried to create a payment at a provider that does not take it. After every failure the pause doubles, up to a
    /// minute; then the payment ends as failed. Default 5 minutes; the time to pay ends it, too, and so does a till that has not asked
    /// about it for a minute and a half.
    pub time_to_create: Duration,
    /// How long after its time to pay a payment stays open of which nobody can tell what became of it: its provider cannot be
    /// asked, is not understood, or leaves it open though it was asked to cancel. Then it ends as failed, the host is told that it
    /// is unresolved, and the provider is asked for another week. Default 1 hour.
    pub unresolved_after: Duration,
    /// How long after a payment was paid the till that started it may take to ask for that; then the host is told that it has not.
    /// Default 10 minutes.
    pub unfetched_after: Duration,
    /// How often the provider is asked about an open payment. Default 3 seconds; a provider that does not answer is asked less
    /// often, down to once a minute.
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
    /// Whether an amount below zero is given back to the card that the customer presents. Default no: such a payment is not
    /// started, and the cashier is told.
    pub card_refunds: bool,
}

impl Default for PaymentLimits {
    fn default() -> Self {
        Self {
            time_to_pay: Duration::from_secs(15 * 60),
            time_to_create: Duration::from_secs(5 * 60),
            unresolved_after: Duration::from_secs(60 * 60),
            unfetched_after: Duration::from_secs(10 * 60),
            refresh_every: Duration::from_secs(3),
            start_patience: Duration::from_secs(2),
            largest_amount: Decimal::from(100_000),
            final_amount_unit: AmountUnit::default(),
            show_checkout_code: true,
            card_refunds: false,
        }
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshReport {
    /// Payments that were due.
    pub asked: usize,
    /// Payments that ended.
    pub ended: usize,
    /// Payments whose store failed; they come again with the next refresh.
    pub failed: usize,
}
