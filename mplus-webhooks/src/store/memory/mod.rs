//! Everything in memory: for tests, and for a single process that may forget on restart.

mod inbox;
mod payments;

use std::sync::{Mutex, MutexGuard, PoisonError};

use inbox::Entries;
use payments::Payments;

/// A store in memory. A restart forgets open payments and unfinished events, so real money needs one of the databases.
///
/// Whatever the retention says, of what has ended it keeps only the latest: [`BODIES`](Self::BODIES) events whole and as many dead
/// letters, the identities of [`IDENTITIES`](Self::IDENTITIES) events, and [`PAYMENTS`](Self::PAYMENTS) payments.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: Mutex<Entries>,
    payments: Mutex<Payments>,
}

impl MemoryStore {
    /// The most events that have ended and are kept whole; and the most dead letters.
    pub const BODIES: usize = 10_000;
    /// The most events that have ended of which the identity is kept.
    pub const IDENTITIES: usize = 100_000;
    /// The most payments that have ended.
    pub const PAYMENTS: usize = 10_000;

    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn payments(&self) -> MutexGuard<'_, Payments> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
