//! Providers and handlers that are slow, silent or broken: nobody else suffers from them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use mplus_webhooks::Handlers;
use mplus_webhooks::payment::{
    NoticeRefused, OneProvider, Payment, PaymentProvider, PaymentState, ProviderAccount, ProviderError,
    ProviderNews,
};
use mplus_webhooks::testkit::ManualProvider;
use rust_decimal::Decimal;
use tokio::sync::Notify;

use crate::support::{Host, Paused, till};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// Creating a payment of 2.70 euros takes until the test says so; it is paid on a web page.
#[derive(Debug)]
struct SlowToCreate {
    inner: Arc<ManualProvider>,
    go_on: Notify,
    /// Questions about it are never answered.
    silent: bool,
}

#[async_trait::async_trait]
impl PaymentProvider for SlowToCreate {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn reference(&self, payment: &Payment) -> Option<String> {
        Some(format!("manual-{}", payment.key.id))
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let mut created = self.inner.create(payment).await?;
        if payment.amount == euros(270) {
            created.checkout_url = Some("https://pay.example/1".to_owned());
            self.go_on.notified().await;
        }
        Ok(created)
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        if self.silent && payment.amount == euros(270) {
            std::future::pending::<()>().await;
        }
        self.inner.get(payment).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.inner.cancel(payment).await
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        self.inner.read_notice(headers, body, now)
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_payment_is_being_created_nobody_creates_it_again_and_a_cancel_waits_for_it() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: false });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    // The till is answered before the provider is.
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    let asked = payment.request_cancel(&host.orchestrator).await.unwrap();
    assert_eq!((asked.status.as_deref(), asked.finished()), (Some("pending"), false));
    tokio::time::timeout(Duration::from_secs(5), host.refresh(&payment.id)).await.unwrap();
    assert_eq!((inner.calls().create, inner.calls().cancel), (1, 0));

    slow.go_on.notify_one();
    let pause = || tokio::time::sleep(Duration::from_millis(10));
    payment.poll_until_finished(&host.orchestrator, 100, pause).await.unwrap();
    assert_eq!((inner.calls().create, inner.calls().cancel), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_paid_while_it_is_still_being_created_is_known_when_the_provider_calls() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: false });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let (till, payments) = (till(1), host.orchestrator.payments().unwrap());
    let account = ProviderAccount::new(ManualProvider::NAME, "default");
    for paid in [true, false] {
        let payment = till.start_payment(euros(270));
        payment.start(&host.orchestrator).await.unwrap();
        let call = Bytes::from(format!("manual-{}", payment.id));
        match paid {
            true => inner.confirm(&payment.id),
            // What is not money may be over by the time that it is created.
            false => inner.fail(&payment.id),
        };
        let heard = payments.receive_notice(&account, &HeaderMap::new(), &call).await.unwrap();
        let expected = if paid { PaymentState::Confirmed } else { PaymentState::Pending };
        assert_eq!(heard.iter().map(|payment| payment.state).collect::<Vec<_>>(), [expected]);
        assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(paid));
        slow.go_on.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
        host.refresh(&payment.id).await;
        let polled = payment.poll(&host.orchestrator).await.unwrap();
        assert_eq!((polled.confirmed, polled.finished()), (Some(paid), true));
    }
    assert_eq!(inner.calls().create, 2);
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_creator_is_gone_is_looked_up_after_a_minute() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: false });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    slow.go_on.notify_one();
    slow.go_on.notify_one();
    host.refresh(&payment.id).await;
    assert_eq!(inner.payments().len(), 1);
    inner.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_payment_at_a_silent_provider_does_not_keep_the_others_waiting() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: true });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let till = till(1);
    let (silent, known) = (till.start_payment(euros(270)), till.start_payment(euros(100)));
    silent.start(&host.orchestrator).await.unwrap();
    known.start(&host.orchestrator).await.unwrap();
    tokio::time::sleep(Duration::from_secs(70)).await;
    inner.confirm(&known.id);
    // Nobody answers about the silent one; the other one gets its news all the same.
    let payments = host.orchestrator.payments().unwrap();
    let refreshing = tokio::time::timeout(Duration::from_secs(5), payments.refresh_due()).await;
    let report = refreshing.unwrap().unwrap();
    assert_eq!((report.asked, report.ended), (2, 1));
    assert!(!payments.settled(Duration::from_secs(1)).await, "the silent one is still asked about");
    assert!(known.poll(&host.orchestrator).await.unwrap().finished());
}

#[tokio::test(start_paused = true)]
async fn a_start_without_an_answer_is_given_a_minute_and_then_looked_up() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: false });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    tokio::time::sleep(Duration::from_secs(70)).await;
    let refreshing = host.orchestrator.payments().unwrap().refresh_due();
    let report = tokio::time::timeout(Duration::from_secs(61), refreshing).await.unwrap().unwrap();
    assert_eq!((report.asked, report.ended), (1, 0));
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().status.as_deref(), Some("pending"));
    // It was looked up, and found: nothing is sent twice.
    assert_eq!((inner.calls().create, inner.calls().get), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_or_hangs_keeps_no_payment_from_its_end() {
    let handlers = Handlers::new().on_payment_changed(|notice| async move {
        match notice {
            mplus_webhooks::payment::PaymentNotice::Changed(payment)
                if payment.state == PaymentState::Confirmed =>
            {
                panic!("this panic is part of the test")
            }
            _ => std::future::pending().await,
        }
    });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
    let refresh = crate::support::background(&host.orchestrator);
    let till = till(1);
    let payments = [till.start_payment(euros(100)), till.start_payment(euros(200))];
    for payment in &payments {
        payment.start(&host.orchestrator).await.unwrap();
        assert!(host.provider.confirm(&payment.id));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
    }
    drop(refresh);
}

#[tokio::test(start_paused = true)]
async fn a_checkout_page_that_is_known_only_after_the_start_is_shown_by_the_polls_until_it_is_paid() {
    let inner = Arc::new(ManualProvider::new());
    let slow = Arc::new(SlowToCreate { inner: inner.clone(), go_on: Notify::new(), silent: false });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(slow.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    let shown = |body: &Bytes| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["displayBarcode"]["code"].as_str().map(str::to_owned)
    };
    assert_eq!(shown(&payment.start(&host.orchestrator).await.unwrap().body), None);
    slow.go_on.notify_one();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let polled = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(shown(&polled.body).as_deref(), Some("https://pay.example/1"));
    inner.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(shown(&payment.poll(&host.orchestrator).await.unwrap().body), None);
}
