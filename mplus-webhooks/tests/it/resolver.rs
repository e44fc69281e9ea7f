//! Looking subscriptions up: remembered, forgotten in time, and never a reason to accept what is not signed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mplus_webhooks::testkit::{Till, TillLine};
use mplus_webhooks::{
    CachedResolver, MemoryStore, Orchestrator, ResolveError, Subscription, SubscriptionResolver,
    SubscriptionSecret, Subscriptions,
};
use rust_decimal::Decimal;

use crate::support::{Paused, SUBSCRIPTION, merchant};

/// The host's table of subscriptions, which can be down.
#[derive(Debug, Clone, Default)]
struct Table {
    rows: Arc<Mutex<HashMap<String, Subscription>>>,
    queries: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    takes: Arc<AtomicU64>,
}

impl Table {
    fn put(&self, secret: &SubscriptionSecret) {
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret.clone());
        self.rows.lock().unwrap().insert(SUBSCRIPTION.to_owned(), subscription);
    }

    fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl SubscriptionResolver for Table {
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let found = self.rows.lock().unwrap().get(subscription_id).cloned();
        tokio::time::sleep(Duration::from_secs(self.takes.load(Ordering::SeqCst))).await;
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err(ResolveError("the database is down".into()));
        }
        Ok(found.map(Arc::new).into_iter().collect())
    }
}

struct Scene {
    table: Table,
    cache: Arc<CachedResolver<Table>>,
    orchestrator: Orchestrator,
}

fn scene() -> Scene {
    let table = Table::default();
    let runtime = Arc::new(Paused::new());
    let cache = Arc::new(CachedResolver::new(table.clone(), runtime.clone(), Duration::from_secs(60)));
    let orchestrator = Orchestrator::builder(cache.clone(), Arc::new(MemoryStore::new()), runtime).build();
    Scene { table, cache, orchestrator }
}

fn key(text: &[u8]) -> SubscriptionSecret {
    SubscriptionSecret::from_bytes(text).unwrap()
}

/// A sale of one line: three events and a start of payment.
async fn sell(scene: &Scene, secret: &SubscriptionSecret) -> Result<(), String> {
    let till = Till::in_process(SUBSCRIPTION, secret.clone(), 1);
    let line = TillLine::new(1, "Coffee", Decimal::ONE);
    till.sell(&scene.orchestrator, &[line]).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn one_query_serves_until_the_time_is_up() {
    let scene = scene();
    scene.table.put(&key(b"key"));
    sell(&scene, &key(b"key")).await.unwrap();
    sell(&scene, &key(b"key")).await.unwrap();
    assert_eq!(scene.table.queries(), 1);
    tokio::time::sleep(Duration::from_secs(61)).await;
    sell(&scene, &key(b"key")).await.unwrap();
    assert_eq!(scene.table.queries(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_changed_key_counts_at_once_when_it_is_forgotten_and_else_in_time() {
    let scene = scene();
    scene.table.put(&key(b"old"));
    sell(&scene, &key(b"old")).await.unwrap();
    scene.table.put(&key(b"new"));
    assert!(sell(&scene, &key(b"new")).await.unwrap_err().contains("INVALID_SIGNATURE"));
    scene.cache.forget(SUBSCRIPTION);
    sell(&scene, &key(b"new")).await.unwrap();
    assert!(sell(&scene, &key(b"old")).await.unwrap_err().contains("INVALID_SIGNATURE"));

    scene.table.put(&key(b"newer"));
    tokio::time::sleep(Duration::from_secs(61)).await;
    sell(&scene, &key(b"newer")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_asked_for_once_and_is_known_as_soon_as_it_is_forgotten() {
    let scene = scene();
    for _ in 0..5 {
        assert!(sell(&scene, &key(b"key")).await.unwrap_err().contains("INVALID_SUBSCRIPTION_ID"));
    }
    assert_eq!(scene.table.queries(), 1);
    scene.table.put(&key(b"key"));
    scene.cache.forget(SUBSCRIPTION);
    sell(&scene, &key(b"key")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_remembered_and_accepts_nothing() {
    let scene = scene();
    scene.table.put(&key(b"key"));
    scene.table.down.store(true, Ordering::SeqCst);
    assert!(sell(&scene, &key(b"key")).await.unwrap_err().contains("INTERNAL_ERROR"));
    scene.table.down.store(false, Ordering::SeqCst);
    sell(&scene, &key(b"key")).await.unwrap();
    // What was known before keeps working while the database is down.
    scene.table.down.store(true, Ordering::SeqCst);
    sell(&scene, &key(b"key")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn more_ids_than_there_is_room_for_are_answered_and_do_not_stay() {
    let scene = scene();
    scene.table.put(&key(b"key"));
    for number in 0..2 * CachedResolver::<Table>::CAPACITY {
        assert!(scene.cache.resolve(&format!("stranger {number}")).await.unwrap().is_empty());
    }
    sell(&scene, &key(b"key")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_hangs_is_not_waited_for_when_the_subscription_is_known() {
    let scene = scene();
    scene.table.put(&key(b"key"));
    sell(&scene, &key(b"key")).await.unwrap();
    scene.table.hangs.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(61)).await;
    // Each of the sale's calls would wait for a second, and only the first one does.
    let begun = tokio::time::Instant::now();
    sell(&scene, &key(b"key")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(scene.table.queries(), 2);
    // What is not known cannot be guessed.
    let strange = Till::in_process("strange", key(b"key"), 2);
    let refused = strange.sell(&scene.orchestrator, &[]).await;
    assert!(refused.unwrap_err().to_string().contains("INTERNAL_ERROR"));

    scene.table.hangs.store(false, Ordering::SeqCst);
    scene.table.put(&key(b"new"));
    tokio::time::sleep(Duration::from_secs(40)).await;
    // The one that hangs was given up, so the next one asks again and finds what is new.
    sell(&scene, &key(b"key")).await.unwrap_err();
    sell(&scene, &key(b"new")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_for_an_id_it_is_looked_up_once() {
    let scene = scene();
    scene.table.put(&key(b"key"));
    scene.table.takes.store(2, Ordering::SeqCst);
    let asked = futures_util::future::join_all((0..100).map(|_| scene.cache.resolve(SUBSCRIPTION))).await;
    assert!(asked.iter().all(|found| found.as_ref().unwrap().len() == 1));
    assert_eq!(scene.table.queries(), 1);
    tokio::time::sleep(Duration::from_secs(61)).await;
    // What is known does not wait for longer than a second; the answer counts when it comes.
    scene.table.put(&key(b"new"));
    let asked = futures_util::future::join_all((0..100).map(|_| scene.cache.resolve(SUBSCRIPTION))).await;
    assert!(asked.iter().all(|found| found.is_ok()));
    assert_eq!(scene.table.queries(), 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    sell(&scene, &key(b"new")).await.unwrap();
    assert_eq!(scene.table.queries(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_while_it_is_looked_up_is_looked_up_anew() {
    let scene = scene();
    scene.table.put(&key(b"old"));
    scene.table.takes.store(2, Ordering::SeqCst);
    let cache = scene.cache.clone();
    let asked = tokio::spawn(async move { cache.resolve(SUBSCRIPTION).await.map(|found| found.len()) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.table.put(&key(b"new"));
    scene.cache.forget(SUBSCRIPTION);
    assert_eq!(asked.await.unwrap().unwrap(), 1);
    sell(&scene, &key(b"new")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ids_that_hang_are_looked_up_by_a_bounded_number() {
    let scene = scene();
    scene.table.hangs.store(true, Ordering::SeqCst);
    let strangers = 2 * CachedResolver::<Table>::LOOK_UPS;
    for number in 0..strangers {
        let cache = scene.cache.clone();
        tokio::spawn(async move { cache.resolve(&format!("stranger {number}")).await.map(drop) });
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(scene.table.queries(), CachedResolver::<Table>::LOOK_UPS);
}
