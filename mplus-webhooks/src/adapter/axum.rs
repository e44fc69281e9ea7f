//! A router for axum.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::Orchestrator;
use crate::adapter::BASE_PATH;

/// The routes of the webhook, to be served alone or merged into the host's router.
///
/// ```no_run
/// # async fn serve(orchestrator: mplus_webhooks::Orchestrator) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, mplus_webhooks::adapter::axum::router(orchestrator)).await
/// # }
/// ```
pub fn router(orchestrator: Orchestrator) -> Router {
    Router::new()
        .route(&format!("{BASE_PATH}/health"), get(|| async { "ok" }))
        .route(&format!("{BASE_PATH}/{{event}}"), post(receive))
        .with_state(orchestrator)
}

/// Answers one request. The body is taken as the bytes that arrived, which is what was signed.
async fn receive(State(orchestrator): State<Orchestrator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, orchestrator.max_body()).await {
        Ok(body) => orchestrator.handle(Request::from_parts(parts, body)).await.map(Body::from),
        Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or broke off").into_response(),
    }
}
