//! All routes.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use mplus_webhooks::adapter;

use crate::api;
use crate::app::App;
use crate::page::{
    activity, assets, connect, connection, health, item, kiosk, locations, login, menu, order, orders,
    overview, password, pay, payments, pictures, programs, providers, restaurants, sales, settings, stock,
    sync, tables, tax, till, troubleshooting, webhooks,
};
use crate::safe::{guard, headers};
use crate::view::answer::Trouble;

/// Everything that is served.
pub(crate) fn router(app: App) -> Router {
    let pages = Router::new()
        .route("/", get(restaurants::show))
        .route("/connect", get(connect::show).post(connect::connect))
        .route("/login", get(login::show).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/language", post(login::speak))
        .route("/password", get(password::show).post(password::change))
        .route("/programs", get(programs::show).post(programs::make))
        .route("/programs/again", post(programs::again))
        .route("/programs/remove", post(programs::remove))
        .route("/thanks", get(login::thank))
        .route("/health", get(health::show))
        .route("/healthz", get(health::is_live))
        .route("/readyz", get(health::is_ready))
        .route("/pictures/{*path}", get(pictures::show))
        .nest("/restaurants/{restaurant}", restaurant())
        .fallback(async || Trouble::NotFound)
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone());
    Router::new()
        .route("/style.css", get(assets::style))
        .route("/script.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
        .merge(adapter::axum::router(app.webhooks.clone()))
        .nest("/api", api::router().with_state(app.clone()))
        .merge(pages)
        .layer(from_fn(headers::add))
}

/// The pages of one restaurant.
fn restaurant() -> Router<App> {
    Router::new()
        .route("/", get(overview::show))
        .route("/attention", post(overview::tick_off))
        .route("/connection", get(connection::show).post(connection::replace))
        .route("/connection/name", post(connection::rename))
        .route("/connection/verify", post(connection::verify))
        .route("/connection/pause", post(connection::pause))
        .route("/connection/disconnect", get(connection::ask_disconnect).post(connection::disconnect))
        .route("/connection/remove", get(connection::ask_remove).post(connection::remove))
        .route("/sync", get(sync::show).post(sync::start))
        .route("/sync/stop", post(sync::stop))
        .route("/sync/events", get(sync::events))
        .route("/locations", get(locations::show))
        .route("/locations/{location}", get(locations::one).post(locations::save))
        .route("/locations/billing", post(locations::save_billing))
        .route("/menu", get(menu::show))
        .route("/menu/item", get(item::show).post(item::save))
        .route("/stock", get(stock::show))
        .route("/tax", get(tax::show).post(tax::save))
        .route("/tax/read", post(tax::read))
        .route("/settings", get(settings::show).post(settings::save))
        .route("/settings/suggest", post(settings::suggest))
        .route("/orders", get(orders::show).post(orders::act))
        .route("/orders/order", get(order::show).post(order::act))
        .route("/tables", get(tables::show).post(tables::read))
        .route("/payments", get(payments::show))
        .route("/payments/payment", get(payments::one))
        .route("/payments/refund", post(payments::refund))
        .route("/payments/play", post(payments::play))
        .route("/providers", get(providers::show).post(providers::save))
        .route("/providers/check", post(providers::check))
        .route("/providers/retire", post(providers::retire))
        .route("/sales", get(sales::show))
        .route("/webhooks", get(webhooks::show).post(webhooks::subscribe))
        .route("/webhooks/entry", get(webhooks::one).post(webhooks::decide))
        .route("/troubleshooting", get(troubleshooting::show))
        .route("/kiosk", get(kiosk::show).post(kiosk::order))
        .route("/kiosk/pay", get(pay::show).post(pay::give_up))
        .route("/till", get(till::show).post(till::act))
        .route("/activity", get(activity::show))
}
