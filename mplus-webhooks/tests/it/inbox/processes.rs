//! Work that another process left, work that goes on for long, and many merchants at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryState;
use mplus_webhooks::reply::CompleteSessionReply;
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MerchantId, Orchestrator, Refusal, SqliteStore, Store,
    Subscription, SubscriptionSecret, TokioRuntime,
};
use serde_json::json;

use super::{Table, attempts, completed, host, states};
use crate::support::{Paused, SUBSCRIPTION, background, merchant, secret};

/// A process that dies while it works on a sale.
async fn dies_while_working(store: Arc<dyn Store>) {
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hangs = Handlers::new().on_complete_session(|_| std::future::pending());
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        store,
        Arc::new(TokioRuntime),
    )
    .handler(hangs)
    .time_out(Duration::from_millis(200))
    .build();
    let reply = process.spawn(async move { orchestrator.handle(completed("s", "1")).await }).await.unwrap();
    assert_eq!(reply.status(), 200);
    process.shutdown_background();
}

/// Another process finds what the first one left.
async fn a_successor_finds_it(before: Arc<dyn Store>, after: Arc<dyn Store>) {
    dies_while_working(before).await;
    let table = Arc::new(Table::default());
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    // The first one's claim runs out after its lease, so this one's clock is ahead.
    let successor = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        after,
        Arc::new(Ahead(Duration::from_secs(91))),
    )
    .transactions(table.clone())
    .build();
    let _background = background(&successor);
    for _ in 0..200 {
        if states(&successor).await == [EntryState::Done] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(table.calls(), ["create s 1"]);
    // The till repeats what it was not sure of.
    assert_eq!(successor.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
}

/// A host whose clock is ahead.
#[derive(Debug)]
struct Ahead(Duration);

#[async_trait]
impl mplus_webhooks::Runtime for Ahead {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        mplus_webhooks::Runtime::now(&TokioRuntime) + self.0
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: mplus_webhooks::Task) {
        tokio::spawn(task);
    }
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteStore::open(folder.path().join("webhooks.sqlite")).unwrap());
    a_successor_finds_it(open(), open()).await;
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_postgres() {
    let Some(url) = crate::stores::postgres("successor").await else { return };
    let open = async || Arc::new(mplus_webhooks::PostgresStore::connect(&url).await.unwrap());
    a_successor_finds_it(open().await, open().await).await;
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_mysql() {
    let Some(url) = crate::stores::mysql("successor").await else { return };
    let open = async || Arc::new(mplus_webhooks::MysqlStore::connect(&url).await.unwrap());
    a_successor_finds_it(open().await, open().await).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_works_for_long_says_so_and_nobody_takes_its_work() {
    let table = Arc::new(Table { takes: Duration::from_secs(50), ..Table::default() });
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let attempts = attempts(|attempts| attempts.lease = Duration::from_secs(30));
    let [first, second] =
        [(); 2].map(|()| host(&table, store.clone(), |builder| builder.attempts(attempts.clone())));
    let _background = background(&second);
    assert_eq!(first.handle(completed("s", "1")).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn one_merchants_backlog_and_hanging_handler_keep_no_other_merchant_waiting() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let names = ["hangs", "goes"];
    let key = |name: &str| SubscriptionSecret::from_bytes(name.as_bytes()).unwrap();
    let subscriptions = names.map(|name| Subscription::new(name, MerchantId::new(name), key(name)));
    let (ready, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let handlers = {
        let (ready, calls) = (ready.clone(), calls.clone());
        Handlers::new().on_complete_session(move |event| {
            let (ready, calls) = (ready.load(Ordering::SeqCst), calls.clone());
            async move {
                let merchant = event.origin.merchant().to_string();
                if !ready {
                    return Err(Refusal::internal());
                }
                calls.lock().unwrap().push(merchant.clone());
                if merchant == "hangs" {
                    std::future::pending::<()>().await;
                }
                Ok(CompleteSessionReply::acknowledge())
            }
        })
    };
    let resolver = Arc::new(FixedSubscriptions::new(subscriptions));
    let host = Orchestrator::builder(resolver, store, Arc::new(Paused::new())).handler(handlers).build();
    let sell = async |name: &str, number: usize| {
        let till = mplus_webhooks::testkit::Till::in_process(name, key(name), number as u64);
        let session = json!({ "session": { "sessionId": number.to_string() } });
        let request = till.signed(&EventName::CompleteSession, till.body(false, session));
        assert_eq!(host.handle(request).await.status(), 200);
    };
    for number in 0..100 {
        sell("hangs", number).await;
    }
    sell("goes", 1000).await;
    ready.store(true, Ordering::SeqCst);
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(13)).await;
    let calls = calls.lock().unwrap().clone();
    assert!(calls.contains(&"goes".to_owned()), "{calls:?}");
    assert_eq!(
        calls.iter().filter(|merchant| *merchant == "hangs").count(),
        4,
        "bounded per merchant: {calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_background_waits_for_what_is_under_way() {
    let table =
        Arc::new(Table { takes: Duration::from_secs(8), failures: AtomicUsize::new(1), ..Table::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    host.handle(completed("s", "1")).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let host = host.clone();
        tokio::spawn(async move { host.run(async { drop(stopped.await) }).await })
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(stop);
    let report = running.await.unwrap();
    assert_eq!(report.worked_off, 1);
    assert_eq!(table.calls(), ["create s 1"]);
}
