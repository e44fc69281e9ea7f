//! One request or response of any operation, named at run time: for tools and for tests over all operations.

use std::fmt;

use crate::soap::{
    DecodeError, Descriptor, EncodeError, Fault, Record, ResponseError, read_envelope, write_envelope,
};

/// Which of the two messages of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// What the client sends.
    Request,
    /// What the service answers.
    Response,
}

/// A request or a response whose operation is known by name only.
pub struct Message {
    root: &'static str,
    record: Box<dyn Record>,
}

/// Why there is no [`Message`].
#[derive(Debug)]
#[non_exhaustive]
pub enum MessageError {
    /// No operation of the compiled domains has this name.
    UnknownOperation(String),
    /// The document is not such a message: the error tells the path and the offset.
    Decode(DecodeError),
    /// The document is a fault.
    Fault(Fault),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation(name) => write!(f, "there is no operation {name}"),
            Self::Decode(error) => error.fmt(f),
            Self::Fault(fault) => write!(f, "the document is a fault: {fault}"),
        }
    }
}

impl std::error::Error for MessageError {}

impl Message {
    /// Reads an envelope. Required elements that are absent get their defaults.
    pub fn read(operation: &str, direction: Direction, document: &[u8]) -> Result<Self, MessageError> {
        let Descriptor { info, request, response, .. } = descriptor(operation)?;
        let (root, mut record) = match direction {
            Direction::Request => (info.name, request()),
            Direction::Response => (info.response, response()),
        };
        match read_envelope(document, root, &mut *record, false) {
            Ok(_) => Ok(Self { root, record }),
            Err(ResponseError::Decode(error)) => Err(MessageError::Decode(error)),
            Err(ResponseError::Fault(fault)) => Err(MessageError::Fault(fault)),
        }
    }

    /// Writes it as an envelope.
    pub fn write(&self) -> Result<String, EncodeError> {
        write_envelope(self.root, &*self.record)
    }

    /// The values, to be looked at through their schema.
    pub fn record(&self) -> &dyn Record {
        &*self.record
    }
}

fn descriptor(operation: &str) -> Result<&'static Descriptor, MessageError> {
    let all = crate::generated::operations().into_iter().flatten();
    let named = |descriptor: &&Descriptor| descriptor.info.name == operation;
    all.into_iter().find(named).ok_or_else(|| MessageError::UnknownOperation(operation.to_owned()))
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.root)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Message {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::soap::serialize::serialize_record(&*self.record, serializer)
    }
}
