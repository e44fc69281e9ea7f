//! What the generated lines expand to here: structs with serde derives, in the form that quick-xml reads.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

pub use rust_decimal::Decimal;

/// Text; parsing it would be more work, so the baseline is spared it.
pub type Date = String;
/// As [`Date`].
pub type DateTime = String;
/// As [`Date`].
pub type Binary = String;
/// Read as a decimal of 28 digits.
pub type XsdDecimal = Decimal;

/// Stands in for a list with an optional wrapper; see [`Plain`].
#[derive(Debug)]
pub struct List<T>(PhantomData<T>);

/// A wrapper element with items of whatever name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wrapped<T> {
    /// The items.
    #[serde(rename = "$value", default = "Vec::new")]
    pub items: Vec<T>,
}

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

/// The type that a user would give a field: wrapped in a list element or not, an integer with a scale or not.
pub trait Plain<const WRAPPED: bool, const INTEGER: bool> {
    /// That type.
    type As;
}

impl<T: Leaf> Plain<false, false> for T {
    type As = T;
}

impl<T: Leaf> Plain<false, false> for Option<T> {
    type As = Option<T>;
}

impl<T: Leaf> Plain<false, false> for Vec<T> {
    type As = Vec<T>;
}

impl<T: Leaf> Plain<true, false> for Vec<T> {
    type As = Option<Wrapped<T>>;
}

impl<T: Leaf> Plain<true, false> for List<T> {
    type As = Option<Wrapped<T>>;
}

impl Plain<false, true> for Decimal {
    type As = i64;
}

impl Plain<false, true> for Option<Decimal> {
    type As = Option<i64>;
}

/// Whether a value is left out when it is written.
pub(crate) fn is_absent<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! flag {
    () => {
        false
    };
    ($set:tt) => {
        true
    };
}

macro_rules! record {
    ($(#[$meta:meta])* $name:ident $wsdl:literal {
        $($index:literal $field:ident : $type:ty = $wire:literal $(/ $item:literal)? $([$role:ident])? ;
          $(scale $companion:literal of $target:literal ;)*)*
    }) => {
        #[doc = $wsdl]
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $(
                #[doc = $wire]
                #[serde(rename = $wire, default, skip_serializing_if = "crate::serde_types::is_absent")]
                pub $field: <$type as $crate::serde_types::Plain<
                    { $crate::serde_types::flag!($($item)?) },
                    { $crate::serde_types::flag!($($role)?) },
                >>::As,
            )*
        }

        impl $crate::serde_types::Leaf for $name {}
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
    flag, leave_out as from_request, leave_out as lists, leave_out as operations, leave_out as outcomes,
    leave_out as pages, leave_out as streams, record, wire_enum,
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
