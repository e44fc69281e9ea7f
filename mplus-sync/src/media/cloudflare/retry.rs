//! How long to wait before a call is repeated. No clock in here.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How often a call is tried and how long to wait in between.
///
/// Without word from Cloudflare the waits double, each shortened by a random part of up to a half. A wait that
/// Cloudflare asks for is kept to; when it is longer than `longest_wait`, the call fails at once instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// How often a call is sent at most. At least once, whatever this says.
    pub attempts: u32,
    /// The first wait, before its random part is taken off.
    pub first_wait: Duration,
    /// The longest wait, one that Cloudflare asks for included.
    pub longest_wait: Duration,
}

impl Default for RetryLimits {
    /// Five attempts, from half a second to five minutes: the time for which Cloudflare shuts out a token that made
    /// too many calls.
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(300) }
    }
}

impl RetryLimits {
    /// The wait after the `attempt`th try failed, `None` to give up.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        match asked {
            Some(asked) => (asked <= self.longest_wait).then_some(asked),
            None => {
                let doubled = self.first_wait.saturating_mul(2u32.saturating_pow(attempt - 1));
                Some(doubled.min(self.longest_wait).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0))
            }
        }
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date; one that has passed means at once.
pub(super) fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RetryLimits = RetryLimits {
        attempts: 5,
        first_wait: Duration::from_millis(500),
        longest_wait: Duration::from_secs(3),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_then_end() {
        let waits: Vec<_> = (1..=5).map(|attempt| LIMITS.wait(attempt, None, 0.0)).collect();
        let expected = [500, 1000, 2000, 3000].map(|millis| Some(Duration::from_millis(millis)));
        assert_eq!(waits, [&expected[..], &[None]].concat());
    }

    #[test]
    fn the_random_part_takes_off_up_to_a_half() {
        assert_eq!(LIMITS.wait(2, None, 0.5), Some(Duration::from_millis(750)));
        assert_eq!(LIMITS.wait(2, None, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(LIMITS.wait(2, None, f64::INFINITY), Some(Duration::from_millis(500)));
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_to_or_refused_never_shortened() {
        assert_eq!(LIMITS.wait(1, Some(Duration::from_secs(3)), 0.9), Some(Duration::from_secs(3)));
        assert_eq!(LIMITS.wait(1, Some(Duration::from_secs(4)), 0.9), None);
        assert_eq!(LIMITS.wait(5, Some(Duration::ZERO), 0.9), None);
    }

    #[test]
    fn large_attempt_counts_do_not_overflow() {
        let many = RetryLimits { attempts: u32::MAX, ..LIMITS };
        assert_eq!(many.wait(1_000_000, None, 0.0), Some(Duration::from_secs(3)));
        assert_eq!(RetryLimits { attempts: 0, ..LIMITS }.wait(1, None, 0.0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-23T22:00:00Z".parse().unwrap();
        assert_eq!(parse_retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 22:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 21:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("-5", now), None);
    }
}
