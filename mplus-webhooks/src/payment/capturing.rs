//! Takes money that a provider holds for a payment.

use rust_decimal::Decimal;

use super::provider::ProviderError;
use super::record::{Payment, PaymentKey};
use super::service::{ExternalPayments, SettleError, silent};
use super::state::{PaymentInput, PaymentState};
use crate::store_error::StoreError;

/// Money could not be captured. The payment stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No such payment.
    #[error("external payment {0} is not known")]
    UnknownPayment(String),
    /// The provider holds nothing for it, or an end was asked for already.
    #[error("external payment {id} has nothing to capture, it is {state:?}")]
    NothingHeld {
        /// The payment.
        id: String,
        /// Where it stands.
        state: PaymentState,
    },
    /// More than what is to be paid, or nothing.
    #[error("between 0.01 and {0} euros can be captured")]
    Amount(Decimal),
    /// Its provider is not configured any more.
    #[error("the provider of external payment {0} cannot be found")]
    NoProvider(String),
    /// The provider did not do it; [`ProviderError::Unreachable`]: it may have, and the refresh asks.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed; the refresh asks the provider how the payment stands.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettleError> for CaptureError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Unknown(id) => Self::UnknownPayment(id),
            SettleError::Store(error) => Self::Store(error),
        }
    }
}

impl ExternalPayments {
    /// Takes the money that a provider holds for an authorised payment: this much, euros, or all. What is not taken is released.
    /// Returns the payment, confirmed with what was captured; the till hears of it with its next poll.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub async fn capture(&self, key: &PaymentKey, amount: Option<Decimal>) -> Result<Payment, CaptureError> {
        let payment = self.stored(key).await?;
        if payment.state != PaymentState::Authorised {
            return Err(CaptureError::NothingHeld { id: key.id.clone(), state: payment.state });
        }
        let proper =
            |amount: Decimal| amount > Decimal::ZERO && amount <= payment.amount && amount.scale() <= 2;
        if amount.is_some_and(|amount| !proper(amount.normalize())) {
            return Err(CaptureError::Amount(payment.amount));
        }
        let none = || CaptureError::NoProvider(key.id.clone());
        let provider = self.provider_of(&payment).await.ok_or_else(none)?;
        let captured = self.guarded("a payment provider", provider.capture(&payment, amount)).await;
        let news = captured.unwrap_or_else(|| Err(silent(&payment.provider)))?;
        Ok(self.hear(key, PaymentInput::Provider(news.status), &news).await?)
    }
}
