//! Settings per merchant.

use async_trait::async_trait;

use crate::model::{ConnectionId, Revision, StoredSettings};

use super::StoreError;

/// Keeps each merchant's settings.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// Reads a merchant's settings; none when nothing was saved yet.
    async fn settings(&self, connection: &ConnectionId) -> Result<Option<StoredSettings>, StoreError>;

    /// Keeps a merchant's settings when the stored revision is the one that they have; answers with the next one.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when they were changed since they were read: nothing is written.
    async fn save_settings(
        &self,
        connection: &ConnectionId,
        settings: &StoredSettings,
    ) -> Result<Revision, StoreError>;
}
