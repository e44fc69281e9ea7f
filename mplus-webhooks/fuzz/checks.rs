//! What holds whatever bytes arrive. The fuzz targets call it with bytes of their own making, the tests with a corpus of shapes that
//! they change.
//!
//! Each function says what does not hold; an input that is refused is fine, as long as the refusal is one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use mplus_webhooks::event::EventName;
use mplus_webhooks::payment::{OneProvider, PaymentProvider, ProviderAccount};
use mplus_webhooks::provider::{Stripe, StripeMode, Viva, VivaCredentials, VivaEndpoints, VivaMode};
use mplus_webhooks::testkit::{ManualProvider, Till, TillError, TillReply};
use mplus_webhooks::{
    FixedSubscriptions, HttpClient, HttpError, MemoryStore, MerchantId, Orchestrator, SIGNATURE_HEADER,
    Subscription, SubscriptionSecret, TokioRuntime,
};

const SUBSCRIPTION: &str = "restaurant";
const KEY: &[u8] = b"a key that no answer may show";

/// The name of an event in the first line, then a body: signed it is answered as the POS takes it, the same each time; with a byte
/// changed after it was signed it is refused.
pub(crate) async fn body(bytes: &[u8]) -> Result<(), String> {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    let (name, body) = bytes.split_at(line);
    let event = EventName::from_wire(&String::from_utf8_lossy(name));
    let body = Bytes::copy_from_slice(body.strip_prefix(b"\n").unwrap_or(body));
    let (host, till) = (host(Arc::new(ManualProvider::new()))?, till()?);
    let request = till.signed(&event, body.clone());

    let first = host.handle(again(&request)).await;
    let second = host.handle(again(&request)).await;
    if first.status() != second.status() {
        return Err(format!("first {}, then {}", first.status(), second.status()));
    }
    for answer in [first, second] {
        kept(&answer)?;
        match TillReply::check(&event, answer, till.secret()) {
            Ok(_) | Err(TillError::Refused { .. }) => {}
            // An event's name that is no part of a URL.
            Err(TillError::Status { status: 404 | 405 | 413, .. }) => {}
            Err(error) => return Err(format!("{}: {error}", event.as_str())),
        }
    }

    let mut changed = again(&request);
    let at = bytes.len() % (body.len() + 1);
    let mut other = body.to_vec();
    match other.get_mut(at) {
        Some(byte) => *byte ^= 1,
        None => other.push(b' '),
    }
    *changed.body_mut() = other.into();
    let answer = host.handle(changed).await;
    if answer.status().is_success() {
        return Err(format!("{} under the signature of another body", answer.status()));
    }
    kept(&answer)
}

/// Lines of names and values as headers of a good request, in the place of those that it has: it is taken only as it was signed.
pub(crate) async fn headers(bytes: &[u8]) -> Result<(), String> {
    let (host, till) = (host(Arc::new(ManualProvider::new()))?, till()?);
    let good = till.signed(
        &EventName::ScanCode,
        till.body(true, serde_json::json!({ "scanCode": { "scannedCode": "25" } })),
    );
    let mut request = again(&good);
    for line in bytes.split(|byte| *byte == b'\n') {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or_default();
        let (name, value) = line.split_at(at);
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.strip_prefix(b":").unwrap_or(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            let is_again = request.headers().get(&name) != good.headers().get(&name);
            match is_again {
                true => drop(request.headers_mut().append(name, value)),
                false => drop(request.headers_mut().insert(name, value)),
            }
        }
    }
    let signatures: Vec<_> = request.headers().get_all(SIGNATURE_HEADER).iter().cloned().collect();
    let right = good.headers().get(SIGNATURE_HEADER).cloned();
    let answer = host.handle(request).await;
    kept(&answer)?;
    match answer.status() {
        StatusCode::OK
            if signatures.first().map(HeaderValue::as_bytes).map(trimmed)
                != right.as_ref().map(|right| right.as_bytes()) =>
        {
            Err(format!("taken with the signatures {signatures:?}"))
        }
        StatusCode::OK | StatusCode::BAD_REQUEST => Ok(()),
        other => Err(format!("{other} for headers")),
    }
}

/// The body of a call of Stripe: without Stripe's signature it is refused.
pub(crate) async fn stripe(bytes: &[u8]) -> Result<(), String> {
    let mode = StripeMode::Page { page: "https://example.com/pay".to_owned() };
    let stripe = Stripe::new(Arc::new(Nobody), "sk_very_secret".into(), "whsec_very_secret".into(), mode);
    match noticed("stripe", Arc::new(stripe), bytes).await? {
        StatusCode::BAD_REQUEST => Ok(()),
        other => Err(format!("{other} without a signature")),
    }
}

/// The body of a call of Viva, which signs nothing: it leads to a question at most.
pub(crate) async fn viva(bytes: &[u8]) -> Result<(), String> {
    let credentials = VivaCredentials {
        client_id: "client".to_owned(),
        client_secret: "sk_very_secret".into(),
        merchant_id: "merchant".to_owned(),
        api_key: "sk_very_secret".into(),
    };
    let nowhere = "https://viva.invalid";
    let endpoints = VivaEndpoints::of(nowhere, nowhere, nowhere);
    let mode = VivaMode::Checkout { source_code: "1234".to_owned() };
    let viva = Viva::new(Arc::new(Nobody), Arc::new(TokioRuntime), endpoints, credentials, mode);
    match noticed("viva", Arc::new(viva), bytes).await? {
        StatusCode::OK | StatusCode::BAD_REQUEST => Ok(()),
        other => Err(format!("{other} for a call about no payment")),
    }
}

async fn noticed(
    provider: &str,
    asked: Arc<dyn PaymentProvider>,
    bytes: &[u8],
) -> Result<StatusCode, String> {
    let host = host(asked)?;
    let payments = host.payments().ok_or("no payments")?;
    let mut request = Request::new(Bytes::copy_from_slice(bytes));
    *request.method_mut() = http::Method::POST;
    let answer = payments.answer_provider(&ProviderAccount::new(provider, "default"), request).await;
    kept(&answer)?;
    Ok(answer.status())
}

/// No answer holds a key, and none is longer than the fixed texts of refusals and what was sent.
fn kept(answer: &Response<Bytes>) -> Result<(), String> {
    let text = String::from_utf8_lossy(answer.body());
    if text.contains("very_secret") || text.contains("no answer may show") {
        return Err(format!("a secret is shown: {text}"));
    }
    if text.len() > 64 << 10 {
        return Err(format!("an answer of {} bytes", text.len()));
    }
    Ok(())
}

fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

fn again(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn secret() -> Result<SubscriptionSecret, String> {
    SubscriptionSecret::from_bytes(KEY).map_err(|error| error.to_string())
}

fn till() -> Result<Till, String> {
    Ok(Till::in_process(SUBSCRIPTION, secret()?, 1))
}

fn host(provider: Arc<dyn PaymentProvider>) -> Result<Orchestrator, String> {
    let subscription = Subscription::new(SUBSCRIPTION, MerchantId::new("merchant-1"), secret()?);
    let subscriptions = Arc::new(FixedSubscriptions::new([subscription]));
    let builder = Orchestrator::builder(subscriptions, Arc::new(MemoryStore::new()), Arc::new(TokioRuntime));
    Ok(builder.payments(Arc::new(OneProvider(provider))).time_out(Duration::from_secs(60)).build())
}

/// No answer from anywhere.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl HttpClient for Nobody {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        Err(HttpError::new("nobody", "no network in a test").never_sent())
    }
}
