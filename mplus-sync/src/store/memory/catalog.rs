//! The menu and the locations in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Category, Combo, ConnectionId, FloorPlan, Item, Location, LocationId, ModifierGroup, Tracked, Unreadable,
};
use crate::store::{
    Applied, CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, LocationStore, SavedEdits, Select,
    StoreError,
};

use super::MemoryStore;

#[async_trait]
impl CatalogStore for MemoryStore {
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<Applied, StoreError> {
        self.write(connection, |merchant| {
            merchant.categories.check(&chunk.categories)?;
            merchant.items.check(&chunk.items)?;
            merchant.modifier_groups.check(&chunk.modifier_groups)?;
            merchant.combos.check(&chunk.combos)?;
            merchant.categories.write(chunk.categories);
            merchant.items.write(chunk.items);
            merchant.modifier_groups.write(chunk.modifier_groups);
            merchant.combos.write(chunk.combos);
            merchant.keep(chunk.checkpoints);
            Ok(Applied::default())
        })
    }

    async fn categories(
        &self,
        connection: &ConnectionId,
        select: Select<Category>,
    ) -> Result<Vec<Tracked<Category>>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.categories.select(select)))
    }

    async fn items(
        &self,
        connection: &ConnectionId,
        select: Select<Item>,
    ) -> Result<Vec<Tracked<Item>>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.items.select(select)))
    }

    async fn modifier_groups(
        &self,
        connection: &ConnectionId,
        select: Select<ModifierGroup>,
    ) -> Result<Vec<Tracked<ModifierGroup>>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.modifier_groups.select(select)))
    }

    async fn combos(
        &self,
        connection: &ConnectionId,
        select: Select<Combo>,
    ) -> Result<Vec<Tracked<Combo>>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.combos.select(select)))
    }

    async fn save_edits(
        &self,
        connection: &ConnectionId,
        edits: CatalogEdits,
        now: DateTime<Utc>,
    ) -> Result<SavedEdits, StoreError> {
        self.write(connection, |merchant| {
            let mut saved = SavedEdits::default();
            let categories = merchant.categories.edited(&edits.categories, now, &mut saved.stale)?;
            let items = merchant.items.edited(&edits.items, now, &mut saved.stale)?;
            let combos = merchant.combos.edited(&edits.combos, now, &mut saved.stale)?;
            merchant.categories.write(categories);
            merchant.items.write(items);
            merchant.combos.write(combos);
            Ok(saved)
        })
    }

    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            let categories = merchant.categories.pushed(pushes.categories)?;
            let items = merchant.items.pushed(pushes.items)?;
            let combos = merchant.combos.pushed(pushes.combos)?;
            merchant.categories.write(categories);
            merchant.items.write(items);
            merchant.combos.write(combos);
            Ok(())
        })
    }

    async fn unreadable(&self, _: &ConnectionId) -> Result<Vec<Unreadable>, StoreError> {
        // What is kept here was never written down.
        Ok(Vec::new())
    }
}

#[async_trait]
impl LocationStore for MemoryStore {
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        locations: Vec<Tracked<Location>>,
    ) -> Result<Applied, StoreError> {
        self.write(connection, |merchant| {
            merchant.locations.check(&locations)?;
            merchant.locations.write(locations);
            Ok(Applied::default())
        })
    }

    async fn locations(
        &self,
        connection: &ConnectionId,
        select: Select<Location>,
    ) -> Result<Vec<Tracked<Location>>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.locations.select(select)))
    }

    async fn save_floor_plan(&self, connection: &ConnectionId, plan: &FloorPlan) -> Result<(), StoreError> {
        self.write(connection, |merchant| merchant.floor_plans.insert(plan.location.clone(), plan.clone()));
        Ok(())
    }

    async fn floor_plan(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
    ) -> Result<Option<FloorPlan>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.floor_plans.get(location).cloned()))
    }
}
