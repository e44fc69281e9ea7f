//! How a fleet works.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::OutboxStateKind;
use crate::orders::RetryPlan;

/// How one process of a fleet works. What differs from merchant to merchant is in their
/// [`MerchantSettings`](crate::settings::MerchantSettings).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FleetSettings {
    /// Orders of one merchant under way at once, counted over all processes: 4 unless set. No more than a client has
    /// connections.
    pub at_once: usize,
    /// Orders under way at once in this process: 64 unless set.
    pub orders: usize,
    /// Runs under way at once in this process: 8 unless set. They never take an order's place.
    pub runs: usize,
    /// How long a claim holds without a sign of life: 2 minutes unless set. After a crash others go on when it has ended.
    pub claim: Duration,
    /// Whether a process looks at the database's clock, and takes nothing while its own differs by more than a third of
    /// [`claim`](Self::claim): it would take the claims of others for ended, or they its own. Yes unless set; no is for tests that
    /// have time pass.
    pub watches_clock: bool,
    /// How long what is under way may take to end after a cancel: 30 seconds unless set.
    pub grace: Duration,
    /// The shortest wait before the store is asked again: 50 milliseconds unless set.
    pub shortest_poll: Duration,
    /// The longest one: 2 seconds unless set. This is how late an order may be noticed when nobody tells of it.
    pub longest_poll: Duration,
    /// How long a merchant's client is kept without work: 1 minute unless set.
    pub idle_client: Duration,
    /// How often connections are looked for that were added without a word to the fleet: every 30 seconds unless set.
    pub look_for_new: Duration,
    /// The rest after the first failure of a run, doubled with each further one: 1 minute unless set.
    pub first_pause: Duration,
    /// The longest one: 1 hour unless set.
    pub longest_pause: Duration,
    /// How long a run may take: 2 hours unless set. One that takes longer is stopped and counts as failed; what it did stays
    /// done, and the next one goes on from there.
    pub longest_run: Duration,
    /// How often an order is tried, and how long it waits.
    pub retry: RetryPlan,
    /// How long what has ended is kept.
    pub retention: Retention,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            at_once: 4,
            orders: 64,
            runs: 8,
            claim: Duration::from_secs(120),
            watches_clock: true,
            grace: Duration::from_secs(30),
            shortest_poll: Duration::from_millis(50),
            longest_poll: Duration::from_secs(2),
            idle_client: Duration::from_secs(60),
            look_for_new: Duration::from_secs(30),
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(60 * 60),
            longest_run: Duration::from_secs(2 * 60 * 60),
            retry: RetryPlan::default(),
            retention: Retention::default(),
        }
    }
}

/// How long what has ended is kept; pruned once a day for each merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Orders that the POS has, or that were cancelled there: 90 days unless set. No shorter than an order may be sent again
    /// by mistake, or a backup be restored.
    pub at_pos: Duration,
    /// Orders that never reached the POS and wait for nobody (withdrawn, skipped): 90 days unless set.
    pub withdrawn: Duration,
    /// Orders that wait for a person: a year unless set.
    pub waiting_for_person: Duration,
    /// Notices that the host did not take: 90 days unless set.
    pub notices: Duration,
    /// The activity log: 90 days unless set.
    pub activities: Duration,
}

const DAY: u64 = 24 * 60 * 60;

impl Default for Retention {
    fn default() -> Self {
        let quarter = Duration::from_secs(90 * DAY);
        Self {
            at_pos: quarter,
            withdrawn: quarter,
            waiting_for_person: Duration::from_secs(365 * DAY),
            notices: quarter,
            activities: quarter,
        }
    }
}

impl Retention {
    /// Which orders go: those in a state, whose state last changed before a time.
    pub(super) fn orders(&self, now: DateTime<Utc>) -> Vec<(OutboxStateKind, DateTime<Utc>)> {
        let of = |kind: OutboxStateKind| match kind {
            _ if kind.is_open() => None,
            OutboxStateKind::Accepted | OutboxStateKind::Cancelled => Some(self.at_pos),
            _ if kind.waits_for_person() => Some(self.waiting_for_person),
            _ => Some(self.withdrawn),
        };
        OutboxStateKind::ALL.into_iter().filter_map(|kind| Some((kind, before(now, of(kind)?)))).collect()
    }
}

/// The time that lies so far back.
pub(super) fn before(now: DateTime<Utc>, age: Duration) -> DateTime<Utc> {
    now.checked_sub_signed(span(age)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// A duration as a span of the calendar.
pub(super) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_to_be_sent_never_goes_and_everything_else_has_its_time() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1000);
        let pruned = Retention::default().orders(now);
        assert!(pruned.iter().all(|(kind, _)| !kind.is_open()));
        let open = OutboxStateKind::ALL.into_iter().filter(|kind| kind.is_open()).count();
        assert_eq!(pruned.len() + open, OutboxStateKind::ALL.len());
        let rejected = pruned.iter().find(|(kind, _)| *kind == OutboxStateKind::Rejected).unwrap();
        assert_eq!(rejected.1, now - TimeDelta::days(365));
    }
}
