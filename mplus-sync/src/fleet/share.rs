//! A part of a process's room that some work may not go beyond, and when what found no place comes again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// How long what found no place waits.
const WAITS: TimeDelta = TimeDelta::seconds(30);
/// How far apart those come again. Thousands that all failed in the same night are not claimed and put off as fast as the database can.
const APART: TimeDelta = TimeDelta::milliseconds(100);

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

/// When what found no place comes again: one after the other.
#[derive(Debug, Default)]
pub(super) struct Again(Mutex<Option<DateTime<Utc>>>);

impl Again {
    pub(super) fn at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = last.map_or(now, |last| last + APART);
        *last.insert((now + WAITS).max(behind))
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
    fn however_many_find_no_place_few_of_them_come_again_in_a_second() {
        let (again, now) = (Again::default(), DateTime::UNIX_EPOCH);
        assert_eq!(again.at(now), now + WAITS);
        let times: Vec<_> = (0..10_000).map(|_| again.at(now)).collect();
        assert!(times.windows(10).all(|ten| ten[9] - ten[0] >= TimeDelta::milliseconds(900)));
        let later = now + TimeDelta::hours(1);
        assert_eq!(again.at(later), later + WAITS, "once they were through it is soon again");
    }

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
