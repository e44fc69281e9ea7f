//! Payments for which nobody waits any more, and those that would never end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use mplus_webhooks::payment::*;
use mplus_webhooks::testkit::conformance::sample_payment;
use mplus_webhooks::testkit::{ManualProvider, TillPayment};
use mplus_webhooks::{FixedSubscriptions, Handlers, MemoryStore, Orchestrator, Runtime, Subscription};
use rust_decimal::Decimal;

use crate::support::{Host, Paused, SUBSCRIPTION, merchant, secret, till};

fn key(id: &str) -> PaymentKey {
    PaymentKey::new(merchant(), id)
}

/// Refreshes every three seconds, and has the till ask as often when it is there.
async fn time_passes(orchestrator: &Orchestrator, seconds: u64, till: Option<&TillPayment<'_>>) {
    for _ in 0..seconds.div_ceil(3) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        if let Some(till) = till {
            till.poll(orchestrator).await.unwrap();
        }
        orchestrator.payments().unwrap().refresh_due().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_is_created_late_for_a_till_that_still_asks_and_for_no_other() {
    for asks in [true, false] {
        let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(ManualProvider::new()));
        let runtime = Arc::new(Paused::new());
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        let orchestrator = Orchestrator::builder(resolver, store.clone(), runtime.clone())
            .payments(Arc::new(OneProvider(provider.clone())))
            .build();
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        // Stored, and the process died before the provider heard of it.
        let now = runtime.now();
        let mut left = sample_payment(merchant().as_str(), &payment.id, Decimal::TEN);
        "default".clone_into(&mut left.account);
        (left.started_at, left.attempted_at, left.attempt) = (now, Some(now), 1);
        left.creation = Creation::Underway(now + TimeDelta::seconds(130));
        (left.expires_at, left.refresh_at) = (now + TimeDelta::minutes(15), now);
        assert!(PaymentStore::insert_payment(&*store, &left).await.unwrap().is_none());
        time_passes(&orchestrator, 240, asks.then_some(&payment)).await;
        assert_eq!(provider.payments().len(), usize::from(asks), "the till asks: {asks}");
        assert_eq!(payment.poll(&orchestrator).await.unwrap().finished(), !asks);
    }
}

/// Takes every payment, and says the same of it for ever.
#[derive(Debug)]
struct Puzzling(ProviderStatus);

#[async_trait]
impl PaymentProvider for Puzzling {
    fn name(&self) -> &str {
        "puzzling"
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        Ok(ProviderNews::new(ProviderStatus::Pending).with_reference(payment.key.id.as_str()))
    }

    async fn get(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        Ok(ProviderNews::new(self.0))
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.get(payment).await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

type Told = Arc<Mutex<Vec<PaymentNotice>>>;

fn telling(told: &Told) -> Handlers {
    let told = told.clone();
    Handlers::new().on_payment_changed(move |notice| {
        told.lock().unwrap().push(notice);
        async {}
    })
}

fn unresolved(told: &Told) -> usize {
    told.lock().unwrap().iter().filter(|notice| matches!(notice, PaymentNotice::Unresolved(_))).count()
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_not_understood_or_cannot_be_cancelled_ends_and_a_person_is_told_once() {
    for says in [ProviderStatus::Unknown, ProviderStatus::Pending] {
        let told = Told::default();
        let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
            builder.payments(Arc::new(OneProvider(Arc::new(Puzzling(says))))).handler(telling(&told))
        });
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        payment.start(&host.orchestrator).await.unwrap();
        time_passes(&host.orchestrator, 60 * 60, None).await;
        assert!(!payment.poll(&host.orchestrator).await.unwrap().finished(), "{says:?}: it may be paid");
        time_passes(&host.orchestrator, 60 * 60, None).await;
        assert!(payment.poll(&host.orchestrator).await.unwrap().finished(), "{says:?}");
        time_passes(&host.orchestrator, 60 * 60, None).await;
        assert_eq!(unresolved(&told), 1, "{says:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_was_created_and_of_which_nobody_can_be_asked_ends_and_its_money_is_still_noticed() {
    let told = Told::default();
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(telling(&told)));
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.set_unreachable(true);
    time_passes(&host.orchestrator, 2 * 60 * 60, None).await;
    let end = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((end.status.as_deref(), end.finished(), unresolved(&told)), (Some("failed"), true, 1));
    host.provider.confirm(&payment.id);
    host.provider.set_unreachable(false);
    time_passes(&host.orchestrator, 20 * 60, None).await;
    let told = told.lock().unwrap();
    assert!(matches!(told.last(), Some(PaymentNotice::UnexpectedCapture { .. })), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_night_without_any_process_the_provider_is_asked_before_anything_is_given_up() {
    let told = Told::default();
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(telling(&told)));
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    tokio::time::sleep(Duration::from_secs(8 * 60 * 60)).await;
    time_passes(&host.orchestrator, 30, None).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
    assert_eq!(unresolved(&told), 0);
}

/// Profiles that take ten seconds to be looked up.
#[derive(Debug)]
struct Slow(OneProvider);

#[async_trait]
impl PaymentProviders for Slow {
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found {
        tokio::time::sleep(Duration::from_secs(10)).await;
        self.0.assigned(place).await
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        self.0.started_on(payment).await
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        self.0.of_account(account).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_long_is_pending_for_its_polls_and_never_unknown() {
    let provider = Arc::new(ManualProvider::new());
    let slow = Arc::new(Slow(OneProvider(provider.clone())));
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.payments(slow));
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    for _ in 0..10 {
        let polled = payment.poll(&host.orchestrator).await.unwrap();
        assert_eq!((polled.status.as_deref(), polled.finished()), (Some("pending"), false));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
    assert!(till.start_payment(Decimal::ONE).poll(&host.orchestrator).await.is_err(), "never started");
}

#[tokio::test(start_paused = true)]
async fn what_the_host_was_not_told_of_an_old_payment_is_told_however_old_it_is() {
    let (told, works) = (Told::default(), Arc::new(AtomicBool::new(false)));
    let handlers = {
        let (told, works) = (told.clone(), works.clone());
        Handlers::new().on_payment_changed(move |notice| {
            assert!(works.load(Ordering::SeqCst), "this panic is part of the test");
            told.lock().unwrap().push(notice);
            async {}
        })
    };
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    tokio::time::sleep(Duration::from_secs(9 * 24 * 60 * 60)).await;
    time_passes(&host.orchestrator, 200, None).await;
    let payments = host.orchestrator.payments().unwrap();
    payments.refund(&key(&payment.id), "late", Some(Decimal::ONE)).await.unwrap();
    time_passes(&host.orchestrator, 200, None).await;
    works.store(true, Ordering::SeqCst);
    time_passes(&host.orchestrator, 20 * 60, None).await;
    let told = told.lock().unwrap();
    // Started, out of time, paid after all, given back in part, and its till never asked for that.
    assert_eq!(told.iter().map(PaymentNotice::number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let refunded = told.iter().filter(|notice| matches!(notice, PaymentNotice::Refunded { .. }));
    let unfetched = told.iter().filter(|notice| matches!(notice, PaymentNotice::NotFetched(_)));
    assert_eq!((refunded.count(), unfetched.count()), (1, 1), "{told:?}");
}
