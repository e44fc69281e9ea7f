//! What the log says about providers that fail: the cause, whose payment it was, and no more lines than somebody can read.

use std::sync::Mutex;

use chrono::{DateTime, Utc};

use crate::log_room::{MerchantWindows, Window, lock};
use crate::subscription::MerchantId;

/// How many lines there are in ten seconds, all merchants together: a provider that is away fails for all of them.
const ALL: u32 = 100;

/// Says which lines may be written.
#[derive(Debug)]
pub(super) struct FailureLog {
    merchants: Mutex<MerchantWindows>,
    all: Mutex<Window>,
    /// Anybody can call a provider's address: that uses up no other room.
    callers: Mutex<Window>,
}

impl Default for FailureLog {
    fn default() -> Self {
        Self {
            merchants: Mutex::default(),
            all: Mutex::new(Window::with_room(ALL)),
            callers: Mutex::default(),
        }
    }
}

impl FailureLog {
    /// How many lines were left out since the last one, when one about a payment of this merchant may be written.
    pub(super) fn of(&self, merchant: &MerchantId, now: DateTime<Utc>) -> Option<u64> {
        let left_out = lock(&self.merchants).admit(merchant, now)?;
        lock(&self.all).admit_after(left_out, now)
    }

    /// As [`of`](Self::of), about no payment in particular.
    pub(super) fn of_all(&self, now: DateTime<Utc>) -> Option<u64> {
        lock(&self.all).admit(now)
    }

    /// As [`of`](Self::of), about a call of a provider, or of somebody who says so.
    pub(super) fn of_callers(&self, now: DateTime<Utc>) -> Option<u64> {
        lock(&self.callers).admit(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_provider_that_fails_for_everybody_fills_no_log_and_every_line_is_accounted_for() {
        let log = FailureLog::default();
        let merchants: Vec<_> = (0..500).map(|number: u32| MerchantId::new(&number.to_string())).collect();
        let mut written = 0;
        let mut left_out = 0;
        for merchant in merchants.iter().flat_map(|merchant| [merchant; 30]) {
            if let Some(before) = log.of(merchant, at(0)) {
                (written, left_out) = (written + 1, left_out + before);
            }
        }
        assert_eq!((written, left_out), (100, 0));
        // The next lines tell of all the others.
        for merchant in &merchants {
            if let Some(before) = log.of(merchant, at(10)) {
                (written, left_out) = (written + 1, left_out + before);
            }
        }
        let later = merchants.iter().filter_map(|merchant| log.of(merchant, at(20)));
        left_out += later.take(100).sum::<u64>();
        assert_eq!(written, 200);
        assert!(left_out > 500 * 30 - 100, "{left_out}");
    }

    #[test]
    fn neither_a_loud_merchant_nor_strangers_use_up_the_room_of_others() {
        let log = FailureLog::default();
        let (loud, quiet) = (MerchantId::new("loud"), MerchantId::new("quiet"));
        assert_eq!((0..1000).filter(|_| log.of(&loud, at(0)).is_some()).count(), 20);
        assert_eq!((0..1000).filter(|_| log.of_callers(at(0)).is_some()).count(), 20);
        assert_eq!(log.of(&quiet, at(0)), Some(0));
        assert_eq!(log.of_all(at(0)), Some(0));
    }
}
