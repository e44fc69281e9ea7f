//! Which store a merchant lives in, where there is more than one: pure.

use std::fmt;

use crate::model::ConnectionId;
use crate::schedule::lot;

/// Says in which of a fleet's stores a merchant lives.
///
/// The answer must never change while the merchant has anything in a store: moving a merchant means to pause it, to copy what
/// is theirs, and to change the answer. A table of the host's is the usual map; [`ByHash`] serves where the number of stores
/// never changes. A function will do.
pub trait ShardMap: Send + Sync {
    /// The place of the merchant's store among the fleet's, counted from 0.
    fn store_of(&self, connection: &ConnectionId) -> usize;
}

impl<F: Fn(&ConnectionId) -> usize + Send + Sync> ShardMap for F {
    fn store_of(&self, connection: &ConnectionId) -> usize {
        self(connection)
    }
}

/// Spreads merchants evenly over a fixed number of stores, by their identifiers; the same on every machine and release.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ByHash {
    stores: usize,
}

impl ByHash {
    /// Over so many stores; of none as over one.
    pub fn over(stores: usize) -> Self {
        Self { stores: stores.max(1) }
    }
}

impl ShardMap for ByHash {
    fn store_of(&self, connection: &ConnectionId) -> usize {
        // The upper half: the lower one spreads the daily time.
        let number = lot(connection.as_str()) >> 32;
        usize::try_from(number % self.stores as u64).unwrap_or_default()
    }
}

impl fmt::Debug for ByHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByHash(over {})", self.stores)
    }
}
