//! Whether a failed attempt is repeated, and when. Pure: no clock, no network.

use std::time::Duration;

use crate::{ErrorKind, soap::Repeat};

/// How often and how long a call is tried.
///
/// What may be repeated at all is not a matter of this policy but of the operation (see [`Repeat`]): a write is only
/// repeated when the request provably never left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// No attempt is started later than this after the first.
    pub max_elapsed: Duration,
    /// The longest pause before the second attempt; it doubles with every further one.
    pub base_delay: Duration,
    /// The longest pause of all.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts within 2 minutes; pauses of at most 0.5, 1, 2 s.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            max_elapsed: Duration::from_secs(120),
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    RepeatAfter(Duration),
    Stop(Stop),
}

/// Why there was no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A repeat would fail the same way.
    Permanent,
    /// The operation is a write and may have been carried out.
    Unsafe,
    /// Part of the response was handed out already.
    Begun,
    Attempts,
    Elapsed,
}

impl RetryPolicy {
    /// One attempt.
    pub fn none() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// Decides after attempt number `attempt` (from 1). `retry_after` is what the server asked for, `random` picks the
    /// pause between zero and the most that is allowed (full jitter).
    pub(crate) fn decide(
        &self,
        repeat: Repeat,
        kind: &ErrorKind,
        attempt: u32,
        elapsed: Duration,
        retry_after: Option<Duration>,
        random: u128,
    ) -> Decision {
        if !kind.is_transient() {
            return Decision::Stop(Stop::Permanent);
        }
        if repeat == Repeat::Write && kind.may_have_been_processed() {
            return Decision::Stop(Stop::Unsafe);
        }
        if attempt >= self.max_attempts {
            return Decision::Stop(Stop::Attempts);
        }
        let ceiling = self.base_delay.saturating_mul(1 << (attempt - 1).min(16)).min(self.max_delay);
        let jittered = Duration::from_nanos((random % (ceiling.as_nanos() + 1)) as u64);
        let pause = retry_after.map_or(jittered, |asked| asked + jittered.min(self.base_delay));
        if elapsed + pause > self.max_elapsed {
            return Decision::Stop(Stop::Elapsed);
        }
        Decision::RepeatAfter(pause)
    }
}
