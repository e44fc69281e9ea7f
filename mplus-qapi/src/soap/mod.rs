//! The wire: SOAP 1.1 document/literal, read and written through one interpreter.
//!
//! A type of the service is a plain struct plus a [`Schema`]: the table of its elements in schema order. The macro
//! [`record!`](crate::soap) makes both from one line per element. Everything that happens to a type (decoding,
//! encoding, JSON) is written once, over that table:
//!
//! ```text
//! bytes --Reader--> tags and text --decode--> &mut dyn Field   (one field of one record)
//! &dyn Record --View--> encode --Writer--> text
//! ```

// A part of the domains does not use all values, macros and traits that the generated modules may need.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports, unused_macros))]

mod boundary;
mod decode;
#[cfg(feature = "testkit")]
mod document;
mod encode;
mod envelope;
mod error;
#[cfg(feature = "testkit")]
mod item_encoder;
mod items;
mod namespaces;
pub(crate) mod operation;
mod reader;
mod reader_state;
pub(crate) mod record;
pub(crate) mod sample;
pub(crate) mod scalar;
pub(crate) mod schema;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
#[cfg(test)]
mod tests;
mod view;
mod writer;

#[cfg(feature = "testkit")]
pub use self::{
    document::{read_document, write_document},
    envelope::ResponseError,
    operation::Descriptor,
    sample::Sampler,
};
pub use self::{
    envelope::{Fault, SoapVersion},
    error::{DecodeError, DecodeProblem, EncodeError},
    operation::{ListResponse, Operation, OperationInfo, Outcome, OutcomeError, Paged, Repeat},
    schema::{Element, Field, Record, Role, Schema},
    view::{Items, View},
};

#[cfg(feature = "testkit")]
pub(crate) use self::item_encoder::ItemEncoder;
pub(crate) use self::{envelope::*, items::*, reader::*};

/// What generated modules import.
pub(crate) mod prelude {
    pub(crate) use super::operation::{from_request, lists, operations, outcomes, pages, streams};
    pub(crate) use super::record::{record, wire_enum};
    pub(crate) use crate::value::{
        Binary, Date, DateTime, Decimal, List, SoapMplusDate, SoapMplusDateTime, XsdDecimal,
    };
}

/// The namespace of all elements of the service.
pub const NAMESPACE: &str = "urn:mplusqapi";
