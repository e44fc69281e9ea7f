//! The outbox in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    ClaimedNotice, ConnectionId, Order, OrderNotice, OrderNumber, OrderStep, OutboxEntry, OutboxState,
    OutboxStateKind,
};
use crate::store::outbox::{check_prunable, requeued_states};
use crate::store::{
    Backlog, ClaimRequest, Enqueued, NoticeRequest, NoticeStore, OrderOutbox, StoreError, StoreErrorKind,
    Wake, WakeUp, known_order,
};

use super::{MemoryStore, State};

/// All connections' orders, with what is needed to find the next one fast.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: BTreeMap<i64, OutboxEntry>,
    sequences: BTreeMap<(ConnectionId, OrderNumber), i64>,
    /// Open orders of each connection by the time they are due.
    open: BTreeMap<ConnectionId, BTreeSet<(DateTime<Utc>, i64)>>,
    /// Open orders of each table, in their order.
    lanes: BTreeMap<(ConnectionId, String), BTreeSet<i64>>,
    /// When each connection was last served, and until when it rests.
    turns: BTreeMap<ConnectionId, Turn>,
    last_turn: u64,
    last: i64,
    notices: BTreeMap<i64, PendingNotice>,
    last_notice: i64,
}

#[derive(Debug, Default)]
struct Turn {
    served: u64,
    rests_until: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct PendingNotice {
    notice: OrderNotice,
    due_at: DateTime<Utc>,
    token: i64,
}

impl State {
    /// Whether nothing of a connection may be run or sent.
    pub(super) fn is_held(&self, connection: &ConnectionId) -> bool {
        self.connections.get(connection).is_some_and(crate::model::Connection::is_held)
    }
}

impl Outbox {
    /// Takes an entry out, to be changed and put back.
    fn take(&mut self, sequence: i64) -> Option<OutboxEntry> {
        let entry = self.entries.remove(&sequence)?;
        if let Some(open) = self.open.get_mut(&entry.connection) {
            open.remove(&(entry.due_at, sequence));
            if open.is_empty() {
                self.open.remove(&entry.connection);
            }
        }
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
            let open = self.open.entry(entry.connection.clone()).or_default();
            open.insert((entry.due_at, entry.sequence));
            if let Some(lane) = lane(&entry) {
                self.lanes.entry(lane).or_default().insert(entry.sequence);
            }
        }
        self.entries.insert(entry.sequence, entry);
    }

    /// Whether it is its table's turn: no earlier one waits, and no other one is being sent.
    fn has_its_turn(&self, entry: &OutboxEntry) -> bool {
        let Some(waiting) = lane(entry).and_then(|lane| self.lanes.get(&lane)) else { return true };
        let is_sent = |sequence: &i64| {
            let other = self.entries.get(sequence);
            other.is_some_and(|other| other.state.kind() == OutboxStateKind::Sending)
        };
        waiting.first() == Some(&entry.sequence)
            && !waiting.iter().filter(|sequence| **sequence != entry.sequence).any(is_sent)
    }

    /// Since when an order is owed; none while it waits for others at its table.
    fn owed_since(&self, entry: &OutboxEntry) -> Option<DateTime<Utc>> {
        let rests_until = self.turns.get(&entry.connection).and_then(|turn| turn.rests_until);
        let since = entry.due_at.max(entry.updated_at);
        self.has_its_turn(entry).then(|| rests_until.map_or(since, |until| since.max(until)))
    }

    fn find(&self, connection: &ConnectionId, order: &OrderNumber) -> Option<&OutboxEntry> {
        self.entries.get(self.sequences.get(&(connection.clone(), order.clone()))?)
    }

    /// The orders of a connection that may be claimed, those first that are due longest.
    fn due_of(&self, connection: &ConnectionId, request: &ClaimRequest, now: DateTime<Utc>) -> Vec<i64> {
        let entries = self.open.get(connection).into_iter().flatten();
        let entries: Vec<&OutboxEntry> =
            entries.filter_map(|(_, sequence)| self.entries.get(sequence)).collect();
        let is_sent =
            |entry: &&&OutboxEntry| entry.state.kind() == OutboxStateKind::Sending && !entry.is_due(now);
        let under_way = entries.iter().filter(is_sent).count();
        let mut lanes = BTreeSet::new();
        let due = entries.iter().filter(|entry| entry.is_due(now) && self.has_its_turn(entry));
        let due = due.filter(|entry| lane(entry).is_none_or(|lane| lanes.insert(lane)));
        let room = request.at_once.saturating_sub(under_way).min(request.limit);
        due.take(room).map(|entry| entry.sequence).collect()
    }

    /// Puts an entry's next step in its place, and notes what the host is to be told.
    fn replace(&mut self, before: &OutboxEntry, next: OutboxEntry) {
        if let Some(state) = next.tells_after(before) {
            self.last_notice += 1;
            let sequence = self.last_notice;
            let (connection, order) = (next.connection.clone(), next.order.number.clone());
            let notice =
                OrderNotice { sequence, connection, order, at: next.updated_at, state: state.clone() };
            let due_at = next.updated_at;
            self.notices.insert(sequence, PendingNotice { notice, due_at, token: 0 });
        }
        self.take(before.sequence);
        self.put(next);
    }

    fn remove(&mut self, sequence: i64) {
        if let Some(entry) = self.take(sequence) {
            self.notices.retain(|_, pending| {
                pending.notice.connection != entry.connection || pending.notice.order != entry.order.number
            });
            self.sequences.remove(&(entry.connection, entry.order.number));
        }
    }

    /// Removes what belongs to a connection.
    pub(super) fn remove_connection(&mut self, connection: &ConnectionId) {
        let mine = self.entries.values().filter(|entry| entry.connection == *connection);
        for sequence in mine.map(|entry| entry.sequence).collect::<Vec<_>>() {
            self.remove(sequence);
        }
        self.notices.retain(|_, pending| pending.notice.connection != *connection);
        self.turns.remove(connection);
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
            return known_order(Some(known), order);
        }
        outbox.last += 1;
        let sequence = outbox.last;
        outbox.sequences.insert((connection.clone(), order.number.clone()), sequence);
        outbox.put(OutboxEntry::queued(connection.clone(), sequence, order.clone(), now));
        self.wake(Wake::Orders);
        Ok(Enqueued::New)
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let state = &mut *self.lock();
        let rests = |connection: &ConnectionId| {
            let turn = state.outbox.turns.get(connection);
            turn.and_then(|turn| turn.rests_until).is_some_and(|until| until > now)
        };
        let connections: Vec<ConnectionId> = match &request.connection {
            Some(connection) => vec![connection.clone()],
            None => state.outbox.open.keys().cloned().collect(),
        };
        let mut merchants: Vec<_> = connections
            .into_iter()
            .filter(|connection| !state.is_held(connection) && !rests(connection))
            .filter(|connection| !request.except.contains(connection))
            .map(|connection| {
                let served = state.outbox.turns.get(&connection).map_or(0, |turn| turn.served);
                let due = state.outbox.due_of(&connection, request, now);
                (served, due, connection)
            })
            .filter(|(_, due, _)| !due.is_empty())
            .collect();
        let outbox = &mut state.outbox;
        let due_longest =
            |due: &[i64]| outbox.entries.get(&due[0]).map(|entry| (entry.due_at, entry.sequence));
        merchants.sort_by_key(|(served, due, _)| (*served, due_longest(due)));
        let mut claimed = Vec::new();
        for round in 0..request.limit {
            let mut anybody = false;
            for (_, due, connection) in &merchants {
                let Some(sequence) = due.get(round).filter(|_| claimed.len() < request.limit) else {
                    continue;
                };
                if let Some(entry) = outbox.take(*sequence) {
                    let entry = entry.claimed(&request.worker, request.until, now);
                    outbox.put(entry.clone());
                    claimed.push(entry);
                }
                outbox.last_turn += 1;
                let served = outbox.last_turn;
                outbox.turns.entry(connection.clone()).or_default().served = served;
                anybody = true;
            }
            if !anybody {
                break;
            }
        }
        Ok(claimed)
    }

    async fn rest(&self, connection: &ConnectionId, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.lock().outbox.turns.entry(connection.clone()).or_default().rests_until = Some(until);
        Ok(())
    }

    async fn step(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        step: OrderStep<'_>,
    ) -> Result<(), StoreError> {
        let error = |kind| StoreError::new(kind, format!("{} {order}", step.action()));
        let outbox = &mut self.lock().outbox;
        let found = outbox.find(connection, order).ok_or_else(|| error(StoreErrorKind::NotFound))?.clone();
        let next = step
            .carry_out(found.clone())
            .map_err(|refused| error(StoreErrorKind::Conflict).with_source(refused))?;
        outbox.replace(&found, next);
        self.wake(Wake::Notices);
        if step.queues() {
            self.wake(Wake::Orders);
        }
        Ok(())
    }

    async fn requeue_all(
        &self,
        connection: &ConnectionId,
        state: Option<OutboxStateKind>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let kinds = requeued_states(state)?;
        let outbox = &mut self.lock().outbox;
        let mine = outbox.entries.values().filter(|entry| entry.connection == *connection);
        let found = mine.filter(|entry| kinds.contains(&entry.state.kind())).cloned().collect::<Vec<_>>();
        let mut count = 0;
        for entry in found {
            if let Ok(next) = entry.clone().requeued(now) {
                outbox.replace(&entry, next);
                count += 1;
            }
        }
        self.wake(Wake::Orders);
        Ok(count)
    }

    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let outbox = &mut self.lock().outbox;
        let open = outbox.open.values().flatten().filter_map(|(_, sequence)| outbox.entries.get(sequence));
        let expired =
            open.filter(|entry| entry.is_due(now) && matches!(entry.state, OutboxState::Sending { .. }));
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

    async fn backlog(&self, connection: Option<&ConnectionId>) -> Result<Backlog, StoreError> {
        let state = self.lock();
        let outbox = &state.outbox;
        let mine = outbox.open.iter().filter(|(id, _)| connection.is_none_or(|wanted| wanted == *id));
        let mut backlog = Backlog::default();
        for entry in mine.flat_map(|(_, open)| open).filter_map(|(_, sequence)| outbox.entries.get(sequence))
        {
            let queued = Some(entry.queued_at);
            let of_one = match entry.state.kind() {
                _ if state.is_held(&entry.connection) => Backlog::default().with_held(1),
                OutboxStateKind::Sending => Backlog::new(0, 1, queued).owed_since(outbox.owed_since(entry)),
                _ => Backlog::new(1, 0, queued).owed_since(outbox.owed_since(entry)),
            };
            backlog = backlog.and(of_one);
        }
        Ok(backlog)
    }

    async fn prune_orders(
        &self,
        connection: &ConnectionId,
        older_than: &[(OutboxStateKind, DateTime<Utc>)],
    ) -> Result<u64, StoreError> {
        check_prunable(older_than)?;
        let outbox = &mut self.lock().outbox;
        let is_old = |entry: &&OutboxEntry| {
            let kind = entry.state.kind();
            entry.connection == *connection
                && older_than.iter().any(|(old, before)| *old == kind && entry.updated_at < *before)
        };
        let sequences: Vec<i64> =
            outbox.entries.values().filter(is_old).map(|entry| entry.sequence).collect();
        for sequence in &sequences {
            outbox.remove(*sequence);
        }
        Ok(sequences.len() as u64)
    }
}

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn claim_notices(
        &self,
        request: &NoticeRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        let outbox = &mut self.lock().outbox;
        let mut orders = BTreeSet::new();
        let mut claimed = Vec::new();
        for pending in outbox.notices.values_mut() {
            let notice = &pending.notice;
            let is_first = orders.insert((notice.connection.clone(), notice.order.clone()));
            let is_mine = request.connection.as_ref().is_none_or(|id| notice.connection == *id);
            if claimed.len() < request.limit && is_first && is_mine && pending.due_at <= now {
                pending.due_at = request.until;
                pending.token += 1;
                claimed.push(ClaimedNotice { notice: pending.notice.clone(), token: pending.token });
            }
        }
        Ok(claimed)
    }

    async fn acknowledge(&self, notice: &ClaimedNotice) -> Result<(), StoreError> {
        let outbox = &mut self.lock().outbox;
        let sequence = notice.notice.sequence;
        if outbox.notices.get(&sequence).is_some_and(|pending| pending.token == notice.token) {
            outbox.notices.remove(&sequence);
            self.wake(Wake::Notices);
        }
        Ok(())
    }

    async fn postpone(&self, notice: &ClaimedNotice, until: DateTime<Utc>) -> Result<(), StoreError> {
        let outbox = &mut self.lock().outbox;
        if let Some(pending) = outbox.notices.get_mut(&notice.notice.sequence)
            && pending.token == notice.token
        {
            pending.due_at = until;
        }
        Ok(())
    }

    async fn prune_notices(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let outbox = &mut self.lock().outbox;
        let count = outbox.notices.len();
        outbox
            .notices
            .retain(|_, pending| pending.notice.connection != *connection || pending.notice.at >= before);
        Ok((count - outbox.notices.len()) as u64)
    }
}
