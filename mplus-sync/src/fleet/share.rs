//! A part of a process's room that some work may not go beyond.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A part of the room.
#[derive(Debug, Clone)]
pub(super) struct Share {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// A place in it, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Share {
    /// A quarter of a room, at least one place.
    pub(super) fn quarter_of(room: usize) -> Self {
        Self { most: (room / 4).max(1), taken: Arc::default() }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        let taken = |taken: usize| (taken < self.most).then_some(taken + 1);
        let took = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken);
        took.ok().map(|_| Place(Arc::clone(&self.taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_never_exceeded_and_what_is_given_back_is_free_again() {
        let share = Share::quarter_of(8);
        let first = share.take().unwrap();
        let second = share.take().unwrap();
        assert!(share.take().is_none());
        drop(first);
        assert!(share.take().is_some());
        drop(second);
        assert!(Share::quarter_of(1).take().is_some());
    }
}
