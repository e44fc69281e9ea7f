//! The HTTP that this crate speaks itself: to payment providers, and from the testkit's till to a host.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from {host}: {message}")]
pub struct HttpError {
    /// Who was asked: host and port only, since paths and queries may carry secrets.
    pub host: String,
    /// What went wrong.
    pub message: String,
}

/// Sends one HTTP request and returns its answer, whatever the status.
///
/// `ReqwestClient` (feature `reqwest`) is the one for production.
#[async_trait]
pub trait HttpClient: Debug + Send + Sync {
    /// Sends `request`. Redirects are not followed: a signed body is for one address only.
    ///
    /// # Errors
    /// [`HttpError`] when there was no complete answer; the request may have been carried out.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>;
}

#[cfg(feature = "reqwest")]
pub use with_reqwest::ReqwestClient;

#[cfg(feature = "reqwest")]
mod with_reqwest {
    use std::time::Duration;

    use super::{Bytes, HttpClient, HttpError, Request, Response, async_trait};

    /// reqwest with rustls.
    #[derive(Debug, Clone)]
    pub struct ReqwestClient {
        client: reqwest::Client,
    }

    impl ReqwestClient {
        /// A client that gives an answer `time_out` to arrive in full.
        ///
        /// # Errors
        /// [`HttpError`] when the TLS of this machine cannot be used.
        pub fn new(time_out: Duration) -> Result<Self, HttpError> {
            let client = reqwest::Client::builder()
                .timeout(time_out)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|error| HttpError { host: "this machine".to_owned(), message: chain(&error) })?;
            Ok(Self { client })
        }
    }

    #[async_trait]
    impl HttpClient for ReqwestClient {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let host = match request.uri().authority() {
                Some(host) => host.to_string(),
                None => "an address without a host".to_owned(),
            };
            let failed = |error: reqwest::Error| HttpError {
                host: host.clone(),
                message: chain(&error.without_url()),
            };
            let request = reqwest::Request::try_from(request).map_err(failed)?;
            let answer = self.client.execute(request).await.map_err(failed)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(answer.bytes().await.map_err(failed)?);
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
