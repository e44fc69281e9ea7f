//! The right to work alone.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, HeldLease, Holder, Lease, LeaseName};

use super::StoreError;

/// Grants leases among the workers that share a store. A lease that was released leaves nothing behind.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Grants a lease when nobody holds it, the last one has ended, or its holder may be [succeeded](Holder::succeeds); none
    /// while another holds it.
    ///
    /// A holder who asks again gets a new lease with a new token: the earlier one is lost. Tokens grow.
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &Holder,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError>;

    /// Prolongs a lease, even one that has ended when nobody took it since; answers with it as it is now.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it was lost: stop working.
    async fn extend(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError>;

    /// Notes for others what a lease's holder does and how far it is, as JSON.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it was lost: stop working.
    async fn note_lease(&self, lease: &Lease, note: &str) -> Result<(), StoreError>;

    /// Gives a lease back. One that was lost is left alone and is no error.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Reads the leases that somebody holds now, of one connection or of all: what runs, since when, and how far it is.
    async fn leases(
        &self,
        connection: Option<&ConnectionId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<HeldLease>, StoreError>;

    /// Removes leases that ended before a time, of workers that never came back, and counts them.
    async fn prune_leases(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// What the clock shows that all processes have in common: the database's. None where there is no other than theirs.
    ///
    /// Claims and leases are instants of whoever takes them; with this a process finds out whether its own clock is wrong.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    /// Whether a newer release has changed what is stored so that this one may not work on it any more. A process that runs asks now and
    /// then, as one that starts would be refused.
    async fn is_outdated(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
}
