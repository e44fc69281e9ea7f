//! A scope for actix-web.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Scope};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};

use crate::Orchestrator;
use crate::adapter::{BASE_PATH, HEALTHY, PROVIDER_PATH};

/// The routes of the webhook, to be added to the host's application.
///
/// ```no_run
/// # async fn serve(orchestrator: mplus_webhooks::Orchestrator) -> std::io::Result<()> {
/// use actix_web::{App, HttpServer};
///
/// HttpServer::new(move || App::new().service(mplus_webhooks::adapter::actix::scope(orchestrator.clone())))
///     .bind("127.0.0.1:8080")?
///     .run()
///     .await
/// # }
/// ```
pub fn scope(orchestrator: Orchestrator) -> Scope {
    // Everything below the base: empty segments of a path are ignored.
    web::scope(BASE_PATH)
        .app_data(web::Data::new(orchestrator))
        .route("/health", web::get().to(|| async { HEALTHY }))
        .route("/{event:.*}", web::route().to(receive))
}

/// The routes of payment providers, to be added beside [`scope`] when there are any.
///
/// ```no_run
/// # async fn serve(orchestrator: mplus_webhooks::Orchestrator) -> std::io::Result<()> {
/// use actix_web::{App, HttpServer};
/// use mplus_webhooks::adapter::actix::{provider_scope, scope};
///
/// HttpServer::new(move || App::new().service(scope(orchestrator.clone())).service(provider_scope(orchestrator.clone())))
///     .bind("127.0.0.1:8080")?
///     .run()
///     .await
/// # }
/// ```
pub fn provider_scope(orchestrator: Orchestrator) -> Scope {
    web::scope(PROVIDER_PATH)
        .app_data(web::Data::new(orchestrator))
        .route("/{provider}/{account}", web::route().to(receive_from_provider))
}

/// Answers one request. The body is taken as the bytes that arrive, which is what was signed.
async fn receive(orchestrator: web::Data<Orchestrator>, request: HttpRequest, body: Payload) -> HttpResponse {
    answer(orchestrator.receive(translate(&request), body).await)
}

/// Answers one call of a payment provider.
async fn receive_from_provider(
    orchestrator: web::Data<Orchestrator>,
    request: HttpRequest,
    body: Payload,
) -> HttpResponse {
    answer(orchestrator.receive_from_provider(translate(&request), body).await)
}

/// actix-web has its own `http` types, of an older version.
fn translate(request: &HttpRequest) -> Parts {
    let (mut translated, ()) = Request::new(()).into_parts();
    translated.method = request.method().as_str().parse().unwrap_or_default();
    translated.uri = request.path().parse().unwrap_or_default();
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            translated.headers.append(name, value);
        }
    }
    translated
}

fn answer(response: Response<Bytes>) -> HttpResponse {
    let status =
        StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponseBuilder::new(status);
    for (name, value) in response.headers() {
        answer.append_header((name.as_str(), value.as_bytes()));
    }
    answer.body(response.into_body())
}
