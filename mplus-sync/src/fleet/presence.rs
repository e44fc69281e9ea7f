//! What the processes of a fleet know of each other: each holds a lease and notes on it what it is doing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::connection::Host;
use crate::model::{ConnectionId, HeldLease, Holder, Lease, LeaseName, WorkerId};
use crate::store::{StoreError, StoreErrorKind};

use super::report::FleetReport;

/// A process of a fleet, as it last told of itself: every ten seconds, for as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// Its name.
    pub worker: WorkerId,
    /// When it began.
    pub since: DateTime<Utc>,
    /// Orders that it had under way.
    pub orders_under_way: usize,
    /// Runs that it had under way.
    pub runs_under_way: usize,
    /// Orders that it has brought to the POS since it began.
    pub orders_accepted: u64,
    /// Runs that came to their end since it began.
    pub runs_done: u64,
}

/// What a process notes of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Noted {
    orders: usize,
    runs: usize,
    accepted: u64,
    done: u64,
}

/// How a process makes itself known.
#[derive(Debug)]
pub(super) struct Presence {
    holder: Holder,
    lease: Mutex<Option<Lease>>,
    accepted: AtomicU64,
    done: AtomicU64,
}

/// How long a process is thought to live after it last told of itself.
const LIVES: TimeDelta = TimeDelta::seconds(40);

/// Under which a fleet keeps what belongs to no merchant.
fn fleet() -> ConnectionId {
    ConnectionId::from("mplus.fleet")
}

impl Presence {
    /// How often a process tells of itself.
    pub(super) const EVERY: TimeDelta = TimeDelta::seconds(10);

    pub(super) fn new(holder: &Holder) -> Self {
        Self {
            holder: holder.clone(),
            lease: Mutex::default(),
            accepted: AtomicU64::new(0),
            done: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self, report: &FleetReport) {
        self.accepted.fetch_add(report.orders.accepted, Ordering::Relaxed);
        self.done.fetch_add(report.runs.done, Ordering::Relaxed);
    }

    /// Tells others that this process lives and what it is doing.
    pub(super) async fn tell(&self, host: &Host, orders: usize, runs: usize) -> Result<(), StoreError> {
        let (store, now) = (host.store(), host.runtime().now());
        let kept = self.lock().clone();
        let lease = match kept {
            None => None,
            Some(lease) => match store.extend(&lease, now + LIVES).await {
                Ok(lease) => Some(lease),
                Err(error) if error.kind() == StoreErrorKind::Conflict => None,
                Err(error) => return Err(error),
            },
        };
        let lease = match lease {
            Some(lease) => lease,
            None => {
                let name = LeaseName::named(format!("process {}", self.holder.slot()));
                let granted = store.acquire(&fleet(), &name, &self.holder, now + LIVES, now).await?;
                // Another process has this name, which the host was asked not to let happen; it is told of alone.
                let Some(lease) = granted else { return Ok(()) };
                store.prune_leases(now - TimeDelta::hours(1)).await?;
                lease
            }
        };
        *self.lock() = Some(lease.clone());
        let (accepted, done) = (self.accepted.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        let note = serde_json::to_string(&Noted { orders, runs, accepted, done }).unwrap_or_default();
        store.note_lease(&lease, &note).await
    }

    /// The process ends.
    pub(super) async fn leave(&self, host: &Host) {
        let lease = self.lock().take();
        if let Some(lease) = lease {
            // One that cannot be given back ends by itself.
            let _ = host.store().release(&lease).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Lease>> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes that live now.
pub(super) async fn processes(host: &Host) -> Result<Vec<ProcessStatus>, StoreError> {
    let leases = host.store().leases(Some(&fleet()), host.runtime().now()).await?;
    Ok(leases.into_iter().map(status).collect())
}

fn status(held: HeldLease) -> ProcessStatus {
    let noted = held.note.as_deref().and_then(|note| serde_json::from_str::<Noted>(note).ok());
    let Noted { orders, runs, accepted, done } = noted.unwrap_or_default();
    ProcessStatus {
        worker: held.lease.holder.slot().clone(),
        since: held.since,
        orders_under_way: orders,
        runs_under_way: runs,
        orders_accepted: accepted,
        runs_done: done,
    }
}
