//! Structs that hold themselves: somewhere on the way there has to be a pointer.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Result, bail},
    model::{Field, Line, Record, Shape, Value},
};

/// Puts every optional field through which a struct holds itself behind a pointer. (A list is one already.)
///
/// # Errors
/// A struct requires itself: no value of it exists.
pub(crate) fn box_cycles(records: &mut BTreeMap<String, Record>) -> Result<()> {
    let required = holds(records, |shape| shape == Shape::One);
    if let Some(name) = required.keys().find(|name| reaches(&required, name, name)) {
        bail!("a {name} requires a {name} in it: no such value exists");
    }
    let held = holds(records, |shape| matches!(shape, Shape::One | Shape::Optional));
    for (name, record) in records {
        for line in &mut record.lines {
            if let Line::Field(Field { shape: Shape::Optional, value: Value::Record(inner), boxed, .. }) =
                line
            {
                *boxed = reaches(&held, inner, name);
            }
        }
    }
    Ok(())
}

/// Which structs each struct has fields of, counting the fields of some shapes.
fn holds(
    records: &BTreeMap<String, Record>,
    counts: fn(Shape) -> bool,
) -> BTreeMap<String, BTreeSet<String>> {
    let inner = |record: &Record| -> BTreeSet<String> {
        let fields = record.fields().filter(|field| counts(field.shape));
        fields
            .filter_map(|field| match &field.value {
                Value::Record(inner) => Some(inner.clone()),
                Value::Plain(_) | Value::Enum(_) => None,
            })
            .collect()
    };
    records.iter().map(|(name, record)| (name.clone(), inner(record))).collect()
}

/// Whether one or more steps lead from one struct to the other.
fn reaches(held: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(name) = open.pop() {
        for inner in held.get(name).into_iter().flatten() {
            if inner == to {
                return true;
            }
            if seen.insert(inner) {
                open.push(inner);
            }
        }
    }
    false
}
