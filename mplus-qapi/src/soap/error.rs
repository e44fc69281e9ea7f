//! What can be wrong with a request.

use std::fmt;

/// A request could not be written. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    path: String,
    problem: String,
}

impl EncodeError {
    pub(crate) fn new(path: String, problem: impl Into<String>) -> Self {
        Self { path, problem: problem.into() }
    }

    /// Names of the elements from the root to the value that does not fit.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.problem, self.path)
    }
}

impl std::error::Error for EncodeError {}
