//! Stock per location.

use async_trait::async_trait;

use crate::model::{Checkpoint, ConnectionId, InventoryLevel, ItemId, LocationId};

use super::{Page, StoreError};

/// What a stock pull writes at once. A location's item may be in a chunk once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StockChunk {
    /// Levels to write.
    pub levels: Vec<InventoryLevel>,
    /// Levels to take away: their items keep no stock any more. One that is not there is as good as taken away.
    pub gone: Vec<(LocationId, ItemId)>,
    /// How far the pull has come when they are written.
    pub checkpoints: Vec<Checkpoint>,
}

/// Keeps stock.
#[async_trait]
pub trait StockStore: Send + Sync {
    /// Writes levels and checkpoints, and takes levels away, in one transaction: all of it or nothing. Levels that the chunk does
    /// not name stay.
    async fn apply_stock(&self, connection: &ConnectionId, chunk: StockChunk) -> Result<(), StoreError>;

    /// Reads the levels of items at a location; absent ones are left out.
    async fn levels_of(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        items: &[ItemId],
    ) -> Result<Vec<InventoryLevel>, StoreError>;

    /// Reads a location's levels, a page at a time, in the order of their items.
    async fn levels(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        page: Page<ItemId>,
    ) -> Result<Vec<InventoryLevel>, StoreError>;
}
