//! What can be read from one JSON value, and why it cannot.

use serde_json::value::RawValue;

use super::oddity::{OddityKind, Reading};
use super::path::Path;

/// Why a body cannot be taken as the event that it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DataError {
    #[error("`{0}`, the object that belongs to this event, is missing")]
    NoDetails(&'static str),
    #[error("{} {what}", if path.is_empty() { "the body".to_owned() } else { format!("`{path}`") })]
    Not { path: String, what: OddityKind },
}

impl DataError {
    pub(crate) fn at(path: &Path<'_>, what: OddityKind) -> Self {
        Self::Not { path: path.text(), what }
    }
}

/// A type that can be read from one JSON value, tolerantly.
pub(crate) trait FromJson: Sized {
    /// Reads the value; what is odd within it is noted in `reading`. An error is about the value as a whole.
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind>;
}
