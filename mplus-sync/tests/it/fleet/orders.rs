//! Orders of all merchants.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use mplus_qapi::testkit::Fault;
use mplus_sync::Integration;
use mplus_sync::cancel::CancelToken;
use mplus_sync::model::{ConnectionId, Order, OrderKind, OutboxStateKind, RunKind};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{CredentialVault, Credentials};

use super::on_every_store;
use super::world::{Working, World, until};

on_every_store! {
    orders_of_all_merchants_reach_their_own_pos_once,
    a_backlog_of_one_merchant_postpones_no_others_orders,
    a_paused_merchants_orders_wait_until_it_goes_on,
    of_a_merchant_that_is_removed_nothing_is_left_and_others_go_on,
    a_merchant_that_is_added_while_it_runs_is_worked_for,
    an_order_goes_to_the_address_and_with_the_password_that_hold_now,
    one_merchants_panic_stops_nobody_else,
    an_order_that_was_begun_and_that_nobody_is_at_any_more_is_owed,
}

/// The numbers of the orders that a merchant's POS has, each as often as it has it.
fn at_pos(world: &World, id: &ConnectionId) -> Vec<String> {
    let mut numbers: Vec<String> =
        world.pos(id).orders().into_iter().filter_map(|order| order.ext_order_id).collect();
    numbers.sort();
    numbers
}

/// Takes in what the host is told until so many orders were accepted.
async fn accepted(process: &mut Working, count: usize) -> Vec<ConnectionId> {
    let mut accepted = Vec::new();
    while accepted.len() < count {
        let notice = process.told().await;
        assert_eq!(notice.state.kind(), OutboxStateKind::Accepted, "{notice:?}");
        accepted.push(notice.connection);
    }
    accepted
}

async fn orders_of_all_merchants_reach_their_own_pos_once(mut world: World) {
    let mut merchants = Vec::new();
    for name in ["a", "b", "c", "d"] {
        merchants.push(world.add(name).await);
    }
    for id in &merchants {
        for number in ["1", "2", "3"] {
            world.order(id, &format!("{id}{number}")).await;
        }
    }
    let mut process = world.start("one");
    accepted(&mut process, 12).await;
    // What is queued while it runs is claimed as well.
    world.order(&merchants[0], "a4").await;
    assert_eq!(accepted(&mut process, 1).await, [merchants[0].clone()]);
    let report = process.stop().await;
    assert_eq!((report.orders.accepted, report.orders.told, report.panics), (13, 13, 0));
    assert_eq!(at_pos(&world, &merchants[0]), ["a1", "a2", "a3", "a4"]);
    assert_eq!(at_pos(&world, &merchants[3]), ["d1", "d2", "d3"]);
    world.end().await;
}

async fn a_backlog_of_one_merchant_postpones_no_others_orders(mut world: World) {
    world.settings.orders = 4;
    world.settings.at_once = 2;
    let flood = world.add("a-flood").await;
    for number in 0..40 {
        world.order(&flood, &number.to_string()).await;
    }
    let mut others = BTreeSet::new();
    for number in 0..6 {
        let id = world.add(&format!("other-{number}")).await;
        world.order(&id, "1").await;
        others.insert(id);
    }
    let mut process = world.start("one");
    let mut told = Vec::new();
    while told.len() < 46 {
        told.push(process.told().await);
    }
    process.stop().await;
    let last = told.iter().filter(|notice| others.contains(&notice.connection)).map(|notice| notice.at).max();
    let before = told.iter().filter(|notice| Some(notice.at) < last).count();
    // Each round has one of everybody, and at most as many again were under way.
    assert!(before < 2 * 7 + 4, "the last of the others came after {before}");
    world.end().await;
}

async fn a_paused_merchants_orders_wait_until_it_goes_on(mut world: World) {
    let (rests, works) = (world.add("rests").await, world.add("works").await);
    let mut process = world.start("one");
    assert!(process.fleet.pause(&rests).await.unwrap());
    world.order(&rests, "1").await;
    world.order(&works, "2").await;
    assert_eq!(accepted(&mut process, 1).await, [works]);
    assert!(at_pos(&world, &rests).is_empty());
    let status = process.fleet.status().await.unwrap();
    assert_eq!((status.orders.waiting, status.orders.held, status.order_lag), (0, 1, None), "nobody owes it");
    assert!(process.fleet.resume(&rests).await.unwrap());
    assert_eq!(accepted(&mut process, 1).await, [rests]);
    assert!(!process.fleet.pause(&"nobody".into()).await.unwrap());
    process.stop().await;
    world.end().await;
}

async fn of_a_merchant_that_is_removed_nothing_is_left_and_others_go_on(mut world: World) {
    let (goes, stays) = (world.add("goes").await, world.add("stays").await);
    world.order(&goes, "1").await;
    let mut process = world.start("one");
    accepted(&mut process, 1).await;
    world.hold(&goes, "createOrderV3");
    world.order(&goes, "2").await;
    world.arrival(&goes).await;
    process.fleet.remove(&goes).await.unwrap();
    process.fleet.remove(&goes).await.unwrap();
    world.let_through(&goes);
    world.order(&stays, "3").await;
    assert_eq!(accepted(&mut process, 1).await, [stays]);
    let report = process.stop().await;
    assert_eq!(report.panics, 0);
    assert_eq!(world.store.connection(&goes).await.unwrap(), None);
    assert_eq!(world.store.counts(&goes).await.unwrap().values().sum::<u64>(), 0);
    assert!(world.store.runs(&goes).await.unwrap().is_empty());
    assert!(world.vault.credentials(&goes).await.unwrap().is_none());
    world.end().await;
}

async fn a_merchant_that_is_added_while_it_runs_is_worked_for(mut world: World) {
    world.merchants.stock.every_minutes = Some(1);
    let mut process = world.start("one");
    let added = world.add("added").await;
    world.order(&added, "1").await;
    assert_eq!(accepted(&mut process, 1).await, std::slice::from_ref(&added));
    until("its stock is asked for", async || {
        let runs = world.store.runs(&added).await.unwrap();
        runs.iter().any(|run| run.kind == RunKind::STOCK)
    })
    .await;
    world.clock.pass(TimeDelta::minutes(1));
    until("its stock is pulled", async || world.pos(&added).requests().count("getStock") > 0).await;
    process.stop().await;
    world.end().await;
}

async fn an_order_goes_to_the_address_and_with_the_password_that_hold_now(mut world: World) {
    let id = world.add("a").await;
    world.order(&id, "1").await;
    let mut process = world.start("one");
    accepted(&mut process, 1).await;
    let moved = world.add_pos();
    world.lead_to(&id, moved).await;
    world.clock.pass(TimeDelta::seconds(2));
    world.order(&id, "2").await;
    accepted(&mut process, 1).await;
    assert_eq!(at_pos(&world, &id), ["1"]);
    assert!(world.pos_at(moved).order("2").is_some());

    let secret = |secret: &str| Credentials { ident: "testkit".into(), secret: secret.into() };
    world.vault.save_credentials(&id, secret("wrong")).await.unwrap();
    world.clock.pass(TimeDelta::seconds(2));
    world.order(&id, "3").await;
    let number = "3".into();
    until("it was refused", async || {
        let entry = world.store.entry(&id, &number).await.unwrap().unwrap();
        entry.last_error.is_some()
    })
    .await;
    assert!(world.pos_at(moved).order("3").is_none());
    world.vault.save_credentials(&id, secret("geheim & vertrouwelijk")).await.unwrap();
    world.clock.pass(TimeDelta::minutes(10));
    accepted(&mut process, 1).await;
    assert!(world.pos_at(moved).order("3").is_some());
    process.stop().await;
    world.end().await;
}

async fn one_merchants_panic_stops_nobody_else(mut world: World) {
    let (breaks, works) = (world.add("breaks").await, world.add("works").await);
    world.break_down(&breaks, "createOrderV3");
    world.order(&breaks, "1").await;
    let mut process = world.start("one");
    for number in 0..5 {
        world.order(&works, &number.to_string()).await;
    }
    assert_eq!(accepted(&mut process, 5).await, vec![works; 5]);
    let report = process.stop().await;
    assert_eq!(report.panics, 1);
    let left = world.store.entry(&breaks, &"1".into()).await.unwrap().unwrap();
    assert_eq!(left.state.kind(), OutboxStateKind::Sending, "its claim ends by itself");
    world.end().await;
}

async fn an_order_that_was_begun_and_that_nobody_is_at_any_more_is_owed(mut world: World) {
    world.settings.retry.first_pause = Duration::from_secs(600);
    world.settings.retry.longest_pause = Duration::from_secs(600);
    let id = world.add("a").await;
    world.hold(&id, "createOrderV3");
    let process = world.start("one");
    world.order(&id, "1").await;
    world.arrival(&id).await;
    let web = world.fleet("web");
    assert_eq!(web.status().await.unwrap().order_lag, None, "somebody is at it");
    process.kill().await;
    world.clock.pass(TimeDelta::minutes(12));
    let lag = web.status().await.unwrap().order_lag.expect("its claim has ended");
    assert!((Duration::from_secs(9 * 60)..Duration::from_secs(15 * 60)).contains(&lag), "{lag:?}");
    // It is looked for at the POS, which is away, and waits for that.
    world.let_through(&id);
    world.pos(&id).faults().script([Fault::Refused; 500]);
    let process = world.start("two");
    until("it waits for its POS, and nobody owes it", async || {
        let entry = world.store.entry(&id, &"1".into()).await.unwrap().unwrap();
        entry.last_error.is_some() && entry.state.kind() == OutboxStateKind::Waiting
    })
    .await;
    process.stop().await;
    assert_eq!(web.status().await.unwrap().order_lag, None, "its merchant rests");
    world.end().await;
}

#[tokio::test]
async fn a_worker_of_the_hosts_own_goes_on_where_the_connection_leads() {
    let mut world = World::in_memory();
    let id = world.add("a").await;
    let integration = Integration::open(world.host("own"), id.clone()).await.unwrap();
    let (worker, cancel) = (integration.outbox_worker(), CancelToken::new());
    let task = tokio::spawn({
        let cancel = cancel.clone();
        async move { worker.run(&cancel).await }
    });
    world.order(&id, "1").await;
    until("it is at the first POS", async || world.pos(&id).order("1").is_some()).await;
    let moved = world.add_pos();
    world.lead_to(&id, moved).await;
    world.order(&id, "2").await;
    until("the next one is at the other POS", async || {
        world.clock.pass(TimeDelta::seconds(1));
        world.pos_at(moved).order("2").is_some()
    })
    .await;
    assert!(world.pos(&id).order("2").is_none());
    cancel.cancel();
    assert_eq!(task.await.unwrap().accepted, 2);
}

#[tokio::test]
async fn orders_that_ended_long_ago_are_removed_and_those_that_wait_are_not() {
    let mut world = World::in_memory();
    let id = world.add("a").await;
    world.order(&id, "old").await;
    let mut process = world.start("one");
    accepted(&mut process, 1).await;
    process.fleet.pause(&id).await.unwrap();
    let order = Order::new("waits", "city", OrderKind::Pickup, world.clock.now());
    world.store.enqueue(&id, &order, world.clock.now()).await.unwrap();
    world.clock.pass(TimeDelta::days(91));
    world.hold(&id, "createOrderV3");
    process.fleet.resume(&id).await.unwrap();
    process.fleet.take_up(&id).await.unwrap();
    let (old, waits) = ("old".into(), "waits".into());
    until("the old one is gone", async || world.store.entry(&id, &old).await.unwrap().is_none()).await;
    assert!(world.store.entry(&id, &waits).await.unwrap().is_some());
    world.let_through(&id);
    process.stop().await;
}
