//! Everything in memory: for tests, and for a single process that may forget on restart.

mod inbox;
mod payments;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::payment::{Payment, PaymentKey};
use inbox::Entries;

/// A store in memory. A restart forgets open payments and unfinished events, so real money needs one of the databases.
///
/// It keeps the bodies of at most [`BODIES`](Self::BODIES) events that have ended and the identities of at most
/// [`IDENTITIES`](Self::IDENTITIES), the latest ones, whatever the retention says; that is some 60 MB of usual sales.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: Mutex<Entries>,
    payments: Mutex<HashMap<PaymentKey, Arc<Payment>>>,
}

impl MemoryStore {
    /// The most events that have ended and are kept whole.
    pub const BODIES: usize = 10_000;
    /// The most events that have ended of which the identity is kept.
    pub const IDENTITIES: usize = 100_000;

    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn payments(&self) -> MutexGuard<'_, HashMap<PaymentKey, Arc<Payment>>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
