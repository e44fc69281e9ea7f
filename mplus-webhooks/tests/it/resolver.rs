//! Looking subscriptions up: remembered, forgotten in time, and never a reason to accept what is not signed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
        if self.down.load(Ordering::SeqCst) {
            return Err(ResolveError("the database is down".into()));
        }
        let rows = self.rows.lock().unwrap();
        Ok(rows.get(subscription_id).cloned().map(Arc::new).into_iter().collect())
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
