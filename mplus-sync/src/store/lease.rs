//! The right to work alone.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, Lease, LeaseName, WorkerId};

use super::StoreError;

/// Grants leases among the workers that share a store.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Grants a lease when nobody holds it or the last one has ended; none while another worker holds it.
    ///
    /// A holder who asks again gets a new lease with a new token: its earlier one is lost.
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &WorkerId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError>;

    /// Prolongs a lease, even one that has ended when nobody took it since; answers with it as it is now.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it was lost: stop working.
    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError>;

    /// Gives a lease back. One that was lost is left alone and is no error.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;
}
