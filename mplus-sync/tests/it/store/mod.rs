//! Every store in the box shows every behaviour of the conformance suite.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
