//! Faults: what the service answers when it refuses or fails, and why an envelope may hold no response.

use std::fmt;

use super::{DecodeError, Reader};
use crate::scan::{Namespace, Tag, cut, limits};

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

    /// Whether the service says that it does not know the operation: versions differ in what they know. Only the service's own
    /// form counts, with this operation's name (docs/src/unknowns.md); that an article or a table is unknown reads otherwise.
    pub fn is_unknown_operation(&self, operation: &str) -> bool {
        let named = self.message.strip_prefix("Method '").and_then(|rest| rest.split_once('\''));
        self.is_client()
            && named.is_some_and(|(name, rest)| {
                let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
                local == operation && rest.trim_start().starts_with("not implemented")
            })
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
#[non_exhaustive]
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

impl std::error::Error for ResponseError {}

impl From<DecodeError> for ResponseError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// A fault's elements have no namespace in SOAP 1.1 and SOAP's in 1.2; their local names tell them apart. Of each text the
/// first 4 KiB are kept.
pub(crate) fn read_fault<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<Fault, DecodeError> {
    let mut fault = Fault::new("", "");
    if tag.namespace == Namespace::Soap12 {
        fault.version = SoapVersion::V1_2;
    }
    while let Some(child) = reader.next_child(tag)? {
        match child.local_name() {
            "faultcode" => fault.code = without_prefix(&reader.told(&child)?),
            "faultstring" => fault.message = reader.told(&child)?,
            "faultactor" | "Role" => fault.actor = filled(reader.told(&child)?),
            "Code" => fault.code = read_code(reader, &child)?,
            "Reason" => fault.message = reader.gather(&child)?.trim().to_owned(),
            "detail" | "Detail" => fault.detail = filled(reader.gather(&child)?.trim().to_owned()),
            _ => reader.skip(&child)?,
        }
    }
    Ok(fault)
}

/// SOAP 1.2: a value and, inside of subcodes, further ones.
fn read_code<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<String, DecodeError> {
    reader.enter(tag.local_name().to_owned(), tag)?;
    let mut code = String::new();
    while let Some(child) = reader.next_child(tag)? {
        let part = match child.local_name() {
            "Value" => without_prefix(&reader.told(&child)?),
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
    Ok(cut(&code, limits::TOLD))
}

fn without_prefix(code: &str) -> String {
    code.rsplit_once(':').map_or(code, |(_, local)| local).to_owned()
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
