//! The transport over reqwest.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use secrecy::ExposeSecret;

use super::{Body, Request, Transport, TransportError, TransportErrorKind};

/// HTTP/1.1 over TLS through reqwest. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

/// Settings of a [`ReqwestTransport`].
#[derive(Debug, Clone)]
pub struct ReqwestTransportBuilder {
    connect_timeout: Duration,
}

impl ReqwestTransport {
    /// Settings to start from: 30 s to connect, gzip, no redirects.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder { connect_timeout: Duration::from_secs(30) }
    }

    /// A transport over a client of the host's. It should follow no redirects: they would carry the credentials elsewhere.
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl ReqwestTransportBuilder {
    /// How long making a connection may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Builds the transport. Fails when the TLS backend cannot start, for one without root certificates.
    pub fn build(self) -> Result<ReqwestTransport, TransportError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .gzip(true);
        match builder.build() {
            Ok(client) => Ok(ReqwestTransport { client }),
            Err(error) => Err(TransportError::new(TransportErrorKind::Connect, reasons(error))),
        }
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let sent = self
            .client
            .post(request.url.expose_secret())
            .headers(request.headers)
            .timeout(request.timeout)
            .body(request.body)
            .send()
            .await
            .map_err(transport_error)?;
        let mut response = http::Response::new(());
        *response.status_mut() = sent.status();
        *response.headers_mut() = sent.headers().clone();
        let pieces = sent.bytes_stream().map(|piece| piece.map_err(transport_error));
        Ok(response.map(|()| Body::from_stream(pieces)))
    }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    let kind = match (error.is_connect(), error.is_timeout()) {
        (true, true) => TransportErrorKind::ConnectTimeout,
        (true, false) => TransportErrorKind::Connect,
        (false, true) => TransportErrorKind::Timeout,
        (false, false) => TransportErrorKind::Interrupted,
    };
    TransportError::new(kind, reasons(error))
}

/// What went wrong, from the outside in, without the URL: it holds the credentials.
fn reasons(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
