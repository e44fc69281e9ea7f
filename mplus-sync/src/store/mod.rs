//! Where the sync keeps what it knows: small traits for a host's own storage, and implementations.
//!
//! A host implements these traits over its own database, or takes one of the stores in the box:
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`MemoryStore`] | always | tests, trying things out |
//! | `SqliteStore` | `sqlite` | one machine |
//! | `PostgresStore` | `postgres` | any number of workers |
//!
//! The traits are object-safe; [`Store`] is all of them at once, and an `Arc<dyn Store>` becomes an `Arc` of any single
//! one by assignment. The feature `testkit` has the behaviours that every implementation must show, as one function
//! that a host runs on its own.
//!
//! Rules that hold for all traits:
//! * Everything belongs to one connection; nothing read for one ever shows another's.
//! * A call does all of what it says or nothing.
//! * Time comes in as a parameter; a store never reads a clock. Times are kept to the microsecond.
//! * Dropping a call's future may or may not let the call finish; either way it is whole.

mod activity;
mod catalog;
mod checkpoint;
mod connection;
mod customer;
mod error;
mod lease;
mod location;
mod memory;
mod outbox;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod stock;
mod vault;

pub use activity::ActivityLog;
pub use catalog::{CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, Page, Pushed, Select};
pub use checkpoint::CheckpointStore;
pub use connection::ConnectionStore;
pub use customer::CustomerStore;
pub use error::{StoreError, StoreErrorKind};
pub use lease::LeaseStore;
pub use location::LocationStore;
pub use memory::MemoryStore;
pub use outbox::{ClaimRequest, Enqueued, OrderOutbox};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use stock::{StockChunk, StockStore};
pub use vault::{CredentialVault, Credentials, MemoryVault};

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
    + LeaseStore
    + ActivityLog
    + ConnectionStore
{
}

impl<T> Store for T where
    T: CatalogStore
        + CheckpointStore
        + LocationStore
        + StockStore
        + CustomerStore
        + OrderOutbox
        + LeaseStore
        + ActivityLog
        + ConnectionStore
{
}
