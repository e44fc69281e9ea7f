//! How a request gets to the service: a small trait, and an implementation over reqwest.

mod error;
#[cfg(feature = "rustls-no-provider")]
mod fingerprint;
#[cfg(feature = "reqwest")]
mod reason;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(all(feature = "reqwest", feature = "rustls-no-provider"))]
mod tls;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use crate::Secret;

pub use self::error::{TransportError, TransportErrorKind};
#[cfg(feature = "rustls-no-provider")]
pub use self::fingerprint::{Fingerprint, FingerprintError};
#[cfg(feature = "reqwest")]
pub use self::reqwest::{ReqwestTransport, ReqwestTransportBuilder};
#[cfg(all(feature = "reqwest", feature = "rustls-no-provider"))]
pub use self::tls::{Pinning, Roots};

/// Sends one request and hands back the response's head and its body as a stream.
///
/// Every HTTP status is a response, not an error. Implementations neither retry nor follow redirects; the test kit has a
/// suite that checks one (`testkit::transport_conformance`).
///
/// A transport can stand in front of another one, to count, to log or to refuse:
///
/// ```
/// use mplus_qapi::{Transport, transport::{Body, Request, TransportError}};
///
/// #[derive(Debug)]
/// struct Counting<T>(T, std::sync::atomic::AtomicU64);
///
/// #[async_trait::async_trait]
/// impl<T: Transport> Transport for Counting<T> {
///     async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
///         self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         self.0.send(request).await
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`. The error's kind has to be right: it decides whether a write may be repeated.
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        (**self).send(request).await
    }
}

/// One POST to the service.
#[derive(Clone)]
pub struct Request {
    url: Secret,
    headers: http::HeaderMap,
    body: Bytes,
    timeout: Duration,
}

impl Request {
    /// A request without headers that may take a minute: for tests of a transport. Clients make theirs themselves.
    pub fn new(url: impl Into<Secret>, body: impl Into<Bytes>) -> Self {
        Self {
            url: url.into(),
            headers: http::HeaderMap::new(),
            body: body.into(),
            timeout: Duration::from_secs(60),
        }
    }

    /// The same with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: http::HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// The same with another time-out.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The URL with the credentials in its query: for the wire alone, never to be shown.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// The URL without its query.
    pub fn display_url(&self) -> &str {
        self.url.expose().split('?').next().unwrap_or_default()
    }

    /// Headers to send.
    pub fn headers(&self) -> &http::HeaderMap {
        &self.headers
    }

    /// Headers to send, for a transport in front of another one that adds its own.
    pub fn headers_mut(&mut self) -> &mut http::HeaderMap {
        &mut self.headers
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

    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_next_unpin(context)
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
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
