//! Writing a record: the one function that spells every type of the service.

use super::{Element, EncodeError, Record, Role, View, writer::Writer};
use crate::value::{Binary, Decimal};

/// Writes the elements of `record`, in schema order.
pub(crate) fn write_record(writer: &mut Writer, record: &dyn Record) -> Result<(), EncodeError> {
    write_elements(writer, record, record.schema().elements)
}

/// Writes some of the elements of `record`.
pub(crate) fn write_elements(
    writer: &mut Writer,
    record: &dyn Record,
    elements: &[Element],
) -> Result<(), EncodeError> {
    for element in elements {
        let view = record.view(element.field);
        match (element.role, view) {
            (_, View::Absent) => {}
            (Role::ScaleOf, View::Decimal(value)) => {
                writer.open(element.name);
                writer.integer(value.scale());
                writer.close();
            }
            (Role::ScaleOf, _) => {}
            (role, View::List(items)) => {
                if element.item.is_some() {
                    writer.open(element.name);
                }
                for index in 0..items.count() {
                    writer.number(index);
                    write_element(writer, element.item.unwrap_or(element.name), role, items.item(index))?;
                }
                if element.item.is_some() {
                    writer.close();
                }
            }
            (role, view) => write_element(writer, element.name, role, view)?,
        }
    }
    Ok(())
}

/// Writes one element around one value.
pub(crate) fn write_element(
    writer: &mut Writer,
    name: &'static str,
    role: Role,
    view: View<'_>,
) -> Result<(), EncodeError> {
    writer.open(name);
    match view {
        View::Bool(value) => writer.display(value),
        View::Int(0) if role == Role::Set => {
            writer.note_unset();
            writer.integer(0);
        }
        View::Int(value) => writer.integer(value),
        View::Unsigned(value) => writer.integer(value),
        View::Decimal(value) => match role {
            Role::Value | Role::Set | Role::ScaleOf => writer.display(value),
            Role::Cents => match unscaled(value.get(), Some(2)) {
                Some(cents) => writer.integer(cents),
                None => return Err(writer.error(format!("{value} is no whole number of cents (of 64 bits)"))),
            },
            Role::Scaled => match unscaled(value.get(), None) {
                Some(digits) => writer.integer(digits),
                None => return Err(writer.error(format!("{value} has more digits than the element holds"))),
            },
        },
        View::Text("") if role == Role::Set => writer.note_unset(),
        View::Text(value) => writer.escaped(value)?,
        View::Choice("") => return Err(writer.error("a value has to be chosen, it was left unset")),
        View::Choice(value) => writer.escaped(value)?,
        View::Date(value) if !value.is_set() => {
            return Err(writer.error("a date has to be set, it was left unset"));
        }
        View::Date(value) => writer.display(value),
        View::DateTime(value) if !value.is_set() => {
            return Err(writer.error("a date and time has to be set, it was left unset"));
        }
        View::DateTime(value) => writer.display(value),
        View::Binary(value) => writer.raw(&Binary::to_base64(value)),
        View::Record(value) => {
            if role == Role::Set && is_nothing(value) {
                writer.note_unset();
            }
            write_record(writer, value)?;
        }
        View::Absent | View::List(_) => {}
    }
    writer.close();
    Ok(())
}

/// Whether a date of the service's own kind is none: zeros alone.
fn is_nothing(value: &dyn Record) -> bool {
    value
        .schema()
        .elements
        .iter()
        .all(|element| matches!(value.view(element.field), View::Absent | View::Int(0) | View::Bool(false)))
}

/// The digits of `value` at `scale` decimals (or its own), if that is exact.
fn unscaled(value: Decimal, scale: Option<u32>) -> Option<i64> {
    let mut exact = value;
    if let Some(scale) = scale {
        exact.rescale(scale);
        if exact != value || exact.scale() != scale {
            return None;
        }
    }
    i64::try_from(exact.mantissa()).ok()
}
