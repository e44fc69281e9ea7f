//! A branch whose stock the POS refuses to tell: said once, and asked for again ever more rarely.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{BranchNumber, Checkpoint, Marker, Resource};

/// How long a branch is left alone after it was refused for the first time, and at most.
const SHORTEST: TimeDelta = TimeDelta::hours(1);
const LONGEST: TimeDelta = TimeDelta::days(1);

/// Since when the POS refuses to tell a branch's stock, and until when it is not asked. Kept as two checkpoints, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    since: DateTime<Utc>,
    rests_until: DateTime<Utc>,
}

impl Refusal {
    /// The first one.
    pub(super) fn first(now: DateTime<Utc>) -> Self {
        Self { since: now, rests_until: now + SHORTEST }
    }

    /// It was refused again: it rests as long as it has been refused.
    pub(super) fn again(self, now: DateTime<Utc>) -> Self {
        Self { rests_until: now + (now - self.since).clamp(SHORTEST, LONGEST), ..self }
    }

    /// Whether the POS is not to be asked now. A clock that went back is no reason to wait for longer.
    pub(super) fn rests(self, now: DateTime<Utc>) -> bool {
        self.rests_until > now && self.rests_until <= now + LONGEST
    }

    /// What is kept of a branch's refusal.
    pub(super) fn kept(checkpoints: &BTreeMap<Resource, Marker>, branch: BranchNumber) -> Option<Self> {
        let [since, rests] = Self::resources(branch).map(|resource| {
            let seconds = checkpoints.get(&resource)?.get();
            DateTime::from_timestamp(seconds, 0)
        });
        Some(Self { since: since?, rests_until: rests? })
    }

    /// What to keep.
    pub(super) fn checkpoints(self, branch: BranchNumber) -> Vec<Checkpoint> {
        let times = [self.since, self.rests_until];
        let pairs = Self::resources(branch).into_iter().zip(times);
        pairs.map(|(resource, at)| Checkpoint::new(resource, Marker::new(at.timestamp()))).collect()
    }

    /// Under which names.
    pub(super) fn resources(branch: BranchNumber) -> [Resource; 2] {
        let stock = Resource::stock(branch);
        ["refused", "rests"].map(|what| Resource::named(format!("{stock}-{what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    #[test]
    fn a_branch_that_stays_refused_is_asked_ever_more_rarely_but_once_a_day() {
        let mut refusal = Refusal::first(hours(0));
        let mut asked = Vec::new();
        for hour in 1..=100 {
            if !refusal.rests(hours(hour)) {
                asked.push(hour);
                refusal = refusal.again(hours(hour));
            }
        }
        assert_eq!(asked, [1, 2, 4, 8, 16, 32, 56, 80]);
        assert!(!refusal.rests(hours(-1_000)), "a clock that went back");
    }

    #[test]
    fn what_is_kept_is_read_again_for_its_branch_alone() {
        let (branch, other) = (BranchNumber::new(3), BranchNumber::new(33));
        let refusal = Refusal::first(hours(5)).again(hours(9));
        let kept = refusal.checkpoints(branch).into_iter().map(|kept| (kept.resource, kept.marker));
        let kept: BTreeMap<_, _> = kept.collect();
        assert_eq!(Refusal::kept(&kept, branch), Some(refusal));
        assert_eq!(Refusal::kept(&kept, other), None);
    }
}
