//! Stripe and Viva against servers that answer as their documentation says.

mod clocks;
mod refunds;
mod stripe;
mod viva;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::ReqwestClient;
use mplus_webhooks::payment::{Payment, PaymentInput, ProviderNews, ProviderStatus};
use mplus_webhooks::testkit::conformance::sample_payment;
use rust_decimal::Decimal;

pub(crate) use stripe::signed;

const PAYMENT_ID: &str = "67d8b45a-37bd-4885-b41a-ffb285720654";

fn client() -> Arc<ReqwestClient> {
    Arc::new(ReqwestClient::new(Duration::from_secs(5)).unwrap())
}

/// 2.70 euros, not known to a provider yet.
fn new_payment() -> Payment {
    sample_payment("merchant-1", PAYMENT_ID, Decimal::new(270, 2))
}

/// The payment once its provider knows it.
fn known_payment(reference: &str) -> Payment {
    let news = ProviderNews::new(ProviderStatus::Pending).with_reference(reference);
    let input = PaymentInput::Provider(ProviderStatus::Pending);
    new_payment().apply(input, Some(&news)).0.unwrap()
}
