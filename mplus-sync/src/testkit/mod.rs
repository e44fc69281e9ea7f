//! For tests, of this crate and of hosts.
//!
//! * [`conformance`]: the behaviours that every store must show, run on a host's own.
//! * [`FaultyStore`]: a store that fails at the n-th call, for tests of crashes.
//! * `write_as_next_release` (with one of the SQL stores): has a process stand for the next release, for tests of rolling deploys.
//! * `PostgresSchema` (feature `postgres`), `MySqlDatabase` (feature `mysql`): a schema or database of its own for each test.

pub mod conformance;
mod faulty;
#[cfg(feature = "mysql")]
mod mysql_database;
#[cfg(feature = "postgres")]
mod postgres_schema;

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use crate::store::sql::next_release::write_as_next_release;
pub use faulty::{FailAt, FaultyStore};
#[cfg(feature = "mysql")]
pub use mysql_database::MySqlDatabase;
#[cfg(feature = "postgres")]
pub use postgres_schema::PostgresSchema;
