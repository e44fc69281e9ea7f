//! Every store in the box shows every behaviour of the conformance suite.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod agreement;
mod faulty;
mod memory;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
