//! What was called, and how often.

use std::collections::BTreeMap;

/// How often each operation was called, at the moment of asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    counts: BTreeMap<String, Count>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    arrived: u64,
    carried_out: u64,
}

impl Requests {
    /// How many requests for this operation arrived, those that met a fault too. A refused connection is no arrival.
    pub fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).map_or(0, |count| count.arrived)
    }

    /// How many of them were carried out, whatever became of the answer.
    pub fn carried_out(&self, operation: &str) -> u64 {
        self.counts.get(operation).map_or(0, |count| count.carried_out)
    }

    /// All requests that arrived.
    pub fn total(&self) -> u64 {
        self.counts.values().map(|count| count.arrived).sum()
    }

    /// Operations with the number of requests that arrived, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(operation, count)| (operation.as_str(), count.arrived))
    }

    pub(super) fn arrived(&mut self, operation: &str) {
        self.counts.entry(operation.to_owned()).or_default().arrived += 1;
    }

    pub(super) fn was_carried_out(&mut self, operation: &str) {
        self.counts.entry(operation.to_owned()).or_default().carried_out += 1;
    }
}
