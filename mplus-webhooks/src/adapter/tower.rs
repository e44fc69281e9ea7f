//! A `tower::Service` over `http` types, for hyper and whatever else speaks tower.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use futures_util::TryStreamExt as _;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tower::Service;

use crate::Orchestrator;
use crate::adapter::{BASE_PATH, HEALTHY, PROVIDER_PATH};
use crate::orchestrator::no_such_page;

/// Answers `POST {base}/{event}`, `GET {base}/health` and the calls of payment providers; anything else is HTTP 404.
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
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    // The bytes as they arrive, which is what was signed.
    let whole = |mut part: B::Data| part.copy_to_bytes(part.remaining());
    let body = body.into_data_stream().map_ok(whole);
    let below = |base| parts.uri.path().strip_prefix(base)?.strip_prefix('/');
    match (below(BASE_PATH), below(PROVIDER_PATH)) {
        (Some("health"), _) if parts.method == Method::GET => {
            Response::new(Bytes::from_static(HEALTHY.as_bytes()))
        }
        (Some(_), _) => orchestrator.receive(parts, body).await,
        (None, Some(_)) => orchestrator.receive_from_provider(parts, body).await,
        (None, None) => no_such_page(),
    }
}
