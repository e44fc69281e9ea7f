//! An orchestrator with everything in memory, and tills that talk to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mplus_webhooks::payment::OneProvider;
use mplus_webhooks::testkit::{ManualProvider, Till};
use mplus_webhooks::{
    Builder, FixedSubscriptions, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, RunReport,
    Runtime, Subscription, SubscriptionSecret, Task, TokioRuntime,
};

pub(crate) const SECRET: &str = "eFc5HrxwLbONJ+EYXrbHB+a9HueYIQzotgKRLRVAfx0=";
pub(crate) const SUBSCRIPTION: &str = "restaurant";

pub(crate) fn secret() -> SubscriptionSecret {
    SubscriptionSecret::from_base64(&SECRET.into()).unwrap()
}

pub(crate) fn merchant() -> MerchantId {
    MerchantId::new("merchant-1")
}

/// A host with everything in memory.
pub(crate) struct Host {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) provider: Arc<ManualProvider>,
    pub(crate) transactions: Arc<MemoryTransactions>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::assemble(
            [Subscription::new(SUBSCRIPTION, merchant(), secret())],
            Arc::new(TokioRuntime),
            configure,
        )
    }

    /// A host with a clock of its own.
    pub(crate) fn on(runtime: Arc<dyn Runtime>) -> Self {
        Self::assemble_on(runtime, |builder| builder)
    }

    pub(crate) fn assemble_on(runtime: Arc<dyn Runtime>, configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::assemble([Subscription::new(SUBSCRIPTION, merchant(), secret())], runtime, configure)
    }

    pub(crate) fn with_subscriptions(subscriptions: impl IntoIterator<Item = Subscription>) -> Self {
        Self::assemble(subscriptions, Arc::new(TokioRuntime), |builder| builder)
    }

    fn assemble(
        subscriptions: impl IntoIterator<Item = Subscription>,
        runtime: Arc<dyn Runtime>,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let provider = Arc::new(ManualProvider::new());
        let transactions = Arc::new(MemoryTransactions::new());
        let subscriptions = FixedSubscriptions::new(subscriptions);
        let builder = Orchestrator::builder(Arc::new(subscriptions), Arc::new(MemoryStore::new()), runtime)
            .transactions(transactions.clone())
            .payments(Arc::new(OneProvider(provider.clone())));
        Self { orchestrator: configure(builder).build(), provider, transactions }
    }

    /// What the background refresh would do now.
    pub(crate) async fn refresh(&self, payment_id: &str) {
        let key = mplus_webhooks::payment::PaymentKey { merchant: merchant(), id: payment_id.to_owned() };
        self.orchestrator.payments().unwrap().refresh(&key).await.unwrap();
    }
}

pub(crate) fn till(seed: u64) -> Till {
    Till::in_process(SUBSCRIPTION, secret(), seed)
}

/// tokio's paused clock, as a runtime.
#[derive(Debug)]
pub(crate) struct Paused(tokio::time::Instant);

impl Paused {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait::async_trait]
impl Runtime for Paused {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}

/// What goes on in the background, until this is dropped.
pub(crate) struct Background(tokio::task::JoinHandle<RunReport>);

pub(crate) fn background(orchestrator: &Orchestrator) -> Background {
    let orchestrator = orchestrator.clone();
    Background(tokio::spawn(async move { orchestrator.run(std::future::pending()).await }))
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}
