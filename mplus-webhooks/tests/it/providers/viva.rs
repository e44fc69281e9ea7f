//! Viva: terminal sessions, checkout orders, tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::{OneProvider, PaymentProvider, ProviderError, ProviderStatus};
use mplus_webhooks::provider::{Viva, VivaCredentials, VivaEndpoints, VivaMode};
use mplus_webhooks::{Runtime, Task, TokioRuntime};
use rust_decimal::Decimal;
use serde_json::json;

use super::{PAYMENT_ID, client, known_payment, new_payment};
use crate::support::{Host, till};

fn viva(server: &ServerGuard, mode: VivaMode) -> Viva {
    viva_at(server, mode, Arc::new(TokioRuntime))
}

fn viva_at(server: &ServerGuard, mode: VivaMode, runtime: Arc<dyn Runtime>) -> Viva {
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
            let now = known.started_at + TimeDelta::seconds(seconds);
            let viva = viva_at(&server, viva_terminal(), Arc::new(Ticking(Mutex::new(now))));
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
    let clock = Arc::new(Ticking(Mutex::new(known.started_at)));
    let viva = viva_at(&server, viva_terminal(), clock.clone());
    for (number, minutes) in [(1, 0), (1, 58), (2, 60)] {
        *clock.0.lock().unwrap() = known.started_at + TimeDelta::minutes(minutes);
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
struct Ticking(Mutex<DateTime<Utc>>);

#[async_trait::async_trait]
impl Runtime for Ticking {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}

    fn spawn(&self, _: Task) {}
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
    let now = DateTime::UNIX_EPOCH;
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
