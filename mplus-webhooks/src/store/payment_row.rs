//! What a store has to know of a payment besides the record as a whole.

use chrono::{DateTime, Utc};

use crate::payment::Payment;

/// The longest name that can be searched for, bytes.
const LONGEST_NAME: usize = 255;

/// The account at the provider that the payment was started on.
pub(super) fn account(payment: &Payment) -> &str {
    &payment.account
}

/// The provider's id of the money that was taken: its notices may name that instead of the payment.
pub(super) fn transaction(payment: &Payment) -> Option<&str> {
    payment.transaction_reference.as_deref().filter(|transaction| transaction.len() <= LONGEST_NAME)
}

/// When the payment is due. `None` when nothing is left to be done.
pub(super) fn due_at(payment: &Payment) -> Option<DateTime<Utc>> {
    payment.has_work().then_some(payment.refresh_at)
}

/// When the payment ended.
pub(super) fn ended_at(payment: &Payment) -> Option<DateTime<Utc>> {
    payment.state.is_terminal().then_some(payment.refresh_at)
}
