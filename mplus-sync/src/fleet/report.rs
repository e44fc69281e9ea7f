//! What one process of a fleet did.

use crate::orders::WorkerReport;

/// What a process did from the start of [`Fleet::run`](super::Fleet::run) to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetReport {
    /// What became of orders.
    pub orders: WorkerReport,
    /// Orders that were cut off and given back: another process looks for them at the POS and goes on.
    pub orders_given_back: u64,
    /// Orders that were left as they were since their POS keeps silent about another one.
    pub orders_put_off: u64,
    /// What became of runs.
    pub runs: RunCounts,
    /// What ended in a panic. It stopped nothing else: a run counts as failed, an order's claim ends by itself.
    pub panics: u64,
    /// Calls of the store that failed, those of single orders left out.
    pub store_failures: u64,
}

/// What became of runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunCounts {
    /// Syncs and pulls of stock that came to their end.
    pub done: u64,
    /// Those that failed, or left out something that they were to read: they are tried again.
    pub failed: u64,
    /// Those that could not begin, as another run of the same merchant was at it.
    pub postponed: u64,
    /// Those that were given back when the process stopped.
    pub given_back: u64,
    /// Those that another process took over.
    pub lost: u64,
    /// Requests that came to nothing: the day had its run already, the settings have changed, or the merchant is gone.
    pub dropped: u64,
    /// Merchants that were looked after.
    pub upkeeps: u64,
}

impl FleetReport {
    pub(super) fn add(&mut self, other: Self) {
        self.orders.add(other.orders);
        self.orders_given_back += other.orders_given_back;
        self.orders_put_off += other.orders_put_off;
        self.runs.done += other.runs.done;
        self.runs.failed += other.runs.failed;
        self.runs.postponed += other.runs.postponed;
        self.runs.given_back += other.runs.given_back;
        self.runs.lost += other.runs.lost;
        self.runs.dropped += other.runs.dropped;
        self.runs.upkeeps += other.runs.upkeeps;
        self.panics += other.panics;
        self.store_failures += other.store_failures;
    }
}
