//! What has to be remembered of payments.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::record::{Payment, PaymentKey};
use super::state::PaymentState;
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// Remembers payments.
///
/// Every method is atomic, for callers in other processes too. Instants are UTC and come from the caller's clock; the clocks of
/// the callers may differ by a minute.
///
/// # Errors
/// [`StoreError`] when the database fails. Where several records are read, one that cannot be read is logged and left out, so
/// that it does not stop the others.
#[async_trait]
pub trait PaymentStore: Debug + Send + Sync {
    /// Keeps a new payment. When the key is taken, the payment that has it is returned and nothing changes.
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError>;

    /// Reads a payment. Tills ask for it every second, so a store in memory shares it instead of copying it.
    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError>;

    /// Replaces a payment, provided that the stored version is the one just before; `false` when somebody was faster.
    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError>;

    /// The payments that an account of a provider knows by this [`reference`](Payment::provider_reference) or
    /// [`transaction`](Payment::transaction_reference).
    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError>;

    /// Takes at most `limit` payments whose `refresh_at` has come, the most overdue first, and moves their `refresh_at` to
    /// `until`: nobody else gets them before that. Their version goes up by one, so that who read one of them before cannot put
    /// the earlier time back.
    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError>;

    /// One page of payments, ordered by when they started, then by merchant and id.
    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError>;

    /// Removes payments that ended before `before` and wait for nothing any more, and tells how many.
    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}

/// Which payments to list. The default is the first hundred of all.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PaymentFilter {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// Only those in one of these states, whatever the reason of a cancellation; empty means any.
    pub states: Vec<PaymentState>,
    /// Only those that started at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those that started before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Goes on after this payment, the last one of the page before.
    pub after: Option<(DateTime<Utc>, PaymentKey)>,
    /// The most payments of a page.
    pub limit: usize,
}

impl Default for PaymentFilter {
    fn default() -> Self {
        Self { merchant: None, states: Vec::new(), from: None, to: None, after: None, limit: 100 }
    }
}

impl PaymentFilter {
    /// The same filter for the page after `last`.
    #[must_use]
    pub fn after(mut self, last: &Payment) -> Self {
        self.after = Some((last.started_at, last.key.clone()));
        self
    }

    /// Whether the payment is among those that are listed.
    pub fn matches(&self, payment: &Payment) -> bool {
        self.merchant.as_ref().is_none_or(|merchant| *merchant == payment.key.merchant)
            && (self.states.is_empty()
                || self.states.iter().any(|state| state.name() == payment.state.name()))
            && self.from.is_none_or(|from| payment.started_at >= from)
            && self.to.is_none_or(|to| payment.started_at < to)
            && self.after.as_ref().is_none_or(|(at, key)| (&payment.started_at, &payment.key) > (at, key))
    }
}
