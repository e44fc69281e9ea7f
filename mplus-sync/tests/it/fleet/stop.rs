//! How a process ends, and what others do then.

use std::time::Duration;

use chrono::TimeDelta;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ConnectionId, OutboxStateKind, RunKind};
use mplus_sync::report::Scope;
use mplus_sync::runtime::Runtime;
use mplus_sync::settings::DailySettings;

use super::on_every_store;
use super::world::{World, until};

#[tokio::test]
async fn of_two_processes_of_one_name_one_works_and_the_other_says_why_it_does_not() {
    let mut world = World::in_memory();
    let id = world.add("a").await;
    let one = world.start("twin");
    until("it is known", async || one.fleet.status().await.unwrap().processes.len() == 1).await;
    let other = world.start("twin");
    until("one of both says so", async || {
        world.clock.pass(TimeDelta::seconds(1));
        let processes = one.fleet.status().await.unwrap().processes;
        let taken: Vec<bool> = processes.iter().map(|process| process.name_is_taken).collect();
        taken.len() == 2 && taken[0] != taken[1]
    })
    .await;
    world.order(&id, "1").await;
    until("the other one works", async || {
        let entry = world.store.entry(&id, &"1".into()).await.unwrap().unwrap();
        entry.state.kind() == OutboxStateKind::Accepted
    })
    .await;
    // When the other one is gone the name is free again.
    other.stop().await;
    until("it works again", async || {
        world.clock.pass(TimeDelta::seconds(1));
        let processes = one.fleet.status().await.unwrap().processes;
        processes.len() == 1 && !processes[0].name_is_taken
    })
    .await;
    one.stop().await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_process_that_a_newer_release_excludes_stops_what_it_was_doing_and_takes_nothing_more() {
    let mut world = World::in_sqlite().await;
    let id = world.add("a").await;
    world.hold(&id, "createOrderV3");
    world.order(&id, "1").await;
    let process = world.start("old");
    world.arrival(&id).await;
    world.change("INSERT INTO mplus_schema VALUES (99, 99)").await;
    until("it says so, and gave back what was under way", async || {
        world.clock.pass(TimeDelta::seconds(1));
        let processes = process.fleet.status().await.unwrap().processes;
        let entry = world.store.entry(&id, &"1".into()).await.unwrap().unwrap();
        processes.iter().any(|known| known.is_outdated) && entry.state.kind() == OutboxStateKind::Waiting
    })
    .await;
    world.let_through(&id);
    world.order(&id, "2").await;
    world.clock.pass(TimeDelta::minutes(1));
    let report = process.stop().await;
    assert_eq!((report.orders.accepted, report.orders_given_back), (0, 1));
    let left = world.store.entry(&id, &"2".into()).await.unwrap().unwrap();
    assert_eq!((left.state.kind(), left.claims), (OutboxStateKind::Waiting, 0));
    world.end().await;
}

/// Databases with a clock of their own.
async fn by_a_wrong_clock(world: Option<World>) {
    let Some(mut world) = world else { return };
    world.settings.watches_clock = true;
    let id = world.add("a").await;
    let mut process = world.start("right");
    world.order(&id, "1").await;
    assert_eq!(process.told().await.state.kind(), OutboxStateKind::Accepted, "its clock is right");
    process.stop().await;

    world.clock.pass(TimeDelta::minutes(1));
    world.order(&id, "2").await;
    let process = world.start("ahead");
    until("it says that its clock is wrong", async || {
        let processes = process.fleet.status().await.unwrap().processes;
        processes.iter().any(|known| known.worker.as_str() == "ahead" && known.clock_is_wrong)
    })
    .await;
    process.stop().await;
    let left = world.store.entry(&id, &"2".into()).await.unwrap().unwrap();
    assert_eq!((left.state.kind(), left.claims), (OutboxStateKind::Waiting, 0));
    world.end().await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_process_whose_clock_is_not_that_of_postgres_takes_nothing() {
    by_a_wrong_clock(World::in_postgres().await).await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn a_process_whose_clock_is_not_that_of_mysql_takes_nothing() {
    by_a_wrong_clock(World::in_mysql().await).await;
}

on_every_store! {
    a_process_that_stops_ends_what_is_under_way,
    what_does_not_end_in_time_is_given_back_and_another_process_goes_on,
    after_a_crash_another_process_takes_over_when_the_claims_have_ended,
    a_stop_in_the_middle_of_the_stock_has_the_menu_synced_once,
    a_crash_in_the_middle_of_the_stock_has_the_menu_of_that_day_synced_once,
}

async fn a_process_that_stops_ends_what_is_under_way(mut world: World) {
    let id = world.add("a").await;
    world.hold(&id, "createOrderV3");
    world.order(&id, "1").await;
    let process = world.start("one");
    world.arrival(&id).await;
    let stopping = tokio::spawn(process.stop());
    // It is not begun any more.
    tokio::task::yield_now().await;
    world.order(&id, "2").await;
    world.let_through(&id);
    let report = stopping.await.unwrap();
    assert_eq!((report.orders.accepted, report.orders_given_back), (1, 0));
    let left = world.store.entry(&id, &"2".into()).await.unwrap().unwrap();
    assert_eq!((left.state.kind(), left.claims), (OutboxStateKind::Waiting, 0));
    assert!(world.store.leases(None, world.clock.now()).await.unwrap().is_empty());
    world.end().await;
}

async fn what_does_not_end_in_time_is_given_back_and_another_process_goes_on(mut world: World) {
    world.settings.grace = Duration::from_millis(20);
    let (orders, runs) = (world.add("orders").await, world.add("runs").await);
    world.hold(&orders, "createOrderV3");
    world.hold(&runs, "getCurrentSyncMarkersV2");
    let process = world.start("one");
    world.order(&orders, "1").await;
    process.fleet.request_sync(&runs, SyncContext::Manual, Scope::Incremental).await.unwrap();
    world.arrival(&orders).await;
    world.arrival(&runs).await;
    let report = process.stop().await;
    assert_eq!(report.orders_given_back, 1);
    assert!(report.runs.given_back >= 1, "an upkeep may just have been claimed as well: {report:?}");
    let now = world.clock.now();
    assert!(world.store.leases(None, now).await.unwrap().is_empty(), "leases are given back");
    let given_back = world.store.entry(&orders, &"1".into()).await.unwrap().unwrap();
    assert!(given_back.is_due(now), "{given_back:?}");
    let waits = world.store.runs(&runs).await.unwrap();
    assert!(waits.iter().any(|run| run.kind == RunKind::SYNC && run.due_at.is_some_and(|due| due <= now)));

    world.let_through(&orders);
    world.let_through(&runs);
    let process = world.start("two");
    let order = async || world.store.entry(&orders, &"1".into()).await.unwrap().unwrap();
    until("it looks for the order", async || order().await.last_error.is_some()).await;
    let told = order().await.last_error.unwrap();
    assert!(told.contains("may still be at work on an earlier call"), "{told}");
    until("the sync ran", async || {
        world.store.last_report(&runs, &RunKind::SYNC).await.unwrap().is_some_and(|report| report.at > now)
    })
    .await;
    assert_eq!(world.pos(&orders).orders().len(), 0);
    until("the order is sent", async || {
        world.clock.pass(TimeDelta::seconds(10));
        order().await.state.kind() == OutboxStateKind::Accepted
    })
    .await;
    assert!(world.clock.now() >= now + TimeDelta::minutes(3), "the POS might have been at work on it");
    process.stop().await;
    assert_eq!(world.pos(&orders).orders().len(), 1);
    world.end().await;
}

async fn after_a_crash_another_process_takes_over_when_the_claims_have_ended(mut world: World) {
    let (orders, runs) = (world.add("orders").await, world.add("runs").await);
    world.hold(&orders, "createOrderV3");
    world.hold(&runs, "getCurrentSyncMarkersV2");
    let process = world.start("one");
    world.order(&orders, "1").await;
    process.fleet.request_sync(&runs, SyncContext::Webhook, Scope::Full).await.unwrap();
    world.arrival(&orders).await;
    world.arrival(&runs).await;
    process.kill().await;
    world.let_through(&orders);
    world.let_through(&runs);
    let mut process = world.start("two");
    let other = world.add("other").await;
    world.order(&other, "2").await;
    assert_eq!(process.told().await.connection, other);
    let held = world.store.entry(&orders, &"1".into()).await.unwrap().unwrap();
    assert_eq!((held.state.kind(), held.claims), (OutboxStateKind::Sending, 1));

    world.clock.pass(TimeDelta::minutes(16));
    assert_eq!(process.told().await.connection, orders);
    until("the sync ran", async || {
        let report = world.store.last_report(&runs, &RunKind::SYNC).await.unwrap();
        report.is_some_and(|report| report.json.contains("\"state\":\"completed\""))
    })
    .await;
    let report = process.stop().await;
    assert_eq!(report.orders.accepted, 2);
    assert_eq!(world.pos(&orders).orders().len(), 1);
    world.end().await;
}

/// Whether nothing of a sync is due or under way any more.
async fn stock_is_pulled(world: &World, id: &ConnectionId) -> bool {
    let runs = world.store.runs(id).await.unwrap();
    let is_idle = runs.iter().all(|run| run.kind != RunKind::STOCK);
    is_idle && world.store.last_report(id, &RunKind::STOCK).await.unwrap().is_some()
}

async fn a_stop_in_the_middle_of_the_stock_has_the_menu_synced_once(mut world: World) {
    world.settings.grace = Duration::from_millis(20);
    let id = world.add("a").await;
    world.hold(&id, "getStock");
    let process = world.start("one");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    world.arrival(&id).await;
    process.stop().await;
    world.let_through(&id);
    let process = world.start("two");
    until("its stock was pulled", async || stock_is_pulled(&world, &id).await).await;
    process.stop().await;
    assert_eq!(world.syncs(&id), 1);
    world.end().await;
}

async fn a_crash_in_the_middle_of_the_stock_has_the_menu_of_that_day_synced_once(mut world: World) {
    world.clock.pass_until("2030-06-03T10:00:00Z".parse().unwrap());
    world.merchants.daily = Some(DailySettings::default());
    let id = world.add("a").await;
    world.hold(&id, "getStock");
    let process = world.start("one");
    until("the daily run is planned", async || {
        let runs = world.store.runs(&id).await.unwrap();
        runs.iter().any(|run| run.kind == RunKind::SYNC && run.due_at.is_some())
    })
    .await;
    world.clock.pass(TimeDelta::hours(19));
    world.arrival(&id).await;
    process.kill().await;
    world.let_through(&id);
    world.clock.pass(TimeDelta::minutes(16));
    let process = world.start("two");
    until("its stock was pulled", async || stock_is_pulled(&world, &id).await).await;
    process.stop().await;
    assert_eq!(world.syncs(&id), 1);
    world.end().await;
}
