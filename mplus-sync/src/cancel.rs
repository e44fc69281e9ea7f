//! Stopping a run from outside.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// A switch that stops whatever was handed a clone of it; once thrown it stays thrown.
///
/// Clones share the switch. It works under any async runtime.
///
/// ```
/// use mplus_sync::cancel::{CancelToken, Cancelled};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cancel = CancelToken::new();
/// assert_eq!(cancel.stop_or(async { 7 }).await, Ok(7));
///
/// cancel.cancel();
/// assert_eq!(cancel.stop_or(std::future::pending::<u8>()).await, Err(Cancelled));
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct CancelToken {
    cancelled: Arc<watch::Sender<bool>>,
}

/// The run was stopped on request. What had been stored before stays stored; the next run goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled on request")]
pub struct Cancelled;

impl CancelToken {
    /// A switch that is not thrown yet.
    pub fn new() -> Self {
        Self { cancelled: Arc::new(watch::Sender::new(false)) }
    }

    /// Throws the switch. Doing it again changes nothing.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// Whether the switch was thrown.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// `Err(Cancelled)` once the switch was thrown; for `?` between two steps of a run.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits until the switch is thrown; at once when it already was.
    pub async fn cancelled(&self) {
        // An error means that the sender is gone, which `self` keeps alive.
        let _ = self.cancelled.subscribe().wait_for(|cancelled| *cancelled).await;
    }

    /// Carries out `work` unless the switch is thrown first; then `work` is dropped where it waits.
    ///
    /// A switch that is thrown already wins over work that would be ready at once.
    pub async fn stop_or<T>(&self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        match select(pin!(self.cancelled()), pin!(work)).await {
            Either::Left(((), _)) => Err(Cancelled),
            Either::Right((output, _)) => Ok(output),
        }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancel_wakes_everybody_who_waits_on_a_clone() {
        let cancel = CancelToken::new();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let cancel = cancel.clone();
                tokio::spawn(async move { cancel.stop_or(std::future::pending::<()>()).await })
            })
            .collect();
        tokio::task::yield_now().await;
        cancel.cancel();
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Err(Cancelled));
        }
    }

    #[tokio::test]
    async fn after_a_cancel_not_even_ready_work_is_done() {
        let cancel = CancelToken::new();
        cancel.cancel();
        cancel.cancel();
        assert_eq!(cancel.stop_or(async { panic!("must not run") }).await, Err::<(), _>(Cancelled));
        assert_eq!(cancel.check(), Err(Cancelled));
    }

    #[tokio::test]
    async fn without_a_cancel_the_work_gives_its_result() {
        let cancel = CancelToken::default();
        assert_eq!(cancel.stop_or(async { "done" }).await, Ok("done"));
        assert_eq!(cancel.check(), Ok(()));
        assert!(!cancel.is_cancelled());
    }
}
