//! Events that are refused, payments that fail.

use std::sync::Arc;

use mplus_webhooks::payment::{PaymentProfiles, ProviderError};
use mplus_webhooks::testkit::{Till, TillLine};
use mplus_webhooks::{FixedSubscriptions, MerchantId, Orchestrator, Subscription, SubscriptionSecret};
use rust_decimal::Decimal;

use super::assert_quoted;
use super::world::cents;

#[test]
fn what_providers_say() {
    let provider = || "stripe".to_owned();
    for message in ["HTTP 401: Invalid API Key provided", "HTTP 400: The payment method type is invalid"] {
        let refused = ProviderError::Refused { provider: provider(), message: message.to_owned() };
        assert_quoted(&refused.to_string());
    }
    let silent = ProviderError::Unreachable { provider: provider(), message: "HTTP 503".to_owned() };
    assert_quoted(&silent.to_string());
}

#[tokio::test]
async fn webhooks_and_payments() {
    let secret = SubscriptionSecret::from_bytes(b"a key for this test").unwrap();
    let known = Subscription::new("restaurant", MerchantId::new("merchant-1"), secret.clone());
    let closed = Subscription::new("closed", MerchantId::new("merchant-2"), secret.clone()).inactive();
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([known, closed])),
        Arc::new(mplus_webhooks::MemoryStore::new()),
        Arc::new(mplus_webhooks::TokioRuntime),
    )
    .payments(Arc::new(PaymentProfiles::new()))
    .build();
    let coffee = [TillLine::new(1, "Coffee", cents(270))];
    let stranger = SubscriptionSecret::from_bytes(b"another key").unwrap();
    for till in [
        Till::in_process("restuarant", secret.clone(), 1),
        Till::in_process("closed", secret.clone(), 1),
        Till::in_process("restaurant", stranger, 1),
    ] {
        let refused = till.sell(&orchestrator, &coffee).await.unwrap_err().to_string();
        assert_quoted(refused.trim_start_matches("the receiver refused: "));
    }

    let till = Till::in_process("restaurant", secret, 1);
    let payment = till.start_payment(Decimal::ONE);
    let started = payment.start(&orchestrator).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&started.body).unwrap();
    assert_quoted(body["messages"][0]["message"].as_str().unwrap());
    let failed = payment.poll(&orchestrator).await.unwrap();
    assert!(failed.finished());
    let unknown = till.start_payment(Decimal::ONE).poll(&orchestrator).await.unwrap_err().to_string();
    assert_quoted(unknown.trim_start_matches("the receiver refused: "));
}
