//! Tells the host what became of its orders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cancel::CancelToken;
use crate::model::{ClaimedNotice, ConnectionId, OrderNotice};
use crate::runtime::{Runtime, Unheard, of_host, within};
use crate::store::{NoticeRequest, Store};

use super::meanwhile::meanwhile;

/// How many notices are claimed at once.
const AT_ONCE: usize = 50;
/// Of how many merchants they are told at once.
const MERCHANTS: usize = 8;
/// How long the host has for all of them.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// How long it has for one.
const PATIENCE: Duration = Duration::from_secs(20);
/// After how long those of further merchants are claimed while the host is at some.
const SOON: Duration = Duration::from_secs(1);
/// How long a notice rests that the host did not take.
const PAUSE: Duration = Duration::from_secs(30);

/// Learns what becomes of orders: every end of one, and that one was queued again.
///
/// A notice is written with the change that it tells of, survives every crash, and is told until the host took it: at least
/// once, and those of one order in their order. [`OrderNotice::sequence`] tells a repeat. Notices of up to eight merchants are
/// told at once, those of one merchant one after the other.
#[async_trait]
pub trait OrderObserver: Send + Sync {
    /// Takes a notice, within 20 seconds: a call that takes longer is dropped where it waits, and counts as failed, as one that panics
    /// does.
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

/// How long somebody goes on telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until nothing is pending.
    NothingIsLeft,
    /// As long as there is more than is claimed at once. Somebody who is told of new notices comes back for those that gather meanwhile.
    FewAreLeft,
}

/// Tells what is pending, of one connection or of all, until it is to stop, and counts what the host took. A store that fails is asked
/// again by the next call.
pub(crate) async fn tell_host(
    store: &dyn Store,
    runtime: &dyn Runtime,
    connection: Option<&ConnectionId>,
    observer: &dyn OrderObserver,
    until: Until,
    stop: &CancelToken,
) -> u64 {
    let teller = Teller { store, runtime, observer, stop };
    let mut told = 0;
    let mut is_last = false;
    let mut line = Line::default();
    let mut telling = FuturesUnordered::new();
    let mut ended: Vec<Told> = Vec::new();
    loop {
        while let Some(done) = ended.pop() {
            told += done.told;
            for batch in line.ended(&done) {
                meanwhile(&mut telling, |done| ended.push(done), teller.give_back(batch)).await;
            }
        }
        while telling.len() < MERCHANTS
            && let Some(batch) = line.next()
        {
            telling.push(teller.tell(batch));
        }
        if telling.is_empty() {
            if is_last {
                return told;
            }
            match teller.claim(connection).await {
                Some(claimed) if !claimed.is_empty() => {
                    let count: usize = claimed.iter().map(|batch| batch.notices.len()).sum();
                    is_last = until == Until::FewAreLeft && count < AT_ONCE;
                    line.add(claimed);
                }
                _ => return told,
            }
            continue;
        }
        match within(runtime, SOON, telling.next()).await {
            Some(done) => ended.extend(done),
            // The host hangs at one of them: those of other merchants are told meanwhile.
            None if telling.len() < MERCHANTS => {
                let claim = teller.claim(connection);
                let more = meanwhile(&mut telling, |done| ended.push(done), claim).await;
                line.add(more.unwrap_or_default());
            }
            None => {}
        }
    }
}

/// Notices of one merchant that were claimed together.
struct Batch {
    merchant: ConnectionId,
    notices: Vec<ClaimedNotice>,
    /// Until when they are claimed.
    until: DateTime<Utc>,
}

/// What came of a batch.
struct Told {
    merchant: ConnectionId,
    told: u64,
    /// Whether the host did not answer in time.
    hangs: bool,
}

/// What waits to be told: of no merchant two batches at once.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Batch>,
    busy: BTreeSet<ConnectionId>,
}

impl Line {
    fn add(&mut self, batches: Vec<Batch>) {
        self.waiting.extend(batches);
    }

    /// The next batch of a merchant of whom none is being told.
    fn next(&mut self) -> Option<Batch> {
        let place = self.waiting.iter().position(|batch| !self.busy.contains(&batch.merchant))?;
        let batch = self.waiting.remove(place)?;
        self.busy.insert(batch.merchant.clone());
        Some(batch)
    }

    /// One has ended; what waits behind one at which the host hangs is not tried now.
    fn ended(&mut self, told: &Told) -> Vec<Batch> {
        self.busy.remove(&told.merchant);
        let (behind, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|batch| told.hangs && batch.merchant == told.merchant);
        self.waiting = others;
        Vec::from(behind)
    }
}

/// Tells notices that were claimed.
#[derive(Clone, Copy)]
struct Teller<'a> {
    store: &'a dyn Store,
    runtime: &'a dyn Runtime,
    observer: &'a dyn OrderObserver,
    stop: &'a CancelToken,
}

impl Teller<'_> {
    /// Claims what is pending, by merchants; none when it is to stop, or the store fails.
    async fn claim(self, connection: Option<&ConnectionId>) -> Option<Vec<Batch>> {
        if self.stop.is_cancelled() {
            return None;
        }
        let now = self.runtime.now();
        let until = now + CLAIM;
        let mut request = NoticeRequest::new(AT_ONCE, until);
        request.connection = connection.cloned();
        let mut by_merchant: BTreeMap<ConnectionId, Vec<ClaimedNotice>> = BTreeMap::new();
        for notice in self.store.claim_notices(&request, now).await.ok()? {
            by_merchant.entry(notice.notice.connection.clone()).or_default().push(notice);
        }
        Some(by_merchant.into_iter().map(|(merchant, notices)| Batch { merchant, notices, until }).collect())
    }

    /// Leaves a batch for later.
    async fn give_back(self, batch: Batch) {
        let later = self.runtime.now() + PAUSE;
        for notice in batch.notices {
            // One that is not given back is claimed again when this claim ends.
            let _ = self.store.postpone(&notice, later).await;
        }
    }

    /// Tells those of one merchant and counts what the host took. What there is no time for is given back.
    async fn tell(self, batch: Batch) -> Told {
        let Batch { merchant, notices, until } = batch;
        let mut told = 0;
        let mut hangs = false;
        for notice in notices {
            let now = self.runtime.now();
            let has_time = now + PATIENCE < until;
            if hangs || !has_time || self.stop.is_cancelled() {
                let at = if hangs { now + PAUSE } else { now };
                // One that is not given back is claimed again when this claim ends.
                let _ = self.store.postpone(&notice, at).await;
                continue;
            }
            // A panic may come of the call itself as well.
            let telling = async { self.observer.told(&notice.notice).await };
            let taken = of_host(self.runtime, PATIENCE, telling).await;
            if let Ok(Ok(())) = taken {
                // One that is not acknowledged is told again: at least once is the promise.
                let _ = self.store.acknowledge(&notice).await;
                told += 1;
                continue;
            }
            let connection = &notice.notice.connection;
            match taken {
                Err(Unheard::TookTooLong) => {
                    hangs = true;
                    tracing::warn!(target: "mplus_sync", %connection, "the host did not take a notice in time; it is told again");
                }
                Err(Unheard::Panicked) => {
                    tracing::error!(target: "mplus_sync", %connection, "the host panicked at a notice; it is told again");
                }
                Ok(_) => {}
            }
            let again = self.runtime.now() + PAUSE;
            let _ = self.store.postpone(&notice, again).await;
        }
        Told { merchant, told, hangs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(merchant: &str) -> Batch {
        Batch { merchant: merchant.into(), notices: Vec::new(), until: DateTime::UNIX_EPOCH }
    }

    fn next(line: &mut Line) -> Option<String> {
        line.next().map(|batch| batch.merchant.to_string())
    }

    #[test]
    fn of_one_merchant_no_two_batches_are_told_at_once_and_others_pass_by() {
        let mut line = Line::default();
        line.add(vec![batch("a"), batch("a"), batch("b")]);
        assert_eq!(next(&mut line).as_deref(), Some("a"));
        assert_eq!(next(&mut line).as_deref(), Some("b"));
        assert_eq!(next(&mut line), None);
        assert!(line.ended(&Told { merchant: "a".into(), told: 1, hangs: false }).is_empty());
        assert_eq!(next(&mut line).as_deref(), Some("a"));
    }

    #[test]
    fn what_waits_behind_a_notice_at_which_the_host_hangs_is_left_for_later() {
        let mut line = Line::default();
        line.add(vec![batch("a"), batch("b"), batch("a")]);
        line.next();
        let left = line.ended(&Told { merchant: "a".into(), told: 0, hangs: true });
        assert_eq!(left.len(), 1);
        assert_eq!(next(&mut line).as_deref(), Some("b"));
        assert_eq!(next(&mut line), None);
    }
}
