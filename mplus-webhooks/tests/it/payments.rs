//! External payments from start to end, as a till sees them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::payment::{AmountUnit, PaymentLimits, PaymentNotice, PaymentState, ProviderStatus};
use mplus_webhooks::testkit::TillError;
use mplus_webhooks::{ErrorCode, Handlers};
use rust_decimal::Decimal;

use crate::support::{Host, Paused, till};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[tokio::test]
async fn a_payment_is_pending_until_the_provider_confirms_it() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));

    let started = payment.start(&host.orchestrator).await.unwrap();
    assert_eq!(started.started, Some(true));

    let pending = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(pending.status.as_deref(), Some("pending"));
    assert_eq!((pending.confirmed, pending.cancelled), (Some(false), Some(false)));
    assert!(!pending.finished());

    assert!(host.provider.confirm(&payment.id));
    host.refresh(&payment.id).await;

    let confirmed = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(confirmed.status.as_deref(), Some("confirmed"));
    assert_eq!((confirmed.confirmed, confirmed.cancelled), (Some(true), Some(false)));
    assert_eq!(confirmed.final_amount, Some(euros(270)));
    assert!(confirmed.finished());
}

#[tokio::test]
async fn a_partial_capture_gives_the_final_amount() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(1000));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm_partly(&payment.id, euros(650));
    host.refresh(&payment.id).await;
    let paid = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((paid.confirmed, paid.final_amount), (Some(true), Some(euros(650))));
}

#[tokio::test]
async fn the_final_amount_stands_in_cents_for_a_pos_that_counts_so() {
    let mut limits = PaymentLimits::default();
    limits.final_amount_unit = AmountUnit::Cents;
    let (host, till) = (Host::with(|builder| builder.payment_limits(limits)), till(1));
    let payment = till.start_payment(euros(1000));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm_partly(&payment.id, euros(650));
    host.refresh(&payment.id).await;
    let paid = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((paid.confirmed, paid.final_amount), (Some(true), Some(Decimal::from(650))));
}

#[tokio::test]
async fn a_refused_payment_is_failed_and_finished() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.fail(&payment.id);
    host.refresh(&payment.id).await;
    let failed = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(failed.status.as_deref(), Some("failed"));
    assert_eq!((failed.confirmed, failed.cancelled), (Some(false), Some(true)));
    assert_eq!(failed.final_amount, None);
    assert!(failed.finished());
}

#[tokio::test]
async fn a_request_to_cancel_asks_the_provider_before_it_answers() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    let cancelled = payment.request_cancel(&host.orchestrator).await.unwrap();
    assert_eq!(host.provider.calls().cancel, 1);
    assert_eq!((cancelled.confirmed, cancelled.cancelled), (Some(false), Some(true)));
    assert!(cancelled.finished());
}

#[tokio::test]
async fn money_that_was_captured_wins_over_every_cancel() {
    for definitely in [false, true] {
        let (host, till) = (Host::new(), till(1));
        let payment = till.start_payment(euros(270));
        payment.start(&host.orchestrator).await.unwrap();
        // Paid, but nobody has told us yet.
        host.provider.confirm(&payment.id);
        let answer = match definitely {
            true => payment.cancel(&host.orchestrator).await.unwrap(),
            false => payment.request_cancel(&host.orchestrator).await.unwrap(),
        };
        assert_eq!((answer.confirmed, answer.cancelled), (Some(true), Some(false)));
        let polled = payment.poll(&host.orchestrator).await.unwrap();
        assert_eq!((polled.confirmed, polled.final_amount), (Some(true), Some(euros(270))));
    }
}

#[tokio::test]
async fn a_capture_after_the_pos_gave_up_is_reported_to_the_host() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let handlers = {
        let notices = notices.clone();
        Handlers::new().on_payment_changed(move |notice| {
            notices.lock().unwrap().push(notice);
            async {}
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    payment.cancel(&host.orchestrator).await.unwrap();
    let notices = notices.lock().unwrap();
    assert!(
        matches!(
            &notices[..],
            [
                PaymentNotice::Changed(started),
                PaymentNotice::Changed(_),
                PaymentNotice::Changed(ended),
                PaymentNotice::UnexpectedCapture { payment: paid, captured },
            ] if started.state == PaymentState::Pending
                && paid.key.id == payment.id
                && *captured == euros(270)
                && ended.state == PaymentState::Confirmed
        ),
        "{notices:?}"
    );
}

#[tokio::test]
async fn cancelling_after_the_confirmation_changes_nothing() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    let before = host.provider.calls();
    let cancel = payment.cancel(&host.orchestrator).await.unwrap();
    assert_eq!((cancel.confirmed, cancel.cancelled), (Some(true), Some(false)));
    assert_eq!(host.provider.calls(), before);
}

#[tokio::test]
async fn while_the_provider_cannot_be_reached_a_cancel_is_pending_and_repeated_later() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.set_unreachable(true);
    let asked = payment.request_cancel(&host.orchestrator).await.unwrap();
    assert_eq!(asked.status.as_deref(), Some("pending"));
    assert!(!asked.finished());
    host.provider.set_unreachable(false);
    host.refresh(&payment.id).await;
    let polled = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((polled.cancelled, polled.finished()), (Some(true), true));
}

#[tokio::test]
async fn a_start_whose_provider_cannot_be_reached_is_created_by_the_refresh() {
    let (host, till) = (Host::new(), till(1));
    host.provider.set_unreachable(true);
    let payment = till.start_payment(euros(270));
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    assert!(host.provider.payments().is_empty());
    host.provider.set_unreachable(false);
    host.refresh(&payment.id).await;
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
}

#[tokio::test]
async fn starting_again_is_the_same_payment_and_with_another_amount_an_error() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    assert_eq!(host.provider.payments().len(), 1);
    let mut dearer = till.start_payment(euros(999));
    dearer.id.clone_from(&payment.id);
    let refused = dearer.start(&host.orchestrator).await.unwrap_err();
    assert!(matches!(refused, TillError::Refused { code: ErrorCode::InvalidData, .. }), "{refused:?}");
    assert_eq!(host.provider.payments()[0].1, euros(270));
}

#[tokio::test]
async fn polls_never_call_the_provider() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    let before = host.provider.calls();
    for _ in 0..20 {
        payment.poll(&host.orchestrator).await.unwrap();
    }
    assert_eq!(host.provider.calls(), before);
}

#[tokio::test]
async fn a_poll_that_repeats_its_counter_still_gets_fresh_news() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    let fields = serde_json::json!({ "externalPayment": { "externalPaymentId": payment.id } });
    let request = till.signed(&EventName::PollExternalPayment, till.body(true, fields));
    let poll = || till.send_request(&host.orchestrator, &EventName::PollExternalPayment, request.clone());
    assert!(!poll().await.unwrap().finished());
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert!(poll().await.unwrap().finished());
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_nobody_pays_expires_at_the_provider_too() {
    let (host, till) = (Host::on(Arc::new(Paused::new())), till(1));
    let refresh = crate::support::background(&host.orchestrator);
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    tokio::time::sleep(Duration::from_secs(14 * 60)).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().status.as_deref(), Some("pending"));
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    let expired = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((expired.status.as_deref(), expired.finished()), (Some("failed"), true));
    assert_eq!(host.provider.payments()[0].2, ProviderStatus::Cancelled);
    drop(refresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_cancel_pay_and_poll_at_once_the_store_agrees_with_the_provider() {
    let host = Arc::new(Host::new());
    let tills = Arc::new([till(1), till(2).at(1, 2)]);
    let races = (0..100).map(|number| {
        let (host, tills) = (host.clone(), tills.clone());
        tokio::spawn(async move {
            let payment = tills[number % 2].start_payment(euros(270));
            payment.start(&host.orchestrator).await.unwrap();
            let cancel = async {
                payment.request_cancel(&host.orchestrator).await.unwrap();
                payment.cancel(&host.orchestrator).await.unwrap();
            };
            let pay = async {
                tokio::task::yield_now().await;
                host.provider.confirm(&payment.id);
                host.refresh(&payment.id).await;
            };
            let poll = async {
                let mut last = None;
                for _ in 0..10 {
                    let polled = payment.poll(&host.orchestrator).await.unwrap();
                    if let Some(earlier) = last.replace(polled.clone()) {
                        let earlier: mplus_webhooks::testkit::TillReply = earlier;
                        assert!(
                            !earlier.finished() || earlier.status == polled.status,
                            "{earlier:?} {polled:?}"
                        );
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(cancel, pay, poll);
            let end = payment.poll(&host.orchestrator).await.unwrap();
            let payments = host.provider.payments();
            let truth = payments.iter().find(|(id, ..)| *id == payment.id).unwrap().2;
            let paid = matches!(truth, ProviderStatus::Captured(_));
            assert_eq!((end.confirmed, end.cancelled), (Some(paid), Some(!paid)), "{truth:?}");
        })
    });
    for race in futures_util::future::join_all(races).await {
        race.unwrap();
    }
}
