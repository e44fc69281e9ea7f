//! The merchant of a soak run, and a clock that runs fast.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::testkit::Pos;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, ConnectionId, Item, Location, OrderNumber, OutboxStateKind, PaymentMethod,
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
/// The POS's code of how guests pay.
pub(crate) const PAYMENT_METHOD: &str = "IDEAL";
/// The workplace at which the integration enters orders.
const WORKPLACE: i32 = 1;

/// A clock that runs faster than the wall's, so that rests of minutes take moments. All processes of a run agree on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FastRuntime {
    /// How many times faster.
    speed: u32,
    /// What the clock showed at 1970-01-01, had it always run this fast.
    origin: DateTime<Utc>,
}

impl FastRuntime {
    /// A clock that shows `now` at this moment.
    fn starting_at(now: DateTime<Utc>, speed: u32) -> Self {
        Self { speed, origin: now - since_1970(speed) }
    }

    /// How much of this clock's time passes while the wall's goes on by `wall`.
    pub(crate) fn during(&self, wall: Duration) -> Duration {
        wall * self.speed
    }

    /// The same clock in another process, by what [`told`](Self::told) says.
    pub(crate) fn of(told: &str) -> Option<Self> {
        let (speed, origin) = told.split_once('/')?;
        let origin = DateTime::from_timestamp_micros(origin.parse().ok()?)?;
        Some(Self { speed: speed.parse().ok()?, origin })
    }

    /// What another process has to know of it.
    pub(crate) fn told(&self) -> String {
        format!("{}/{}", self.speed, self.origin.timestamp_micros())
    }
}

#[expect(clippy::disallowed_methods, reason = "a soak run has a real clock")]
fn since_1970(speed: u32) -> TimeDelta {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    TimeDelta::from_std(passed * speed).unwrap_or_default()
}

#[async_trait]
impl Runtime for FastRuntime {
    fn now(&self) -> DateTime<Utc> {
        self.origin + since_1970(self.speed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / self.speed).await;
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }
}

/// Lets the POS's clock show what the workers' shows.
pub(crate) async fn keep_time(pos: Pos, runtime: FastRuntime) {
    loop {
        pos.set_clock(runtime.now());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What all workers share.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: FastRuntime,
}

impl World {
    pub(crate) fn new(store: Arc<dyn Store>, now: DateTime<Utc>, speed: u32) -> Self {
        Self { store, runtime: FastRuntime::starting_at(now, speed) }
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

    /// How many orders a worker still has to do with.
    pub(crate) async fn open(&self) -> Result<u64, StoreError> {
        let counts = self.store.counts(&Self::connection()).await?;
        Ok(counts.iter().filter(|(kind, _)| kind.is_open()).map(|(_, count)| count).sum())
    }

    /// What the workers believe in the end.
    pub(crate) async fn ended(&self) -> Result<Ended, StoreError> {
        let counts = self.store.counts(&Self::connection()).await?;
        let mut ended = Ended {
            accepted: counts.get(&OutboxStateKind::Accepted).copied().unwrap_or_default(),
            left_to_person: BTreeSet::new(),
            why: None,
        };
        for kind in OutboxStateKind::ALL.into_iter().filter(|kind| kind.waits_for_person()) {
            for entry in self.store.entries(&Self::connection(), kind, None, usize::MAX >> 1).await? {
                ended.left_to_person.insert(entry.order.number);
                ended.why = ended.why.or(entry.last_error);
            }
        }
        Ok(ended)
    }
}

/// What the workers believe of the orders.
pub(crate) struct Ended {
    pub(crate) accepted: u64,
    /// Orders of which somebody is told to look.
    pub(crate) left_to_person: BTreeSet<OrderNumber>,
    /// What is wrong with one of them.
    pub(crate) why: Option<String>,
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
        .with_payment_method(PaymentMethod::Ideal, PAYMENT_METHOD);
    branches().fold(settings, |settings, branch| {
        settings.with_location(location(branch), LocationSettings::at_workplace(WORKPLACE))
    })
}
