//! The guide's troubleshooting entries: what somebody sees who made the mistake.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mockito::Server;
use mplus_webhooks::payment::{OneProvider, PaymentProfiles, PaymentRule};
use mplus_webhooks::provider::{Stripe, StripeMode, StripeRedirect};
use mplus_webhooks::testkit::{Till, TillError, TillLine};
use mplus_webhooks::{ReqwestClient, SIGNATURE_HEADER, Subscription, SubscriptionSecret, adapter};
use rust_decimal::Decimal;

use crate::support::{Host, Log, SUBSCRIPTION, merchant, secret, till};

fn coffee() -> TillLine {
    TillLine::new(1, "Coffee", Decimal::new(270, 2))
}

async fn sell(host: &Host, till: &Till) -> String {
    till.sell(&host.orchestrator, &[coffee()]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_wrong_endpoint_url_shows_at_the_till() {
    let client = ReqwestClient::new(Duration::from_secs(5)).unwrap();
    let till = Till::new("http://127.0.0.1:1/webhook/mpluskassa", SUBSCRIPTION, secret(), 1);
    let error = till.sell(&client, &[coffee()]).await.unwrap_err().to_string();
    assert!(error.starts_with("the webhook URL cannot be reached: no answer from 127.0.0.1:1:"), "{error}");
}

#[tokio::test]
async fn a_wrong_path_shows_at_the_till() {
    let host = Host::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/elsewhere", listener.local_addr().unwrap());
    let router = adapter::axum::router(host.orchestrator.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = ReqwestClient::new(Duration::from_secs(5)).unwrap();
    let till = Till::new(&elsewhere, SUBSCRIPTION, secret(), 1);
    let error = till.sell(&client, &[coffee()]).await.unwrap_err().to_string();
    assert!(error.starts_with("HTTP 404 is no reply to a webhook"), "{error}");
}

#[tokio::test]
async fn an_unknown_subscription_says_where_to_look() {
    let till = Till::in_process("restuarant", secret(), 1);
    assert_eq!(
        sell(&Host::new(), &till).await,
        "the receiver refused: INVALID_SUBSCRIPTION_ID: X-Mplus-Subscription-Id is not known here: \
         check the Subscription ID in the POS's webhook settings"
    );
}

#[tokio::test]
async fn an_inactive_integration_says_so_but_only_to_whoever_has_the_key() {
    let inactive = Subscription::new(SUBSCRIPTION, merchant(), secret()).inactive();
    let host = Host::with_subscriptions([inactive]);
    assert_eq!(
        sell(&host, &till(1)).await,
        "the receiver refused: INVALID_SUBSCRIPTION_ID: the integration that this subscription belongs to is not active: \
         switch it on at the host"
    );
    assert!(host.transactions.all().is_empty());
    let stranger = Till::in_process(SUBSCRIPTION, SubscriptionSecret::from_bytes(b"stranger").unwrap(), 1);
    assert!(sell(&host, &stranger).await.starts_with("the receiver refused: INVALID_SIGNATURE"));
}

#[tokio::test]
async fn a_wrong_secret_says_what_to_check() {
    let till = Till::in_process(SUBSCRIPTION, SubscriptionSecret::from_bytes(b"old key").unwrap(), 1);
    assert_eq!(
        sell(&Host::new(), &till).await,
        "the receiver refused: INVALID_SIGNATURE: X-Mplus-Signature does not fit the body: check the Secret Key, \
         and that nothing on the way changes the body"
    );
}

#[tokio::test]
async fn both_keys_work_while_the_secret_is_being_changed() {
    let new_key = SubscriptionSecret::from_bytes(b"new key").unwrap();
    let both = Subscription::new(SUBSCRIPTION, merchant(), new_key.clone()).with_secret(secret());
    let host = Host::with_subscriptions([both]);
    // The till checks the reply's signature with the key that it used.
    till(1).sell(&host.orchestrator, &[coffee()]).await.unwrap();
    Till::in_process(SUBSCRIPTION, new_key, 2).sell(&host.orchestrator, &[coffee()]).await.unwrap();
}

#[tokio::test]
async fn no_request_fails_silently() {
    let log = Log::default();
    let logging = tracing::subscriber::set_default(log.clone());
    let host = Host::new();
    let mut unsigned = till(1).signed(&mplus_webhooks::event::EventName::StartSession, "{}".into());
    unsigned.headers_mut().remove(SIGNATURE_HEADER);
    assert_eq!(host.orchestrator.handle(unsigned).await.status(), StatusCode::BAD_REQUEST);
    let incomplete = till(1).signed(&mplus_webhooks::event::EventName::StartSession, "{}".into());
    assert_eq!(host.orchestrator.handle(incomplete).await.status(), StatusCode::BAD_REQUEST);
    drop(logging);
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("NO_SIGNATURE") && lines[0].contains("/webhook/mpluskassa/startSession"),
        "{lines:?}"
    );
    assert!(lines[1].contains("`session` is missing"), "{lines:?}");
}

/// What the cashier reads.
fn message(reply: &mplus_webhooks::testkit::TillReply) -> String {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["messages"][0]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_location_without_a_payment_profile_tells_the_cashier() {
    let host = Host::with(|builder| {
        let manual = Arc::new(mplus_webhooks::testkit::ManualProvider::new());
        let rule = PaymentRule::of(&merchant()).at_branch(2);
        builder.payments(Arc::new(PaymentProfiles::new().assign(rule, manual)))
    });
    let (here, there) = (till(1), till(2).at(2, 1));
    let reply = here.start_payment(Decimal::ONE).start(&host.orchestrator).await.unwrap();
    assert_eq!((reply.started, reply.status.as_deref()), (Some(false), Some("failed")));
    assert_eq!(
        message(&reply),
        "No payment provider is assigned to branch 1 for payment method \"K_WEBHOOK\": \
         assign a payment profile to the location."
    );
    let reply = there.start_payment(Decimal::ONE).start(&host.orchestrator).await.unwrap();
    assert_eq!(reply.started, Some(true));
}

/// What the till shows when Stripe answers a new iDEAL payment like this.
async fn start_with(status: usize, body: &str) -> (Option<bool>, String) {
    let mut server = Server::new_async().await;
    server.mock("POST", "/v1/payment_intents").with_status(status).with_body(body).create_async().await;
    let client = Arc::new(ReqwestClient::new(Duration::from_secs(5)).unwrap());
    let mode =
        StripeMode::Redirect { method: StripeRedirect::Ideal, return_url: "https://example.com".to_owned() };
    let stripe = Stripe::new(client, "sk".into(), "whsec".into(), mode).with_base_url(&server.url());
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(Arc::new(stripe)))));
    let till = till(1);
    let payment = till.start_payment(Decimal::ONE);
    let reply = payment.start(&host.orchestrator).await.unwrap();
    let polled = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(polled.finished(), reply.started == Some(false));
    (reply.started, message(&reply))
}

#[tokio::test]
async fn wrong_credentials_of_the_provider_tell_the_cashier() {
    let (started, message) = start_with(401, r#"{"error":{"message":"Invalid API Key provided"}}"#).await;
    assert_eq!(started, Some(false));
    assert_eq!(message, "the payment provider stripe refused: HTTP 401: Invalid API Key provided");
}

#[tokio::test]
async fn a_method_that_the_provider_does_not_take_tells_the_cashier() {
    let (started, message) =
        start_with(400, r#"{"error":{"message":"The payment method type \"ideal\" is invalid"}}"#).await;
    assert_eq!(started, Some(false));
    assert_eq!(
        message,
        "the payment provider stripe refused: HTTP 400: The payment method type \"ideal\" is invalid"
    );
}

#[tokio::test]
async fn a_provider_that_is_down_leaves_the_payment_pending() {
    assert_eq!(start_with(503, "").await, (Some(true), String::new()));
}

#[tokio::test]
async fn an_answer_that_is_not_proper_json_is_what_the_till_complains_about() {
    let html = "<html>Bad gateway</html>";
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/pollExternalPayment")
        .with_header(SIGNATURE_HEADER, &secret().sign(html.as_bytes()))
        .with_body(html)
        .create_async()
        .await;
    let client = ReqwestClient::new(Duration::from_secs(5)).unwrap();
    let till = Till::new(&server.url(), SUBSCRIPTION, secret(), 1);
    let error = till.start_payment(Decimal::ONE).poll(&client).await.unwrap_err();
    assert!(matches!(&error, TillError::Json(..)), "{error}");
    assert!(error.to_string().starts_with("the reply is not proper JSON"), "{error}");
}

#[tokio::test]
async fn a_payment_that_another_store_knows_says_that_the_start_is_missing() {
    let (first, second) = (Host::new(), Host::new());
    let till = till(1);
    let payment = till.start_payment(Decimal::ONE);
    payment.start(&first.orchestrator).await.unwrap();
    let error = payment.poll(&second.orchestrator).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the receiver refused: INVALID_DATA: external payment {} is not known: startExternalPayment has to come first",
            payment.id
        )
    );
}
