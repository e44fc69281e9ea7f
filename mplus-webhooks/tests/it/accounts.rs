//! Which account and terminal a payment belongs to, what is looked up before it is sent again, and what is given back.

mod giving_back;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, StatusCode};
use mplus_webhooks::event::EventName;
use mplus_webhooks::payment::*;
use mplus_webhooks::testkit::{ManualProvider, Till, TillError};
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MerchantId, Orchestrator, Subscription, SubscriptionSecret,
};
use rust_decimal::Decimal;
use serde_json::json;

use crate::support::{Host, Paused, SUBSCRIPTION, merchant, secret, till};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn key(id: &str) -> PaymentKey {
    PaymentKey::new(merchant(), id)
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// A till at each of two terminals of one account.
fn two_terminals() -> (Host, [Arc<ManualProvider>; 2], [Till; 2]) {
    let terminal = |name: &str| Arc::new(ManualProvider::new().with_terminal(name));
    let terminals = [terminal("one"), terminal("two")];
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant()).at_workplace(1, 1), terminals[0].clone())
        .assign(PaymentRule::of(&merchant()).at_workplace(1, 2), terminals[1].clone());
    let host = Host::with(|builder| builder.payments(Arc::new(profiles)));
    (host, terminals, [till(1), till(2).at(1, 2)])
}

#[tokio::test]
async fn a_rule_for_branch_or_workplace_0_takes_no_payment_of_a_till_that_tells_no_place_and_is_told() {
    let rules = [PaymentRule::of(&merchant()).at_branch(0), PaymentRule::of(&merchant()).at_workplace(1, 0)];
    let (mut profiles, nowhere) = (PaymentProfiles::new(), Arc::new(ManualProvider::new()));
    for rule in rules.clone() {
        profiles = profiles.assign(rule, nowhere.clone());
    }
    assert_eq!(profiles.clashes(), rules.map(ProfileClash::NoPlace));
    let host = Host::with(|builder| builder.payments(Arc::new(profiles)));
    for till in [till(1).at(0, 0), till(2).at(1, 0)] {
        let started = till.start_payment(euros(270)).start(&host.orchestrator).await.unwrap();
        assert_eq!(started.started, Some(false), "{started:?}");
    }
    assert_eq!(nowhere.calls().create, 0);
}

#[tokio::test]
async fn whatever_is_asked_of_a_payment_is_asked_of_the_terminal_it_was_started_on() {
    let (host, [first, second], [_, till]) = two_terminals();
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    payment.request_cancel(&host.orchestrator).await.unwrap();
    assert_eq!(first.calls(), mplus_webhooks::testkit::ProviderCalls::default());
    let asked = second.calls();
    assert_eq!((asked.create, asked.get, asked.cancel), (1, 1, 1));
    let stored = host.orchestrator.payments().unwrap().payment(&key(&payment.id)).await.unwrap().unwrap();
    assert_eq!((stored.account.as_str(), stored.terminal.as_deref()), ("default", Some("two")));
}

#[tokio::test]
async fn a_payment_whose_terminal_was_taken_away_stays_open_instead_of_being_judged_by_another() {
    let first = Arc::new(ManualProvider::new().with_terminal("one"));
    let second = Arc::new(ManualProvider::new().with_terminal("two"));
    let store = Arc::new(MemoryStore::new());
    let runtime = Arc::new(mplus_webhooks::TokioRuntime);
    let host = |provider: &Arc<ManualProvider>| {
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        Orchestrator::builder(resolver, store.clone(), runtime.clone())
            .payments(Arc::new(OneProvider(provider.clone())))
            .build()
    };
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host(&first)).await.unwrap();
    first.confirm(&payment.id);
    let replaced = host(&second);
    replaced.payments().unwrap().refresh(&key(&payment.id)).await.unwrap();
    assert_eq!(second.calls(), mplus_webhooks::testkit::ProviderCalls::default());
    assert!(!payment.poll(&replaced).await.unwrap().finished());
    let back = host(&first);
    back.payments().unwrap().refresh(&key(&payment.id)).await.unwrap();
    assert_eq!(payment.poll(&back).await.unwrap().confirmed, Some(true));
}

/// Profiles that cannot be looked up, or panic, as often as it is told.
#[derive(Debug)]
struct Troubled {
    inner: OneProvider,
    fails: AtomicUsize,
    panics: AtomicUsize,
}

impl Troubled {
    fn trouble(&self) -> Result<(), ProfilesError> {
        let one_less = |left: usize| left.checked_sub(1);
        let bug = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        assert!(bug.is_err(), "a bug of the host's");
        match self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => Err(ProfilesError("the database is away".into())),
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl PaymentProviders for Troubled {
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found {
        self.trouble()?;
        self.inner.assigned(place).await
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        self.trouble()?;
        self.inner.started_on(payment).await
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        self.trouble()?;
        self.inner.of_account(account).await
    }
}

#[tokio::test]
async fn profiles_that_fail_or_panic_delay_a_payment_and_lose_nothing() {
    let provider = Arc::new(ManualProvider::new());
    let profiles = Arc::new(Troubled {
        inner: OneProvider(provider.clone()),
        fails: AtomicUsize::new(0),
        panics: AtomicUsize::new(0),
    });
    let host = Host::with(|builder| builder.payments(profiles.clone()));
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    provider.confirm(&payment.id);
    profiles.fails.store(1, Ordering::SeqCst);
    host.refresh(&payment.id).await;
    profiles.panics.store(1, Ordering::SeqCst);
    host.refresh(&payment.id).await;
    assert!(!payment.poll(&host.orchestrator).await.unwrap().finished());
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));

    profiles.fails.store(1, Ordering::SeqCst);
    let refused = till.start_payment(euros(100));
    assert_eq!(refused.start(&host.orchestrator).await.unwrap().started, Some(false));
    assert!(refused.poll(&host.orchestrator).await.unwrap().finished());
}

#[tokio::test]
async fn polls_after_a_refused_start_are_failed_and_finished_and_say_why() {
    let host = Host::with(|builder| builder.payments(Arc::new(PaymentProfiles::new())));
    let till = till(1);
    let payment = till.start_payment(euros(270));
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(false));
    for _ in 0..2 {
        let polled = payment.poll(&host.orchestrator).await.unwrap();
        assert_eq!((polled.status.as_deref(), polled.finished()), (Some("failed"), true));
        assert!(text(&polled.body).contains("assign a payment profile"), "{}", text(&polled.body));
    }
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(false));
}

#[tokio::test]
async fn polls_after_a_start_whose_amount_was_refused_are_failed_and_finished_and_say_why() {
    for amount in [json!("12,50"), json!(0), json!(2.705), json!(1_000_000), json!(null)] {
        let (host, till) = (Host::new(), till(1));
        let payment = json!({ "externalPaymentId": till.new_id(), "amount": amount, "method": "K_WEBHOOK" });
        let payment = json!({ "externalPayment": payment });
        let body = till.body(true, payment.clone());
        for _ in 0..2 {
            let start = till.signed(&EventName::StartExternalPayment, body.clone());
            let refused = host.orchestrator.handle(start).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{amount}");
            assert!(text(refused.body()).contains("externalPayment.amount"), "{}", text(refused.body()));
        }
        for _ in 0..2 {
            let poll = till.send(&host.orchestrator, &EventName::PollExternalPayment, payment.clone());
            let polled = poll.await.unwrap();
            assert_eq!((polled.status.as_deref(), polled.finished()), (Some("failed"), true), "{amount}");
            assert_eq!((polled.confirmed, polled.cancelled), (Some(false), Some(true)));
            assert!(text(&polled.body).contains("externalPayment.amount"), "{}", text(&polled.body));
        }
        assert!(host.provider.payments().is_empty());
    }
}

#[tokio::test]
async fn a_poll_in_an_odd_spelling_hears_what_a_plain_one_hears() {
    let (host, till) = (Host::new(), till(1));
    let payment = json!({ "externalPaymentId": "77", "amount": "12,50", "method": "K_WEBHOOK" });
    let body = till.body(true, json!({ "externalPayment": payment }));
    let start = till.signed(&EventName::StartExternalPayment, body);
    assert_eq!(host.orchestrator.handle(start).await.status(), StatusCode::BAD_REQUEST);
    for (number, id) in [r#""77","#, "77", r#""\u00377""#, r#""77""#].into_iter().enumerate() {
        let mark = if number == 3 { "\u{feff}" } else { "" };
        let body = format!(
            r#"{mark}{{"event":{{"eventCounter":{number},"eventTimestamp":"2026-03-05T19:07:33.964+01:00"}},
                "sender":{{"branchNumber":1,"employeeNumber":1,}},"externalPayment":{{"externalPaymentId":{id}}}}}"#
        );
        let poll = till.signed(&EventName::PollExternalPayment, body.into());
        let polled = host.orchestrator.handle(poll).await;
        assert_eq!(polled.status(), StatusCode::OK, "{id}: {}", text(polled.body()));
        assert!(text(polled.body()).contains("\"finished\":true"), "{id}: {}", text(polled.body()));
    }
}

#[tokio::test]
async fn polls_after_a_start_that_was_refused_before_it_was_kept_are_failed_and_finished_and_say_why() {
    let of = |active: bool| {
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let subscription = if active { subscription } else { subscription.inactive() };
        let provider = Arc::new(ManualProvider::new());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        let runtime = Arc::new(mplus_webhooks::TokioRuntime);
        let host = Orchestrator::builder(resolver, Arc::new(MemoryStore::new()), runtime)
            .payments(Arc::new(OneProvider(provider.clone())))
            .build();
        (host, provider)
    };
    for (active, why) in [(false, "is not active"), (true, "Content-Type")] {
        let ((host, provider), till) = (of(active), till(1));
        let payment = json!({ "externalPayment": { "externalPaymentId": till.new_id(), "amount": 5, "method": "K_WEBHOOK" } });
        let mut start = till.signed(&EventName::StartExternalPayment, till.body(true, payment.clone()));
        if active {
            start.headers_mut().insert(http::header::CONTENT_TYPE, "text/json".parse().unwrap());
        }
        assert_eq!(host.handle(start).await.status(), StatusCode::BAD_REQUEST);
        for _ in 0..2 {
            let poll = till.send(&host, &EventName::PollExternalPayment, payment.clone());
            let polled = poll.await.unwrap();
            assert_eq!((polled.status.as_deref(), polled.finished()), (Some("failed"), true), "{why}");
            assert!(text(&polled.body).contains(why), "{}", text(&polled.body));
        }
        assert!(provider.payments().is_empty());
    }
}

#[tokio::test]
async fn a_till_that_counts_nothing_can_give_its_payment_up_by_the_bytes_it_was_started_with() {
    for name in [EventName::RequestCancelExternalPayment, EventName::CancelExternalPayment] {
        let (host, till) = (Host::new(), till(1));
        let payment = json!({ "externalPaymentId": till.new_id(), "amount": 5, "method": "K_WEBHOOK" });
        let body = json!({ "sender": {}, "externalPayment": payment }).to_string();
        for name in [&EventName::StartExternalPayment, &name, &name] {
            let answer = host.orchestrator.handle(till.signed(name, body.clone().into())).await;
            assert_eq!(answer.status(), StatusCode::OK, "{name:?}: {}", text(answer.body()));
        }
        assert_eq!(host.provider.calls().cancel, 1, "{name:?}");
    }
}

#[tokio::test]
async fn a_till_that_counts_nothing_is_answered_how_a_payment_stands_by_the_bytes_it_was_started_with() {
    // As some of the vendor's samples end.
    for odd in ["", ","] {
        let (host, till) = (Host::new(), till(1));
        let payment = json!({ "externalPaymentId": till.new_id(), "amount": 5, "method": "K_WEBHOOK" });
        let body = format!(r#"{{"sender":{{}},"externalPayment":{payment}{odd}}}"#);
        let poll = &EventName::PollExternalPayment;
        for name in [&EventName::StartExternalPayment, poll, poll] {
            let answer = host.orchestrator.handle(till.signed(name, body.clone().into())).await;
            assert_eq!(answer.status(), StatusCode::OK, "{name:?} {body}: {}", text(answer.body()));
            assert!(text(answer.body()).contains("pending"), "{name:?} {body}: {}", text(answer.body()));
        }
        assert_eq!(host.provider.calls().create, 1, "{body}");
    }
}

#[tokio::test]
async fn a_till_that_does_not_tell_its_place_is_served_by_what_is_assigned_to_every_till() {
    let (own, every) =
        (Arc::new(ManualProvider::new().with_terminal("one")), Arc::new(ManualProvider::new()));
    let profiles =
        PaymentProfiles::new().assign(PaymentRule::of(&merchant()).at_workplace(1, 1), own.clone());
    for (profiles, started) in [
        (profiles.clone(), "\"started\":false"),
        (profiles.assign(PaymentRule::of(&merchant()), every.clone()), "\"started\":true"),
    ] {
        let (host, till) = (Host::with(|builder| builder.payments(Arc::new(profiles))), till(1));
        for sender in [json!(null), json!({}), json!({ "branchNumber": "een", "workplaceNumber": [] })] {
            let payment = json!({ "externalPaymentId": till.new_id(), "amount": 5, "method": "K_WEBHOOK" });
            let body = json!({ "sender": sender, "externalPayment": payment }).to_string();
            let start = till.signed(&EventName::StartExternalPayment, body.into());
            let answer = host.orchestrator.handle(start).await;
            assert!(text(answer.body()).contains(started), "{sender}: {}", text(answer.body()));
        }
    }
    assert!(own.payments().is_empty());
    assert_eq!(every.payments().len(), 3);
}

#[tokio::test]
async fn a_start_that_comes_after_its_cancel_creates_nothing() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    let cancelled = payment.cancel(&host.orchestrator).await.unwrap();
    assert_eq!(cancelled.cancelled, Some(true));
    let started = payment.start(&host.orchestrator).await.unwrap();
    assert_eq!((started.started, started.status.as_deref()), (Some(false), Some("failed")));
    host.refresh(&payment.id).await;
    assert!(host.provider.payments().is_empty());
    assert!(payment.poll(&host.orchestrator).await.unwrap().finished());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_for_a_till_that_gave_up_while_the_provider_was_away() {
    for for_good in [true, false] {
        let (host, till) = (Host::on(Arc::new(Paused::new())), till(1));
        let payment = till.start_payment(euros(270));
        host.provider.set_unreachable(true);
        payment.start(&host.orchestrator).await.unwrap();
        match for_good {
            true => payment.cancel(&host.orchestrator).await.unwrap(),
            false => payment.request_cancel(&host.orchestrator).await.unwrap(),
        };
        host.provider.set_unreachable(false);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            host.refresh(&payment.id).await;
        }
        assert!(host.provider.payments().is_empty(), "shown to a customer after the till gave up");
        let end = payment.poll(&host.orchestrator).await.unwrap();
        assert_eq!((end.cancelled, end.finished()), (Some(true), true));
    }
}

/// Takes a payment, and loses the first answer. Counts what is sent.
#[derive(Debug, Default)]
struct LosesTheFirstAnswer(ManualProvider, AtomicUsize);

#[async_trait]
impl PaymentProvider for LosesTheFirstAnswer {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let created = self.0.create(payment).await;
        match self.1.fetch_add(1, Ordering::SeqCst) {
            0 => {
                Err(ProviderError::Unreachable { provider: "manual".to_owned(), message: "lost".to_owned() })
            }
            _ => created,
        }
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.get(payment).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.cancel(payment).await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_looked_up_and_not_sent_again() {
    let provider = Arc::new(LosesTheFirstAnswer::default());
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider.clone()))));
    let till = till(1);
    let payment = till.start_payment(euros(270));
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    provider.0.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
    assert_eq!(provider.1.load(Ordering::SeqCst), 1);
}

/// Never takes anything.
#[derive(Debug, Default)]
struct AlwaysAway {
    creates: AtomicUsize,
    certain: bool,
}

impl AlwaysAway {
    fn error(&self) -> ProviderError {
        let (provider, message) = ("away".to_owned(), "HTTP 503".to_owned());
        match self.certain {
            true => ProviderError::Unavailable { provider, message },
            false => ProviderError::Unreachable { provider, message },
        }
    }
}

#[async_trait]
impl PaymentProvider for AlwaysAway {
    fn name(&self) -> &str {
        "away"
    }

    async fn create(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        self.creates.fetch_add(1, Ordering::SeqCst);
        Err(self.error())
    }

    async fn get(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        Err(self.error())
    }

    async fn cancel(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        Err(self.error())
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

async fn refresh_for(host: &Host, seconds: u64) {
    for _ in 0..seconds.div_ceil(3) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        host.orchestrator.payments().unwrap().refresh_due().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_can_never_be_created_ends_with_back_off_before_its_time_to_pay_is_over() {
    let provider = Arc::new(AlwaysAway { certain: true, ..AlwaysAway::default() });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    refresh_for(&host, 14 * 60).await;
    let end = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((end.status.as_deref(), end.finished()), (Some("failed"), true));
    assert!(text(&end.body).contains("in time: the payment provider away"), "{}", text(&end.body));
    let creates = provider.creates.load(Ordering::SeqCst);
    assert!((4..=15).contains(&creates), "tried {creates} times");
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_which_nobody_can_be_asked_for_hours_ends_and_a_person_is_told() {
    let notices: Arc<Mutex<Vec<PaymentNotice>>> = Arc::default();
    let handlers = {
        let notices = notices.clone();
        Handlers::new().on_payment_changed(move |notice| {
            notices.lock().unwrap().push(notice);
            async {}
        })
    };
    let provider = Arc::new(AlwaysAway::default());
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone()))).handler(handlers)
    });
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    refresh_for(&host, 30 * 60).await;
    assert!(!payment.poll(&host.orchestrator).await.unwrap().finished(), "it may have been paid");
    refresh_for(&host, 60 * 60).await;
    assert!(payment.poll(&host.orchestrator).await.unwrap().finished());
    assert_eq!(provider.creates.load(Ordering::SeqCst), 1);
    let notices = notices.lock().unwrap();
    assert!(matches!(notices.last(), Some(PaymentNotice::Unresolved(_))), "{notices:?}");
    let numbers: Vec<_> = notices.iter().map(PaymentNotice::number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_account_of_one_merchant_keeps_no_other_waiting() {
    let other = SubscriptionSecret::from_bytes(b"another key").unwrap();
    let stranger = MerchantId::new("stranger");
    let good = Arc::new(ManualProvider::new());
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant()), good.clone())
        .assign(PaymentRule::of(&stranger), Arc::new(Silent(ManualProvider::new().with_account("silent"))));
    let resolver = FixedSubscriptions::new([
        Subscription::new(SUBSCRIPTION, merchant(), secret()),
        Subscription::new("silent", stranger, other.clone()),
    ]);
    let orchestrator =
        Orchestrator::builder(Arc::new(resolver), Arc::new(MemoryStore::new()), Arc::new(Paused::new()))
            .payments(Arc::new(profiles))
            .build();
    let their_till = Till::in_process("silent", other, 2);
    for _ in 0..300 {
        their_till.start_payment(Decimal::ONE).start(&orchestrator).await.unwrap();
    }
    let our_till = till(1);
    let payment = our_till.start_payment(Decimal::ONE);
    payment.start(&orchestrator).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let payments = orchestrator.payments().unwrap();
    payments.refresh_due().await.unwrap();
    good.confirm(&payment.id);
    let begun = tokio::time::Instant::now();
    while !payment.poll(&orchestrator).await.unwrap().finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        payments.refresh_due().await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

/// Creates, and never answers again.
#[derive(Debug)]
struct Silent(ManualProvider);

#[async_trait]
impl PaymentProvider for Silent {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn account(&self) -> &str {
        self.0.account()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.0.create(payment).await
    }

    async fn get(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        std::future::pending().await
    }

    async fn cancel(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        std::future::pending().await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_host_starts_and_cancels_payments_of_its_own_through_the_same_provider() {
    let host = Host::new();
    let payments = host.orchestrator.payments().unwrap();
    let own = OwnPayment::new(key("kiosk-1"), euros(1250), "K_WEBHOOK").at(1, 9);
    let started = payments.start_own(&own).await.unwrap();
    assert_eq!((started.state, started.origin), (PaymentState::Pending, PaymentOrigin::Host));
    assert_eq!(payments.start_own(&own).await.unwrap().key, started.key);
    assert_eq!(host.provider.payments().len(), 1);
    let other = OwnPayment::new(key("kiosk-1"), euros(1), "K_WEBHOOK");
    assert!(matches!(payments.start_own(&other).await, Err(StartError::Taken(_))));
    host.provider.confirm("kiosk-1");
    let paid = payments.refresh(&key("kiosk-1")).await.unwrap().unwrap();
    assert_eq!((paid.state, paid.final_amount), (PaymentState::Confirmed, Some(euros(1250))));

    payments.start_own(&OwnPayment::new(key("kiosk-2"), euros(100), "K_WEBHOOK")).await.unwrap();
    let cancelled = payments.cancel_own(&key("kiosk-2")).await.unwrap().unwrap();
    assert_eq!(cancelled.state, PaymentState::Cancelled);
    assert!(payments.cancel_own(&key("nobody")).await.unwrap().is_none());
}

async fn start_of(
    host: &Host,
    till: &Till,
    amount: &str,
) -> Result<mplus_webhooks::testkit::TillReply, TillError> {
    let fields = serde_json::json!({ "externalPayment": { "externalPaymentId": till.new_id(), "amount": amount, "method": "K" } });
    till.send(&host.orchestrator, &mplus_webhooks::event::EventName::StartExternalPayment, fields).await
}

#[tokio::test]
async fn the_noise_of_binary_numbers_is_read_as_the_cents_meant_and_more_is_refused() {
    let (host, till) = (Host::new(), till(1));
    for amount in ["12.299999999999999", "12.3000000000000007", "12.3000000009", "12.3"] {
        assert_eq!(start_of(&host, &till, amount).await.unwrap().started, Some(true), "{amount}");
    }
    assert!(host.provider.payments().iter().all(|(_, amount, _)| *amount == euros(1230)));
    for amount in ["12.299", "12.2999", "12.300000001", "12.29999999", "0", "0.001"] {
        let refused = start_of(&host, &till, amount).await;
        assert!(matches!(refused, Err(TillError::Refused { .. })), "{amount}: {refused:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_comes_after_the_start_tells_the_till_why() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.fail_because(&payment.id, Reason::with_code("offline", "the reader is offline"));
    host.refresh(&payment.id).await;
    let failed = payment.poll(&host.orchestrator).await.unwrap();
    assert!(text(&failed.body).contains("the reader is offline"), "{}", text(&failed.body));
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_the_handler_did_not_take_comes_again_and_later_ones_wait_for_it() {
    let told: Arc<Mutex<Vec<(u64, PaymentState)>>> = Arc::default();
    let panics = Arc::new(AtomicUsize::new(2));
    let handlers = {
        let (told, panics) = (told.clone(), panics.clone());
        Handlers::new().on_payment_changed(move |notice| {
            let (told, panics) = (told.clone(), panics.clone());
            async move {
                let one_less = |left: usize| left.checked_sub(1);
                if panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                    panic!("not now");
                }
                told.lock().unwrap().push((notice.number(), notice.payment().state));
            }
        })
    };
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
    let till = till(1);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    refresh_for(&host, 6).await;
    assert!(told.lock().unwrap().is_empty());
    refresh_for(&host, 300).await;
    let expected = [(1, PaymentState::Pending), (2, PaymentState::Confirmed)];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_day_is_compared_with_what_the_provider_has() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let account = ProviderAccount::new("manual", "default");
    let paid = till.start_payment(euros(270));
    paid.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&paid.id);
    let today = mplus_webhooks::Runtime::now(&mplus_webhooks::TokioRuntime).date_naive();
    let before = payments.reconcile(&account, today).await.unwrap();
    assert_eq!(before.different.len(), 1, "the news has not arrived: {before:?}");
    host.refresh(&paid.id).await;
    let after = payments.reconcile(&account, today).await.unwrap();
    assert!(after.is_clean() && after.agreed == 1, "{after:?}");
    let mut filter = PaymentFilter::default();
    filter.states = vec![PaymentState::Confirmed];
    assert_eq!(payments.list(&filter).await.unwrap().len(), 1);
    filter.states = vec![PaymentState::Pending];
    assert!(payments.list(&filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_address_per_account_takes_notices_and_answers_verifications() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let account = ProviderAccount::new("manual", "default");
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    let request = |method: &str, body: String| {
        Request::builder().method(method).uri("/anywhere").body(Bytes::from(body)).unwrap()
    };
    let notice = request("POST", format!("manual-{}", payment.id));
    assert_eq!(payments.answer_provider(&account, notice).await.status(), StatusCode::OK);
    assert!(payment.poll(&host.orchestrator).await.unwrap().finished());
    let get = payments.answer_provider(&account, request("GET", String::new())).await;
    assert_eq!(get.status(), StatusCode::OK);
    let put = payments.answer_provider(&account, request("PUT", String::new())).await;
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    let nobody = ProviderAccount::new("manual", "nobody");
    let unknown = payments.answer_provider(&nobody, request("POST", String::new())).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(payments.check(&account).await.unwrap().accepted, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_appears_after_it_was_taken_to_be_absent_is_found_by_whoever_looks() {
    for who in ["by hand", "by itself", "by hand, long after"] {
        let (host, captures) = counting_unexpected_captures();
        let till = till(1);
        let payment = till.start_payment(euros(270));
        host.provider.set_unreachable(true);
        payment.start(&host.orchestrator).await.unwrap();
        payment.cancel(&host.orchestrator).await.unwrap();
        host.provider.set_unreachable(false);
        tokio::time::sleep(Duration::from_secs(120)).await;
        host.refresh(&payment.id).await;
        let payments = host.orchestrator.payments().unwrap();
        let ended = payments.payment(&key(&payment.id)).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.creation), (PaymentState::Cancelled, Creation::Absent));
        if who == "by hand, long after" {
            let _background = crate::support::background(&host.orchestrator);
            tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
            let forgotten = payments.payment(&key(&payment.id)).await.unwrap().unwrap();
            assert!(!forgotten.has_work(), "it is not looked for for ever");
        }
        // Sent long ago, and there now.
        host.provider.create(&ended).await.unwrap();
        host.provider.confirm(&payment.id);
        if who == "by itself" {
            let _background = crate::support::background(&host.orchestrator);
            tokio::time::sleep(Duration::from_secs(20 * 60)).await;
        } else {
            host.refresh(&payment.id).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(captures.load(Ordering::SeqCst), 1, "{who}");
        let found = payments.payment(&key(&payment.id)).await.unwrap().unwrap();
        assert_eq!((found.state, found.refundable()), (PaymentState::Cancelled, euros(270)));
    }
}

fn counting_unexpected_captures() -> (Host, Arc<AtomicUsize>) {
    let captures = Arc::new(AtomicUsize::new(0));
    let told = captures.clone();
    let handlers = Handlers::new().on_payment_changed(move |notice| {
        told.fetch_add(
            usize::from(matches!(notice, PaymentNotice::UnexpectedCapture { .. })),
            Ordering::SeqCst,
        );
        async {}
    });
    (Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers)), captures)
}
