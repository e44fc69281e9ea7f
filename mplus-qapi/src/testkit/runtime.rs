//! A runtime for clients in tests.

use std::{
    future::ready,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::faults::SplitMix;
use crate::Runtime;

/// Time-outs below this are real.
const REAL: Duration = Duration::from_secs(10);

/// Time that passes only in sleeps, which end at once; random numbers that are the same in every run. Time-outs of less than ten
/// seconds are real where tokio is (with `enable_time`), so that a test can wait for what never comes; longer ones never end.
#[derive(Debug)]
pub struct VirtualRuntime {
    inner: Mutex<(Duration, SplitMix)>,
}

impl VirtualRuntime {
    /// A runtime whose random numbers follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { inner: Mutex::new((Duration::ZERO, SplitMix(seed))) }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, (Duration, SplitMix)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for VirtualRuntime {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Runtime for VirtualRuntime {
    fn now(&self) -> Duration {
        self.inner().0
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.inner().0 += duration;
        Box::pin(ready(()))
    }

    /// A short one in real time, as what is waited for comes in it; a longer one never, however slow the machine is.
    fn time_out(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match tokio::runtime::Handle::try_current() {
            Ok(_) if duration < REAL => Box::pin(tokio::time::sleep(duration)),
            _ => Box::pin(std::future::pending()),
        }
    }

    fn random(&self) -> u128 {
        let random = &mut self.inner().1;
        u128::from(random.next()) << 64 | u128::from(random.next())
    }
}
