//! How far each pull has come.

use async_trait::async_trait;

use crate::model::{Checkpoint, ConnectionId, Resource};

use super::StoreError;

/// Keeps checkpoints.
///
/// They are written with the chunks they belong to ([`CatalogStore::apply`](super::CatalogStore::apply),
/// [`StockStore::apply_stock`](super::StockStore::apply_stock)), in the same transaction, never on their own.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Reads all checkpoints of a connection, in the order of their resources.
    async fn checkpoints(&self, connection: &ConnectionId) -> Result<Vec<Checkpoint>, StoreError>;

    /// Forgets checkpoints, so that the next pull of these resources reads everything. Absent ones are no error.
    async fn forget_checkpoints(
        &self,
        connection: &ConnectionId,
        resources: &[Resource],
    ) -> Result<(), StoreError>;
}
