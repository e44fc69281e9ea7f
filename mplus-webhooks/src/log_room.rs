//! No more log lines of one kind than somebody can read; the next one says how many were left out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::subscription::MerchantId;

/// How many lines a window has room for, unless it is told otherwise.
const LINES: u32 = 20;
/// How long a window is.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// How many merchants have a window of their own at the same time.
const MERCHANTS: usize = 1024;

/// The room of a few seconds.
#[derive(Debug)]
pub(crate) struct Window {
    room: u32,
    since: Option<DateTime<Utc>>,
    lines: u32,
    left_out: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self::with_room(LINES)
    }
}

impl Window {
    /// A window for this many lines.
    pub(crate) fn with_room(room: u32) -> Self {
        Self { room, since: None, lines: 0, left_out: 0 }
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| now.signed_duration_since(since).abs() >= WINDOW)
    }

    /// How many lines were left out since the last one, when this one may be written.
    pub(crate) fn admit(&mut self, now: DateTime<Utc>) -> Option<u64> {
        if self.is_over(now) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines >= self.room {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }

    /// As [`admit`](Self::admit), of a line before which so many others were left out elsewhere.
    pub(crate) fn admit_after(&mut self, left_out: u64, now: DateTime<Utc>) -> Option<u64> {
        self.left_out = self.left_out.saturating_add(left_out);
        self.admit(now)
    }
}

/// What a log's room is kept in; a panic elsewhere leaves it usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A window for each merchant of whom there were lines lately.
#[derive(Debug, Default)]
pub(crate) struct MerchantWindows {
    of: HashMap<MerchantId, Window>,
    /// For those for whom there is no room.
    others: Window,
}

impl MerchantWindows {
    /// As [`Window::admit`], of this merchant.
    pub(crate) fn admit(&mut self, merchant: &MerchantId, now: DateTime<Utc>) -> Option<u64> {
        if self.of.len() >= MERCHANTS && !self.of.contains_key(merchant) {
            self.of.retain(|_, window| !window.is_over(now));
        }
        if self.of.len() >= MERCHANTS && !self.of.contains_key(merchant) {
            return self.others.admit(now);
        }
        self.of.entry(merchant.clone()).or_default().admit(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_window_has_room_for_some_lines_and_tells_how_many_were_left_out() {
        let mut window = Window::default();
        let admitted = (0..100).filter(|_| window.admit(at(0)).is_some()).count();
        assert_eq!(admitted, 20);
        assert_eq!(window.admit(at(11)), Some(80));
        assert_eq!(window.admit(at(11)), Some(0));
    }

    #[test]
    fn what_was_left_out_elsewhere_is_told_with_the_next_line() {
        let mut window = Window::with_room(1);
        assert_eq!(window.admit_after(3, at(0)), Some(3));
        assert_eq!(window.admit_after(4, at(1)), None);
        assert_eq!(window.admit_after(0, at(11)), Some(5));
    }

    #[test]
    fn no_merchant_uses_up_the_room_of_another_and_their_number_is_bounded() {
        let mut windows = MerchantWindows::default();
        let merchant = |number: usize| MerchantId::new(&number.to_string());
        let loud = (0..1000).filter(|_| windows.admit(&merchant(0), at(0)).is_some()).count();
        assert_eq!(loud, 20);
        for number in 1..MERCHANTS {
            assert_eq!(windows.admit(&merchant(number), at(1)), Some(0));
        }
        let without_room =
            (0..50).filter(|number| windows.admit(&merchant(MERCHANTS + number), at(1)).is_some());
        assert_eq!(without_room.count(), 20);
        assert_eq!(windows.of.len(), MERCHANTS);
        assert_eq!(windows.admit(&merchant(MERCHANTS), at(12)), Some(0), "old windows make room");
        assert!(windows.of.len() < MERCHANTS);
    }
}
