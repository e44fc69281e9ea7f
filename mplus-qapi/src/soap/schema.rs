//! What a type looks like on the wire, as data.

use super::{DecodeError, View, reader::Reader};
use crate::scan::Tag;

/// The wire form of a [`Record`]: its name in the WSDL and its elements in the order of the schema.
#[derive(Debug)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
pub enum Role {
    /// The value as it stands.
    Value,
    /// A text or a number that names something, or a date: an empty one, or 0, was left unset.
    Set,
    /// An integer whose last two digits are decimals: euros in the field, cents on the wire.
    Cents,
    /// An integer whose number of decimals is told by a companion element.
    Scaled,
    /// That companion: the number of decimals of the field's value. Absent reads as 0; always written.
    ScaleOf,
}

/// A struct that travels as an element with child elements.
///
/// Its `Debug` shows the fields that are there, and `***` in those that [`is_sensitive`](crate::is_sensitive) names. Two are
/// equal when the same fields are there with the same values.
pub trait Record: sealed::Sealed + Send + Sync {
    /// Elements in schema order.
    fn schema(&self) -> &'static Schema;
    /// Field `index`, `None` past the last.
    fn field(&self, index: usize) -> Option<&dyn Field>;
    /// Field `index` to be written to, `None` past the last.
    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field>;
    /// Bytes that an empty one takes elsewhere than where it stands.
    #[doc(hidden)]
    fn behind_a_pointer(&self) -> usize {
        0
    }
}

/// Only this crate's macros make records, and only its values are fields.
pub(crate) mod sealed {
    pub trait Sealed {}

    /// What a value can do besides: no matter of the public trait, and so no feature changes that.
    pub trait OfField {
        /// Sets the field to some value of its type.
        #[cfg(feature = "testkit")]
        fn fill(&mut self, source: &mut dyn super::super::ValueSource, element: &super::Element);
    }

    impl<T: Sealed + ?Sized> Sealed for Box<T> {}
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

    fn behind_a_pointer(&self) -> usize {
        size_of_val(&**self)
    }
}

/// One field of a record: a value, an optional value or a list of values.
///
/// The types of this crate implement it, and nothing else can.
pub trait Field: sealed::OfField {
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

    /// Forgets what was read.
    #[doc(hidden)]
    fn unset(&mut self);

    /// Puts another text in the place of one; numbers, records and lists stay.
    #[doc(hidden)]
    fn change_text(&mut self, _: &dyn Fn(String) -> String) {}
}
