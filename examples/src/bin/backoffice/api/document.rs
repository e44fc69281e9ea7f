//! The description of the API, made from its types.

use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{events, menu, metrics, orders, payments, restaurants, runs, sales, settings};

#[derive(OpenApi)]
#[openapi(
    info(title = "MplusKASSA back office", description = "The back office's actions for programs."),
    paths(
        restaurants::list, restaurants::connect, restaurants::one, restaurants::remove, restaurants::disconnect,
        restaurants::verify, restaurants::pause, restaurants::resume, restaurants::sync, restaurants::reports, restaurants::locations,
        runs::stop,
        settings::show, settings::save, settings::subscription, settings::subscribe,
        menu::list, menu::change, menu::stock,
        orders::list, orders::place, orders::one, orders::requeue, orders::withdraw, orders::cancel,
        payments::list, payments::start, payments::one, payments::cancel, payments::refund,
        sales::list, events::list, events::replay, events::discard, metrics::show,
    ),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Api;

/// Every call brings a client's token.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_with(Default::default).add_security_scheme("token", scheme);
    }
}

pub(crate) async fn show() -> Json<Document> {
    Json(document())
}

/// The document.
pub(crate) fn document() -> Document {
    Api::openapi()
}
