//! One process of the fleet. It does what its parent's lines on standard input say, and answers each with a line.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveTime;
use mplus_examples::memory;
use mplus_qapi::transport::ReqwestTransport;
use mplus_qapi::{Client, Endpoint};
use mplus_sync::Host;
use mplus_sync::cancel::CancelToken;
use mplus_sync::fleet::{ByHash, Fleet, FleetSettings};
use mplus_sync::merchant::RunLimits;
use mplus_sync::model::{ConnectionId, OrderNotice, OutboxEntry, Outcome, PosOrder};
use mplus_sync::orders::{ObserverError, OrderObserver};
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::settings::{DailySettings, MerchantSettings};
use mplus_sync::store::{ClaimRequest, Store, StoreError};
use mplus_sync::testkit::write_as_next_release;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;

use crate::database;
use crate::late::Late;
use crate::merchants::{OneForAll, order_settings};

/// The variable in which a process is told what it is.
pub(crate) const TASK: &str = "MPLUS_FLEET_TASK";

/// What a process is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Its name.
    pub(crate) name: String,
    pub(crate) databases: Vec<String>,
    /// Where the test POS is.
    pub(crate) pos: String,
    /// How late it answers, in milliseconds.
    pub(crate) pos_ms: u64,
    /// Hour and minute of the daily run in UTC, and over how many minutes it is spread.
    pub(crate) daily: Option<(u32, u32, u32)>,
    /// Whether it only claims and finishes, as the database can at best.
    pub(crate) bare: bool,
    /// How many of the processes stand for the next release.
    pub(crate) newer_processes: u32,
    /// Whether this one does.
    pub(crate) is_newer: bool,
}

impl Task {
    fn settings(&self) -> FleetSettings {
        let mut settings = FleetSettings::default();
        settings.idle_client = Duration::from_secs(2);
        settings.look_for_new = Duration::from_secs(5);
        settings.claim = Duration::from_secs(15);
        settings.grace = Duration::from_secs(10);
        settings
    }

    /// What holds for all merchants.
    fn merchants(&self) -> MerchantSettings {
        let mut merchants = MerchantSettings::default();
        merchants.orders = Some(order_settings());
        merchants.stock.every_minutes = None;
        merchants.daily = self.daily.map(|(hour, minute, spread)| {
            let mut daily = DailySettings::at(NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default());
            daily.zone = "UTC".parse().unwrap_or(daily.zone);
            daily.spread_minutes = spread;
            daily
        });
        merchants
    }
}

/// A host that takes every notice, as each real one does.
struct Listens;

#[async_trait]
impl OrderObserver for Listens {
    async fn told(&self, _: &OrderNotice) -> Result<(), ObserverError> {
        Ok(())
    }
}

/// Works until its parent says to stop, or is gone.
pub(crate) async fn work(task: &str) -> Result<(), Box<dyn Error>> {
    let task: Task = serde_json::from_str(task)?;
    if task.is_newer {
        write_as_next_release();
    }
    let mut stores = Vec::new();
    let mut counting = Vec::new();
    for url in &task.databases {
        let (store, counts) = database::open(url).await?;
        stores.push(store);
        counting.extend(counts);
    }
    let endpoint = Endpoint::from_url(&task.pos)?;
    let late =
        Late { transport: ReqwestTransport::builder().build()?, by: Duration::from_millis(task.pos_ms) };
    let mut limits = RunLimits::default();
    limits.lease = Duration::from_secs(15);
    let host = |store: &Arc<dyn Store>| {
        let (endpoint, late) = (endpoint.clone(), late.clone());
        let connector = move |_, credentials| {
            let client =
                Client::builder(endpoint.clone(), credentials, late.clone(), mplus_qapi::TokioRuntime);
            Ok(client.build())
        };
        Host::new(Arc::clone(store), Arc::new(OneForAll), connector, Arc::new(TokioRuntime))
            .named(task.name.as_str())
            .with_settings(task.merchants())
            .with_limits(limits.clone())
    };
    let hosts: Vec<Host> = stores.iter().map(host).collect();
    let map = ByHash::over(hosts.len());
    let fleet = Fleet::over(hosts, map)
        .with_settings(task.settings())
        .with_observer(Arc::new(Listens))
        .spawning(|work| drop(tokio::spawn(work)));
    let cancel = CancelToken::new();
    let working = tokio::spawn({
        let (cancel, stores, name, bare) = (cancel.clone(), stores.clone(), task.name.clone(), task.bare);
        async move {
            if bare {
                let mut report = json!({});
                report["accepted"] = claim_and_finish(&stores, &name, &cancel).await.into();
                return report;
            }
            let report = fleet.run(&cancel).await;
            json!({
                "accepted": report.orders.accepted,
                "runs_done": report.runs.done,
                "runs_failed": report.runs.failed,
                "runs_lost": report.runs.lost,
                "runs_postponed": report.runs.postponed,
                "upkeeps": report.runs.upkeeps,
                "panics": report.panics,
                "store_failures": report.store_failures,
            })
        }
    });
    println!("{}", json!({ "ready": true }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line != "stats" {
            break;
        }
        let calls: u64 = counting.iter().map(|store| store.calls()).sum();
        println!("{}", json!({ "resident": memory::resident_bytes(), "calls": calls }));
    }
    cancel.cancel();
    println!("{}", working.await?);
    Ok(())
}

/// The bare loop: claims orders as a fleet does and finishes them at once, without a POS, as many at the same time.
async fn claim_and_finish(stores: &[Arc<dyn Store>], name: &str, cancel: &CancelToken) -> u64 {
    let mut loops = JoinSet::new();
    for store in stores {
        let (store, name, cancel) = (Arc::clone(store), name.to_owned(), cancel.clone());
        loops.spawn(async move { bare_loop(store, &name, &cancel).await.unwrap_or_default() });
    }
    let mut finished = 0;
    while let Some(done) = loops.join_next().await {
        finished += done.unwrap_or_default();
    }
    finished
}

async fn bare_loop(store: Arc<dyn Store>, name: &str, cancel: &CancelToken) -> Result<u64, StoreError> {
    let settings = FleetSettings::default();
    let mut finishing: JoinSet<Result<(), StoreError>> = JoinSet::new();
    let mut finished = 0;
    while !cancel.is_cancelled() {
        let room = settings.orders.saturating_sub(finishing.len());
        let now = TokioRuntime.now();
        let claimed = if room == 0 {
            Vec::new()
        } else {
            let request = ClaimRequest::new(name.into(), room, now + chrono::TimeDelta::minutes(2));
            store.claim(&request.at_once(settings.at_once), now).await?
        };
        let nothing = claimed.is_empty();
        for entry in claimed {
            let store = Arc::clone(&store);
            finishing.spawn(async move { finish(&*store, &entry).await });
        }
        if nothing {
            match finishing.join_next().await {
                Some(done) => {
                    finished += u64::from(matches!(done, Ok(Ok(()))));
                }
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        while let Some(done) = finishing.try_join_next() {
            finished += u64::from(matches!(done, Ok(Ok(()))));
        }
    }
    Ok(finished)
}

async fn finish(store: &dyn Store, entry: &OutboxEntry) -> Result<(), StoreError> {
    let outcome = Outcome::Accepted { pos: PosOrder::with_id(entry.order.number.as_str()) };
    store.finish(&entry.claim(), outcome, TokioRuntime.now()).await
}

/// The merchants of a bare loop are others, so that their orders are nobody else's.
pub(crate) fn bare_merchant(number: u32) -> ConnectionId {
    crate::merchants::id(9_000_000 + number)
}
