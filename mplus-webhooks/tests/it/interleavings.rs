//! The real service among two tills, the customer, the refresh and a crash, in a thousand orders, each repeatable by its seed.
//!
//! `payment::model` walks through every order of the decisions; here the code that stores and sends is in the play as well.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryId, InboxStore, Pruned};
use mplus_webhooks::payment::{
    NoticeRefused, OneProvider, Payment, PaymentFilter, PaymentKey, PaymentNotice, PaymentProvider,
    PaymentState, PaymentStore, ProviderAccount, ProviderError, ProviderNews, ProviderStatus,
};
use mplus_webhooks::testkit::{ManualProvider, Till, TillPayment, TillReply};
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MerchantId, Orchestrator, Runtime, StoreError, Subscription,
    Task,
};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use crate::support::{SUBSCRIPTION, merchant, secret, till};

const SEEDS: u64 = 1_000;

/// Whoever passes lets others go first, as often as the seed says.
#[derive(Debug, Default)]
struct Dice(AtomicU64);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        let next = |state: u64| {
            Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        };
        let state = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap();
        (state >> 33) % limit
    }

    async fn pass(&self) {
        for _ in 0..self.below(4) {
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Debug)]
struct SlowStore(MemoryStore, Arc<Dice>);

macro_rules! slowly {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {{
        $self.1.pass().await;
        let result = $self.0.$method($($argument),*).await;
        $self.1.pass().await;
        result
    }};
}

#[async_trait]
impl InboxStore for SlowStore {
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        slowly!(self.insert_entry(entry))
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        slowly!(self.entry(id))
    }

    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
        slowly!(self.replace_entry(entry))
    }

    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        slowly!(self.due_entries(now, except, per_merchant, limit))
    }

    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError> {
        slowly!(self.entries_about(merchant, subject))
    }

    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        slowly!(self.list_entries(filter))
    }

    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError> {
        slowly!(self.prune_entries(done, dead, identities))
    }
}

#[async_trait]
impl PaymentStore for SlowStore {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        slowly!(self.insert_payment(payment))
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        slowly!(self.payment(key))
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        slowly!(self.replace_payment(payment))
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        slowly!(self.payments_by_reference(provider, account, reference))
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        slowly!(self.claim_payments(now, until, limit))
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        slowly!(self.list_payments(filter))
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        slowly!(self.prune_payments(before))
    }
}

/// Does as asked, but its answer may be late or lost.
#[derive(Debug)]
struct SlowProvider(ManualProvider, Arc<Dice>);

impl SlowProvider {
    fn lose(&self, answer: Result<ProviderNews, ProviderError>) -> Result<ProviderNews, ProviderError> {
        match self.1.below(6) {
            0 => {
                Err(ProviderError::Unreachable { provider: "manual".to_owned(), message: "lost".to_owned() })
            }
            _ => answer,
        }
    }
}

#[async_trait]
impl PaymentProvider for SlowProvider {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.1.pass().await;
        let known = self.0.payments().iter().any(|(id, ..)| *id == payment.key.id);
        if !known && self.1.below(4) == 0 {
            self.1.pass().await;
            return Err(ProviderError::Refused {
                provider: "manual".to_owned(),
                message: "not now".to_owned(),
            });
        }
        self.lose(slowly!(self.create(payment)))
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.lose(slowly!(self.get(payment)))
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.lose(slowly!(self.cancel(payment)))
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        self.0.read_notice(headers, body, now)
    }
}

/// tokio's paused clock; its background tasks die with it.
#[derive(Debug, Default)]
struct Process {
    tasks: Mutex<JoinSet<()>>,
    begun: Option<tokio::time::Instant>,
}

#[async_trait]
impl Runtime for Process {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.begun.map(|begun| begun.elapsed()).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: Task) {
        self.tasks.lock().unwrap().spawn(task);
    }
}

/// What outlives a crash.
struct Scene {
    dice: Arc<Dice>,
    store: Arc<SlowStore>,
    provider: Arc<SlowProvider>,
    notices: Arc<Mutex<Vec<PaymentNotice>>>,
    /// Payments whose till has given up and was heard.
    given_up: Mutex<BTreeSet<String>>,
    begun: tokio::time::Instant,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let dice = Arc::new(Dice(AtomicU64::new(seed)));
        Self {
            store: Arc::new(SlowStore(MemoryStore::new(), dice.clone())),
            provider: Arc::new(SlowProvider(ManualProvider::new(), dice.clone())),
            notices: Arc::default(),
            given_up: Mutex::default(),
            begun: tokio::time::Instant::now(),
            dice,
        }
    }

    fn process(&self) -> (Arc<Process>, Orchestrator) {
        let process = Arc::new(Process { begun: Some(self.begun), ..Process::default() });
        let notices = self.notices.clone();
        let handlers = Handlers::new().on_payment_changed(move |notice| {
            notices.lock().unwrap().push(notice);
            async {}
        });
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        let orchestrator = Orchestrator::builder(resolver, self.store.clone(), process.clone())
            .payments(Arc::new(OneProvider(self.provider.clone())))
            .handler(handlers)
            .build();
        (process, orchestrator)
    }

    /// A cashier who starts, asks, and possibly gives up. Returns the last answer.
    async fn cashier(&self, payment: &TillPayment<'_>, to: &Orchestrator) -> Option<TillReply> {
        self.dice.pass().await;
        let mut last = payment.start(to).await.ok();
        for _ in 0..self.dice.below(6) {
            let reply = match self.dice.below(8) {
                0 => payment.request_cancel(to).await,
                1 => {
                    let reply = payment.cancel(to).await;
                    if reply.is_ok() {
                        self.given_up.lock().unwrap().insert(payment.id.clone());
                    }
                    reply
                }
                _ => payment.poll(to).await,
            };
            if let (Ok(reply), Some(earlier)) = (&reply, &last)
                && earlier.finished()
            {
                assert_eq!(earlier.status, reply.status, "an end was taken back");
            }
            last = reply.ok().or(last);
        }
        last
    }

    async fn customer(&self, id: &str) {
        for _ in 0..8 {
            self.dice.pass().await;
        }
        match self.dice.below(5) {
            0 => self.provider.0.confirm(id),
            1 => self.provider.0.confirm_partly(id, Decimal::ONE),
            2 => self.provider.0.fail(id),
            3 => self.provider.0.authorise(id),
            _ => false,
        };
    }

    async fn refresh(&self, orchestrator: &Orchestrator, times: usize) {
        for _ in 0..times {
            tokio::time::sleep(Duration::from_secs(4)).await;
            orchestrator.payments().unwrap().refresh_due().await.unwrap();
        }
    }

    async fn webhook(&self, orchestrator: &Orchestrator, id: &str) {
        self.dice.pass().await;
        let body = Bytes::from(format!("manual-{id}"));
        let payments = orchestrator.payments().unwrap();
        payments
            .receive_notice(&ProviderAccount::new("manual", "default"), &HeaderMap::new(), &body)
            .await
            .unwrap();
    }

    async fn play(self: &Arc<Self>, seed: u64) {
        let tills: [Arc<Till>; 2] = [Arc::new(till(seed)), Arc::new(till(seed + 1_000_000).at(1, 2))];
        let [first, second] = [tills[0].new_id(), tills[1].new_id()];
        let (euros_first, euros_second) = (Decimal::new(270, 2), Decimal::new(999, 2));
        // Each till its payment, and the second one the first's as well: a till that was started anew.
        let asks = [(0, &first, euros_first), (1, &second, euros_second), (1, &first, euros_first)];
        let (process, orchestrator) = self.process();
        let mut actors = JoinSet::new();
        for (number, id, amount) in asks {
            let (scene, orchestrator, till, id) =
                (self.clone(), orchestrator.clone(), tills[number].clone(), id.clone());
            actors.spawn(async move {
                let mut payment = till.start_payment(amount);
                payment.id = id;
                scene.cashier(&payment, &orchestrator).await;
            });
        }
        for id in [first.clone(), second.clone()] {
            let (scene, orchestrator) = (self.clone(), orchestrator.clone());
            actors.spawn(async move {
                scene.customer(&id).await;
                scene.webhook(&orchestrator, &id).await;
            });
        }
        let (scene, refreshing) = (self.clone(), orchestrator.clone());
        actors.spawn(async move { scene.refresh(&refreshing, 2).await });
        // The process runs to the end of the play, or dies on the way.
        match self.dice.below(2) {
            0 => {
                while actors.join_next().await.is_some_and(|ended| {
                    ended.unwrap();
                    true
                }) {}
            }
            _ => {
                for _ in 0..self.dice.below(40) {
                    tokio::task::yield_now().await;
                }
            }
        }
        actors.shutdown().await;
        let mut running = std::mem::take(&mut *process.tasks.lock().unwrap());
        running.shutdown().await;
        drop(orchestrator);

        // Its successor asks until nothing is open; after a quarter of an hour whatever is left runs out.
        let (_process, orchestrator) = self.process();
        tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        for _ in 0..100 {
            let all = self.store.0.list_payments(&PaymentFilter::default()).await.unwrap();
            if all.iter().all(|payment| payment.state.is_terminal()) {
                break;
            }
            self.refresh(&orchestrator, 1).await;
        }
        for (id, due) in [(first, euros_first), (second, euros_second)] {
            self.check(seed, &id, due).await;
        }
    }

    /// The store, the provider and what the host was told have to agree.
    async fn check(&self, seed: u64, id: &str, due: Decimal) {
        let key = PaymentKey { merchant: merchant(), id: id.to_owned() };
        let stored = self.store.0.payment(&key).await.unwrap();
        let truth = self.provider.0.payments().into_iter().find(|(known, ..)| known == id);
        let Some(stored) = stored else {
            assert!(truth.is_none(), "seed {seed}: created without being stored");
            return;
        };
        assert_eq!(stored.amount, due, "seed {seed}: the payments got mixed up");
        assert!(stored.state.is_terminal(), "seed {seed}: never ends: {stored:?}");
        let captured = truth.and_then(|(_, _, status)| match status {
            ProviderStatus::Captured(amount) => Some(amount),
            _ => None,
        });
        assert_eq!(stored.final_amount, captured, "seed {seed}: {stored:?}");
        assert_eq!(stored.state == PaymentState::Confirmed, captured.is_some(), "seed {seed}: {stored:?}");
        let notices = self.notices.lock().unwrap();
        if captured.is_some() && self.given_up.lock().unwrap().contains(id) {
            let paid_in_vain = |notice: &PaymentNotice| matches!(notice, PaymentNotice::UnexpectedCapture { payment, .. } if payment.key == key);
            assert!(notices.iter().any(paid_in_vain), "seed {seed}: paid in vain, and nobody was told");
        }
        let ends: Vec<_> = notices
            .iter()
            .filter_map(|notice| match notice {
                PaymentNotice::Changed(payment) if payment.key == key => Some(payment.state),
                _ => None,
            })
            .filter(|state| state.is_terminal())
            .collect();
        assert!(ends.len() <= 1, "seed {seed}: ended more than once: {ends:?}");
        assert!(
            !notices.iter().any(|notice| matches!(notice, PaymentNotice::Conflict { .. })),
            "seed {seed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_tills_and_a_crash_in_a_thousand_orders_leave_store_and_provider_in_agreement() {
    for seed in 0..SEEDS {
        Arc::new(Scene::new(seed)).play(seed).await;
    }
}
