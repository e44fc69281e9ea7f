//! The scanner: bytes to text, text to tags and values, and where a part of a stream ends.
//!
//! It knows XML and nothing of SOAP or of the service's types. Two readers of the same bytes share it:
//!
//! ```text
//! bytes --Decoder--> text --Scanner--> tags and texts          (the document, or one whole part of it)
//!                      \--Boundary--> where the next part ends (a document that comes in pieces)
//! ```
//!
//! Time and memory are linear in the bytes whatever they are; [`limits`] has every bound.

mod boundary;
mod encoding;
mod error;
mod near;
mod reference;
mod scanner;
mod skip;
mod tag;
mod text;

pub(crate) mod limits;

pub use self::error::{DecodeError, DecodeProblem};
#[expect(unreachable_pub, reason = "hidden methods of a public trait hand it on")]
pub use self::tag::Tag;
pub(crate) use self::{
    boundary::{Boundary, Cut},
    encoding::{Charset, Decoder, Text, document_text},
    error::{ScanError, ScanResult, cut, shown},
    scanner::Scanner,
    tag::{Namespace, Namespaces, SERVICE},
};
