//! Fields and records seen from outside: what they show in a log, and when two are equal.

use std::fmt;

use super::{Record, Role};
use crate::{
    capture::{REDACTED, is_sensitive},
    value::{Date, DateTime, XsdDecimal},
};

/// A field seen from outside: what it holds, not how it is stored.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum View<'a> {
    /// Not there; nothing is written.
    Absent,
    /// xsd:boolean.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    Unsigned(u64),
    /// A decimal, or an integer with a scale (see [`Role`]).
    Decimal(XsdDecimal),
    /// xsd:string.
    Text(&'a str),
    /// The wire text of an enum. Empty means that it was never set.
    Choice(&'a str),
    /// xsd:date.
    Date(Date),
    /// xsd:dateTime.
    DateTime(DateTime),
    /// base64.
    Binary(&'a [u8]),
    /// A nested type.
    Record(&'a dyn Record),
    /// Repeated values; in a wrapper when the element names its items.
    List(&'a dyn Items),
}

/// The values of a list field.
pub trait Items {
    /// How many there are.
    fn count(&self) -> usize;
    /// Value `index`, [`View::Absent`] past the last.
    fn item(&self, index: usize) -> View<'_>;
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("None"),
            Self::Bool(value) => fmt::Debug::fmt(value, f),
            Self::Int(value) => fmt::Debug::fmt(value, f),
            Self::Unsigned(value) => fmt::Debug::fmt(value, f),
            Self::Decimal(value) => fmt::Debug::fmt(value, f),
            Self::Text(value) => fmt::Debug::fmt(value, f),
            Self::Choice(value) => f.write_str(if value.is_empty() { "not set" } else { value }),
            Self::Date(value) => fmt::Display::fmt(value, f),
            Self::DateTime(value) => fmt::Display::fmt(value, f),
            Self::Binary(value) => write!(f, "{} bytes", value.len()),
            Self::Record(value) => fmt::Debug::fmt(*value, f),
            Self::List(items) => f.debug_list().entries(values(*items)).finish(),
        }
    }
}

impl PartialEq for View<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Unsigned(one), Self::Unsigned(other)) => one == other,
            (Self::Decimal(one), Self::Decimal(other)) => one == other,
            (Self::Text(one), Self::Text(other)) | (Self::Choice(one), Self::Choice(other)) => one == other,
            (Self::Date(one), Self::Date(other)) => one == other,
            (Self::DateTime(one), Self::DateTime(other)) => one == other,
            (Self::Binary(one), Self::Binary(other)) => one == other,
            (Self::Record(one), Self::Record(other)) => one == other,
            (Self::List(one), Self::List(other)) => values(*one).eq(values(*other)),
            _ => false,
        }
    }
}

/// The values of a list, in their order.
pub(super) fn values(items: &dyn Items) -> impl Iterator<Item = View<'_>> {
    (0..items.count()).map(|index| items.item(index))
}

impl dyn Record + '_ {
    /// What an element of this record's table shows.
    pub(crate) fn view(&self, field: usize) -> View<'_> {
        self.field(field).map_or(View::Absent, |field| field.view())
    }

    /// The fields with the names of their elements, in schema order. A scale is no field: it is in the decimal.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, View<'_>)> {
        let elements = self.schema().elements.iter().filter(|element| element.role != Role::ScaleOf);
        elements.map(|element| (element.name, self.view(element.field)))
    }
}

impl fmt::Debug for dyn Record + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct(self.schema().name);
        for (name, view) in self.fields() {
            match view {
                View::Absent => {}
                _ if is_sensitive(name) => _ = fields.field(name, &format_args!("{REDACTED}")),
                view => _ = fields.field(name, &view),
            }
        }
        fields.finish()
    }
}

impl PartialEq for dyn Record + '_ {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.schema(), other.schema()) && self.fields().eq(other.fields())
    }
}
