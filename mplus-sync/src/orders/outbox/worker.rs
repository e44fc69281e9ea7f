//! Takes queued orders and does not let go before the POS has them.

use std::fmt;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, Either, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use mplus_qapi::Error as PosError;
use mplus_qapi::products::{GetProducts, GetProductsRequest};
use mplus_qapi::system::GetApiVersion;

use crate::cancel::CancelToken;
use crate::merchant::{Merchant, NoStanding, Watch};
use crate::model::{Activity, ActivityLevel, Claim, ConnectionId, OutboxEntry, Outcome, PosOrder, Waiting};
use crate::orders::error::{Heard, Hindrance};
use crate::orders::{OrderObserver, OrderService, SubmitError};
use crate::store::{ClaimRequest, StoreError, StoreErrorKind, Wake};
use crate::text::kept;

use super::RetryPlan;
use super::decide::Decision;
use super::finishing::Finishing;
use super::meanwhile::meanwhile;
use super::tell::{Until, tell_host};

/// How often recording an outcome is tried before the claim is left to end.
const RECORDS: u32 = 6;

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Orders under way at once; no more than the client has connections. 4 unless set.
    pub at_once: usize,
    /// How long a claim holds without a sign of life: 2 minutes unless set. It is prolonged while an order is under way.
    pub claim: Duration,
    /// How long to wait when nothing is due: 1 second unless set. [`OutboxWorker::wake`] ends the wait.
    pub idle: Duration,
    /// How long orders under way may take to end after a cancel: 30 seconds unless set. What is cut off is taken up by
    /// another worker when its claim has ended.
    pub grace: Duration,
    /// How often an order is tried.
    pub retry: RetryPlan,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            at_once: 4,
            claim: Duration::from_secs(120),
            idle: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            retry: RetryPlan::default(),
        }
    }
}

/// What a worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Orders that the POS has.
    pub accepted: u64,
    /// Attempts after which an order is tried again: it was refused, or waits for the POS or for its table.
    pub retried: u64,
    /// Orders that can never be sent as they are.
    pub rejected: u64,
    /// Orders that a person must look at.
    pub needs_attention: u64,
    /// Orders that were kept from the POS as they asked.
    pub skipped: u64,
    /// Notices of which the host was told.
    pub told: u64,
    /// Orders that another worker took over.
    pub lost: u64,
    /// Calls of the store that failed.
    pub store_failures: u64,
}

/// Forwards the queued orders of one connection.
///
/// Any number of workers may share a store, on one machine or many; no order is sent by two of them at once. An order
/// that fails rests and is tried again; others go on meanwhile, except those of the same table, which keep their order.
/// After an attempt that nobody knows the end of, the order is looked for at the POS before it is sent again.
///
/// The connection's status follows what the worker sees of the POS. When the merchant disconnects, orders wait: within a
/// minute the worker takes no more until the merchant connects again.
pub struct OutboxWorker {
    service: Arc<OrderService>,
    merchant: Merchant,
    watch: Watch,
    finishing: Arc<Finishing>,
    options: WorkerOptions,
    observer: Option<Arc<dyn OrderObserver>>,
    reopen: Option<Arc<Reopen>>,
    standing: Mutex<Standing>,
}

/// Opens the merchant's connection anew: its services lead to where it leads now. None when it cannot be opened now.
pub(crate) type Reopen = dyn Fn() -> BoxFuture<'static, Option<(Arc<OrderService>, Merchant)>> + Send + Sync;

/// What is known of where the worker's connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Where it led.
    Same,
    /// A call was held back; it may be because of that.
    Doubtful,
    /// To another POS.
    Moved,
}

impl fmt::Debug for OutboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWorker")
            .field("worker", self.merchant.worker())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended, as far as it did.
enum Ended {
    Result(Result<PosOrder, SubmitError>),
    /// There is no use in trying.
    Decided(Decision),
    /// Another worker has the order.
    Lost,
}

impl OutboxWorker {
    /// A worker that forwards the service's orders under the merchant's worker name, which has to differ among all workers
    /// that share the store.
    pub fn new(service: Arc<OrderService>, merchant: &Merchant) -> Self {
        let watch = Watch::new(merchant.store().clone(), service.connection().clone());
        let finishing = Finishing::new(Arc::clone(merchant.store()), Arc::clone(merchant.runtime()));
        Self {
            service,
            merchant: merchant.clone(),
            watch,
            finishing: Arc::new(finishing),
            options: WorkerOptions::default(),
            observer: None,
            reopen: None,
            standing: Mutex::new(Standing::Same),
        }
    }

    /// The same, recording how orders end along with those of others.
    pub(crate) fn finishing_with(self, finishing: Arc<Finishing>) -> Self {
        Self { finishing, ..self }
    }

    /// The same, going on at another POS when the connection leads there.
    pub(crate) fn reopened_by(self, reopen: Arc<Reopen>) -> Self {
        Self { reopen: Some(reopen), ..self }
    }

    /// The worker of where the connection leads now; none when it cannot be opened now.
    async fn reopened(&self) -> Option<Self> {
        let (service, merchant) = self.reopen.as_ref()?().await?;
        let (observer, reopen) = (self.observer.clone(), self.reopen.clone());
        let finishing = Arc::clone(&self.finishing);
        Some(Self { observer, reopen, finishing, ..Self::new(service, &merchant).with_options(self.options) })
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection leads to another POS by now, and the worker can go on there.
    async fn has_moved(&self) -> bool {
        let known = *self.standing();
        if known == Standing::Doubtful {
            let moved = matches!(self.merchant.check_standing().await, Err(NoStanding::Moved(_)));
            let goes_on = moved && self.reopen.is_some();
            *self.standing() = if goes_on { Standing::Moved } else { Standing::Same };
        }
        *self.standing() == Standing::Moved
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(mut self, options: WorkerOptions) -> Self {
        self.options = options;
        self
    }

    /// The same, telling the host what becomes of its orders.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn OrderObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Ends a wait for due orders: call it after queueing one in a transaction of your own. [`OrderService::enqueue`] does
    /// it by itself.
    pub fn wake(&self) {
        self.merchant.store().wake(Wake::Orders);
    }

    /// Forwards orders until it is cancelled. Then it takes no more, and ends when those under way have, or after
    /// [`WorkerOptions::grace`]. When the connection leads to another POS meanwhile, it goes on there.
    pub async fn run(&self, cancel: &CancelToken) -> WorkerReport {
        let mut report = self.run_here(cancel).await;
        while !cancel.is_cancelled() {
            match self.reopened().await {
                Some(worker) => report.add(worker.run_here(cancel).await),
                // It cannot be opened now.
                None => {
                    let _ = cancel.stop_or(self.merchant.runtime().sleep(self.options.idle)).await;
                }
            }
        }
        report
    }

    /// The same, until it is cancelled or the connection leads to another POS.
    async fn run_here(&self, cancel: &CancelToken) -> WorkerReport {
        let mut report = WorkerReport::default();
        let mut told = 0;
        let mut listener = self.merchant.store().listen();
        let work = async {
            // Its own: what was cut off is gone with it, and holds nothing any more.
            let mut running = FuturesUnordered::new();
            loop {
                let free = self.options.at_once.max(1).saturating_sub(running.len());
                if free > 0 && !cancel.is_cancelled() {
                    let claimed = meanwhile(&mut running, |done| report.add(done), self.claim(free)).await;
                    let claimed = report.claimed(claimed);
                    running.extend(claimed.into_iter().map(|entry| self.forward(entry)));
                }
                let ends = cancel.is_cancelled() || *self.standing() == Standing::Moved;
                if ends && running.is_empty() {
                    return;
                }
                let full = running.len() >= self.options.at_once.max(1);
                let next = async { if running.is_empty() { pending().await } else { running.next().await } };
                let idle = async {
                    if full || cancel.is_cancelled() {
                        pending().await
                    } else {
                        select(
                            pin!(self.merchant.runtime().sleep(self.options.idle)),
                            pin!(listener.heard(&[Wake::Orders])),
                        )
                        .await;
                    }
                };
                let stop =
                    async { if cancel.is_cancelled() { pending().await } else { cancel.cancelled().await } };
                if let Either::Left((Some(done), _)) =
                    select(pin!(next), select(pin!(idle), pin!(stop))).await
                {
                    report.add(done);
                }
            }
        };
        let cut_off = async {
            cancel.cancelled().await;
            self.merchant.runtime().sleep(self.options.grace).await;
        };
        let tell = async {
            let mut listener = self.merchant.store().listen();
            loop {
                told += self.tell_host().await;
                let idle = self.merchant.runtime().sleep(self.options.idle);
                select(pin!(idle), pin!(listener.heard(&[Wake::Notices]))).await;
            }
        };
        select(pin!(work), select(pin!(cut_off), pin!(tell))).await;
        report.told += told + self.tell_host().await;
        report
    }

    /// Tells the host what became of its orders, if it wants to know; counts the notices.
    async fn tell_host(&self) -> u64 {
        match &self.observer {
            Some(observer) => {
                let (store, runtime) = (&**self.merchant.store(), &**self.merchant.runtime());
                // What is pending when it stops is told before it ends.
                let never = CancelToken::new();
                let until = Until::NothingIsLeft;
                tell_host(store, runtime, Some(self.connection()), &**observer, until, &never).await
            }
            None => 0,
        }
    }

    /// Forwards what is due now, each order once, and returns when nothing is due.
    pub async fn run_once(&self) -> WorkerReport {
        let mut report = WorkerReport::default();
        loop {
            let claimed = report.claimed(self.claim(self.options.at_once.max(1)).await);
            if claimed.is_empty() {
                report.told += self.tell_host().await;
                let moved = *self.standing() == Standing::Moved;
                if moved && let Some(worker) = self.reopened().await {
                    report.add(Box::pin(worker.run_once()).await);
                }
                return report;
            }
            let mut running: FuturesUnordered<_> =
                claimed.into_iter().map(|entry| self.forward(entry)).collect();
            while let Some(done) = running.next().await {
                report.add(done);
            }
        }
    }

    async fn claim(&self, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let now = self.merchant.runtime().now();
        if !self.watch.is_connected(now).await || self.has_moved().await {
            return Ok(Vec::new());
        }
        let request = ClaimRequest::new(self.merchant.worker().clone(), limit, now + self.claim_for())
            .of(self.service.connection().clone());
        self.merchant.store().claim(&request, now).await
    }

    fn claim_for(&self) -> TimeDelta {
        TimeDelta::from_std(self.options.claim).unwrap_or(TimeDelta::MAX)
    }

    /// Brings one claimed order as far as it gets and records that.
    async fn forward(&self, entry: OutboxEntry) -> WorkerReport {
        self.forward_hearing(entry).await.0
    }

    /// The same, with what was heard of the POS.
    pub(crate) async fn forward_hearing(&self, entry: OutboxEntry) -> (WorkerReport, Heard) {
        let mut heard = Heard::Nothing;
        let claim = entry.claim();
        let ended = match select(pin!(self.attempt(&entry)), pin!(self.keep(&claim))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => Ended::Lost,
        };
        let Decision { outcome, rest } = match ended {
            Ended::Lost => return (WorkerReport { lost: 1, ..WorkerReport::default() }, heard),
            Ended::Decided(decision) => decision,
            Ended::Result(result) => {
                if result.as_ref().is_err_and(|error| error.pos_error().is_some_and(PosError::is_held)) {
                    *self.standing() = Standing::Doubtful;
                }
                let result = self.told_apart(result).await;
                heard = result.as_ref().map_or_else(SubmitError::heard, |_| Heard::Answer);
                self.look(&result).await;
                let (now, random) = (self.merchant.runtime().now(), self.merchant.runtime().random());
                self.options.retry.decision(&entry, &result, now, random)
            }
        };
        let outcome = self.rest(&entry, outcome, rest).await;
        (self.record(&entry, self.kept(outcome)).await, heard)
    }

    async fn attempt(&self, entry: &OutboxEntry) -> Ended {
        match self.service.skips(&entry.order) {
            Err(refused) => {
                let (reason, may_be_at_pos) = (refused.to_string(), entry.may_be_at_pos);
                return Ended::Decided(match may_be_at_pos {
                    true => Outcome::NeedsAttention { reason, may_be_at_pos }.into(),
                    false => Outcome::Rejected { reason }.into(),
                });
            }
            Ok(true) => {
                let reason = format!(
                    "order {} was kept from the POS as it asked (skip_order_sync, test environment)",
                    entry.order.number
                );
                return Ended::Decided(Outcome::Skipped { reason }.into());
            }
            Ok(false) => {}
        }
        if let Some(outcome) = self.options.retry.given_up(entry) {
            return Ended::Decided(outcome.into());
        }
        match self.left_behind(entry).await {
            Ok(None) => Ended::Result(self.service.forward(entry).await),
            Ok(Some(outcome)) => Ended::Decided(outcome.into()),
            Err(failed) => {
                let number = &entry.order.number;
                Ended::Result(Err(SubmitError::of_merchant(number, failed, entry.may_be_at_pos)))
            }
        }
    }

    /// What becomes of an order that was queued for a POS that the merchant has no more: its articles' numbers, and the names that
    /// the host has for them, may stand for other articles at the one that the connection leads to now.
    async fn left_behind(&self, entry: &OutboxEntry) -> Result<Option<Outcome>, StoreError> {
        let connection = self.merchant.store().connection(self.connection()).await?;
        let former =
            connection.as_ref().and_then(|connection| connection.meant_for_former_pos(entry.queued_at));
        Ok(former.map(|former| {
            let reason = format!(
                "order {} was queued for another POS ({}) than the connection leads to now: replace it by what is to be \
                 made here, or withdraw it",
                entry.order.number, former.place
            );
            Outcome::NeedsAttention { reason, may_be_at_pos: entry.may_be_at_pos }
        }))
    }

    /// Lets the connection rest while its POS is away. Its orders keep their places then: the first that was queued is the
    /// first that is tried when it is back.
    async fn rest(&self, entry: &OutboxEntry, outcome: Outcome, rest: Option<DateTime<Utc>>) -> Outcome {
        let Some(until) = rest else { return outcome };
        let rests = self.merchant.store().rest(self.connection(), until).await;
        match outcome {
            Outcome::Wait { why, error, may_be_at_pos, .. } if rests.is_ok() => {
                Outcome::Wait { why, at: entry.waiting_since, error, may_be_at_pos }
            }
            outcome => outcome,
        }
    }

    /// The outcome as it may be stored: texts of the POS without secrets, and cut.
    fn kept(&self, outcome: Outcome) -> Outcome {
        let erased = |text: String| self.merchant.client().erase_from(text);
        let text = |text: String| kept(&erased(text));
        match outcome {
            Outcome::Retry { at, error, may_be_at_pos } => {
                Outcome::Retry { at, error: text(error), may_be_at_pos }
            }
            Outcome::Wait { why, at, error, may_be_at_pos } => {
                Outcome::Wait { why, at, error: text(error), may_be_at_pos }
            }
            Outcome::NeedsAttention { reason, may_be_at_pos } => {
                Outcome::NeedsAttention { reason: text(reason), may_be_at_pos }
            }
            // What is wrong with the order is told whole.
            Outcome::Rejected { reason } => Outcome::Rejected { reason: erased(reason) },
            other => other,
        }
    }

    /// Takes from an attempt what it says of the connection.
    async fn look(&self, result: &Result<PosOrder, SubmitError>) {
        let now = self.merchant.runtime().now();
        let Err(error) = result else { return self.watch.answered(now).await };
        let Some(failed) = error.pos_error() else { return };
        if error.is_of_connection() || (failed.is_held() && self.merchant.is_unreadable().await) {
            self.watch.failed(failed, now).await;
        }
    }

    /// Finds out whether something on the way refuses this order alone: the POS answers another call then. Where the status says
    /// that the credentials are refused, it is one that looks at them.
    async fn told_apart(&self, result: Result<PosOrder, SubmitError>) -> Result<PosOrder, SubmitError> {
        let error = match result {
            Err(error) if error.hindrance() == Some(Hindrance::Away) => error,
            other => return other,
        };
        let client = self.merchant.client();
        let answers = match error.status_on_the_way() {
            Some(401 | 403) => {
                let request = GetProductsRequest {
                    sync_marker: Some(0),
                    sync_marker_limit: Some(1),
                    ..GetProductsRequest::default()
                };
                client.call(GetProducts { request }).await.is_ok()
            }
            Some(_) => client.call(GetApiVersion::default()).await.is_ok(),
            None => false,
        };
        Err(if answers { error.alone() } else { error })
    }

    /// Prolongs a claim as long as it is held; ends when it is lost.
    async fn keep(&self, claim: &Claim) {
        loop {
            self.merchant.runtime().sleep(self.options.claim / 3).await;
            let until = self.merchant.runtime().now() + self.claim_for();
            // A store that cannot be reached now may be reached before the claim ends.
            if let Err(error) = self.merchant.store().extend_claim(claim, until).await
                && matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::NotFound)
            {
                return;
            }
        }
    }

    async fn record(&self, entry: &OutboxEntry, outcome: Outcome) -> WorkerReport {
        let mut report = WorkerReport::default();
        for attempt in 1..=RECORDS {
            match self.finishing.finish(entry, &outcome).await {
                Ok(()) => {
                    report.count(&outcome);
                    self.tell(entry, &outcome).await;
                    return report;
                }
                Err(error) if is_lost(&error) => {
                    report.lost += 1;
                    return report;
                }
                Err(_) => {
                    report.store_failures += 1;
                    self.merchant.runtime().sleep(self.options.retry.first_pause * attempt).await;
                }
            }
        }
        // The claim ends by itself; whoever takes the order up looks for it at the POS first.
        report
    }

    /// Tells a person what they should know: what waits for them, and the first failure of an order.
    async fn tell(&self, entry: &OutboxEntry, outcome: &Outcome) {
        let (level, message) = match outcome {
            Outcome::Rejected { reason } | Outcome::NeedsAttention { reason, .. } => {
                (ActivityLevel::Error, reason.clone())
            }
            Outcome::Retry { error, .. } if entry.attempts == 0 => (ActivityLevel::Warning, error.clone()),
            Outcome::Wait { why, error, .. } if begins(*why, entry.waiting()) => {
                (ActivityLevel::Warning, error.clone())
            }
            Outcome::Accepted { pos: PosOrder { differs: Some(differs), .. } } => {
                let order = &entry.order.number;
                let message =
                    format!("order {order} is at MplusKASSA, but {differs}; compare the two by hand");
                (ActivityLevel::Warning, message)
            }
            Outcome::Accepted { .. }
            | Outcome::Retry { .. }
            | Outcome::Wait { .. }
            | Outcome::Skipped { .. } => return,
        };
        let activity = Activity {
            at: self.merchant.runtime().now(),
            level,
            topic: "orders".to_owned(),
            message,
            subject: Some(entry.order.number.to_string()),
        };
        // The order's own state says the same.
        let _ = self.merchant.store().log(self.connection(), &[activity]).await;
    }

    fn connection(&self) -> &ConnectionId {
        self.service.connection()
    }
}

/// Whether an order begins to wait for something else than before.
fn begins(why: Waiting, before: Option<Waiting>) -> bool {
    before.is_none_or(|before| mem::discriminant(&why) != mem::discriminant(&before))
}

fn is_lost(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::NotFound)
}

impl WorkerReport {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted { .. } => self.accepted += 1,
            Outcome::Retry { .. } | Outcome::Wait { .. } => self.retried += 1,
            Outcome::Rejected { .. } => self.rejected += 1,
            Outcome::NeedsAttention { .. } => self.needs_attention += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
        }
    }

    /// What was claimed; nothing where the store failed.
    fn claimed(&mut self, claimed: Result<Vec<OutboxEntry>, StoreError>) -> Vec<OutboxEntry> {
        claimed.unwrap_or_else(|_| {
            self.store_failures += 1;
            Vec::new()
        })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.retried += other.retried;
        self.rejected += other.rejected;
        self.needs_attention += other.needs_attention;
        self.skipped += other.skipped;
        self.told += other.told;
        self.lost += other.lost;
        self.store_failures += other.store_failures;
    }
}
