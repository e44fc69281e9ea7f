//! Several processes on one store ask a provider about a payment once, and not once each.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_webhooks::payment::{OneProvider, Payment, PaymentFilter, PaymentLimits};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{
    FixedSubscriptions, MemoryStore, MysqlStore, Orchestrator, PostgresStore, Runtime, SqliteStore, Store,
    Subscription, Task, TokioRuntime,
};
use rust_decimal::Decimal;

use super::{mysql, postgres};
use crate::support::{SUBSCRIPTION, merchant, secret, till};

/// A host whose clock is off by this much.
#[derive(Debug)]
struct Off(TimeDelta);

#[async_trait::async_trait]
impl Runtime for Off {
    fn now(&self) -> DateTime<Utc> {
        TokioRuntime.now() + self.0
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}

fn process(store: Arc<dyn Store>, provider: &Arc<ManualProvider>, seconds: i64) -> Orchestrator {
    let mut limits = PaymentLimits::default();
    limits.refresh_every = Duration::from_secs(90);
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    Orchestrator::builder(resolver, store, Arc::new(Off(TimeDelta::seconds(seconds))))
        .payments(Arc::new(OneProvider(provider.clone())))
        .payment_limits(limits)
        .build()
}

/// Four processes, whose clocks are a minute apart at most, look for due payments at the same time.
async fn one_tick_asks_once(stores: [Arc<dyn Store>; 4]) {
    const PAYMENTS: usize = 20;
    let provider = Arc::new(ManualProvider::new());
    let (till, receiver) = (till(1), process(stores[0].clone(), &provider, 0));
    for _ in 0..PAYMENTS {
        till.start_payment(Decimal::ONE).start(&receiver).await.unwrap();
    }
    assert_eq!(provider.calls().get, 0);
    // The starts told the host after they answered the till: what is tried are ticks of payments that nobody else writes.
    let all_told = async {
        let told = |payment: Payment| payment.notices.is_empty() && payment.telling_until.is_none();
        let filter = PaymentFilter::default();
        while !receiver.payments().unwrap().list(&filter).await.unwrap().into_iter().all(told) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), all_told).await.is_ok(),
        "the host was not told in time"
    );
    let mut clocks = [200, 230, 170, 215].into_iter();
    let processes = stores.map(|store| process(store, &provider, clocks.next().unwrap()));
    let payments = || processes.iter().map(|process| process.payments().unwrap());
    let ticks = payments().map(|payments| payments.refresh_due());
    let reports = futures_util::future::try_join_all(ticks).await.unwrap();
    for payments in payments() {
        assert!(payments.settled(Duration::from_secs(10)).await);
    }
    let asked: usize = reports.iter().map(|report| report.asked).sum();
    assert_eq!((asked, provider.calls().get), (PAYMENTS, PAYMENTS));
}

#[tokio::test]
async fn of_processes_on_one_memory_store_one_asks() {
    let store = Arc::new(MemoryStore::new());
    one_tick_asks_once([(); 4].map(|()| store.clone() as Arc<dyn Store>)).await;
}

#[tokio::test]
async fn of_processes_on_one_sqlite_file_one_asks() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteStore::open(folder.path().join("webhooks.sqlite")).unwrap());
    one_tick_asks_once([(); 4].map(|()| open() as Arc<dyn Store>)).await;
}

#[tokio::test]
async fn of_processes_on_one_postgres_one_asks() {
    let Some(url) = postgres("ticks").await else { return };
    let open = async || Arc::new(PostgresStore::connect(&url).await.unwrap()) as Arc<dyn Store>;
    one_tick_asks_once([open().await, open().await, open().await, open().await]).await;
}

#[tokio::test]
async fn of_processes_on_one_mysql_one_asks() {
    let Some(url) = mysql("ticks").await else { return };
    let open = async || Arc::new(MysqlStore::connect(&url).await.unwrap()) as Arc<dyn Store>;
    one_tick_asks_once([open().await, open().await, open().await, open().await]).await;
}
