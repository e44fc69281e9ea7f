//! The service's own dates on the wire: records whose elements are named like their fields.

use super::{Element, Field, Record, Role, Schema};
use crate::value::{SoapMplusDate, SoapMplusDateTime};

macro_rules! on_the_wire {
    ($name:ident { $($index:literal $field:ident;)* }) => {
        impl super::schema::sealed::Sealed for $name {}

        impl Record for $name {
            fn schema(&self) -> &'static Schema {
                static SCHEMA: Schema = Schema {
                    name: stringify!($name),
                    elements: &[$(Element {
                        name: stringify!($field),
                        item: None,
                        repeated: false,
                        field: $index,
                        role: Role::Value,
                    }),*],
                    required: 0 $(| 1 << $index)*,
                };
                &SCHEMA
            }

            fn field(&self, index: usize) -> Option<&dyn Field> {
                match index {
                    $($index => Some(&self.$field),)*
                    _ => None,
                }
            }

            fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field> {
                match index {
                    $($index => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }

        super::record::serde_impl!($name);
    };
}

on_the_wire! { SoapMplusDate {
    0 day;
    1 mon;
    2 year;
} }

on_the_wire! { SoapMplusDateTime {
    0 sec;
    1 min;
    2 hour;
    3 day;
    4 mon;
    5 year;
    6 isdst;
    7 timezone;
} }
