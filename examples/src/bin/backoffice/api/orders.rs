//! Orders: queued until the till has them.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use mplus_sync::model::{
    Order, OrderKind, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Payment, PaymentMethod,
};
use mplus_sync::orders::CancelError;
use mplus_sync::store::Enqueued;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::At;
use super::{Answer, PAGE, Refused, in_cents};
use crate::view::answer::Trouble;

/// How an order stands. Amounts are euros as text.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderStatus {
    number: String,
    /// `waiting`, `sending`, `accepted`, `rejected`, `needs_attention`, `withdrawn`, `cancelled` or `skipped`.
    state: &'static str,
    /// Why, where somebody should know.
    reason: Option<String>,
    /// What the till calls it.
    pos_order_id: Option<String>,
    /// `pickup`, `delivery`, `dine_in_pay_later` or `dine_in_pay_now`.
    kind: &'static str,
    location: String,
    /// What it comes to, VAT included.
    #[schema(value_type = String)]
    total: Decimal,
    /// What was paid of it.
    payments: Vec<PaidPart>,
    /// When it was placed here, or last corrected.
    queued_at: String,
    /// Where the next page begins: hand it in as `after`.
    sequence: i64,
}

/// What was paid of an order in one way.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaidPart {
    /// As it was placed: `ideal`, `card`, or `{"other": "..."}`.
    #[schema(value_type = Object)]
    method: PaymentMethod,
    #[schema(value_type = String)]
    amount: Decimal,
    /// Which payment it was, where the order names it.
    reference: Option<String>,
}

impl From<&Payment> for PaidPart {
    fn from(payment: &Payment) -> Self {
        let (method, amount) = (payment.method.clone(), in_cents(payment.amount));
        Self { method, amount, reference: payment.reference.clone() }
    }
}

fn status(entry: &OutboxEntry) -> OrderStatus {
    let (order, (reason, pos)) = (&entry.order, outcome(&entry.state));
    OrderStatus {
        number: order.number.to_string(),
        state: entry.state.kind().as_str(),
        reason: reason.or_else(|| entry.last_error.clone().filter(|_| entry.state.kind().is_open())),
        pos_order_id: pos,
        kind: match order.kind {
            OrderKind::Pickup => "pickup",
            OrderKind::Delivery { .. } => "delivery",
            OrderKind::DineInPayLater { .. } => "dine_in_pay_later",
            OrderKind::DineInPayNow { .. } => "dine_in_pay_now",
        },
        location: order.location.to_string(),
        total: in_cents(order.total),
        payments: order.payments.iter().map(PaidPart::from).collect(),
        queued_at: entry.queued_at.to_rfc3339(),
        sequence: entry.sequence,
    }
}

/// Why an order is in its state, and what the till calls it.
pub(crate) fn outcome(state: &OutboxState) -> (Option<String>, Option<String>) {
    match state {
        OutboxState::Accepted { pos } => (None, pos.order_id.clone().or_else(|| pos.receipt_id.clone())),
        OutboxState::Cancelled { pos, reason } => (Some(reason.clone()), pos.order_id.clone()),
        OutboxState::Rejected { reason }
        | OutboxState::NeedsAttention { reason }
        | OutboxState::Withdrawn { reason }
        | OutboxState::Skipped { reason } => (Some(reason.clone()), None),
        _ => (None, None),
    }
}

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InState {
    /// `needs_attention` unless given.
    state: Option<String>,
    /// The `sequence` of the last one of the page before.
    after: Option<i64>,
}

/// Lists orders in one state, in the order in which they were placed.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/orders", params(("restaurant" = String, Path), InState),
    responses((status = 200, body = Vec<OrderStatus>)))]
pub(crate) async fn list(at: At, Query(wanted): Query<InState>) -> Answer<Vec<OrderStatus>> {
    let name = wanted.state.as_deref().unwrap_or("needs_attention");
    let kind = OutboxStateKind::ALL.into_iter().find(|kind| kind.as_str() == name);
    let kind = kind.ok_or_else(|| Refused::invalid(format!("no state is named {name}")))?;
    let entries = at.app.restaurants.store().entries(at.id(), kind, wanted.after, PAGE).await?;
    Ok(Json(entries.iter().map(status).collect()))
}

/// Places an order: it goes to the till by itself. The same order again is the same order.
///
/// The body is the order in the library's JSON form: number, location, kind, lines, total, payments, placed_at.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/orders", params(("restaurant" = String, Path)), request_body = Object,
    responses((status = 202, body = OrderStatus), (status = 409, body = Refused), (status = 422, body = Refused)))]
pub(crate) async fn place(
    at: At,
    Json(order): Json<serde_json::Value>,
) -> Result<(StatusCode, Json<OrderStatus>), Refused> {
    let order: Order = serde_json::from_value(order).map_err(Refused::invalid)?;
    if order.sum() != order.total {
        return Err(Refused::invalid(format!(
            "the parts come to {}, the total says {}",
            order.sum(),
            order.total
        )));
    }
    let store = at.app.restaurants.store();
    let queued = store.enqueue(at.id(), &order, at.app.now()).await?;
    let status_code = if queued == Enqueued::New { StatusCode::ACCEPTED } else { StatusCode::OK };
    let entry = store.entry(at.id(), &order.number).await?.ok_or_else(Refused::not_found)?;
    Ok((status_code, Json(status(&entry))))
}

/// The path of one order.
#[derive(Deserialize)]
pub(crate) struct OrderPath {
    order: String,
}

/// Tells how an order stands.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/orders/{order}",
    params(("restaurant" = String, Path), ("order" = String, Path)), responses((status = 200, body = OrderStatus)))]
pub(crate) async fn one(at: At, Path(path): Path<OrderPath>) -> Answer<OrderStatus> {
    let entry = at.app.restaurants.store().entry(at.id(), &OrderNumber::from(path.order)).await?;
    Ok(Json(status(&entry.ok_or_else(Refused::not_found)?)))
}

/// Sends an order again that waits for a person.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/orders/{order}/requeue",
    params(("restaurant" = String, Path), ("order" = String, Path)), responses((status = 204), (status = 409, body = Refused)))]
pub(crate) async fn requeue(at: At, Path(path): Path<OrderPath>) -> Result<StatusCode, Refused> {
    at.app.restaurants.store().requeue(at.id(), &OrderNumber::from(path.order), at.app.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why an order is withdrawn or cancelled.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Reason {
    reason: String,
}

/// Takes an order back that the till does not have.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/orders/{order}/withdraw", request_body = Reason,
    params(("restaurant" = String, Path), ("order" = String, Path)), responses((status = 204), (status = 409, body = Refused)))]
pub(crate) async fn withdraw(
    at: At,
    Path(path): Path<OrderPath>,
    Json(reason): Json<Reason>,
) -> Result<StatusCode, Refused> {
    let store = at.app.restaurants.store();
    store.withdraw(at.id(), &OrderNumber::from(path.order), &reason.reason, at.app.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancels an order at the till; what was paid is not given back by this. 409: the till does not have it, or refuses; nothing was cancelled.
/// 503: the till could not be asked, or did not answer: send the same call again, which is safe.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/orders/{order}/cancel", request_body = Reason,
    params(("restaurant" = String, Path), ("order" = String, Path)),
    responses((status = 204), (status = 404, body = Refused), (status = 409, body = Refused), (status = 503, body = Refused)))]
pub(crate) async fn cancel(
    at: At,
    Path(path): Path<OrderPath>,
    Json(reason): Json<Reason>,
) -> Result<StatusCode, Refused> {
    if at.connection.paused.is_some() {
        return Err(Trouble::Paused(at.id().to_string()).into());
    }
    let orders = at.app.restaurants.open(at.id()).await?.orders();
    match orders.cancel(&OrderNumber::from(path.order), &reason.reason).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(CancelError::Pos(error)) => Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, error)),
        Err(error) => Err(error.into()),
    }
}
