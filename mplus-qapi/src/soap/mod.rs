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

// A part of the domains does not use all values, macros and traits that the generated modules may need, and without the
// test kit nothing writes an answer.
#![cfg_attr(not(all(feature = "full", feature = "testkit")), allow(dead_code, unused_imports, unused_macros))]

mod decode;
mod descent;
#[cfg(feature = "testkit")]
mod document;
mod encode;
mod envelope;
mod error;
mod fault;
#[cfg(feature = "testkit")]
mod item_encoder;
mod items;
pub(crate) mod list;
mod mplus_date;
pub(crate) mod operation;
pub(crate) mod outcome;
mod reader;
pub(crate) mod record;
pub(crate) mod scalar;
pub(crate) mod schema;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
#[cfg(feature = "testkit")]
mod source;
#[cfg(test)]
mod tests;
mod tolerated;
mod view;
mod writer;

#[cfg(feature = "testkit")]
pub use self::{
    document::{read_document, write_document},
    fault::ResponseError,
    operation::Descriptor,
    source::ValueSource,
};
pub use self::{
    error::EncodeError,
    fault::{Fault, SoapVersion},
    list::{ListResponse, Paged},
    operation::{Operation, OperationInfo, Repeat},
    outcome::{Outcome, OutcomeError, OutcomeKind},
    schema::{Element, Field, Record, Role, Schema},
    tolerated::{Tolerated, Unreadable},
    view::{Items, View},
};
pub use crate::scan::{DecodeError, DecodeProblem};

#[cfg(not(feature = "testkit"))]
pub(crate) use self::fault::ResponseError;
pub(crate) use self::{envelope::*, items::ItemDecoder, reader::Reader, tolerated::Budget};
#[cfg(feature = "testkit")]
pub(crate) use self::{item_encoder::ItemEncoder, items::read_pieces};
pub(crate) use crate::scan::Tag;

/// What generated modules import.
pub(crate) mod prelude {
    pub(crate) use super::list::{lists, pages, streams};
    pub(crate) use super::operation::{from_request, operations};
    pub(crate) use super::outcome::outcomes;
    pub(crate) use super::record::{record, wire_enum};
    pub(crate) use crate::value::{
        Binary, Date, DateTime, Decimal, List, SoapMplusDate, SoapMplusDateTime, XsdDecimal,
    };
}

/// The namespace of all elements of the service.
pub const NAMESPACE: &str = crate::scan::SERVICE;
