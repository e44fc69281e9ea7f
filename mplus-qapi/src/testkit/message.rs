//! One request or response of any operation, named at run time: for tools and for tests over all operations.

use std::fmt;

use crate::{
    Client, Error, Reply,
    exchange::Exchange,
    soap::{
        DecodeError, Descriptor, EncodeError, Fault, Field, OperationInfo, Record, ResponseError, Schema,
        read_envelope, schema::sealed::Sealed, write_envelope,
    },
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
    descriptor: &'static Descriptor,
    direction: Direction,
    record: Box<dyn Record>,
}

/// The operations of the compiled domains, by domain.
pub fn operations() -> impl Iterator<Item = OperationInfo> {
    crate::generated::operations().into_iter().flatten().map(|descriptor| descriptor.info)
}

/// Why there is no [`Message`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// No operation of the compiled domains has this name.
    #[error("there is no operation {0}")]
    UnknownOperation(String),
    /// The document is not such a message: the error tells the path and the offset.
    #[error(transparent)]
    Decode(DecodeError),
    /// The document is a fault.
    #[error("the document is a fault: {0}")]
    Fault(Fault),
}

impl Message {
    /// An empty one, to be filled.
    ///
    /// # Errors
    /// [`MessageError::UnknownOperation`].
    pub fn new(operation: &str, direction: Direction) -> Result<Self, MessageError> {
        Ok(Self::empty(descriptor(operation)?, direction))
    }

    /// Reads an envelope. Required elements that are absent get their defaults.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn read(operation: &str, direction: Direction, document: &[u8]) -> Result<Self, MessageError> {
        let mut message = Self::new(operation, direction)?;
        match read_envelope(document, message.root(), &mut *message.record, false) {
            Ok(_) => Ok(message),
            Err(ResponseError::Decode(error)) => Err(MessageError::Decode(error)),
            Err(ResponseError::Fault(fault)) => Err(MessageError::Fault(fault)),
        }
    }

    /// Writes it as an envelope.
    ///
    /// # Errors
    /// [`EncodeError`] when a value does not fit its element.
    pub fn write(&self) -> Result<String, EncodeError> {
        write_envelope(self.root(), &*self.record)
    }

    /// Sends a request and returns its response, as the operation's method of the client does. No idempotency key is made: it
    /// has to be in the request.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, client: &Client) -> Result<Reply<Self>, Error> {
        let channel = &client.channel;
        let settings = channel.shared.settings.clone();
        let info = self.descriptor.info;
        let exchange = Exchange { channel, info, settings: &settings, streamed: false };
        let envelope = exchange.envelope(&*self.record)?;
        let mut response = Self::empty(self.descriptor, Direction::Response);
        let reset = |response: &mut Self| *response = Self::empty(response.descriptor, Direction::Response);
        let head = exchange.buffered(envelope, &mut response, reset).await?;
        Ok(head.into_reply(response))
    }

    /// Which operation it belongs to.
    pub fn operation(&self) -> OperationInfo {
        self.descriptor.info
    }

    /// The values, to be looked at through their schema.
    pub fn record(&self) -> &dyn Record {
        &*self.record
    }

    /// The values, to be filled through their schema.
    pub fn record_mut(&mut self) -> &mut dyn Record {
        &mut *self.record
    }

    fn empty(descriptor: &'static Descriptor, direction: Direction) -> Self {
        let record = match direction {
            Direction::Request => (descriptor.request)(),
            Direction::Response => (descriptor.response)(),
        };
        Self { descriptor, direction, record }
    }

    fn root(&self) -> &'static str {
        match self.direction {
            Direction::Request => self.descriptor.info.name,
            Direction::Response => self.descriptor.info.response,
        }
    }
}

impl Sealed for Message {}

/// What the message holds.
impl Record for Message {
    fn schema(&self) -> &'static Schema {
        self.record.schema()
    }

    fn field(&self, index: usize) -> Option<&dyn Field> {
        self.record.field(index)
    }

    fn field_mut(&mut self, index: usize) -> Option<&mut dyn Field> {
        self.record.field_mut(index)
    }
}

fn descriptor(operation: &str) -> Result<&'static Descriptor, MessageError> {
    let all = crate::generated::operations().into_iter().flatten();
    let named = |descriptor: &&Descriptor| descriptor.info.name == operation;
    all.into_iter().find(named).ok_or_else(|| MessageError::UnknownOperation(operation.to_owned()))
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.root())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Message {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::soap::serialize::serialize_record(&*self.record, serializer)
    }
}
