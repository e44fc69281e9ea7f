//! Whether a failed attempt is repeated, and when. Pure: no clock, no network.

use std::time::Duration;

use crate::{
    error::{ErrorKind, Stop},
    soap::Repeat,
};

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

/// Any duration from zero to `ceiling`, picked by `random`.
fn up_to(ceiling: Duration, random: u128) -> Duration {
    let nanos = random % (ceiling.as_nanos() + 1);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, (nanos % 1_000_000_000) as u32)
}

/// How long a `Retry-After` header asks to wait: seconds, or a date that is measured against the response's own `Date`.
pub(crate) fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is longer than anybody waits.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let at = |text: &str| chrono::DateTime::parse_from_rfc2822(text.trim()).ok();
    let wait = at(header)?.signed_duration_since(at(date?)?);
    Some(wait.to_std().unwrap_or_default())
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    RepeatAfter(Duration),
    Stop(Stop),
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
        if matches!(kind, ErrorKind::Busy { .. }) {
            // Waiting has used up its time; a repeat would be more of the same.
            return Decision::Stop(Stop::Elapsed);
        }
        if !kind.is_transient() || matches!(kind, ErrorKind::Held(_)) {
            return Decision::Stop(Stop::Permanent);
        }
        if repeat == Repeat::Write && kind.may_have_been_processed() {
            return Decision::Stop(Stop::Unsafe);
        }
        if attempt >= self.max_attempts {
            return Decision::Stop(Stop::Attempts);
        }
        let doubled = attempt.saturating_sub(1).min(16);
        let ceiling = self.base_delay.saturating_mul(1 << doubled).min(self.max_delay);
        let jittered = up_to(ceiling, random);
        // Whoever was asked to wait comes later than asked, and not all at once.
        let pause = retry_after.map_or(jittered, |asked| asked.saturating_add(jittered.min(self.base_delay)));
        if elapsed.saturating_add(pause) > self.max_elapsed {
            return Decision::Stop(Stop::Elapsed);
        }
        Decision::RepeatAfter(pause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        soap::{DecodeError, DecodeProblem, Fault},
        transport::{TransportError, TransportErrorKind},
    };

    fn kinds() -> impl Strategy<Value = fn() -> ErrorKind> {
        fn transport(kind: TransportErrorKind) -> ErrorKind {
            ErrorKind::Transport(TransportError::new(kind, ""))
        }
        fn response(problem: DecodeProblem) -> ErrorKind {
            ErrorKind::Response(DecodeError::new(String::new(), 0, problem))
        }
        let kinds: Vec<fn() -> ErrorKind> = vec![
            || transport(TransportErrorKind::Connect),
            || transport(TransportErrorKind::ConnectTimeout),
            || transport(TransportErrorKind::Timeout),
            || transport(TransportErrorKind::Interrupted),
            || ErrorKind::Http { status: 302 },
            || ErrorKind::Http { status: 404 },
            || ErrorKind::Http { status: 408 },
            || ErrorKind::Http { status: 429 },
            || ErrorKind::Http { status: 500 },
            || ErrorKind::Http { status: 503 },
            || ErrorKind::Fault(Fault::new("Server", "")),
            || ErrorKind::Fault(Fault::new("Client", "")),
            || ErrorKind::Fault(Fault::new("MustUnderstand", "")),
            || response(DecodeProblem::UnexpectedEnd),
            || response(DecodeProblem::DocumentType),
            || ErrorKind::Paging(String::new()),
        ];
        proptest::sample::select(kinds)
    }

    fn policies() -> impl Strategy<Value = RetryPolicy> {
        let millis = |most: u64| (0..most).prop_map(Duration::from_millis);
        (0_u32..40, millis(100_000), millis(5_000), millis(60_000)).prop_map(
            |(max_attempts, max_elapsed, base_delay, max_delay)| RetryPolicy {
                max_attempts,
                max_elapsed,
                base_delay,
                max_delay,
            },
        )
    }

    proptest! {
        #[test]
        fn a_write_that_may_have_been_processed_is_never_repeated(
            kind in kinds(), policy in policies(), attempt in 1_u32..50, millis in 0_u64..1000, random: u128,
        ) {
            let kind = kind();
            let elapsed = Duration::from_millis(millis);
            if let Decision::RepeatAfter(_) = policy.decide(Repeat::Write, &kind, attempt, elapsed, None, random) {
                prop_assert!(!kind.may_have_been_processed() && kind.is_transient());
            }
        }

        #[test]
        fn nothing_permanent_is_repeated_and_attempts_are_limited(
            kind in kinds(), policy in policies(), attempt in 1_u32..50, random: u128,
        ) {
            let kind = kind();
            let decision = policy.decide(Repeat::Read, &kind, attempt, Duration::ZERO, None, random);
            if !kind.is_transient() {
                prop_assert_eq!(decision, Decision::Stop(Stop::Permanent));
            } else if attempt >= policy.max_attempts {
                prop_assert_eq!(decision, Decision::Stop(Stop::Attempts));
            }
        }

        #[test]
        fn pauses_keep_within_full_jitter_and_the_total_time(
            policy in policies(), attempt in 1_u32..50, millis in 0_u64..200_000, random: u128,
        ) {
            let kind = ErrorKind::Http { status: 503 };
            let elapsed = Duration::from_millis(millis);
            let decision = policy.decide(Repeat::Idempotent, &kind, attempt, elapsed, None, random);
            if let Decision::RepeatAfter(pause) = decision {
                prop_assert!(pause <= policy.max_delay);
                prop_assert!(pause <= policy.base_delay.saturating_mul(1 << (attempt - 1).min(16)));
                prop_assert!(elapsed + pause <= policy.max_elapsed);
            }
        }

        #[test]
        fn what_the_server_asks_for_is_waited_for_or_the_call_ends(
            policy in policies(), seconds: u64, random: u128,
        ) {
            let kind = ErrorKind::Http { status: 429 };
            let asked = Duration::from_secs(seconds);
            match policy.decide(Repeat::Read, &kind, 1, Duration::ZERO, Some(asked), random) {
                Decision::RepeatAfter(pause) => {
                    prop_assert!(pause >= asked && pause <= asked + policy.base_delay);
                }
                Decision::Stop(stop) => prop_assert!(matches!(stop, Stop::Attempts | Stop::Elapsed)),
            }
        }
    }

    /// What is decided after a read was answered with 503, with the longest pause that chance allows.
    fn longest(policy: &RetryPolicy, attempt: u32, elapsed: Duration) -> Decision {
        let kind = ErrorKind::Http { status: 503 };
        (0..=4_000)
            .map(|millis| Duration::from_millis(millis).as_nanos())
            .map(|random| policy.decide(Repeat::Read, &kind, attempt, elapsed, None, random))
            .max_by_key(|decision| match decision {
                Decision::RepeatAfter(pause) => *pause,
                Decision::Stop(_) => Duration::MAX,
            })
            .unwrap()
    }

    #[test]
    fn the_longest_pause_doubles_from_half_a_second_up_to_the_limit() {
        let policy =
            RetryPolicy { max_attempts: 9, max_delay: Duration::from_secs(3), ..RetryPolicy::default() };
        let pauses = [500, 1_000, 2_000, 3_000, 3_000]
            .map(|millis| Decision::RepeatAfter(Duration::from_millis(millis)));
        let decided = [1, 2, 3, 4, 5].map(|attempt| longest(&policy, attempt, Duration::ZERO));
        assert_eq!(decided, pauses);
    }

    #[test]
    fn no_policy_is_one_attempt_and_the_usual_one_four() {
        let kind = ErrorKind::Http { status: 503 };
        let decide = |policy: RetryPolicy, attempt| {
            policy.decide(Repeat::Read, &kind, attempt, Duration::ZERO, None, 0)
        };
        assert_eq!(decide(RetryPolicy::none(), 1), Decision::Stop(Stop::Attempts));
        assert_eq!(decide(RetryPolicy::default(), 3), Decision::RepeatAfter(Duration::ZERO));
        assert_eq!(decide(RetryPolicy::default(), 4), Decision::Stop(Stop::Attempts));
    }

    #[test]
    fn an_attempt_may_start_at_the_last_moment_and_not_after_it() {
        let (policy, kind) = (RetryPolicy::default(), ErrorKind::Http { status: 503 });
        let decide = |elapsed| policy.decide(Repeat::Read, &kind, 1, elapsed, None, 0);
        assert_eq!(decide(policy.max_elapsed), Decision::RepeatAfter(Duration::ZERO));
        assert_eq!(decide(policy.max_elapsed + Duration::from_nanos(1)), Decision::Stop(Stop::Elapsed));
    }

    #[test]
    fn jitter_reaches_from_zero_to_the_ceiling() {
        let ceiling = Duration::from_millis(500);
        assert_eq!(up_to(ceiling, 0), Duration::ZERO);
        assert_eq!(up_to(ceiling, ceiling.as_nanos()), ceiling);
        assert_eq!(up_to(Duration::MAX, Duration::MAX.as_nanos()), Duration::MAX);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let date = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(retry_after(" 7 ", None), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("99999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:30 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:00:00 GMT", date), Some(Duration::ZERO));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:30 GMT", None), None);
        for odd in ["soon", "", "-1", "+7", "1.5"] {
            assert_eq!(retry_after(odd, date), None, "{odd}");
        }
    }
}
