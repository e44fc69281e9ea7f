//! Payments that a host starts itself, and refunds of any.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use mplus_webhooks::MerchantId;
use mplus_webhooks::payment::{ExternalPayments, OwnPayment, Payment, PaymentKey};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::At;
use super::{Answer, Refused, in_cents};

/// How a payment stands. Amounts are euros as text.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentStatus {
    id: String,
    /// `pending`, `authorised`, `cancel_requested`, `confirmed`, `failed`, `cancelled` or `expired`.
    state: &'static str,
    reason: Option<String>,
    #[schema(value_type = String)]
    amount: Decimal,
    #[schema(value_type = Option<String>)]
    captured: Option<Decimal>,
    #[schema(value_type = String)]
    refundable: Decimal,
    /// Where the customer pays, when that is a web page.
    checkout_url: Option<String>,
}

pub(crate) fn status(payment: &Payment) -> PaymentStatus {
    PaymentStatus {
        id: payment.key.id.clone(),
        state: payment.state.name(),
        reason: payment.reason.as_ref().map(|reason| reason.text.clone()),
        amount: in_cents(payment.amount),
        captured: payment.captured.map(in_cents),
        refundable: in_cents(payment.refundable()),
        checkout_url: payment.checkout_url.clone(),
    }
}

fn payments(at: &At) -> Result<&ExternalPayments, Refused> {
    at.app
        .webhooks
        .payments()
        .ok_or_else(|| Refused::new(StatusCode::CONFLICT, "no payment provider is set up"))
}

fn key(at: &At, id: &str) -> PaymentKey {
    PaymentKey::new(MerchantId::new(at.id().as_str()), id)
}

/// A payment to start.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPayment {
    /// Your own identifier, new for every payment; the same again is the same payment.
    id: String,
    /// Euros as text.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    amount: Decimal,
    /// Chooses the provider.
    method: String,
    #[serde(default)]
    branch: i64,
    #[serde(default)]
    workplace: i64,
}

/// Starts a payment.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/payments", params(("restaurant" = String, Path)), request_body = NewPayment,
    responses((status = 200, body = PaymentStatus), (status = 422, body = Refused)))]
pub(crate) async fn start(at: At, Json(new): Json<NewPayment>) -> Answer<PaymentStatus> {
    let own = OwnPayment::new(key(&at, &new.id), new.amount, new.method).at(new.branch, new.workplace);
    let payment = payments(&at)?.start_own(&own).await.map_err(Refused::invalid)?;
    Ok(Json(status(&payment)))
}

/// The path of one payment.
#[derive(Deserialize)]
pub(crate) struct PaymentPath {
    payment: String,
}

/// Tells how a payment stands, a till's as well.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/payments/{payment}",
    params(("restaurant" = String, Path), ("payment" = String, Path)), responses((status = 200, body = PaymentStatus)))]
pub(crate) async fn one(at: At, Path(path): Path<PaymentPath>) -> Answer<PaymentStatus> {
    let payment = payments(&at)?.payment(&key(&at, &path.payment)).await?;
    Ok(Json(status(&payment.ok_or_else(Refused::not_found)?)))
}

/// Asks for the end of a payment; it may have been paid all the same.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/payments/{payment}/cancel",
    params(("restaurant" = String, Path), ("payment" = String, Path)), responses((status = 200, body = PaymentStatus)))]
pub(crate) async fn cancel(at: At, Path(path): Path<PaymentPath>) -> Answer<PaymentStatus> {
    let payment = payments(&at)?.cancel_own(&key(&at, &path.payment)).await?;
    Ok(Json(status(&payment.ok_or_else(Refused::not_found)?)))
}

/// Money to give back.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewRefund {
    /// Your own identifier; the same again is the same refund.
    id: String,
    /// Euros as text; none for all that is left.
    #[serde(default, with = "rust_decimal::serde::str_option")]
    #[schema(value_type = Option<String>)]
    amount: Option<Decimal>,
}

/// Gives money back.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/payments/{payment}/refunds", request_body = NewRefund,
    params(("restaurant" = String, Path), ("payment" = String, Path)), responses((status = 200, body = PaymentStatus), (status = 422, body = Refused)))]
pub(crate) async fn refund(
    at: At,
    Path(path): Path<PaymentPath>,
    Json(new): Json<NewRefund>,
) -> Answer<PaymentStatus> {
    let key = key(&at, &path.payment);
    payments(&at)?.refund(&key, &new.id, new.amount).await.map_err(Refused::invalid)?;
    let payment = payments(&at)?.payment(&key).await?;
    Ok(Json(status(&payment.ok_or_else(Refused::not_found)?)))
}
