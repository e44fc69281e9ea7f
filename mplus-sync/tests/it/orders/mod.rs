//! Orders on their way to a POS in memory.

mod amounts;
mod at_work;
pub(crate) mod life;
mod long_lists;
mod lost;
mod outbox;
#[cfg(all(feature = "postgres", feature = "mysql", feature = "https", feature = "tokio-runtime"))]
mod processes;
mod submit;
mod table;
pub(crate) mod world;
