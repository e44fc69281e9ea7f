//! An external payment as it is stored.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::provider::ProviderNews;
use super::state::{PaymentEffect, PaymentInput, PaymentState, ProviderStatus, transition};
use super::terms::AmountUnit;
use crate::reply::{PaymentAnswer, PaymentWord};
use crate::subscription::MerchantId;

/// Names a payment: the POS's id, within one merchant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentKey {
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// `externalPaymentId`, a UUID that the POS chose.
    pub id: String,
}

/// An external payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payment {
    /// Which.
    pub key: PaymentKey,
    /// What is to be paid, euros.
    pub amount: Decimal,
    /// The payment method's name in the POS.
    pub method: String,
    /// The branch of the till.
    pub branch_number: i64,
    /// The workplace of the till.
    pub workplace_number: i64,
    /// The provider's name, see [`PaymentProvider::name`](super::PaymentProvider::name).
    pub provider: String,
    /// Where it stands.
    pub state: PaymentState,
    /// The provider's id of it, once the provider knows it.
    pub provider_reference: Option<String>,
    /// Where the customer pays, when that is a web page.
    pub checkout_url: Option<String>,
    /// What was captured, euros. May be less than `amount`, or more with a tip.
    pub final_amount: Option<Decimal>,
    /// The provider's reference for receipts and questions.
    pub transaction_reference: Option<String>,
    /// For instance `visa`.
    pub card_type: Option<String>,
    /// For instance `ideal`.
    pub external_method: Option<String>,
    /// The payment terminal.
    pub terminal_id: Option<String>,
    /// When the POS started it, UTC.
    pub started_at: DateTime<Utc>,
    /// When it is given up unless it has been paid, UTC.
    pub expires_at: DateTime<Utc>,
    /// When the provider is asked next, UTC.
    pub refresh_at: DateTime<Utc>,
    /// Until then the payment is being created at its provider, UTC; whoever began that is taken to be gone afterwards.
    #[serde(default)]
    pub creating_until: Option<DateTime<Utc>>,
    /// Counts the changes; two writers cannot both succeed from the same version.
    pub version: u64,
}

impl Payment {
    /// A payment of `amount` euros that starts and is due at `now`; everything else is empty.
    pub(crate) fn new(key: PaymentKey, amount: Decimal, provider: &str, now: DateTime<Utc>) -> Self {
        Self {
            key,
            amount,
            method: String::new(),
            branch_number: 0,
            workplace_number: 0,
            provider: provider.to_owned(),
            state: PaymentState::Pending,
            provider_reference: None,
            checkout_url: None,
            final_amount: None,
            transaction_reference: None,
            card_type: None,
            external_method: None,
            terminal_id: None,
            started_at: now,
            expires_at: now,
            refresh_at: now,
            creating_until: None,
            version: 0,
        }
    }

    /// Applies an input: the changed payment, and what has to be done. `None` when nothing changed.
    pub fn apply(&self, input: PaymentInput, news: Option<&ProviderNews>) -> (Option<Self>, PaymentEffect) {
        if let (Some(known), Some(told)) =
            (&self.provider_reference, news.and_then(|news| news.reference.as_ref()))
            && known != told
        {
            // A start that was repeated at a provider without idempotency: the first one stands, nobody was shown the other.
            return (None, PaymentEffect::None);
        }
        let (state, effect) = transition(self.state, input);
        let captured = match input {
            PaymentInput::Provider(ProviderStatus::Captured(amount)) => Some(amount),
            _ => None,
        };
        let mut next = self.clone();
        if self.state.is_terminal() {
            // A second attempt to create it may have reached the provider after all; it can only be undone by its reference.
            if self.provider_reference.is_none() {
                next.provider_reference = news.and_then(|news| news.reference.clone());
            }
            let other_amount = self.state == PaymentState::Confirmed
                && captured.is_some_and(|amount| amount > Decimal::ZERO && Some(amount) != self.final_amount);
            return next
                .changed_from(self, if other_amount { PaymentEffect::ReportConflict } else { effect });
        }
        next.state = state;
        if let Some(news) = news {
            next.learn(news);
        }
        if state == PaymentState::Confirmed {
            next.final_amount = captured;
        }
        next.changed_from(self, effect)
    }

    /// The next version, when anything changed at all.
    fn changed_from(mut self, before: &Self, effect: PaymentEffect) -> (Option<Self>, PaymentEffect) {
        if self == *before {
            return (None, effect);
        }
        self.version += 1;
        (Some(self), effect)
    }

    /// Keeps what the provider told besides the status; nothing that is known is forgotten.
    fn learn(&mut self, news: &ProviderNews) {
        let learned = [
            (&mut self.provider_reference, &news.reference),
            (&mut self.checkout_url, &news.checkout_url),
            (&mut self.transaction_reference, &news.transaction_reference),
            (&mut self.card_type, &news.card_type),
            (&mut self.external_method, &news.external_method),
            (&mut self.terminal_id, &news.terminal_id),
        ];
        for (known, told) in learned {
            if told.is_some() {
                known.clone_from(told);
            }
        }
    }

    /// How the payment stands in the POS's words, with the final amount in this unit.
    ///
    /// Never `confirmed` before the provider captured, never `cancelled` while it still could.
    pub fn answer(&self, unit: AmountUnit) -> PaymentAnswer {
        let mut answer = PaymentAnswer::new(self.key.id.as_str());
        answer.confirmed = Some(self.state == PaymentState::Confirmed);
        answer.cancelled = Some(self.state.is_terminal() && self.state != PaymentState::Confirmed);
        answer.status = Some(match self.state {
            PaymentState::Pending | PaymentState::Authorised | PaymentState::CancelRequested(_) => {
                PaymentWord::Pending
            }
            PaymentState::Confirmed => PaymentWord::Confirmed,
            PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired => PaymentWord::Failed,
        });
        if self.state == PaymentState::Confirmed {
            let amount = self.final_amount.map(|euros| match unit {
                AmountUnit::Euros => euros,
                AmountUnit::Cents => (euros * Decimal::ONE_HUNDRED).normalize(),
            });
            answer.final_amount = amount.map(Into::into);
            answer.external_transaction_reference.clone_from(&self.transaction_reference);
            answer.card_type.clone_from(&self.card_type);
            answer.terminal_id.clone_from(&self.terminal_id);
            answer.external_method.clone_from(&self.external_method);
        }
        answer
    }
}
