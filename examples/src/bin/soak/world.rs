//! The merchant of a soak run, and a clock that runs fast.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::testkit::Pos;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, ConnectionId, Item, Location, OutboxStateKind, PaymentMethod,
    RelationNumber, Tracked,
};
use mplus_sync::orders::{LocationSettings, OrderSettings};
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::store::{CatalogChunk, Store, StoreError};

/// What is sold, with its price in cents.
pub(crate) const ITEMS: [(&str, i64); 2] = [("Coca-Cola", 320), ("Leeuwburger", 1_850)];
/// Branches, and tables of each.
pub(crate) const BRANCHES: u32 = 3;
pub(crate) const TABLES: u32 = 20;
/// The workplace at which the integration enters orders.
const WORKPLACE: i32 = 1;

/// A clock that runs this much faster than the wall's, so that rests of minutes take moments. All processes of a run
/// agree on it.
pub(crate) const SPEED: u32 = 60;

#[derive(Debug, Clone, Copy)]
pub(crate) struct FastRuntime {
    /// What the clock showed at 1970-01-01, had it always run this fast.
    origin: DateTime<Utc>,
}

impl FastRuntime {
    /// A clock that shows `now` at this moment.
    fn starting_at(now: DateTime<Utc>) -> Self {
        Self { origin: now - since_1970() }
    }

    /// The same clock in another process.
    pub(crate) fn of_origin(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(|origin| Self { origin })
    }

    /// What [`of_origin`](Self::of_origin) takes.
    pub(crate) fn origin(&self) -> i64 {
        self.origin.timestamp_micros()
    }
}

#[expect(clippy::disallowed_methods, reason = "a soak run has a real clock")]
fn since_1970() -> TimeDelta {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    TimeDelta::from_std(passed * SPEED).unwrap_or_default()
}

#[async_trait]
impl Runtime for FastRuntime {
    fn now(&self) -> DateTime<Utc> {
        self.origin + since_1970()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / SPEED).await;
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }
}

/// Lets the POS's clock show what the workers' shows.
pub(crate) async fn keep_time(pos: Pos, runtime: FastRuntime) {
    loop {
        pos.set_clock(runtime.now());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What all workers share.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: FastRuntime,
}

impl World {
    pub(crate) fn new(store: Arc<dyn Store>, now: DateTime<Utc>) -> Self {
        Self { store, runtime: FastRuntime::starting_at(now) }
    }

    pub(crate) fn connection() -> ConnectionId {
        ConnectionId::from("soak")
    }

    /// Stores what a menu sync and a branch sync would have stored.
    pub(crate) async fn link_menu(&self, pos: &Pos) -> Result<(), Box<dyn Error>> {
        let mut items = Vec::new();
        for (name, _) in ITEMS {
            let article = pos.article_number(name).ok_or("the brasserie does not sell it")?;
            items.push(Tracked::new(Item::new(name, name)).linked(ArticleNumber::new(article)));
        }
        self.store.apply(&Self::connection(), CatalogChunk { items, ..CatalogChunk::default() }).await?;
        let locations = branches().map(|branch| {
            let location = Location::new(location(branch), format!("Branch {branch}"));
            Tracked::new(location).linked(BranchNumber::new(branch))
        });
        self.store.apply_locations(&Self::connection(), locations.collect()).await?;
        Ok(())
    }

    /// How many orders are in a state that a worker still has to do with, and how many were accepted.
    pub(crate) async fn open(&self) -> Result<u64, StoreError> {
        let counts = self.store.counts(&Self::connection()).await?;
        Ok(counts.iter().filter(|(kind, _)| kind.is_open()).map(|(_, count)| count).sum())
    }

    pub(crate) async fn accepted(&self) -> Result<u64, StoreError> {
        let counts = self.store.counts(&Self::connection()).await?;
        Ok(counts.get(&OutboxStateKind::Accepted).copied().unwrap_or_default())
    }
}

fn branches() -> impl Iterator<Item = i32> {
    (1..).take(BRANCHES as usize)
}

pub(crate) fn location(branch: i32) -> String {
    format!("branch-{branch}")
}

pub(crate) fn settings() -> OrderSettings {
    let settings = OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL");
    branches().fold(settings, |settings, branch| {
        settings.with_location(location(branch), LocationSettings::at_workplace(WORKPLACE))
    })
}
