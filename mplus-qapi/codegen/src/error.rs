//! The one error of the generator: a sentence for the person who runs it.

use std::fmt;

/// What is wrong and where, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// From the sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// `return Err(...)` with a formatted sentence.
macro_rules! bail {
    ($($part:tt)*) => {
        return Err($crate::error::Error::new(format!($($part)*)))
    };
}

pub(crate) use bail;
