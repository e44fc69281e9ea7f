//! Merchants' connections.

use async_trait::async_trait;

use crate::model::{Connection, ConnectionId, Revision};

use super::{Page, StoreError, StoreErrorKind};

/// How often a change is tried against other writers.
const ATTEMPTS: usize = 20;

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// All of them.
    pub all: u64,
    /// Those that are [held](Connection::is_held).
    pub held: u64,
    /// Those whose POS [fails](Connection::is_failing).
    pub failing: u64,
}

impl ConnectionCounts {
    /// Counts.
    pub fn new(all: u64, held: u64, failing: u64) -> Self {
        Self { all, held, failing }
    }
}

/// Keeps connections. Never holds credentials; see [`CredentialVault`](super::CredentialVault).
#[async_trait]
pub trait ConnectionStore: Send + Sync {
    /// Adds or replaces a connection's record, when the stored revision is the one that it has; answers with the next one.
    ///
    /// One of [`Revision::NEW`] must not exist yet. To change a stored one, [`update_connection`] is simpler.
    ///
    /// # Errors
    /// [`Conflict`](StoreErrorKind::Conflict) when the stored revision has moved on: nothing is written.
    async fn save_connection(&self, connection: &Connection) -> Result<Revision, StoreError>;

    /// Reads one connection's record.
    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError>;

    /// Reads connections, a page at a time, in the order of their identifiers. One that cannot be read is left out, counted all the same,
    /// and listed as [unreadable](super::CatalogStore::unreadable).
    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError>;

    /// Counts connections.
    async fn count_connections(&self) -> Result<ConnectionCounts, StoreError>;

    /// Reads the connections whose POS [fails](Connection::is_failing), a page at a time, in the order of their identifiers;
    /// those left out that cannot be read.
    async fn failing_connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError>;

    /// Removes everything of a merchant: the record, settings, menu, stock, orders, notices, links, leases, runs, log. What
    /// is still being worked on loses its claims and leases. Repeating it is safe.
    async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StoreError>;

    /// Forgets what is known of a merchant's POS, for a connection that leads to another one from now on: the menu,
    /// locations, floor plans, stock, links of customers, checkpoints. The record, settings, orders, reports and log stay.
    async fn forget_pos(&self, id: &ConnectionId) -> Result<(), StoreError>;
}

/// Changes a connection's record: reads it, changes it, writes it, and does so again when another writer was faster.
///
/// `change` says whether there is anything to write; it may be called more than once. Answers with the record as it is
/// stored afterwards; none when there is no such connection.
///
/// # Errors
/// What the store says; [`Conflict`](StoreErrorKind::Conflict) when others were faster too often.
pub async fn update_connection(
    store: &dyn ConnectionStore,
    id: &ConnectionId,
    change: &(dyn Fn(&mut Connection) -> bool + Sync),
) -> Result<Option<Connection>, StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(mut connection) = store.connection(id).await? else { return Ok(None) };
        if !change(&mut connection) {
            return Ok(Some(connection));
        }
        match store.save_connection(&connection).await {
            Ok(revision) => {
                connection.revision = revision;
                return Ok(Some(connection));
            }
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::new(StoreErrorKind::Conflict, format!("change connection {id}")))
}
