//! Which payments of a restaurant somebody looks for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mplus_sync::model::ConnectionId;
use mplus_webhooks::payment::{CancelReason, Payment, PaymentFilter, PaymentState};
use mplus_webhooks::{MerchantId, Store, StoreError};

use super::newest::{self, Newest};

/// What those have in common that somebody looks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    #[default]
    All,
    In(PaymentState),
    /// Paid although the sale or order was given up, whatever their state.
    InVain,
}

impl Wanted {
    /// Everything that can be chosen beside all.
    pub(crate) const CHOICES: [Self; 8] = [
        Self::InVain,
        Self::In(PaymentState::Pending),
        Self::In(PaymentState::Authorised),
        // Whatever the reason.
        Self::In(PaymentState::CancelRequested(CancelReason::Operator)),
        Self::In(PaymentState::Confirmed),
        Self::In(PaymentState::Failed),
        Self::In(PaymentState::Cancelled),
        Self::In(PaymentState::Expired),
    ];

    /// As addresses name it; empty for all.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "",
            Self::In(state) => state.name(),
            Self::InVain => "paid_in_vain",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::All].into_iter().chain(Self::CHOICES).find(|wanted| wanted.name() == name)
    }
}

/// A page of a restaurant's payments, the newest before an instant. Those that were paid in vain are no state that a store could
/// list: all are looked through.
pub(crate) async fn newest(
    store: &Arc<dyn Store>,
    restaurant: &ConnectionId,
    wanted: Wanted,
    before: DateTime<Utc>,
    page: usize,
) -> Result<Newest<Payment>, StoreError> {
    let mut filter = PaymentFilter::default();
    filter.merchant = Some(MerchantId::new(restaurant.as_str()));
    if let Wanted::In(state) = wanted {
        filter.states.push(state);
    }
    let fits = move |payment: &Payment| wanted != Wanted::InVain || payment.paid_in_vain();
    newest::payments(store, &filter, fits, before, page).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_found_by_its_name() {
        for wanted in Wanted::CHOICES {
            assert_eq!(Wanted::named(wanted.name()), Some(wanted));
        }
        assert_eq!((Wanted::named(""), Wanted::named("lost")), (Some(Wanted::All), None));
    }
}
