//! Money that is given back: once, told only when it is proven, and followed when the bank sends it back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::*;
use mplus_webhooks::provider::{Stripe, StripeMode, Viva, VivaMode};
use mplus_webhooks::{Runtime, Task, TokioRuntime};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::viva::viva_at;
use super::{client, signed};
use crate::support::{Host, merchant};

/// The real clock, and as much ahead of it as the test says.
#[derive(Debug, Default)]
pub(in crate::providers) struct Ahead(Mutex<TimeDelta>);

impl Ahead {
    pub(in crate::providers) fn by(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

#[async_trait::async_trait]
impl Runtime for Ahead {
    fn now(&self) -> DateTime<Utc> {
        TokioRuntime.now() + *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        TokioRuntime.sleep(duration).await;
    }

    fn spawn(&self, task: Task) {
        TokioRuntime.spawn(task);
    }
}

/// A host, a payment of 5 euros that was paid, and the clock.
async fn paid(provider: Arc<dyn PaymentProvider>, clock: &Arc<Ahead>) -> (Host, PaymentKey) {
    let host = Host::assemble_on(clock.clone(), |builder| builder.payments(Arc::new(OneProvider(provider))));
    let key = PaymentKey::new(merchant(), "67d8b45a-37bd-4885-b41a-ffb285720654");
    let own = OwnPayment::new(key.clone(), Decimal::from(5), "K_WEBHOOK");
    let payments = host.orchestrator.payments().unwrap();
    payments.start_own(&own).await.unwrap();
    let paid = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(paid.state, PaymentState::Confirmed);
    (host, key)
}

/// A checkout session of Stripe's that was paid.
async fn stripe(server: &mut ServerGuard) -> Arc<Stripe> {
    let session = |status: &str, intent: Value| {
        json!({ "id": "cs_1", "status": status, "payment_status": "paid", "amount_total": 500, "payment_intent": intent }).to_string()
    };
    let open = session("open", Value::Null);
    server.mock("POST", "/v1/checkout/sessions").with_body(open).create_async().await;
    let intent = json!({ "id": "pi_1", "status": "succeeded", "amount_received": 500 });
    server
        .mock("GET", Matcher::Regex("^/v1/checkout/sessions/cs_1".to_owned()))
        .with_body(session("complete", intent))
        .create_async()
        .await;
    let mode = StripeMode::Checkout {
        success_url: "https://example.com/paid".to_owned(),
        cancel_url: "https://example.com/not-paid".to_owned(),
    };
    let stripe = Stripe::new(client(), "sk_test".into(), "whsec_test".into(), mode);
    Arc::new(stripe.with_base_url(&server.url()))
}

#[tokio::test]
async fn a_refund_that_the_bank_sends_back_is_told_and_can_be_given_again() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let provider = stripe(&mut server).await;
    let (host, key) = paid(provider, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let given = server
        .mock("POST", "/v1/refunds")
        .match_body(Matcher::UrlEncoded("payment_intent".to_owned(), "pi_1".to_owned()))
        .with_body(r#"{"id":"re_1","status":"succeeded"}"#)
        .expect(1)
        .create_async()
        .await;
    let refund = payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
    assert_eq!(refund.state, RefundState::Succeeded);
    server
        .mock("GET", "/v1/refunds/re_1")
        .with_body(r#"{"id":"re_1","status":"failed","failure_reason":"expired_or_canceled_card"}"#)
        .create_async()
        .await;
    clock.by(3 * 24 * 60 * 60);
    // The event names the intent, although the payment is stored under its session.
    let event =
        json!({ "type": "refund.failed", "data": { "object": { "id": "re_1", "payment_intent": "pi_1" } } });
    let body = event.to_string();
    let headers = signed(&body, clock.now().timestamp(), "whsec_test");
    let account = ProviderAccount::new("stripe", "default");
    let heard = payments.receive_notice(&account, &headers, &Bytes::from(body)).await.unwrap();
    assert_eq!(heard.len(), 1);
    let stored = payments.payment(&key).await.unwrap().unwrap();
    assert_eq!((stored.refunds[0].state, stored.refundable()), (RefundState::Failed, Decimal::from(5)));
    assert_eq!(stored.state, PaymentState::Confirmed);
    given.assert_async().await;
}

#[tokio::test]
async fn a_refund_without_an_answer_is_asked_for_under_the_same_key_and_one_that_failed_for_good_under_another()
 {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let provider = stripe(&mut server).await;
    let (host, key) = paid(provider, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    server
        .mock("GET", Matcher::Regex(r"^/v1/refunds\?payment_intent=pi_1".to_owned()))
        .with_body(r#"{"data":[],"has_more":false}"#)
        .create_async()
        .await;
    let mut keys: Vec<String> = Vec::new();
    // Without an answer; a failure that Stripe keeps; given.
    for (status, body) in [(502, "{}"), (500, "{}"), (200, r#"{"id":"re_1","status":"succeeded"}"#)] {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let post = server
            .mock("POST", "/v1/refunds")
            .with_status(status)
            .with_body_from_request({
                let sent = sent.clone();
                move |request| {
                    sent.lock()
                        .unwrap()
                        .push(request.header("idempotency-key")[0].to_str().unwrap().to_owned());
                    body.into()
                }
            })
            .create_async()
            .await;
        // However often the host asks within two minutes, it is sent once.
        for _ in 0..3 {
            payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
        }
        let sent = sent.lock().unwrap().clone();
        assert_eq!(sent.len(), 1, "HTTP {status}");
        keys.extend(sent);
        post.remove_async().await;
        clock.by(121);
    }
    assert_eq!(keys[0], keys[1], "Stripe may have carried the first one out");
    assert_ne!(keys[1], keys[2], "the same key would give the same failure");
    let stored = payments.payment(&key).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
}

fn viva(server: &ServerGuard, clock: &Arc<Ahead>, mode: VivaMode) -> Arc<Viva> {
    Arc::new(viva_at(server, mode, clock.clone()))
}

async fn token(server: &mut ServerGuard) {
    let token = r#"{"access_token":"t","expires_in":3600}"#;
    server.mock("POST", "/connect/token").with_body(token).create_async().await;
}

#[tokio::test]
async fn a_refund_whose_terminal_is_switched_off_fails_and_can_be_given_again() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    token(&mut server).await;
    server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
    let session = "/ecr/v1/sessions/67d8b45a-37bd-4885-b41a-ffb285720654";
    server
        .mock("GET", session)
        .with_body(r#"{"success":true,"eventId":0,"amount":500}"#)
        .create_async()
        .await;
    let mode = VivaMode::Terminal { terminal_id: "1".to_owned(), cash_register_id: "till".to_owned() };
    let provider = viva(&server, &clock, mode);
    let (host, key) = paid(provider, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    server.mock("POST", "/ecr/v1/transactions:refund").create_async().await;
    let asked = payments.refund(&key, "r-1", None).await.unwrap();
    assert_eq!(asked.state, RefundState::Pending);
    let path = format!("/ecr/v1/sessions/{}", asked.reference.unwrap());
    server.mock("GET", path.as_str()).with_status(202).create_async().await;
    let abort = server
        .mock("DELETE", format!("{path}?cashRegisterId=till").as_str())
        .with_status(409)
        .expect(1)
        .create_async()
        .await;
    clock.by(60);
    assert_eq!(payments.refund(&key, "r-1", None).await.unwrap().state, RefundState::Pending);
    clock.by(200);
    let failed = payments.refund(&key, "r-1", None).await.unwrap();
    assert_eq!(failed.state, RefundState::Failed);
    assert!(failed.reason.unwrap().text.contains("terminal"));
    abort.assert_async().await;
    assert_eq!(payments.payment(&key).await.unwrap().unwrap().refundable(), Decimal::from(5));
}

/// A paid order of Viva's checkout.
async fn paid_order(server: &mut ServerGuard, clock: &Arc<Ahead>) -> (Host, PaymentKey) {
    token(server).await;
    server.mock("POST", "/checkout/v2/orders").with_body(r#"{"orderCode":7}"#).create_async().await;
    server.mock("GET", "/api/orders/7").with_body(r#"{"StateId":3}"#).create_async().await;
    server
        .mock("GET", "/api/transactions?ordercode=7")
        .with_body(r#"{"Transactions":[{"StatusId":"F","Amount":5.00,"TransactionId":"sale"}]}"#)
        .create_async()
        .await;
    let provider = viva(server, clock, VivaMode::Checkout { source_code: "1234".to_owned() });
    paid(provider, clock).await
}

#[tokio::test]
async fn only_a_finished_refund_counts_and_an_answer_that_says_nothing_proves_nothing() {
    for answer in ["{}", r#"{"Success":null}"#] {
        let mut server = Server::new_async().await;
        let clock = Arc::new(Ahead::default());
        let (host, key) = paid_order(&mut server, &clock).await;
        let payments = host.orchestrator.payments().unwrap();
        let path = Matcher::Regex(r"^/api/transactions/sale\?amount=200".to_owned());
        let delete = server.mock("DELETE", path).with_body(answer).expect(1).create_async().await;
        let listed = |status: &str| {
            json!({ "Transactions": [{ "StatusId": status, "Amount": -2.00, "TransactionId": "back", "ParentId": "sale" }] }).to_string()
        };
        let asked = payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
        assert_eq!(asked.state, RefundState::Pending, "{answer}");
        for (status, expected) in
            [("E", RefundState::Pending), ("X", RefundState::Pending), ("F", RefundState::Succeeded)]
        {
            let list = server
                .mock("GET", Matcher::Regex(r"^/api/transactions\?date=".to_owned()))
                .with_body(listed(status))
                .create_async()
                .await;
            clock.by(120);
            let refund = payments.refund(&key, "r-1", None).await.unwrap();
            assert_eq!(refund.state, expected, "{answer} {status}");
            list.remove_async().await;
        }
        delete.assert_async().await;
    }
}

#[tokio::test]
async fn a_refund_without_an_answer_is_looked_for_on_the_days_beside_before_it_is_sent_again() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid_order(&mut server, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let path = Matcher::Regex(r"^/api/transactions/sale\?amount=200".to_owned());
    let delete = server.mock("DELETE", path).with_status(504).expect(1).create_async().await;
    let tomorrow = clock.now().date_naive().succ_opt().unwrap();
    server
        .mock("GET", Matcher::Regex(r"^/api/transactions\?date=".to_owned()))
        .with_body(r#"{"Transactions":[]}"#)
        .create_async()
        .await;
    // Not listed yet, and too young to be sent again.
    for _ in 0..3 {
        let asked = payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
        assert_eq!(asked.state, RefundState::Requested);
    }
    server
        .mock("GET", format!("/api/transactions?date={tomorrow}").as_str())
        .with_body(
            r#"{"Transactions":[{"StatusId":"F","Amount":-2.00,"TransactionId":"back","ParentId":"sale"}]}"#,
        )
        .create_async()
        .await;
    clock.by(61);
    let found = payments.refund(&key, "r-1", None).await.unwrap();
    assert_eq!((found.state, found.reference.as_deref()), (RefundState::Succeeded, Some("back")));
    delete.assert_async().await;
}

#[tokio::test]
async fn a_refund_without_an_answer_is_never_sent_again_beside_one_that_is_under_way_or_while_the_list_is_away()
 {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid_order(&mut server, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let path = Matcher::Regex(r"^/api/transactions/sale\?amount=200".to_owned());
    let delete = server.mock("DELETE", path).with_status(504).expect(1).create_async().await;
    let back = |status: &str| {
        json!({ "Transactions": [{ "StatusId": status, "Amount": -2.00, "TransactionId": "back", "ParentId": "sale" }] }).to_string()
    };
    let away = r#"{"Success":false,"ErrorCode":500,"Transactions":null}"#.to_owned();
    payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
    for (list, expected, reference) in [
        (away, RefundState::Requested, None),
        (back("A"), RefundState::Pending, Some("back")),
        (back("F"), RefundState::Succeeded, Some("back")),
    ] {
        clock.by(3600);
        let listed = answering(&mut server, r"^/api/transactions\?date=", 200, &list).await;
        let refund = payments.refund(&key, "r-1", None).await.unwrap();
        assert_eq!((refund.state, refund.reference.as_deref()), (expected, reference), "{list}");
        listed.remove_async().await;
    }
    delete.assert_async().await;
}

/// A refund on a terminal as Viva lists it.
fn listed_refund(id: &str, status: &str, name: Option<&str>) -> Value {
    json!({ "StatusId": status, "Amount": -2.00, "TransactionId": id, "ParentId": "sale", "MerchantTrns": name })
}

#[tokio::test]
async fn a_refund_whose_session_denies_it_has_failed_only_when_it_is_not_listed() {
    let cases = [
        (200, vec![], RefundState::Failed),
        (200, vec![listed_refund("a", "F", Some("refund r-1"))], RefundState::Succeeded),
        (200, vec![listed_refund("a", "A", Some("refund r-1"))], RefundState::Pending),
        (200, vec![listed_refund("a", "E", Some("refund r-1"))], RefundState::Failed),
        (200, vec![listed_refund("a", "F", Some("refund another"))], RefundState::Failed),
        // One of these was given before: the list does not tell which.
        (200, vec![listed_refund("a", "F", None)], RefundState::Failed),
        (200, vec![listed_refund("a", "F", None), listed_refund("b", "F", None)], RefundState::Succeeded),
        // The day before has no transactions, and is not found.
        (404, vec![listed_refund("a", "F", Some("refund r-1"))], RefundState::Succeeded),
        (404, vec![], RefundState::Failed),
        (503, vec![], RefundState::Pending),
        (401, vec![], RefundState::Failed),
    ];
    for (status, list, expected) in cases {
        let mut server = Server::new_async().await;
        let clock = Arc::new(Ahead::default());
        token(&mut server).await;
        server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
        let sale = r#"{"success":true,"eventId":0,"amount":500,"transactionId":"sale"}"#;
        answering(&mut server, "^/ecr/v1/sessions/67d8b45a", 200, sale).await;
        let mode = VivaMode::Terminal { terminal_id: "1".to_owned(), cash_register_id: "till".to_owned() };
        let (host, key) = paid(viva(&server, &clock, mode), &clock).await;
        let payments = host.orchestrator.payments().unwrap();
        server.mock("POST", "/ecr/v1/transactions:refund").create_async().await;
        let given = payments.refund(&key, "r-0", Some(Decimal::TWO)).await.unwrap();
        let path = format!("^/ecr/v1/sessions/{}", given.reference.unwrap());
        answering(&mut server, &path, 200, r#"{"success":true,"eventId":0,"amount":200}"#).await;
        let given = payments.refund(&key, "r-0", None).await.unwrap();
        assert_eq!(given.state, RefundState::Succeeded);

        let asked = payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
        let path = format!("^/ecr/v1/sessions/{}", asked.reference.unwrap());
        answering(&mut server, &path, 200, r#"{"success":false,"eventId":1003,"amount":200}"#).await;
        let body = json!({ "Transactions": list }).to_string();
        answering(&mut server, r"^/api/transactions\?date=", status, &body).await;
        if status == 404 && !list.is_empty() {
            let today = format!(r"^/api/transactions\?date={}", clock.now().date_naive());
            answering(&mut server, &today, 200, &body).await;
        }
        let told = payments.refund(&key, "r-1", None).await.unwrap();
        assert_eq!(told.state, expected, "HTTP {status}: {body}");
    }
}

#[tokio::test]
async fn strangers_who_call_vivas_address_do_not_reach_viva() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, _) = paid_order(&mut server, &clock).await;
    let key = server
        .mock("GET", "/api/messages/config/token")
        .with_body(r#"{"Key":"CB0567"}"#)
        .expect(2)
        .create_async()
        .await;
    let payments = host.orchestrator.payments().unwrap();
    let account = ProviderAccount::new("viva", "default");
    for minutes in [0, 1, 1, 1, 10] {
        clock.by(minutes * 60);
        let request = http::Request::get("/anywhere").body(Bytes::new()).unwrap();
        let answer = payments.answer_provider(&account, request).await;
        assert_eq!(answer.body(), r#"{"Key":"CB0567"}"#);
    }
    key.assert_async().await;
}

/// Answers for one call, until the next ones are made.
async fn answering(server: &mut ServerGuard, path: &str, status: usize, body: &str) -> mockito::Mock {
    let path = Matcher::Regex(path.to_owned());
    server.mock("GET", path).with_status(status).with_body(body).create_async().await
}

#[tokio::test]
async fn a_refund_that_is_under_way_does_not_fail_because_nobody_may_ask_about_it() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let begun = server
        .mock("POST", "/v1/refunds")
        .with_body(r#"{"id":"re_1","status":"pending"}"#)
        .expect(1)
        .create_async()
        .await;
    assert_eq!(payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap().state, RefundState::Pending);
    // The key was rolled, may not read refunds, belongs to another account.
    for status in [401, 403, 404] {
        clock.by(3600);
        let refused = answering(&mut server, "^/v1/refunds/re_1", status, "{}").await;
        let stored = payments.refresh(&key).await.unwrap().unwrap();
        assert_eq!(stored.refunds[0].state, RefundState::Pending, "HTTP {status}");
        assert_eq!(stored.refundable(), Decimal::from(3), "nothing may be given back twice");
        refused.remove_async().await;
    }
    clock.by(3600);
    answering(&mut server, "^/v1/refunds/re_1", 200, r#"{"id":"re_1","status":"succeeded"}"#).await;
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
    begun.assert_async().await;
}

#[tokio::test]
async fn a_refund_that_stays_under_way_for_a_week_is_told_once_and_asked_about_all_the_same() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let pending = r#"{"id":"re_1","status":"pending"}"#;
    server.mock("POST", "/v1/refunds").with_body(pending).create_async().await;
    let under_way = answering(&mut server, "^/v1/refunds/re_1", 200, pending).await;
    assert_eq!(payments.refund(&key, "r-1", None).await.unwrap().state, RefundState::Pending);
    let mut told = Vec::new();
    for days in [6, 2, 2] {
        clock.by(days * 24 * 3600);
        told.push(payments.refresh(&key).await.unwrap().unwrap().told);
    }
    assert_eq!([told[1] - told[0], told[2] - told[1]], [1, 0], "{told:?}");
    under_way.remove_async().await;
    answering(&mut server, "^/v1/refunds/re_1", 200, r#"{"id":"re_1","status":"succeeded"}"#).await;
    clock.by(3600);
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
    assert_eq!(stored.told, told[2] + 1);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_does_not_fail_because_the_list_is_refused() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let lost = server.mock("POST", "/v1/refunds").with_status(502).expect(1).create_async().await;
    assert_eq!(payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap().state, RefundState::Requested);
    clock.by(3600);
    let refused = answering(&mut server, r"^/v1/refunds\?", 403, "{}").await;
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!((stored.refunds[0].state, stored.refundable()), (RefundState::Requested, Decimal::from(3)));
    refused.remove_async().await;
    clock.by(3600);
    let found =
        r#"{"data":[{"id":"re_1","status":"succeeded","metadata":{"refundId":"r-1"}}],"has_more":false}"#;
    answering(&mut server, r"^/v1/refunds\?", 200, found).await;
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
    lost.assert_async().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_does_not_fail_because_it_is_refused_when_it_is_sent_again() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let lost = server.mock("POST", "/v1/refunds").with_status(502).expect(1).create_async().await;
    payments.refund(&key, "r-1", None).await.unwrap();
    lost.assert_async().await;
    lost.remove_async().await;
    clock.by(3600);
    // It was carried out, which the list does not show yet.
    let nothing = answering(&mut server, r"^/v1/refunds\?", 200, r#"{"data":[],"has_more":false}"#).await;
    let refused = server
        .mock("POST", "/v1/refunds")
        .with_status(400)
        .with_body(r#"{"error":{"code":"charge_already_refunded","message":"already given back"}}"#)
        .expect_at_least(1)
        .create_async()
        .await;
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    refused.assert_async().await;
    assert_eq!((stored.refunds[0].state, stored.refundable()), (RefundState::Requested, Decimal::ZERO));
    assert!(stored.refunds[0].reason.as_ref().unwrap().text.contains("already given back"));
    nothing.remove_async().await;
    clock.by(3600);
    let found =
        r#"{"data":[{"id":"re_1","status":"succeeded","metadata":{"refundId":"r-1"}}],"has_more":false}"#;
    answering(&mut server, r"^/v1/refunds\?", 200, found).await;
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
}

#[tokio::test]
async fn a_refund_that_was_never_taken_fails_when_it_is_refused() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    server.mock("POST", "/v1/refunds").with_status(400).with_body("{}").create_async().await;
    assert_eq!(payments.refund(&key, "r-1", None).await.unwrap().state, RefundState::Failed);
    assert_eq!(payments.payment(&key).await.unwrap().unwrap().refundable(), Decimal::from(5));
}

#[tokio::test]
async fn a_refund_that_is_refused_for_days_after_a_lost_answer_fails_and_is_still_found_when_stripe_calls() {
    let mut server = Server::new_async().await;
    let clock = Arc::new(Ahead::default());
    let (host, key) = paid(stripe(&mut server).await, &clock).await;
    let payments = host.orchestrator.payments().unwrap();
    let lost = server.mock("POST", "/v1/refunds").with_status(502).expect(1).create_async().await;
    payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
    lost.remove_async().await;
    let nothing = answering(&mut server, r"^/v1/refunds\?", 200, r#"{"data":[],"has_more":false}"#).await;
    let refused = r#"{"error":{"message":"not refundable"}}"#;
    server.mock("POST", "/v1/refunds").with_status(400).with_body(refused).create_async().await;
    for hours in [1, 24, 24] {
        clock.by(hours * 3600);
        let stored = payments.refresh(&key).await.unwrap().unwrap();
        assert_eq!(
            (stored.refunds[0].state, stored.refundable()),
            (RefundState::Requested, Decimal::from(3))
        );
    }
    clock.by(24 * 3600);
    let stored = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!((stored.refunds[0].state, stored.refundable()), (RefundState::Failed, Decimal::from(5)));
    assert!(stored.refunds[0].reason.as_ref().unwrap().text.contains("look at the provider"));
    nothing.remove_async().await;
    let found =
        r#"{"data":[{"id":"re_1","status":"succeeded","metadata":{"refundId":"r-1"}}],"has_more":false}"#;
    answering(&mut server, r"^/v1/refunds\?", 200, found).await;
    let event =
        json!({ "type": "refund.updated", "data": { "object": { "id": "re_1", "payment_intent": "pi_1" } } });
    let body = event.to_string();
    let headers = signed(&body, clock.now().timestamp(), "whsec_test");
    payments
        .receive_notice(&ProviderAccount::new("stripe", "default"), &headers, &body.into())
        .await
        .unwrap();
    let stored = payments.payment(&key).await.unwrap().unwrap();
    assert_eq!((stored.refunds[0].state, stored.refundable()), (RefundState::Succeeded, Decimal::from(3)));
}

#[tokio::test]
async fn what_viva_refuses_in_its_answer_has_failed_unless_an_earlier_answer_was_lost() {
    for lost in [true, false] {
        let mut server = Server::new_async().await;
        let clock = Arc::new(Ahead::default());
        let (host, key) = paid_order(&mut server, &clock).await;
        let payments = host.orchestrator.payments().unwrap();
        answering(&mut server, r"^/api/transactions\?date=", 200, r#"{"Transactions":[]}"#).await;
        let path = Matcher::Regex(r"^/api/transactions/sale\?amount=200".to_owned());
        if lost {
            let delete = server.mock("DELETE", path.clone()).with_status(504).expect(1).create_async().await;
            payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
            delete.assert_async().await;
            delete.remove_async().await;
            clock.by(3600);
        }
        let refused = r#"{"ErrorCode":403,"ErrorText":"already reversed","Success":false}"#;
        server.mock("DELETE", path).with_body(refused).create_async().await;
        let refund = payments.refund(&key, "r-1", Some(Decimal::TWO)).await.unwrap();
        let (state, left) = if lost { (RefundState::Requested, 3) } else { (RefundState::Failed, 5) };
        assert_eq!(refund.state, state);
        assert!(refund.reason.unwrap().text.contains("already reversed"));
        assert_eq!(payments.payment(&key).await.unwrap().unwrap().refundable(), Decimal::from(left));
    }
}
