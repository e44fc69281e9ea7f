//! How far a run is, while it runs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::Resource;

/// How far a run is with one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// What is being worked on.
    pub resource: Resource,
    /// What is done with it.
    pub phase: Phase,
    /// How many records are done.
    pub done: u64,
    /// How many there will be, as far as it is known beforehand. It may turn out more or fewer.
    pub expected: Option<u64>,
    /// Records a second since the phase began; none while that is too short to tell.
    pub rate: Option<f64>,
}

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// From the POS to the host.
    Pull,
    /// From the host to the POS.
    Push,
}

impl Progress {
    /// The part that is done, from 0 to 1.
    pub fn fraction(&self) -> Option<f64> {
        let expected = self.expected?;
        Some(if self.done >= expected { 1.0 } else { as_f64(self.done) / as_f64(expected) })
    }

    /// About how much longer it takes, when it goes on as it did.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.expected?.saturating_sub(self.done);
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(as_f64(left) / rate).ok()
    }
}

/// One line for a terminal or a log.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Pull => "pull",
            Phase::Push => "push",
        };
        write!(f, "{phase} {}: {}", self.resource, self.done)?;
        if let (Some(expected), Some(fraction)) = (self.expected, self.fraction()) {
            write!(f, " of {expected} ({:.0} %)", fraction * 100.0)?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", {rate:.0}/s")?;
        }
        match self.remaining() {
            Some(left) if !left.is_zero() => write!(f, ", about {} s left", left.as_secs() + 1),
            _ => Ok(()),
        }
    }
}

/// Takes progress events. Called from within the run, so it should be quick: hand on, draw, count. A panic is logged, and the run goes on.
///
/// A closure will do.
///
/// ```
/// use mplus_sync::progress::{Progress, ProgressSink};
///
/// let print: &dyn ProgressSink = &|progress: &Progress| println!("{progress}");
/// ```
pub trait ProgressSink: Send + Sync {
    /// A run got further.
    fn progress(&self, progress: &Progress);
}

impl<F: Fn(&Progress) + Send + Sync> ProgressSink for F {
    fn progress(&self, progress: &Progress) {
        self(progress);
    }
}

/// Hands an event on. A panic of the host's is not the run's.
pub(crate) fn tell(sink: &dyn ProgressSink, progress: &Progress) {
    if catch_unwind(AssertUnwindSafe(|| sink.progress(progress))).is_err() {
        tracing::error!(target: "mplus_sync", "the host panicked at the progress of a run, which goes on");
    }
}

/// Takes progress events and does nothing with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn progress(&self, _progress: &Progress) {}
}

/// Counts one phase of one resource. It has no clock: every step is told the time.
#[derive(Debug, Clone)]
pub struct ProgressMeter {
    resource: Resource,
    phase: Phase,
    expected: Option<u64>,
    done: u64,
    started_at: DateTime<Utc>,
}

impl ProgressMeter {
    /// Begins a phase.
    pub fn start(resource: Resource, phase: Phase, expected: Option<u64>, now: DateTime<Utc>) -> Self {
        Self { resource, phase, expected, done: 0, started_at: now }
    }

    /// Counts `records` more and gives the event to hand on.
    pub fn advance(&mut self, records: u64, now: DateTime<Utc>) -> Progress {
        self.done = self.done.saturating_add(records);
        // A clock that was set back says nothing of the rate.
        let elapsed = (now - self.started_at).to_std().ok().filter(|elapsed| !elapsed.is_zero());
        Progress {
            resource: self.resource.clone(),
            phase: self.phase,
            done: self.done,
            expected: self.expected,
            rate: elapsed.map(|elapsed| as_f64(self.done) / elapsed.as_secs_f64()),
        }
    }

    /// Corrects how many there will be.
    pub fn expect(&mut self, expected: u64) {
        self.expected = Some(expected);
    }
}

/// Exact up to 2^53, far beyond any catalogue.
#[expect(clippy::cast_precision_loss, reason = "shown to people, in whole per cents")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn meter(expected: Option<u64>) -> ProgressMeter {
        ProgressMeter::start(Resource::ARTICLES, Phase::Pull, expected, at(0))
    }

    #[test]
    fn steps_add_up_and_give_rate_share_and_time_left() {
        let mut meter = meter(Some(40_000));
        assert_eq!(meter.advance(500, at(1)).rate, Some(500.0));
        let progress = meter.advance(9_500, at(5));
        assert_eq!((progress.done, progress.rate, progress.fraction()), (10_000, Some(2000.0), Some(0.25)));
        assert_eq!(progress.remaining(), Some(Duration::from_secs(15)));
        assert_eq!(progress.to_string(), "pull articles: 10000 of 40000 (25 %), 2000/s, about 16 s left");
    }

    #[test]
    fn a_host_that_panics_at_progress_is_told_the_next_all_the_same() {
        let told = std::sync::atomic::AtomicU32::new(0);
        let panics = |_: &Progress| {
            let before = told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(before > 0, "this panic is part of the test");
        };
        let mut meter = meter(None);
        tell(&panics, &meter.advance(1, at(1)));
        tell(&panics, &meter.advance(1, at(2)));
        assert_eq!(told.into_inner(), 2);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let progress = meter(None).advance(3, at(0));
        assert_eq!((progress.rate, progress.fraction(), progress.remaining()), (None, None, None));
        assert_eq!(progress.to_string(), "pull articles: 3");
    }

    #[test]
    fn more_than_expected_is_all_and_a_clock_set_back_is_no_rate() {
        let mut meter = meter(Some(2));
        let progress = meter.advance(5, at(-60));
        assert_eq!((progress.fraction(), progress.rate, progress.remaining()), (Some(1.0), None, None));
        meter.expect(10);
        assert_eq!(meter.advance(0, at(1)).fraction(), Some(0.5));
        assert_eq!(
            ProgressMeter::start(Resource::ARTICLES, Phase::Push, Some(0), at(0))
                .advance(0, at(1))
                .fraction(),
            Some(1.0)
        );
    }

    #[test]
    fn an_event_has_a_json_form() {
        let json = serde_json::to_value(meter(Some(4)).advance(1, at(2))).unwrap();
        let expected = serde_json::json!({
            "resource": "articles", "phase": "pull", "done": 1, "expected": 4, "rate": 0.5
        });
        assert_eq!(json, expected);
    }
}
