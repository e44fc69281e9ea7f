//! A store that counts how often it is asked, and can be slow or down.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryId, InboxStore, Pruned};
use mplus_webhooks::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use mplus_webhooks::{MemoryStore, MerchantId, StoreError};

#[derive(Debug, Default)]
pub(crate) struct Watched {
    inner: MemoryStore,
    pub(super) reads: AtomicUsize,
    pub(super) down: AtomicBool,
    /// Every call hangs.
    pub(super) hangs: AtomicBool,
    /// Changing the entries about this sale hangs, as a row does that somebody has locked.
    pub(super) locked: Mutex<Option<String>>,
    /// How many seconds it takes to keep an entry.
    pub(super) keeping_takes: AtomicU64,
    /// How many seconds it takes to read a payment.
    pub(super) reading_payments_takes: AtomicU64,
    /// How many of the next attempts to read a payment fail.
    pub(crate) reading_payments_fails: AtomicUsize,
}

impl Watched {
    async fn up(&self) -> Result<&MemoryStore, StoreError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::new("do anything", "the database is down")),
            false => Ok(&self.inner),
        }
    }
}

#[async_trait]
impl InboxStore for Watched {
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        tokio::time::sleep(Duration::from_secs(self.keeping_takes.load(Ordering::SeqCst))).await;
        self.up().await?.insert_entry(entry).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.up().await?.entry(id).await
    }

    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
        let is_locked = entry.subject.is_some() && *self.locked.lock().unwrap() == entry.subject;
        if is_locked {
            std::future::pending::<()>().await;
        }
        self.up().await?.replace_entry(entry).await
    }

    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.up().await?.due_entries(now, except, per_merchant, limit).await
    }

    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError> {
        self.up().await?.entries_about(merchant, subject).await
    }

    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.up().await?.list_entries(filter).await
    }

    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError> {
        self.up().await?.prune_entries(done, dead, identities).await
    }
}

#[async_trait]
impl PaymentStore for Watched {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        self.up().await?.insert_payment(payment).await
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        tokio::time::sleep(Duration::from_secs(self.reading_payments_takes.load(Ordering::SeqCst))).await;
        let fewer = |left: usize| left.checked_sub(1);
        if self.reading_payments_fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
            return Err(StoreError::new("read a payment", "the connection was lost"));
        }
        self.up().await?.payment(key).await
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        self.up().await?.replace_payment(payment).await
    }

    async fn payments_by_reference(&self, a: &str, b: &str, c: &str) -> Result<Vec<Payment>, StoreError> {
        self.up().await?.payments_by_reference(a, b, c).await
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        self.up().await?.claim_payments(now, until, limit).await
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        self.up().await?.list_payments(filter).await
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.up().await?.prune_payments(before).await
    }
}
