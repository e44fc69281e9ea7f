//! The same actions for programs: JSON, a token for each client, a description by OpenAPI.

mod client;
mod document;
mod events;
mod menu;
mod metrics;
mod orders;
mod payments;
mod restaurants;
mod runs;
mod sales;
mod settings;

use axum::body::to_bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use orders::outcome as order_outcome;
pub(crate) use payments::PaymentNews;

use crate::app::App;
use crate::view::answer::Trouble;

/// Everything below `/api`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(document::show))
        .route("/metrics", get(metrics::show))
        .route("/restaurants", get(restaurants::list).post(restaurants::connect))
        .route("/restaurants/{restaurant}", get(restaurants::one).delete(restaurants::remove))
        .route("/restaurants/{restaurant}/disconnect", post(restaurants::disconnect))
        .route("/restaurants/{restaurant}/verify", post(restaurants::verify))
        .route("/restaurants/{restaurant}/pause", post(restaurants::pause))
        .route("/restaurants/{restaurant}/resume", post(restaurants::resume))
        .route("/restaurants/{restaurant}/settings", get(settings::show).put(settings::save))
        .route("/restaurants/{restaurant}/subscription", get(settings::subscription).put(settings::subscribe))
        .route("/restaurants/{restaurant}/sync", post(restaurants::sync))
        .route("/restaurants/{restaurant}/sync/stop", post(runs::stop))
        .route("/restaurants/{restaurant}/reports", get(restaurants::reports))
        .route("/restaurants/{restaurant}/locations", get(restaurants::locations))
        .route("/restaurants/{restaurant}/items", get(menu::list).patch(menu::change))
        .route("/restaurants/{restaurant}/stock", get(menu::stock))
        .route("/restaurants/{restaurant}/orders", get(orders::list).post(orders::place))
        .route("/restaurants/{restaurant}/orders/{order}", get(orders::one))
        .route("/restaurants/{restaurant}/orders/{order}/requeue", post(orders::requeue))
        .route("/restaurants/{restaurant}/orders/{order}/withdraw", post(orders::withdraw))
        .route("/restaurants/{restaurant}/orders/{order}/cancel", post(orders::cancel))
        .route("/restaurants/{restaurant}/payments", get(payments::list).post(payments::start))
        .route("/restaurants/{restaurant}/payments/{payment}", get(payments::one))
        .route("/restaurants/{restaurant}/payments/{payment}/cancel", post(payments::cancel))
        .route("/restaurants/{restaurant}/payments/{payment}/refunds", post(payments::refund))
        .route("/restaurants/{restaurant}/sales", get(sales::list))
        .route("/restaurants/{restaurant}/events", get(events::list))
        .route("/restaurants/{restaurant}/events/{event}/replay", post(events::replay))
        .route("/restaurants/{restaurant}/events/{event}/discard", post(events::discard))
        .fallback(async || Refused::not_found())
        .method_not_allowed_fallback(async || {
            Refused::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes no such method")
        })
        .layer(map_response(in_json))
}

/// What the framework refuses by itself, such as a field that is missing, is told in JSON as everything else.
async fn in_json(response: Response) -> Response {
    let status = response.status();
    let is_text = |value: &HeaderValue| value.as_bytes().starts_with(b"text/plain");
    let is_bare = response.headers().get(CONTENT_TYPE).is_none_or(is_text);
    if !(status.is_client_error() || status.is_server_error()) || !is_bare {
        return response;
    }
    let why = to_bytes(response.into_body(), LONGEST_REASON).await.unwrap_or_default();
    let why = String::from_utf8_lossy(&why);
    let why = if why.is_empty() { status.canonical_reason().unwrap_or("it was refused").into() } else { why };
    Refused::new(status, why).into_response()
}

/// The longest reason of the framework's own.
const LONGEST_REASON: usize = 64 * 1024;

/// Why something was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    /// What went wrong and what to do, for a person.
    error: String,
    #[serde(skip)]
    status: StatusCode,
}

impl Refused {
    fn new(status: StatusCode, error: impl ToString) -> Self {
        Self { error: error.to_string(), status }
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such thing here")
    }

    fn invalid(error: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

impl<E: Into<Trouble>> From<E> for Refused {
    fn from(error: E) -> Self {
        let trouble = error.into();
        let why = match &trouble {
            Trouble::NotFound => return Self::not_found(),
            Trouble::NotConnected(id) => format!("restaurant {id} is disconnected"),
            Trouble::Paused(id) => format!("restaurant {id} is paused: resume it first"),
            Trouble::Refused(why) => why.clone(),
            Trouble::Failed(why) => {
                tracing::error!(error = %why, "a call of the API failed");
                "something does not work at present, and what was asked for may have been done: ask again with the same identifiers".to_owned()
            }
            Trouble::Forgery | Trouble::TooLarge => "the request was refused".to_owned(),
        };
        Self::new(trouble.status(), why)
    }
}

/// What a handler answers with.
type Answer<T> = Result<Json<T>, Refused>;

/// An amount as it is told: two decimals, more where it has more.
fn in_cents(amount: Decimal) -> Decimal {
    let mut told = amount.normalize();
    told.rescale(told.scale().max(2));
    told
}

/// The most records of one page.
const PAGE: usize = 100;
