//! Whether a payment that is being created was given up meanwhile.

use std::fmt;
use std::sync::Arc;

use super::record::PaymentKey;
use super::state::PaymentState;
use super::store::PaymentStore;

/// How often a store that fails is asked.
const ASKED: usize = 3;

/// Tells a provider that creates a payment whether somebody has asked for its end meanwhile, see
/// [`PaymentProvider::create_unless`](super::PaymentProvider::create_unless).
#[derive(Clone)]
pub struct GivenUp(Option<(Arc<dyn PaymentStore>, PaymentKey)>);

impl fmt::Debug for GivenUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("GivenUp").field(&self.0.as_ref().map(|(_, key)| key)).finish()
    }
}

impl GivenUp {
    /// Of a payment that nobody gives up, as in a test.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    pub(super) fn of(store: &Arc<dyn PaymentStore>, key: &PaymentKey) -> Self {
        Self(Some((store.clone(), key.clone())))
    }

    /// Whether the payment must not be shown to a customer now: its end was asked for at any process, it has ended, or the store, asked
    /// three times, does not tell. So it may be shown later: create it anew after [`ProviderError::Unavailable`](super::ProviderError).
    /// Asks the store each time.
    pub async fn is_given_up(&self) -> bool {
        let Some((store, key)) = &self.0 else { return false };
        for _ in 0..ASKED {
            if let Ok(payment) = store.payment(key).await {
                return payment.is_none_or(|payment| payment.state != PaymentState::Pending);
            }
        }
        true
    }
}
