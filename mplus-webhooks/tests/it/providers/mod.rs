//! Stripe and Viva against servers that answer as their documentation says.

mod clocks;
mod refunds;
mod stripe;
mod viva;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::ReqwestClient;
use mplus_webhooks::payment::{
    OneProvider, Payment, PaymentInput, PaymentKey, PaymentLimits, PaymentProvider, ProviderNews,
    ProviderStatus,
};
use mplus_webhooks::testkit::conformance::sample_payment;
use rust_decimal::Decimal;

pub(crate) use stripe::signed;

use crate::support::{Host, merchant, till};

const PAYMENT_ID: &str = "67d8b45a-37bd-4885-b41a-ffb285720654";

/// Holds an answer back until the test says so.
struct Held {
    asked: Arc<tokio::sync::Notify>,
    go_on: std::sync::mpsc::Sender<()>,
}

/// The body of an answer that is held back, and whoever holds it.
fn held(body: &'static str) -> (impl Fn(&mockito::Request) -> Vec<u8> + Send + Sync + 'static, Held) {
    let asked = Arc::new(tokio::sync::Notify::new());
    let (go_on, waits) = std::sync::mpsc::channel();
    let (waits, asks) = (std::sync::Mutex::new(waits), asked.clone());
    let answer = move |_: &mockito::Request| {
        asks.notify_one();
        let _ = waits.lock().unwrap().recv();
        body.into()
    };
    (answer, Held { asked, go_on })
}

/// A till gives its payment up while its provider's answer is held back: how it ended.
async fn given_up_meanwhile(provider: Arc<dyn PaymentProvider>, held: Held) -> Payment {
    let mut limits = PaymentLimits::default();
    limits.start_patience = Duration::from_millis(10);
    let host = Host::with(|builder| builder.payment_limits(limits).payments(Arc::new(OneProvider(provider))));
    let till = till(1);
    let payment = till.start_payment(Decimal::new(270, 2));
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    held.asked.notified().await;
    payment.request_cancel(&host.orchestrator).await.unwrap();
    payment.cancel(&host.orchestrator).await.unwrap();
    held.go_on.send(()).unwrap();
    let pause = || tokio::time::sleep(Duration::from_millis(10));
    payment.poll_until_finished(&host.orchestrator, 400, pause).await.unwrap();
    let key = PaymentKey::new(merchant(), payment.id.as_str());
    host.orchestrator.payments().unwrap().payment(&key).await.unwrap().unwrap()
}

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
