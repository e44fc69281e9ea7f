//! Workers and the outbox.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mplus_qapi::testkit::{Fault, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::model::{
    Connection, ConnectionStatus, OrderKind, OutboxState, OutboxStateKind, TableRef, Waiting,
};
use mplus_sync::orders::{OutboxWorker, RetryPlan, WorkerOptions};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{ClaimRequest, MemoryStore};
use mplus_sync::testkit::{FailAt, FaultyStore};

use crate::support::Scripted;

use super::world::{World, euros, line, merchant, noon, order, paid};

fn worker(world: &World, name: &str) -> OutboxWorker {
    let merchant = world.merchant_of(name, world.pos.client());
    OutboxWorker::new(Arc::new(world.service_of(name, world.pos.client())), &merchant)
}

async fn state(world: &World, number: &str) -> OutboxState {
    world.store.entry(&merchant(), &number.into()).await.unwrap().unwrap().state
}

/// Lets the worker work until nothing is open; time passes as it waits.
async fn drain(world: &World, worker: &OutboxWorker) {
    for _ in 0..500 {
        worker.run_once().await;
        let counts = world.store.counts(&merchant()).await.unwrap();
        let open = |kind| counts.get(&kind).copied().unwrap_or_default();
        if open(OutboxStateKind::Waiting) + open(OutboxStateKind::Sending) == 0 {
            return;
        }
        world.runtime.sleep(Duration::from_secs(60)).await;
    }
    panic!("orders are stuck");
}

#[tokio::test]
async fn queued_orders_reach_the_pos_once_through_every_fault() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    for number in 0..60 {
        let number = format!("o{number}");
        let order = if number.ends_with('3') {
            order(&number, table.clone())
        } else {
            paid(&number, OrderKind::Pickup)
        };
        world.service().enqueue(&order).await.unwrap();
    }
    world.pos.faults().random(0.3, 11);
    let worker = worker(&world, "w").with_options(patient());
    drain(&world, &worker).await;
    let counts = world.store.counts(&merchant()).await.unwrap();
    assert_eq!(counts.get(&OutboxStateKind::Accepted), Some(&60));
    assert!(world.pos.faults().injected() > 20);
    let total: rust_decimal::Decimal =
        world.pos.orders().iter().filter_map(|order| order.total_incl_amount).sum();
    assert_eq!(total, euros(60 * 2490), "each order is there once");
}

/// Many attempts, so that no order runs out of them by chance.
fn patient() -> WorkerOptions {
    let mut options = WorkerOptions::default();
    options.retry.attempts = 100;
    options
}

#[tokio::test]
async fn a_poison_order_is_rejected_with_a_reason_and_holds_nobody_up() {
    let world = World::open().await;
    let mut poison = order("poison", OrderKind::Pickup);
    poison.lines.push(line("unlinked", 1, 100));
    poison.total = poison.sum();
    world.store.enqueue(&merchant(), &poison, noon()).await.unwrap();
    world.service().enqueue(&order("good", OrderKind::Pickup)).await.unwrap();
    let report = worker(&world, "w").run_once().await;
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let OutboxState::Rejected { reason } = state(&world, "poison").await else { panic!("not rejected") };
    assert!(reason.contains("\"unlinked\" (unlinked) has no article number"), "{reason}");
    let log = world.store.activities(&merchant(), None, 10).await.unwrap();
    assert_eq!((log.len(), log[0].activity.subject.as_deref()), (1, Some("poison")));
}

#[tokio::test]
async fn an_order_that_fails_rests_and_then_needs_attention() {
    let world = World::open().await;
    let cola = world.article("Coca-Cola");
    world.pos.change_article(cola, |article| article.active = Some(false));
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    let mut options = WorkerOptions::default();
    options.retry = RetryPlan::default();
    options.retry.attempts = 3;
    let worker = worker(&world, "w").with_options(options);
    assert_eq!(worker.run_once().await.retried, 1);
    assert_eq!(worker.run_once().await, Default::default(), "it rests");
    drain(&world, &worker).await;
    let OutboxState::NeedsAttention { reason } = state(&world, "1").await else { panic!("no attention") };
    assert!(reason.ends_with(&format!("Article {cola} is not active.; it was tried 3 times")), "{reason}");
    world.pos.change_article(cola, |article| article.active = Some(true));
    world.store.requeue(&merchant(), &"1".into(), world.runtime.now()).await.unwrap();
    drain(&world, &worker).await;
    assert!(matches!(state(&world, "1").await, OutboxState::Accepted { .. }));
}

#[tokio::test]
async fn a_claim_of_a_dead_worker_returns_and_its_order_is_looked_for_first() {
    let world = World::open().await;
    let order = paid("1", OrderKind::Pickup);
    world.service().enqueue(&order).await.unwrap();
    let now = world.runtime.now();
    let until = now + chrono::TimeDelta::minutes(2);
    let request = ClaimRequest::new("dead".into(), 1, until).of(merchant());
    assert_eq!(world.store.claim(&request, now).await.unwrap().len(), 1);
    // It died right after the POS had taken the order.
    world.service().submit(&order, false).await.unwrap();
    let worker = worker(&world, "alive");
    assert_eq!(worker.run_once().await, Default::default(), "the claim still holds");
    world.runtime.sleep(Duration::from_secs(121)).await;
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!((world.pos.orders().len(), world.pos.requests().count("createOrderV3")), (1, 1));
}

#[tokio::test]
async fn an_order_whose_outcome_could_not_be_stored_is_not_sent_twice() {
    let calls = {
        let world = World::open().await;
        let counting = Arc::new(FaultyStore::counting(world.store.clone()));
        run_on(&world, counting.clone()).await;
        counting.calls()
    };
    assert!(calls > 3);
    for call in 1..=calls {
        for fail in [FailAt::before(call), FailAt::after(call), FailAt::before(call).and_all_later()] {
            let world = World::open().await;
            run_on(&world, Arc::new(FaultyStore::failing(world.store.clone(), fail))).await;
            world.runtime.sleep(Duration::from_secs(600)).await;
            drain(&world, &worker(&world, "next")).await;
            assert!(matches!(state(&world, "1").await, OutboxState::Accepted { .. }), "{fail:?}");
            assert_eq!(world.pos.orders().len(), 1, "{fail:?}");
        }
    }
}

/// One order forwarded over a store that may fail.
async fn run_on(world: &World, store: Arc<FaultyStore>) {
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    let failing = World {
        pos: world.pos.clone(),
        store,
        runtime: world.runtime.clone(),
        settings: world.settings.clone(),
    };
    worker(&failing, "first").run_once().await;
}

#[tokio::test]
async fn orders_of_one_table_arrive_in_their_order_while_others_pass() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    world.service().enqueue(&order("first", table.clone())).await.unwrap();
    world.service().enqueue(&order("second", table)).await.unwrap();
    world.service().enqueue(&order("other", OrderKind::Pickup)).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetBefore]);
    let worker = worker(&world, "w");
    worker.run_once().await;
    assert!(matches!(state(&world, "other").await, OutboxState::Accepted { .. }));
    assert_eq!(
        state(&world, "second").await,
        OutboxState::Waiting(Waiting::Queued),
        "it waits for the first"
    );
    drain(&world, &worker).await;
    assert_eq!(world.pos.table_order(1, 7).unwrap().ext_order_id.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_cancelled_worker_ends_what_it_began_and_takes_no_more() {
    let world = World::with(Pos::brasserie(), Arc::new(MemoryStore::new())).await;
    for number in 0..10 {
        world.service().enqueue(&order(&number.to_string(), OrderKind::Pickup)).await.unwrap();
    }
    let cancel = CancelToken::new();
    let worker = Arc::new(worker(&world, "w"));
    let running = tokio::spawn({
        let (worker, cancel) = (worker.clone(), cancel.clone());
        async move { worker.run(&cancel).await }
    });
    while world.pos.orders().len() < 10 {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    let report = running.await.unwrap();
    assert_eq!(report.accepted, 10);
    world.service().enqueue(&order("late", OrderKind::Pickup)).await.unwrap();
    assert_eq!(worker.run(&cancel).await, Default::default());
    assert_eq!(state(&world, "late").await, OutboxState::Waiting(Waiting::Queued));
}

#[cfg(all(feature = "sqlite", feature = "tokio-runtime"))]
#[tokio::test]
async fn orders_that_come_while_others_are_written_do_not_stop_a_worker_on_one_file() {
    use mplus_sync::merchant::Merchant;
    use mplus_sync::orders::OrderService;
    use mplus_sync::runtime::TokioRuntime;
    use mplus_sync::store::SqliteStore;

    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("mplus.db")).await.unwrap();
    let world = World::with(Pos::brasserie(), Arc::new(store)).await;
    let runtime = Arc::new(TokioRuntime);
    let at_work = Merchant::new(world.pos.client(), merchant(), world.store.clone(), runtime).worked_by("w");
    let service = Arc::new(OrderService::new(&at_work, world.settings.clone()));
    let cancel = CancelToken::new();
    let running = tokio::spawn({
        let (worker, cancel) = (OutboxWorker::new(service.clone(), &at_work), cancel.clone());
        async move { worker.run(&cancel).await }
    });
    let all = async {
        for number in 0..40 {
            service.enqueue(&order(&number.to_string(), OrderKind::Pickup)).await.unwrap();
        }
        while world.pos.orders().len() < 40 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        running.await.unwrap().accepted
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), all).await, Ok(40));
}

#[tokio::test]
async fn an_order_that_skips_the_pos_on_a_live_store_is_rejected_by_the_worker() {
    let world = World::open().await;
    let mut skipping = order("1", OrderKind::Pickup);
    skipping.skip_order_sync = true;
    world.store.enqueue(&merchant(), &skipping, noon()).await.unwrap();
    assert_eq!(worker(&world, "w").run_once().await.rejected, 1);
    let OutboxState::Rejected { reason } = state(&world, "1").await else { panic!("not rejected") };
    assert!(reason.contains("allowed in a test environment only"), "{reason}");
    assert!(world.pos.orders().is_empty());
}

/// Keeps a record of the merchant's connection.
async fn connected(world: &World) {
    let mut connection = Connection::new(merchant(), "Bistro", "pos.invalid", 1, noon());
    if let Some(known) = world.store.connection(&merchant()).await.unwrap() {
        connection.revision = known.revision;
    }
    world.store.save_connection(&connection).await.unwrap();
}

async fn status(world: &World) -> ConnectionStatus {
    world.store.connection(&merchant()).await.unwrap().unwrap().status
}

#[tokio::test]
async fn the_connection_shows_as_failing_from_the_first_refusal_until_an_order_arrives() {
    let world = World::open().await;
    connected(&world).await;
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    let worker = worker(&world, "w");
    world.pos.faults().script([Fault::Refused; 20]);
    assert_eq!(worker.run_once().await.retried, 1);
    let ConnectionStatus::Failing { since, last_error } = status(&world).await else { panic!("it works") };
    assert!(since >= noon());
    assert!(last_error.contains("Check host, port and that the POS can be reached"), "{last_error}");
    world.pos.faults().clear();
    world.runtime.sleep(Duration::from_secs(600)).await;
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!(status(&world).await, ConnectionStatus::Connected);
}

#[tokio::test]
async fn orders_wait_while_the_merchant_is_disconnected() {
    let world = World::open().await;
    connected(&world).await;
    let mut connection = world.store.connection(&merchant()).await.unwrap().unwrap();
    connection.status = ConnectionStatus::Disconnected { since: noon() };
    world.store.save_connection(&connection).await.unwrap();
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    let worker = worker(&world, "w");
    assert_eq!(worker.run_once().await, Default::default());
    assert_eq!(state(&world, "1").await, OutboxState::Waiting(Waiting::Queued));
    connected(&world).await;
    world.runtime.sleep(Duration::from_secs(61)).await;
    assert_eq!(worker.run_once().await.accepted, 1);
}

#[tokio::test]
async fn an_order_that_something_on_the_way_refuses_holds_up_no_other() {
    let world = World::open().await;
    let retry_after = std::time::Duration::ZERO;
    // The first order is answered without the POS, each time.
    world
        .pos
        .faults()
        .script_for("createOrderV3", std::iter::repeat_n(Fault::Unavailable { retry_after }, 8));
    let mut options = WorkerOptions::default();
    options.at_once = 1;
    let worker = OutboxWorker::new(Arc::new(world.service()), &world.merchant_of("w", world.pos.client()))
        .with_options(options);
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    worker.run_once().await;
    world.pos.faults().clear();
    world.service().enqueue(&order("2", OrderKind::Pickup)).await.unwrap();
    worker.run_once().await;
    assert!(world.pos.order("2").is_some(), "it waits for nothing");
    assert!(world.pos.order("1").is_none(), "it rests by itself");
}

/// Something on the way that answers in the place of the POS to what has this in it.
#[derive(Debug, Clone)]
struct Firewall {
    pos: Pos,
    forbids: &'static str,
}

#[async_trait]
impl Transport for Firewall {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if String::from_utf8_lossy(request.body()).contains(self.forbids) {
            let answer = http::Response::builder().status(403).header("content-type", "text/html");
            return Ok(answer.body(Body::from(Bytes::from_static(b"<html>Forbidden</html>"))).unwrap());
        }
        self.pos.send(request).await
    }
}

/// A worker that sends one order at a time through a firewall.
fn worker_behind(world: &World, forbids: &'static str) -> OutboxWorker {
    let firewall = Firewall { pos: world.pos.clone(), forbids };
    let endpoint = Endpoint::new("pos.invalid", 1).unwrap();
    let client =
        Client::builder(endpoint, world.pos.credentials(), firewall, VirtualRuntime::new(77)).build();
    let mut options = WorkerOptions::default();
    options.at_once = 1;
    options.retry.attempts = 3;
    let merchant = world.merchant_of("w", client.clone());
    OutboxWorker::new(Arc::new(world.service_of("w", client)), &merchant).with_options(options)
}

#[tokio::test]
async fn an_order_that_a_firewall_forbids_holds_up_no_other_and_says_nothing_against_the_password() {
    let world = World::open().await;
    connected(&world).await;
    let worker = worker_behind(&world, "select two from");
    let mut forbidden = paid("forbidden", OrderKind::Pickup);
    forbidden.note = Some("select two from the menu".to_owned());
    world.service().enqueue(&forbidden).await.unwrap();
    world.service().enqueue(&paid("good", OrderKind::Pickup)).await.unwrap();
    let report = worker.run_once().await;
    assert_eq!((report.accepted, report.retried), (1, 1));
    assert_eq!(status(&world).await, ConnectionStatus::Connected);
    let entry = world.store.entry(&merchant(), &"forbidden".into()).await.unwrap().unwrap();
    let said = entry.last_error.unwrap();
    assert!(said.contains("something on the way to MplusKASSA refuses it"), "{said}");
    assert_eq!((entry.attempts, said.contains("password")), (1, false), "{said}");
    drain(&world, &worker).await;
    assert!(matches!(state(&world, "forbidden").await, OutboxState::NeedsAttention { .. }));
    assert_eq!(status(&world).await, ConnectionStatus::Connected);
}

#[tokio::test]
async fn credentials_that_no_call_gets_through_with_have_all_orders_wait() {
    let world = World::open().await;
    connected(&world).await;
    let worker = worker_behind(&world, "Envelope");
    for number in ["1", "2"] {
        world.service().enqueue(&paid(number, OrderKind::Pickup)).await.unwrap();
    }
    worker.run_once().await;
    let ConnectionStatus::Failing { last_error, .. } = status(&world).await else { panic!("it works") };
    assert!(last_error.contains("Check the MplusKASSA username and password"), "{last_error}");
    let entry = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert_eq!(entry.attempts, 0);
    assert!(matches!(entry.state, OutboxState::Waiting(Waiting::PosAway { .. })), "{entry:?}");
    assert_eq!(state(&world, "2").await, OutboxState::Waiting(Waiting::Queued), "the connection rests");
}

#[tokio::test]
async fn a_worker_makes_a_call_again_that_the_pos_lacked_once_it_is_known_to_have_it() {
    let world = World::open().await;
    connected(&world).await;
    let pos = Scripted::new(&world.pos);
    pos.lack(&["createOrderV3"]);
    let merchant_behind = world.merchant_of("w", pos.client());
    let worker = OutboxWorker::new(Arc::new(world.service_of("w", pos.client())), &merchant_behind);
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    assert_eq!(worker.run_once().await.accepted, 1);
    let mut connection = world.store.connection(&merchant()).await.unwrap().unwrap();
    assert!(connection.lacking.remove("createOrderV3"), "{:?}", connection.lacking);

    // The POS was upgraded, and a full run asks for everything again.
    pos.lack_nothing();
    world.store.save_connection(&connection).await.unwrap();
    world.service().enqueue(&paid("2", OrderKind::Pickup)).await.unwrap();
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!(world.pos.requests().carried_out("createOrderV3"), 1);
}
