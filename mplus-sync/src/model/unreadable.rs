//! Rows that cannot be read.

use serde::{Deserialize, Serialize};

/// A stored row that this release cannot read: a newer one wrote it, or it is damaged.
///
/// Readers leave such a row out and go on with its neighbours; nothing overwrites it. After an update of this library, or
/// when a person has mended it, it is read like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// What it is: `connection`, `item`, `category`, `modifier_group`, `combo`, `location`, `order`, `run`,
    /// `notice of order`.
    pub kind: String,
    /// The host's identifier, the order's number, or the kind of run.
    pub id: String,
    /// Why it cannot be read.
    pub why: String,
}
