//! How a fleet is doing.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::connection::Host;
use crate::model::{Connection, ConnectionId, ConnectionStatus};
use crate::store::{Backlog, Page, RunBacklog, SetAside, StoreError};

use super::presence::{ProcessStatus, processes};

/// How many failing merchants of each store are named.
const NAMED: usize = 100;

/// How a fleet is doing, all stores and processes together.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FleetStatus {
    /// Orders that wait or are being sent, and when the oldest of them was queued; those of merchants that are paused or
    /// disconnected are counted apart.
    pub orders: Backlog,
    /// Runs that are due or carried out, and since when the first is due that nobody carries out.
    pub runs: RunBacklog,
    /// How long the first order has been due that nobody is at: what the fleet owes. One counts from its queuing, from the end of its
    /// merchant's rest, from when it was last given back, or from the end of its claim whose process was not heard of again. None
    /// when nothing is owed.
    pub order_lag: Option<Duration>,
    /// How long the oldest order has been on its way, such as one that waits for its POS to come back; none when there is none.
    pub oldest_order: Option<Duration>,
    /// How long the first run has been due that nobody carries out; none when there is none.
    pub run_lag: Option<Duration>,
    /// Merchants of all stores.
    pub merchants: u64,
    /// Merchants that are paused or disconnected.
    pub held: u64,
    /// Merchants whose POS fails.
    pub failing: u64,
    /// The first hundred of them of each store, in the order of their identifiers; [`Fleet::failing`](super::Fleet::failing) has
    /// them all.
    pub first_failing: Vec<FailingMerchant>,
    /// What was set aside since it could not be read: orders, due runs, notices. Each has a line in its merchant's activity log;
    /// [`Fleet::take_up_set_aside`](super::Fleet::take_up_set_aside) tries it again.
    pub set_aside: SetAside,
    /// The processes that live now.
    pub processes: Vec<ProcessStatus>,
    /// The stores that did not answer: nothing of theirs is in the above.
    pub silent_stores: Vec<SilentStore>,
}

/// A store that did not say how it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SilentStore {
    /// Which, counted as the fleet was [given](super::Fleet::over) them.
    pub store: usize,
    /// What it said instead.
    pub error: String,
}

/// A merchant whose POS fails.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailingMerchant {
    /// Whose.
    pub connection: ConnectionId,
    /// The merchant, as people call it.
    pub name: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The last failure, in a sentence.
    pub last_error: String,
}

impl FleetStatus {
    /// What one store says.
    pub(super) async fn of(host: &Host) -> Result<Self, StoreError> {
        let (store, now) = (host.store(), host.runtime().now());
        let (orders, runs) = (store.backlog(None).await?, store.run_backlog(now).await?);
        let merchants = store.count_connections().await?;
        let since = |at: Option<DateTime<Utc>>| at.map(|at| (now - at).to_std().unwrap_or_default());
        Ok(Self {
            orders,
            runs,
            order_lag: since(orders.owed.filter(|owed| *owed <= now)),
            oldest_order: since(orders.oldest),
            run_lag: since(runs.oldest),
            merchants: merchants.all,
            held: merchants.held,
            failing: merchants.failing,
            first_failing: failing(host, Page::first(NAMED)).await?,
            set_aside: store.count_set_aside().await?,
            processes: processes(host).await?,
            silent_stores: Vec::new(),
        })
    }

    /// Adds what another store says.
    pub(super) fn add(&mut self, other: Self) {
        let earlier =
            |one: Option<DateTime<Utc>>, two: Option<DateTime<Utc>>| one.into_iter().chain(two).min();
        self.orders = self.orders.and(other.orders);
        self.runs = RunBacklog::new(
            self.runs.due + other.runs.due,
            self.runs.running + other.runs.running,
            earlier(self.runs.oldest, other.runs.oldest),
        );
        self.order_lag = self.order_lag.max(other.order_lag);
        self.oldest_order = self.oldest_order.max(other.oldest_order);
        self.run_lag = self.run_lag.max(other.run_lag);
        self.merchants += other.merchants;
        self.held += other.held;
        self.failing += other.failing;
        self.first_failing.extend(other.first_failing);
        self.set_aside = self.set_aside.and(other.set_aside);
        self.processes.extend(other.processes);
        self.silent_stores.extend(other.silent_stores);
    }
}

/// A page of the merchants of a store whose POS fails.
pub(super) async fn failing(
    host: &Host,
    page: Page<ConnectionId>,
) -> Result<Vec<FailingMerchant>, StoreError> {
    let failing = host.store().failing_connections(page).await?;
    Ok(failing.into_iter().filter_map(FailingMerchant::of).collect())
}

impl FailingMerchant {
    fn of(connection: Connection) -> Option<Self> {
        let Connection { id, name, status, .. } = connection;
        let ConnectionStatus::Failing { since, last_error } = status else { return None };
        Some(Self { connection: id, name, since, last_error })
    }
}
