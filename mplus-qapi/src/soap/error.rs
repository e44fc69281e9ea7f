//! What can be wrong with a request.

/// A request could not be written. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} in {path}")]
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
