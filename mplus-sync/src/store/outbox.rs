//! Orders on their way to the POS.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Claim, ConnectionId, Order, OrderNumber, OrderStep, OutboxEntry, OutboxStateKind, Outcome, WorkerId,
};

use super::StoreError;

/// What became of an order that the host queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enqueued {
    /// It waits to be sent.
    New,
    /// The very same order was queued before; nothing changed. One that has ended is not sent by this.
    Known {
        /// What became of it so far.
        state: OutboxStateKind,
    },
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Whose orders; none for any connection's.
    pub connection: Option<ConnectionId>,
    /// None of these connections': whoever asks leaves them to others.
    pub except: Vec<ConnectionId>,
    /// Who asks.
    pub worker: WorkerId,
    /// How many at most.
    pub limit: usize,
    /// How many of one connection may be under way at once, counted over everybody who claims: no bound unless set.
    pub at_once: usize,
    /// Until when the claims hold. Longer than an attempt may take, time-outs and retries included.
    pub until: DateTime<Utc>,
}

impl ClaimRequest {
    /// Orders of any connection.
    pub fn new(worker: WorkerId, limit: usize, until: DateTime<Utc>) -> Self {
        Self { connection: None, except: Vec::new(), worker, limit, at_once: usize::MAX, until }
    }

    /// Those of one connection.
    #[must_use]
    pub fn of(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// None of these connections'.
    #[must_use]
    pub fn except(self, connections: impl IntoIterator<Item = ConnectionId>) -> Self {
        Self { except: connections.into_iter().collect(), ..self }
    }

    /// No more than this of one connection at once, over everybody who claims.
    #[must_use]
    pub fn at_once(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }
}

/// How much waits; orders of connections that are [held](crate::model::Connection::is_held) are counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// Orders that wait to be sent.
    pub waiting: u64,
    /// Orders that are being sent.
    pub sending: u64,
    /// When the oldest of both was queued.
    pub oldest: Option<DateTime<Utc>>,
    /// Since when the first of both is owed, by whoever forwards orders: it is due, its connection does not rest, it has its turn at its
    /// table, no claim of it holds, and nobody has looked at it since. In the future where nothing is owed yet.
    pub owed: Option<DateTime<Utc>>,
    /// Orders of connections that are held: they wait, and nobody owes them.
    pub held: u64,
}

impl Backlog {
    /// A backlog.
    pub fn new(waiting: u64, sending: u64, oldest: Option<DateTime<Utc>>) -> Self {
        Self { waiting, sending, oldest, ..Self::default() }
    }

    /// The same, with since when the first is owed.
    #[must_use]
    pub fn owed_since(self, owed: Option<DateTime<Utc>>) -> Self {
        Self { owed, ..self }
    }

    /// The same, with so many orders of connections that are held.
    #[must_use]
    pub fn with_held(self, held: u64) -> Self {
        Self { held, ..self }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let earlier =
            |one: Option<DateTime<Utc>>, two: Option<DateTime<Utc>>| one.into_iter().chain(two).min();
        Self {
            waiting: self.waiting + other.waiting,
            sending: self.sending + other.sending,
            oldest: earlier(self.oldest, other.oldest),
            owed: earlier(self.owed, other.owed),
            held: self.held + other.held,
        }
    }
}

/// How much was set aside since it could not be read, of all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// Orders.
    pub orders: u64,
    /// Due runs.
    pub runs: u64,
    /// Notices.
    pub notices: u64,
}

impl SetAside {
    /// So many of each.
    pub fn new(orders: u64, runs: u64, notices: u64) -> Self {
        Self { orders, runs, notices }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(self.orders + other.orders, self.runs + other.runs, self.notices + other.notices)
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How an attempt of a claimed order ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finished {
    /// Under which claim.
    pub claim: Claim,
    /// The entry's [`sequence`](OutboxEntry::sequence).
    pub sequence: i64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Finished {
    /// That the attempt of an order as it was claimed ended so.
    pub fn new(claimed: &OutboxEntry, outcome: Outcome) -> Self {
        Self { claim: claimed.claim(), sequence: claimed.sequence, outcome }
    }
}

/// Queues orders until the POS has them.
///
/// The rules of [`OutboxEntry`]'s steps hold in every implementation, and each step that
/// [tells the host something](OutboxEntry::tells_after) writes a [notice](super::NoticeStore) in the same transaction. An
/// order that cannot be read is set aside by the claim that finds it: the host is told that it needs attention, a line of the
/// activity log says why, it is counted among those that need attention and listed as
/// [unreadable](super::CatalogStore::unreadable). At its table it keeps its place until it is [queued again](Self::requeue),
/// [withdrawn](Self::withdraw), or [taken up](Self::take_up_set_aside) by a release that can read it.
#[async_trait]
pub trait OrderOutbox: Send + Sync {
    /// Queues an order, to be sent at once.
    ///
    /// A host whose database this store is in queues it in the transaction in which it stores the order; the SQL stores in
    /// the box give the statement for that.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the connection has another order with this number.
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError>;

    /// Claims orders that are due. No order is ever claimed by two workers at once.
    ///
    /// * Among connections it goes around: one order of each, the connection that was served longest ago first, then the
    ///   next round. A backlog of one postpones no other's order.
    /// * Of one connection, those come first that are due longest; no more than
    ///   [`at_once`](ClaimRequest::at_once) are under way at a time. Nothing of a connection that is
    ///   [held](crate::model::Connection::is_held) or [rests](Self::rest).
    /// * Of one table, one at a time, in the order in which they were queued.
    /// * An order whose claim has ended is due.
    ///
    /// Empty when nothing is due; others that claim at the same moment may leave less than there is.
    async fn claim(&self, request: &ClaimRequest, now: DateTime<Utc>)
    -> Result<Vec<OutboxEntry>, StoreError>;

    /// Claims nothing of a connection before a time, whatever is due: its POS is away.
    async fn rest(&self, connection: &ConnectionId, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Carries out a step of one order, with its notice, in one transaction: reads the entry, has the step
    /// [carried out](OrderStep::carry_out), writes what comes of it. The methods that are made of it need not be implemented.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the order's state does not allow the step,
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn step(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        step: OrderStep<'_>,
    ) -> Result<(), StoreError>;

    /// Prolongs a claim, for an attempt that takes long.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost: stop before the next call to the POS.
    async fn extend_claim(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(&claim.connection, &claim.order, OrderStep::Extend { claim, until }).await
    }

    /// Keeps what the sender has to know should this attempt end without a word: [`OutboxEntry::note`].
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost: do not make the call.
    async fn note_attempt(&self, claim: &Claim, note: Option<String>) -> Result<(), StoreError> {
        self.step(&claim.connection, &claim.order, OrderStep::Note { claim, note: note.as_deref() }).await
    }

    /// Records how a claim's attempt ended.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost and the outcome is not that the POS has
    /// the order: that one is always recorded.
    async fn finish(&self, claim: &Claim, outcome: Outcome, now: DateTime<Utc>) -> Result<(), StoreError> {
        let step = OrderStep::Finish { claim, outcome: &outcome, now };
        self.step(&claim.connection, &claim.order, step).await
    }

    /// Records how the attempts of several claims ended, each as [`finish`](Self::finish) does, in as few transactions as the store
    /// can; answers in their order. One that is refused keeps no other from being recorded.
    ///
    /// # Errors
    /// When the store fails, and nothing is known of any of them.
    async fn finish_all(
        &self,
        finished: &[Finished],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut recorded = Vec::with_capacity(finished.len());
        for one in finished {
            recorded.push(self.finish(&one.claim, one.outcome.clone(), now).await);
        }
        Ok(recorded)
    }

    /// Gives a claim back whose attempt was cut off, so that others go on at once; counts as nothing. `may_be_at_pos` says
    /// whether this attempt may have reached the POS: then they look for the order, and send it again once the POS cannot be at
    /// work on it any more.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost.
    async fn give_back(
        &self,
        claim: &Claim,
        may_be_at_pos: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step(&claim.connection, &claim.order, OrderStep::GiveBack { claim, may_be_at_pos, now }).await
    }

    /// Queues an order again after a person put right what was wrong.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) unless it was rejected or withdrawn, or needs attention,
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn requeue(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step(connection, order, OrderStep::Requeue { now }).await
    }

    /// Queues all orders of a connection again that are in this state, or without one all that wait for a person; counts
    /// them.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) for a state of which none is queued again.
    async fn requeue_all(
        &self,
        connection: &ConnectionId,
        state: Option<OutboxStateKind>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Takes an order back before the POS has it. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it is being sent, or the POS has it or may have it. One that needs
    /// attention is withdrawn all the same: look at the POS first, which may have it;
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn withdraw(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step(connection, order, OrderStep::Withdraw { reason, now }).await
    }

    /// Puts corrected content in an order's place, under its number, and queues it again.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it is being sent, or the POS has it or may have it, whatever state it is
    /// in; [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn replace(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step(connection, &order.number, OrderStep::Replace { order, now }).await
    }

    /// Records that an order was cancelled at the POS. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the POS does not have it,
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is no such order.
    async fn mark_cancelled(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step(connection, order, OrderStep::Cancel { reason, now }).await
    }

    /// Takes up again what an older release set aside since it could not read it: orders, notices and due runs. A fleet does so
    /// now and then, as older releases may work beside it; a store that sets nothing aside has nothing to do.
    async fn take_up_set_aside(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes up again what was set aside of a connection, after a person mended it: orders, notices and due runs. The claim that finds
    /// something of it still unreadable sets that aside again. Counts them; a store that sets nothing aside has none.
    async fn take_up_again(&self, connection: &ConnectionId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let _ = (connection, now);
        Ok(0)
    }

    /// Discards the notices and due runs of a connection that were set aside, and counts them: its orders' later notices are told, and
    /// the next that asks for such a run begins a new one. Orders stay: those are queued again or withdrawn.
    async fn discard_set_aside(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let _ = connection;
        Ok(0)
    }

    /// Counts what is set aside, of all connections.
    async fn count_set_aside(&self) -> Result<SetAside, StoreError> {
        Ok(SetAside::default())
    }

    /// Shows orders whose claim has ended as waiting again, and counts them.
    ///
    /// Nothing depends on it: [`claim`](Self::claim) finds such orders by itself.
    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Reads one order's entry.
    ///
    /// # Errors
    /// [`Corrupt`](super::StoreErrorKind::Corrupt) when it cannot be read.
    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError>;

    /// Reads entries in one state, a page at a time, in the order they were queued; behind a sequence, or from the start.
    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Counts a connection's orders by state; a state without orders may be absent.
    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError>;

    /// How much waits, of one connection or of all.
    async fn backlog(&self, connection: Option<&ConnectionId>) -> Result<Backlog, StoreError>;

    /// Removes orders in these states whose state last changed before the time given for it, and counts them; their notices
    /// go with them. Orders of other connections stay, and so do those that still wait.
    ///
    /// # Errors
    /// [`Invalid`](super::StoreErrorKind::Invalid) for a state in which an order still waits or is sent.
    async fn prune_orders(
        &self,
        connection: &ConnectionId,
        older_than: &[(OutboxStateKind, DateTime<Utc>)],
    ) -> Result<u64, StoreError>;
}

/// Refuses to remove what still waits.
pub(crate) fn check_prunable(older_than: &[(OutboxStateKind, DateTime<Utc>)]) -> Result<(), StoreError> {
    match older_than.iter().find(|(kind, _)| kind.is_open()) {
        Some((kind, _)) => Err(StoreError::new(
            super::StoreErrorKind::Invalid,
            format!("prune orders that are {}", kind.as_str()),
        )),
        None => Ok(()),
    }
}

/// The states that are queued again together.
pub(crate) fn requeued_states(state: Option<OutboxStateKind>) -> Result<Vec<OutboxStateKind>, StoreError> {
    match state {
        None => Ok(OutboxStateKind::ALL.into_iter().filter(|kind| kind.waits_for_person()).collect()),
        Some(kind) if kind.waits_for_person() || kind == OutboxStateKind::Withdrawn => Ok(vec![kind]),
        Some(kind) => Err(StoreError::new(
            super::StoreErrorKind::Conflict,
            format!("queue again orders that are {}", kind.as_str()),
        )),
    }
}
