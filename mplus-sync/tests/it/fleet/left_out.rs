//! Merchants of whom a process cannot read what is stored, as beside a newer release: their work is left to others.

use std::time::Duration;

use chrono::TimeDelta;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ConnectionId, OutboxStateKind, RunKind, StoredSettings};
use mplus_sync::report::Scope;
use mplus_sync::runtime::Runtime;

use super::on_every_store;
use super::world::{World, until};

on_every_store! {
    an_order_waits_for_a_process_that_can_read_its_merchants_settings,
    an_order_whose_merchants_settings_nobody_reads_for_a_day_is_left_to_a_person,
    an_order_is_looked_at_though_a_run_of_its_merchant_was_just_left_to_others,
    runs_wait_for_a_process_that_can_read_their_merchants_settings,
    an_order_for_a_merchant_who_is_not_there_is_left_to_a_person_after_a_day,
}

/// Saves settings in the form of the next release.
async fn save(world: &World, id: &ConnectionId, json: &str) {
    let known = world.store.settings(id).await.unwrap();
    let mut settings = StoredSettings::new(2, json);
    settings.revision = known.map_or(settings.revision, |known| known.revision);
    world.store.save_settings(id, &settings).await.unwrap();
}

/// Saves what this release cannot read.
async fn save_unreadable(world: &World, id: &ConnectionId) {
    save(world, id, r#"{"most_gone":{"per_day":30}}"#).await;
}

async fn save_readable(world: &World, id: &ConnectionId) {
    save(world, id, &serde_json::to_string(&world.merchants).unwrap()).await;
}

async fn claims_while_waiting(world: &World, id: &ConnectionId, order: &str) -> i64 {
    let entry = world.store.entry(id, &order.into()).await.unwrap().unwrap();
    if entry.state.kind() == OutboxStateKind::Waiting { entry.claims } else { 0 }
}

async fn an_order_waits_for_a_process_that_can_read_its_merchants_settings(mut world: World) {
    let (id, other) = (world.add("a").await, world.add("other").await);
    save_unreadable(&world, &id).await;
    world.order(&id, "1").await;
    let mut process = world.start("one");
    until("it was given back", async || claims_while_waiting(&world, &id, "1").await == 1).await;
    for number in ["2", "3", "4"] {
        world.order(&other, number).await;
        assert_eq!(process.told().await.connection, other);
    }
    assert_eq!(claims_while_waiting(&world, &id, "1").await, 1, "it is left to others");
    // As a process would that can read them.
    save_readable(&world, &id).await;
    world.clock.pass(TimeDelta::minutes(1));
    let told = process.told().await;
    assert_eq!((told.connection, told.state.kind()), (id.clone(), OutboxStateKind::Accepted));
    let report = process.stop().await;
    assert_eq!((report.orders.accepted, report.orders.needs_attention), (4, 0));
    assert!(!world.store.connection(&id).await.unwrap().unwrap().is_failing());
    world.end().await;
}

async fn an_order_whose_merchants_settings_nobody_reads_for_a_day_is_left_to_a_person(mut world: World) {
    let id = world.add("a").await;
    save_unreadable(&world, &id).await;
    world.order(&id, "1").await;
    let mut process = world.start("one");
    until("it was given back", async || claims_while_waiting(&world, &id, "1").await == 1).await;
    world.clock.pass(TimeDelta::hours(25));
    assert_eq!(process.told().await.state.kind(), OutboxStateKind::NeedsAttention);
    process.stop().await;
    world.end().await;
}

async fn an_order_is_looked_at_though_a_run_of_its_merchant_was_just_left_to_others(mut world: World) {
    let id = world.add("a").await;
    save_unreadable(&world, &id).await;
    let mut process = world.start("one");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    world.clock.pass(TimeDelta::hours(25));
    until("the run was left to others", async || {
        world.store.connection(&id).await.unwrap().unwrap().is_failing()
    })
    .await;
    world.order_of(&id, "1", world.clock.now() - TimeDelta::hours(25)).await;
    // Well within the minute for which the run is left to others.
    let told = tokio::time::timeout(Duration::from_secs(30), process.told()).await;
    assert_eq!(told.expect("it is looked at").state.kind(), OutboxStateKind::NeedsAttention);
    process.stop().await;
    world.end().await;
}

async fn runs_wait_for_a_process_that_can_read_their_merchants_settings(mut world: World) {
    let id = world.add("a").await;
    save_unreadable(&world, &id).await;
    let process = world.start("one");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    until("whoever looks at it is told, as nobody took it up", async || {
        world.clock.pass(TimeDelta::seconds(5));
        world.store.connection(&id).await.unwrap().unwrap().is_failing()
    })
    .await;
    let failing = process.fleet.status().await.unwrap().first_failing;
    assert!(failing[0].last_error.contains("its orders and runs wait"), "{failing:?}");
    until("it is told once, and no failure of the run", async || {
        let log = world.store.activities(&id, None, 10).await.unwrap();
        let runs = world.store.runs(&id).await.unwrap();
        log.len() == 1 && runs.iter().all(|run| run.failures == 0 && run.running.is_none())
    })
    .await;
    save_readable(&world, &id).await;
    until("it is done as it was asked for", async || {
        world.clock.pass(TimeDelta::seconds(5));
        let report = world.store.last_report(&id, &RunKind::SYNC).await.unwrap();
        report.is_some_and(|report| report.json.contains("\"asked_by\":[\"asked_for\"]"))
    })
    .await;
    process.stop().await;
    world.end().await;
}

async fn an_order_for_a_merchant_who_is_not_there_is_left_to_a_person_after_a_day(world: World) {
    let nobody = ConnectionId::from("nobody");
    world.order(&nobody, "1").await;
    let mut process = world.start("one");
    until("it waits", async || claims_while_waiting(&world, &nobody, "1").await == 1).await;
    world.clock.pass(TimeDelta::hours(25));
    let told = process.told().await;
    assert_eq!((told.connection, told.state.kind()), (nobody, OutboxStateKind::NeedsAttention));
    process.stop().await;
    world.end().await;
}
