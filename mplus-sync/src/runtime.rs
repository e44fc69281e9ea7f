//! Time and randomness as a parameter: nothing in this crate reads the real clock, sleeps or draws lots on its own.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

/// What the sync needs of the world besides storage and the POS.
///
/// `TokioRuntime` (feature `tokio-runtime`) is the real one. A test hands in its own, which makes waiting instant
/// and everything predictable.
#[async_trait]
pub trait Runtime: Debug + Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Waits for `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);

    /// A number from 0 to below 1, for the random part of waits.
    fn random(&self) -> f64;
}

/// A wait is made of so many waits. A clock that jumps, as that of a machine that was asleep, ends one of them, and what is waited
/// for still has time.
const PARTS: u32 = 10;

/// What comes of the work; none when it takes longer. [`Duration::MAX`] waits for ever.
pub(crate) async fn within<T>(
    runtime: &dyn Runtime,
    longest: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    // What needs no waiting needs no clock.
    if let Some(done) = work.as_mut().now_or_never() {
        return Some(done);
    }
    if longest == Duration::MAX {
        return Some(work.await);
    }
    let time_is_up = async {
        for _ in 0..PARTS {
            runtime.sleep(longest / PARTS).await;
        }
    };
    match select(work, pin!(time_is_up)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Why nothing came of the host's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unheard {
    Panicked,
    TookTooLong,
}

/// What comes of the host's code in this time: neither its panic nor its hanging is anybody else's.
pub(crate) async fn of_host<T>(
    runtime: &dyn Runtime,
    longest: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Unheard> {
    match within(runtime, longest, AssertUnwindSafe(work).catch_unwind()).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(_)) => Err(Unheard::Panicked),
        None => Err(Unheard::TookTooLong),
    }
}

/// The operating system's clock, tokio's timer, and the keys that the standard library draws for its hash maps.
///
/// `sleep` has to be called inside a tokio runtime whose timer is enabled.
#[cfg(feature = "tokio-runtime")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioRuntime;

#[cfg(feature = "tokio-runtime")]
#[async_trait]
impl Runtime for TokioRuntime {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> f64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        let number = RandomState::new().build_hasher().finish();
        f64::from(u32::try_from(number >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(all(test, feature = "tokio-runtime"))]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_fractions_and_differ() {
        let numbers: Vec<_> = (0..100).map(|_| TokioRuntime.random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.5) && numbers.iter().any(|number| *number >= 0.5));
    }
}
