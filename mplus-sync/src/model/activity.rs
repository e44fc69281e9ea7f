//! What happened, for a person to read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One line of the activity log. Holds no secrets and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: ActivityLevel,
    /// What it is about, in a word: `menu`, `orders`, `stock`, `branches`, `connection`, or the host's own.
    pub topic: String,
    /// What happened and what to do, in a sentence.
    pub message: String,
    /// What it happened to (an order number, an item), where it is one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// How much an activity matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActivityLevel {
    /// All is well.
    Info,
    /// Something was left out; the rest went on.
    Warning,
    /// Something failed and a person has to know.
    Error,
}

/// A stored activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedActivity {
    /// Grows with every line of a store; what pages are asked by.
    pub sequence: i64,
    /// What happened.
    pub activity: Activity,
}
