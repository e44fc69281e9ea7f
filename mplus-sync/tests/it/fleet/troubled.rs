//! Runs that do not come to their end as they should.

use chrono::TimeDelta;
use mplus_qapi::testkit::Fault;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ConnectionId, RunKind, RunReason, RunStatus};
use mplus_sync::report::Scope;
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{Page, Select};

use super::on_every_store;
use super::world::{World, until};

on_every_store! {
    a_pull_whose_reads_timed_out_is_tried_again_and_not_done,
    a_run_that_panics_fails_with_a_report_and_rests,
    a_run_that_ends_three_processes_fails_with_a_report_and_rests,
    who_accepts_the_loss_of_one_answer_accepts_none_of_a_later_one,
    a_pull_of_stock_under_way_does_not_have_the_menu_synced_again,
    stock_that_a_merchant_does_not_want_is_pulled_for_nobody,
    a_run_whose_merchant_was_removed_leaves_no_report,
    what_is_asked_for_a_merchant_who_is_gone_is_dropped,
}

async fn run(world: &World, id: &ConnectionId, kind: &RunKind) -> Option<RunStatus> {
    world.store.runs(id).await.unwrap().into_iter().find(|run| run.kind == *kind)
}

async fn failures(world: &World, id: &ConnectionId, kind: &RunKind) -> u32 {
    run(world, id, kind).await.map_or(0, |run| run.failures)
}

async fn report(world: &World, id: &ConnectionId, kind: &RunKind) -> serde_json::Value {
    let report = world.store.last_report(id, kind).await.unwrap();
    report.map_or(serde_json::Value::Null, |report| serde_json::from_str(&report.json).unwrap())
}

async fn a_pull_whose_reads_timed_out_is_tried_again_and_not_done(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.pos(&id).faults().script_for("getStock", [Fault::TimeoutAfter; 50]);
    process.fleet.request_stock(&id, SyncContext::Webhook).await.unwrap();
    until("it failed", async || failures(&world, &id, &RunKind::STOCK).await == 1).await;
    let rests = run(&world, &id, &RunKind::STOCK).await.unwrap();
    assert!(rests.due_at.unwrap() > world.clock.now(), "{rests:?}");
    world.pos(&id).faults().clear();
    world.clock.pass(TimeDelta::minutes(3));
    until("it was tried again", async || {
        report(&world, &id, &RunKind::STOCK).await["asked_by"] == serde_json::json!(["retry"])
    })
    .await;
    let stopped = process.stop().await;
    assert_eq!((stopped.runs.done, stopped.runs.failed), (1, 1));
    let report = report(&world, &id, &RunKind::STOCK).await;
    assert_eq!((&report["outcome"]["state"], &report["context"]), (&"completed".into(), &"webhook".into()));
    world.end().await;
}

async fn a_run_that_panics_fails_with_a_report_and_rests(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.break_down(&id, "getCurrentSyncMarkersV2");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    until("it failed", async || failures(&world, &id, &RunKind::SYNC).await == 1).await;
    let failed = report(&world, &id, &RunKind::SYNC).await;
    assert_eq!(failed["menu"]["outcome"]["message"], "it ended in a panic", "{failed}");
    let rests = run(&world, &id, &RunKind::SYNC).await.unwrap();
    assert!(rests.due_at.unwrap() > world.clock.now(), "{rests:?}");
    assert_eq!(process.fleet.status().await.unwrap().first_failing[0].connection, id);

    world.mend(&id);
    world.clock.pass(TimeDelta::minutes(3));
    until("it was done as it was asked for", async || {
        let done = report(&world, &id, &RunKind::SYNC).await;
        done["menu"]["outcome"]["state"] == "completed" && done["menu"]["scope"] == "full"
    })
    .await;
    assert_eq!(process.stop().await.panics, 1);
    world.end().await;
}

async fn a_run_that_ends_three_processes_fails_with_a_report_and_rests(mut world: World) {
    let id = world.add("a").await;
    world.hold(&id, "getCurrentSyncMarkersV2");
    world.fleet("web").request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    for name in ["one", "two", "three"] {
        let process = world.start(name);
        world.arrival(&id).await;
        process.kill().await;
        world.clock.pass(TimeDelta::minutes(3));
    }
    let process = world.start("four");
    until("it is not handed on", async || failures(&world, &id, &RunKind::SYNC).await == 1).await;
    let failed = report(&world, &id, &RunKind::SYNC).await;
    let message = "3 processes that carried it out were not heard of again";
    assert_eq!(failed["menu"]["outcome"]["message"], message, "{failed}");
    let rests = run(&world, &id, &RunKind::SYNC).await.unwrap();
    assert!(rests.due_at.unwrap() > world.clock.now(), "{rests:?}");
    world.let_through(&id);
    world.clock.pass(TimeDelta::minutes(3));
    until("it was tried again after its rest", async || {
        report(&world, &id, &RunKind::SYNC).await["menu"]["outcome"]["state"] == "completed"
    })
    .await;
    process.stop().await;
    world.end().await;
}

async fn a_pull_of_stock_under_way_does_not_have_the_menu_synced_again(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.hold(&id, "getStock");
    process.fleet.request_stock(&id, SyncContext::Manual).await.unwrap();
    world.arrival(&id).await;
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    until("the sync ended", async || run(&world, &id, &RunKind::SYNC).await.is_none()).await;
    let synced = report(&world, &id, &RunKind::SYNC).await;
    assert_eq!(synced["menu"]["outcome"]["state"], "completed", "its report is kept: {synced}");
    let pull = run(&world, &id, &RunKind::STOCK).await.unwrap();
    let asked_by: Vec<_> = pull.requests.iter().map(|request| &request.reason).collect();
    assert_eq!(asked_by, [&RunReason::Retry], "what it left out is pulled after the pull that is under way");
    world.let_through(&id);
    until("stock was pulled for it", async || {
        report(&world, &id, &RunKind::STOCK).await["asked_by"] == serde_json::json!(["retry"])
    })
    .await;
    assert_eq!(world.syncs(&id), 1);
    process.stop().await;
    world.end().await;
}

async fn who_accepts_the_loss_of_one_answer_accepts_none_of_a_later_one(mut world: World) {
    world.dialect = "menu-empty".parse().unwrap();
    let id = world.add("a").await;
    let active = async || {
        let items = world.store.items(&id, Select::Page(Page::first(1000))).await.unwrap();
        items.into_iter().filter(|item| item.record.active).count()
    };
    let process = world.start("one");
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Full).await.unwrap();
    until("the menu is there", async || {
        report(&world, &id, &RunKind::SYNC).await["menu"]["outcome"]["state"] == "completed"
    })
    .await;
    let before = active().await;
    // A person accepts what an answer takes away; the run that was to believe it fails, and the POS answers something else.
    world.pos(&id).faults().script_for("getProducts", [Fault::TimeoutAfter; 50]);
    process.fleet.request_sync_accepting_loss(&id, Scope::Full).await.unwrap();
    until("it failed", async || failures(&world, &id, &RunKind::SYNC).await == 1).await;
    world.pos(&id).faults().clear();
    world.pos(&id).pass(std::time::Duration::from_secs(4 * 3600));
    world.clock.pass(TimeDelta::minutes(3));
    until("it was tried again, and the answer is shown to a person", async || {
        let report = report(&world, &id, &RunKind::SYNC).await;
        report["asked_by"] == serde_json::json!(["retry"])
            && report["menu"]["manual_actions"].to_string().contains("none was switched off")
    })
    .await;
    assert_eq!(active().await, before);
    process.stop().await;
    world.end().await;
}

async fn stock_that_a_merchant_does_not_want_is_pulled_for_nobody(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.pos(&id).faults().script_for("getStock", [Fault::TimeoutAfter; 50]);
    process.fleet.request_stock(&id, SyncContext::Webhook).await.unwrap();
    until("it failed", async || failures(&world, &id, &RunKind::STOCK).await == 1).await;
    // It waits to be tried again, and with the next sale another pull is asked for.
    let host = world.host("web");
    let known = host.settings(&id).await.unwrap();
    let mut settings = (*known.settings).clone();
    settings.stock.enabled = false;
    host.save_settings(&id, &settings, known.revision).await.unwrap();
    let asked = world.pos(&id).requests().count("getStock");
    process.fleet.request_stock(&id, SyncContext::Webhook).await.unwrap();
    world.clock.pass(TimeDelta::minutes(3));
    until("nothing is due any more", async || run(&world, &id, &RunKind::STOCK).await.is_none()).await;
    assert_eq!(world.pos(&id).requests().count("getStock"), asked);
    let stopped = process.stop().await;
    assert_eq!(stopped.runs.failed, 1);
    assert!(stopped.runs.dropped >= 1, "{stopped:?}");
    world.end().await;
}

async fn a_run_whose_merchant_was_removed_leaves_no_report(mut world: World) {
    let id = world.add("a").await;
    let process = world.start("one");
    world.hold(&id, "getStock");
    process.fleet.request_stock(&id, SyncContext::Manual).await.unwrap();
    world.arrival(&id).await;
    process.fleet.remove(&id).await.unwrap();
    assert!(!process.fleet.resume(&id).await.unwrap(), "there is nobody to go on with");
    world.let_through(&id);
    // What is under way ends before the process does.
    process.stop().await;
    assert!(world.store.last_reports(&id).await.unwrap().is_empty());
    assert!(world.store.runs(&id).await.unwrap().is_empty());
    world.end().await;
}

async fn what_is_asked_for_a_merchant_who_is_gone_is_dropped(world: World) {
    let gone = ConnectionId::from("gone");
    let process = world.start("one");
    // An event of a till that the host has not heard of for long.
    process.fleet.request_sync(&gone, SyncContext::Webhook, Scope::Incremental).await.unwrap();
    until("nothing is left of it", async || world.store.runs(&gone).await.unwrap().is_empty()).await;
    let report = process.stop().await;
    assert_eq!((report.runs.dropped, report.runs.postponed), (1, 0));
    world.end().await;
}
