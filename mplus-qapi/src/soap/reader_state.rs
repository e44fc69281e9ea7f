//! What a reader knows that outlives the piece of text that it reads: where it is, and what was missing.

use std::borrow::Cow;

use super::{DecodeError, DecodeProblem, Schema, namespaces::Namespaces};

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
    pub(crate) strict: bool,
}

impl ReaderState {
    pub(crate) fn strict(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// The paths of required elements that were not there, each type's once; forgets them.
    pub(crate) fn take_missing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.missing).into_iter().map(|missing| missing.path).collect()
    }

    /// Where the reader is; [`Self::reset`] goes back to it.
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.namespaces.mark(), self.path.len())
    }

    pub(crate) fn reset(&mut self, (namespaces, depth): (usize, usize)) {
        self.namespaces.truncate(namespaces);
        self.path.truncate(depth);
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
