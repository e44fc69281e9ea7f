//! The reader of values: a [`Scanner`] that knows where it is, what was missing, and how much it may still decode.

use std::borrow::Cow;

use super::{
    DecodeError, DecodeProblem, Element, Schema,
    tolerated::{Budget, ReaderState},
};
use crate::scan::{ScanError, ScanResult, Scanner, Tag, limits};

/// Reads one complete piece of a document: the whole of it, or one part of a stream.
#[derive(Debug)]
pub struct Reader<'x> {
    scanner: Scanner<'x>,
    next_index: Option<usize>,
    pub(crate) state: ReaderState,
}

impl<'x> Reader<'x> {
    /// `base`: where `text` begins in the document.
    pub(crate) fn new(text: &'x str, base: u64, mut state: ReaderState) -> Self {
        let namespaces = std::mem::take(&mut state.namespaces);
        let scanner = Scanner::new(text, base, namespaces).with(state.strict, state.suspicious);
        Self { scanner, next_index: None, state }
    }

    /// What outlives the piece of text that was read.
    pub(crate) fn into_state(mut self) -> ReaderState {
        self.state.namespaces = self.scanner.into_namespaces();
        self.state
    }

    pub(crate) fn position(&self) -> usize {
        self.scanner.position()
    }

    /// Opens the element `local_name` of the service if it is what stands here, without any attribute.
    #[inline]
    pub(crate) fn open_expected(&mut self, local_name: &str) -> Option<Tag<'x>> {
        self.scanner.open_expected(local_name)
    }

    /// Opens whichever of these elements of the service stands here, without any attribute; how many of them come before it.
    #[inline]
    pub(crate) fn open_one_of(&mut self, elements: &'static [Element]) -> Option<(usize, Tag<'x>)> {
        self.scanner.open_one_of(elements.iter().map(|element| element.name))
    }

    /// The next child of `parent`, or `None` after the parent's end tag. Text between children is an error.
    pub(crate) fn next_child(&mut self, parent: &Tag<'_>) -> Result<Option<Tag<'x>>, DecodeError> {
        let child = self.scanner.next_child(parent);
        self.placed(child)
    }

    /// The root element, after the declaration, comments and white space.
    pub(crate) fn root(&mut self) -> Result<Tag<'x>, DecodeError> {
        let root = self.scanner.root();
        self.placed(root)
    }

    /// Nothing but comments, instructions and white space stand up to the end of the text.
    pub(crate) fn between(&mut self) -> Result<(), DecodeError> {
        let nothing = self.scanner.between();
        self.placed(nothing)
    }

    /// The text of an element up to its end tag. A character in it that XML has no place for gives way to U+FFFD and is
    /// noted.
    #[inline]
    pub(crate) fn text(&mut self, tag: &Tag<'x>) -> Result<Cow<'x, str>, DecodeError> {
        let text = self.scanner.text(tag, self.state.depth());
        if self.scanner.take_replaced() {
            self.state.note_replaced(tag.local_name());
        }
        self.placed(text)
    }

    /// A text that is one word; white space around it is not part of it. One that is longer than any is no value.
    #[inline]
    pub(crate) fn token(&mut self, tag: &Tag<'x>) -> Result<Cow<'x, str>, DecodeError> {
        let text = self.text(tag)?;
        if text.len() > limits::TOKEN {
            let (what, limit) = ("bytes of a value that is one word", limits::TOKEN);
            return Err(self.error(Some(tag.local_name()), DecodeProblem::TooMuch { what, limit }));
        }
        Ok(text)
    }

    /// A text that is only told: its first [`limits::TOLD`] bytes.
    pub(crate) fn told(&mut self, tag: &Tag<'x>) -> Result<String, DecodeError> {
        let text = self.text(tag)?;
        Ok(crate::scan::cut(text.trim(), limits::TOLD))
    }

    /// All text in an element whatever its structure, white space folded, its first [`limits::TOLD`] bytes.
    pub(crate) fn gather(&mut self, tag: &Tag<'x>) -> Result<String, DecodeError> {
        let text = self.scanner.gather(tag, self.state.depth());
        self.placed(text)
    }

    /// Passes over an element and everything in it.
    pub(crate) fn skip(&mut self, tag: &Tag<'x>) -> Result<(), DecodeError> {
        let skipped = self.scanner.skip(tag, self.state.depth());
        self.placed(skipped)
    }

    /// Numbers the next element that is entered, for its path.
    #[inline]
    pub(crate) fn number(&mut self, index: Option<usize>) {
        self.next_index = index;
    }

    /// Goes into a child that holds elements; [`Self::leave`] undoes it.
    pub(crate) fn enter(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        tag: &Tag<'x>,
    ) -> Result<(), DecodeError> {
        let index = self.next_index.take();
        self.state.enter(name, index);
        let elsewhere = self.scanner.check_reference(tag);
        self.placed(elsewhere)?;
        if self.state.depth() > limits::DEPTH {
            return Err(self.error(None, DecodeProblem::TooDeep { limit: limits::DEPTH }));
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.state.leave();
    }

    /// The same element as if there were nothing in it.
    pub(crate) fn without_content(&self, tag: &Tag<'x>) -> Tag<'x> {
        self.scanner.without_content(tag)
    }

    /// The scope of an element without content ends.
    pub(crate) fn end(&mut self, tag: &Tag<'_>) {
        self.scanner.end_scope(tag);
    }

    /// From here on values are counted that are not held together with those before; [`Self::end_part`] goes back.
    pub(crate) fn begin_part(&mut self) -> Budget {
        let before = self.state.budget;
        self.state.budget = before.restarted(self.scanner.offset());
        before
    }

    pub(crate) fn end_part(&mut self, before: Budget) {
        self.state.budget = before;
    }

    /// Counts memory that a value takes beyond the text that it was read from.
    #[inline]
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.state.budget.spend(bytes, self.scanner.offset()) {
            Ok(()) => Ok(()),
            Err(limit) => Err(self.error(None, DecodeProblem::TooLarge { limit })),
        }
    }

    /// Notes that a required element was absent; an error in strict mode.
    #[cold]
    pub(crate) fn missing(
        &mut self,
        schema: &'static Schema,
        element: &'static str,
    ) -> Result<(), DecodeError> {
        if self.state.strict {
            return Err(self.error(Some(element), DecodeProblem::Missing));
        }
        self.state.note_missing(schema, element);
        Ok(())
    }

    /// The text that was read last is no value of its element.
    #[cold]
    pub(crate) fn invalid(&self, element: &Element, found: &str, expected: &'static str) -> DecodeError {
        let found = found.chars().take(40).collect();
        let problem = DecodeProblem::InvalidValue { found, expected };
        self.state.error_at(Some(element.name), self.scanner.value_offset(), problem)
    }

    /// The text that was read last is no value of its element: an error, or left out where that is wanted.
    #[cold]
    pub(crate) fn unreadable(
        &mut self,
        element: &Element,
        found: &str,
        expected: &'static str,
    ) -> Result<bool, DecodeError> {
        let error = self.invalid(element, found, expected);
        self.state.note_unreadable(error).map(|()| false)
    }

    #[cold]
    pub(crate) fn error(&self, element: Option<&str>, problem: DecodeProblem) -> DecodeError {
        self.state.error_at(element, self.scanner.offset(), problem)
    }

    /// An error of the scanner, with the path to where it is.
    #[inline]
    fn placed<T>(&self, result: ScanResult<T>) -> Result<T, DecodeError> {
        result.map_err(|error| self.place(error))
    }

    #[cold]
    fn place(&self, error: ScanError) -> DecodeError {
        let (offset, problem) = error.into_parts();
        self.state.error_at(None, offset, problem)
    }
}
