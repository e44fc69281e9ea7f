//! The menu and the locations in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    Category, Combo, ConnectionId, FloorPlan, Item, Location, LocationId, ModifierGroup, Tracked,
};
use crate::store::{
    CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, LocationStore, Select, StoreError,
};

use super::MemoryStore;

#[async_trait]
impl CatalogStore for MemoryStore {
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<(), StoreError> {
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
            Ok(())
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
    ) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            merchant.categories.check_edits(&edits.categories)?;
            merchant.items.check_edits(&edits.items)?;
            merchant.combos.check_edits(&edits.combos)?;
            merchant.categories.edit(edits.categories, now);
            merchant.items.edit(edits.items, now);
            merchant.combos.edit(edits.combos, now);
            Ok(())
        })
    }

    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            merchant.categories.check_pushed(&pushes.categories)?;
            merchant.items.check_pushed(&pushes.items)?;
            merchant.combos.check_pushed(&pushes.combos)?;
            merchant.categories.mark_pushed(pushes.categories);
            merchant.items.mark_pushed(pushes.items);
            merchant.combos.mark_pushed(pushes.combos);
            Ok(())
        })
    }
}

#[async_trait]
impl LocationStore for MemoryStore {
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        locations: Vec<Tracked<Location>>,
    ) -> Result<(), StoreError> {
        self.write(connection, |merchant| {
            merchant.locations.check(&locations)?;
            merchant.locations.write(locations);
            Ok(())
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
