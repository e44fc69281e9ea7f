//! Stripe and Viva against servers that answer as their documentation says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::{
    OneProvider, Payment, PaymentInput, PaymentProvider, ProviderError, ProviderStatus,
};
use mplus_webhooks::provider::{
    Stripe, StripeMode, StripeRedirect, Viva, VivaCredentials, VivaEndpoints, VivaMode,
};
use mplus_webhooks::testkit::conformance::sample_payment;
use mplus_webhooks::{ReqwestClient, TokioRuntime};
use rust_decimal::Decimal;
use serde_json::json;

use crate::support::{Host, till};

const PAYMENT_ID: &str = "67d8b45a-37bd-4885-b41a-ffb285720654";
const WEBHOOK_SECRET: &str = "whsec_test";

fn client() -> Arc<ReqwestClient> {
    Arc::new(ReqwestClient::new(Duration::from_secs(5)).unwrap())
}

/// 2.70 euros, not known to a provider yet.
fn new_payment() -> Payment {
    sample_payment("merchant-1", PAYMENT_ID, Decimal::new(270, 2))
}

/// The payment once its provider knows it.
fn known_payment(reference: &str) -> Payment {
    let news = mplus_webhooks::payment::ProviderNews::new(ProviderStatus::Pending).with_reference(reference);
    let input = PaymentInput::Provider(ProviderStatus::Pending);
    new_payment().apply(input, Some(&news)).0.unwrap()
}

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

fn viva(server: &ServerGuard, mode: VivaMode) -> Viva {
    viva_at(server, mode, Arc::new(TokioRuntime))
}

fn viva_at(server: &ServerGuard, mode: VivaMode, runtime: Arc<dyn mplus_webhooks::Runtime>) -> Viva {
    let credentials = VivaCredentials {
        client_id: "client".to_owned(),
        client_secret: "client-secret".into(),
        merchant_id: "merchant".to_owned(),
        api_key: "api-key".into(),
    };
    let endpoints = VivaEndpoints::of(&server.url(), &server.url(), &server.url());
    Viva::new(client(), runtime, endpoints, credentials, mode)
}

fn viva_terminal() -> VivaMode {
    VivaMode::Terminal { terminal_id: 16_000_010, cash_register_id: "till 1".to_owned() }
}

fn viva_checkout() -> VivaMode {
    VivaMode::Checkout { source_code: "1234".to_owned() }
}

/// The token endpoint, which one token per hour has to be enough for.
async fn token(server: &mut ServerGuard) -> mockito::Mock {
    server
        .mock("POST", "/connect/token")
        // client:client-secret
        .match_header("authorization", "Basic Y2xpZW50OmNsaWVudC1zZWNyZXQ=")
        .match_body("grant_type=client_credentials")
        .with_body(r#"{"access_token":"token-1","expires_in":3600,"token_type":"Bearer"}"#)
        .expect(1)
        .create_async()
        .await
}

#[tokio::test]
async fn viva_starts_a_terminal_session_named_after_the_payment() {
    let mut server = Server::new_async().await;
    let token = token(&mut server).await;
    let sale = server
        .mock("POST", "/ecr/v1/transactions:sale")
        .match_header("authorization", "Bearer token-1")
        .match_body(Matcher::PartialJson(json!({
            "sessionId": PAYMENT_ID, "terminalId": 16_000_010, "cashRegisterId": "till 1", "amount": 270, "currencyCode": 978
        })))
        .expect(2)
        .create_async()
        .await;
    let viva = viva(&server, viva_terminal());
    for _ in 0..2 {
        let news = viva.create(&new_payment()).await.unwrap();
        assert_eq!((news.status, news.reference.as_deref()), (ProviderStatus::Pending, Some(PAYMENT_ID)));
    }
    sale.assert_async().await;
    token.assert_async().await;
    assert!(!format!("{viva:?}").contains("secret") || format!("{viva:?}").contains("REDACTED"));
    assert!(!format!("{viva:?}").contains("token-1"));
}

#[tokio::test]
async fn every_end_of_a_viva_session_is_understood() {
    let cases = [
        (
            200,
            r#"{"success":true,"eventId":0,"amount":270,"transactionId":"t","applicationLabel":"Visa"}"#,
            ProviderStatus::Captured(Decimal::new(270, 2)),
        ),
        (200, r#"{"success":false,"eventId":1100,"amount":270}"#, ProviderStatus::Pending),
        (202, "", ProviderStatus::Pending),
        (200, r#"{"success":false,"eventId":1006,"amount":270}"#, ProviderStatus::Declined),
        (200, r#"{"success":false,"eventId":1016,"amount":270}"#, ProviderStatus::Cancelled),
        (404, r#"{"detail":"Could not find session"}"#, ProviderStatus::Unknown),
        (200, "{}", ProviderStatus::Unknown),
    ];
    for (status, body, expected) in cases {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
        server.mock("GET", path.as_str()).with_status(status).with_body(body).create_async().await;
        let news = viva(&server, viva_terminal()).get(&known_payment(PAYMENT_ID)).await.unwrap();
        assert_eq!(news.status, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_viva_session_that_cannot_be_aborted_any_more_tells_what_it_became() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
    let abort = server
        .mock("DELETE", format!("{path}?cashRegisterId=till%201").as_str())
        .with_status(409)
        .create_async()
        .await;
    server
        .mock("GET", path.as_str())
        .with_body(r#"{"success":true,"eventId":0,"amount":270}"#)
        .create_async()
        .await;
    let news = viva(&server, viva_terminal()).cancel(&known_payment(PAYMENT_ID)).await.unwrap();
    abort.assert_async().await;
    assert_eq!(news.status, ProviderStatus::Captured(Decimal::new(270, 2)));
}

#[tokio::test]
async fn a_failed_viva_session_is_aborted_before_the_payment_has_failed() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
    let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
    server
        .mock("GET", session.clone())
        .with_body(r#"{"success":false,"eventId":1006,"amount":270}"#)
        .create_async()
        .await;
    let abort = server.mock("DELETE", session).create_async().await;
    let provider = Arc::new(viva(&server, viva_terminal()));
    let (host, till) = (Host::with(|builder| builder.payments(Arc::new(OneProvider(provider)))), till(1));
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    abort.assert_async().await;
    let failed = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((failed.status.as_deref(), failed.finished()), (Some("failed"), true));
}

#[tokio::test]
async fn an_aborted_viva_session_that_never_reached_its_terminal_is_over_after_three_minutes() {
    let known = known_payment(PAYMENT_ID);
    for status in [202, 404] {
        for (seconds, expected) in [(170, false), (190, true)] {
            let mut server = Server::new_async().await;
            token(&mut server).await;
            let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
            server.mock("DELETE", session.clone()).create_async().await;
            server.mock("GET", session).with_status(status).with_body("{}").create_async().await;
            let now = known.started_at + chrono::TimeDelta::seconds(seconds);
            let viva = viva_at(&server, viva_terminal(), Arc::new(Ticking(std::sync::Mutex::new(now))));
            let ended = viva.cancel(&known).await.unwrap().status == ProviderStatus::Cancelled;
            assert_eq!(ended, expected, "HTTP {status} after {seconds} s");
            // Without an abort it stays open, however old it is.
            assert_ne!(viva.get(&known).await.unwrap().status, ProviderStatus::Cancelled);
        }
    }
}

#[tokio::test]
async fn a_terminal_that_is_busy_with_this_very_payment_is_no_refusal() {
    for (session, refused) in [(202, false), (404, true)] {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        server.mock("POST", "/ecr/v1/transactions:sale").with_status(400).create_async().await;
        let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
        server.mock("GET", path.as_str()).with_status(session).with_body("{}").create_async().await;
        let created = viva(&server, viva_terminal()).create(&new_payment()).await;
        assert_eq!(matches!(created, Err(ProviderError::Refused { .. })), refused, "{created:?}");
    }
}

#[tokio::test]
async fn viva_fetches_a_new_token_when_the_old_one_runs_out_or_is_withdrawn() {
    let mut server = Server::new_async().await;
    let tokens = server
        .mock("POST", "/connect/token")
        .with_body_from_request({
            let count = std::sync::atomic::AtomicUsize::new(0);
            move |_| {
                let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                format!(r#"{{"access_token":"token-{number}","expires_in":3600}}"#).into()
            }
        })
        .expect(3)
        .create_async()
        .await;
    let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
    let answering = |number: usize| format!("Bearer token-{number}");
    let known = known_payment(PAYMENT_ID);
    let clock = Arc::new(Ticking(std::sync::Mutex::new(known.started_at)));
    let viva = viva_at(&server, viva_terminal(), clock.clone());
    for (number, minutes) in [(1, 0), (1, 58), (2, 60)] {
        *clock.0.lock().unwrap() = known.started_at + chrono::TimeDelta::minutes(minutes);
        let answer = server
            .mock("GET", path.as_str())
            .match_header("authorization", answering(number).as_str())
            .with_status(202)
            .create_async()
            .await;
        viva.get(&known).await.unwrap();
        answer.assert_async().await;
        answer.remove_async().await;
    }
    let withdrawn = server
        .mock("GET", path.as_str())
        .match_header("authorization", answering(2).as_str())
        .with_status(401)
        .create_async()
        .await;
    let renewed = server
        .mock("GET", path.as_str())
        .match_header("authorization", answering(3).as_str())
        .with_status(202)
        .create_async()
        .await;
    assert_eq!(viva.get(&known).await.unwrap().status, ProviderStatus::Pending);
    withdrawn.assert_async().await;
    renewed.assert_async().await;
    tokens.assert_async().await;
}

/// A clock that is set by hand.
#[derive(Debug)]
struct Ticking(std::sync::Mutex<chrono::DateTime<chrono::Utc>>);

#[async_trait::async_trait]
impl mplus_webhooks::Runtime for Ticking {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}

    fn spawn(&self, _: mplus_webhooks::Task) {}
}

#[tokio::test]
async fn viva_makes_a_checkout_order_and_reads_what_was_paid_in_euros() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    server
        .mock("POST", "/checkout/v2/orders")
        .match_body(Matcher::PartialJson(
            json!({ "amount": 270, "merchantTrns": PAYMENT_ID, "sourceCode": "1234", "paymentTimeout": 900 }),
        ))
        .with_body(r#"{"orderCode":1272214778972604}"#)
        .create_async()
        .await;
    let viva = viva(&server, viva_checkout());
    let news = viva.create(&new_payment()).await.unwrap();
    assert_eq!(news.reference.as_deref(), Some("1272214778972604"));
    assert_eq!(news.checkout_url, Some(format!("{}/web/checkout?ref=1272214778972604", server.url())));

    let known = known_payment("1272214778972604");
    let order = server
        .mock("GET", "/api/orders/1272214778972604")
        // merchant:api-key
        .match_header("authorization", "Basic bWVyY2hhbnQ6YXBpLWtleQ==")
        .with_body(r#"{"OrderCode":1272214778972604,"StateId":3}"#)
        .create_async()
        .await;
    server
        .mock("GET", "/api/transactions?ordercode=1272214778972604")
        .with_body(
            r#"{"Transactions":[
                {"StatusId":"E","Amount":2.70,"TransactionId":"failed"},
                {"StatusId":"F","Amount":2.70,"TransactionId":"paid","CreditCard":{"CardType":{"Name":"Visa"}}}
            ],"ErrorCode":0,"Success":true}"#,
        )
        .create_async()
        .await;
    let paid = viva.get(&known).await.unwrap();
    order.assert_async().await;
    assert_eq!(paid.status, ProviderStatus::Captured(Decimal::new(270, 2)));
    assert_eq!(
        (paid.transaction_reference.as_deref(), paid.card_type.as_deref()),
        (Some("paid"), Some("Visa"))
    );
}

#[tokio::test]
async fn every_state_of_a_viva_order_is_understood() {
    for (state, expected) in [
        (0, ProviderStatus::Pending),
        (1, ProviderStatus::Failed),
        (2, ProviderStatus::Cancelled),
        (9, ProviderStatus::Unknown),
    ] {
        let mut server = Server::new_async().await;
        let order = format!(r#"{{"StateId":{state}}}"#);
        server.mock("GET", "/api/orders/7").with_body(order).create_async().await;
        let news = viva(&server, viva_checkout()).get(&known_payment("7")).await.unwrap();
        assert_eq!(news.status, expected, "state {state}");
    }
}

#[tokio::test]
async fn a_viva_call_only_says_which_payment_to_ask_about() {
    let server = Server::new_async().await;
    let now = chrono::DateTime::UNIX_EPOCH;
    let call = Bytes::from_static(
        br#"{"EventTypeId":1796,"EventData":{"OrderCode":7,"StatusId":"F","Amount":2.7,"SessionId":"s"}}"#,
    );
    for (mode, reference) in [(viva_checkout(), "7"), (viva_terminal(), "s")] {
        let named = viva(&server, mode).read_notice(&HeaderMap::new(), &call, now).unwrap();
        assert_eq!(named.as_deref(), Some(reference));
    }
}

#[tokio::test]
async fn viva_hands_out_the_webhook_key() {
    let mut server = Server::new_async().await;
    server.mock("GET", "/api/messages/config/token").with_body(r#"{"Key":"CB0567"}"#).create_async().await;
    assert_eq!(viva(&server, viva_checkout()).webhook_key().await.unwrap(), "CB0567");
}
