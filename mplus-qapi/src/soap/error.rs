//! What can be wrong with a document, and where.

use std::fmt;

/// A response (or, at the server's side, a request) could not be read.
///
/// Nothing of the value is lost silently: what does not fit its type ends here, with the path of the element and the
/// offset in bytes from the start of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Located>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Located {
    path: String,
    offset: u64,
    problem: DecodeProblem,
}

/// What was wrong at the place that a [`DecodeError`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The document ends before its root element does.
    UnexpectedEnd,
    /// The text is not well-formed XML.
    Malformed(String),
    /// The content does not fit the element's type.
    InvalidValue {
        /// What stood there, cut to 40 characters.
        found: String,
        /// What the type asks for.
        expected: &'static str,
    },
    /// A required element is not there (strict mode only; otherwise it gets its default and its path is reported with the response).
    Missing,
    /// Elements are nested deeper than the limit.
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document is larger than the limit.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A document type declaration, which SOAP forbids.
    DocumentType,
    /// The declared encoding is not one that is read here, or the bytes do not fit it.
    Encoding(String),
    /// The document is something else than the envelope that was expected.
    UnexpectedDocument(String),
}

impl DecodeError {
    pub(crate) fn new(path: String, offset: u64, problem: DecodeProblem) -> Self {
        Self(Box::new(Located { path, offset, problem }))
    }

    /// Names of the elements from the root to the place, list items with their number from 0.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Bytes from the start of the document: where the text of a value begins that does not fit, else where reading ended.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// What was wrong.
    pub fn problem(&self) -> &DecodeProblem {
        &self.0.problem
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Located { path, offset, problem } = &*self.0;
        let place = if path.is_empty() { "the document" } else { path.as_str() };
        write!(f, "{problem} in {place} at byte {offset}")
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("the document ends too early"),
            Self::Malformed(what) => write!(f, "malformed XML: {what}"),
            Self::InvalidValue { found, expected } => write!(f, "`{found}` is not {expected}"),
            Self::Missing => f.write_str("a required element is missing"),
            Self::TooDeep { limit } => write!(f, "elements are nested deeper than {limit}"),
            Self::TooLarge { limit } => write!(f, "the document is larger than {limit} bytes"),
            Self::DocumentType => f.write_str("a document type declaration is not allowed"),
            Self::Encoding(what) => write!(f, "encoding: {what}"),
            Self::UnexpectedDocument(what) => f.write_str(what),
        }
    }
}

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
