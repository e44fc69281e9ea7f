//! Equal parts of a split sale, and what a till only tells again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxNotice};
use mplus_webhooks::{
    EqualParts, FixedSubscriptions, Handlers, MemoryStore, Orchestrator, Refunds, Refusal, Subscription,
};
use serde_json::json;

use super::{Table, Told, completed, host, signed, states};
use crate::support::{Paused, SUBSCRIPTION, background, merchant, secret, till};

/// Half of a bill, told with this counter at this second.
fn half(name: &EventName, counter: u32, second: u32) -> Request<Bytes> {
    let body = json!({
        "event": { "eventCounter": counter, "eventTimestamp": format!("2026-03-05T19:07:{second:02}.964+01:00") },
        "sender": { "branchNumber": 1, "workplaceNumber": 2, "instanceId": "i" },
        "session": { "sessionId": "s", "totalInclAmount": 10 },
        (name.as_str()): { "payments": [{ "amount": 10, "method": "PIN" }] },
    });
    till(1).signed(name, body.to_string().into())
}

#[tokio::test(start_paused = true)]
async fn two_guests_who_pay_half_each_are_two_parts_and_the_host_is_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (counter, second) in [(1, 1), (2, 9)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(table.calls(), ["create s 10", "create s 10"]);
    assert_eq!(told.kinds(), ["further part"]);
    let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 2);
    // Both sent once more, and a counter or a clock that stood still: repeats all.
    for (counter, second) in [(2, 9), (1, 1), (1, 20), (2, 20), (7, 9), (8, 1)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
    }
    assert_eq!(table.calls().len(), 2);
    assert_eq!(told.kinds().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_equal_parts_for_repeats_is_told_of_each() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).equal_parts(EqualParts::Repeat)
    });
    for (counter, second) in [(1, 1), (2, 9), (1, 1)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
    }
    assert_eq!(table.calls(), ["create s 10"]);
    assert_eq!(told.kinds(), ["told again"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_line_credited_on_two_occasions_is_given_back_twice_and_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).refunds(Refunds::Record)
    });
    for (counter, second) in [(1, 1), (2, 9), (2, 9)] {
        assert_eq!(host.handle(half(&EventName::CreditSession, counter, second)).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(table.calls(), ["refund s", "refund s"]);
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn equal_halves_that_are_refused_are_a_dead_letter_each() {
    let told = Told::default();
    let host =
        host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (counter, second) in [(1, 1), (2, 9), (2, 9), (1, 20)] {
        let mut half = half(&EventName::CompleteSession, counter, second);
        half.headers_mut().remove(http::header::CONTENT_TYPE);
        assert_eq!(host.handle(half).await.status(), 400);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(told.kinds(), ["dead", "dead"]);
    assert_eq!(states(&host).await, [EntryState::Dead, EntryState::Dead]);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_the_host_was_not_told_of_is_not_acknowledged() {
    let table = Arc::new(Table::default());
    let handlers = Handlers::new().on_inbox_notice(|notice: InboxNotice| async move {
        assert!(!matches!(notice, InboxNotice::ToldAgain { .. }), "this panic is part of the test");
    });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(handlers).equal_parts(EqualParts::Repeat)
    });
    assert_eq!(host.handle(half(&EventName::CompleteSession, 1, 1)).await.status(), 200);
    assert_eq!(host.handle(half(&EventName::CompleteSession, 2, 9)).await.status(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_came_first_counts_for_a_sale_that_the_handler_refuses_too() {
    for failures in [0, 1] {
        let table = Arc::new(Table::default());
        let fails = table.clone();
        let handlers = Handlers::new().on_complete_session(move |_| {
            // The sale is recorded by now; its cancellation may not go through at once.
            fails.failures.store(failures, Ordering::SeqCst);
            async { Err(Refusal::invalid_data("the kitchen does not want it")) }
        });
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
        let _background = background(&host);
        let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
        assert_eq!(host.handle(cancelled).await.status(), 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(host.handle(completed("s", "10")).await.status(), 400);
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(table.calls(), ["cancel s", "create s 10", "cancel s"]);
        assert_eq!(states(&host).await, [EntryState::Done, EntryState::Done]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_is_given_to_a_handler_once_however_it_ended_and_whoever_repeats_it() {
    for ending in ["fails", "hangs", "refuses"] {
        let (calls, told) = (Arc::new(AtomicUsize::new(0)), Told::default());
        let called = calls.clone();
        let handlers = told.handlers().on_start_external_payment(move |_| {
            called.fetch_add(1, Ordering::SeqCst);
            async move {
                match ending {
                    "fails" => Err(Refusal::internal()),
                    "hangs" => std::future::pending().await,
                    _ => Err(Refusal::invalid_data("the terminal is off")),
                }
            }
        });
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        let host = Orchestrator::builder(resolver, Arc::new(MemoryStore::new()), Arc::new(Paused::new()))
            .handler(handlers)
            .build();
        let _background = background(&host);
        let payment = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "PIN" });
        let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": payment }));
        let expected = if ending == "hangs" { 200 } else { 400 };
        assert_eq!(host.handle(start.clone()).await.status(), expected, "{ending}");
        tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await;
        assert_eq!(host.handle(start).await.status(), 400, "{ending}");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{ending}");
        let expected: &[&str] = if ending == "refuses" { &[] } else { &["dead"] };
        assert_eq!(told.kinds(), expected, "{ending}");
    }
}
