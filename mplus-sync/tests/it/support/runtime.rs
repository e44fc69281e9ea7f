//! A world that a test controls.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mplus_sync::runtime::Runtime;

/// Sleeping moves the clock on at once, and every sleep is written down. Random numbers are 0.
#[derive(Debug)]
pub(crate) struct TestRuntime {
    state: Mutex<(DateTime<Utc>, Vec<Duration>)>,
}

impl TestRuntime {
    pub(crate) fn at(now: &str) -> Self {
        Self { state: Mutex::new((now.parse().unwrap(), Vec::new())) }
    }

    /// How long each sleep so far was to last, in order.
    #[cfg(any(feature = "tokio-runner", feature = "cloudflare-images-no-tls"))]
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.state.lock().unwrap().1.clone()
    }

    /// Lets time pass without a sleep.
    pub(crate) fn pass(&self, time: chrono::TimeDelta) {
        self.state.lock().unwrap().0 += time;
    }

    /// Moves the clock without a sleep, as if somebody had set it.
    #[cfg(feature = "tokio-runner")]
    pub(crate) fn set(&self, now: &str) {
        self.state.lock().unwrap().0 = now.parse().unwrap();
    }
}

#[async_trait]
impl Runtime for TestRuntime {
    fn now(&self) -> DateTime<Utc> {
        self.state.lock().unwrap().0
    }

    async fn sleep(&self, duration: Duration) {
        {
            let mut state = self.state.lock().unwrap();
            state.0 += duration;
            state.1.push(duration);
        }
        tokio::task::yield_now().await;
    }

    fn random(&self) -> f64 {
        0.0
    }
}
