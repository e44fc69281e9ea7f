//! The service in terms of Rust: names, field types, lists, scales. Which module a type lives in is not decided here.

use std::collections::{BTreeMap, BTreeSet};

/// What all of the generator's outputs are made from.
#[derive(Debug)]
pub struct Model {
    /// The service's version, where the WSDL states one.
    pub version: Option<String>,
    /// In the order of the WSDL.
    pub operations: Vec<Operation>,
    /// All structs, requests included, by Rust name.
    pub records: BTreeMap<String, Record>,
    /// All enums, by Rust name.
    pub enums: BTreeMap<String, Enum>,
}

/// A call of the service.
#[derive(Debug)]
pub struct Operation {
    /// Name in the WSDL.
    pub name: String,
    /// Method of the client.
    pub method: String,
    /// Struct of the request's root element.
    pub request: String,
    /// Name of the response's root element.
    pub response_root: String,
    /// Struct of the response.
    pub response: String,
    /// Path of the idempotency key in the request.
    pub key: Option<String>,
}

/// A struct.
#[derive(Debug)]
pub struct Record {
    /// Name in the WSDL.
    pub wsdl: String,
    /// Its elements in wire order.
    pub lines: Vec<Line>,
}

/// An element of a [`Record`].
#[derive(Debug)]
pub enum Line {
    /// An element with a field of its own.
    Field(Field),
    /// The number of decimals of another field.
    Scale {
        /// Name of the element.
        wire: String,
        /// Number of the field that it belongs to.
        of: usize,
    },
}

/// A field of a struct.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// The element on the wire.
    pub wire: String,
    /// For a list in a wrapper: the element of one item.
    pub item: Option<String>,
    /// How often.
    pub shape: Shape,
    /// What.
    pub value: Value,
    /// It is behind a pointer, because the type holds itself.
    pub boxed: bool,
    /// An integer that is a decimal.
    pub role: Option<Role>,
}

/// How often a field's value occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Exactly once.
    One,
    /// At most once.
    Optional,
    /// Any number: a bare repeat, or in a wrapper that is always there.
    Vec,
    /// Any number, in a wrapper that may be absent.
    List,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A type of Rust or of the runtime.
    Plain(&'static str),
    /// A struct of the service.
    Record(String),
    /// An enum of the service.
    Enum(String),
}

/// How an integer is a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Two decimals.
    Cents,
    /// As many as a companion element tells.
    Scaled,
}

/// An enum.
#[derive(Debug)]
pub struct Enum {
    /// Name in the WSDL.
    pub wsdl: String,
    /// Variants and their texts, in the order of the WSDL.
    pub variants: Vec<(String, String)>,
}

impl Record {
    /// Its fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.lines.iter().filter_map(|line| match line {
            Line::Field(field) => Some(field),
            Line::Scale { .. } => None,
        })
    }

    /// The field of an element.
    pub fn field(&self, wire: &str) -> Option<&Field> {
        self.fields().find(|field| field.wire == wire)
    }

    /// Structs and enums that its fields name.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.fields().filter_map(|field| match &field.value {
            Value::Plain(_) => None,
            Value::Record(name) | Value::Enum(name) => Some(name.as_str()),
        })
    }

    /// Its list, when it has exactly one.
    pub fn only_list(&self) -> Option<&Field> {
        let mut lists = self.fields().filter(|field| matches!(field.shape, Shape::Vec | Shape::List));
        lists.next().filter(|_| lists.next().is_none())
    }
}

impl Value {
    /// Its name in Rust.
    pub fn rust(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Record(name) | Self::Enum(name) => name,
        }
    }
}

impl Field {
    /// Its type in Rust.
    pub fn rust_type(&self) -> String {
        let value =
            if self.boxed { format!("Box<{}>", self.value.rust()) } else { self.value.rust().to_owned() };
        match self.shape {
            Shape::One => value,
            Shape::Optional => format!("Option<{value}>"),
            Shape::Vec => format!("Vec<{value}>"),
            Shape::List => format!("List<{value}>"),
        }
    }
}

impl Model {
    /// What the types `from` hold, and they themselves.
    pub fn reachable<'a>(&'a self, from: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = from.collect();
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(self.records.get(name).into_iter().flat_map(Record::references));
            }
        }
        reached
    }

    /// The list of an operation's response, when it has exactly one.
    pub fn streamed(&self, operation: &Operation) -> Option<&Field> {
        self.records.get(&operation.response)?.only_list()
    }
}
