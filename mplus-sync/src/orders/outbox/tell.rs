//! Tells the host what became of its orders.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::model::{ConnectionId, OrderNotice};
use crate::runtime::Runtime;
use crate::store::{NoticeRequest, Store};

/// How many notices are claimed at once.
const AT_ONCE: usize = 50;
/// How long the host has for them.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// How long a notice rests that the host did not take.
const PAUSE: Duration = Duration::from_secs(30);

/// Learns what becomes of orders: every end of one, and that one was queued again.
///
/// A notice is written with the change that it tells of, survives every crash, and is told until the host took it: at least
/// once, and those of one order in their order. [`OrderNotice::sequence`] tells a repeat.
#[async_trait]
pub trait OrderObserver: Send + Sync {
    /// Takes a notice.
    ///
    /// # Errors
    /// When the host could not take it: it is told again in half a minute, and the order's later notices wait.
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError>;
}

/// The host could not take a notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ObserverError {
    /// Why.
    pub message: String,
}

/// Tells everything that is pending, of one connection or of all, and counts what the host took. A store that fails is asked
/// again by the next call.
pub(crate) async fn tell_host(
    store: &dyn Store,
    runtime: &dyn Runtime,
    connection: Option<&ConnectionId>,
    observer: &dyn OrderObserver,
) -> u64 {
    let mut told = 0;
    loop {
        let now = runtime.now();
        let mut request = NoticeRequest::new(AT_ONCE, now + CLAIM);
        request.connection = connection.cloned();
        let Ok(claimed) = store.claim_notices(&request, now).await else { return told };
        if claimed.is_empty() {
            return told;
        }
        for notice in claimed {
            match observer.told(&notice.notice).await {
                Ok(()) => {
                    // One that is not acknowledged is told again: at least once is the promise.
                    let _ = store.acknowledge(&notice).await;
                    told += 1;
                }
                Err(_) => {
                    let until = runtime.now() + PAUSE;
                    let _ = store.postpone(&notice, until).await;
                }
            }
        }
    }
}
