//! A router for axum.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};

use crate::Orchestrator;
use crate::adapter::{BASE_PATH, HEALTHY, PROVIDER_PATH};

/// The routes of the webhook and of payment providers, to be served alone or merged into the host's router.
///
/// ```no_run
/// # async fn serve(orchestrator: mplus_webhooks::Orchestrator) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, mplus_webhooks::adapter::axum::router(orchestrator)).await
/// # }
/// ```
pub fn router(orchestrator: Orchestrator) -> Router {
    // Everything below the base: empty segments of a path are ignored.
    Router::new()
        .route(&format!("{BASE_PATH}/health"), get(|| async { HEALTHY }).fallback(receive))
        .route(&format!("{BASE_PATH}/{{*event}}"), any(receive))
        .route(&format!("{PROVIDER_PATH}/{{provider}}/{{account}}"), any(receive_from_provider))
        .with_state(orchestrator)
}

/// Answers one request. The body is taken as the bytes that arrive, which is what was signed.
async fn receive(State(orchestrator): State<Orchestrator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    orchestrator.receive(parts, body.into_data_stream()).await.map(Body::from)
}

/// Answers one call of a payment provider.
async fn receive_from_provider(State(orchestrator): State<Orchestrator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    orchestrator.receive_from_provider(parts, body.into_data_stream()).await.map(Body::from)
}
