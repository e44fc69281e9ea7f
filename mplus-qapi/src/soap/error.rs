//! What can be wrong with a request.

/// A request could not be written. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} in {path}")]
pub struct EncodeError {
    path: String,
    problem: String,
}

impl EncodeError {
    /// A value at a path that does not fit: for tests of what a host does then.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// Names of the elements from the root to the value that does not fit.
    pub fn path(&self) -> &str {
        &self.path
    }
}
