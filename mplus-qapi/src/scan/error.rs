//! What can be wrong with a document, and where.

use std::fmt;

use super::limits;

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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The document ends before its root element does.
    #[error("the document ends too early")]
    UnexpectedEnd,
    /// The text is not well-formed XML.
    #[error("malformed XML: {0}")]
    Malformed(String),
    /// The content does not fit the element's type.
    #[error("`{found}` is not {expected}")]
    InvalidValue {
        /// What stood there, cut to 40 characters.
        found: String,
        /// What the type asks for.
        expected: &'static str,
    },
    /// A required element is not there (strict mode only; otherwise it gets its default and its path is reported with the response).
    #[error("a required element is missing")]
    Missing,
    /// Elements are nested deeper than the limit.
    #[error("elements are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document, or what it decodes to, is larger than the limit.
    #[error("the document, or what it decodes to, is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// One thing in the document is longer, or there are more of it, than any service writes.
    #[error("more than {limit} {what}")]
    TooMuch {
        /// What: `bytes of a comment`, `attributes of a tag`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The content of an element is said to stand elsewhere (`href`, `ref`): it is not fetched, and not taken as empty.
    #[error("the content is said to stand elsewhere (`{0}`)")]
    Reference(String),
    /// A document type declaration, which SOAP forbids.
    #[error("a document type declaration is not allowed")]
    DocumentType,
    /// The declared encoding is not one that is read here, or the bytes do not fit it.
    #[error("encoding: {0}")]
    Encoding(String),
    /// The document is something else than the envelope that was expected.
    #[error("{0}")]
    UnexpectedDocument(String),
}

impl DecodeError {
    /// The same with the texts of the other side as they may be kept.
    pub(crate) fn with_texts(self, kept: impl Fn(String) -> String) -> Self {
        let Located { path, offset, problem } = *self.0;
        let problem = match problem {
            DecodeProblem::Malformed(what) => DecodeProblem::Malformed(kept(what)),
            DecodeProblem::Encoding(what) => DecodeProblem::Encoding(kept(what)),
            DecodeProblem::Reference(what) => DecodeProblem::Reference(kept(what)),
            DecodeProblem::UnexpectedDocument(what) => DecodeProblem::UnexpectedDocument(kept(what)),
            DecodeProblem::InvalidValue { found, expected } => {
                DecodeProblem::InvalidValue { found: kept(found), expected }
            }
            other => other,
        };
        Self::new(kept(path), offset, problem)
    }

    /// A problem at a place of a document, as [`Self::path`] and [`Self::offset`] tell it: for tests of what a host does then.
    pub fn new(path: impl Into<String>, offset: u64, problem: DecodeProblem) -> Self {
        Self(Box::new(Located { path: path.into(), offset, problem }))
    }

    /// Names of the elements from the root to the place, list items with their number from 0.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Bytes from the start of the document (in UTF-8): where the text of a value begins that does not fit, else where
    /// reading ended.
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

/// A problem at an offset of the document. Who reads the tags knows the path to it.
#[derive(Debug)]
pub(crate) struct ScanError(Box<(u64, DecodeProblem)>);

pub(crate) type ScanResult<T> = Result<T, ScanError>;

impl ScanError {
    #[cold]
    pub(crate) fn new(offset: u64, problem: DecodeProblem) -> Self {
        Self(Box::new((offset, problem)))
    }

    pub(crate) fn into_parts(self) -> (u64, DecodeProblem) {
        *self.0
    }
}

/// A name of the other side as an error quotes it.
pub(crate) fn shown(name: &str) -> String {
    cut(name, limits::QUOTED)
}

/// The beginning of a text, and a sign when it is not all of it.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_is_cut_between_characters_and_shows_that_it_is() {
        assert_eq!(cut("caf\u{e9}", 5), "caf\u{e9}");
        assert_eq!(cut("aaaaaaaaaa", 8), "aaaaa…");
        assert_eq!(cut(&"\u{1f600}".repeat(10), 12), "\u{1f600}\u{1f600}…");
        assert!(cut(&"\u{e9}".repeat(9000), 4096).len() <= 4096);
    }
}
