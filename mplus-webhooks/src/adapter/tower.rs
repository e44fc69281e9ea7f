//! A `tower::Service` over `http` types, for hyper and whatever else speaks tower.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tower::Service;

use crate::Orchestrator;
use crate::adapter::BASE_PATH;

/// Answers `POST {base}/{event}` and `GET {base}/health`; anything else is HTTP 404.
#[derive(Debug, Clone)]
pub struct WebhookService {
    orchestrator: Orchestrator,
}

impl WebhookService {
    /// A service for [`BASE_PATH`].
    pub fn new(orchestrator: Orchestrator) -> Self {
        Self { orchestrator }
    }
}

impl<B> Service<Request<B>> for WebhookService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let orchestrator = self.orchestrator.clone();
        Box::pin(async move { Ok(answer(&orchestrator, request).await.map(Full::new)) })
    }
}

async fn answer<B>(orchestrator: &Orchestrator, request: Request<B>) -> Response<Bytes>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let event = request.uri().path().strip_prefix(BASE_PATH).and_then(|rest| rest.strip_prefix('/'));
    match event {
        Some("health") if request.method() == Method::GET => return plain(StatusCode::OK, "ok"),
        Some(event) if !event.is_empty() && !event.contains('/') => {}
        _ => return plain(StatusCode::NOT_FOUND, "no such page"),
    }
    let (parts, body) = request.into_parts();
    // The bytes as they arrived, which is what was signed.
    match Limited::new(body, orchestrator.max_body()).collect().await {
        Ok(body) => orchestrator.handle(Request::from_parts(parts, body.to_bytes())).await,
        Err(error) if error.is::<LengthLimitError>() => {
            plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
        }
        Err(_) => plain(StatusCode::BAD_REQUEST, "the body broke off"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response
}
