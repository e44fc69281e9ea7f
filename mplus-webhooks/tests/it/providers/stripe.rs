//! Stripe: payment intents, and the signature of its calls.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::{OneProvider, PaymentProvider, ProviderError, ProviderStatus};
use mplus_webhooks::provider::{Stripe, StripeMode, StripeRedirect};
use rust_decimal::Decimal;
use serde_json::json;

use super::{PAYMENT_ID, client, known_payment, new_payment};
use crate::support::{Host, till};

const WEBHOOK_SECRET: &str = "whsec_test";

fn stripe(server: &ServerGuard, mode: StripeMode) -> Stripe {
    Stripe::new(client(), "sk_test_key".into(), WEBHOOK_SECRET.into(), mode).with_base_url(&server.url())
}

fn redirect() -> StripeMode {
    StripeMode::Redirect { method: StripeRedirect::Ideal, return_url: "https://example.com/back".to_owned() }
}

fn terminal() -> StripeMode {
    StripeMode::Terminal { reader: "tmr_1".to_owned() }
}

fn page() -> StripeMode {
    StripeMode::Page { page: "https://example.com/pay".to_owned() }
}

fn intent(status: &str, more: serde_json::Value) -> String {
    let mut intent = json!({ "id": "pi_1", "object": "payment_intent", "amount": 270, "amount_received": 0, "status": status });
    intent.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    intent.to_string()
}

#[tokio::test]
async fn stripe_starts_an_ideal_payment_once_and_gives_the_banks_address() {
    let mut server = Server::new_async().await;
    let redirect_to = json!({ "next_action": { "type": "redirect_to_url", "redirect_to_url": { "url": "https://hooks.stripe.com/redirect" } } });
    let create = server
        .mock("POST", "/v1/payment_intents")
        .match_header("authorization", "Bearer sk_test_key")
        .match_header("idempotency-key", format!("merchant-1-{PAYMENT_ID}").as_str())
        .match_body(Matcher::AllOf(vec![
            Matcher::UrlEncoded("amount".to_owned(), "270".to_owned()),
            Matcher::UrlEncoded("currency".to_owned(), "eur".to_owned()),
            Matcher::UrlEncoded("payment_method_types[]".to_owned(), "ideal".to_owned()),
            Matcher::UrlEncoded("confirm".to_owned(), "true".to_owned()),
            Matcher::UrlEncoded("return_url".to_owned(), "https://example.com/back".to_owned()),
            Matcher::UrlEncoded("metadata[externalPaymentId]".to_owned(), PAYMENT_ID.to_owned()),
        ]))
        .with_body(intent("requires_action", redirect_to))
        .create_async()
        .await;
    let news = stripe(&server, redirect()).create(&new_payment()).await.unwrap();
    create.assert_async().await;
    assert_eq!(news.status, ProviderStatus::Pending);
    assert_eq!(news.reference.as_deref(), Some("pi_1"));
    assert_eq!(news.checkout_url.as_deref(), Some("https://hooks.stripe.com/redirect"));
}

#[tokio::test]
async fn stripe_starts_a_bancontact_payment() {
    let mut server = Server::new_async().await;
    let create = server
        .mock("POST", "/v1/payment_intents")
        .match_body(Matcher::AllOf(vec![
            Matcher::UrlEncoded("payment_method_types[]".to_owned(), "bancontact".to_owned()),
            Matcher::UrlEncoded("payment_method_data[type]".to_owned(), "bancontact".to_owned()),
        ]))
        .with_body(intent("requires_action", json!({})))
        .create_async()
        .await;
    let return_url = "https://example.com/back".to_owned();
    let mode = StripeMode::Redirect { method: StripeRedirect::Bancontact, return_url };
    stripe(&server, mode).create(&new_payment()).await.unwrap();
    create.assert_async().await;
}

#[tokio::test]
async fn stripe_offers_ideal_card_and_bancontact_on_the_hosts_page() {
    let mut server = Server::new_async().await;
    let create = server
        .mock("POST", "/v1/payment_intents")
        .match_body(Matcher::Regex(
            "payment_method_types%5B%5D=ideal&payment_method_types%5B%5D=card&payment_method_types%5B%5D=bancontact".to_owned(),
        ))
        .with_body(intent("requires_payment_method", json!({ "client_secret": "pi_1_secret_x" })))
        .create_async()
        .await;
    let news = stripe(&server, page()).create(&new_payment()).await.unwrap();
    create.assert_async().await;
    assert_eq!(news.checkout_url.as_deref(), Some("https://example.com/pay?payment_intent=pi_1"));
}

#[tokio::test]
async fn stripe_shows_a_terminal_payment_on_the_reader_and_withdraws_it_when_the_reader_refuses() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("requires_payment_method", json!({})))
        .create_async()
        .await;
    let offline = server
        .mock("POST", "/v1/terminal/readers/tmr_1/process_payment_intent")
        .match_body(Matcher::UrlEncoded("payment_intent".to_owned(), "pi_1".to_owned()))
        .with_status(400)
        .with_body(r#"{"error":{"code":"terminal_reader_offline","message":"Reader is currently offline"}}"#)
        .create_async()
        .await;
    let withdraw = server
        .mock("POST", "/v1/payment_intents/pi_1/cancel")
        .with_body(intent("canceled", json!({})))
        .create_async()
        .await;
    let error = stripe(&server, terminal()).create(&new_payment()).await.unwrap_err();
    offline.assert_async().await;
    withdraw.assert_async().await;
    assert_eq!(
        error.to_string(),
        "the payment provider stripe refused: HTTP 400: Reader is currently offline"
    );
}

#[tokio::test]
async fn every_status_of_a_payment_intent_means_what_its_documentation_says() {
    let declined = json!({ "last_payment_error": { "code": "card_declined" } });
    let cases = [
        (
            "succeeded",
            json!({ "amount_received": 265 }),
            page(),
            ProviderStatus::Captured(Decimal::new(265, 2)),
        ),
        ("requires_capture", json!({}), page(), ProviderStatus::Authorised),
        ("canceled", json!({}), page(), ProviderStatus::Cancelled),
        ("processing", json!({}), page(), ProviderStatus::Pending),
        ("requires_action", json!({}), page(), ProviderStatus::Pending),
        ("requires_payment_method", declined.clone(), page(), ProviderStatus::Pending),
        ("requires_payment_method", declined.clone(), redirect(), ProviderStatus::Declined),
        ("requires_payment_method", declined, terminal(), ProviderStatus::Declined),
        (
            "requires_payment_method",
            json!({ "last_payment_error": null }),
            terminal(),
            ProviderStatus::Pending,
        ),
        ("something_new", json!({}), page(), ProviderStatus::Unknown),
    ];
    for (status, more, mode, expected) in cases {
        let mut server = Server::new_async().await;
        server
            .mock("GET", "/v1/payment_intents/pi_1?expand[]=latest_charge")
            .with_body(intent(status, more))
            .create_async()
            .await;
        let news = stripe(&server, mode).get(&known_payment("pi_1")).await.unwrap();
        assert_eq!(news.status, expected, "{status}");
    }
}

#[tokio::test]
async fn stripe_tells_how_it_was_paid() {
    let mut server = Server::new_async().await;
    let charge = json!({
        "amount_received": 270,
        "latest_charge": { "id": "ch_1", "payment_method_details": { "type": "card_present", "card_present": { "brand": "visa" } } }
    });
    server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("succeeded", charge))
        .create_async()
        .await;
    let news = stripe(&server, terminal()).get(&known_payment("pi_1")).await.unwrap();
    assert_eq!(
        (news.card_type.as_deref(), news.external_method.as_deref()),
        (Some("visa"), Some("card_present"))
    );
    assert_eq!(news.terminal_id.as_deref(), Some("tmr_1"));
}

#[tokio::test]
async fn an_error_says_whether_the_payment_may_exist() {
    for (status, may_exist) in
        [(400, false), (401, false), (402, false), (409, true), (429, true), (500, true)]
    {
        let mut server = Server::new_async().await;
        server.mock("POST", "/v1/payment_intents").with_status(status).with_body("{}").create_async().await;
        let error = stripe(&server, page()).create(&new_payment()).await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Unreachable { .. }), may_exist, "HTTP {status}");
    }
    let nobody = Stripe::new(client(), "sk_test_key".into(), WEBHOOK_SECRET.into(), page())
        .with_base_url("http://127.0.0.1:1");
    let error = nobody.create(&new_payment()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("sk_test_key"), "{error}");
    assert!(!format!("{nobody:?}").contains("sk_test_key"));
}

pub(crate) fn signed(body: &str, at: i64, secret: &str) -> HeaderMap {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert(
        "stripe-signature",
        format!("t={at},v1={},v1={digits},v0=00", "0".repeat(64)).parse().unwrap(),
    );
    headers
}

#[tokio::test]
async fn only_stripes_own_and_recent_calls_are_believed() {
    let server = Server::new_async().await;
    let stripe = stripe(&server, page());
    let now = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let body = json!({
        "type": "payment_intent.succeeded",
        "data": { "object": { "id": "pi_1", "status": "succeeded", "amount_received": 270 } }
    })
    .to_string();
    let read =
        |headers: &HeaderMap, body: &str| stripe.read_notice(headers, &Bytes::from(body.to_owned()), now);
    let at = now.timestamp();

    assert_eq!(read(&signed(&body, at, WEBHOOK_SECRET), &body).unwrap().as_deref(), Some("pi_1"));

    assert!(read(&HeaderMap::new(), &body).is_err(), "unsigned");
    assert!(read(&signed(&body, at, "whsec_other"), &body).is_err(), "foreign secret");
    assert!(read(&signed(&body, at - 301, WEBHOOK_SECRET), &body).is_err(), "old");
    assert!(read(&signed(&body, at, WEBHOOK_SECRET), &body.replace("270", "999")).is_err(), "changed body");
    let mut empty = HeaderMap::new();
    empty.insert("stripe-signature", format!("t={at},v1=").parse().unwrap());
    assert!(read(&empty, &body).is_err(), "empty signature");
    let other = r#"{"type":"customer.created","data":{"object":{"id":"cus_1"}}}"#;
    assert_eq!(read(&signed(other, at, WEBHOOK_SECRET), other).unwrap(), None);
}

#[tokio::test]
async fn a_declined_redirect_is_cancelled_at_stripe_and_ends_as_failed() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("requires_action", json!({})))
        .create_async()
        .await;
    let declined = json!({ "last_payment_error": { "code": "payment_intent_authentication_failure" } });
    server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("requires_payment_method", declined))
        .create_async()
        .await;
    let cancel = server
        .mock("POST", "/v1/payment_intents/pi_1/cancel")
        .with_body(intent("canceled", json!({})))
        .create_async()
        .await;
    let provider = Arc::new(stripe(&server, redirect()));
    let (host, till) = (Host::with(|builder| builder.payments(Arc::new(OneProvider(provider)))), till(1));
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    cancel.assert_async().await;
    let failed = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((failed.status.as_deref(), failed.finished()), (Some("failed"), true));
}
