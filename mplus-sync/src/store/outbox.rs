//! Orders on their way to the POS.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Claim, ConnectionId, Order, OrderNumber, OutboxEntry, OutboxStateKind, Outcome, WorkerId,
};

use super::StoreError;

/// What became of an order that the host queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits to be sent.
    New,
    /// The very same order was queued before; nothing changed.
    Known,
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimRequest {
    /// Whose orders; none for any connection's.
    pub connection: Option<ConnectionId>,
    /// Who asks.
    pub worker: WorkerId,
    /// How many at most.
    pub limit: usize,
    /// Until when the claims hold. Longer than an attempt may take, time-outs and retries included.
    pub until: DateTime<Utc>,
}

/// Queues orders until the POS has them.
///
/// The rules of [`OutboxEntry`]'s steps hold in every implementation: [`claimed`](OutboxEntry::claimed),
/// [`finished`](OutboxEntry::finished), [`released`](OutboxEntry::released), [`requeued`](OutboxEntry::requeued).
#[async_trait]
pub trait OrderOutbox: Send + Sync {
    /// Queues an order, to be sent at once.
    ///
    /// A host whose database this store is in queues it in the transaction in which it stores the order; the stores in
    /// the box have a function of their own for that.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the connection has another order with this number.
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError>;

    /// Claims orders that are due, those that are due longest first. No order is ever claimed by two workers at once.
    ///
    /// An order whose claim has ended is due. An order of a table is not claimed while an earlier one of the same table
    /// waits or is being sent; all others go on whatever becomes of their neighbours. Empty when nothing is due.
    async fn claim(&self, request: &ClaimRequest, now: DateTime<Utc>)
    -> Result<Vec<OutboxEntry>, StoreError>;

    /// Prolongs a claim, for an attempt that takes long.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost: stop before the next call to the POS.
    async fn extend_claim(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Records how a claim's attempt ended.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost and the outcome is not that the POS has
    /// the order: that one is always recorded.
    async fn finish(&self, claim: &Claim, outcome: Outcome, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Queues an order again after a person put right what was wrong.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) unless it was rejected or needs attention,
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn requeue(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Shows orders whose claim has ended as waiting again, and counts them.
    ///
    /// Nothing depends on it: [`claim`](Self::claim) finds such orders by itself.
    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Reads one order's entry.
    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError>;

    /// Reads entries in one state, a page at a time, in the order they were queued.
    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Counts a connection's orders by state; a state without orders may be absent.
    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError>;

    /// Removes accepted orders whose state last changed before a time, and counts them. Others are never removed.
    async fn prune_accepted(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
}
