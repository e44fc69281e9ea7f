//! The transport over reqwest.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use http::{HeaderValue, header::USER_AGENT};

use super::{
    Body, Request, Transport, TransportError, TransportErrorKind,
    reason::{setup_error, transport_error},
};
#[cfg(feature = "rustls-no-provider")]
use super::{
    Fingerprint,
    tls::{Pinning, Roots, Tls},
};
use crate::Secret;

/// HTTP/1.1 over TLS through reqwest. Cheap to clone; clones share their connections. One serves all clients of a host.
///
/// What keeps the credentials safe is not for sale: no redirect is followed, no referer is sent, plain `http` to this
/// machine goes through no proxy, and nothing but gzip is unpacked, as the client reads it.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    user_agent: Option<HeaderValue>,
}

/// Settings of a [`ReqwestTransport`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ReqwestTransportBuilder {
    connect_timeout: Duration,
    idle_timeout: Duration,
    proxy: Proxies,
    user_agent: Option<String>,
    #[cfg(feature = "rustls-no-provider")]
    tls: Tls,
}

#[derive(Debug, Clone)]
enum Proxies {
    OfEnvironment,
    None,
    One(Secret),
}

impl ReqwestTransport {
    /// Settings to start from: 30 s to connect, idle connections kept for 60 s, the environment's proxy, the platform's
    /// certificates.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder {
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            proxy: Proxies::OfEnvironment,
            user_agent: None,
            #[cfg(feature = "rustls-no-provider")]
            tls: Tls::default(),
        }
    }
}

impl ReqwestTransportBuilder {
    /// How long making a connection may take.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an idle connection is kept for the next request.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Goes through a proxy: `http://`, `https://`, `socks5://` (names are looked up here) or `socks5h://` (the proxy looks
    /// them up), with `user:password@` if it asks for them. Without this the one is used that the environment names
    /// (`HTTPS_PROXY`, else `ALL_PROXY`, less `NO_PROXY`). A proxy is only ever asked for a tunnel: it sees no credentials.
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.proxy = Proxies::One(url.into());
        self
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxies::None;
        self
    }

    /// Adds this to the `User-Agent`, behind the name and the version of this crate: `upvendo/3.2`, so that the supplier
    /// knows who calls.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent = Some(suffix.into());
        self
    }

    /// Whose certificates are trusted. [`Roots::Platform`] unless set.
    #[cfg(feature = "rustls-no-provider")]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.tls.roots = roots;
        self
    }

    /// Trusts these issuers, too: one or more certificates in PEM. Tell it again for more.
    #[cfg(feature = "rustls-no-provider")]
    pub fn add_root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.tls.added.push(pem.into());
        self
    }

    /// Shows the server this certificate: PEM with the certificate, those of its issuers, and the private key.
    #[cfg(feature = "rustls-no-provider")]
    pub fn client_certificate(mut self, pem: impl Into<Secret>) -> Self {
        self.tls.client = Some(pem.into());
        self
    }

    /// Talks only to a server that shows a certificate with one of these fingerprints; several for the time in which
    /// certificates change. The supplier's partner page shows the one of the service.
    #[cfg(feature = "rustls-no-provider")]
    pub fn pin_certificates(
        mut self,
        fingerprints: impl IntoIterator<Item = Fingerprint>,
        pinning: Pinning,
    ) -> Self {
        self.tls.pins = Some((fingerprints.into_iter().collect(), pinning));
        self
    }

    /// Builds the transport.
    ///
    /// # Errors
    /// [`TransportErrorKind::Setup`] when TLS cannot start (no certificates, no crypto provider installed), and when the URL
    /// of the proxy (the environment's, too), a certificate or the user agent cannot be used.
    pub fn build(self) -> Result<ReqwestTransport, TransportError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout.min(LONGEST))
            .pool_idle_timeout(self.idle_timeout.min(LONGEST))
            .no_proxy();
        if let Some(proxy) = self.proxy.proxy()? {
            builder = builder.proxy(proxy);
        }
        #[cfg(feature = "rustls-no-provider")]
        {
            builder = builder.tls_backend_preconfigured(self.tls.config()?);
        }
        let user_agent = self.user_agent.map(|suffix| user_agent(&suffix)).transpose()?;
        // What keeps the credentials safe comes last; other crates of the program may have switched more of reqwest on.
        let client = builder
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .gzip(true)
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .build()
            .map_err(setup_error)?;
        Ok(ReqwestTransport { client, user_agent })
    }
}

/// A year: a clock that goes on by more than it can tell panics.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Proxies {
    /// For https alone: plain http is for this machine, and would show the proxy the credentials.
    fn proxy(&self) -> Result<Option<reqwest::Proxy>, TransportError> {
        let (url, except) = match self {
            Self::None => return Ok(None),
            Self::One(url) => (url.clone(), None),
            Self::OfEnvironment => {
                let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
                let set = names.iter().filter_map(|name| std::env::var(name).ok());
                match set.into_iter().find(|url| !url.is_empty()) {
                    Some(url) => (Secret::from(url), reqwest::NoProxy::from_env()),
                    None => return Ok(None),
                }
            }
        };
        // The error could quote the URL with its password.
        let unusable = || TransportError::new(TransportErrorKind::Setup, UNUSABLE_PROXY);
        if !is_proxy(url.expose()) {
            return Err(unusable());
        }
        Ok(Some(reqwest::Proxy::https(url.expose()).map_err(|_| unusable())?.no_proxy(except)))
    }
}

const UNUSABLE_PROXY: &str = "the proxy's URL is malformed, or begins with something else than http, https, socks4, socks4a, socks5 or socks5h";

/// Whether the URL begins as that of a proxy: another one would be passed over in silence. Without a scheme it is `http`.
fn is_proxy(url: &str) -> bool {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let scheme = url.trim_start().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_none_or(|scheme| SCHEMES.contains(&scheme.as_str()))
}

fn user_agent(suffix: &str) -> Result<HeaderValue, TransportError> {
    let name = format!("{} {suffix}", crate::USER_AGENT);
    let is_plain = suffix.chars().all(|character| character == ' ' || character.is_ascii_graphic());
    HeaderValue::from_str(&name).ok().filter(|_| is_plain && !suffix.is_empty()).ok_or_else(|| {
        TransportError::new(TransportErrorKind::Setup, "the user agent's suffix is not plain ASCII text")
    })
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, mut request: Request) -> Result<http::Response<Body>, TransportError> {
        if let Some(user_agent) = &self.user_agent {
            request.headers.insert(USER_AGENT, user_agent.clone());
        }
        let sent = self
            .client
            .post(request.url.expose())
            .headers(request.headers)
            .timeout(request.timeout.min(LONGEST))
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
