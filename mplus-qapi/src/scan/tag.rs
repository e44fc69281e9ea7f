//! A start tag, and which prefix stands for which namespace where it is.

use super::limits;

/// The namespace of all elements of the service.
pub(crate) const SERVICE: &str = "urn:mplusqapi";

/// A start tag that was read.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'x> {
    /// The name with its prefix, as the end tag has to repeat it.
    pub(super) name: &'x str,
    /// Where the local name begins in `name`.
    pub(super) local: usize,
    pub(crate) namespace: Namespace,
    /// `<x/>`: there is no content and no end tag.
    pub(super) empty: bool,
    /// `xsi:nil="true"`.
    pub(crate) nil: bool,
    /// What an `href` or `ref` names: the content stands there.
    pub(super) reference: Option<&'x str>,
    /// Namespace declarations in scope outside of this element.
    pub(super) scope: usize,
}

impl<'x> Tag<'x> {
    /// The tag of an element that was opened in an earlier part of a stream, as far as its end tag asks for it.
    pub(crate) fn reopened(name: &'x str, scope: usize) -> Self {
        let namespace = Namespace::Other;
        Self { name, local: 0, namespace, empty: false, nil: false, reference: None, scope }
    }

    /// With its prefix.
    pub(crate) fn name(&self) -> &'x str {
        self.name
    }

    pub(crate) fn local_name(&self) -> &'x str {
        &self.name[self.local..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(crate) fn scope(&self) -> usize {
        self.scope
    }

    pub(crate) fn is_in_service(&self) -> bool {
        self.namespace == Namespace::Service
    }

    pub(crate) fn is_service(&self, local_name: &str) -> bool {
        self.is_in_service() && self.local_name() == local_name
    }
}

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
            SERVICE => Self::Service,
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
    /// `false`: there are too many.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> bool {
        let fits = self.bindings.len() < limits::DECLARATIONS;
        if fits {
            self.bindings.push((prefix.into(), Namespace::of(uri)));
        }
        fits
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

    /// `None` for a prefix that was never declared.
    pub(super) fn resolve(&self, prefix: &str) -> Option<Namespace> {
        let bound = self.bindings.iter().rev().find(|(bound, _)| &**bound == prefix);
        bound.map(|(_, namespace)| *namespace)
    }
}
