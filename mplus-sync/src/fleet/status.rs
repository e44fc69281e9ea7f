//! How a fleet is doing.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::connection::Host;
use crate::model::{Connection, ConnectionId, ConnectionStatus};
use crate::store::{Backlog, Page, RunBacklog, StoreError};

use super::presence::{ProcessStatus, processes};

/// How many failing merchants of each store are named.
const NAMED: usize = 100;

/// How a fleet is doing, all stores and processes together.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FleetStatus {
    /// Orders that wait or are being sent, and when the oldest of them was queued.
    pub orders: Backlog,
    /// Runs that are due or carried out, and since when the first is due that nobody carries out.
    pub runs: RunBacklog,
    /// How long the oldest order has been on its way; none when there is none.
    pub order_lag: Option<Duration>,
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
    /// The processes that live now.
    pub processes: Vec<ProcessStatus>,
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
    /// Adds what one store says.
    pub(super) async fn add(&mut self, host: &Host) -> Result<(), StoreError> {
        let (store, now) = (host.store(), host.runtime().now());
        let orders = store.backlog(None).await?;
        let runs = store.run_backlog(now).await?;
        let earlier =
            |one: Option<DateTime<Utc>>, two: Option<DateTime<Utc>>| one.into_iter().chain(two).min();
        self.orders = Backlog::new(
            self.orders.waiting + orders.waiting,
            self.orders.sending + orders.sending,
            earlier(self.orders.oldest, orders.oldest),
        );
        self.runs = RunBacklog::new(
            self.runs.due + runs.due,
            self.runs.running + runs.running,
            earlier(self.runs.oldest, runs.oldest),
        );
        let since = |at: Option<DateTime<Utc>>| at.map(|at| (now - at).to_std().unwrap_or_default());
        (self.order_lag, self.run_lag) = (since(self.orders.oldest), since(self.runs.oldest));
        self.processes.extend(processes(host).await?);
        let merchants = store.count_connections().await?;
        self.merchants += merchants.all;
        self.held += merchants.held;
        self.failing += merchants.failing;
        self.first_failing.extend(failing(host, Page::first(NAMED)).await?);
        Ok(())
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
