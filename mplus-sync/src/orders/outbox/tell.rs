//! Tells the host what became of its orders.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};

use crate::cancel::CancelToken;
use crate::model::{ClaimedNotice, ConnectionId, OrderNotice};
use crate::runtime::{Runtime, within};
use crate::store::{NoticeRequest, Store};

/// How many notices are claimed at once.
const AT_ONCE: usize = 50;
/// Of how many merchants they are told at once.
const MERCHANTS: usize = 8;
/// How long the host has for all of them.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// How long it has for one.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a notice rests that the host did not take.
const PAUSE: Duration = Duration::from_secs(30);

/// Learns what becomes of orders: every end of one, and that one was queued again.
///
/// A notice is written with the change that it tells of, survives every crash, and is told until the host took it: at least
/// once, and those of one order in their order. [`OrderNotice::sequence`] tells a repeat. Notices of up to eight merchants are
/// told at once, those of one merchant one after the other.
#[async_trait]
pub trait OrderObserver: Send + Sync {
    /// Takes a notice, within 20 seconds: a call that takes longer is dropped where it waits, and counts as failed.
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

/// Tells everything that is pending, of one connection or of all, until it is to stop, and counts what the host took. A store
/// that fails is asked again by the next call.
pub(crate) async fn tell_host(
    store: &dyn Store,
    runtime: &dyn Runtime,
    connection: Option<&ConnectionId>,
    observer: &dyn OrderObserver,
    stop: &CancelToken,
) -> u64 {
    let mut told = 0;
    while !stop.is_cancelled() {
        let now = runtime.now();
        let until = now + CLAIM;
        let mut request = NoticeRequest::new(AT_ONCE, until);
        request.connection = connection.cloned();
        let Ok(claimed) = store.claim_notices(&request, now).await else { return told };
        if claimed.is_empty() {
            return told;
        }
        let mut by_merchant: BTreeMap<ConnectionId, Vec<ClaimedNotice>> = BTreeMap::new();
        for notice in claimed {
            by_merchant.entry(notice.notice.connection.clone()).or_default().push(notice);
        }
        let teller = Teller { store, runtime, observer, stop, until };
        let counts: Vec<u64> = stream::iter(by_merchant.into_values().map(|of_one| teller.tell(of_one)))
            .buffer_unordered(MERCHANTS)
            .collect()
            .await;
        told += counts.iter().sum::<u64>();
    }
    told
}

/// Tells notices that were claimed.
#[derive(Clone, Copy)]
struct Teller<'a> {
    store: &'a dyn Store,
    runtime: &'a dyn Runtime,
    observer: &'a dyn OrderObserver,
    stop: &'a CancelToken,
    /// Until when they are claimed.
    until: DateTime<Utc>,
}

impl Teller<'_> {
    /// Tells those of one merchant and counts what the host took. What there is no time for is given back.
    async fn tell(self, notices: Vec<ClaimedNotice>) -> u64 {
        let mut told = 0;
        let mut hangs = false;
        for notice in notices {
            let now = self.runtime.now();
            let has_time = now + PATIENCE < self.until;
            if hangs || !has_time || self.stop.is_cancelled() {
                let at = if hangs { now + PAUSE } else { now };
                // One that is not given back is claimed again when this claim ends.
                let _ = self.store.postpone(&notice, at).await;
                continue;
            }
            let taken = within(self.runtime, PATIENCE, self.observer.told(&notice.notice)).await;
            if let Some(Ok(())) = taken {
                // One that is not acknowledged is told again: at least once is the promise.
                let _ = self.store.acknowledge(&notice).await;
                told += 1;
                continue;
            }
            if taken.is_none() {
                hangs = true;
                let connection = &notice.notice.connection;
                tracing::warn!(target: "mplus_sync", %connection, "the host did not take a notice in time; it is told again");
            }
            let until = self.runtime.now() + PAUSE;
            let _ = self.store.postpone(&notice, until).await;
        }
        told
    }
}
