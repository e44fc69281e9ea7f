//! What a type looks like on the wire, as data.

use super::{
    DecodeError,
    reader::{Reader, Tag},
};
use crate::value::{Date, DateTime, XsdDecimal};

/// The wire form of a [`Record`]: its name in the WSDL and its elements in the order of the schema.
#[derive(Debug)]
pub struct Schema {
    /// Name of the WSDL type (or of the operation, for the root element of a request).
    pub name: &'static str,
    /// Elements in the order in which they are written.
    pub elements: &'static [Element],
    /// Bit `n` is set when field `n` must be on the wire.
    pub required: u128,
}

/// One element of a [`Schema`].
#[derive(Debug)]
pub struct Element {
    /// Local name on the wire.
    pub name: &'static str,
    /// For a wrapped list: the local name of the items inside the wrapper.
    pub item: Option<&'static str>,
    /// The element itself may occur any number of times.
    pub repeated: bool,
    /// Which field of the record this element belongs to.
    pub field: usize,
    /// What the element's content is to that field.
    pub role: Role,
}

/// What an [`Element`] is to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The value as it stands.
    Value,
    /// An integer whose last two digits are decimals: euros in the field, cents on the wire.
    Cents,
    /// An integer whose number of decimals is told by a companion element.
    Scaled,
    /// That companion: the number of decimals of the field's value. Absent reads as 0; always written.
    ScaleOf,
}

/// A struct that travels as an element with child elements.
pub trait Record: Send + Sync {
    /// Elements in schema order.
    fn schema(&self) -> &'static Schema;
    /// Field `index`, `None` past the last.
    fn field(&self, index: usize) -> Option<&dyn Field>;
    /// Field `index` to be written to, `None` past the last.
    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field>;
}

impl<T: Record + ?Sized> Record for Box<T> {
    fn schema(&self) -> &'static Schema {
        (**self).schema()
    }

    fn field(&self, index: usize) -> Option<&dyn Field> {
        (**self).field(index)
    }

    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field> {
        (**self).field_mut(index)
    }
}

/// One field of a record: a value, an optional value or a list of values.
pub trait Field {
    /// The field as data, for every kind of output.
    fn view(&self) -> View<'_>;

    /// Reads the element that was just opened. `false` when it held nothing, as `<x/>` for a number.
    #[doc(hidden)]
    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError>;

    /// Moves the decimal point of a value that was read as an integer.
    #[doc(hidden)]
    fn set_scale(&mut self, places: u32);

    /// Sets the field to some value of its type.
    #[cfg(feature = "testkit")]
    #[doc(hidden)]
    fn sample(&mut self, sampler: &mut super::Sampler, element: &Element);
}

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

/// How often a field's type lets its element occur: what makes an element required.
pub(crate) trait Occurs {
    /// The element must be there whatever its form.
    const ONE: bool;
    /// A list without an optional wrapper: its wrapper must be there if it has one, else its element is repeated.
    const LIST: bool;
}

/// The bit of a field in [`Schema::required`].
pub(crate) const fn required_bit<F: Occurs>(index: usize, wrapped: bool) -> u128 {
    if F::ONE || (F::LIST && wrapped) { 1 << index } else { 0 }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Decimal(value) => value.fmt(f),
            Self::Text(value) | Self::Choice(value) => value.fmt(f),
            Self::Date(value) => value.fmt(f),
            Self::DateTime(value) => value.fmt(f),
            Self::Binary(value) => write!(f, "{} bytes", value.len()),
            Self::Record(value) => f.write_str(value.schema().name),
            Self::List(value) => write!(f, "{} items", value.count()),
        }
    }
}

/// Whether a field's element itself occurs any number of times.
pub(crate) const fn is_repeated<F: Occurs>(wrapped: bool) -> bool {
    F::LIST && !wrapped
}
