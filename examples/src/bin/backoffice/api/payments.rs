//! Payments that a host starts itself, and refunds of any.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta};
use mplus_webhooks::MerchantId;
use mplus_webhooks::payment::{
    ExternalPayments, OwnPayment, Payment, PaymentKey, PaymentNotice, ProviderStatus, Refund, RefundError,
    RefundState,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::At;
use super::{Answer, PAGE, Refused, in_cents};
use crate::restaurant::payment_search::{self, Wanted};

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
    /// Whether the customer has paid although the sale or order was given up: give it back.
    paid_in_vain: bool,
    /// Everything that was to be given back, however it ended.
    refunds: Vec<RefundStatus>,
    started_at: String,
    /// Where the page before this payment begins: hand it in as `before`. Microseconds since 1970.
    position: i64,
}

/// How a refund stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundStatus {
    id: String,
    /// Euros as text.
    #[schema(value_type = String)]
    amount: Decimal,
    /// `requested` and `pending` are under way; `succeeded`; `failed`: the money was not given back.
    #[schema(value_type = String)]
    state: RefundState,
    /// Why, as far as the provider tells.
    reason: Option<String>,
    requested_at: String,
}

impl From<&Refund> for RefundStatus {
    fn from(refund: &Refund) -> Self {
        Self {
            id: refund.id.clone(),
            amount: in_cents(refund.amount),
            state: refund.state,
            reason: refund.reason.as_ref().map(|reason| reason.text.clone()),
            requested_at: refund.requested_at.to_rfc3339(),
        }
    }
}

impl From<&Payment> for PaymentStatus {
    fn from(payment: &Payment) -> Self {
        Self {
            id: payment.key.id.clone(),
            state: payment.state.name(),
            reason: payment.reason.as_ref().map(|reason| reason.text.clone()),
            amount: in_cents(payment.amount),
            captured: payment.captured.map(in_cents),
            refundable: in_cents(payment.refundable()),
            checkout_url: payment.checkout_url.clone(),
            paid_in_vain: payment.paid_in_vain(),
            refunds: payment.refunds.iter().map(RefundStatus::from).collect(),
            started_at: payment.started_at.to_rfc3339(),
            position: payment.started_at.timestamp_micros(),
        }
    }
}

/// What a callback tells of a payment: how it stands, and what the callback is about.
#[derive(Serialize)]
pub(crate) struct PaymentNews {
    #[serde(flatten)]
    payment: PaymentStatus,
    /// The refund that came to its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<RefundStatus>,
    /// Why a person has to look: `conflict`, `unexpected_capture`, `unresolved` or `not_fetched`.
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<&'static str>,
    /// What was captured unexpectedly, euros.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_unexpectedly: Option<Decimal>,
    /// What the provider says now, where that contradicts what it said before.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_says: Option<&'static str>,
}

impl PaymentNews {
    /// Everything that a notice says.
    pub(crate) fn of(notice: &PaymentNotice) -> Self {
        let mut news = Self {
            payment: notice.payment().into(),
            refund: None,
            attention: crate::restaurant::attention::Sort::of_payment(notice).map(|sort| sort.name()),
            captured_unexpectedly: None,
            provider_says: None,
        };
        match notice {
            PaymentNotice::Refunded { refund, .. } => news.refund = Some(refund.into()),
            PaymentNotice::UnexpectedCapture { captured, .. } => {
                news.captured_unexpectedly = Some(in_cents(*captured));
            }
            PaymentNotice::Conflict { provider_says, .. } => {
                news.provider_says = Some(said(*provider_says));
            }
            _ => {}
        }
        news
    }
}

fn said(status: ProviderStatus) -> &'static str {
    match status {
        ProviderStatus::Absent => "absent",
        ProviderStatus::Pending => "pending",
        ProviderStatus::Authorised => "authorised",
        ProviderStatus::Captured(_) => "captured",
        ProviderStatus::Declined => "declined",
        ProviderStatus::Failed => "failed",
        ProviderStatus::Cancelled => "cancelled",
        _ => "unknown",
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

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InState {
    /// Only those in this state; `paid_in_vain`: only those that were paid although the sale or order was given up.
    state: Option<String>,
    /// The `position` of the last one of the page before.
    before: Option<i64>,
}

/// Lists payments, tills' as well, the newest first.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/payments", params(("restaurant" = String, Path), InState),
    responses((status = 200, body = Vec<PaymentStatus>), (status = 422, body = Refused)))]
pub(crate) async fn list(at: At, Query(asked): Query<InState>) -> Answer<Vec<PaymentStatus>> {
    let wanted = match asked.state.as_deref() {
        None => Wanted::default(),
        Some(name) => {
            Wanted::named(name).ok_or_else(|| Refused::invalid(format!("no state is named {name}")))?
        }
    };
    let before = asked.before.and_then(DateTime::from_timestamp_micros);
    let before = before.unwrap_or_else(|| at.app.now() + TimeDelta::minutes(1));
    let (found, _) = payment_search::newest(&at.app.inbox, at.id(), wanted, before, PAGE).await?;
    Ok(Json(found.iter().map(PaymentStatus::from).collect()))
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
    Ok(Json((&payment).into()))
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
    Ok(Json((&payment.ok_or_else(Refused::not_found)?).into()))
}

/// Asks for the end of a payment; it may have been paid all the same.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/payments/{payment}/cancel",
    params(("restaurant" = String, Path), ("payment" = String, Path)), responses((status = 200, body = PaymentStatus)))]
pub(crate) async fn cancel(at: At, Path(path): Path<PaymentPath>) -> Answer<PaymentStatus> {
    let payment = payments(&at)?.cancel_own(&key(&at, &path.payment)).await?;
    Ok(Json((&payment.ok_or_else(Refused::not_found)?).into()))
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

/// Gives money back. 200: it was given back. 202: it was asked for, and the provider has not said how it ends; a callback will. 409:
/// the provider refuses, and the money was not given back.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/payments/{payment}/refunds", request_body = NewRefund,
    params(("restaurant" = String, Path), ("payment" = String, Path)),
    responses((status = 200, body = PaymentStatus), (status = 202, body = PaymentStatus), (status = 409, body = Refused), (status = 422, body = Refused)))]
pub(crate) async fn refund(
    at: At,
    Path(path): Path<PaymentPath>,
    Json(new): Json<NewRefund>,
) -> Result<(StatusCode, Json<PaymentStatus>), Refused> {
    let key = key(&at, &path.payment);
    let refund = payments(&at)?.refund(&key, &new.id, new.amount).await.map_err(refused_refund)?;
    let status = match refund.state {
        RefundState::Succeeded => StatusCode::OK,
        RefundState::Failed => return Err(Refused::new(StatusCode::CONFLICT, failed(&refund))),
        _ => StatusCode::ACCEPTED,
    };
    let payment = payments(&at)?.payment(&key).await?;
    Ok((status, Json((&payment.ok_or_else(Refused::not_found)?).into())))
}

fn refused_refund(error: RefundError) -> Refused {
    match error {
        RefundError::UnknownPayment(_) => Refused::not_found(),
        RefundError::Store(error) => error.into(),
        refused => Refused::invalid(refused),
    }
}

/// What is said of a refund that the provider does not give.
fn failed(refund: &Refund) -> String {
    let why = refund.reason.as_ref().map_or("the provider gives no reason", |reason| &reason.text);
    format!("refund {} of {} euros was not given: {why}", refund.id, in_cents(refund.amount))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mplus_webhooks::payment::{OneProvider, PaymentState};
    use mplus_webhooks::testkit::ManualProvider;
    use serde_json::{Value, json};

    use super::*;

    /// A payment of 12.50 with one refund that came to this state.
    async fn refunded(state: &str) -> (Payment, Refund) {
        let webhooks = mplus_webhooks::Orchestrator::builder(
            Arc::new(mplus_webhooks::FixedSubscriptions::new([])),
            Arc::new(mplus_webhooks::MemoryStore::new()),
            Arc::new(mplus_webhooks::TokioRuntime),
        )
        .payments(Arc::new(OneProvider(Arc::new(ManualProvider::new()))))
        .build();
        let key = PaymentKey::new(MerchantId::new("cafe"), "web-1");
        let own = OwnPayment::new(key, Decimal::new(1250, 2), "web");
        let mut payment = webhooks.payments().unwrap().start_own(&own).await.unwrap();
        payment.state = PaymentState::Confirmed;
        payment.captured = Some(Decimal::new(1250, 2));
        let refund = json!({
            "id": "r-1", "amount": "2.5", "state": state, "requested_at": "1970-01-01T00:00:00Z",
            "reason": { "code": null, "text": "the charge is disputed" },
        });
        let refund: Refund = serde_json::from_value(refund).unwrap();
        payment.refunds.push(refund.clone());
        (payment, refund)
    }

    fn told(notice: &PaymentNotice) -> Value {
        serde_json::to_value(PaymentNews::of(notice)).unwrap()
    }

    #[tokio::test]
    async fn a_refund_is_told_with_its_amount_and_how_it_ended() {
        let (payment, refund) = refunded("failed").await;
        let told = told(&PaymentNotice::Refunded { payment, refund });
        let known = json!({
            "id": "r-1", "amount": "2.50", "state": "failed", "reason": "the charge is disputed",
            "requested_at": "1970-01-01T00:00:00+00:00",
        });
        assert_eq!((&told["refund"], &told["refunds"][0]), (&known, &known));
        assert_eq!(told["refundable"], "12.50");
    }

    #[tokio::test]
    async fn what_needs_a_person_says_why() {
        let (payment, _) = refunded("succeeded").await;
        let captured = Decimal::new(125, 1);
        let notices = [
            (PaymentNotice::NotFetched(payment.clone()), "not_fetched"),
            (PaymentNotice::Unresolved(payment.clone()), "unresolved"),
            (PaymentNotice::UnexpectedCapture { payment: payment.clone(), captured }, "unexpected_capture"),
        ];
        for (notice, attention) in notices {
            assert_eq!(told(&notice)["attention"], attention);
        }
        let unexpected = told(&PaymentNotice::UnexpectedCapture { payment: payment.clone(), captured });
        assert_eq!(unexpected["captured_unexpectedly"], "12.50");
        assert!(told(&PaymentNotice::Changed(payment))["attention"].is_null());
    }
}
