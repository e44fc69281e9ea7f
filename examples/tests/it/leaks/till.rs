//! A day of webhooks and payments, at providers that repeat what they were sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryFilter;
use mplus_webhooks::payment::{PaymentFilter, PaymentProfiles, PaymentRule};
use mplus_webhooks::provider::{Stripe, StripeMode, Viva, VivaCredentials, VivaEndpoints, VivaMode};
use mplus_webhooks::testkit::{Till, TillLine};
use mplus_webhooks::{
    FixedSubscriptions, Handlers, HttpClient, HttpError, MemoryTransactions, MerchantId, Orchestrator,
    SqliteStore, Subscription, SubscriptionSecret, TokioRuntime,
};
use rust_decimal::Decimal;
use serde_json::json;

use super::pos::bytes_of;

/// The subscription's key, as the host has it.
const KEY: &str = "eFc5HrxwLbONJ+EYXrbHB+a9HueYIQzotgKRLRVAfx0=";
const STRIPE_KEY: &str = "sk_test_51Hx & /+é'leak";
const STRIPE_WEBHOOK: &str = "whsec_9a & /+é'leak";
const VIVA_SECRET: &str = "viva & secret/é+'";
const VIVA_API_KEY: &str = "viva & api-key/é+'";

pub(super) fn secrets() -> [&'static str; 5] {
    [KEY, STRIPE_KEY, STRIPE_WEBHOOK, VIVA_SECRET, VIVA_API_KEY]
}

/// A provider whose answers have all of the request in them.
#[derive(Debug)]
struct Repeating {
    status: u16,
}

#[async_trait]
impl HttpClient for Repeating {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let headers: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let sent =
            format!("{} {} {}", request.uri(), headers.join(" "), String::from_utf8_lossy(request.body()));
        let error = json!({ "error": { "type": "api_error", "code": sent, "message": sent }, "ErrorText": sent, "message": sent });
        let mut response = Response::new(Bytes::from(error.to_string()));
        *response.status_mut() = self.status.try_into().unwrap();
        Ok(response)
    }
}

pub(super) async fn everything_that_shows() -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut shown = Vec::new();
    for (number, status) in [(0, 401), (1, 400), (2, 500), (3, 200)] {
        let file = folder.path().join(format!("webhooks-{number}.sqlite"));
        a_day(SqliteStore::open(file).unwrap(), status, &mut shown).await;
    }
    shown.push(("the databases", bytes_of(folder.path())));
    shown
}

async fn a_day(store: SqliteStore, status: u16, shown: &mut Vec<(&'static str, String)>) {
    let merchant = MerchantId::new("merchant");
    let key = SubscriptionSecret::from_base64(&KEY.into()).unwrap();
    let client = Arc::new(Repeating { status });
    let mode = StripeMode::Terminal { reader: "tmr_1".to_owned() };
    let stripe = Stripe::new(client.clone(), STRIPE_KEY.into(), STRIPE_WEBHOOK.into(), mode);
    let credentials = VivaCredentials {
        client_id: "viva-client".to_owned(),
        client_secret: VIVA_SECRET.into(),
        merchant_id: "viva-merchant".to_owned(),
        api_key: VIVA_API_KEY.into(),
    };
    let mode = VivaMode::Checkout { source_code: "Default".to_owned() };
    let viva = Viva::new(client, Arc::new(TokioRuntime), VivaEndpoints::demo(), credentials, mode);
    shown.push(("the providers", format!("{stripe:?} {viva:?}")));
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant).for_method("STRIPE"), Arc::new(stripe))
        .assign(PaymentRule::of(&merchant), Arc::new(viva));
    let notices = Arc::new(Mutex::new(Vec::new()));
    let (noted, told) = (notices.clone(), notices.clone());
    let note = move |notices: &Mutex<Vec<String>>, text| notices.lock().unwrap().push(text);
    let handlers = Handlers::new()
        .on_inbox_notice(move |notice| {
            note(&noted, format!("{notice:?}"));
            async {}
        })
        .on_payment_changed(move |notice| {
            note(&told, format!("{notice:?}"));
            async {}
        });
    let subscription = Subscription::new("restaurant", merchant, key.clone());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(store),
        Arc::new(TokioRuntime),
    )
    .handler(handlers)
    .transactions(Arc::new(MemoryTransactions::new()))
    .payments(Arc::new(profiles))
    .build();
    shown.push(("the orchestrator", format!("{orchestrator:?}")));

    let till = Till::in_process("restaurant", key.clone(), 1);
    let price = Decimal::new(350, 2);
    let session = till.ring_up(&orchestrator, &[TillLine::new(1003, "Cappuccino", price)]).await.unwrap();
    for method in ["STRIPE", "VIVA"] {
        let payment = json!({ "externalPaymentId": till.new_id(), "amount": 3.5, "method": method });
        for event in [
            EventName::StartExternalPayment,
            EventName::PollExternalPayment,
            EventName::RequestCancelExternalPayment,
        ] {
            let fields = json!({ "session": session, "externalPayment": payment });
            let request = till.signed(&event, till.body(true, fields));
            shown.push(("a request", format!("{request:?}")));
            let reply = orchestrator.handle(request).await;
            shown.push(("a reply", format!("{reply:?}")));
        }
    }
    // Nothing signed with a key that nobody has, and nothing unsigned, is answered with what was expected.
    let stranger = Till::in_process("restaurant", SubscriptionSecret::from_bytes(b"another").unwrap(), 2);
    let fields = json!({ "session": session });
    let forged = stranger.signed(&EventName::CompleteSession, stranger.body(true, fields));
    shown.push(("the reply to a forger", format!("{:?}", orchestrator.handle(forged).await)));
    till.complete(&orchestrator, &session).await.unwrap();

    let payments = orchestrator.payments().unwrap();
    shown.push(("the refresh", format!("{:?}", payments.refresh_due().await)));
    assert!(payments.settled(Duration::from_secs(60)).await);
    shown.push(("the payments", format!("{:?}", payments.list(&PaymentFilter::default()).await)));
    shown.push(("the inbox", format!("{:?}", orchestrator.inbox().list(&EntryFilter::default()).await)));
    shown.push(("the notices", notices.lock().unwrap().join("\n")));
}
