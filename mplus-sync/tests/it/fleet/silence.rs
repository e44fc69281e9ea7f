//! Tills, databases and hosts that take what they are asked and do not answer: others go on.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use mplus_qapi::testkit::Fault;
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::fleet::RunObserver;
use mplus_sync::model::{ConnectionId, OrderNotice, OutboxStateKind, RunKind};
use mplus_sync::orders::{ObserverError, OrderObserver};
use mplus_sync::report::{RunReport, Scope};
use tokio::sync::mpsc;

use super::world::{ALL, World, until};

/// Has the calls of a merchant's POS end without an answer.
fn fall_silent(world: &World, id: &ConnectionId) {
    world.pos(id).faults().script([Fault::TimeoutAfter; 500]);
}

/// Has them not end at all from now on.
fn hang(world: &World, id: &ConnectionId) {
    world.hold(id, ALL);
    world.pos(id).faults().clear();
}

async fn is_failing(world: &World, id: &ConnectionId) -> bool {
    world.store.connection(id).await.unwrap().unwrap().is_failing()
}

async fn accepted(world: &World, id: &ConnectionId) -> u64 {
    let counts = world.store.counts(id).await.unwrap();
    counts.get(&OutboxStateKind::Accepted).copied().unwrap_or_default()
}

async fn failures(world: &World, id: &ConnectionId, kind: &RunKind) -> u32 {
    let runs = world.store.runs(id).await.unwrap();
    runs.iter().find(|run| run.kind == *kind).map_or(0, |run| run.failures)
}

#[tokio::test]
async fn tills_that_keep_silent_leave_most_of_the_room_for_orders_to_others() {
    let mut world = World::in_memory();
    (world.settings.orders, world.settings.at_once) = (8, 2);
    let mut silent = Vec::new();
    for number in 0..6 {
        let id = world.add(&format!("a-silent-{number}")).await;
        fall_silent(&world, &id);
        for order in ["1", "2", "3"] {
            world.order(&id, order).await;
        }
        silent.push(id);
    }
    let process = world.start("one");
    for id in &silent {
        until("it is known to be silent", async || {
            world.clock.pass(TimeDelta::seconds(1));
            is_failing(&world, id).await
        })
        .await;
    }
    silent.iter().for_each(|id| hang(&world, id));
    // Every rest is over: all of them may be tried.
    world.clock.pass(TimeDelta::minutes(10));
    let mut others = Vec::new();
    for number in 0..10 {
        let id = world.add(&format!("other-{number}")).await;
        world.order(&id, "1").await;
        others.push(id);
    }
    for id in &others {
        until("an order of another merchant is accepted", async || accepted(&world, id).await == 1).await;
    }

    silent.iter().for_each(|id| world.let_through(id));
    for id in &silent {
        until("it answers again, and its orders are accepted", async || {
            world.clock.pass(TimeDelta::seconds(1));
            accepted(&world, id).await == 3
        })
        .await;
        assert!(!is_failing(&world, id).await, "{id}");
        assert_eq!(world.pos(id).orders().len(), 3, "each of them once");
    }
    process.stop().await;
}

#[tokio::test]
async fn while_an_order_of_a_silent_till_is_tried_its_others_rest_also_when_a_person_ends_the_rest() {
    let mut world = World::in_memory();
    world.settings.at_once = 2;
    let (id, other) = (world.add("a-silent").await, world.add("other").await);
    fall_silent(&world, &id);
    for number in ["1", "2", "3", "4"] {
        world.order(&id, number).await;
    }
    let mut process = world.start("one");
    until("it is known to be silent", async || {
        world.clock.pass(TimeDelta::seconds(1));
        is_failing(&world, &id).await
    })
    .await;
    hang(&world, &id);
    world.clock.pass(TimeDelta::minutes(10));
    world.arrival(&id).await;
    let claims = async || {
        let mut claims = 0;
        for number in ["1", "2", "3", "4"] {
            claims += world.store.entry(&id, &number.into()).await.unwrap().unwrap().claims;
        }
        claims
    };
    for round in ["1", "2", "3"] {
        let before = claims().await;
        assert!(process.fleet.resume(&id).await.unwrap());
        for number in ["a", "b", "c"] {
            world.order(&other, &format!("{round}{number}")).await;
            while process.told().await.connection != other {}
        }
        let more = claims().await - before;
        assert!(more <= 4, "claimed and given back without a pause: {more} times");
    }
    world.let_through(&id);
    process.stop().await;
}

#[tokio::test]
async fn tills_that_keep_silent_leave_most_of_the_room_for_runs_to_others() {
    let mut world = World::in_memory();
    world.settings.runs = 4;
    let mut silent = Vec::new();
    let process = world.start("one");
    for number in 0..5 {
        let id = world.add(&format!("a-silent-{number}")).await;
        fall_silent(&world, &id);
        process.fleet.request_sync(&id, SyncContext::Scheduled, Scope::Incremental).await.unwrap();
        silent.push(id);
    }
    for id in &silent {
        until("it failed", async || failures(&world, id, &RunKind::SYNC).await == 1).await;
    }
    silent.iter().for_each(|id| hang(&world, id));
    world.clock.pass(TimeDelta::minutes(3));
    for number in 0..6 {
        let id = world.add(&format!("other-{number}")).await;
        process.fleet.request_sync(&id, SyncContext::Scheduled, Scope::Incremental).await.unwrap();
        until("the sync of another merchant is done", async || {
            world.store.last_report(&id, &RunKind::SYNC).await.unwrap().is_some()
        })
        .await;
    }
    silent.iter().for_each(|id| world.let_through(id));
    process.stop().await;
}

#[tokio::test]
async fn runs_that_failed_at_once_have_all_the_room_there_is() {
    let mut world = World::in_memory();
    world.settings.runs = 4;
    let process = world.start("one");
    let mut failed = Vec::new();
    for number in 0..4 {
        let id = world.add(&format!("refused-{number}")).await;
        world.pos(&id).faults().script([Fault::Refused; 500]);
        process.fleet.request_sync(&id, SyncContext::Scheduled, Scope::Incremental).await.unwrap();
        until("it failed", async || failures(&world, &id, &RunKind::SYNC).await == 1).await;
        failed.push(id);
    }
    failed.iter().for_each(|id| hang(&world, id));
    world.clock.pass(TimeDelta::minutes(3));
    until("all of them are tried again at the same time", async || {
        let mut running = 0;
        for id in &failed {
            let runs = world.store.runs(id).await.unwrap();
            running += runs.iter().filter(|run| run.kind == RunKind::SYNC && run.running.is_some()).count();
        }
        running == 4
    })
    .await;
    failed.iter().for_each(|id| world.let_through(id));
    process.stop().await;
}

struct HangsAtRuns;

#[async_trait]
impl RunObserver for HangsAtRuns {
    async fn ended(&self, _: &RunKind, _: &RunReport) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_host_that_hangs_when_it_is_told_of_a_run_keeps_no_place() {
    let mut world = World::in_memory();
    world.settings.runs = 1;
    let ids = [world.add("a").await, world.add("b").await];
    let process = World::run(world.fleet("one").with_run_observer(Arc::new(HangsAtRuns)));
    for id in &ids {
        process.fleet.request_sync(id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    }
    for id in &ids {
        until("its sync is done, and nothing of it is due", async || {
            world.clock.pass(TimeDelta::seconds(1));
            let runs = world.store.runs(id).await.unwrap();
            runs.iter().all(|run| run.kind != RunKind::SYNC)
                && world.store.last_report(id, &RunKind::SYNC).await.unwrap().is_some()
        })
        .await;
    }
    let report = process.stop().await;
    assert_eq!((report.runs.done, report.runs.failed, report.runs.lost), (2, 0, 0));
    assert!(ids.iter().all(|id| world.syncs(id) == 1));
}

#[tokio::test]
async fn what_a_person_asks_for_does_not_wait_behind_the_tills_that_failed() {
    let mut world = World::in_memory();
    world.settings.runs = 4;
    let process = world.start("one");
    let mut failed = Vec::new();
    for number in 0..5 {
        let id = world.add(&format!("failed-{number}")).await;
        fall_silent(&world, &id);
        process.fleet.request_sync(&id, SyncContext::Scheduled, Scope::Incremental).await.unwrap();
        until("it failed", async || failures(&world, &id, &RunKind::SYNC).await == 1).await;
        failed.push(id);
    }
    let clicked = failed.pop().unwrap();
    world.pos(&clicked).faults().clear();
    failed.iter().for_each(|id| hang(&world, id));
    world.clock.pass(TimeDelta::seconds(20));
    for id in &failed {
        process.fleet.request_sync(id, SyncContext::Scheduled, Scope::Incremental).await.unwrap();
    }
    until("one of them has the room that there is for them", async || {
        let mut running = 0;
        for id in &failed {
            let runs = world.store.runs(id).await.unwrap();
            running += runs.iter().filter(|run| run.kind == RunKind::SYNC && run.running.is_some()).count();
        }
        running == 1
    })
    .await;
    process.fleet.request_sync(&clicked, SyncContext::Manual, Scope::Incremental).await.unwrap();
    until("it is done at once", async || failures(&world, &clicked, &RunKind::SYNC).await == 0).await;
    failed.iter().for_each(|id| world.let_through(id));
    process.stop().await;
}

struct HangsFor(ConnectionId, mpsc::UnboundedSender<ConnectionId>);

#[async_trait]
impl OrderObserver for HangsFor {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        if notice.connection == self.0 {
            std::future::pending::<()>().await;
        }
        let _ = self.1.send(notice.connection.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_host_that_hangs_at_a_notice_is_told_those_of_other_merchants_and_the_process_stops() {
    let mut world = World::in_memory();
    let (hangs, other) = (world.add("a-hangs").await, world.add("other").await);
    for order in ["1", "2", "3"] {
        world.order(&hangs, order).await;
    }
    let (sender, mut told) = mpsc::unbounded_channel();
    let fleet = world.fleet("one").with_observer(Arc::new(HangsFor(hangs.clone(), sender)));
    let cancel = CancelToken::new();
    let task = tokio::spawn({
        let cancel = cancel.clone();
        async move { fleet.run(&cancel).await }
    });
    until("its orders are accepted", async || accepted(&world, &hangs).await == 3).await;
    for order in ["4", "5"] {
        world.order(&other, order).await;
        until("another merchant's is told", async || {
            // What hangs is given up in time, also where it was claimed alone.
            world.clock.pass(TimeDelta::seconds(1));
            told.try_recv().is_ok_and(|id| id == other)
        })
        .await;
    }
    cancel.cancel();
    until("it stops", async || {
        world.clock.pass(TimeDelta::seconds(1));
        task.is_finished()
    })
    .await;
    assert_eq!(task.await.unwrap().orders.told, 2);
}
