//! Orders on their way to a POS in memory.

mod outbox;
mod submit;
mod table;
pub(crate) mod world;
