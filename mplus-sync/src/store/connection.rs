//! Merchants' connections.

use async_trait::async_trait;

use crate::model::{Connection, ConnectionId};

use super::{Page, StoreError};

/// Keeps connections. Never holds credentials; see [`CredentialVault`](super::CredentialVault).
#[async_trait]
pub trait ConnectionStore: Send + Sync {
    /// Adds or replaces a connection's record.
    async fn save_connection(&self, connection: &Connection) -> Result<(), StoreError>;

    /// Reads one connection's record.
    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError>;

    /// Reads connections, a page at a time, in the order of their identifiers.
    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError>;
}
