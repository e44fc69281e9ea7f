//! A limit of time for every call of a store: a database that hangs is a database that fails, and holds nobody up for long.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::Store;
use crate::inbox::{Entry, EntryFilter, EntryId, InboxStore, Pruned};
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::runtime::Runtime;
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// Pruning goes through many rows, so it may take this many times as long as other calls.
const PRUNING: u32 = 30;

/// A store whose calls fail when they take too long.
#[derive(Debug)]
pub(crate) struct Limited {
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    patience: Duration,
}

impl Limited {
    pub(crate) fn new(store: Arc<dyn Store>, runtime: Arc<dyn Runtime>, patience: Duration) -> Self {
        Self { store, runtime, patience }
    }

    async fn soon<T>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.within(self.patience, action, call).await
    }

    async fn within<T>(
        &self,
        patience: Duration,
        action: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut call = pin!(call);
        // What is in memory needs no clock.
        if let Some(done) = call.as_mut().now_or_never() {
            return done;
        }
        match select(call, self.runtime.sleep(patience)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => {
                let text = format!(
                    "no answer in {} seconds; it may have been done all the same",
                    patience.as_secs_f32()
                );
                Err(StoreError::new(action, text))
            }
        }
    }
}

#[async_trait]
impl InboxStore for Limited {
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        self.soon("keep an event", self.store.insert_entry(entry)).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        self.soon("read an event", self.store.entry(id)).await
    }

    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
        self.soon("change an event", self.store.replace_entry(entry)).await
    }

    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.soon("find due events", self.store.due_entries(now, except, per_merchant, limit)).await
    }

    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError> {
        self.soon("find events about a sale", self.store.entries_about(merchant, subject)).await
    }

    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.soon("list events", self.store.list_entries(filter)).await
    }

    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError> {
        let pruning = self.store.prune_entries(done, dead, identities);
        self.within(self.patience.saturating_mul(PRUNING), "prune events", pruning).await
    }
}

#[async_trait]
impl PaymentStore for Limited {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        self.soon("keep a payment", self.store.insert_payment(payment)).await
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        self.soon("read a payment", self.store.payment(key)).await
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        self.soon("change a payment", self.store.replace_payment(payment)).await
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        let found = self.store.payments_by_reference(provider, account, reference);
        self.soon("find a payment by its reference", found).await
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        self.soon("claim due payments", self.store.claim_payments(now, until, limit)).await
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        self.soon("list payments", self.store.list_payments(filter)).await
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let pruning = self.store.prune_payments(before);
        self.within(self.patience.saturating_mul(PRUNING), "prune payments", pruning).await
    }
}
