//! Several processes on one database: workers of their own, one of them killed. Needs `MPLUS_TEST_POSTGRES` and
//! `MPLUS_TEST_MYSQL`.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use mplus_qapi::testkit::Pos;
use mplus_qapi::{Client, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::merchant::Merchant;
use mplus_sync::model::{OrderKind, OutboxStateKind, TableRef, WorkerId};
use mplus_sync::orders::{OrderService, OrderSettings, OutboxWorker, WorkerOptions};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{MySqlStore, PostgresStore, Store};

use super::world::{World, euros, merchant, order, paid};
use crate::store::{mysql::database, postgres::schema};

const POS: &str = "MPLUS_TEST_POS";
const STORE: &str = "MPLUS_TEST_STORE";
const SETTINGS: &str = "MPLUS_TEST_SETTINGS";
const ORDERS: u32 = 120;

/// A process that ends with the test, whatever becomes of it.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn processes_that_share_a_postgres_send_every_order_once_though_one_is_killed() {
    let Some(schema) = schema().await else { return };
    send_every_order_once_though_one_is_killed(schema.url()).await;
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn processes_that_share_a_mariadb_send_every_order_once_though_one_is_killed() {
    let Some(database) = database().await else { return };
    send_every_order_once_though_one_is_killed(database.url()).await;
    database.drop().await.unwrap();
}

async fn store_at(url: &str) -> Arc<dyn Store> {
    match url.starts_with("mysql:") {
        true => Arc::new(MySqlStore::connect(url).await.unwrap()),
        false => Arc::new(PostgresStore::connect(url).await.unwrap()),
    }
}

async fn send_every_order_once_though_one_is_killed(url: &str) {
    let pos = Pos::brasserie();
    let server = pos.serve().await.unwrap();
    let store = store_at(url).await;
    let world = World::with(pos.clone(), store.clone()).await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    for number in 0..ORDERS {
        let name = number.to_string();
        let order =
            if number % 10 == 0 { order(&name, table.clone()) } else { paid(&name, OrderKind::Pickup) };
        world.service().enqueue(&order).await.unwrap();
    }
    pos.faults().random(0.1, 5);
    let settings = serde_json::to_string(&world.settings).unwrap();
    let start = |number: u32| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["orders::processes::one_worker_process", "--exact", "--ignored"])
            .env(POS, server.endpoint().as_str())
            .env(STORE, url)
            .env(SETTINGS, &settings)
            .env("MPLUS_TEST_WORKER", format!("process-{number}"))
            .spawn();
        Worker(child.unwrap())
    };
    let mut children: Vec<Worker> = (0..3).map(start).collect();
    let mut killed = false;
    loop {
        let counts = store.counts(&merchant()).await.unwrap();
        let count = |kind| counts.get(&kind).copied().unwrap_or_default();
        if !killed && count(OutboxStateKind::Accepted) >= u64::from(ORDERS / 4) {
            children[0].0.kill().unwrap();
            killed = true;
        }
        if count(OutboxStateKind::Waiting) + count(OutboxStateKind::Sending) == 0 {
            let mut left = Vec::new();
            for kind in [OutboxStateKind::Rejected, OutboxStateKind::NeedsAttention] {
                left.extend(store.entries(&merchant(), kind, None, 10).await.unwrap());
            }
            assert_eq!(count(OutboxStateKind::Accepted), u64::from(ORDERS), "{left:?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(children);
    assert!(killed);
    let total: rust_decimal::Decimal = pos.orders().iter().filter_map(|order| order.total_incl_amount).sum();
    assert_eq!(total, euros(i64::from(ORDERS) * 2490), "each order is there once");
}

/// What each of the processes does; started by the tests above.
#[tokio::test]
#[ignore = "a part of the tests above"]
async fn one_worker_process() {
    let Ok(url) = std::env::var(POS) else { return };
    let store = store_at(&std::env::var(STORE).unwrap()).await;
    let client = Client::connect(Endpoint::from_url(&url).unwrap(), Pos::brasserie().credentials()).unwrap();
    let mut settings: OrderSettings = serde_json::from_str(&std::env::var(SETTINGS).unwrap()).unwrap();
    settings.timeout_seconds = 1;
    let worker = WorkerId::from(std::env::var("MPLUS_TEST_WORKER").unwrap());
    let merchant = Merchant::new(client, merchant(), store, Arc::new(TokioRuntime)).worked_by(worker);
    let service = OrderService::new(&merchant, settings);
    let mut options = WorkerOptions::default();
    options.claim = Duration::from_secs(2);
    options.idle = Duration::from_millis(20);
    options.retry.attempts = 1_000;
    options.retry.first_pause = Duration::from_millis(20);
    options.retry.longest_pause = Duration::from_millis(200);
    let worker = OutboxWorker::new(Arc::new(service), &merchant).with_options(options);
    worker.run(&CancelToken::new()).await;
}
