//! For tests, of this crate and of hosts.
//!
//! * [`conformance`]: the behaviours that every store must show, run on a host's own.
//! * [`FaultyStore`]: a store that fails at the n-th call, for tests of crashes.
//! * `PostgresSchema` (feature `postgres`): a schema of its own for each test.

pub mod conformance;
mod faulty;
#[cfg(feature = "postgres")]
mod postgres_schema;

pub use faulty::{FailAt, FaultyStore};
#[cfg(feature = "postgres")]
pub use postgres_schema::PostgresSchema;
