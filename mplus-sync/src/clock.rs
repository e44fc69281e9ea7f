//! Time as a parameter: nothing in this crate reads the real clock or sleeps on its own.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Tells the time and waits.
///
/// [`SystemClock`] (feature `tokio-clock`) is the real one. A test hands in its own, which makes waiting instant and
/// the time predictable.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Waits for `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}

/// The operating system's clock, and tokio's timer to wait with.
///
/// `sleep` has to be called inside a tokio runtime whose timer is enabled.
#[cfg(feature = "tokio-clock")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[cfg(feature = "tokio-clock")]
#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
