//! Which prefix stands for which namespace, where the reader is now.

use super::NAMESPACE;

/// The namespaces that mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Service,
    Soap11,
    Soap12,
    SchemaInstance,
    Other,
}

impl Namespace {
    fn of(uri: &str) -> Self {
        match uri {
            NAMESPACE => Self::Service,
            "http://schemas.xmlsoap.org/soap/envelope/" => Self::Soap11,
            "http://www.w3.org/2003/05/soap-envelope" => Self::Soap12,
            "http://www.w3.org/2001/XMLSchema-instance" => Self::SchemaInstance,
            _ => Self::Other,
        }
    }
}

/// Declarations in scope, innermost last. Owned, so that they outlive the part of a stream that they came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespaces {
    bindings: Vec<(Box<str>, Namespace)>,
}

impl Namespaces {
    pub(crate) fn declare(&mut self, prefix: &str, uri: &str) {
        self.bindings.push((prefix.into(), Namespace::of(uri)));
    }

    /// How many declarations are in scope; give it to [`Self::truncate`] where the scope ends.
    pub(crate) fn mark(&self) -> usize {
        self.bindings.len()
    }

    /// Forgets the declarations made since `mark`. Says whether there were any.
    pub(crate) fn truncate(&mut self, mark: usize) -> bool {
        let changed = self.bindings.len() > mark;
        self.bindings.truncate(mark);
        changed
    }

    pub(crate) fn resolve(&self, prefix: &str) -> Namespace {
        let bound = self.bindings.iter().rev().find(|(bound, _)| &**bound == prefix);
        bound.map_or(Namespace::Other, |(_, namespace)| *namespace)
    }
}
