//! Time and background work as a parameter: nothing else in this crate reads a clock, waits, or starts a task.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

/// By how much the clocks of two processes may differ. Whatever is judged by the age of an instant that another process may have noted
/// counts as younger by this.
pub(crate) const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// Work that goes on after the reply was sent.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// The clock, the timer and the background tasks of the host's async runtime.
///
/// [`TokioRuntime`] (feature `tokio`, on by default) serves axum, actix-web and anything else on tokio.
#[async_trait]
pub trait Runtime: Debug + Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Waits for `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);

    /// Runs `task` to its end, also when the caller is gone.
    fn spawn(&self, task: Task);
}

/// tokio's timer and tasks, with the operating system's clock.
///
/// Has to be used inside a tokio runtime whose timer is enabled.
#[cfg(feature = "tokio")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioRuntime;

#[cfg(feature = "tokio")]
#[async_trait]
impl Runtime for TokioRuntime {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}
