//! Viva: terminal sessions, checkout orders, tokens.

mod checkout;
mod given_up;
mod taken;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::{OneProvider, PaymentProvider, ProviderError, ProviderStatus, RefundState};
use mplus_webhooks::provider::{Viva, VivaCredentials, VivaEndpoints, VivaIsv, VivaMode};
use mplus_webhooks::{Runtime, Task, TokioRuntime};
use rust_decimal::Decimal;
use serde_json::json;

use super::{PAYMENT_ID, client, known_payment, new_payment};
use crate::support::{Host, till};

fn viva(server: &ServerGuard, mode: VivaMode) -> Viva {
    viva_at(server, mode, Arc::new(TokioRuntime))
}

pub(super) fn viva_at(server: &ServerGuard, mode: VivaMode, runtime: Arc<dyn Runtime>) -> Viva {
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
    VivaMode::Terminal { terminal_id: "16000010".to_owned(), cash_register_id: "till 1".to_owned() }
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
            "sessionId": PAYMENT_ID, "terminalId": "16000010", "cashRegisterId": "till 1", "amount": 270, "currencyCode": "978"
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
        (
            200,
            r#"{"success":true,"eventId":0,"amount":null,"transactionId":"t"}"#,
            ProviderStatus::Captured(Decimal::new(270, 2)),
        ),
        (200, r#"{"success":false,"abortSuccess":true}"#, ProviderStatus::Cancelled),
        (200, r#"{"success":false,"eventId":1100,"abortSuccess":true}"#, ProviderStatus::Cancelled),
        (202, "", ProviderStatus::Pending),
        (200, r#"{"success":false,"eventId":1006,"amount":270}"#, ProviderStatus::Failed),
        (200, r#"{"success":false,"eventId":1016,"amount":270}"#, ProviderStatus::Cancelled),
        (404, r#"{"detail":"Could not find session"}"#, ProviderStatus::Absent),
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
async fn a_declined_viva_session_may_still_be_paid_until_its_life_is_over() {
    let known = known_payment(PAYMENT_ID);
    // Its clock may be a minute ahead of the one by which it was started: at 100 it may be 40 seconds old.
    for (seconds, expected) in
        [(20, ProviderStatus::Pending), (100, ProviderStatus::Pending), (160, ProviderStatus::Failed)]
    {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        server
            .mock("GET", format!("/ecr/v1/sessions/{PAYMENT_ID}").as_str())
            .with_body(r#"{"success":false,"eventId":1020,"amount":270}"#)
            .create_async()
            .await;
        let now = known.started_at + TimeDelta::seconds(seconds);
        let viva = viva_at(&server, viva_terminal(), Arc::new(Ticking(Mutex::new(now))));
        let news = viva.get(&known).await.unwrap();
        assert_eq!(news.status, expected, "after {seconds} s");
        let reason = news.reason.unwrap();
        assert_eq!(
            (reason.code.as_deref(), reason.text.as_str()),
            (Some("1020"), "not enough money on the account")
        );
    }
}

#[tokio::test]
async fn a_viva_session_that_says_for_good_that_it_is_at_work_is_over_after_four_minutes() {
    let known = known_payment(PAYMENT_ID);
    let cases = [
        (20, ProviderStatus::Pending, None),
        (230, ProviderStatus::Pending, None),
        (250, ProviderStatus::Failed, Some("1100")),
    ];
    for (seconds, expected, code) in cases {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
        server.mock("DELETE", session.clone()).create_async().await;
        server
            .mock("GET", session)
            .with_body(r#"{"success":false,"eventId":1100,"amount":270,"abortSuccess":false}"#)
            .create_async()
            .await;
        let nothing = Matcher::Regex(r"^/api/transactions\?date=".to_owned());
        server.mock("GET", nothing).with_body(r#"{"Transactions":[]}"#).create_async().await;
        let now = known.started_at + TimeDelta::seconds(seconds);
        let viva = viva_at(&server, viva_terminal(), Arc::new(Ticking(Mutex::new(now))));
        for news in [viva.get(&known).await.unwrap(), viva.cancel(&known).await.unwrap()] {
            assert_eq!(news.status, expected, "after {seconds} s");
            assert_eq!(news.reason.and_then(|reason| reason.code).as_deref(), code, "after {seconds} s");
        }
    }
}

#[tokio::test]
async fn an_aborted_viva_session_that_never_reached_its_terminal_is_over_after_four_minutes() {
    let known = known_payment(PAYMENT_ID);
    for status in [202, 404] {
        for (seconds, expected) in [(190, false), (230, false), (250, true)] {
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
async fn a_viva_call_only_says_which_payment_to_ask_about() {
    let server = Server::new_async().await;
    let now = DateTime::UNIX_EPOCH;
    let call = Bytes::from_static(
        br#"{"EventTypeId":1796,"EventData":{"OrderCode":7,"StatusId":"F","Amount":2.7,"SessionId":"s"}}"#,
    );
    for mode in [viva_checkout(), viva_terminal()] {
        let named = viva(&server, mode).read_notice(&HeaderMap::new(), &call, now).unwrap();
        assert_eq!(named, ["s", "7"]);
    }
}

#[tokio::test]
async fn a_viva_call_about_a_reversal_names_the_transaction_that_was_reversed() {
    let server = Server::new_async().await;
    let call = Bytes::from_static(
        br#"{"EventTypeId":1797,"EventData":{"OrderCode":8,"TransactionId":"back","ParentId":"paid","Amount":-2.7}}"#,
    );
    let named = viva(&server, viva_terminal()).read_notice(&HeaderMap::new(), &call, DateTime::UNIX_EPOCH);
    assert_eq!(named.unwrap(), ["8", "paid"]);
}

#[tokio::test]
async fn viva_hands_out_the_webhook_key() {
    let mut server = Server::new_async().await;
    server.mock("GET", "/api/messages/config/token").with_body(r#"{"Key":"CB0567"}"#).create_async().await;
    assert_eq!(viva(&server, viva_checkout()).webhook_key().await.unwrap(), "CB0567");
}

/// A Viva terminal whose sale was accepted, at a host.
async fn host_with_sale(server: &mut ServerGuard) -> Host {
    server
        .mock("POST", "/connect/token")
        .with_body(r#"{"access_token":"t","expires_in":3600}"#)
        .create_async()
        .await;
    server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
    let provider = Arc::new(viva(server, viva_terminal()));
    Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))))
}

#[tokio::test]
async fn a_pin_after_a_declined_contactless_card_is_still_confirmed() {
    let mut server = Server::new_async().await;
    let host = host_with_sale(&mut server).await;
    let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
    let declined = server
        .mock("GET", session.clone())
        .with_body(r#"{"success":false,"eventId":1301,"amount":6000,"abortOperation":false}"#)
        .create_async()
        .await;
    let till = till(1);
    let payment = till.start_payment(Decimal::new(6000, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    let meanwhile = payment.poll(&host.orchestrator).await.unwrap();
    assert!(!meanwhile.finished());
    assert!(String::from_utf8_lossy(&meanwhile.body).contains("the card has to be inserted"));
    declined.remove_async().await;
    server
        .mock("GET", session)
        .with_body(
            r#"{"success":true,"eventId":0,"amount":6000,"transactionId":"t","terminalId":"16000010"}"#,
        )
        .create_async()
        .await;
    // Booked under another order; only our own reference tells which payment it is.
    let call = json!({ "EventTypeId": 1796, "EventData": { "OrderCode": 4_304_117_763_008_507_u64, "StatusId": "F", "MerchantTrns": payment.id } });
    let account = mplus_webhooks::payment::ProviderAccount::new("viva", "default");
    let payments = host.orchestrator.payments().unwrap();
    let settled =
        payments.receive_notice(&account, &HeaderMap::new(), &call.to_string().into()).await.unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
}

#[tokio::test]
async fn a_cancel_during_the_pin_waits_for_what_becomes_of_it() {
    for abort in [202, 409] {
        let mut server = Server::new_async().await;
        let host = host_with_sale(&mut server).await;
        let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
        server.mock("DELETE", session.clone()).with_status(abort).create_async().await;
        let declined = server
            .mock("GET", session.clone())
            .with_body(r#"{"success":false,"eventId":1006,"amount":270}"#)
            .create_async()
            .await;
        let till = till(1);
        let payment = till.start_payment(Decimal::new(270, 2));
        payment.start(&host.orchestrator).await.unwrap();
        let asked = payment.request_cancel(&host.orchestrator).await.unwrap();
        assert!(!asked.finished(), "HTTP {abort}");
        declined.remove_async().await;
        server
            .mock("GET", session)
            .with_body(r#"{"success":true,"eventId":0,"amount":270}"#)
            .create_async()
            .await;
        host.refresh(&payment.id).await;
        assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true), "HTTP {abort}");
    }
}

#[tokio::test]
async fn a_busy_terminal_is_told_apart_from_the_same_session() {
    let cases =
        [(Some("1202"), 404, true), (None, 202, true), (None, 404, false), (Some("1400"), 404, false)];
    for (event, session, ours) in cases {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        let mut sale = server.mock("POST", "/ecr/v1/transactions:sale").with_status(409);
        if let Some(event) = event {
            sale = sale.with_header("x-viva-eventid", event);
        }
        sale.create_async().await;
        let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
        server.mock("GET", path.as_str()).with_status(session).with_body("{}").create_async().await;
        let viva = viva(&server, viva_terminal());
        for attempt in [1, 2] {
            let mut payment = new_payment();
            payment.attempt = attempt;
            match viva.create(&payment).await {
                Ok(news) => {
                    assert!(ours && news.reference.as_deref() == Some(PAYMENT_ID), "{event:?} {session}")
                }
                Err(error) => {
                    assert!(!ours && error.to_string().contains("busy"), "{event:?} {session}: {error}");
                    // The first attempt, whose answer was lost, may be what it is busy with.
                    let is_final = matches!(error, ProviderError::Refused { .. });
                    assert_eq!(is_final, attempt == 1, "{event:?} {session}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_sale_without_an_answer_is_looked_up_and_never_sent_for_a_till_that_gave_up() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    let away = server.mock("POST", "/ecr/v1/transactions:sale").with_status(503).create_async().await;
    let session = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
    server.mock("GET", session).with_status(404).with_body("{}").create_async().await;
    let provider = Arc::new(viva(&server, viva_terminal()));
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))));
    let till = till(1);
    let payment = till.start_payment(Decimal::new(2500, 2));
    payment.start(&host.orchestrator).await.unwrap();
    payment.cancel(&host.orchestrator).await.unwrap();
    away.remove_async().await;
    let shown = server.mock("POST", "/ecr/v1/transactions:sale").expect(0).create_async().await;
    for _ in 0..3 {
        host.refresh(&payment.id).await;
    }
    shown.assert_async().await;
}

#[tokio::test]
async fn money_of_a_terminal_payment_is_given_back_by_one_session_of_its_own() {
    let mut server = Server::new_async().await;
    let host = host_with_sale(&mut server).await;
    let till = till(1);
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    let paid = server
        .mock("GET", format!("/ecr/v1/sessions/{}", payment.id).as_str())
        .with_body(r#"{"success":true,"eventId":0,"amount":270,"transactionId":"t"}"#)
        .create_async()
        .await;
    host.refresh(&payment.id).await;
    paid.assert_async().await;
    let refund = server
        .mock("POST", "/ecr/v1/transactions:refund")
        .match_body(Matcher::PartialJson(
            json!({ "parentSessionId": payment.id, "amount": 100, "currencyCode": "978" }),
        ))
        .expect(1)
        .create_async()
        .await;
    let payments = host.orchestrator.payments().unwrap();
    let key = mplus_webhooks::payment::PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let asked = payments.refund(&key, "r-1", Some(Decimal::ONE)).await.unwrap();
    assert_eq!(asked.state, RefundState::Pending);
    refund.assert_async().await;
    let session = asked.reference.unwrap();
    assert_ne!(session, payment.id);
    server
        .mock("GET", format!("/ecr/v1/sessions/{session}").as_str())
        .with_body(r#"{"success":true,"eventId":0,"amount":100}"#)
        .create_async()
        .await;
    assert_eq!(payments.refund(&key, "r-1", None).await.unwrap().state, RefundState::Succeeded);
    refund.assert_async().await;
}

#[tokio::test]
async fn an_amount_below_zero_is_an_unreferenced_refund_on_the_terminal() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    let refund = server
        .mock("POST", "/ecr/v1/transactions:unreferenced-refund")
        .match_body(Matcher::PartialJson(json!({ "sessionId": PAYMENT_ID, "amount": 500 })))
        .create_async()
        .await;
    let payment =
        mplus_webhooks::testkit::conformance::sample_payment("merchant-1", PAYMENT_ID, Decimal::new(-500, 2));
    let news = viva(&server, viva_terminal()).create(&payment).await.unwrap();
    refund.assert_async().await;
    assert_eq!(news.status, ProviderStatus::Pending);
    let refused = viva(&server, viva_checkout()).create(&payment).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_platform_uses_its_own_addresses_and_takes_its_fee() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    let isv = |cents| VivaIsv {
        merchant_id: "merchant-at-viva".to_owned(),
        fee: Decimal::new(cents, 2),
        source_code: None,
        merchant_source_code: None,
    };
    let sale = server
        .mock("POST", "/ecr/isv/v1/transactions:sale")
        .match_body(Matcher::PartialJson(
            json!({ "isvDetails": { "amount": 10, "terminalMerchantId": "merchant-at-viva" } }),
        ))
        .create_async()
        .await;
    let session = server
        .mock("GET", format!("/ecr/isv/v1/sessions/{PAYMENT_ID}").as_str())
        .with_status(202)
        .create_async()
        .await;
    let platform = viva(&server, viva_terminal()).with_isv(isv(10));
    platform.create(&new_payment()).await.unwrap();
    platform.get(&known_payment(PAYMENT_ID)).await.unwrap();
    sale.assert_async().await;
    session.assert_async().await;
    for fee in [0, 270, 300] {
        let refused = viva(&server, viva_terminal()).with_isv(isv(fee)).create(&new_payment()).await;
        assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
    }
    server.mock("GET", "/isv/v1/webhooks/token").with_body(r#"{"key":"K9"}"#).create_async().await;
    let verification = platform.verification().await.unwrap().unwrap();
    assert_eq!(verification, r#"{"key":"K9"}"#);
}

#[tokio::test]
async fn a_check_says_whether_the_credentials_are_accepted_and_the_terminal_is_live() {
    for (devices, ready) in [
        (r#"[{"terminalId":"16000010","statusId":1}]"#, Some(true)),
        (r#"[{"terminalId":16000010,"statusId":7}]"#, Some(false)),
        (r#"[{"terminalId":"16000099","statusId":1}]"#, Some(false)),
    ] {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        server.mock("POST", "/ecr/v1/devices:search").with_body(devices).create_async().await;
        let check = viva(&server, viva_terminal()).check().await.unwrap();
        assert_eq!((check.accepted, check.terminal_ready), (Some(true), ready), "{devices}");
        assert_eq!(check.remarks.is_empty(), ready == Some(true));
    }
    let mut server = Server::new_async().await;
    let refused = r#"{"error":"invalid_client"}"#;
    server.mock("POST", "/connect/token").with_status(400).with_body(refused).create_async().await;
    let check = viva(&server, viva_terminal()).check().await;
    assert!(matches!(check, Err(ProviderError::Refused { .. })), "{check:?}");
}

#[tokio::test]
async fn however_many_ask_for_the_webhook_key_viva_is_asked_once() {
    for (status, body) in [(200, r#"{"Key":"K"}"#), (503, "")] {
        let mut server = Server::new_async().await;
        let asked = server
            .mock("GET", "/api/messages/config/token")
            .with_status(status)
            .with_body(body)
            .expect(1)
            .create_async()
            .await;
        let viva = viva(&server, viva_terminal());
        let answers = futures_util::future::join_all((0..20).map(|_| viva.verification())).await;
        assert!(answers.iter().all(|answer| answer.is_ok() == (status == 200)), "{answers:?}");
        asked.assert_async().await;
    }
}
