//! What has to be remembered: the payments, and which events were answered how.
//!
//! [`MemoryStore`] is always here. A host may write its own and run `testkit`'s conformance suite against it.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::payment::PaymentStore;
use crate::store_error::StoreError;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

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

/// Remembers which work was claimed, and how it ended.
///
/// Every method is atomic, for callers in other processes too.
#[async_trait]
pub trait InboxStore: Debug + Send + Sync {
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
}

/// Everything that an orchestrator remembers.
pub trait Store: InboxStore + PaymentStore {}

impl<S: InboxStore + PaymentStore> Store for S {}
