//! Money that a restaurant has still to do with: whoever removes the restaurant puts it out of reach.

use std::sync::Arc;

use mplus_sync::model::ConnectionId;
use mplus_webhooks::payment::{Payment, PaymentFilter, RefundState};
use mplus_webhooks::{MerchantId, Store, StoreError};

/// Payments that are read at once.
const CHUNK: usize = 500;

/// How many payments have not ended, were paid in vain, or are being given back.
pub(crate) async fn count(store: &Arc<dyn Store>, restaurant: &ConnectionId) -> Result<usize, StoreError> {
    let mut filter = PaymentFilter::default();
    filter.merchant = Some(MerchantId::new(restaurant.as_str()));
    filter.limit = CHUNK;
    let mut count = 0;
    loop {
        let payments = store.list_payments(&filter).await?;
        count += payments.iter().filter(|payment| is_unsettled(payment)).count();
        match payments.last().filter(|_| payments.len() == CHUNK) {
            Some(last) => filter = filter.after(last),
            None => return Ok(count),
        }
    }
}

fn is_unsettled(payment: &Payment) -> bool {
    let is_open = |state: RefundState| !matches!(state, RefundState::Succeeded | RefundState::Failed);
    !payment.state.is_terminal()
        || payment.paid_in_vain()
        || payment.refunds.iter().any(|refund| is_open(refund.state))
}
