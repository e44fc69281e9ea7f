//! What the processes of a fleet know of each other: each holds a lease and notes on it what it is doing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::connection::Host;
use crate::model::{ConnectionId, HeldLease, Holder, Lease, LeaseName, WorkerId};
use crate::store::{StoreError, StoreErrorKind};

use super::observe;
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
    /// Whether it takes nothing since its clock is wrong: [`watches_clock`](super::FleetSettings::watches_clock).
    pub clock_is_wrong: bool,
    /// Whether it takes nothing any more since a newer release has changed what is stored so that this one may not work on it: stop it.
    pub is_outdated: bool,
    /// Whether it takes nothing since another process that lives has its [name](crate::Host::named): each would take the leases of the
    /// other one's runs.
    pub name_is_taken: bool,
}

/// What a process notes of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Noted {
    orders: usize,
    runs: usize,
    accepted: u64,
    done: u64,
    clock_is_wrong: bool,
    is_outdated: bool,
    name_is_taken: bool,
}

/// How a process makes itself known.
#[derive(Debug)]
pub(super) struct Presence {
    holder: Holder,
    lease: Mutex<Option<Lease>>,
    accepted: AtomicU64,
    done: AtomicU64,
    clock: Mutex<Clock>,
    /// Whether another process that lives has the same name.
    is_twin: AtomicBool,
    /// Whether a newer release has taken the database over. It stays so.
    is_outdated: AtomicBool,
}

/// What is known of a process's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// It was not compared yet.
    Unknown,
    Right,
    Wrong,
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
            clock: Mutex::new(Clock::Unknown),
            is_twin: AtomicBool::new(false),
            is_outdated: AtomicBool::new(false),
        }
    }

    /// Whether the process may claim anything: its clock is right, its name its own, and the database not a newer release's, as far as
    /// can be told.
    pub(super) fn may_claim(&self) -> bool {
        *self.clock() == Clock::Right && !self.is_twin() && !self.is_outdated()
    }

    /// Whether the process may not even end what is under way, since a newer release has taken the database over.
    pub(super) fn is_outdated(&self) -> bool {
        self.is_outdated.load(Ordering::Relaxed)
    }

    /// Looks whether a newer release has taken the database over.
    async fn look_for_newer(&self, host: &Host) -> Result<(), StoreError> {
        if host.store().is_outdated().await? && !self.is_outdated.swap(true, Ordering::Relaxed) {
            observe::is_outdated();
        }
        Ok(())
    }

    fn is_twin(&self) -> bool {
        self.is_twin.load(Ordering::Relaxed)
    }

    /// The name of the lease by which a process is known.
    fn name(&self) -> LeaseName {
        LeaseName::named(format!("process {}", self.holder.slot()))
    }

    /// Looks whether another process lives under this name, and says what was believed of that before.
    async fn look_for_twin(&self, host: &Host) -> Result<bool, StoreError> {
        let (name, leases) = (self.name(), host.store().leases(Some(&fleet()), host.runtime().now()).await?);
        let others =
            |held: &HeldLease| held.lease.name == name && held.lease.holder.life() != self.holder.life();
        let is_twin = leases.iter().any(others);
        let was_twin = self.is_twin.swap(is_twin, Ordering::Relaxed);
        if is_twin && !was_twin {
            observe::name_is_taken(self.holder.slot());
        }
        Ok(was_twin)
    }

    fn clock(&self) -> std::sync::MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the process's clock with the database's.
    async fn compare(&self, host: &Host, tolerance: Option<TimeDelta>) -> Result<(), StoreError> {
        let Some(tolerance) = tolerance else {
            *self.clock() = Clock::Right;
            return Ok(());
        };
        let asked = host.runtime().now();
        let shown = host.store().clock().await;
        let answered = host.runtime().now();
        // Where it cannot be told now, what was told last holds.
        let off = shown.as_ref().ok().copied().flatten().map(|shown| off_by(shown, asked, answered));
        let mut clock = self.clock();
        let before = *clock;
        *clock = match off {
            Some(off) if off > tolerance => Clock::Wrong,
            Some(_) => Clock::Right,
            // A store without a clock of its own; one that does not answer is asked again before anything is taken.
            None if before == Clock::Unknown && shown.is_ok() => Clock::Right,
            None => before,
        };
        if let (Some(off), Clock::Wrong) = (off, *clock)
            && before != Clock::Wrong
        {
            observe::clock_is_wrong(off);
        }
        shown.map(drop)
    }

    pub(super) fn count(&self, report: &FleetReport) {
        self.accepted.fetch_add(report.orders.accepted, Ordering::Relaxed);
        self.done.fetch_add(report.runs.done, Ordering::Relaxed);
    }

    /// Tells others that this process lives and what it is doing.
    pub(super) async fn tell(
        &self,
        host: &Host,
        tolerance: Option<TimeDelta>,
        orders: usize,
        runs: usize,
    ) -> Result<(), StoreError> {
        self.look_for_newer(host).await?;
        self.compare(host, tolerance).await?;
        let (store, now) = (host.store(), host.runtime().now());
        let kept = self.lock().clone();
        let had_one = kept.is_some();
        let mut lease = match kept {
            None => None,
            Some(lease) => match store.extend(&lease, now + LIVES).await {
                Ok(lease) => Some(lease),
                Err(error) if error.kind() == StoreErrorKind::Conflict => None,
                Err(error) => return Err(error),
            },
        };
        // One that was taken away is another's who lives: a process that is gone takes nothing.
        if self.is_twin() || (had_one && lease.is_none()) {
            let was_twin = self.look_for_twin(host).await?;
            if was_twin != self.is_twin()
                && let Some(lease) = lease.take()
            {
                store.release(&lease).await?;
            }
        }
        let lease = match lease {
            Some(lease) => lease,
            None => {
                let name = match self.is_twin() {
                    true => {
                        LeaseName::named(format!("process {} {}", self.holder.slot(), self.holder.life()))
                    }
                    false => self.name(),
                };
                let granted = store.acquire(&fleet(), &name, &self.holder, now + LIVES, now).await?;
                // Somebody of this name began at the same moment: what comes of that is seen the next time.
                let Some(lease) = granted else { return Ok(()) };
                store.prune_leases(now - TimeDelta::hours(1)).await?;
                lease
            }
        };
        *self.lock() = Some(lease.clone());
        let (accepted, done) = (self.accepted.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        let (clock_is_wrong, name_is_taken) = (*self.clock() != Clock::Right, self.is_twin());
        let is_outdated = self.is_outdated();
        let noted = Noted { orders, runs, accepted, done, clock_is_wrong, is_outdated, name_is_taken };
        let note = serde_json::to_string(&noted).unwrap_or_default();
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
    let noted = noted.unwrap_or_default();
    let Noted { orders, runs, accepted, done, clock_is_wrong, is_outdated, name_is_taken } = noted;
    ProcessStatus {
        worker: held.lease.holder.slot().clone(),
        since: held.since,
        orders_under_way: orders,
        runs_under_way: runs,
        orders_accepted: accepted,
        runs_done: done,
        clock_is_wrong,
        is_outdated,
        name_is_taken,
    }
}

/// By how much a clock is off that showed these two instants around the one that the right clock showed.
fn off_by(shown: DateTime<Utc>, asked: DateTime<Utc>, answered: DateTime<Utc>) -> TimeDelta {
    (asked - shown).max(shown - answered).max(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_takes_is_no_fault_of_the_clock() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let off = |shown, asked, answered| off_by(at(shown), at(asked), at(answered)).num_seconds();
        assert_eq!(off(15, 10, 20), 0);
        assert_eq!(off(5, 10, 20), 5, "it is ahead");
        assert_eq!(off(50, 10, 20), 30, "it is behind");
    }
}
