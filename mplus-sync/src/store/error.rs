//! What a store says when it cannot do what it was asked.

use std::error::Error as StdError;
use std::fmt;

/// A store could not do what it was asked.
///
/// Opaque on purpose: what the database said is the [`source`](StdError::source). The caller decides by
/// [`kind`](Self::kind), [`is_retryable`](Self::is_retryable) and [`may_have_happened`](Self::may_have_happened).
pub struct StoreError {
    kind: StoreErrorKind,
    action: String,
    may_have_happened: bool,
    #[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), expect(dead_code))]
    transient: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Somebody else was faster: the record changed since it was read, its number is taken, the claim or lease was
    /// lost. Read again, decide again.
    Conflict,
    /// What was to be changed is not there.
    NotFound,
    /// The store cannot be reached, is busy or is full. The same call may work later.
    Unavailable,
    /// What is stored cannot be understood. A person must look.
    Corrupt,
    /// The store refuses its input, or was set up wrongly. Repeating does not help.
    Invalid,
}

impl StoreError {
    /// An error while doing `action`, worded as in "write the items".
    pub fn new(kind: StoreErrorKind, action: impl Into<String>) -> Self {
        Self { kind, action: action.into(), may_have_happened: false, transient: false, source: None }
    }

    /// The same with what the database said.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, saying that the change may have been made: the answer to a commit was lost.
    pub fn maybe_done(mut self) -> Self {
        self.may_have_happened = true;
        self
    }

    /// The same, saying that the database rolled the transaction back for the sake of another one.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Whether the whole transaction can be tried again at once.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn is_transient(&self) -> bool {
        self.transient
    }

    /// What is the matter.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may work later, unchanged.
    ///
    /// A [`Conflict`](StoreErrorKind::Conflict) is not retryable as it is: read again first.
    pub fn is_retryable(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
    }

    /// Whether the change may have been made all the same.
    pub fn may_have_happened(&self) -> bool {
        self.may_have_happened
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            StoreErrorKind::Conflict => "it was changed or taken meanwhile; read it again",
            StoreErrorKind::NotFound => "it is not there",
            StoreErrorKind::Unavailable => "the store cannot be reached or is busy; try again later",
            StoreErrorKind::Corrupt => "what is stored cannot be understood",
            StoreErrorKind::Invalid => "the store refuses it",
        };
        write!(f, "could not {}: {why}", self.action)?;
        let mut cause = self.source();
        let mut separator = " (";
        while let Some(source) = cause {
            write!(f, "{separator}{source}")?;
            separator = ": ";
            cause = source.source();
        }
        if self.source.is_some() {
            f.write_str(")")?;
        }
        if self.may_have_happened {
            f.write_str("; the change may have been made")?;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("action", &self.action)
            .field("may_have_happened", &self.may_have_happened)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_failed_why_and_whether_it_may_have_happened() {
        let error = StoreError::new(StoreErrorKind::Unavailable, "write the items")
            .with_source("connection reset")
            .maybe_done();
        assert_eq!(
            error.to_string(),
            "could not write the items: the store cannot be reached or is busy; try again later \
             (connection reset); the change may have been made"
        );
        assert!(error.is_retryable());
    }
}
