//! The SOAP envelope around a request, a response or a fault.

use std::fmt;

use super::{
    DecodeError, DecodeProblem, EncodeError, NAMESPACE, Record,
    decode::read_record,
    encode::write_record,
    namespaces::Namespace,
    reader::{Reader, Tag},
    reader_state::ReaderState,
    writer::Writer,
};

/// Which SOAP a fault was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SoapVersion {
    /// SOAP 1.1, what the service speaks.
    V1_1,
    /// SOAP 1.2, what a proxy in between may speak.
    V1_2,
}

/// The service refused or failed to carry out a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Which SOAP it was written in.
    pub version: SoapVersion,
    /// The code without its prefix, dotted: `Client.Authentication`, `Server`.
    pub code: String,
    /// The service's explanation.
    pub message: String,
    /// Who caused it, if told.
    pub actor: Option<String>,
    /// Further detail as text, if told.
    pub detail: Option<String>,
}

impl Fault {
    /// A SOAP 1.1 fault.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            version: SoapVersion::V1_1,
            code: code.into(),
            message: message.into(),
            actor: None,
            detail: None,
        }
    }

    /// The request is at fault: a repeat would fail the same way.
    pub fn is_client(&self) -> bool {
        self.class_is("Client", "Sender")
    }

    /// The service is at fault: a repeat may succeed later.
    pub fn is_server(&self) -> bool {
        self.class_is("Server", "Receiver")
    }

    fn class_is(&self, soap_1_1: &str, soap_1_2: &str) -> bool {
        let class = self.code.split('.').next().unwrap_or_default();
        class.eq_ignore_ascii_case(soap_1_1) || class.eq_ignore_ascii_case(soap_1_2)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Why an envelope holds no response.
#[derive(Debug)]
#[cfg_attr(not(feature = "testkit"), expect(unreachable_pub, reason = "public with the feature"))]
pub enum ResponseError {
    /// It cannot be read.
    Decode(DecodeError),
    /// It holds a fault.
    Fault(Fault),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Fault(fault) => write!(f, "the POS answered {fault}"),
        }
    }
}

impl From<DecodeError> for ResponseError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

const ENVELOPE: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    "\n",
    r#"<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:mplusqapi">"#,
    "<SOAP-ENV:Header/><SOAP-ENV:Body>",
);

/// An envelope with `record` in its body as the element `root`.
pub(crate) fn write_envelope(root: &'static str, record: &dyn Record) -> Result<String, EncodeError> {
    let mut writer = Writer::default();
    open_envelope(&mut writer);
    writer.open(root);
    write_record(&mut writer, record)?;
    writer.close();
    close_envelope(&mut writer);
    Ok(writer.finish())
}

pub(crate) fn open_envelope(writer: &mut Writer) {
    writer.raw(ENVELOPE);
}

pub(crate) fn close_envelope(writer: &mut Writer) {
    writer.raw("</SOAP-ENV:Body></SOAP-ENV:Envelope>");
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
    Ok(writer.finish())
}

/// Reads the element `root` in the body of an envelope into `record`; the case of its name is forgiven.
pub(crate) fn read_envelope(
    document: &[u8],
    root: &str,
    record: &mut dyn Record,
    strict: bool,
) -> Result<Vec<String>, ResponseError> {
    let text = document_text(document)?;
    let mut reader = Reader::new(text, (document.len() - text.len()) as u64, ReaderState::strict(strict));
    let envelope = reader.root()?;
    check_envelope(&reader, &envelope)?;
    loop {
        let Some(child) = reader.next_child(&envelope)? else {
            return Err(unexpected(&reader, "an envelope without a body").into());
        };
        if !is_body(&child) {
            reader.skip(&child)?;
            continue;
        }
        let Some(content) = reader.next_child(&child)? else {
            return Err(unexpected(&reader, "an envelope with an empty body").into());
        };
        check_content(&mut reader, &content, root)?;
        reader.enter(root.to_owned())?;
        read_record(&mut reader, &content, record)?;
        reader.leave();
        // The rest of the envelope has to be there too, or the response was cut off.
        while let Some(other) = reader.next_child(&child)? {
            reader.skip(&other)?;
        }
        while let Some(other) = reader.next_child(&envelope)? {
            reader.skip(&other)?;
        }
        reader.finish()?;
        return Ok(reader.state.take_missing());
    }
}

/// The name of the element in the body of an envelope: which operation a request calls.
#[cfg(feature = "testkit")]
pub(crate) fn body_root(document: &[u8]) -> Result<String, DecodeError> {
    let text = document_text(document)?;
    let mut reader = Reader::new(text, (document.len() - text.len()) as u64, ReaderState::default());
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

pub(crate) fn is_body(tag: &Tag<'_>) -> bool {
    is_soap(tag) && tag.local_name() == "Body"
}

fn is_soap(tag: &Tag<'_>) -> bool {
    matches!(tag.namespace, Namespace::Soap11 | Namespace::Soap12)
}

/// The root element has to be a SOAP envelope.
pub(crate) fn check_envelope(reader: &Reader<'_>, tag: &Tag<'_>) -> Result<(), DecodeError> {
    if is_soap(tag) && tag.local_name() == "Envelope" {
        return Ok(());
    }
    let what = if tag.local_name().eq_ignore_ascii_case("html") {
        "an HTML page instead of a SOAP envelope".to_owned()
    } else {
        format!("`{}` instead of a SOAP envelope", tag.local_name())
    };
    Err(unexpected(reader, &what))
}

/// The content of the body has to be the element `root`, else it is a fault or somebody else's answer.
pub(crate) fn check_content<'x>(
    reader: &mut Reader<'x>,
    content: &Tag<'x>,
    root: &str,
) -> Result<(), ResponseError> {
    if is_soap(content) && content.local_name() == "Fault" {
        return Err(ResponseError::Fault(read_fault(reader, content)?));
    }
    if content.namespace == Namespace::Service && content.local_name().eq_ignore_ascii_case(root) {
        return Ok(());
    }
    let what = format!("`{}` where `{root}` of {NAMESPACE} was expected", content.local_name());
    Err(unexpected(reader, &what).into())
}

/// A fault's elements have no namespace in SOAP 1.1 and SOAP's in 1.2; their local names tell them apart.
fn read_fault<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<Fault, DecodeError> {
    let mut fault = Fault::new("", "");
    if tag.namespace == Namespace::Soap12 {
        fault.version = SoapVersion::V1_2;
    }
    while let Some(child) = reader.next_child(tag)? {
        match child.local_name() {
            "faultcode" => fault.code = without_prefix(&reader.text(&child)?),
            "faultstring" => fault.message = reader.text(&child)?.trim().to_owned(),
            "faultactor" | "Role" => fault.actor = filled(&reader.text(&child)?),
            "Code" => fault.code = read_code(reader, &child)?,
            "Reason" => fault.message = inner_text(reader, &child)?.unwrap_or_default(),
            "detail" | "Detail" => fault.detail = inner_text(reader, &child)?,
            _ => reader.skip(&child)?,
        }
    }
    Ok(fault)
}

/// SOAP 1.2: a value and, inside of subcodes, further ones.
fn read_code<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<String, DecodeError> {
    reader.enter(tag.local_name().to_owned())?;
    let mut code = String::new();
    while let Some(child) = reader.next_child(tag)? {
        let part = match child.local_name() {
            "Value" => without_prefix(&reader.text(&child)?),
            "Subcode" => read_code(reader, &child)?,
            _ => {
                reader.skip(&child)?;
                continue;
            }
        };
        if !code.is_empty() {
            code.push('.');
        }
        code.push_str(&part);
    }
    reader.leave();
    Ok(code)
}

/// All text in an element whatever its structure, white space folded.
fn inner_text<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<Option<String>, DecodeError> {
    let before = reader.position();
    reader.skip(tag)?;
    let text = strip_tags(reader.slice(before));
    Ok(filled(&text))
}

fn strip_tags(markup: &str) -> String {
    let mut text = String::new();
    for piece in markup.split('<') {
        let words = piece.split_once('>').map_or(piece, |(_, after)| after);
        for word in words.split_ascii_whitespace() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    text
}

fn without_prefix(code: &str) -> String {
    let code = code.trim();
    code.rsplit_once(':').map_or(code, |(_, local)| local).to_owned()
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(crate) fn unexpected(reader: &Reader<'_>, what: &str) -> DecodeError {
    reader.error(None, DecodeProblem::UnexpectedDocument(what.to_owned()))
}

/// The document as text, without a byte order mark. UTF-8 is read, any other encoding is refused by name.
pub(crate) fn document_text(document: &[u8]) -> Result<&str, DecodeError> {
    let error = |offset: usize, problem| DecodeError::new(String::new(), offset as u64, problem);
    let body = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    check_start(body).map_err(|problem| error(0, problem))?;
    std::str::from_utf8(body).map_err(|utf8| {
        let offset = document.len() - body.len() + utf8.valid_up_to();
        error(offset, DecodeProblem::Encoding("these bytes are not UTF-8".to_owned()))
    })
}

/// Looks at the first bytes of a document: empty, another encoding, or a page for people.
pub(crate) fn check_start(body: &[u8]) -> Result<(), DecodeProblem> {
    let start = body.trim_ascii_start();
    if start.is_empty() {
        return Err(DecodeProblem::UnexpectedDocument("an empty body instead of a SOAP envelope".to_owned()));
    }
    if body.starts_with(b"\xff\xfe")
        || body.starts_with(b"\xfe\xff")
        || body[..body.len().min(4)].contains(&0)
    {
        return Err(DecodeProblem::Encoding("UTF-16 and UTF-32 are not read, only UTF-8".to_owned()));
    }
    let begins =
        |with: &str| start.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()));
    if begins("<!doctype html") || begins("<html") {
        let what = "an HTML page instead of a SOAP envelope";
        return Err(DecodeProblem::UnexpectedDocument(what.to_owned()));
    }
    if !start.starts_with(b"<") {
        return Err(DecodeProblem::UnexpectedDocument(
            "text that is no XML instead of a SOAP envelope".to_owned(),
        ));
    }
    match declared_encoding(start) {
        Some(name) if !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii") => {
            Err(DecodeProblem::Encoding(format!("{name} is not read, only UTF-8")))
        }
        _ => Ok(()),
    }
}

/// The encoding that the XML declaration names.
fn declared_encoding(start: &[u8]) -> Option<String> {
    let declaration = start.strip_prefix(b"<?xml")?;
    let end = memchr::memchr(b'>', declaration)?;
    let declaration = String::from_utf8_lossy(&declaration[..end]).into_owned();
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(value[1..].split(quote).next()?.to_owned())
}
