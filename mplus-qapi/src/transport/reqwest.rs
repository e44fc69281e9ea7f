//! The transport over reqwest.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};

use super::{Body, Request, Transport, TransportError, TransportErrorKind};
#[cfg(feature = "rustls-no-provider")]
use super::{Fingerprint, Pinning, pinning};

/// HTTP/1.1 over TLS through reqwest. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

/// Settings of a [`ReqwestTransport`].
#[derive(Debug, Clone)]
pub struct ReqwestTransportBuilder {
    connect_timeout: Duration,
    idle_timeout: Duration,
    proxy: Option<SecretString>,
    #[cfg(feature = "rustls-no-provider")]
    pins: Option<(Vec<Fingerprint>, Pinning)>,
}

impl ReqwestTransport {
    /// Settings to start from: 30 s to connect, idle connections kept for 60 s, gzip, no redirects.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder {
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            proxy: None,
            #[cfg(feature = "rustls-no-provider")]
            pins: None,
        }
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

    /// How long an idle connection is kept for the next request.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Goes through a proxy: `http://`, `https://`, `socks5://` (names are looked up here) or `socks5h://` (the proxy looks
    /// them up), with `user:password@` if it asks for them. Without this no proxy is used but those that the environment
    /// names (`HTTPS_PROXY` and its kin, less `NO_PROXY`).
    #[must_use]
    pub fn proxy(mut self, url: impl Into<SecretString>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Talks only to a server that shows a certificate with one of these fingerprints; several for the time in which
    /// certificates change. The supplier's partner page shows the one of the service.
    #[cfg(feature = "rustls-no-provider")]
    #[must_use]
    pub fn pin_certificates(
        mut self,
        fingerprints: impl IntoIterator<Item = Fingerprint>,
        pinning: Pinning,
    ) -> Self {
        self.pins = Some((fingerprints.into_iter().collect(), pinning));
        self
    }

    /// Builds the transport. Fails when the TLS backend cannot start (no root certificates, no crypto provider installed)
    /// and on a malformed URL of a proxy.
    pub fn build(self) -> Result<ReqwestTransport, TransportError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(self.idle_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .gzip(true);
        if let Some(url) = &self.proxy {
            // The error could quote the URL with its password.
            let proxy = reqwest::Proxy::all(url.expose_secret()).map_err(|_| {
                TransportError::new(TransportErrorKind::Connect, "the proxy's URL is malformed")
            })?;
            builder = builder.proxy(proxy);
        }
        #[cfg(feature = "rustls-no-provider")]
        {
            builder = match &self.pins {
                None => {
                    pinning::provider()?;
                    builder.tls_backend_rustls()
                }
                Some((pins, pinning)) => {
                    builder.tls_backend_preconfigured(pinning::tls_config(pins.clone(), *pinning)?)
                }
            };
        }
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
