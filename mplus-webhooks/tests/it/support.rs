//! An orchestrator with everything in memory, and tills that talk to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mplus_webhooks::payment::OneProvider;
use mplus_webhooks::testkit::{ManualProvider, Till};
use mplus_webhooks::{
    Builder, FixedSubscriptions, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, RunReport,
    Runtime, Subscription, SubscriptionSecret, Task, TokioRuntime,
};
use tracing::field::{Field, Visit};

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

/// Collects the log's warnings.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("mplus_webhooks") && *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
