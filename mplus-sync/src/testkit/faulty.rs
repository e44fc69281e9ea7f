//! A store that fails when it is told to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Activity, Category, Checkpoint, ClaimedNotice, ClaimedRun, Combo, Connection, ConnectionId, CustomerId,
    CustomerLink, FloorPlan, HeldLease, Holder, InventoryLevel, Item, ItemId, Lease, LeaseName, Location,
    LocationId, LoggedActivity, ModifierGroup, Order, OrderNumber, OrderStep, OutboxEntry, OutboxStateKind,
    Resource, Revision, RunKind, RunRequest, RunStatus, RunStep, StoredReport, StoredSettings, Tracked,
    Unreadable,
};
use crate::store::{
    ActivityLog, Applied, Backlog, CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, CheckpointStore,
    ClaimRequest, ConnectionCounts, ConnectionStore, CustomerStore, Enqueued, LeaseStore, Listener,
    LocationStore, NoticeRequest, NoticeStore, OrderOutbox, Page, RunBacklog, RunClaimRequest, RunStore,
    SavedEdits, Select, SettingsStore, StockChunk, StockStore, Store, StoreError, StoreErrorKind, Wake,
    WakeUp,
};

/// Which call fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct FailAt {
    call: u64,
    carried_out: bool,
    lasting: bool,
}

impl FailAt {
    /// The n-th call, counted from 1, fails without being carried out.
    pub fn before(call: u64) -> Self {
        Self { call, carried_out: false, lasting: false }
    }

    /// The n-th call, counted from 1, is carried out and fails all the same: its answer is lost.
    pub fn after(call: u64) -> Self {
        Self { call, carried_out: true, lasting: false }
    }

    /// Every later call fails too, without being carried out, as after a crash.
    pub fn and_all_later(self) -> Self {
        Self { lasting: true, ..self }
    }
}

/// Wraps a store and lets one of its calls fail.
///
/// To try a crash at every point: run what is tested once to learn from [`calls`](Self::calls) how many calls it makes,
/// then once for each call with that one failing, each time followed by an undisturbed run on the wrapped store.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fail_at: Option<FailAt>,
    calls: AtomicU64,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("fail_at", &self.fail_at)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl FaultyStore {
    /// A store that counts calls and never fails by itself.
    pub fn counting(inner: Arc<dyn Store>) -> Self {
        Self { inner, fail_at: None, calls: AtomicU64::new(0) }
    }

    /// A store that fails at one call.
    pub fn failing(inner: Arc<dyn Store>, fail_at: FailAt) -> Self {
        Self { fail_at: Some(fail_at), ..Self::counting(inner) }
    }

    /// How many calls were made so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Counts a call. Fails it, or says what to answer when it was carried out.
    fn begin(&self, action: &'static str) -> Result<Option<StoreError>, StoreError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let error = || {
            StoreError::new(StoreErrorKind::Unavailable, action).with_source(format!("fault at call {call}"))
        };
        match self.fail_at {
            Some(fault) if call == fault.call && fault.carried_out => Ok(Some(error().maybe_done())),
            Some(fault) if call == fault.call || (fault.lasting && call > fault.call) => Err(error()),
            _ => Ok(None),
        }
    }
}

/// Passes each call on, unless it is the one to fail.
macro_rules! pass_on {
    ($($store:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* })*) => {$(
        #[async_trait]
        impl $store for FaultyStore {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let lost = self.begin(stringify!($name))?;
                let answer = self.inner.$name($($arg),*).await?;
                lost.map_or(Ok(answer), Err)
            }
        )*}
    )*};
}

pass_on! {
    CatalogStore {
        fn apply(connection: &ConnectionId, chunk: CatalogChunk) -> Applied;
        fn categories(connection: &ConnectionId, select: Select<Category>) -> Vec<Tracked<Category>>;
        fn items(connection: &ConnectionId, select: Select<Item>) -> Vec<Tracked<Item>>;
        fn modifier_groups(connection: &ConnectionId, select: Select<ModifierGroup>) -> Vec<Tracked<ModifierGroup>>;
        fn combos(connection: &ConnectionId, select: Select<Combo>) -> Vec<Tracked<Combo>>;
        fn save_edits(connection: &ConnectionId, edits: CatalogEdits, now: DateTime<Utc>) -> SavedEdits;
        fn mark_pushed(connection: &ConnectionId, pushes: CatalogPushes) -> ();
        fn unreadable(connection: &ConnectionId) -> Vec<Unreadable>;
    }
    CheckpointStore {
        fn checkpoints(connection: &ConnectionId) -> Vec<Checkpoint>;
        fn forget_checkpoints(connection: &ConnectionId, resources: &[Resource]) -> ();
    }
    LocationStore {
        fn apply_locations(connection: &ConnectionId, locations: Vec<Tracked<Location>>) -> Applied;
        fn locations(connection: &ConnectionId, select: Select<Location>) -> Vec<Tracked<Location>>;
        fn save_floor_plan(connection: &ConnectionId, plan: &FloorPlan) -> ();
        fn floor_plan(connection: &ConnectionId, location: &LocationId) -> Option<FloorPlan>;
    }
    StockStore {
        fn apply_stock(connection: &ConnectionId, chunk: StockChunk) -> ();
        fn levels_of(connection: &ConnectionId, location: &LocationId, items: &[ItemId]) -> Vec<InventoryLevel>;
        fn levels(connection: &ConnectionId, location: &LocationId, page: Page<ItemId>) -> Vec<InventoryLevel>;
    }
    CustomerStore {
        fn customer_link(connection: &ConnectionId, customer: &CustomerId) -> Option<CustomerLink>;
        fn link_customer(connection: &ConnectionId, link: CustomerLink) -> CustomerLink;
        fn unlink_customer(connection: &ConnectionId, customer: &CustomerId) -> ();
    }
    OrderOutbox {
        fn enqueue(connection: &ConnectionId, order: &Order, now: DateTime<Utc>) -> Enqueued;
        fn claim(request: &ClaimRequest, now: DateTime<Utc>) -> Vec<OutboxEntry>;
        fn rest(connection: &ConnectionId, until: DateTime<Utc>) -> ();
        fn take_up_set_aside() -> ();
        fn step(connection: &ConnectionId, order: &OrderNumber, step: OrderStep<'_>) -> ();
        fn requeue_all(connection: &ConnectionId, state: Option<OutboxStateKind>, now: DateTime<Utc>) -> u64;
        fn release_expired(now: DateTime<Utc>) -> u64;
        fn entry(connection: &ConnectionId, order: &OrderNumber) -> Option<OutboxEntry>;
        fn entries(connection: &ConnectionId, state: OutboxStateKind, after: Option<i64>, limit: usize)
            -> Vec<OutboxEntry>;
        fn counts(connection: &ConnectionId) -> BTreeMap<OutboxStateKind, u64>;
        fn backlog(connection: Option<&ConnectionId>) -> Backlog;
        fn prune_orders(connection: &ConnectionId, older_than: &[(OutboxStateKind, DateTime<Utc>)]) -> u64;
    }
    NoticeStore {
        fn claim_notices(request: &NoticeRequest, now: DateTime<Utc>) -> Vec<ClaimedNotice>;
        fn acknowledge(notice: &ClaimedNotice) -> ();
        fn postpone(notice: &ClaimedNotice, until: DateTime<Utc>) -> ();
        fn prune_notices(connection: &ConnectionId, before: DateTime<Utc>) -> u64;
    }
    RunStore {
        fn request_run(connection: &ConnectionId, kind: &RunKind, request: RunRequest) -> ();
        fn claim_runs(request: &RunClaimRequest, now: DateTime<Utc>) -> Vec<ClaimedRun>;
        fn step_run(run: &ClaimedRun, step: RunStep<'_>) -> ();
        fn connections_without_run(kind: &RunKind, limit: usize) -> Vec<ConnectionId>;
        fn runs(connection: &ConnectionId) -> Vec<RunStatus>;
        fn run_backlog(now: DateTime<Utc>) -> RunBacklog;
        fn save_report(connection: &ConnectionId, kind: &RunKind, report: &StoredReport) -> ();
        fn last_reports(connection: &ConnectionId) -> Vec<(RunKind, StoredReport)>;
    }
    LeaseStore {
        fn acquire(
            connection: &ConnectionId, name: &LeaseName, holder: &Holder, until: DateTime<Utc>, now: DateTime<Utc>
        ) -> Option<Lease>;
        fn extend(lease: &Lease, until: DateTime<Utc>) -> Lease;
        fn note_lease(lease: &Lease, note: &str) -> ();
        fn release(lease: &Lease) -> ();
        fn leases(connection: Option<&ConnectionId>, now: DateTime<Utc>) -> Vec<HeldLease>;
        fn prune_leases(before: DateTime<Utc>) -> u64;
    }
    ActivityLog {
        fn log(connection: &ConnectionId, activities: &[Activity]) -> ();
        fn activities(connection: &ConnectionId, before: Option<i64>, limit: usize) -> Vec<LoggedActivity>;
        fn prune_activities(connection: &ConnectionId, before: DateTime<Utc>) -> u64;
    }
    ConnectionStore {
        fn save_connection(connection: &Connection) -> Revision;
        fn connection(id: &ConnectionId) -> Option<Connection>;
        fn connections(page: Page<ConnectionId>) -> Vec<Connection>;
        fn count_connections() -> ConnectionCounts;
        fn failing_connections(page: Page<ConnectionId>) -> Vec<Connection>;
        fn remove_connection(id: &ConnectionId) -> ();
        fn forget_pos(id: &ConnectionId) -> ();
    }
    SettingsStore {
        fn settings(connection: &ConnectionId) -> Option<StoredSettings>;
        fn save_settings(connection: &ConnectionId, settings: &StoredSettings) -> Revision;
    }
}

/// Never fails: nothing may depend on it.
impl WakeUp for FaultyStore {
    fn wake(&self, what: Wake) {
        self.inner.wake(what);
    }

    fn listen(&self) -> Listener {
        self.inner.listen()
    }
}
