//! How often and how long: attempts and retention, set in one place.

use std::time::Duration;

/// How failed work is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempts {
    /// After this many attempts an entry is a dead letter. Default 20, which takes about two days.
    pub most: u32,
    /// The wait after the first failure; it doubles with every further one. Default 10 seconds.
    pub first_wait: Duration,
    /// The longest wait. Default 6 hours.
    pub longest_wait: Duration,
    /// How long each step of an attempt (the transaction, the handler, what follows) may take before it is cut off and the attempt
    /// counts as failed. Default 1 minute.
    pub patience: Duration,
    /// How long a process that says nothing keeps an entry; a process that works on it says so three times in that time.
    /// More than a minute, since the clocks of two hosts may differ by one. Default 90 seconds.
    pub lease: Duration,
    /// How many entries of one merchant a process works on at the same time. Default 4.
    pub per_merchant: usize,
    /// How many entries a process works off in the background at the same time. Default 32.
    pub at_once: usize,
    /// How many events of one merchant a process works on at the same time as they arrive. Beyond that they are kept and
    /// acknowledged, and worked off in the background; a payment is not started, a question of the till is answered as
    /// undecided. Events about payments are counted apart from the others. More than a merchant has tills. Default 256.
    pub most_arriving_per_merchant: usize,
    /// The same for all merchants together. Default 1024.
    pub most_arriving: usize,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            most: 20,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(6 * 60 * 60),
            patience: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            per_merchant: 4,
            at_once: 32,
            most_arriving_per_merchant: 256,
            most_arriving: 1024,
        }
    }
}

impl Attempts {
    /// The wait after the attempt with this number, counted from 1. `None` when that was the last one.
    pub fn wait_after(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.most {
            return None;
        }
        Some(self.wait(attempt))
    }

    /// The wait after the failure with this number, counted from 1, whatever the number.
    pub(crate) fn wait(&self, failure: u32) -> Duration {
        let doubled = 2u32.checked_pow(failure.saturating_sub(1));
        let wait = doubled.and_then(|factor| self.first_wait.checked_mul(factor));
        wait.map_or(self.longest_wait, |wait| wait.min(self.longest_wait))
    }
}

/// How long what has ended is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Entries that were worked off or discarded, with their bodies. Default 30 days.
    pub done: Duration,
    /// Dead letters. Default 365 days.
    pub dead: Duration,
    /// What is left of an entry so that a repeat of it has no second effect. Whoever wants that for ever sets
    /// [`Builder::greatest_age`](crate::Builder::greatest_age) to less than this, which holds for tills that tell their time. Default 400 days.
    pub identities: Duration,
    /// Payments that ended and wait for nothing. Default 90 days.
    pub payments: Duration,
    /// How often the orchestrator prunes. Default 10 minutes.
    pub prune_every: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Retention {
    fn default() -> Self {
        Self {
            done: DAY * 30,
            dead: DAY * 365,
            identities: DAY * 400,
            payments: DAY * 90,
            prune_every: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_longest_and_ends_with_the_last_attempt() {
        let attempts = Attempts {
            most: 5,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(30),
            ..Attempts::default()
        };
        let waits: Vec<_> =
            (1..=5).map(|attempt| attempts.wait_after(attempt).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(10), Some(20), Some(30), Some(30), None]);
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        let attempts = Attempts { most: u32::MAX, ..Attempts::default() };
        assert_eq!(attempts.wait_after(u32::MAX - 1), Some(attempts.longest_wait));
    }

    #[test]
    fn the_usual_attempts_take_about_two_days() {
        let attempts = Attempts::default();
        let all: Duration = (1..attempts.most).filter_map(|attempt| attempts.wait_after(attempt)).sum();
        assert!(all > DAY * 2 && all < DAY * 3, "{all:?}");
    }
}
