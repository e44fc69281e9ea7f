//! What the host is told of its orders.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId};

use super::StoreError;

/// What somebody asks for who tells the host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NoticeRequest {
    /// Of whose orders; none for any connection's.
    pub connection: Option<ConnectionId>,
    /// How many at most.
    pub limit: usize,
    /// Until when the claims hold.
    pub until: DateTime<Utc>,
}

impl NoticeRequest {
    /// Notices of any connection's orders.
    pub fn new(limit: usize, until: DateTime<Utc>) -> Self {
        Self { connection: None, limit, until }
    }

    /// Those of one connection's.
    #[must_use]
    pub fn of(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }
}

/// Keeps what became of orders until the host was told.
///
/// A notice is written in the transaction in which its order changes. It is told at least once, and those of one order in the
/// order in which they happened. One that cannot be read is set aside by the claim that finds it, with a line in the
/// activity log, and listed as [unreadable](super::CatalogStore::unreadable); its order's later ones wait for it until it is
/// [discarded](super::OrderOutbox::discard_set_aside), and nobody else's.
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// Claims notices, oldest first: of each order only the first that was not acknowledged yet, and none that another
    /// holds.
    async fn claim_notices(
        &self,
        request: &NoticeRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedNotice>, StoreError>;

    /// The host knows it. One whose claim was lost is left alone and is no error.
    async fn acknowledge(&self, notice: &ClaimedNotice) -> Result<(), StoreError>;

    /// The host could not be told: it is claimed again, not before a time. The order's later notices wait as long.
    async fn postpone(&self, notice: &ClaimedNotice, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Removes a connection's notices of what happened before a time, told or not, and counts them.
    async fn prune_notices(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
}
