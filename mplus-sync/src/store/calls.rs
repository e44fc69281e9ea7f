//! Every call of a store, once, for stores that stand before another one; and the types that the calls name.

pub(crate) use std::collections::BTreeMap;

pub(crate) use async_trait::async_trait;
pub(crate) use chrono::{DateTime, NaiveDate, Utc};

pub(crate) use crate::model::{
    Activity, ArticleNumber, Category, Checkpoint, ClaimedNotice, ClaimedRun, Combo, Connection,
    ConnectionId, CustomerId, CustomerLink, FloorPlan, HeldLease, Holder, InventoryLevel, Item, ItemId,
    Lease, LeaseName, Location, LocationId, LoggedActivity, ModifierGroup, Order, OrderNumber, OrderStep,
    OutboxEntry, OutboxStateKind, Resource, Revision, RunKind, RunRequest, RunStatus, RunStep, StoredReport,
    StoredSettings, Tracked, Unreadable,
};

pub(crate) use super::{
    ActivityLog, Applied, Backlog, CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, CheckpointStore,
    ClaimRequest, ConnectionCounts, ConnectionStore, CustomerStore, Enqueued, Finished, LeaseStore,
    LocationStore, NoticeRequest, NoticeStore, OrderOutbox, Page, RunBacklog, RunClaimRequest, RunStore,
    SavedEdits, Select, SetAside, SettingsStore, StockChunk, StockStore, StoreError,
};

/// Hands all calls of a [`Store`](super::Store) to a macro, trait by trait; those that are made of others and that
/// no store answers by itself, and [`WakeUp`](super::WakeUp), left out.
macro_rules! store_calls {
    ($then:ident) => {
        $then! {
            CatalogStore {
                fn apply(connection: &ConnectionId, chunk: CatalogChunk) -> Applied;
                fn categories(connection: &ConnectionId, select: Select<Category>) -> Vec<Tracked<Category>>;
                fn items(connection: &ConnectionId, select: Select<Item>) -> Vec<Tracked<Item>>;
                fn items_of_articles(connection: &ConnectionId, articles: &[ArticleNumber]) -> Vec<(ArticleNumber, ItemId)>;
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
                fn take_up_again(connection: &ConnectionId, now: DateTime<Utc>) -> u64;
                fn discard_set_aside(connection: &ConnectionId) -> u64;
                fn count_set_aside() -> SetAside;
                fn step(connection: &ConnectionId, order: &OrderNumber, step: OrderStep<'_>) -> ();
                fn finish_all(finished: &[Finished], now: DateTime<Utc>) -> Vec<Result<(), StoreError>>;
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
                fn last_report(connection: &ConnectionId, kind: &RunKind) -> Option<StoredReport>;
                fn last_day(connection: &ConnectionId, kind: &RunKind) -> Option<NaiveDate>;
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
                fn clock() -> Option<DateTime<Utc>>;
                fn is_outdated() -> bool;
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
    };
}

pub(crate) use store_calls;
