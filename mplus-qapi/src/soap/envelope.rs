//! The SOAP envelope around a request or a response, whole in memory.

#[cfg(feature = "testkit")]
use super::{
    DecodeError, Fault,
    descent::{check_envelope, is_body, unexpected},
};
use super::{
    EncodeError, Record, ResponseError,
    descent::{Descent, Part},
    encode::write_record,
    reader::Reader,
    tolerated::{Budget, ReaderState, Tolerated},
    writer::Writer,
};
use crate::scan::{Text, document_text};

const ENVELOPE: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    "\n",
    r#"<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:mplusqapi">"#,
    "<SOAP-ENV:Header/><SOAP-ENV:Body>",
);

/// An envelope with `record` in its body as the element `root`.
pub(crate) fn write_envelope(root: &'static str, record: &dyn Record) -> Result<String, EncodeError> {
    write_with(Writer::default(), root, record)
}

/// The same for a request that is sent: whatever is required has to be set.
pub(crate) fn write_request(root: &'static str, record: &dyn Record) -> Result<String, EncodeError> {
    write_with(Writer::to_be_sent(), root, record)
}

fn write_with(mut writer: Writer, root: &'static str, record: &dyn Record) -> Result<String, EncodeError> {
    open_envelope(&mut writer);
    writer.open(root);
    write_record(&mut writer, record)?;
    writer.close();
    close_envelope(&mut writer);
    writer.finish()
}

/// An envelope with a SOAP 1.1 fault.
#[cfg(feature = "testkit")]
pub(crate) fn write_fault(fault: &Fault) -> Result<String, EncodeError> {
    let mut writer = Writer::default();
    open_envelope(&mut writer);
    writer.raw("<SOAP-ENV:Fault><faultcode>SOAP-ENV:");
    writer.escaped(&fault.code)?;
    writer.raw("</faultcode><faultstring>");
    writer.escaped(&fault.message)?;
    writer.raw("</faultstring>");
    if let Some(detail) = &fault.detail {
        writer.raw("<detail>");
        writer.escaped(detail)?;
        writer.raw("</detail>");
    }
    writer.raw("</SOAP-ENV:Fault>");
    close_envelope(&mut writer);
    writer.finish()
}

pub(crate) fn open_envelope(writer: &mut Writer) {
    writer.raw(ENVELOPE);
}

pub(crate) fn close_envelope(writer: &mut Writer) {
    writer.raw("</SOAP-ENV:Body></SOAP-ENV:Envelope>");
}

/// Reads the element `root` in the body of an envelope into `record`; the case of its name is forgiven.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn read_envelope(
    document: &[u8],
    root: &str,
    record: &mut dyn Record,
    strict: bool,
) -> Result<Tolerated, ResponseError> {
    let text = document_text(document, None, strict)?;
    let mut reading = EnvelopeReader::new(&text, root, strict, Budget::default());
    while !reading.go_on(record, usize::MAX)? {}
    reading.finish()
}

/// Reads an envelope in turns, so that who waits for it can do something else in between.
pub(crate) struct EnvelopeReader<'x> {
    reader: Reader<'x>,
    descent: Descent<'x>,
}

impl<'x> EnvelopeReader<'x> {
    /// For the response `root`, whose values may take `budget`.
    pub(crate) fn new(text: &'x Text<'_>, root: &'x str, strict: bool, budget: Budget) -> Self {
        let mut state = ReaderState::new(strict, budget);
        state.suspicious = text.suspicious;
        Self { reader: Reader::new(&text.text, text.base, state), descent: Descent::new(root, None) }
    }

    /// Reads at least so many bytes, to the end of a part. `true` when the envelope was read to its end.
    pub(crate) fn go_on(&mut self, record: &mut dyn Record, bytes: usize) -> Result<bool, ResponseError> {
        let end = self.reader.position().saturating_add(bytes);
        while self.reader.position() < end {
            if let Part::End = self.descent.read(&mut self.reader, record, None)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// To be called after the end of the envelope: what was let pass.
    pub(crate) fn finish(mut self) -> Result<Tolerated, ResponseError> {
        self.reader.between()?;
        Ok(self.reader.into_state().take_tolerated())
    }
}

/// The name of the element in the body of an envelope: which operation a request calls.
#[cfg(feature = "testkit")]
pub(crate) fn body_root(document: &[u8]) -> Result<String, DecodeError> {
    let text = document_text(document, None, false)?;
    let mut reader = Reader::new(&text.text, text.base, ReaderState::default());
    let envelope = reader.root()?;
    check_envelope(&reader, &envelope)?;
    while let Some(child) = reader.next_child(&envelope)? {
        if is_body(&child) {
            let content = reader.next_child(&child)?;
            return match content {
                Some(content) => Ok(content.local_name().to_owned()),
                None => Err(unexpected(&reader, "an envelope with an empty body")),
            };
        }
        reader.skip(&child)?;
    }
    Err(unexpected(&reader, "an envelope without a body"))
}
