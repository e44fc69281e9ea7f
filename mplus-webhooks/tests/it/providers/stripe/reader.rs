//! Readers: what they show, what they tell, and what they are asked again.

use mplus_webhooks::payment::PaymentState;

use super::super::{given_up_meanwhile, held};
use super::*;

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
