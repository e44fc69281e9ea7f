//! The outbox in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Claim, ConnectionId, Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Outcome,
};
use crate::store::{ClaimRequest, Enqueued, OrderOutbox, StoreError, StoreErrorKind};

use super::MemoryStore;

/// All connections' orders, with what is needed to find the next one fast.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: BTreeMap<i64, OutboxEntry>,
    sequences: BTreeMap<(ConnectionId, OrderNumber), i64>,
    /// Open orders by the time they are due.
    due: BTreeSet<(DateTime<Utc>, i64)>,
    /// Open orders of each table, in their order.
    lanes: BTreeMap<(ConnectionId, String), BTreeSet<i64>>,
    last: i64,
}

impl Outbox {
    /// Takes an entry out, to be changed and put back.
    fn take(&mut self, sequence: i64) -> Option<OutboxEntry> {
        let entry = self.entries.remove(&sequence)?;
        self.due.remove(&(entry.due_at, sequence));
        if let Some(lane) = lane(&entry)
            && let Some(waiting) = self.lanes.get_mut(&lane)
        {
            waiting.remove(&sequence);
            if waiting.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        Some(entry)
    }

    fn put(&mut self, entry: OutboxEntry) {
        if entry.state.kind().is_open() {
            self.due.insert((entry.due_at, entry.sequence));
            if let Some(lane) = lane(&entry) {
                self.lanes.entry(lane).or_default().insert(entry.sequence);
            }
        }
        self.entries.insert(entry.sequence, entry);
    }

    fn is_first_of_its_table(&self, entry: &OutboxEntry) -> bool {
        let waiting = lane(entry).and_then(|lane| self.lanes.get(&lane));
        waiting.is_none_or(|waiting| waiting.first() == Some(&entry.sequence))
    }

    fn find(&self, connection: &ConnectionId, order: &OrderNumber) -> Option<&OutboxEntry> {
        self.entries.get(self.sequences.get(&(connection.clone(), order.clone()))?)
    }

    /// Replaces an entry with the next step of it.
    fn step<E: std::error::Error + Send + Sync + 'static>(
        &mut self,
        connection: &ConnectionId,
        order: &OrderNumber,
        action: &str,
        step: impl FnOnce(OutboxEntry) -> Result<OutboxEntry, E>,
    ) -> Result<(), StoreError> {
        let error = |kind| StoreError::new(kind, format!("{action} order {order}"));
        let found = self.find(connection, order).ok_or_else(|| error(StoreErrorKind::NotFound))?;
        let sequence = found.sequence;
        let next =
            step(found.clone()).map_err(|refused| error(StoreErrorKind::Conflict).with_source(refused))?;
        self.take(sequence);
        self.put(next);
        Ok(())
    }

    fn remove(&mut self, sequence: i64) {
        if let Some(entry) = self.take(sequence) {
            self.sequences.remove(&(entry.connection, entry.order.number));
        }
    }
}

fn lane(entry: &OutboxEntry) -> Option<(ConnectionId, String)> {
    entry.order.lane().map(|lane| (entry.connection.clone(), lane))
}

#[async_trait]
impl OrderOutbox for MemoryStore {
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError> {
        let outbox = &mut self.lock().outbox;
        if let Some(known) = outbox.find(connection, &order.number) {
            return if known.order == *order {
                Ok(Enqueued::Known)
            } else {
                let action = format!("queue order {}: another order has this number", order.number);
                Err(StoreError::new(StoreErrorKind::Conflict, action))
            };
        }
        outbox.last += 1;
        let sequence = outbox.last;
        outbox.sequences.insert((connection.clone(), order.number.clone()), sequence);
        outbox.put(OutboxEntry::queued(connection.clone(), sequence, order.clone(), now));
        Ok(Enqueued::New)
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let outbox = &mut self.lock().outbox;
        let mine =
            |entry: &&OutboxEntry| request.connection.as_ref().is_none_or(|id| entry.connection == *id);
        let due =
            outbox.due.range(..=(now, i64::MAX)).filter_map(|(_, sequence)| outbox.entries.get(sequence));
        let free = due.filter(mine).filter(|entry| outbox.is_first_of_its_table(entry));
        let sequences: Vec<i64> = free.take(request.limit).map(|entry| entry.sequence).collect();
        let mut claimed = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            if let Some(entry) = outbox.take(sequence) {
                let entry = entry.claimed(&request.worker, request.until, now);
                outbox.put(entry.clone());
                claimed.push(entry);
            }
        }
        Ok(claimed)
    }

    async fn extend_claim(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        let outbox = &mut self.lock().outbox;
        outbox.step(&claim.connection, &claim.order, "extend the claim of", |entry| {
            entry.extended(claim, until)
        })
    }

    async fn finish(&self, claim: &Claim, outcome: Outcome, now: DateTime<Utc>) -> Result<(), StoreError> {
        let outbox = &mut self.lock().outbox;
        outbox.step(&claim.connection, &claim.order, "record the outcome of", |entry| {
            entry.finished(claim, &outcome, now)
        })
    }

    async fn requeue(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let outbox = &mut self.lock().outbox;
        outbox.step(connection, order, "queue again", |entry| entry.requeued(now))
    }

    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let outbox = &mut self.lock().outbox;
        let due =
            outbox.due.range(..=(now, i64::MAX)).filter_map(|(_, sequence)| outbox.entries.get(sequence));
        let expired = due.filter(|entry| matches!(entry.state, OutboxState::Sending { .. }));
        let sequences: Vec<i64> = expired.map(|entry| entry.sequence).collect();
        for sequence in &sequences {
            if let Some(entry) = outbox.take(*sequence) {
                outbox.put(entry.released(now));
            }
        }
        Ok(sequences.len() as u64)
    }

    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(self.lock().outbox.find(connection, order).cloned())
    }

    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let outbox = &self.lock().outbox;
        let behind = outbox.entries.range(after.map_or(i64::MIN, |last| last.saturating_add(1))..);
        let mine = behind
            .map(|(_, entry)| entry)
            .filter(|entry| entry.connection == *connection && entry.state.kind() == state);
        Ok(mine.take(limit).cloned().collect())
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError> {
        let outbox = &self.lock().outbox;
        let mut counts = BTreeMap::new();
        for entry in outbox.entries.values().filter(|entry| entry.connection == *connection) {
            *counts.entry(entry.state.kind()).or_default() += 1;
        }
        Ok(counts)
    }

    async fn prune_accepted(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let outbox = &mut self.lock().outbox;
        let old = outbox.entries.values().filter(|entry| {
            entry.connection == *connection
                && entry.state.kind() == OutboxStateKind::Accepted
                && entry.updated_at < before
        });
        let sequences: Vec<i64> = old.map(|entry| entry.sequence).collect();
        for sequence in &sequences {
            outbox.remove(*sequence);
        }
        Ok(sequences.len() as u64)
    }
}
