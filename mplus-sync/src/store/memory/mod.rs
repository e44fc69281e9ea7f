//! A store in memory.

mod catalog;
mod outbox;
mod table;
mod work;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Activity, Category, Checkpoint, Combo, Connection, ConnectionId, CustomerId, CustomerLink, DueRun,
    FloorPlan, HeldLease, InventoryLevel, Item, ItemId, LeaseName, Location, LocationId, LoggedActivity,
    Marker, ModifierGroup, Resource, Revision, RunKind, StoredReport, StoredSettings,
};

use self::outbox::Outbox;
use self::table::Table;
use super::{
    ActivityLog, Bell, CheckpointStore, ConnectionCounts, ConnectionStore, CustomerStore, Listener, Page,
    SettingsStore, StockChunk, StockStore, StoreError, StoreErrorKind, Wake, WakeUp,
};

/// A store in memory, gone when the process ends: for tests and for trying things out.
///
/// Shows every behaviour of the stores on disk, at the price of keeping everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct State {
    merchants: BTreeMap<ConnectionId, Merchant>,
    connections: BTreeMap<ConnectionId, Connection>,
    outbox: Outbox,
    leases: BTreeMap<(ConnectionId, LeaseName), HeldLease>,
    runs: BTreeMap<(ConnectionId, RunKind), DueRun>,
    lease_tokens: i64,
    activities: i64,
}

/// What belongs to one connection.
#[derive(Debug, Default)]
struct Merchant {
    categories: Table<Category>,
    items: Table<Item>,
    modifier_groups: Table<ModifierGroup>,
    combos: Table<Combo>,
    locations: Table<Location>,
    floor_plans: BTreeMap<LocationId, FloorPlan>,
    levels: BTreeMap<(LocationId, ItemId), InventoryLevel>,
    links: BTreeMap<CustomerId, CustomerLink>,
    checkpoints: BTreeMap<Resource, Marker>,
    activities: BTreeMap<i64, Activity>,
    settings: Option<StoredSettings>,
    reports: BTreeMap<RunKind, StoredReport>,
}

impl Merchant {
    fn keep(&mut self, checkpoints: Vec<Checkpoint>) {
        self.checkpoints.extend(checkpoints.into_iter().map(|point| (point.resource, point.marker)));
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every change is checked before it is made, so that a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<R>(&self, connection: &ConnectionId, read: impl FnOnce(&Merchant) -> R) -> R {
        match self.lock().merchants.get(connection) {
            Some(merchant) => read(merchant),
            None => read(&Merchant::default()),
        }
    }

    fn write<R>(&self, connection: &ConnectionId, write: impl FnOnce(&mut Merchant) -> R) -> R {
        write(self.lock().merchants.entry(connection.clone()).or_default())
    }
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn checkpoints(&self, connection: &ConnectionId) -> Result<Vec<Checkpoint>, StoreError> {
        let point = |(resource, marker): (&Resource, &Marker)| Checkpoint::new(resource.clone(), *marker);
        Ok(self.read(connection, |merchant| merchant.checkpoints.iter().map(point).collect()))
    }

    async fn forget_checkpoints(
        &self,
        connection: &ConnectionId,
        resources: &[Resource],
    ) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            merchant.checkpoints.retain(|resource, _| !resources.contains(resource));
        });
        Ok(())
    }
}

#[async_trait]
impl StockStore for MemoryStore {
    async fn apply_stock(&self, connection: &ConnectionId, chunk: StockChunk) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            let key = |level: &InventoryLevel| (level.location.clone(), level.item.clone());
            merchant.levels.extend(chunk.levels.into_iter().map(|level| (key(&level), level)));
            chunk.gone.iter().for_each(|gone| drop(merchant.levels.remove(gone)));
            merchant.keep(chunk.checkpoints);
        });
        Ok(())
    }

    async fn levels_of(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        items: &[ItemId],
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let key = |item: &ItemId| (location.clone(), item.clone());
        Ok(self.read(connection, |merchant| {
            items.iter().filter_map(|item| merchant.levels.get(&key(item)).cloned()).collect()
        }))
    }

    async fn levels(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        page: Page<ItemId>,
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        Ok(self.read(connection, |merchant| {
            let here = merchant.levels.values().filter(|level| level.location == *location);
            let behind = here.filter(|level| page.after.as_ref().is_none_or(|after| level.item > *after));
            behind.take(page.limit).cloned().collect()
        }))
    }
}

#[async_trait]
impl CustomerStore for MemoryStore {
    async fn customer_link(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.links.get(customer).cloned()))
    }

    async fn link_customer(
        &self,
        connection: &ConnectionId,
        link: CustomerLink,
    ) -> Result<CustomerLink, StoreError> {
        Ok(self.write(connection, |merchant| {
            merchant.links.entry(link.customer.clone()).or_insert(link).clone()
        }))
    }

    async fn unlink_customer(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<(), StoreError> {
        self.write(connection, |merchant| merchant.links.remove(customer));
        Ok(())
    }
}

#[async_trait]
impl ActivityLog for MemoryStore {
    async fn log(&self, connection: &ConnectionId, activities: &[Activity]) -> Result<(), StoreError> {
        let mut state = self.lock();
        for activity in activities {
            state.activities += 1;
            let sequence = state.activities;
            let merchant = state.merchants.entry(connection.clone()).or_default();
            merchant.activities.insert(sequence, activity.clone());
        }
        Ok(())
    }

    async fn activities(
        &self,
        connection: &ConnectionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError> {
        Ok(self.read(connection, |merchant| {
            let older = merchant.activities.range(..before.unwrap_or(i64::MAX)).rev().take(limit);
            let logged = older.map(|(sequence, activity)| LoggedActivity {
                sequence: *sequence,
                activity: activity.clone(),
            });
            logged.collect()
        }))
    }

    async fn prune_activities(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        Ok(self.write(connection, |merchant| {
            let count = merchant.activities.len();
            merchant.activities.retain(|_, activity| activity.at >= before);
            (count - merchant.activities.len()) as u64
        }))
    }
}

#[async_trait]
impl ConnectionStore for MemoryStore {
    async fn save_connection(&self, connection: &Connection) -> Result<Revision, StoreError> {
        let mut state = self.lock();
        let stored = state.connections.get(&connection.id).map(|stored| stored.revision);
        if stored.unwrap_or_default() != connection.revision {
            let action = format!("save connection {}", connection.id);
            return Err(StoreError::new(StoreErrorKind::Conflict, action));
        }
        let revision = connection.revision.next();
        state.connections.insert(connection.id.clone(), Connection { revision, ..connection.clone() });
        Ok(revision)
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        Ok(self.lock().connections.get(id).cloned())
    }

    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        let state = self.lock();
        Ok(table::behind(&state.connections, page).cloned().collect())
    }

    async fn count_connections(&self) -> Result<ConnectionCounts, StoreError> {
        let state = self.lock();
        let of = |counts: fn(&Connection) -> bool| {
            state.connections.values().filter(|connection| counts(connection)).count() as u64
        };
        Ok(ConnectionCounts::new(of(|_| true), of(Connection::is_held), of(Connection::is_failing)))
    }

    async fn failing_connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        let state = self.lock();
        let behind = table::behind(&state.connections, Page { limit: usize::MAX, ..page.clone() });
        Ok(behind.filter(|connection| connection.is_failing()).take(page.limit).cloned().collect())
    }

    async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.connections.remove(id);
        state.merchants.remove(id);
        state.outbox.remove_connection(id);
        state.leases.retain(|(connection, _), _| connection != id);
        state.runs.retain(|(connection, _), _| connection != id);
        Ok(())
    }

    async fn forget_pos(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.write(id, |merchant| {
            *merchant = Merchant {
                activities: std::mem::take(&mut merchant.activities),
                settings: merchant.settings.take(),
                reports: std::mem::take(&mut merchant.reports),
                ..Merchant::default()
            };
        });
        Ok(())
    }
}

#[async_trait]
impl SettingsStore for MemoryStore {
    async fn settings(&self, connection: &ConnectionId) -> Result<Option<StoredSettings>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.settings.clone()))
    }

    async fn save_settings(
        &self,
        connection: &ConnectionId,
        settings: &StoredSettings,
    ) -> Result<Revision, StoreError> {
        self.write(connection, |merchant| {
            let stored = merchant.settings.as_ref().map(|settings| settings.revision).unwrap_or_default();
            if stored != settings.revision {
                let action = format!("save the settings of connection {connection}");
                return Err(StoreError::new(StoreErrorKind::Conflict, action));
            }
            let revision = stored.next();
            merchant.settings = Some(StoredSettings { revision, ..settings.clone() });
            Ok(revision)
        })
    }
}

impl WakeUp for MemoryStore {
    fn wake(&self, what: Wake) {
        self.bell.ring(what);
    }

    fn listen(&self) -> Listener {
        self.bell.listen()
    }
}
