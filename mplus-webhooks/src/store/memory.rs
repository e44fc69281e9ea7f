//! Everything in memory: for tests, and for a single process that may forget on restart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::row::{account, due_again, due_at, ended_at};
use super::{Claim, InboxStore, StoredReply};
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store_error::StoreError;

/// A store in memory. A restart forgets open payments, so real money needs one of the databases.
#[derive(Debug, Default)]
pub struct MemoryStore {
    work: Mutex<HashMap<String, Work>>,
    payments: Mutex<HashMap<PaymentKey, Arc<Payment>>>,
}

#[derive(Debug)]
enum Work {
    Taken(DateTime<Utc>),
    Done(StoredReply, DateTime<Utc>),
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn work(&self) -> MutexGuard<'_, HashMap<String, Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn payments(&self) -> MutexGuard<'_, HashMap<PaymentKey, Arc<Payment>>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl InboxStore for MemoryStore {
    async fn claim(
        &self,
        key: &str,
        now: DateTime<Utc>,
        stale_before: DateTime<Utc>,
    ) -> Result<Claim, StoreError> {
        let mut work = self.work();
        match work.get(key) {
            Some(Work::Done(reply, _)) => return Ok(Claim::Done(reply.clone())),
            Some(Work::Taken(since)) if *since >= stale_before => return Ok(Claim::Taken),
            Some(Work::Taken(_)) | None => {}
        }
        work.insert(key.to_owned(), Work::Taken(now));
        Ok(Claim::Granted)
    }

    async fn finish(&self, key: &str, reply: &StoredReply, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.work().insert(key.to_owned(), Work::Done(reply.clone(), now));
        Ok(())
    }

    async fn release(&self, key: &str) -> Result<(), StoreError> {
        let mut work = self.work();
        if let Some(Work::Taken(_)) = work.get(key) {
            work.remove(key);
        }
        Ok(())
    }

    async fn forget_finished(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut work = self.work();
        let earlier = work.len();
        work.retain(|_, work| !matches!(work, Work::Done(_, at) if *at < before));
        Ok((earlier - work.len()) as u64)
    }
}

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
