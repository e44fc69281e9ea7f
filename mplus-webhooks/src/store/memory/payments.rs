//! Payments in memory.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store::payment_row::{account, due_again, due_at, ended_at};
use crate::store_error::StoreError;

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        let mut payments = self.payments();
        if let Some(existing) = payments.get(&payment.key) {
            return Ok(Some(Payment::clone(existing)));
        }
        payments.insert(payment.key.clone(), Arc::new(payment.clone()));
        Ok(None)
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        Ok(self.payments().get(key).cloned())
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        let mut payments = self.payments();
        match payments.get_mut(&payment.key) {
            Some(stored) if stored.version + 1 == payment.version => {
                *stored = Arc::new(payment.clone());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        of_account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        let payments = self.payments();
        let known = payments.values().filter(|payment| {
            payment.provider == provider
                && account(payment) == of_account
                && payment.provider_reference.as_deref() == Some(reference)
        });
        Ok(known.map(|payment| Payment::clone(payment)).collect())
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let mut payments = self.payments();
        let mut due: Vec<_> =
            payments.values_mut().filter(|payment| due_at(payment).is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|payment| due_at(payment));
        let claimed = due.into_iter().take(limit).map(|payment| {
            *payment = Arc::new(due_again(Payment::clone(payment), until));
            Payment::clone(payment)
        });
        Ok(claimed.collect())
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let payments = self.payments();
        let mut listed: Vec<_> = payments.values().filter(|payment| filter.matches(payment)).collect();
        listed.sort_by_key(|payment| (payment.started_at, payment.key.clone()));
        Ok(listed.into_iter().take(filter.limit).map(|payment| Payment::clone(payment)).collect())
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut payments = self.payments();
        let earlier = payments.len();
        payments.retain(|_, payment| {
            due_at(payment).is_some() || ended_at(payment).is_none_or(|ended| ended >= before)
        });
        Ok((earlier - payments.len()) as u64)
    }
}
