//! Several ways to pay on one account, and one reader for several tills.

use std::sync::Arc;

use mockito::{Matcher, Server, ServerGuard};
use mplus_webhooks::payment::*;
use mplus_webhooks::provider::{Stripe, StripeCapture, StripeMode, StripeRedirect};
use rust_decimal::Decimal;
use serde_json::json;

use super::{client, known_payment, new_payment};
use crate::support::{Host, merchant};

fn stripe(server: &ServerGuard, mode: StripeMode) -> Stripe {
    Stripe::new(client(), "sk_test".into(), "whsec_test".into(), mode).with_base_url(&server.url())
}

fn redirect() -> StripeMode {
    StripeMode::Redirect { method: StripeRedirect::Ideal, return_url: "https://example.com".to_owned() }
}

fn checkout() -> StripeMode {
    StripeMode::Checkout {
        success_url: "https://example.com/paid".to_owned(),
        cancel_url: "https://example.com/not-paid".to_owned(),
    }
}

fn page() -> StripeMode {
    StripeMode::Page { page: "https://example.com/pay".to_owned() }
}

#[tokio::test]
async fn two_ways_to_pay_on_one_account_are_confirmed_and_cancelled_each_by_its_own() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/checkout/sessions")
        .with_body(r#"{"id":"cs_1","status":"open","payment_status":"unpaid","url":"https://checkout.stripe.com/cs_1"}"#)
        .create_async()
        .await;
    let intent = |status: &str| json!({ "id": "pi_1", "status": status, "amount_received": 500 }).to_string();
    server.mock("POST", "/v1/payment_intents").with_body(intent("requires_action")).create_async().await;
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant()).for_method("K_IDEAL"), Arc::new(stripe(&server, redirect())))
        .assign(PaymentRule::of(&merchant()).for_method("K_WEB"), Arc::new(stripe(&server, checkout())));
    let host = Host::with(|builder| builder.payments(Arc::new(profiles)));
    let payments = host.orchestrator.payments().unwrap();
    let key = |id: &str| PaymentKey::new(merchant(), id);
    for (id, method) in [("a", "K_IDEAL"), ("b", "K_WEB"), ("c", "K_WEB")] {
        let own = OwnPayment::new(key(id), Decimal::from(5), method);
        assert_eq!(payments.start_own(&own).await.unwrap().state, PaymentState::Pending);
    }
    let expire = server
        .mock("POST", "/v1/checkout/sessions/cs_1/expire")
        .with_body(r#"{"id":"cs_1","status":"expired","payment_status":"unpaid"}"#)
        .expect(1)
        .create_async()
        .await;
    let cancelled = payments.cancel_own(&key("c")).await.unwrap().unwrap();
    assert_eq!(cancelled.state, PaymentState::Cancelled);
    expire.assert_async().await;
    server
        .mock("GET", Matcher::Regex("^/v1/checkout/sessions/cs_1".to_owned()))
        .with_body(r#"{"id":"cs_1","status":"complete","payment_status":"paid","amount_total":500}"#)
        .create_async()
        .await;
    server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("succeeded"))
        .create_async()
        .await;
    for id in ["a", "b"] {
        let paid = payments.refresh(&key(id)).await.unwrap().unwrap();
        assert_eq!(paid.state, PaymentState::Confirmed, "{id}");
    }
}

#[tokio::test]
async fn a_payment_is_judged_by_what_stripe_has_of_it_after_the_way_was_changed() {
    let mut server = Server::new_async().await;
    server
        .mock("GET", Matcher::Regex("^/v1/checkout/sessions/cs_1".to_owned()))
        .with_body(r#"{"id":"cs_1","status":"complete","payment_status":"paid","amount_total":270}"#)
        .create_async()
        .await;
    let declined = |way: &str| {
        json!({
            "id": "pi_1", "status": "requires_payment_method", "amount_received": 0,
            "last_payment_error": { "code": "card_declined" }, "metadata": { "way": way }
        })
        .to_string()
    };
    for mode in [redirect(), page(), checkout()] {
        let paid = stripe(&server, mode.clone()).get(&known_payment("cs_1")).await.unwrap();
        assert_eq!(paid.status, ProviderStatus::Captured(Decimal::new(270, 2)));
        // On a page the customer was promised another try.
        for (way, expected) in [("page", ProviderStatus::Pending), ("redirect", ProviderStatus::Declined)] {
            let read = server
                .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
                .with_body(declined(way))
                .create_async()
                .await;
            let news = stripe(&server, mode.clone()).get(&known_payment("pi_1")).await.unwrap();
            assert_eq!(news.status, expected, "begun by {way}, now {mode:?}");
            read.remove_async().await;
        }
    }
}

#[tokio::test]
async fn money_that_is_to_be_held_is_asked_of_cards_alone() {
    for (mode, path) in [(checkout(), "/v1/checkout/sessions"), (page(), "/v1/payment_intents")] {
        let mut server = Server::new_async().await;
        let bodies = Arc::new(std::sync::Mutex::new(String::new()));
        server
            .mock("POST", path)
            .with_body_from_request({
                let bodies = bodies.clone();
                move |request| {
                    *bodies.lock().unwrap() = request.utf8_lossy_body().unwrap().into_owned();
                    r#"{"id":"x_1","status":"open"}"#.into()
                }
            })
            .create_async()
            .await;
        let stripe = stripe(&server, mode).with_capture(StripeCapture::Manual);
        stripe.create(&new_payment()).await.unwrap();
        let body = bodies.lock().unwrap().clone();
        assert!(body.contains("card") && !body.contains("ideal") && !body.contains("bancontact"), "{body}");
    }
}

#[tokio::test]
async fn a_reader_that_waits_for_another_guest_is_busy_and_one_that_only_shows_an_old_payment_is_not() {
    let cases = [
        ("in_progress", "requires_payment_method", true),
        ("in_progress", "processing", true),
        // It fell out in the middle of a payment that was ended since.
        ("in_progress", "canceled", false),
        ("succeeded", "succeeded", false),
        ("failed", "requires_payment_method", false),
    ];
    for (action, other, busy) in cases {
        let mut server = Server::new_async().await;
        let intent =
            |id: &str, status: &str| json!({ "id": id, "status": status, "amount_received": 0 }).to_string();
        let ours = intent("pi_1", "requires_payment_method");
        server.mock("POST", "/v1/payment_intents").with_body(ours).create_async().await;
        server.mock("GET", "/v1/payment_intents/pi_2").with_body(intent("pi_2", other)).create_async().await;
        let shown = json!({
            "id": "tmr_1", "status": "online",
            "action": {
                "type": "process_payment_intent", "status": action,
                "process_payment_intent": { "payment_intent": "pi_2" }
            }
        });
        server.mock("GET", "/v1/terminal/readers/tmr_1").with_body(shown.to_string()).create_async().await;
        let process = server
            .mock("POST", "/v1/terminal/readers/tmr_1/process_payment_intent")
            .with_body("{}")
            .expect(usize::from(!busy))
            .create_async()
            .await;
        let clear =
            server.mock("POST", "/v1/terminal/readers/tmr_1/cancel_action").expect(0).create_async().await;
        let withdrawn = server
            .mock("POST", "/v1/payment_intents/pi_1/cancel")
            .with_body(intent("pi_1", "canceled"))
            .expect(usize::from(busy))
            .create_async()
            .await;
        let created =
            stripe(&server, StripeMode::Terminal { reader: "tmr_1".to_owned() }).create(&new_payment()).await;
        match created {
            Ok(news) => assert!(!busy && news.status == ProviderStatus::Pending, "{action} {other}"),
            Err(error) => assert!(busy && error.to_string().contains("busy with another payment"), "{error}"),
        }
        process.assert_async().await;
        clear.assert_async().await;
        withdrawn.assert_async().await;
    }
}
