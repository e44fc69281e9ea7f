//! What has to be remembered: the payments, and which events were answered how.
//!
//! [`MemoryStore`] is always here. A host may write its own and run `testkit`'s conformance suite against it.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::payment::{Payment, PaymentKey};

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the webhook store failed while trying to {action}: {source}")]
pub struct StoreError {
    action: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// A failure, and what the store was trying to do.
    pub fn new(action: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { action, source: source.into() }
    }
}

/// The answer that was given to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// The HTTP status.
    pub status: u16,
    /// The body, before it was signed.
    pub body: Bytes,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had it: the caller now does the work, and has to finish or release it.
    Granted,
    /// Somebody else does the work right now.
    Taken,
    /// The work is done; this was the answer.
    Done(StoredReply),
}

/// Remembers payments and answered events.
///
/// Every method is atomic, for callers in other processes too.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Claims the work named `key`. A claim that was taken before `stale_before` and never finished is granted again: its
    /// holder is gone.
    async fn claim(
        &self,
        key: &str,
        now: DateTime<Utc>,
        stale_before: DateTime<Utc>,
    ) -> Result<Claim, StoreError>;

    /// Ends claimed work with its answer, which every later claim gets.
    async fn finish(&self, key: &str, reply: &StoredReply, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Gives claimed work back undone. Finished work stays finished.
    async fn release(&self, key: &str) -> Result<(), StoreError>;

    /// Forgets work that was finished before `before`, and tells how much.
    async fn forget_finished(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Keeps a new payment. When the key is taken, the payment that has it is returned and nothing changes.
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError>;

    /// Reads a payment. Tills ask for it every second, so a store in memory shares it instead of copying it.
    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError>;

    /// Replaces a payment, provided that the stored version is the one just before; `false` when somebody was faster.
    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError>;

    /// The payments that a provider knows by this reference.
    async fn payments_by_reference(
        &self,
        provider: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError>;

    /// Open payments whose `refresh_at` has come, the most overdue first.
    async fn payments_to_refresh(&self, now: DateTime<Utc>, limit: usize)
    -> Result<Vec<Payment>, StoreError>;
}
