//! The stores in the box: memory, and one description of the tables for SQLite, Postgres, MySQL and MariaDB.
//!
//! [`MemoryStore`] is always here. A host may write its own and run `testkit`'s conformance suite against it.

mod limited;
mod memory;
#[cfg(feature = "mysql")]
mod mysql;
mod payment_row;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres-tls")]
mod postgres_tls;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use crate::inbox::InboxStore;
use crate::payment::PaymentStore;

pub(crate) use limited::Limited;
pub use memory::MemoryStore;
#[cfg(feature = "mysql")]
pub use mysql::{MysqlOptions, MysqlStore};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// Everything that an orchestrator remembers. Whatever is both an [`InboxStore`] and a [`PaymentStore`] is one.
pub trait Store: InboxStore + PaymentStore {}

impl<S: InboxStore + PaymentStore> Store for S {}
