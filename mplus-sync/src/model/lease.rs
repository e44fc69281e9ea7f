//! The right to work alone for a while.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};

use super::{ConnectionId, CustomerId, WorkerId};

/// What a lease is on, within a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName(Cow<'static, str>);

impl LeaseName {
    /// A sync run: at most one per connection at a time.
    pub const RUN: Self = Self(Cow::Borrowed("run"));
    /// A stock pull: at most one per connection at a time.
    pub const STOCK: Self = Self(Cow::Borrowed("stock"));

    /// Finding or creating one customer's relation.
    pub fn customer(customer: &CustomerId) -> Self {
        Self(Cow::Owned(format!("customer-{customer}")))
    }

    /// Anything else.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name under which the lease is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who holds a lease: one run of one process, in a slot of the host's workers.
///
/// Two runs of one process are two holders and exclude each other. A process that takes the slot of one that crashed is a
/// later life of it, and gets the leases of the earlier one at once: no two processes may live in one slot at a time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    slot: WorkerId,
    life: String,
    run: String,
}

impl Holder {
    /// A process in its slot. `life` differs each time a process starts, such as by the time or a random number.
    pub fn of(slot: WorkerId, life: impl Into<String>) -> Self {
        Self { slot, life: life.into(), run: String::new() }
    }

    /// One run of this process.
    #[must_use]
    pub fn run(&self, run: impl Into<String>) -> Self {
        Self { run: run.into(), ..self.clone() }
    }

    /// The host's worker.
    pub fn slot(&self) -> &WorkerId {
        &self.slot
    }

    /// The process.
    pub fn life(&self) -> &str {
        &self.life
    }

    /// The run within the process.
    pub fn run_name(&self) -> &str {
        &self.run
    }

    /// Whether this holder may take what another one holds: it is the same, or the other's process is gone.
    pub fn succeeds(&self, other: &Self) -> bool {
        self == other || (self.slot == other.slot && self.life != other.life)
    }
}

impl From<&str> for Holder {
    fn from(slot: &str) -> Self {
        Self::of(WorkerId::from(slot), "")
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({self})")
    }
}

/// The parts with spaces between, those that are empty left out.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slot.as_str())?;
        for part in [&self.life, &self.run].into_iter().filter(|part| !part.is_empty()) {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// A lease that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Within which connection.
    pub connection: ConnectionId,
    /// On what.
    pub name: LeaseName,
    /// Who holds it.
    pub holder: Holder,
    /// Until when, unless it is extended.
    pub until: DateTime<Utc>,
    /// Grows with every grant, so that a holder who overslept is told apart from the next one.
    pub token: i64,
}

/// A lease that somebody holds, for others to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLease {
    /// The lease.
    pub lease: Lease,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What its holder last noted: what it is doing and how far it is, as JSON.
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_process_exclude_each_other_and_a_restarted_process_takes_over() {
        let process = Holder::of("worker-1".into(), "monday");
        let restarted = Holder::of("worker-1".into(), "tuesday");
        let other = Holder::of("worker-2".into(), "monday");
        assert!(!process.run("a").succeeds(&process.run("b")));
        assert!(process.run("a").succeeds(&process.run("a")));
        assert!(restarted.run("c").succeeds(&process.run("a")));
        assert!(!other.run("a").succeeds(&process.run("a")));
    }
}
