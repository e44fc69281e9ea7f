//! Whole documents without a client: for tools, test servers and measurements.

use super::{
    EncodeError, Record, Tolerated,
    envelope::{read_envelope, write_envelope},
    fault::ResponseError,
};

/// Writes an envelope with `record` in its body as the element `root`.
///
/// # Errors
/// A value does not fit its element, or an enum or a date that is required was left unset.
pub fn write_document(root: &'static str, record: &dyn Record) -> Result<String, EncodeError> {
    write_envelope(root, record)
}

/// Reads the element `root` in the body of an envelope into `record`, a fresh one. Returns what was let pass; with
/// `strict` that is an error.
///
/// # Errors
/// The document cannot be read, or holds a fault.
pub fn read_document(
    document: &[u8],
    root: &str,
    record: &mut dyn Record,
    strict: bool,
) -> Result<Tolerated, ResponseError> {
    read_envelope(document, root, record, strict)
}
