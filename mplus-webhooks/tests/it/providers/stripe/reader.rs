//! Readers: what they show, what they tell, and what they are asked again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mplus_webhooks::payment::{Creation, OwnPayment, PaymentKey, PaymentState};
use mplus_webhooks::{FixedSubscriptions, Orchestrator, TokioRuntime};

use super::super::{given_up_meanwhile, held};
use super::*;
use crate::inbox::watched::Watched;
use crate::support::merchant;

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
async fn a_reader_is_cleared_only_when_it_shows_this_payment() {
    for (shown, cleared) in [("pi_1", true), ("pi_of_another_till", false)] {
        let mut server = Server::new_async().await;
        reader(&mut server, shows(shown, "in_progress", None)).await;
        let clear = server
            .mock("POST", "/v1/terminal/readers/tmr_1/cancel_action")
            .with_body("{}")
            .expect(usize::from(cleared))
            .create_async()
            .await;
        server
            .mock("POST", "/v1/payment_intents/pi_1/cancel")
            .with_body(intent("canceled", json!({})))
            .create_async()
            .await;
        let news = stripe(&server, terminal()).cancel(&known_payment("pi_1")).await.unwrap();
        assert_eq!(news.status, ProviderStatus::Cancelled);
        clear.assert_async().await;
    }
}

#[tokio::test]
async fn the_reader_tells_why_a_payment_waits_or_failed_and_only_of_this_payment() {
    let whole = json!({
        "type": "process_payment_intent", "status": "failed", "failure_code": "card_declined",
        "process_payment_intent": { "payment_intent": { "id": "pi_1", "status": "requires_payment_method" } }
    });
    let cases = [
        (shows("pi_1", "in_progress", None), ProviderStatus::Pending, None),
        (
            shows("pi_1", "failed", Some("customer_canceled")),
            ProviderStatus::Declined,
            Some("customer_canceled"),
        ),
        (whole, ProviderStatus::Declined, Some("card_declined")),
        (shows("pi_2", "failed", Some("card_declined")), ProviderStatus::Declined, None),
        (json!(null), ProviderStatus::Declined, None),
    ];
    for (action, expected, code) in cases {
        let mut server = Server::new_async().await;
        server
            .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
            .with_body(intent("requires_payment_method", json!({ "last_payment_error": null })))
            .create_async()
            .await;
        reader(&mut server, action.clone()).await;
        let news = stripe(&server, terminal()).get(&known_payment("pi_1")).await.unwrap();
        assert_eq!(news.status, expected, "{action}");
        assert_eq!(news.reason.and_then(|reason| reason.code).as_deref(), code, "{action}");
    }
}

#[tokio::test]
async fn a_reader_that_timed_out_is_told_again_under_a_new_key() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("requires_payment_method", json!({})))
        .create_async()
        .await;
    reader(&mut server, json!(null)).await;
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let process = server
        .mock("POST", "/v1/terminal/readers/tmr_1/process_payment_intent")
        .with_status(400)
        .with_body_from_request({
            let keys = keys.clone();
            move |request| {
                keys.lock().unwrap().push(request.header("idempotency-key")[0].to_str().unwrap().to_owned());
                r#"{"error":{"code":"terminal_reader_timeout","message":"The reader timed out."}}"#.into()
            }
        })
        .expect(3)
        .create_async()
        .await;
    let withdraw = server
        .mock("POST", "/v1/payment_intents/pi_1/cancel")
        .with_body(intent("canceled", json!({})))
        .create_async()
        .await;
    let refused = stripe(&server, terminal()).create(&new_payment()).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Refused { .. }), "{refused}");
    process.assert_async().await;
    withdraw.assert_async().await;
    let mut keys = keys.lock().unwrap().clone();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "each attempt has a key of its own");
}

#[tokio::test]
async fn a_reader_shows_nothing_that_was_given_up_while_the_payment_was_being_created() {
    const INTENT: &str = r#"{"id":"pi_1","object":"payment_intent","amount":270,"amount_received":0,"status":"requires_payment_method"}"#;
    const TIMED_OUT: &str =
        r#"{"error":{"code":"terminal_reader_timeout","message":"The reader timed out."}}"#;
    // The intent takes its time; or the reader, which would be told again.
    for slow_reader in [false, true] {
        let mut server = Server::new_async().await;
        let (answer, held) = held(if slow_reader { TIMED_OUT } else { INTENT });
        let intents = server.mock("POST", "/v1/payment_intents");
        let process = server.mock("POST", "/v1/terminal/readers/tmr_1/process_payment_intent");
        let (intents, process) = match slow_reader {
            true => {
                (intents.with_body(INTENT), process.with_status(400).with_body_from_request(answer).expect(1))
            }
            false => (intents.with_body_from_request(answer), process.expect(0)),
        };
        let (_intents, process) = (intents.create_async().await, process.create_async().await);
        reader(&mut server, json!(null)).await;
        let withdraw = server
            .mock("POST", "/v1/payment_intents/pi_1/cancel")
            .with_body(intent("canceled", json!({})))
            .expect(1)
            .create_async()
            .await;
        let ended = given_up_meanwhile(Arc::new(stripe(&server, terminal())), held).await;
        assert_eq!(ended.state, PaymentState::Cancelled, "slow reader: {slow_reader}");
        process.assert_async().await;
        withdraw.assert_async().await;
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_fails_no_payment() {
    // A store that fails once or twice is asked again; after more the payment is made anew, and the guest pays that one.
    for (failures, shown) in [(2, "pi_1"), (3, "pi_2")] {
        let mut server = Server::new_async().await;
        let store = Arc::new(Watched::default());
        let key = PaymentKey::new(merchant(), PAYMENT_ID);
        let cancelled = Arc::new(AtomicBool::new(false));
        let pi_1 =
            json!({ "metadata": { "externalPaymentId": PAYMENT_ID, "merchant": key.merchant.as_str() } });
        let pi_1 = intent("canceled", pi_1);
        let (listed, is_cancelled) = (format!(r#"{{"data":[{pi_1}]}}"#), cancelled.clone());
        server
            .mock("GET", Matcher::Regex(r"^/v1/payment_intents\?created".to_owned()))
            .with_body_from_request(move |_| match is_cancelled.load(Ordering::SeqCst) {
                true => listed.clone().into(),
                false => r#"{"data":[]}"#.into(),
            })
            .create_async()
            .await;
        server
            .mock("POST", "/v1/payment_intents/pi_1/cancel")
            .with_body_from_request(move |_| {
                cancelled.store(true, Ordering::SeqCst);
                pi_1.clone().into()
            })
            .create_async()
            .await;
        reader(&mut server, json!(null)).await;
        let process = server
            .mock("POST", "/v1/terminal/readers/tmr_1/process_payment_intent")
            .match_body(Matcher::UrlEncoded("payment_intent".to_owned(), shown.to_owned()))
            .with_body("{}")
            .expect(1)
            .create_async()
            .await;
        // Turned away first, until everything has been told and only the creation reads the payment.
        let intents = "/v1/payment_intents";
        let busy = server.mock("POST", intents).with_status(429).with_body("{}").create_async().await;
        let provider = Arc::new(OneProvider(Arc::new(stripe(&server, terminal()))));
        let resolver = Arc::new(FixedSubscriptions::new([]));
        let host = Orchestrator::builder(resolver, store.clone(), Arc::new(TokioRuntime));
        let host = host.payments(provider).build();
        let payments = host.payments().unwrap();
        let own = OwnPayment::new(key.clone(), Decimal::new(270, 2), "K_WEBHOOK");
        payments.start_own(&own).await.unwrap();
        while !payments.payment(&key).await.unwrap().unwrap().notices.is_empty() {
            tokio::task::yield_now().await;
        }
        busy.remove_async().await;
        let made = AtomicUsize::new(0);
        server
            .mock("POST", intents)
            .with_body_from_request(move |_| {
                let number = made.fetch_add(1, Ordering::SeqCst) + 1;
                if number == 1 {
                    store.reading_payments_fails.store(failures, Ordering::SeqCst);
                }
                intent("requires_payment_method", json!({ "id": format!("pi_{number}") })).into()
            })
            .create_async()
            .await;
        let mut payment = payments.refresh(&key).await.unwrap().unwrap();
        if failures == 3 {
            assert_eq!((payment.state, payment.creation), (PaymentState::Pending, Creation::Absent));
            payment = payments.refresh(&key).await.unwrap().unwrap();
        }
        let reference = payment.provider_reference.as_deref();
        assert_eq!((payment.state, reference), (PaymentState::Pending, Some(shown)));
        process.assert_async().await;
    }
}
