//! What a new version of the service changes for somebody who uses the generated types.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::model::{Enum, Field, Model, Operation, Record, Role, Shape};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Code that uses the old version no longer compiles, or no longer means the same.
    pub breaking: bool,
    /// In one line.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10}  {}", if self.breaking { "breaking" } else { "compatible" }, self.what)
    }
}

/// All differences: operations, then types with their fields, then enums with their values.
///
/// A new field is compatible: requests are written with `..Default::default()`. It breaks where the service requires
/// it in a request, for then its default would be sent.
pub fn changes(old: &Model, new: &Model) -> Vec<Change> {
    let mut changes = Changes::default();
    changes.operations(old, new);
    changes.records(old, new);
    changes.enums(old, new);
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn breaking(&mut self, what: String) {
        self.0.push(Change { breaking: true, what });
    }

    fn compatible(&mut self, what: String) {
        self.0.push(Change { breaking: false, what });
    }

    fn operations(&mut self, old: &Model, new: &Model) {
        let by_name = |model| -> BTreeMap<String, &Operation> { operations(model) };
        let (before, after) = (by_name(old), by_name(new));
        for pair in pairs(&before, &after) {
            match pair {
                Pair::Removed(name, _) => self.breaking(format!("operation {name} removed")),
                Pair::Added(name, _) => self.compatible(format!("operation {name} added")),
                Pair::Both(name, old, new) => self.operation(name, old, new),
            }
        }
    }

    fn operation(&mut self, name: &str, old: &Operation, new: &Operation) {
        if old.response != new.response {
            self.breaking(format!("operation {name} answers {}, not {}", new.response, old.response));
        }
        if old.response_root != new.response_root {
            self.compatible(format!(
                "operation {name} answers in <{}>, not <{}>",
                new.response_root, old.response_root
            ));
        }
        match (&old.key, &new.key) {
            (None, Some(_)) => self.compatible(format!("operation {name} carries an idempotency key now")),
            (Some(_), None) => {
                self.breaking(format!("operation {name} no longer carries an idempotency key"))
            }
            _ => {}
        }
    }

    fn records(&mut self, old: &Model, new: &Model) {
        let sent = sent(new);
        for pair in pairs(&old.records, &new.records) {
            match pair {
                Pair::Removed(name, _) => self.breaking(format!("type {name} removed")),
                Pair::Added(name, _) => self.compatible(format!("type {name} added")),
                Pair::Both(name, old, new) => self.record(name, old, new, sent.contains(name)),
            }
        }
    }

    fn record(&mut self, name: &str, old: &Record, new: &Record, is_sent: bool) {
        for pair in pairs(&fields(old), &fields(new)) {
            match pair {
                Pair::Removed(wire, field) => {
                    self.breaking(format!("field {name}.{} removed ({wire})", field.name))
                }
                Pair::Added(_, field) if is_sent && field.shape == Shape::One => self.breaking(format!(
                    "field {name}.{} added: {}, required in a request",
                    field.name,
                    field.rust_type()
                )),
                Pair::Added(_, field) => {
                    self.compatible(format!("field {name}.{} added: {}", field.name, field.rust_type()));
                }
                Pair::Both(_, old, new) => self.field(name, old, new),
            }
        }
        let known = |record: &'_ Record, other: &Record| -> Vec<String> {
            record
                .fields()
                .filter(|field| other.field(&field.wire).is_some())
                .map(|field| field.wire.clone())
                .collect()
        };
        if known(old, new) != known(new, old) {
            self.compatible(format!("type {name} has its elements in another order"));
        }
    }

    fn field(&mut self, name: &str, old: &Field, new: &Field) {
        if old.rust_type() != new.rust_type() {
            self.breaking(format!(
                "field {name}.{} is {}, not {}",
                new.name,
                new.rust_type(),
                old.rust_type()
            ));
        } else if old.role != new.role {
            self.compatible(format!("field {name}.{} is {}, not {}", new.name, scale(new), scale(old)));
        }
        if old.item != new.item {
            self.compatible(format!("field {name}.{} has other elements for its items", new.name));
        }
    }

    fn enums(&mut self, old: &Model, new: &Model) {
        for pair in pairs(&old.enums, &new.enums) {
            match pair {
                Pair::Removed(name, _) => self.breaking(format!("enum {name} removed")),
                Pair::Added(name, _) => self.compatible(format!("enum {name} added")),
                Pair::Both(name, old, new) => self.values(name, old, new),
            }
        }
    }

    fn values(&mut self, name: &str, old: &Enum, new: &Enum) {
        for pair in pairs(&values(old), &values(new)) {
            match pair {
                Pair::Removed(text, variant) => {
                    self.breaking(format!("value {name}::{variant} removed ({text})"))
                }
                Pair::Added(text, variant) => {
                    self.compatible(format!("value {name}::{variant} added ({text})"))
                }
                Pair::Both(text, old, new) if old != new => {
                    self.breaking(format!("value {name}::{old} is called {new} ({text})"));
                }
                Pair::Both(..) => {}
            }
        }
    }
}

/// What two maps say of one key.
enum Pair<'a, T> {
    Removed(&'a str, &'a T),
    Added(&'a str, &'a T),
    Both(&'a str, &'a T, &'a T),
}

fn pairs<'a, T>(old: &'a BTreeMap<String, T>, new: &'a BTreeMap<String, T>) -> Vec<Pair<'a, T>> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let pair = |name: &'a String| match (old.get(name), new.get(name)) {
        (Some(old), Some(new)) => Some(Pair::Both(name, old, new)),
        (Some(old), None) => Some(Pair::Removed(name, old)),
        (None, Some(new)) => Some(Pair::Added(name, new)),
        (None, None) => None,
    };
    names.into_iter().filter_map(pair).collect()
}

fn operations(model: &Model) -> BTreeMap<String, &Operation> {
    model.operations.iter().map(|operation| (operation.name.clone(), operation)).collect()
}

fn fields(record: &Record) -> BTreeMap<String, &Field> {
    record.fields().map(|field| (field.wire.clone(), field)).collect()
}

fn values(choice: &Enum) -> BTreeMap<String, &String> {
    choice.variants.iter().map(|(variant, text)| (text.clone(), variant)).collect()
}

/// The types that requests are made of.
fn sent(model: &Model) -> BTreeSet<&str> {
    model.reachable(model.operations.iter().map(|operation| operation.request.as_str()))
}

fn scale(field: &Field) -> &'static str {
    match field.role {
        None => "a plain number",
        Some(Role::Cents) => "in cents",
        Some(Role::Scaled) => "scaled by a companion",
    }
}
