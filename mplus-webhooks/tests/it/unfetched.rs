//! Money that was taken for a till that never heard of it; and a provider that is asked by many at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use mplus_webhooks::payment::*;
use mplus_webhooks::testkit::{ManualProvider, TillPayment};
use mplus_webhooks::{Handlers, MerchantId};
use rust_decimal::Decimal;

use crate::support::{Host, Paused, background, merchant, till};

/// How often the host was told that a till has not asked for the end.
fn alarms(host: impl Fn(Handlers) -> Host) -> (Host, Arc<AtomicUsize>) {
    let alarms = Arc::new(AtomicUsize::new(0));
    let told = alarms.clone();
    let handlers = Handlers::new().on_payment_changed(move |notice| {
        told.fetch_add(usize::from(matches!(notice, PaymentNotice::NotFetched(_))), Ordering::SeqCst);
        async {}
    });
    (host(handlers), alarms)
}

fn host_with(limits: PaymentLimits) -> (Host, Arc<AtomicUsize>) {
    alarms(|handlers| {
        let limits = limits.clone();
        Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers).payment_limits(limits))
    })
}

async fn paid_at(host: &Host, payment: &TillPayment<'_>) {
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_paid_payment_that_its_till_never_asks_about_is_told_once() {
    let (host, alarms) = host_with(PaymentLimits::default());
    let _background = background(&host.orchestrator);
    let till = till(1);
    paid_at(&host, &till.start_payment(Decimal::TEN)).await;
    tokio::time::sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_till_that_asked_for_the_end_in_any_way_is_no_alarm() {
    for way in ["poll", "request cancel", "cancel", "start"] {
        let (host, alarms) = host_with(PaymentLimits::default());
        let _background = background(&host.orchestrator);
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        paid_at(&host, &payment).await;
        match way {
            "poll" => assert!(payment.poll(&host.orchestrator).await.unwrap().finished()),
            "request cancel" => drop(payment.request_cancel(&host.orchestrator).await.unwrap()),
            "cancel" => drop(payment.cancel(&host.orchestrator).await.unwrap()),
            _ => drop(payment.start(&host.orchestrator).await.unwrap()),
        }
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        assert_eq!(alarms.load(Ordering::SeqCst), 0, "{way}");
        let key = PaymentKey::new(merchant(), payment.id.as_str());
        let stored = host.orchestrator.payments().unwrap().payment(&key).await.unwrap().unwrap();
        assert!(!stored.has_work(), "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_till_did_not_wait_for_is_no_answer() {
    // Twenty seconds is longer than a till waits.
    let slow = Arc::new(SlowToCancel(ManualProvider::new()));
    let (host, alarms) = alarms(|handlers| {
        let provider = slow.clone();
        Host::assemble_on(Arc::new(Paused::new()), |builder| {
            builder.handler(handlers).payments(Arc::new(OneProvider(provider)))
        })
    });
    let _background = background(&host.orchestrator);
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    payment.start(&host.orchestrator).await.unwrap();
    slow.0.confirm(&payment.id);
    let told = payment.request_cancel(&host.orchestrator).await.unwrap();
    assert_eq!((told.confirmed, told.finished()), (Some(false), false));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let key = PaymentKey::new(merchant(), payment.id.as_str());
    let stored = host.orchestrator.payments().unwrap().payment(&key).await.unwrap().unwrap();
    assert_eq!(stored.state, PaymentState::Confirmed);
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_till_that_comes_back_after_all_was_given_back_hears_that_it_was_not_paid() {
    let cents = |cents| Decimal::new(cents, 2);
    // Whether the till had heard before, and how much of 10 euros is given back in two parts.
    for (heard, second, paid) in [(false, 600, false), (false, 500, true), (true, 600, true)] {
        let (host, alarms) = host_with(PaymentLimits::default());
        let _background = background(&host.orchestrator);
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        paid_at(&host, &payment).await;
        if heard {
            assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
        }
        tokio::time::sleep(Duration::from_secs(20 * 60)).await;
        assert_eq!(alarms.load(Ordering::SeqCst), usize::from(!heard));
        let payments = host.orchestrator.payments().unwrap();
        let key = PaymentKey::new(merchant(), payment.id.as_str());
        for (id, amount) in [("r-1", 400), ("r-2", second)] {
            payments.refund(&key, id, Some(cents(amount))).await.unwrap();
        }
        for _ in 0..2 {
            let told = payment.poll(&host.orchestrator).await.unwrap();
            assert_eq!((told.confirmed, told.cancelled), (Some(paid), Some(!paid)), "{heard} {second}");
            assert_eq!((told.finished(), told.final_amount.is_some()), (true, paid), "{heard} {second}");
            let says = String::from_utf8_lossy(&told.body).contains("the money was given back");
            assert_eq!(says, !paid, "{heard} {second}");
        }
        let stored = payments.payment(&key).await.unwrap().unwrap();
        assert_eq!((stored.state, stored.withdrawn), (PaymentState::Confirmed, !paid));
        assert!(!stored.paid_in_vain(), "nothing is left to be given back");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_till_was_answered_is_not_withdrawn_in_the_moment_after() {
    for way in ["poll", "request cancel", "cancel", "start"] {
        let (host, _) = host_with(PaymentLimits::default());
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        paid_at(&host, &payment).await;
        let confirmed = match way {
            "poll" => payment.poll(&host.orchestrator).await.unwrap().confirmed,
            "request cancel" => payment.request_cancel(&host.orchestrator).await.unwrap().confirmed,
            "cancel" => payment.cancel(&host.orchestrator).await.unwrap().confirmed,
            _ => payment.start(&host.orchestrator).await.unwrap().confirmed,
        };
        assert_eq!(confirmed, Some(true), "{way}");
        // Nothing that was left to the runtime has happened yet.
        let key = PaymentKey::new(merchant(), payment.id.as_str());
        host.orchestrator.payments().unwrap().refund(&key, "r", None).await.unwrap();
        assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true), "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_till_that_gives_up_what_was_given_back_makes_nobody_give_it_back_again() {
    let (host, mut told) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for (amount, expected) in [(None, None), (Some(Decimal::ONE), Some(Decimal::TEN))] {
        let unexpected = host.clone();
        let handlers = Handlers::new().on_payment_changed(move |notice| {
            if let PaymentNotice::UnexpectedCapture { captured, .. } = notice {
                unexpected.lock().unwrap().push(captured);
            }
            async {}
        });
        let world = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        paid_at(&world, &payment).await;
        let payments = world.orchestrator.payments().unwrap();
        let key = PaymentKey::new(merchant(), payment.id.as_str());
        payments.refund(&key, "r", amount).await.unwrap();
        assert_eq!(payment.poll(&world.orchestrator).await.unwrap().confirmed, Some(amount.is_some()));
        payment.cancel(&world.orchestrator).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        told.extend(expected);
        assert_eq!(*host.lock().unwrap(), told);
        let stored = payments.payment(&key).await.unwrap().unwrap();
        assert_eq!((stored.given_up, stored.paid_in_vain()), (true, expected.is_some()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_was_given_back_before_its_till_asked_is_no_alarm() {
    let (host, alarms) = host_with(PaymentLimits::default());
    let _background = background(&host.orchestrator);
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    paid_at(&host, &payment).await;
    let key = PaymentKey::new(merchant(), payment.id.as_str());
    host.orchestrator.payments().unwrap().refund(&key, "r", None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 0);
    assert!(!host.orchestrator.payments().unwrap().payment(&key).await.unwrap().unwrap().has_work());
}

/// A provider that takes its time to say that it is too late.
#[derive(Debug)]
struct SlowToCancel(ManualProvider);

#[async_trait]
impl PaymentProvider for SlowToCancel {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.create(payment).await
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        tokio::time::sleep(Duration::from_secs(20)).await;
        self.0.get(payment).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        tokio::time::sleep(Duration::from_secs(20)).await;
        self.0.cancel(payment).await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_chooses_how_long_a_till_may_take() {
    let mut limits = PaymentLimits::default();
    limits.unfetched_after = Duration::from_secs(3600);
    let (host, alarms) = host_with(limits);
    let _background = background(&host.orchestrator);
    let till = till(1);
    paid_at(&host, &till.start_payment(Decimal::TEN)).await;
    tokio::time::sleep(Duration::from_secs(58 * 60)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(alarms.load(Ordering::SeqCst), 1);
}

/// One way to pay of an account: says nothing about a cancellation, and lists what it is given.
#[derive(Debug, Default)]
struct Way {
    terminal: Option<&'static str>,
    settings: ProviderSettings,
    listed: Vec<ProviderRecord>,
    cancels: Mutex<usize>,
}

#[async_trait]
impl PaymentProvider for Way {
    fn name(&self) -> &str {
        "ways"
    }

    fn terminal(&self) -> Option<&str> {
        self.terminal
    }

    fn settings(&self) -> ProviderSettings {
        self.settings.clone()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        Ok(ProviderNews::new(ProviderStatus::Pending).with_reference(payment.key.id.as_str()))
    }

    async fn get(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        Ok(ProviderNews::new(ProviderStatus::Pending))
    }

    async fn cancel(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        *self.cancels.lock().unwrap() += 1;
        std::future::pending().await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }

    async fn payments_of(&self, _: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        Ok(self.listed.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_cashier_who_asks_ever_again_makes_one_call_of_a_silent_provider() {
    let way = Arc::new(Way::default());
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(way.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(Decimal::TEN);
    payment.start(&host.orchestrator).await.unwrap();
    for _ in 0..5 {
        assert!(!payment.request_cancel(&host.orchestrator).await.unwrap().finished());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(*way.cancels.lock().unwrap(), 1);
    // The call is given up after a minute; then it may be tried anew.
    tokio::time::sleep(Duration::from_secs(90)).await;
    payment.request_cancel(&host.orchestrator).await.unwrap();
    assert!(*way.cancels.lock().unwrap() >= 2);
}

fn credentials(key: &str) -> ProviderSettings {
    ProviderSettings::of_credentials(&[key])
}

fn way(terminal: Option<&'static str>, settings: ProviderSettings) -> Arc<Way> {
    Arc::new(Way { terminal, settings, ..Way::default() })
}

#[test]
fn profiles_notice_two_credentials_under_one_name_and_two_conducts_of_one_terminal() {
    let (ours, theirs) = (merchant(), MerchantId::new("another"));
    let sound = PaymentProfiles::new()
        .assign(PaymentRule::of(&ours), way(Some("1"), credentials("a").with_conduct("till 1")))
        .assign(PaymentRule::of(&ours), way(Some("2"), credentials("a").with_conduct("till 2")))
        .keep(&theirs, way(Some("1"), credentials("a").with_conduct("till 3")))
        .keep(&ours, way(None, ProviderSettings::default()));
    assert!(sound.clashes().is_empty());
    let account = ProviderAccount::new("ways", "default");
    let other_key = sound.clone().keep(&theirs, way(Some("9"), credentials("b")));
    assert_eq!(other_key.clashes(), [ProfileClash::Credentials(account)]);
    let other_till =
        sound.assign(PaymentRule::of(&ours), way(Some("1"), credentials("a").with_conduct("till 7")));
    let [clash @ ProfileClash::Conduct { terminal, .. }] = other_till.clashes() else {
        panic!("{:?}", other_till.clashes())
    };
    assert_eq!(terminal.as_deref(), Some("1"));
    assert!(clash.to_string().contains("two different settings"));
}

#[tokio::test(start_paused = true)]
async fn a_day_is_compared_with_every_list_of_an_account_and_the_days_beside_it() {
    let record = |reference: &str, id: Option<&str>, beside: bool| {
        let mut record = ProviderRecord::new(reference);
        record.payment_id = id.map(str::to_owned);
        (record.captured, record.beside) = (Some(Decimal::TEN), beside);
        record
    };
    let on_terminal = vec![record("session", Some("p"), false), record("yesterday", None, true)];
    // The payment on the terminal stands in the other list, too, under another reference.
    let on_web = vec![record("order", Some("p"), false), record("stranger", None, false)];
    let with = |terminal, list: &str, listed| {
        Arc::new(Way { terminal, settings: credentials("a").with_list(list), listed, ..Way::default() })
    };
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant()), with(Some("1"), "sessions", on_terminal))
        .assign(PaymentRule::of(&merchant()), with(None, "orders", on_web));
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.payments(Arc::new(profiles)));
    let account = ProviderAccount::new("ways", "default");
    let day = DateTime::UNIX_EPOCH.date_naive();
    let found = host.orchestrator.payments().unwrap().reconcile(&account, day).await.unwrap();
    let strangers: Vec<_> = found.only_there.iter().map(|record| record.reference.as_str()).collect();
    assert_eq!(strangers, ["session", "stranger"]);
}
