//! Where the sync keeps what it knows: small traits for a host's own storage, and implementations.
//!
//! A host implements these traits over its own database, or takes one of the stores in the box:
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`MemoryStore`] | always | tests, trying things out |
//! | `SqliteStore` | `sqlite` | one machine |
//! | `PostgresStore` | `postgres` | any number of workers |
//! | `MySqlStore` | `mysql` | any number of workers, on MySQL 8 or MariaDB 10.6 and later |
//!
//! The traits are object-safe; [`Store`] is all of them at once, and an `Arc<dyn Store>` becomes an `Arc` of any single
//! one by assignment. The feature `testkit` has the behaviours that every implementation must show, as one function
//! that a host runs on its own.
//!
//! Rules that hold for all traits:
//! * Everything belongs to one connection; nothing read for one ever shows another's.
//! * A call does all of what it says or nothing.
//! * Time comes in as a parameter; a store never reads a clock. Times are kept to the microsecond.
//! * Identifiers are compared byte by byte: `Cola` and `cola` are two.
//! * What is stored carries a version. A row that cannot be read is left out, kept and listed; its neighbours go on.
//! * Dropping a call's future may or may not let the call finish; either way it is whole.

use crate::model::{EditRefused, Order, OutboxEntry};

mod activity;
pub(crate) mod calls;
mod catalog;
mod checkpoint;
mod connection;
mod customer;
mod error;
mod lease;
mod limited;
mod location;
mod memory;
#[cfg(feature = "mysql")]
mod mysql;
mod notice;
mod outbox;
#[cfg(feature = "postgres")]
mod postgres;
mod run;
mod settings;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stock;
pub(crate) mod together;
mod vault;
mod wake;

pub use activity::ActivityLog;
pub use catalog::{
    Applied, CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, Page, Pushed, SavedEdits, Select,
};
pub use checkpoint::CheckpointStore;
pub use connection::{ConnectionCounts, ConnectionStore, update_connection};
pub use customer::CustomerStore;
pub use error::{StoreError, StoreErrorKind};
pub use lease::LeaseStore;
pub use location::LocationStore;
pub use memory::MemoryStore;
#[cfg(feature = "mysql")]
pub use mysql::{MySqlOptions, MySqlStore};
pub use notice::{NoticeRequest, NoticeStore};
pub use outbox::{Backlog, ClaimRequest, Enqueued, Finished, OrderOutbox, SetAside};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
pub use run::{RunBacklog, RunClaimRequest, RunStore};
pub use settings::SettingsStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use sql::{SqlStore, SqlValue, Statement};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use stock::{StockChunk, StockStore};
pub use vault::{CredentialVault, Credentials, MemoryVault};
pub use wake::{Listener, Wake, WakeUp};

pub(crate) use limited::{LimitedStore, LimitedVault};
use wake::Bell;

/// Everything that a sync keeps, in one store.
///
/// Implemented by whatever implements the single traits.
pub trait Store:
    CatalogStore
    + CheckpointStore
    + LocationStore
    + StockStore
    + CustomerStore
    + OrderOutbox
    + NoticeStore
    + RunStore
    + LeaseStore
    + ActivityLog
    + ConnectionStore
    + SettingsStore
    + WakeUp
{
}

impl<T> Store for T where
    T: CatalogStore
        + CheckpointStore
        + LocationStore
        + StockStore
        + CustomerStore
        + OrderOutbox
        + NoticeStore
        + RunStore
        + LeaseStore
        + ActivityLog
        + ConnectionStore
        + SettingsStore
        + WakeUp
{
}

/// What queuing an order means whose number is known already.
pub(crate) fn known_order(known: Option<&OutboxEntry>, order: &Order) -> Result<Enqueued, StoreError> {
    if let Some(known) = known.filter(|known| known.order == *order) {
        return Ok(Enqueued::Known { state: known.state.kind() });
    }
    let action = format!("queue order {}: another order has this number", order.number);
    Err(StoreError::new(StoreErrorKind::Conflict, action))
}

/// Why an edit of the host is refused.
pub(crate) fn edit_refused(what: &str, id: &str, refused: EditRefused) -> StoreError {
    let kind = match refused {
        EditRefused::Stale { .. } => StoreErrorKind::Conflict,
        EditRefused::Invalid(_) | EditRefused::Nameless => StoreErrorKind::Invalid,
    };
    StoreError::new(kind, format!("save the edit of {what} {id}")).with_source(refused)
}
