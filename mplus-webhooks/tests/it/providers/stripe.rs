//! Stripe: payment intents, and the signature of its calls.

mod days;
mod reader;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::{OneProvider, PaymentProvider, ProviderError, ProviderStatus, RefundState};
use mplus_webhooks::provider::{Stripe, StripeCapture, StripeMode, StripeRedirect};
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
        .match_header("idempotency-key", Matcher::Regex("^mplus-.{43}$".to_owned()))
        .match_header("stripe-version", Matcher::Regex(r"^20\d\d-\d\d-\d\d\.\w+$".to_owned()))
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
async fn an_intent_without_an_answer_was_shown_to_nobody_so_it_may_be_made_anew() {
    for (status, anew) in [(400, false), (401, false), (402, false), (409, true), (429, true), (500, true)] {
        let mut server = Server::new_async().await;
        server.mock("POST", "/v1/payment_intents").with_status(status).with_body("{}").create_async().await;
        let error = stripe(&server, page()).create(&new_payment()).await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Unavailable { .. }), anew, "HTTP {status}");
    }
    let nobody = Stripe::new(client(), "sk_test_key".into(), WEBHOOK_SECRET.into(), page())
        .with_base_url("http://127.0.0.1:1");
    let error = nobody.create(&new_payment()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
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

    assert_eq!(read(&signed(&body, at, WEBHOOK_SECRET), &body).unwrap(), ["pi_1"]);

    assert!(read(&HeaderMap::new(), &body).is_err(), "unsigned");
    assert!(read(&signed(&body, at, "whsec_other"), &body).is_err(), "foreign secret");
    assert!(read(&signed(&body, at - 301, WEBHOOK_SECRET), &body).is_err(), "old");
    assert!(read(&signed(&body, at, WEBHOOK_SECRET), &body.replace("270", "999")).is_err(), "changed body");
    let mut empty = HeaderMap::new();
    empty.insert("stripe-signature", format!("t={at},v1=").parse().unwrap());
    assert!(read(&empty, &body).is_err(), "empty signature");
    let other = r#"{"type":"customer.created","data":{"object":{"id":"cus_1"}}}"#;
    assert_eq!(read(&signed(other, at, WEBHOOK_SECRET), other).unwrap(), Vec::<String>::new());
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

#[tokio::test]
async fn every_call_names_the_api_version_and_the_connected_account() {
    let mut server = Server::new_async().await;
    let version = Matcher::Regex(r"^20\d\d-\d\d-\d\d\.[a-z]+$".to_owned());
    let create = server
        .mock("POST", "/v1/payment_intents")
        .match_header("stripe-version", version.clone())
        .match_header("stripe-account", "acct_9")
        .match_body(Matcher::UrlEncoded("customer".to_owned(), "cus_7".to_owned()))
        .with_body(intent("requires_payment_method", json!({})))
        .create_async()
        .await;
    let get = server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .match_header("stripe-version", version)
        .match_header("stripe-account", "acct_9")
        .with_body(intent("processing", json!({})))
        .create_async()
        .await;
    let stripe = stripe(&server, page()).on_behalf_of("acct_9").with_customer("cus_7");
    stripe.create(&new_payment()).await.unwrap();
    stripe.get(&known_payment("pi_1")).await.unwrap();
    create.assert_async().await;
    get.assert_async().await;
}

#[tokio::test]
async fn bancontact_has_a_payers_name_and_ideal_needs_none() {
    for (method, named) in [(StripeRedirect::Bancontact, true), (StripeRedirect::Ideal, false)] {
        let mut server = Server::new_async().await;
        let with_name = server
            .mock("POST", "/v1/payment_intents")
            .match_body(Matcher::UrlEncoded(
                "payment_method_data[billing_details][name]".to_owned(),
                "A. Guest".to_owned(),
            ))
            .with_body(intent("requires_action", json!({})))
            .create_async()
            .await;
        let mode = StripeMode::Redirect { method, return_url: "https://example.com".to_owned() };
        let created = stripe(&server, mode).with_payer_name("A. Guest").create(&new_payment()).await;
        assert_eq!(with_name.matched_async().await, named, "{created:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_expanded_does_not_hide_that_it_is_paid() {
    for status in [400, 403] {
        let mut server = Server::new_async().await;
        server
            .mock("GET", "/v1/payment_intents/pi_1?expand[]=latest_charge")
            .with_status(status)
            .with_body(
                r#"{"error":{"type":"invalid_request_error","message":"This property cannot be expanded."}}"#,
            )
            .create_async()
            .await;
        server
            .mock("GET", "/v1/payment_intents/pi_1")
            .with_body(intent("succeeded", json!({ "amount_received": 270, "latest_charge": "ch_1" })))
            .create_async()
            .await;
        let news = stripe(&server, page()).get(&known_payment("pi_1")).await.unwrap();
        assert_eq!(news.status, ProviderStatus::Captured(Decimal::new(270, 2)));
    }
}

#[tokio::test]
async fn a_saved_failure_is_looked_up_and_then_asked_for_under_a_fresh_key() {
    let mut server = Server::new_async().await;
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let failing = server
        .mock("POST", "/v1/payment_intents")
        .with_status(500)
        .with_body_from_request({
            let keys = keys.clone();
            move |request| {
                keys.lock().unwrap().push(request.header("idempotency-key")[0].to_str().unwrap().to_owned());
                r#"{"error":{"type":"api_error"}}"#.into()
            }
        })
        .create_async()
        .await;
    let listed = server
        .mock("GET", Matcher::Regex(r"^/v1/payment_intents\?created".to_owned()))
        .with_body(r#"{"data":[],"has_more":false}"#)
        .create_async()
        .await;
    let provider = Arc::new(stripe(&server, page()));
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))));
    let payment_till = till(1);
    let payment = payment_till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    failing.remove_async().await;
    listed.remove_async().await;
    // The second attempt had been carried out after all.
    let found = json!({
        "data": [
            { "id": "pi_other", "status": "requires_payment_method", "metadata": { "externalPaymentId": "other", "merchant": "merchant-1" } },
            { "id": "pi_found", "status": "requires_payment_method", "amount_received": 0,
              "metadata": { "externalPaymentId": payment.id, "merchant": "merchant-1" } }
        ],
        "has_more": false
    });
    server
        .mock("GET", Matcher::Regex(r"^/v1/payment_intents\?created".to_owned()))
        .with_body(found.to_string())
        .create_async()
        .await;
    host.refresh(&payment.id).await;
    let key = mplus_webhooks::payment::PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let stored = host.orchestrator.payments().unwrap().payment(&key).await.unwrap().unwrap();
    assert_eq!(stored.provider_reference.as_deref(), Some("pi_found"));
    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_hosted_page_is_shown_read_and_closed() {
    let mut server = Server::new_async().await;
    let create = server
        .mock("POST", "/v1/checkout/sessions")
        .match_body(Matcher::AllOf(vec![
            Matcher::UrlEncoded("mode".to_owned(), "payment".to_owned()),
            Matcher::UrlEncoded("line_items[0][price_data][unit_amount]".to_owned(), "270".to_owned()),
            Matcher::UrlEncoded("client_reference_id".to_owned(), PAYMENT_ID.to_owned()),
            Matcher::UrlEncoded("success_url".to_owned(), "https://example.com/paid".to_owned()),
        ]))
        .with_body(r#"{"id":"cs_1","status":"open","payment_status":"unpaid","url":"https://checkout.stripe.com/c/cs_1","payment_intent":null,"amount_total":270}"#)
        .create_async()
        .await;
    let mode = StripeMode::Checkout {
        success_url: "https://example.com/paid".to_owned(),
        cancel_url: "https://example.com/not-paid".to_owned(),
    };
    let stripe = stripe(&server, mode);
    let news = stripe.create(&new_payment()).await.unwrap();
    create.assert_async().await;
    assert_eq!((news.status, news.reference.as_deref()), (ProviderStatus::Pending, Some("cs_1")));
    assert_eq!(news.checkout_url.as_deref(), Some("https://checkout.stripe.com/c/cs_1"));

    let cases = [
        (
            r#"{"id":"cs_1","status":"complete","payment_status":"paid","payment_intent":"pi_1","amount_total":270}"#,
            ProviderStatus::Captured(Decimal::new(270, 2)),
        ),
        (
            r#"{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":"pi_1","amount_total":270}"#,
            ProviderStatus::Pending,
        ),
        (
            r#"{"id":"cs_1","status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"requires_capture"}}"#,
            ProviderStatus::Authorised,
        ),
        (
            r#"{"id":"cs_1","status":"expired","payment_status":"unpaid","payment_intent":null}"#,
            ProviderStatus::Cancelled,
        ),
        (r#"{"id":"cs_1","status":"novel"}"#, ProviderStatus::Unknown),
    ];
    for (body, expected) in cases {
        let read = server
            .mock("GET", Matcher::Regex("^/v1/checkout/sessions/cs_1".to_owned()))
            .with_body(body)
            .create_async()
            .await;
        let news = stripe.get(&known_payment("cs_1")).await.unwrap();
        assert_eq!((news.status, news.reference.as_deref()), (expected, Some("cs_1")), "{body}");
        read.remove_async().await;
    }
    server
        .mock("POST", "/v1/checkout/sessions/cs_1/expire")
        .with_body(r#"{"id":"cs_1","status":"expired","payment_status":"unpaid"}"#)
        .create_async()
        .await;
    assert_eq!(stripe.cancel(&known_payment("cs_1")).await.unwrap().status, ProviderStatus::Cancelled);
}

#[tokio::test]
async fn held_money_is_captured_in_part_and_the_till_hears_the_amount() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .match_body(Matcher::UrlEncoded("capture_method".to_owned(), "manual".to_owned()))
        .with_body(intent("requires_payment_method", json!({})))
        .create_async()
        .await;
    server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("requires_capture", json!({ "amount_capturable": 270 })))
        .create_async()
        .await;
    let capture = server
        .mock("POST", "/v1/payment_intents/pi_1/capture")
        .match_body(Matcher::UrlEncoded("amount_to_capture".to_owned(), "200".to_owned()))
        .with_body(intent("succeeded", json!({ "amount_received": 200 })))
        .create_async()
        .await;
    let provider = Arc::new(stripe(&server, page()).with_capture(StripeCapture::Manual));
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))));
    let payment_till = till(1);
    let payment = payment_till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    assert!(!payment.poll(&host.orchestrator).await.unwrap().finished(), "held is not paid");
    let key = mplus_webhooks::payment::PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    host.orchestrator.payments().unwrap().capture(&key, Some(Decimal::new(200, 2))).await.unwrap();
    capture.assert_async().await;
    let paid = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((paid.confirmed, paid.final_amount), (Some(true), Some(Decimal::new(200, 2))));
}

#[tokio::test]
async fn the_client_secret_is_handed_to_the_host_and_shows_nowhere_else() {
    let mut server = Server::new_async().await;
    server
        .mock("GET", "/v1/payment_intents/pi_1")
        .with_body(intent("requires_payment_method", json!({ "client_secret": "pi_1_secret_x" })))
        .create_async()
        .await;
    let secret = stripe(&server, page()).client_secret(&known_payment("pi_1")).await.unwrap();
    assert_eq!(secret.expose(), "pi_1_secret_x");
    assert!(!format!("{secret:?}").contains("secret_x"));
}

#[tokio::test]
async fn a_refund_is_asked_for_once_and_found_again_when_its_answer_was_lost() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("succeeded", json!({ "amount_received": 270 })))
        .create_async()
        .await;
    let lost =
        server.mock("POST", "/v1/refunds").with_status(500).with_body("{}").expect(1).create_async().await;
    let provider = Arc::new(stripe(&server, page()));
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))));
    let payment_till = till(1);
    let payment = payment_till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    let payments = host.orchestrator.payments().unwrap();
    let key = mplus_webhooks::payment::PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let asked = payments.refund(&key, "r-1", Some(Decimal::ONE)).await.unwrap();
    assert_eq!(asked.state, RefundState::Requested);
    server
        .mock("GET", Matcher::Regex(r"^/v1/refunds\?payment_intent=pi_1".to_owned()))
        .with_body(r#"{"data":[{"id":"re_0","status":"failed","metadata":{"refundId":"r-0"}},{"id":"re_1","status":"succeeded","metadata":{"refundId":"r-1"}}],"has_more":false}"#)
        .create_async()
        .await;
    let found = payments.refund(&key, "r-1", None).await.unwrap();
    assert_eq!((found.state, found.reference.as_deref()), (RefundState::Succeeded, Some("re_1")));
    lost.assert_async().await;
}

/// What the reader `tmr_1` does.
async fn reader(server: &mut ServerGuard, action: serde_json::Value) -> mockito::Mock {
    server
        .mock("GET", "/v1/terminal/readers/tmr_1")
        .with_body(json!({ "id": "tmr_1", "status": "online", "action": action }).to_string())
        .create_async()
        .await
}

fn shows(intent: &str, status: &str, failure: Option<&str>) -> serde_json::Value {
    json!({
        "type": "process_payment_intent", "status": status, "failure_code": failure,
        "failure_message": failure.map(|_| "The card was declined."),
        "process_payment_intent": { "payment_intent": intent }
    })
}

#[tokio::test]
async fn events_of_readers_sessions_and_refunds_name_their_payment() {
    let server = Server::new_async().await;
    let stripe = stripe(&server, terminal());
    let now = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let cases = [
        (
            json!({ "type": "terminal.reader.action_failed", "data": { "object": { "id": "tmr_1", "action": shows("pi_1", "failed", Some("card_declined")) } } }),
            vec!["pi_1"],
        ),
        (
            json!({ "type": "terminal.reader.action_updated", "data": { "object": { "id": "tmr_1", "action": null } } }),
            vec![],
        ),
        (
            json!({ "type": "checkout.session.completed", "data": { "object": { "id": "cs_1" } } }),
            vec!["cs_1"],
        ),
        (
            json!({ "type": "charge.refunded", "data": { "object": { "id": "ch_1", "payment_intent": "pi_1" } } }),
            vec!["pi_1"],
        ),
        (
            json!({ "type": "refund.updated", "data": { "object": { "id": "re_1", "payment_intent": { "id": "pi_1" } } } }),
            vec!["pi_1"],
        ),
        (json!({ "type": "account.updated", "data": { "object": { "id": "acct_1" } } }), vec![]),
    ];
    for (event, expected) in cases {
        let body = event.to_string();
        let headers = signed(&body, now.timestamp(), WEBHOOK_SECRET);
        assert_eq!(stripe.read_notice(&headers, &body.into(), now).unwrap(), expected, "{event}");
    }
}
