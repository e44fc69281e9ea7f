//! What the elements of an answer are, by the schema: a decimal, an integer, a text, one that may be left out.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use crate::{
    generated,
    soap::{Record, Role, View},
    testkit::Sampler,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Decimal,
    Bool,
}

/// The elements of one operation's answer, by the name of their parent and their own.
#[derive(Debug, Default)]
pub(super) struct Types {
    kinds: HashMap<(&'static str, &'static str), Kind>,
    /// Elements that may be left out, by their parent: single values first.
    optional: HashMap<&'static str, Vec<Optional>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Optional {
    pub(super) name: &'static str,
    /// A list in a wrapper, or one value.
    pub(super) wrapper: bool,
    /// Neither a list nor an element with elements of its own.
    pub(super) value: bool,
}

static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Types>>>> = LazyLock::new(Mutex::default);

impl Types {
    pub(super) fn of(operation: &str) -> Arc<Self> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(types) = known.get(operation) {
            return Arc::clone(types);
        }
        let types = Arc::new(Self::read(operation));
        known.insert(operation.to_owned(), Arc::clone(&types));
        types
    }

    fn read(operation: &str) -> Self {
        let mut types = Self::default();
        let operations = generated::operations();
        let mut descriptors = operations.iter().flat_map(|operations| operations.iter());
        if let Some(descriptor) = descriptors.find(|descriptor| descriptor.info.name == operation) {
            let mut response = (descriptor.response)();
            Sampler::full(1).fill(&mut *response);
            types.note(descriptor.info.response, &*response);
        }
        types
    }

    /// Notes what the elements of `record` are, which stands in an element `parent`.
    fn note(&mut self, parent: &'static str, record: &dyn Record) {
        let schema = record.schema();
        for element in schema.elements {
            let view = record.view(element.field);
            let required = schema.required & (1 << element.field) != 0;
            if !required && element.role != Role::ScaleOf && !element.repeated {
                let value = !matches!(view, View::Record(_) | View::List(_));
                let optional = Optional { name: element.name, wrapper: element.item.is_some(), value };
                let known = self.optional.entry(parent).or_default();
                if !known.contains(&optional) {
                    known.push(optional);
                }
            }
            match view {
                View::List(items) => {
                    let (parent, name) = match element.item {
                        Some(item) => (element.name, item),
                        None => (parent, element.name),
                    };
                    for index in 0..items.count() {
                        self.note_value(parent, name, element.role, items.item(index));
                    }
                }
                single => self.note_value(parent, element.name, element.role, single),
            }
        }
    }

    fn note_value(&mut self, parent: &'static str, name: &'static str, role: Role, view: View<'_>) {
        let kind = match (view, role) {
            (View::Record(record), _) => return self.note(name, record),
            (_, Role::Cents | Role::Scaled | Role::ScaleOf) => Kind::Integer,
            (View::Int(_) | View::Unsigned(_), _) => Kind::Integer,
            (View::Decimal(_), _) => Kind::Decimal,
            (View::Text(_), _) => Kind::Text,
            (View::Bool(_), _) => Kind::Bool,
            _ => return,
        };
        self.kinds.insert((parent, name), kind);
    }

    pub(super) fn kind(&self, parent: &str, name: &str) -> Option<Kind> {
        self.kinds.get(&(parent, name)).copied()
    }

    pub(super) fn is_text(&self, parent: &str, name: &str) -> bool {
        self.kind(parent, name) == Some(Kind::Text)
    }

    /// What may be left out of an element.
    pub(super) fn optional(&self, parent: &str) -> &[Optional] {
        self.optional.get(parent).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_optional(&self, parent: &str, name: &str) -> bool {
        self.optional(parent).iter().any(|optional| optional.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_tells_what_elements_are() {
        let types = Types::of("getProducts");
        assert_eq!(types.kind("article", "priceIncl"), Some(Kind::Integer));
        assert_eq!(types.kind("article", "description"), Some(Kind::Text));
        assert_eq!(types.kind("article", "active"), Some(Kind::Bool));
        assert_eq!(types.kind("article", "contentQuantityDecimalPlaces"), Some(Kind::Integer));
        assert!(types.is_optional("article", "changeTimestamp") && types.is_optional("article", "imageList"));
        let lines = Types::of("getArticleBranchDeviations");
        assert_eq!(lines.kind("articleBranchDeviationLines", "salesPriceIncl"), Some(Kind::Decimal));
        assert!(!lines.is_optional("articleBranchDeviationLines", "articleNumber"));
    }
}
