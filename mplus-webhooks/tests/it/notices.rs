//! The provider's own webhook, from its call to the till's next poll.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, StatusCode};
use mockito::{Matcher, Server};
use mplus_webhooks::payment::{
    NoticeError, NoticeRefused, OneProvider, Payment, PaymentNotice, PaymentProfiles, PaymentProvider,
    PaymentRule, PaymentState, ProviderAccount, ProviderError, ProviderNews,
};
use mplus_webhooks::provider::{Stripe, StripeMode, Viva, VivaCredentials, VivaEndpoints, VivaMode};
use mplus_webhooks::testkit::{ManualProvider, Till};
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MerchantId, Orchestrator, ReqwestClient, Runtime as _,
    Subscription, SubscriptionSecret, TokioRuntime,
};
use rust_decimal::Decimal;
use serde_json::json;

use crate::providers::signed;
use crate::support::{Host, SUBSCRIPTION, merchant, secret, till};

fn host(provider: Arc<dyn PaymentProvider>) -> Host {
    Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))))
}

fn account(provider: &str) -> ProviderAccount {
    ProviderAccount::new(provider, "default")
}

fn client() -> Arc<ReqwestClient> {
    Arc::new(ReqwestClient::new(Duration::from_secs(5)).unwrap())
}

/// Stripe's signature holds the real time.
fn now() -> i64 {
    TokioRuntime.now().timestamp()
}

#[tokio::test]
async fn a_signed_call_of_stripe_confirms_the_payment_with_what_stripe_says_when_asked() {
    let mut server = Server::new_async().await;
    let intent = |status: &str, received: i64| {
        json!({ "id": "pi_1", "status": status, "amount": 270, "amount_received": received }).to_string()
    };
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("requires_payment_method", 0))
        .create_async()
        .await;
    let get = server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("succeeded", 265))
        .expect(1)
        .create_async()
        .await;
    let mode = StripeMode::Page { page: "https://example.com/pay".to_owned() };
    let stripe = Stripe::new(client(), "sk".into(), "whsec_test".into(), mode).with_base_url(&server.url());
    let (host, till) = (host(Arc::new(stripe)), till(1));
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();

    let payments = host.orchestrator.payments().unwrap();
    // The call claims another amount than Stripe has when asked.
    let body = json!({ "type": "payment_intent.succeeded", "data": { "object": { "id": "pi_1", "status": "succeeded", "amount_received": 999 } } })
        .to_string();
    let forged = signed(&body, now(), "whsec_other");
    let refused = payments.receive_notice(&account("stripe"), &forged, &body.clone().into()).await;
    assert!(matches!(refused, Err(NoticeError::Refused(_))), "{refused:?}");
    assert!(!payment.poll(&host.orchestrator).await.unwrap().finished());

    let genuine = signed(&body, now(), "whsec_test");
    let settled = payments.receive_notice(&account("stripe"), &genuine, &body.into()).await.unwrap();
    assert_eq!(settled.iter().map(|payment| payment.state).collect::<Vec<_>>(), [PaymentState::Confirmed]);
    get.assert_async().await;
    let polled = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((polled.confirmed, polled.final_amount), (Some(true), Some(Decimal::new(265, 2))));

    let other = json!({ "type": "customer.created", "data": { "object": { "id": "cus_1" } } }).to_string();
    let headers = signed(&other, now(), "whsec_test");
    assert!(payments.receive_notice(&account("stripe"), &headers, &other.into()).await.unwrap().is_empty());
    let unknown = payments.receive_notice(&account("paypal"), &HeaderMap::new(), &Bytes::new()).await;
    assert!(matches!(unknown, Err(NoticeError::UnknownAccount(_))), "{unknown:?}");
}

#[tokio::test]
async fn an_unsigned_call_of_viva_only_leads_to_a_question() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/connect/token")
        .with_body(r#"{"access_token":"t","expires_in":3600}"#)
        .create_async()
        .await;
    server.mock("POST", "/checkout/v2/orders").with_body(r#"{"orderCode":7}"#).create_async().await;
    let pending = server.mock("GET", "/api/orders/7").with_body(r#"{"StateId":0}"#).create_async().await;
    let credentials = VivaCredentials {
        client_id: "client".to_owned(),
        client_secret: "secret".into(),
        merchant_id: "merchant".to_owned(),
        api_key: "key".into(),
    };
    let endpoints = VivaEndpoints::of(&server.url(), &server.url(), &server.url());
    let mode = VivaMode::Checkout { source_code: "1234".to_owned() };
    let viva = Viva::new(client(), Arc::new(TokioRuntime), endpoints, credentials, mode);
    let (host, till) = (host(Arc::new(viva)), till(1));
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();

    let call = Bytes::from_static(
        br#"{"EventTypeId":1796,"EventData":{"OrderCode":7,"StatusId":"F","Amount":2.7}}"#,
    );
    let payments = host.orchestrator.payments().unwrap();
    payments.receive_notice(&account("viva"), &HeaderMap::new(), &call).await.unwrap();
    pending.assert_async().await;
    assert!(!payment.poll(&host.orchestrator).await.unwrap().finished(), "a claim was believed");

    pending.remove_async().await;
    server.mock("GET", "/api/orders/7").with_body(r#"{"StateId":3}"#).create_async().await;
    server
        .mock("GET", "/api/transactions?ordercode=7")
        .with_body(r#"{"Transactions":[{"StatusId":"F","Amount":2.70,"TransactionId":"t"}]}"#)
        .create_async()
        .await;
    payments.receive_notice(&account("viva"), &HeaderMap::new(), &call).await.unwrap();
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
}

#[tokio::test]
async fn a_call_for_one_account_leaves_the_payments_of_another_alone() {
    let other = SubscriptionSecret::from_bytes(b"another key").unwrap();
    let stranger = MerchantId::new("other");
    let provider = |account: &str| Arc::new(ManualProvider::new().with_account(account));
    let (ours, theirs) = (provider("ours"), provider("theirs"));
    let resolver = FixedSubscriptions::new([
        Subscription::new(SUBSCRIPTION, merchant(), secret()),
        Subscription::new(SUBSCRIPTION, stranger.clone(), other.clone()),
    ]);
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant()), ours.clone())
        .assign(PaymentRule::of(&stranger), theirs.clone());
    let store = Arc::new(MemoryStore::new());
    let orchestrator = Orchestrator::builder(Arc::new(resolver), store, Arc::new(TokioRuntime))
        .payments(Arc::new(profiles))
        .build();
    // Same seed, so both merchants' payments have the same id, and both accounts know them by the same reference.
    let (our_till, their_till) = (till(1), Till::in_process(SUBSCRIPTION, other, 1));
    let (our_payment, their_payment) =
        (our_till.start_payment(Decimal::ONE), their_till.start_payment(Decimal::ONE));
    assert_eq!(our_payment.id, their_payment.id);
    our_payment.start(&orchestrator).await.unwrap();
    their_payment.start(&orchestrator).await.unwrap();
    ours.confirm(&our_payment.id);
    theirs.confirm(&their_payment.id);
    let call = Bytes::from(format!("manual-{}", our_payment.id));
    let payments = orchestrator.payments().unwrap();
    let account = ProviderAccount::new("manual", "ours");
    let settled = payments.receive_notice(&account, &HeaderMap::new(), &call).await.unwrap();
    assert_eq!(settled.iter().map(|payment| payment.key.merchant.clone()).collect::<Vec<_>>(), [merchant()]);
    assert!(our_payment.poll(&orchestrator).await.unwrap().finished());
    assert!(!their_payment.poll(&orchestrator).await.unwrap().finished());
}

#[tokio::test]
async fn a_payment_that_is_captured_after_it_was_cancelled_is_reported_and_stays_cancelled() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let handlers = {
        let notices = notices.clone();
        Handlers::new().on_payment_changed(move |notice| {
            notices.lock().unwrap().push(notice);
            async {}
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    payment.request_cancel(&host.orchestrator).await.unwrap();
    assert!(!host.provider.confirm(&payment.id), "a consistent provider does not");
    host.provider.confirm_after_the_end(&payment.id);
    let call = Bytes::from(format!("manual-{}", payment.id));
    let payments = host.orchestrator.payments().unwrap();
    payments.receive_notice(&account("manual"), &HeaderMap::new(), &call).await.unwrap();
    let polled = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((polled.confirmed, polled.cancelled), (Some(false), Some(true)));
    let notices = notices.lock().unwrap();
    let paid = Decimal::new(270, 2);
    assert!(
        matches!(notices.last(), Some(PaymentNotice::UnexpectedCapture { captured, .. }) if *captured == paid),
        "{notices:?}"
    );
}

/// A host's own provider that does not understand a call.
#[derive(Debug)]
struct Confused(ManualProvider);

#[async_trait::async_trait]
impl PaymentProvider for Confused {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.create(payment).await
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.get(payment).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.cancel(payment).await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        unreachable!("this panic is part of the test")
    }
}

#[tokio::test]
async fn a_provider_that_panics_at_a_call_has_it_repeated() {
    let host = host(Arc::new(Confused(ManualProvider::new())));
    let payments = host.orchestrator.payments().unwrap();
    let call = Request::post("/").body(Bytes::from_static(b"{}")).unwrap();
    let answer = payments.answer_provider(&account("manual"), call).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
