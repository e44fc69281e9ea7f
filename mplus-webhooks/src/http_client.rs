//! The HTTP that this crate speaks itself: to payment providers, and from the testkit's till to a host.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from {host}: {message}")]
#[non_exhaustive]
pub struct HttpError {
    /// Who was asked: host and port only, since paths and queries may carry secrets.
    pub host: String,
    /// What went wrong.
    pub message: String,
    /// Whether the request may have been carried out. `false` only when it provably never left.
    pub may_have_been_sent: bool,
}

impl HttpError {
    /// No answer to a request that may have been carried out. `host` is host and port only.
    pub fn new(host: impl Into<String>, message: impl Into<String>) -> Self {
        Self { host: host.into(), message: message.into(), may_have_been_sent: true }
    }

    /// The request provably never left: no connection, or no valid request.
    #[must_use]
    pub fn never_sent(mut self) -> Self {
        self.may_have_been_sent = false;
        self
    }
}

/// Sends one HTTP request and returns its answer, whatever the status.
///
/// `ReqwestClient` (feature `reqwest`) is the one for production.
#[async_trait]
pub trait HttpClient: Debug + Send + Sync {
    /// Sends `request`. Redirects are not followed: a signed body is for one address only. The answer has to have a bound in
    /// size and time.
    ///
    /// # Errors
    /// [`HttpError`] when there was no complete answer; it says whether the request may have been carried out.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>;
}

#[cfg(feature = "_reqwest")]
pub use with_reqwest::ReqwestClient;

#[cfg(feature = "_reqwest")]
mod with_reqwest {
    use std::time::Duration;

    use super::{Bytes, HttpClient, HttpError, Request, Response, async_trait};

    /// reqwest with the TLS that the features choose. Follows no redirects and sends no referer; an answer has a bound in size and
    /// time. The environment's proxy is asked for tunnels only: plain `http` goes directly, or the proxy would see the keys.
    #[derive(Debug, Clone)]
    pub struct ReqwestClient {
        client: reqwest::Client,
        /// For plain http.
        direct: reqwest::Client,
        longest_answer: usize,
    }

    impl ReqwestClient {
        /// The longest answer that is read unless told otherwise: 1 MiB.
        pub const LONGEST_ANSWER: usize = 1 << 20;

        /// A client that gives an answer `time_out` to arrive in full.
        ///
        /// # Errors
        /// [`HttpError`] when the TLS of this machine cannot be used.
        pub fn new(time_out: Duration) -> Result<Self, HttpError> {
            let client = |builder: reqwest::ClientBuilder| {
                builder
                    .timeout(time_out)
                    .redirect(reqwest::redirect::Policy::none())
                    .referer(false)
                    .build()
                    .map_err(|error| HttpError::new("this machine", chain(&error)).never_sent())
            };
            Ok(Self {
                client: client(reqwest::Client::builder())?,
                direct: client(reqwest::Client::builder().no_proxy())?,
                longest_answer: Self::LONGEST_ANSWER,
            })
        }

        /// Reads answers of at most `bytes`; a longer one is an error.
        #[must_use]
        pub fn with_longest_answer(mut self, bytes: usize) -> Self {
            self.longest_answer = bytes;
            self
        }
    }

    #[async_trait]
    impl HttpClient for ReqwestClient {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let host = match request.uri().authority() {
                // Without a user and a password.
                Some(authority) => match authority.port() {
                    Some(port) => format!("{}:{port}", authority.host()),
                    None => authority.host().to_owned(),
                },
                None => "an address without a host".to_owned(),
            };
            let failed = |error: reqwest::Error| {
                let sent = !(error.is_connect() || error.is_builder());
                let failed = HttpError::new(host.as_str(), chain(&error.without_url()));
                if sent { failed } else { failed.never_sent() }
            };
            let request = reqwest::Request::try_from(request).map_err(failed)?;
            let is_plain = request.url().scheme() == "http";
            let client = if is_plain { &self.direct } else { &self.client };
            let mut answer = client.execute(request).await.map_err(failed)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > self.longest_answer {
                    let text = format!("its answer is longer than {} bytes", self.longest_answer);
                    return Err(HttpError::new(host.as_str(), text));
                }
                body.extend_from_slice(&chunk);
            }
            let mut response = Response::new(body.into());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        }
    }

    /// An error with everything that caused it.
    fn chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}
