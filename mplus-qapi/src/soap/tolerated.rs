//! What a reader knows that outlives the piece of text that it reads: where it is, what it let pass, what it may hold.

use std::borrow::Cow;
use std::fmt;

use super::{DecodeError, DecodeProblem, Schema};
use crate::scan::Namespaces;

/// What a document lacked or held that was let pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tolerated {
    /// Paths of required elements that were absent and got their defaults, each type's once.
    pub missing: Vec<String>,
    /// Paths of texts in which U+FFFD stands for a character that XML cannot hold, or for bytes that were no character; the
    /// first [`Self::MOST`] of them.
    pub replaced: Vec<String>,
}

impl Tolerated {
    /// How many texts are named at most.
    pub const MOST: usize = 100;
}

/// A value that could not be read and was left out, as if its element were empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    error: DecodeError,
    items: Vec<(String, usize)>,
}

impl Unreadable {
    /// How many values of a page are left out at most; with more of them it is an error.
    pub const MOST: usize = 1_000;

    /// A value that was left out, at the path of its error (`productList/product[3]/priceIncl`): as a page tells it, and for
    /// tests.
    pub fn new(error: DecodeError) -> Self {
        let numbered = |step: &str| {
            let (name, index) = step.strip_suffix(']')?.split_once('[')?;
            Some((name.to_owned(), index.parse().ok()?))
        };
        let items = error.path().split('/').filter_map(numbered).collect();
        Self { error, items }
    }

    /// What is wrong with it, and where.
    pub fn error(&self) -> &DecodeError {
        &self.error
    }

    /// The same with the texts of the other side as they may be kept.
    pub(crate) fn with_texts(self, kept: impl Fn(String) -> String) -> Self {
        Self { error: self.error.with_texts(kept), ..self }
    }

    /// Which item of a list it is in, from 0, by the name of the list's items (`article`); none when it is in no such list.
    pub fn index_of(&self, item: &str) -> Option<usize> {
        self.items.iter().find(|(name, _)| name == item).map(|(_, index)| *index)
    }

    /// Which item of the outermost list it is in, from 0.
    pub fn item(&self) -> Option<usize> {
        self.items.first().map(|(_, index)| *index)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// One step from the root to where the reader is.
#[derive(Debug, Clone)]
struct Step {
    name: Cow<'static, str>,
    /// Number of the list item, from 0.
    index: Option<usize>,
}

/// What a reader knows that outlives the piece of text that it reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReaderState {
    pub(crate) namespaces: Namespaces,
    path: Vec<Step>,
    missing: Vec<Missing>,
    replaced: Vec<String>,
    pub(crate) strict: bool,
    /// There may be characters in the text that XML has no place for.
    pub(crate) suspicious: bool,
    pub(crate) budget: Budget,
    /// Values that were left out, where that is wanted.
    unreadable: Option<Vec<Unreadable>>,
}

impl ReaderState {
    pub(crate) fn new(strict: bool, budget: Budget) -> Self {
        Self { strict, budget, ..Self::default() }
    }

    /// From here on a value that cannot be read is left out and noted.
    pub(crate) fn leave_out_unreadable(&mut self) {
        self.unreadable.get_or_insert_default();
    }

    pub(crate) fn leaves_out_unreadable(&self) -> bool {
        self.unreadable.is_some()
    }

    /// The values that were left out so far; forgets them.
    pub(crate) fn take_unreadable(&mut self) -> Vec<Unreadable> {
        self.unreadable.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Leaves out a value that cannot be read, where that is wanted.
    #[cold]
    pub(crate) fn note_unreadable(&mut self, error: DecodeError) -> Result<(), DecodeError> {
        let Some(unreadable) = &mut self.unreadable else { return Err(error) };
        if unreadable.len() == Unreadable::MOST {
            return Err(error);
        }
        unreadable.push(Unreadable::new(error));
        Ok(())
    }

    /// What was let pass so far; forgets it.
    pub(crate) fn take_tolerated(&mut self) -> Tolerated {
        let missing = std::mem::take(&mut self.missing).into_iter().map(|missing| missing.path).collect();
        Tolerated { missing, replaced: std::mem::take(&mut self.replaced) }
    }

    pub(crate) fn enter(&mut self, name: impl Into<Cow<'static, str>>, index: Option<usize>) {
        self.path.push(Step { name: name.into(), index });
    }

    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    /// How many elements were entered and not left.
    pub(crate) fn depth(&self) -> usize {
        self.path.len()
    }

    /// Notes that a required element is absent here.
    pub(crate) fn note_missing(&mut self, schema: &'static Schema, element: &'static str) {
        if !self.missing.iter().any(|known| std::ptr::eq(known.schema, schema) && known.element == element) {
            let path = self.path_to(Some(element));
            self.missing.push(Missing { schema, element, path });
        }
    }

    /// Notes that a character of this element's text was replaced.
    #[cold]
    pub(crate) fn note_replaced(&mut self, element: &str) {
        if self.replaced.len() < Tolerated::MOST {
            self.replaced.push(self.path_to(Some(element)));
        }
    }

    /// An error at `offset` of the document, in `element` of where the reader is.
    pub(crate) fn error_at(&self, element: Option<&str>, offset: u64, problem: DecodeProblem) -> DecodeError {
        DecodeError::new(self.path_to(element), offset, problem)
    }

    fn path_to(&self, element: Option<&str>) -> String {
        let mut path = String::new();
        for step in &self.path {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&step.name);
            if let Some(index) = step.index {
                path.push_str(&format!("[{index}]"));
            }
        }
        if let Some(element) = element {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(element);
        }
        path
    }
}

/// A required element of a type that was absent.
#[derive(Debug, Clone)]
struct Missing {
    schema: &'static Schema,
    element: &'static str,
    /// Where it was first missed.
    path: String,
}

/// How much memory the values of a document may take: a few bytes of it can stand for a struct of a thousand.
///
/// There is a limit for all, and one that grows with the bytes that were read: what is packed small is found out early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    limit: u64,
    spent: u64,
    /// Where the text began that this is spent on.
    from: u64,
}

impl Budget {
    /// What any document may take, however small it is.
    const FLOOR: u64 = 4 << 20;
    /// What each byte of it may take. An article of which only the number is told takes 20.
    const PER_BYTE: u64 = 32;

    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, spent: 0, from: 0 }
    }

    /// What a part may take that begins at `offset` and is not held together with those before.
    pub(crate) fn restarted(self, offset: u64) -> Self {
        Self { spent: 0, from: offset, ..self }
    }

    /// The limit that this goes beyond, if it does.
    #[inline]
    pub(crate) fn spend(&mut self, bytes: usize, offset: u64) -> Result<(), u64> {
        self.spent = self.spent.saturating_add(bytes as u64);
        if self.spent <= Self::FLOOR { Ok(()) } else { self.check(offset) }
    }

    fn check(&self, offset: u64) -> Result<(), u64> {
        let read = offset.saturating_sub(self.from);
        let limit = read.saturating_mul(Self::PER_BYTE).saturating_add(Self::FLOOR).min(self.limit);
        if self.spent > limit { Err(limit) } else { Ok(()) }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}
