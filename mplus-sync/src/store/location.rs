//! Locations, with their tables and courses.

use async_trait::async_trait;

use crate::model::{ConnectionId, FloorPlan, Location, LocationId, Tracked};

use super::{Applied, Select, StoreError};

/// Keeps locations and floor plans.
#[async_trait]
pub trait LocationStore: Send + Sync {
    /// Writes locations: all of them or none, by the rules of [`CatalogStore::apply`](super::CatalogStore::apply).
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        locations: Vec<Tracked<Location>>,
    ) -> Result<Applied, StoreError>;

    /// Reads locations; in no particular order unless a page is asked.
    async fn locations(
        &self,
        connection: &ConnectionId,
        select: Select<Location>,
    ) -> Result<Vec<Tracked<Location>>, StoreError>;

    /// Replaces a location's tables and courses.
    async fn save_floor_plan(&self, connection: &ConnectionId, plan: &FloorPlan) -> Result<(), StoreError>;

    /// Reads a location's tables and courses; none when they were never pulled.
    async fn floor_plan(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
    ) -> Result<Option<FloorPlan>, StoreError>;
}
