//! What the generated lines expand to here: structs with serde derives, in the form that quick-xml reads and writes.
//!
//! Every element of the schema is a typed field, the companions that tell a scale included, so that neither reading nor
//! writing skips anything. Where a user has a choice the cheaper form is taken: dates and base64 stay text.

use serde::Deserialize;

pub use rust_decimal::Decimal;

/// Text; parsing it would be more work, so the baseline is spared it.
pub type Date = String;
/// As [`Date`].
pub type DateTime = String;
/// As [`Date`].
pub type Binary = String;
/// Read as a decimal of 28 digits.
pub type XsdDecimal = Decimal;

/// Stands in for a list with an optional wrapper; see [`Listed`].
#[derive(Debug)]
pub struct List<T>(std::marker::PhantomData<T>);

/// The SOAP envelope around a response.
#[derive(Debug, Deserialize)]
pub struct Envelope<T> {
    /// The body.
    #[serde(rename = "Body")]
    pub body: Body<T>,
}

/// The body of an envelope.
#[derive(Debug, Deserialize)]
pub struct Body<T> {
    /// Its one element.
    #[serde(rename = "$value")]
    pub content: T,
}

/// A type that is one element's content.
pub trait Leaf {}

macro_rules! leaf {
    ($($type:ty),*) => { $(impl Leaf for $type {})* };
}

leaf!(i16, i32, i64, u8, u16, u32, u64, bool, String, Decimal);

impl<T: Leaf> Leaf for Box<T> {}

/// The type that a user would give a field that is in no wrapper: an integer with a scale or not.
pub trait Plain<const INTEGER: bool> {
    /// That type.
    type As;
}

impl<T: Leaf> Plain<false> for T {
    type As = T;
}

impl<T: Leaf> Plain<false> for Option<T> {
    type As = Option<T>;
}

impl<T: Leaf> Plain<false> for Vec<T> {
    type As = Vec<T>;
}

impl Plain<true> for Decimal {
    type As = i64;
}

impl Plain<true> for Option<Decimal> {
    type As = Option<i64>;
}

/// A list in a wrapper element.
pub trait Listed {
    /// Its items.
    type Item;
}

impl<T> Listed for Vec<T> {
    type Item = T;
}

impl<T> Listed for List<T> {
    type Item = T;
}

/// Whether a field is left out when it is written.
pub trait Absent {
    /// Only an optional one is.
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T: Leaf> Absent for T {}

impl<T> Absent for Vec<T> {}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

macro_rules! record {
    ($(#[$meta:meta])* $name:ident $wsdl:literal {
        $($index:literal $field:ident : $type:ty = $wire:literal $(/ $item:literal)? $([$role:ident])? ;
          $(scale $companion:literal of $target:literal ;)*)*
    }) => { pastey::paste! {
        #[doc = $wsdl]
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $(
                #[doc = $wire]
                #[serde(rename = $wire, default, skip_serializing_if = "crate::serde_types::Absent::is_absent")]
                pub $field: $crate::serde_types::field_type!(
                    $type, [<$name List $index>], [$($item)?] [$($role)?]
                ),
                $(
                    #[doc = $companion]
                    #[serde(rename = $companion, default, skip_serializing_if = "Option::is_none")]
                    pub [<scale_of_ $target>]: Option<u32>,
                )*
            )*
        }

        impl $crate::serde_types::Leaf for $name {}

        $($(
            #[doc = $wire]
            #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
            pub struct [<$name List $index>] {
                #[doc = $item]
                #[serde(rename = $item, default = "Vec::new")]
                pub items: Vec<<$type as $crate::serde_types::Listed>::Item>,
            }
        )?)*
    } };
}

macro_rules! field_type {
    ($type:ty, $wrapper:ident, [] []) => {
        <$type as $crate::serde_types::Plain<false>>::As
    };
    ($type:ty, $wrapper:ident, [] [set]) => {
        <$type as $crate::serde_types::Plain<false>>::As
    };
    ($type:ty, $wrapper:ident, [] [$role:ident]) => {
        <$type as $crate::serde_types::Plain<true>>::As
    };
    ($type:ty, $wrapper:ident, [$item:literal] []) => {
        Option<$wrapper>
    };
}

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident $wsdl:literal { $($variant:ident = $text:literal;)* }) => {
        #[doc = $wsdl]
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[serde(rename = $text)] $variant,)*
            #[default]
            #[serde(other)]
            Unknown,
        }

        impl $crate::serde_types::Leaf for $name {}
    };
}

macro_rules! leave_out {
    ($($lines:tt)*) => {};
}

pub(crate) use {
    field_type, leave_out as from_request, leave_out as lists, leave_out as operations,
    leave_out as outcomes, leave_out as pages, leave_out as streams, record, wire_enum,
};

record! { SoapMplusDate "SoapMplusDate" {
    0 day: i32 = "day";
    1 mon: i32 = "mon";
    2 year: i32 = "year";
} }

record! { SoapMplusDateTime "SoapMplusDateTime" {
    0 sec: i32 = "sec";
    1 min: i32 = "min";
    2 hour: i32 = "hour";
    3 day: i32 = "day";
    4 mon: i32 = "mon";
    5 year: i32 = "year";
    6 isdst: bool = "isdst";
    7 timezone: i32 = "timezone";
} }
