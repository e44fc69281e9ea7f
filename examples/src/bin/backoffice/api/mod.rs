//! The same actions for programs: JSON, a token for each client, a description by OpenAPI.

mod client;
mod document;
mod menu;
mod metrics;
mod orders;
mod payments;
mod restaurants;
mod sales;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use orders::outcome as order_outcome;
pub(crate) use payments::status as payment_status;

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
        .route("/restaurants/{restaurant}/sync", post(restaurants::sync))
        .route("/restaurants/{restaurant}/reports", get(restaurants::reports))
        .route("/restaurants/{restaurant}/locations", get(restaurants::locations))
        .route("/restaurants/{restaurant}/items", get(menu::list).patch(menu::change))
        .route("/restaurants/{restaurant}/stock", get(menu::stock))
        .route("/restaurants/{restaurant}/orders", get(orders::list).post(orders::place))
        .route("/restaurants/{restaurant}/orders/{order}", get(orders::one))
        .route("/restaurants/{restaurant}/orders/{order}/requeue", post(orders::requeue))
        .route("/restaurants/{restaurant}/orders/{order}/withdraw", post(orders::withdraw))
        .route("/restaurants/{restaurant}/payments", post(payments::start))
        .route("/restaurants/{restaurant}/payments/{payment}", get(payments::one))
        .route("/restaurants/{restaurant}/payments/{payment}/cancel", post(payments::cancel))
        .route("/restaurants/{restaurant}/payments/{payment}/refunds", post(payments::refund))
        .route("/restaurants/{restaurant}/sales", get(sales::list))
        .fallback(async || Refused::not_found())
}

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
            Trouble::Refused(why) => why.clone(),
            Trouble::Failed(why) => {
                tracing::error!(error = %why, "a call of the API failed");
                "something does not work at present; nothing was lost, try again".to_owned()
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
