//! The loop of one process at work on one store.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use crate::cancel::CancelToken;
use crate::model::{ClaimedRun, OutboxEntry, RunKind, RunReason, RunRequest};
use crate::orders::{Until, tell_host};
use crate::store::{ClaimRequest, Listener, RunClaimRequest, StoreError, Wake};

use super::lane::Lane;
use super::pace::Pace;
use super::presence::Presence;
use super::process::Process;
use super::report::FleetReport;
use super::settings::span;
use super::{observe, order, run};

/// How long what was cut off may take to give back what it holds.
const LAST: Duration = Duration::from_secs(10);
/// How many merchants are taken up at once that were added without a word.
const NEW_AT_ONCE: usize = 500;

/// What came of a piece of work.
enum Done {
    /// The store was asked for orders.
    Orders(Result<Vec<OutboxEntry>, StoreError>),
    /// The store was asked for runs.
    Runs(Result<Vec<ClaimedRun>, StoreError>),
    /// The host was told what it was to be told.
    Told(u64),
    /// An order or a run has ended.
    Order(FleetReport),
    Run(FleetReport),
    /// Something that is done now and then.
    Kept(Result<(), StoreError>),
    /// Somebody told of new work.
    Heard(Wake, Listener),
}

/// What a piece of work was, for when it ends in a panic.
#[derive(Clone, Copy)]
enum Work {
    AskForOrders,
    AskForRuns,
    Tell,
    Order,
    Run,
    Keep,
    Listen(Wake),
}

type Working = FuturesUnordered<BoxFuture<'static, (Work, Option<Done>)>>;

/// What is under way and what is waited for.
struct Loop {
    process: Arc<Process>,
    orders: Lane,
    runs: Lane,
    notices: Lane,
    /// When it is next looked for merchants that were added, and when others are next told of this process.
    new: Pace,
    presence: Pace,
    known_by: Arc<Presence>,
    working: Working,
    /// How much of it has to end before the process may.
    busy: usize,
    /// Asks for the end.
    stop: CancelToken,
    /// Cuts off what has not ended in time after it.
    cut: CancelToken,
    report: FleetReport,
}

impl Process {
    /// Works until it is cancelled, ends what is under way, and says what was done.
    pub(super) async fn work(self: &Arc<Self>, cancel: &CancelToken) -> FleetReport {
        let mut work = Loop::new(self, cancel);
        let cut = work.cut.clone();
        let cut_off = async {
            cancel.cancelled().await;
            self.host.runtime().sleep(self.settings.grace).await;
            cut.cancel();
            self.host.runtime().sleep(LAST).await;
        };
        select(pin!(work.turn_until(cancel)), pin!(cut_off)).await;
        work.known_by.leave(&self.host).await;
        work.report
    }

    async fn claim_orders(&self, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let now = self.host.runtime().now();
        let request = ClaimRequest::new(self.host.worker().clone(), limit, now + span(self.settings.claim));
        let request = request.except(self.left_orders.now(now));
        self.host.store().claim(&request.at_once(self.settings.at_once.max(1)), now).await
    }

    async fn claim_runs(&self, limit: usize) -> Result<Vec<ClaimedRun>, StoreError> {
        let now = self.host.runtime().now();
        let until = now + span(self.settings.claim);
        let request = RunClaimRequest::new(self.holder.run("fleet"), limit, until).kinds(run::KINDS);
        let request = request.except(self.left_runs.now(now));
        self.host.store().claim_runs(&request, now).await
    }

    async fn tell(&self, stop: &CancelToken) -> u64 {
        match &self.observer {
            Some(observer) => {
                let (store, runtime) = (&**self.host.store(), &**self.host.runtime());
                tell_host(store, runtime, None, &**observer, Until::FewAreLeft, stop).await
            }
            None => 0,
        }
    }

    /// Asks for the upkeep of merchants that were added without a word, and takes up orders that an older release, which
    /// works beside this one, could not read.
    async fn take_up_new(&self) -> Result<(), StoreError> {
        let (store, now) = (self.host.store(), self.host.runtime().now());
        store.take_up_set_aside().await?;
        loop {
            let new = store.connections_without_run(&RunKind::UPKEEP, NEW_AT_ONCE).await?;
            for id in &new {
                store.request_run(id, &RunKind::UPKEEP, RunRequest::new(RunReason::AskedFor, now)).await?;
            }
            if new.len() < NEW_AT_ONCE {
                return Ok(());
            }
        }
    }
}

impl Loop {
    fn new(process: &Arc<Process>, stop: &CancelToken) -> Self {
        let (settings, now) = (&process.settings, process.host.runtime().now());
        let pace = Pace::new(span(settings.shortest_poll), span(settings.longest_poll), now);
        let mut notices = Lane::new(pace, 1);
        if process.observer.is_none() {
            // Nobody is to be told: as if it were being asked for ever.
            notices.ask(now);
        }
        let known_by = Arc::new(Presence::new(&process.holder));
        Self {
            orders: Lane::new(pace, settings.orders),
            runs: Lane::new(pace, settings.runs),
            notices,
            new: Pace::steady(span(settings.look_for_new), now),
            presence: Pace::steady(Presence::EVERY, now),
            known_by,
            working: FuturesUnordered::new(),
            busy: 0,
            stop: stop.clone(),
            cut: CancelToken::new(),
            report: FleetReport::default(),
            process: Arc::clone(process),
        }
    }

    /// Turns until everything has ended after a cancel.
    async fn turn_until(&mut self, cancel: &CancelToken) {
        for wake in Wake::ALL {
            let listener = self.process.host.store().listen();
            self.listen(wake, listener);
        }
        loop {
            if !cancel.is_cancelled() {
                self.begin_what_is_due();
            } else if self.busy == 0 {
                return;
            }
            self.wait(cancel).await;
            // What ended together is looked at together.
            while let Some(Some((work, done))) = self.working.next().now_or_never() {
                self.took(work, done, cancel.is_cancelled());
            }
            observe::under_way(self.orders.under_way(), self.runs.under_way());
        }
    }

    /// Waits until something ends, something is due, or it is cancelled.
    async fn wait(&mut self, cancel: &CancelToken) {
        let next = match cancel.is_cancelled() {
            true => None,
            false => self.next(),
        };
        let runtime = Arc::clone(self.process.host.runtime());
        let time = async {
            match next {
                Some(next) => runtime.sleep((next - runtime.now()).to_std().unwrap_or_default()).await,
                None => pending().await,
            }
        };
        let stop = async { if cancel.is_cancelled() { pending().await } else { cancel.cancelled().await } };
        let done = match select(self.working.next(), select(pin!(time), pin!(stop))).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => None,
        };
        if let Some((work, done)) = done {
            self.took(work, done, cancel.is_cancelled());
        }
    }

    /// When something is next due.
    fn next(&self) -> Option<DateTime<Utc>> {
        if !self.known_by.may_claim() {
            return Some(self.presence.next());
        }
        let lanes = [&self.orders, &self.runs, &self.notices];
        lanes.into_iter().filter_map(Lane::next).chain([self.new.next(), self.presence.next()]).min()
    }

    fn begin_what_is_due(&mut self) {
        let now = self.now();
        self.tell_of_itself(now);
        if self.known_by.is_outdated() {
            // What is under way would be written as the older release has it.
            self.cut.cancel();
        }
        // By a wrong clock the claims of others would have ended.
        if !self.known_by.may_claim() {
            return;
        }
        if let Some(limit) = self.orders.ask(now) {
            self.begin(Work::AskForOrders, async move |process, _| {
                Done::Orders(process.claim_orders(limit).await)
            });
        }
        if let Some(limit) = self.runs.ask(now) {
            self.begin(Work::AskForRuns, async move |process, _| Done::Runs(process.claim_runs(limit).await));
        }
        if self.notices.ask(now).is_some() {
            let stop = self.stop.clone();
            self.begin(Work::Tell, async move |process, _| Done::Told(process.tell(&stop).await));
        }
        if self.new.next() <= now {
            self.new.rest(now);
            self.begin(Work::Keep, async |process, _| Done::Kept(process.take_up_new().await));
        }
    }

    /// Tells others of this process, when it is time to.
    fn tell_of_itself(&mut self, now: DateTime<Utc>) {
        if self.presence.next() <= now {
            self.presence.rest(now);
            self.process.merchants.drop_idle(now);
            let known_by = Arc::clone(&self.known_by);
            let (orders, runs) = (self.orders.under_way(), self.runs.under_way());
            self.begin(Work::Keep, async move |process, _| {
                let settings = &process.settings;
                let tolerance = settings.watches_clock.then(|| span(settings.claim / 3));
                Done::Kept(known_by.tell(&process.host, tolerance, orders, runs).await)
            });
        }
    }

    /// Begins a piece of work, whose panic is its own.
    fn begin<F>(&mut self, work: Work, what: impl FnOnce(Arc<Process>, CancelToken) -> F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let what = what(Arc::clone(&self.process), self.cut.clone());
        let safe = AssertUnwindSafe(what).catch_unwind().map(Result::ok);
        let here: BoxFuture<'static, Option<Done>> = match &self.process.spawn {
            None => Box::pin(safe),
            Some(spawn) => {
                let (sender, receiver) = oneshot::channel();
                spawn(Box::pin(async move {
                    // Nobody waits any more when the process was given up.
                    let _ = sender.send(safe.await);
                }));
                Box::pin(async move { receiver.await.ok().flatten() })
            }
        };
        self.busy += 1;
        self.working.push(Box::pin(async move { (work, here.await) }));
    }

    /// Waits for somebody to tell of new work.
    fn listen(&self, wake: Wake, mut listener: Listener) {
        self.working.push(Box::pin(async move {
            let heard = AssertUnwindSafe(async move {
                listener.heard(&[wake]).await;
                listener
            });
            let heard = heard.catch_unwind().await.ok();
            (Work::Listen(wake), heard.map(|listener| Done::Heard(wake, listener)))
        }));
    }

    /// Takes in what came of a piece of work.
    fn took(&mut self, work: Work, done: Option<Done>, stops: bool) {
        let now = self.now();
        if !matches!(work, Work::Listen(_)) {
            self.busy = self.busy.saturating_sub(1);
        }
        match done {
            Some(Done::Heard(wake, listener)) => {
                match wake {
                    Wake::Orders => self.orders.told(now),
                    Wake::Runs => self.runs.told(now),
                    Wake::Notices => self.notices.told(now),
                }
                self.listen(wake, listener);
            }
            Some(Done::Orders(claimed)) => {
                let claimed = self.answer(claimed);
                self.orders.answered(claimed.len(), now);
                for entry in claimed {
                    self.begin(Work::Order, async move |process, cut| {
                        Done::Order(match stops {
                            true => order::give_back(&process, &entry).await,
                            false => order::forward(&process, entry, &cut).await,
                        })
                    });
                }
            }
            Some(Done::Runs(claimed)) => {
                let claimed = self.answer(claimed);
                self.runs.answered(claimed.len(), now);
                for run in claimed {
                    self.begin(Work::Run, async move |process, cut| {
                        Done::Run(match stops {
                            true => run::give_back(&process, &run).await,
                            false => run::carry_out(&process, run, &cut).await,
                        })
                    });
                }
            }
            Some(Done::Told(told)) => {
                self.report.orders.told += told;
                self.notices.answered(0, now);
                if told > 0 {
                    self.notices.gather(now);
                }
            }
            Some(Done::Order(report)) => {
                self.orders.ended(now);
                self.count(report);
            }
            Some(Done::Run(report)) => {
                self.runs.ended(now);
                self.count(report);
            }
            Some(Done::Kept(kept)) => {
                self.answer(kept.map(|()| Vec::<()>::new()));
            }
            None => self.panicked(work, now),
        }
    }

    fn panicked(&mut self, work: Work, now: DateTime<Utc>) {
        self.report.panics += 1;
        observe::panicked();
        match work {
            Work::Order => self.orders.ended(now),
            Work::Run => self.runs.ended(now),
            Work::AskForOrders => self.orders.answered(0, now),
            Work::AskForRuns => self.runs.answered(0, now),
            Work::Tell => self.notices.answered(0, now),
            Work::Listen(wake) => {
                let listener = self.process.host.store().listen();
                self.listen(wake, listener);
            }
            Work::Keep => {}
        }
    }

    /// What the store answered; nothing when it did not.
    fn answer<T>(&mut self, answer: Result<Vec<T>, StoreError>) -> Vec<T> {
        answer.unwrap_or_else(|error| {
            observe::store_failed(&error);
            self.report.store_failures += 1;
            Vec::new()
        })
    }

    fn count(&mut self, report: FleetReport) {
        self.report.add(report);
        self.known_by.count(&report);
    }

    fn now(&self) -> DateTime<Utc> {
        self.process.host.runtime().now()
    }
}
