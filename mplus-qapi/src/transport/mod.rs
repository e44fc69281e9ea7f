//! How a request gets to the service: a small trait, and an implementation over reqwest.

#[cfg(feature = "rustls-no-provider")]
mod fingerprint;
#[cfg(all(feature = "reqwest", feature = "rustls-no-provider"))]
mod pinning;
#[cfg(feature = "reqwest")]
mod reqwest;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "rustls-no-provider")]
pub use self::fingerprint::{Fingerprint, FingerprintError};
#[cfg(all(feature = "reqwest", feature = "rustls-no-provider"))]
pub use self::pinning::Pinning;
#[cfg(feature = "reqwest")]
pub use self::reqwest::{ReqwestTransport, ReqwestTransportBuilder};

/// Sends one request and hands back the response's head and its body as a stream.
///
/// Every HTTP status is a response, not an error. Implementations neither retry nor follow redirects.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`. The error's kind has to be right: it decides whether a write may be repeated.
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError>;
}

/// One POST to the service.
#[derive(Clone)]
pub struct Request {
    pub(crate) url: SecretString,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
}

impl Request {
    /// The URL with the credentials in its query: for the wire alone, never to be shown.
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// The URL without its query.
    pub fn display_url(&self) -> &str {
        self.url.expose_secret().split('?').next().unwrap_or_default()
    }

    /// Headers to send.
    pub fn headers(&self) -> &http::HeaderMap {
        &self.headers
    }

    /// The envelope, UTF-8.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// From now to the last byte of the response.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("url", &self.display_url())
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// A response's body, piece by piece. Dropping it ends the exchange.
pub struct Body(Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>);

impl Body {
    /// A body that comes in pieces.
    pub fn from_stream(pieces: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// The next piece, `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Bytes, TransportError>> {
        self.0.next().await
    }

    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_next_unpin(context)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_stream(stream::iter([Ok(bytes)]))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

/// An exchange failed below HTTP.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
}

/// Where an exchange failed: what it says about whether the request arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection was made (name, refused, TLS): the request never left.
    Connect,
    /// The time was up while waiting for a connection: the request never left.
    ConnectTimeout,
    /// The time was up after the request was, or may have been, sent.
    Timeout,
    /// The connection broke after the request was, or may have been, sent.
    Interrupted,
}

impl TransportError {
    /// An error; `message` must not hold the request's URL.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Where it failed.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            TransportErrorKind::Connect => "no connection",
            TransportErrorKind::ConnectTimeout => "no connection in time",
            TransportErrorKind::Timeout => "no complete answer in time",
            TransportErrorKind::Interrupted => "the connection broke",
        };
        write!(f, "{what}: {}", self.message)
    }
}

impl std::error::Error for TransportError {}
