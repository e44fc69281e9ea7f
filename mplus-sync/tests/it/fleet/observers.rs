//! Hosts whose code panics when it is told of something: nothing is lost by that, and nobody else suffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::fleet::RunObserver;
use mplus_sync::model::{ConnectionId, OrderNotice, RunKind};
use mplus_sync::orders::{ObserverError, OrderObserver};
use mplus_sync::report::{RunReport, Scope};
use tokio::sync::mpsc;

use super::world::{World, until};

struct PanicsAtRuns(Arc<AtomicUsize>);

#[async_trait]
impl RunObserver for PanicsAtRuns {
    async fn ended(&self, _: &RunKind, _: &RunReport) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("this panic is part of the test");
    }
}

#[tokio::test]
async fn a_run_that_was_done_is_done_though_the_host_panics_when_it_is_told() {
    let mut world = World::in_memory();
    let id = world.add("a").await;
    let told = Arc::new(AtomicUsize::new(0));
    let process = World::run(world.fleet("one").with_run_observer(Arc::new(PanicsAtRuns(told.clone()))));
    process.fleet.request_sync(&id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    until("its sync is done, and nothing of it is due", async || {
        world.clock.pass(TimeDelta::seconds(1));
        let runs = world.store.runs(&id).await.unwrap();
        runs.iter().all(|run| run.kind != RunKind::SYNC)
            && world.store.last_report(&id, &RunKind::SYNC).await.unwrap().is_some()
    })
    .await;
    let report = process.stop().await;
    assert_eq!((report.runs.done, report.runs.failed, report.panics), (1, 0, 0));
    assert_eq!(world.syncs(&id), 1);
    assert!(told.load(Ordering::SeqCst) > 0);
}

/// Panics so often at the notices of one merchant, and hands on the others.
struct PanicsAt {
    merchant: ConnectionId,
    left: AtomicUsize,
    told: mpsc::UnboundedSender<(ConnectionId, String)>,
}

#[async_trait]
impl OrderObserver for PanicsAt {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        let takes_one = |left: usize| left.checked_sub(1);
        let panics = notice.connection == self.merchant
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes_one).is_ok();
        assert!(!panics, "this panic is part of the test");
        let _ = self.told.send((notice.connection.clone(), notice.order.to_string()));
        Ok(())
    }
}

#[tokio::test]
async fn a_notice_at_which_the_host_panics_is_told_again_and_those_of_others_do_not_wait_for_that() {
    let mut world = World::in_memory();
    let (breaks, works) = (world.add("a-breaks").await, world.add("works").await);
    let (sender, mut told) = mpsc::unbounded_channel();
    let observer = PanicsAt { merchant: breaks.clone(), left: AtomicUsize::new(2), told: sender };
    let (fleet, cancel) = (world.fleet("one").with_observer(Arc::new(observer)), CancelToken::new());
    let process = tokio::spawn({
        let cancel = cancel.clone();
        async move { fleet.run(&cancel).await }
    });
    world.order(&breaks, "1").await;
    world.order(&works, "2").await;
    assert_eq!(told.recv().await, Some((works, "2".to_owned())), "at once");
    let mut again = None;
    until("it is told again", async || {
        world.clock.pass(TimeDelta::seconds(10));
        again = told.try_recv().ok();
        again.is_some()
    })
    .await;
    assert_eq!(again, Some((breaks, "1".to_owned())));
    cancel.cancel();
    let report = process.await.unwrap();
    assert_eq!((report.orders.told, report.panics), (2, 0));
}
