//! What the till told: kept before it is acknowledged, worked off however often that takes.

mod entry;
mod notice;
mod policy;
mod recent;
mod store;

pub use entry::{Entry, EntryId, EntryState, Progress, StoredReply};
pub use notice::InboxNotice;
pub use policy::{Attempts, Retention};
pub(crate) use recent::{Place, Recent, Seat};
pub use store::{EntryFilter, InboxStore, Pruned};
