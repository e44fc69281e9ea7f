//! Payments in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store::payment_row::{account, due_at, ended_at, transaction};
use crate::store_error::StoreError;

/// Payments, and which of them wait for nothing any more.
#[derive(Debug, Default)]
pub(super) struct Payments {
    by_key: HashMap<PaymentKey, Arc<Payment>>,
    /// The earliest first. One that was taken up again is here until its turn comes.
    at_rest: VecDeque<PaymentKey>,
}

fn at_rest(payment: &Payment) -> bool {
    due_at(payment).is_none() && ended_at(payment).is_some()
}

impl Payments {
    /// Keeps a payment, and the bound.
    fn put(&mut self, payment: Payment) {
        let key = payment.key.clone();
        let rests = at_rest(&payment);
        let before = self.by_key.insert(key.clone(), Arc::new(payment));
        if rests && !before.is_some_and(|before| at_rest(&before)) {
            self.at_rest.push_back(key);
        }
        while self.at_rest.len() > MemoryStore::PAYMENTS {
            let Some(oldest) = self.at_rest.pop_front() else { break };
            if self.by_key.get(&oldest).is_some_and(|payment| at_rest(payment)) {
                self.by_key.remove(&oldest);
            }
        }
    }
}

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        let mut payments = self.payments();
        if let Some(existing) = payments.by_key.get(&payment.key) {
            return Ok(Some(Payment::clone(existing)));
        }
        payments.put(payment.clone());
        Ok(None)
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        Ok(self.payments().by_key.get(key).cloned())
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        let mut payments = self.payments();
        match payments.by_key.get(&payment.key) {
            Some(stored) if stored.version + 1 == payment.version => {
                payments.put(payment.clone());
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
        let known = payments.by_key.values().filter(|payment| {
            payment.provider == provider
                && account(payment) == of_account
                && (payment.provider_reference.as_deref() == Some(reference)
                    || transaction(payment) == Some(reference))
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
        let mut due: Vec<_> = payments
            .by_key
            .values_mut()
            .filter(|payment| due_at(payment).is_some_and(|at| at <= now))
            .collect();
        due.sort_by_key(|payment| due_at(payment));
        let claimed = due.into_iter().take(limit).map(|payment| {
            let claimed =
                Payment { refresh_at: until, version: payment.version + 1, ..Payment::clone(payment) };
            *payment = Arc::new(claimed.clone());
            claimed
        });
        Ok(claimed.collect())
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let payments = self.payments();
        let mut listed: Vec<_> = payments.by_key.values().filter(|payment| filter.matches(payment)).collect();
        listed.sort_by_key(|payment| (payment.started_at, payment.key.clone()));
        Ok(listed.into_iter().take(filter.limit).map(|payment| Payment::clone(payment)).collect())
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut payments = self.payments();
        let Payments { by_key, at_rest } = &mut *payments;
        let earlier = by_key.len();
        by_key.retain(|_, payment| {
            due_at(payment).is_some() || ended_at(payment).is_none_or(|ended| ended >= before)
        });
        at_rest.retain(|key| by_key.contains_key(key));
        Ok((earlier - by_key.len()) as u64)
    }
}
