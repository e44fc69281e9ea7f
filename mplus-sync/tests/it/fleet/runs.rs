//! Runs that are due.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use mplus_sync::conflict::SyncContext;
use mplus_sync::fleet::{RunObserver, steps_of};
use mplus_sync::model::{ConnectionId, Resource, Revision, RunKind, RunReason};
use mplus_sync::progress::{Phase, Progress};
use mplus_sync::report::{RunReport, Scope};
use mplus_sync::runtime::Runtime;
use mplus_sync::schedule::DailySchedule;
use mplus_sync::settings::DailySettings;
use mplus_sync::store::{Page, Select, Wake};
use tokio::sync::mpsc;

use super::on_every_store;
use super::world::{World, until};

on_every_store! {
    each_merchant_has_one_daily_run_a_day_whatever_the_number_of_processes,
    days_without_a_process_are_caught_up_by_one_run,
    requests_that_come_together_become_one_run_and_the_pos_wins_when_it_reported_a_change,
    what_is_asked_for_during_a_run_is_done_after_it,
    others_see_what_runs_and_since_when,
    how_far_a_run_is_can_be_read_from_any_process_and_any_may_stop_it,
    a_dry_run_writes_nothing_and_is_kept_beside_the_last_report,
    the_host_is_told_what_came_of_runs,
    merchants_whose_pos_fails_are_counted_and_named,
    a_failed_run_is_tried_again_by_itself,
    stock_is_pulled_at_its_own_interval,
    settings_that_are_saved_hold_at_once_in_running_processes,
}

/// When the test's merchants have their daily run: at four, spread over an hour. It is noon now.
fn daily(world: &mut World) -> DailySchedule {
    world.clock.pass_until("2030-06-03T10:00:00Z".parse().unwrap());
    let schedule = DailySchedule::at(4, 0).unwrap();
    world.merchants.daily = Some(DailySettings::default());
    schedule
}

/// An instant by which every run of the next day is due.
fn after_next(schedule: &DailySchedule, now: DateTime<Utc>) -> DateTime<Utc> {
    schedule.next_after(now) + TimeDelta::hours(1)
}

async fn is_planned(world: &World, id: &ConnectionId) -> bool {
    let runs = world.store.runs(id).await.unwrap();
    runs.iter().any(|run| run.kind == RunKind::SYNC && run.running.is_none() && run.due_at.is_some())
}

async fn report(world: &World, id: &ConnectionId) -> Option<serde_json::Value> {
    let report = world.store.last_report(id, &RunKind::SYNC).await.unwrap()?;
    Some(serde_json::from_str(&report.json).unwrap())
}

async fn each_merchant_has_one_daily_run_a_day_whatever_the_number_of_processes(mut world: World) {
    let schedule = daily(&mut world);
    let mut merchants = Vec::new();
    for number in 0..4 {
        merchants.push(world.add(&format!("merchant-{number}")).await);
    }
    let processes = [world.start("one"), world.start("two"), world.start("three")];
    for day in 1..=2 {
        for id in &merchants {
            until("its run is planned", async || is_planned(&world, id).await).await;
        }
        world.clock.pass_until(after_next(&schedule, world.clock.now()));
        for id in &merchants {
            until("it ran and the next day is planned", async || {
                world.syncs(id) >= day && is_planned(&world, id).await
            })
            .await;
        }
    }
    let mut done = 0;
    for process in processes {
        let report = process.stop().await;
        assert_eq!((report.runs.failed, report.panics), (0, 0));
        done += report.runs.done;
    }
    assert_eq!(done, 8);
    for id in &merchants {
        assert_eq!(world.syncs(id), 2, "{id}");
        let report = report(&world, id).await.unwrap();
        assert_eq!(report["asked_by"], serde_json::json!(["daily"]));
        assert_eq!(report["menu"]["outcome"]["state"], "completed", "the report is whole: {report}");
        assert!(report["stock"].is_object(), "{report}");
    }
    world.end().await;
}

async fn days_without_a_process_are_caught_up_by_one_run(mut world: World) {
    let schedule = daily(&mut world);
    let id = world.add("a").await;
    let process = world.start("one");
    until("its run is planned", async || is_planned(&world, &id).await).await;
    process.stop().await;
    world.clock.pass(TimeDelta::days(3));
    let process = world.start("another");
    until("it ran", async || world.syncs(&id) == 1 && is_planned(&world, &id).await).await;
    let runs = world.store.runs(&id).await.unwrap();
    let next = runs.iter().find(|run| run.kind == RunKind::SYNC).unwrap().due_at.unwrap();
    assert!(next > world.clock.now() && next <= after_next(&schedule, world.clock.now()), "{next}");
    process.stop().await;
    assert_eq!(world.syncs(&id), 1);
    world.end().await;
}

async fn requests_that_come_together_become_one_run_and_the_pos_wins_when_it_reported_a_change(
    mut world: World,
) {
    let id = world.add("a").await;
    let web = world.fleet("web");
    web.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    for _ in 0..5 {
        web.request_sync(&id, SyncContext::Webhook, Scope::Incremental).await.unwrap();
    }
    web.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    let process = world.start("one");
    until("it ran", async || report(&world, &id).await.is_some()).await;
    let stopped = process.stop().await;
    assert_eq!((stopped.runs.done, world.syncs(&id)), (1, 1));
    let report = report(&world, &id).await.unwrap();
    assert_eq!((&report["menu"]["context"], &report["menu"]["scope"]), (&"webhook".into(), &"full".into()));
    world.end().await;
}

async fn what_is_asked_for_during_a_run_is_done_after_it(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.hold(&id, "getCurrentSyncMarkersV2");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    world.arrival(&id).await;
    for _ in 0..3 {
        process.fleet.request_sync(&id, SyncContext::Webhook, Scope::Incremental).await.unwrap();
    }
    world.let_through(&id);
    until("both ran", async || {
        let last = report(&world, &id).await;
        last.is_some_and(|report| report["menu"]["context"] == "webhook")
    })
    .await;
    process.stop().await;
    assert_eq!(world.syncs(&id), 2);
    world.end().await;
}

async fn others_see_what_runs_and_since_when(mut world: World) {
    let id = world.add("a").await;
    world.add("b").await;
    let process = world.start("one");
    world.hold(&id, "getCurrentSyncMarkersV2");
    let before = world.clock.now();
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    world.arrival(&id).await;
    let web = world.fleet("web");
    let runs = web.runs(&id).await.unwrap();
    let (holder, since) = runs.iter().find(|run| run.kind == RunKind::SYNC).unwrap().running.clone().unwrap();
    assert_eq!(holder.slot().as_str(), "one");
    assert!(since >= before - TimeDelta::milliseconds(1) && since <= world.clock.now());
    // Both merchants are looked after as well, at their own time.
    until("one of two merchants is synced, and nothing else runs", async || {
        let status = web.status().await.unwrap();
        (status.merchants, status.held, status.runs.running) == (2, 0, 1) && !status.processes.is_empty()
    })
    .await;
    let status = web.status().await.unwrap();
    assert_eq!(status.processes[0].worker.as_str(), "one");
    world.let_through(&id);
    process.stop().await;
    assert!(web.status().await.unwrap().processes.is_empty());
    world.end().await;
}

async fn how_far_a_run_is_can_be_read_from_any_process_and_any_may_stop_it(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    // What a sync does last.
    world.hold(&id, "getStock");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    world.arrival(&id).await;
    let web = world.fleet("web");
    let steps = async || {
        let runs = web.runs(&id).await.unwrap();
        runs.iter().find(|run| run.kind == RunKind::SYNC).map(steps_of).unwrap_or_default()
    };
    let articles =
        |steps: &[Progress]| steps.iter().find(|step| step.resource == Resource::ARTICLES).cloned();
    until("it is told how far it is", async || articles(&steps().await).is_some()).await;
    let pulled = articles(&steps().await).unwrap();
    assert!(pulled.phase == Phase::Pull && pulled.done > 0, "{pulled:?}");

    web.stop_run(&id, &RunKind::SYNC).await.unwrap();
    until("it ended, and nobody asks for it any more", async || {
        let runs = world.store.runs(&id).await.unwrap();
        let mut syncs = runs.iter().filter(|run| run.kind == RunKind::SYNC);
        syncs.all(|run| {
            run.running.is_none() && run.requests.iter().all(|request| request.reason == RunReason::Daily)
        })
    })
    .await;
    let stopped = report(&world, &id).await.unwrap();
    assert_eq!(stopped["stock"]["outcome"]["state"], "cancelled", "{stopped}");
    world.let_through(&id);
    process.stop().await;
    assert_eq!(world.syncs(&id), 1);
    world.end().await;
}

async fn a_dry_run_writes_nothing_and_is_kept_beside_the_last_report(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    process.fleet.request_dry_run(&id, Scope::Full).await.unwrap();
    let dry = async || world.store.last_report(&id, &RunKind::DRY_RUN).await.unwrap();
    until("it ran", async || dry().await.is_some()).await;
    let kept: serde_json::Value = serde_json::from_str(&dry().await.unwrap().json).unwrap();
    assert_eq!((&kept["menu"]["dry_run"], &kept["menu"]["scope"]), (&true.into(), &"full".into()), "{kept}");
    let items = world.store.items(&id, Select::Page(Page::first(10))).await.unwrap();
    assert_eq!(items.len(), 1, "the menu is as it was");
    assert!(world.store.last_report(&id, &RunKind::SYNC).await.unwrap().is_none());
    // One that fails is not tried again by itself.
    world.pos(&id).faults().random(1.0, 7);
    let first = dry().await.unwrap().at;
    world.clock.pass(TimeDelta::minutes(1));
    process.fleet.request_dry_run(&id, Scope::Full).await.unwrap();
    until("it ran again", async || dry().await.unwrap().at > first).await;
    until("nothing is left of it", async || {
        !world.store.runs(&id).await.unwrap().iter().any(|run| run.kind == RunKind::DRY_RUN)
    })
    .await;
    process.stop().await;
    world.end().await;
}

struct Heard(mpsc::UnboundedSender<(RunKind, RunReport)>);

#[async_trait]
impl RunObserver for Heard {
    async fn ended(&self, kind: &RunKind, report: &RunReport) {
        let _ = self.0.send((kind.clone(), report.clone()));
    }
}

async fn the_host_is_told_what_came_of_runs(mut world: World) {
    let id = world.add("a").await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let fleet = world.fleet("one").with_run_observer(Arc::new(Heard(sender)));
    let process = World::run(fleet);
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    for of in ["menu", "stock"] {
        let (kind, report) = heard.recv().await.unwrap();
        assert_eq!((kind, report.sync.as_str(), &report.connection), (RunKind::SYNC, of, &id));
        assert!(world.store.last_report(&id, &RunKind::SYNC).await.unwrap().is_some(), "it is kept before");
    }
    process.fleet.request_stock(&id, SyncContext::Manual).await.unwrap();
    let (kind, report) = heard.recv().await.unwrap();
    assert_eq!((kind, report.sync.as_str()), (RunKind::STOCK, "stock"));
    process.stop().await;
    world.end().await;
}

async fn merchants_whose_pos_fails_are_counted_and_named(mut world: World) {
    let id = world.add("a").await;
    world.add("b").await;
    let process = world.start("one");
    world.pos(&id).faults().random(1.0, 7);
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    let web = world.fleet("web");
    until("it fails", async || web.status().await.unwrap().failing == 1).await;
    let status = web.status().await.unwrap();
    assert_eq!((status.merchants, status.first_failing.len()), (2, 1));
    assert_eq!(status.first_failing, web.failing(0, Page::first(9)).await.unwrap());
    assert_eq!(status.first_failing[0].connection, id);
    assert!(web.failing(0, Page::after(id, 9)).await.unwrap().is_empty());
    process.stop().await;
    world.end().await;
}

async fn a_failed_run_is_tried_again_by_itself(mut world: World) {
    world.settings.first_pause = Duration::from_secs(600);
    let id = world.add("a").await;
    let process = world.start("one");
    let pos = world.pos(&id);
    pos.faults().random(1.0, 7);
    process.fleet.request_sync(&id, SyncContext::Webhook, Scope::Full).await.unwrap();
    let failures = async || {
        let runs = world.store.runs(&id).await.unwrap();
        runs.iter().find(|run| run.kind == RunKind::SYNC).map_or(0, |run| run.failures)
    };
    until("it failed", async || failures().await == 1).await;
    pos.faults().clear();
    world.clock.pass(TimeDelta::minutes(11));
    until("it was tried again", async || {
        report(&world, &id).await.is_some_and(|report| report["menu"]["outcome"]["state"] == "completed")
    })
    .await;
    let report = report(&world, &id).await.unwrap();
    assert_eq!(report["asked_by"], serde_json::json!(["retry"]));
    assert_eq!((&report["menu"]["context"], &report["menu"]["scope"]), (&"webhook".into(), &"full".into()));
    let stopped = process.stop().await;
    assert_eq!((stopped.runs.done, stopped.runs.failed), (1, 1));
    world.end().await;
}

async fn stock_is_pulled_at_its_own_interval(mut world: World) {
    world.merchants.stock.every_minutes = Some(15);
    let id = world.add("a").await;
    let process = world.start("one");
    let planned = async || {
        let runs = world.store.runs(&id).await.unwrap();
        runs.iter().any(|run| run.kind == RunKind::STOCK && run.running.is_none())
    };
    for pulls in 1..=3 {
        until("the next pull is planned", async || planned().await).await;
        world.clock.pass(TimeDelta::minutes(15));
        until("stock was pulled", async || world.pos(&id).requests().count("getStock") >= pulls).await;
    }
    until("the next pull is planned", planned).await;
    let stopped = process.stop().await;
    assert_eq!((stopped.runs.done, world.syncs(&id)), (3, 0));
    world.end().await;
}

async fn settings_that_are_saved_hold_at_once_in_running_processes(mut world: World) {
    let schedule = daily(&mut world);
    let id = world.add("a").await;
    let process = world.start("one");
    until("its run is planned", async || is_planned(&world, &id).await).await;
    let due = async || {
        let runs = world.store.runs(&id).await.unwrap();
        runs.iter().find(|run| run.kind == RunKind::SYNC).and_then(|run| run.due_at)
    };
    let four = schedule.next_after(world.clock.now());
    let host = world.host("back office");
    let mut settings = world.merchants.clone();
    let at = |hour| {
        let mut daily = DailySettings::at(NaiveTime::from_hms_opt(hour, 0, 0).unwrap());
        daily.spread_minutes = 0;
        Some(daily)
    };

    settings.daily = at(3);
    let revision = host.save_settings(&id, &settings, Revision::NEW).await.unwrap();
    until("it is due earlier", async || due().await == Some(four - TimeDelta::hours(1))).await;

    settings.daily = at(6);
    host.save_settings(&id, &settings, revision).await.unwrap();
    world.clock.pass_until(four + TimeDelta::minutes(1));
    until("it is waited for the new time", async || due().await == Some(four + TimeDelta::hours(2))).await;
    assert_eq!(world.syncs(&id), 0);
    let stopped = process.stop().await;
    assert_eq!(stopped.runs.dropped, 1);
    world.end().await;
}

#[tokio::test]
async fn a_kind_of_the_hosts_own_is_left_to_the_host() {
    let mut world = World::in_memory();
    let id = world.add("a").await;
    let own = RunKind::named("newsletter");
    let request =
        mplus_sync::model::RunRequest::new(mplus_sync::model::RunReason::AskedFor, world.clock.now());
    world.store.request_run(&id, &own, request).await.unwrap();
    let process = world.start("one");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    world.store.wake(Wake::Runs);
    until("the sync ran", async || report(&world, &id).await.is_some()).await;
    process.stop().await;
    let runs = world.store.runs(&id).await.unwrap();
    assert!(runs.iter().any(|run| run.kind == own && run.running.is_none()));
}
