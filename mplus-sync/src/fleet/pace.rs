//! How long to wait before the store is asked again: pure.

use chrono::{DateTime, TimeDelta, Utc};

/// When a question is asked next.
///
/// Asked often while there is something to do, and ever more rarely, up to a bound, while there is not. A call of
/// [`WakeUp`](crate::store::WakeUp) ends the wait; one that is lost costs the wait and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    shortest: TimeDelta,
    longest: TimeDelta,
    wait: TimeDelta,
    next: DateTime<Utc>,
}

impl Pace {
    /// Asked at once, and never more rarely than `longest`.
    pub(super) fn new(shortest: TimeDelta, longest: TimeDelta, now: DateTime<Utc>) -> Self {
        let shortest = shortest.max(TimeDelta::milliseconds(1)).min(longest);
        Self { shortest, longest, wait: shortest, next: now }
    }

    /// Asked every so often, whatever is found.
    pub(super) fn steady(every: TimeDelta, now: DateTime<Utc>) -> Self {
        Self::new(every, every, now)
    }

    pub(super) fn next(&self) -> DateTime<Utc> {
        self.next
    }

    /// There is something to do: somebody said so, or the last answer had something.
    pub(super) fn at_once(&mut self, now: DateTime<Utc>) {
        self.wait = self.shortest;
        self.next = now;
    }

    /// Something ended, which may have made room for what waited behind it.
    pub(super) fn look(&mut self, now: DateTime<Utc>) {
        self.next = self.next.min(now);
    }

    /// There was nothing, or the store did not answer.
    pub(super) fn rest(&mut self, now: DateTime<Utc>) {
        self.next = now.checked_add_signed(self.wait).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.wait = (self.wait * 2).min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    fn pace() -> Pace {
        Pace::new(TimeDelta::milliseconds(50), TimeDelta::seconds(2), at(0))
    }

    #[test]
    fn an_idle_process_asks_ever_more_rarely_and_at_least_every_two_seconds() {
        let mut pace = pace();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let now = pace.next();
            pace.rest(now);
            waits.push((pace.next() - now).num_milliseconds());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[test]
    fn a_call_ends_the_wait_and_the_next_ones_are_short() {
        let mut pace = pace();
        for _ in 0..8 {
            pace.rest(pace.next());
        }
        pace.at_once(at(10_000));
        assert_eq!(pace.next(), at(10_000));
        pace.rest(at(10_000));
        assert_eq!(pace.next(), at(10_050));
    }

    #[test]
    fn what_ends_is_followed_by_a_look_that_does_not_shorten_later_waits() {
        let mut pace = pace();
        pace.rest(at(0));
        pace.rest(at(50));
        pace.look(at(60));
        assert_eq!(pace.next(), at(60));
        pace.rest(at(60));
        assert_eq!(pace.next(), at(260));
    }
}
