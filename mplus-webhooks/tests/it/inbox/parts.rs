//! Equal parts of a split sale, and what a till only tells again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxNotice};
use mplus_webhooks::reply::CompleteSessionReply;
use mplus_webhooks::{
    EqualParts, FixedSubscriptions, Handlers, MemoryStore, Orchestrator, Refunds, Refusal, Subscription,
};
use serde_json::json;

use super::{Table, Told, completed, host, signed, states};
use crate::support::{Paused, SUBSCRIPTION, background, merchant, secret, till};

/// Half of a bill, told with this counter at this second.
pub(super) fn half(name: &EventName, counter: u32, second: u32) -> Request<Bytes> {
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
    // Both sent once more.
    for (counter, second) in [(2, 9), (1, 1)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
    }
    assert_eq!(table.calls().len(), 2);
    assert_eq!(told.kinds().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_halves_that_are_told_within_one_tick_of_the_clock_are_two_parts() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (counter, second) in [(13, 33), (14, 33), (14, 33)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(table.calls(), ["create s 10", "create s 10"]);
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_till_whose_counter_stands_still_the_second_half_is_kept_and_told_and_a_replay_makes_it_a_part()
{
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (counter, second) in [(1, 1), (1, 20), (1, 20)] {
        assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(table.calls(), ["create s 10"]);
    assert_eq!(told.kinds(), ["told again"]);
    let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 2);
    host.inbox().replay(&entries[1].id).await.unwrap();
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create s 10", "create s 10"]);
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
async fn a_credit_that_is_told_anew_gives_nothing_more_back_unless_the_host_wants_it_or_replays_it() {
    for (reading, given, kind) in [(None, 1, "told again"), (Some(EqualParts::Further), 2, "further part")] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
            let builder = builder.handler(told.handlers()).refunds(Refunds::Record);
            match reading {
                Some(reading) => builder.equal_credits(reading),
                None => builder,
            }
        });
        for (counter, second) in [(1, 1), (2, 9), (2, 9)] {
            assert_eq!(host.handle(half(&EventName::CreditSession, counter, second)).await.status(), 200);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(table.calls(), vec!["refund s"; given], "{reading:?}");
        assert_eq!(told.kinds(), [kind], "{reading:?}");
        if reading.is_none() {
            let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
            host.inbox().replay(&entries[1].id).await.unwrap();
            let _background = background(&host);
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(table.calls(), ["refund s", "refund s"], "by the replay");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn equal_halves_that_are_refused_are_a_dead_letter_each() {
    let told = Told::default();
    let host =
        host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (counter, second) in [(1, 1), (2, 9), (2, 9), (1, 1)] {
        let mut half = half(&EventName::CompleteSession, counter, second);
        half.headers_mut().remove(http::header::CONTENT_TYPE);
        assert_eq!(host.handle(half).await.status(), 400);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(told.kinds(), ["dead", "dead"]);
    assert_eq!(states(&host).await, [EntryState::Dead, EntryState::Dead]);
}

/// The till does not like the answer to the half, and sends it along, told anew.
fn complaint(counter: u32, second: u32) -> Request<Bytes> {
    let half = half(&EventName::CompleteSession, counter, second);
    let mut body: serde_json::Value = serde_json::from_slice(half.body()).unwrap();
    body["error"] = json!({ "code": "INVALID_RECEIPT_FOOTER_CODE", "message": "no such characters" });
    till(1).signed(&EventName::CompleteSession, body.to_string().into())
}

#[tokio::test(start_paused = true)]
async fn a_complaint_that_brings_its_sale_along_is_no_part_of_it_and_is_told() {
    for (counter, second) in [(1, 1), (2, 9)] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
        assert_eq!(host.handle(half(&EventName::CompleteSession, 1, 1)).await.status(), 200);
        for _ in 0..2 {
            assert_eq!(host.handle(complaint(counter, second)).await.status(), 200);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(table.calls(), ["create s 10"], "counter {counter}");
        assert_eq!(told.kinds(), ["told again", "odd"], "counter {counter}");
    }
}

/// A handler that refuses the half with this counter as long as it is told to, and counts how often it is asked about each.
#[derive(Clone, Default)]
struct Picky {
    refuses: Arc<Mutex<Option<i64>>>,
    asked: Arc<Mutex<Vec<Option<i64>>>>,
}

impl Picky {
    fn refusing(counter: i64) -> Self {
        Self { refuses: Arc::new(Mutex::new(Some(counter))), asked: Arc::default() }
    }

    fn accept(&self) {
        *self.refuses.lock().unwrap() = None;
    }

    fn asked(&self) -> Vec<Option<i64>> {
        self.asked.lock().unwrap().clone()
    }

    fn handlers(&self, told: &Told) -> Handlers {
        let picky = self.clone();
        told.handlers().on_complete_session(move |event| {
            let counter = event.details.counter;
            picky.asked.lock().unwrap().push(counter);
            let refuses = counter.is_some() && counter == *picky.refuses.lock().unwrap();
            async move {
                match refuses {
                    true => Err(Refusal::invalid_data("the kitchen does not want it")),
                    false => Ok(CompleteSessionReply::acknowledge()),
                }
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_that_the_handler_refuses_takes_nothing_from_the_other() {
    for refused in [1, 2] {
        let (table, told, picky) = (Arc::new(Table::default()), Told::default(), Picky::refusing(refused));
        let host =
            host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(picky.handlers(&told)));
        let send = async |counter, second| {
            let status = host.handle(half(&EventName::CompleteSession, counter, second)).await.status();
            tokio::time::sleep(Duration::from_millis(10)).await;
            status.as_u16()
        };
        let status = |counter: i64| if counter == refused { 400 } else { 200 };
        assert_eq!([send(1, 1).await, send(2, 9).await], [status(1), status(2)]);
        assert_eq!(table.calls(), ["create s 10", "create s 10"], "each half is a sale");
        assert_eq!(told.kinds(), ["further part"]);
        assert_eq!(states(&host).await, [EntryState::Done, EntryState::Done]);

        // What was refused is put to the handler again; the other half is not.
        picky.accept();
        assert_eq!([send(1, 1).await, send(2, 9).await], [200; 2]);
        let expected: Vec<_> = [1, 2, refused].into_iter().map(Some).collect();
        assert_eq!(picky.asked(), expected, "half {refused} was refused");
        assert_eq!(table.calls().len(), 2, "and it is recorded once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_equal_parts_for_repeats_is_asked_again_about_what_it_refused() {
    let (table, told, picky) = (Arc::new(Table::default()), Told::default(), Picky::refusing(1));
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(picky.handlers(&told)).equal_parts(EqualParts::Repeat)
    });
    assert_eq!(host.handle(half(&EventName::CompleteSession, 1, 1)).await.status(), 400);
    assert_eq!(host.handle(half(&EventName::CompleteSession, 2, 9)).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(picky.asked(), [Some(1), Some(2)]);
    assert_eq!(table.calls(), ["create s 10"], "one sale, told twice");
    assert_eq!(told.kinds(), ["told again"]);
}

/// A handler that panics or hangs so often before it takes that a sale was told again.
fn unwilling(told: &Told, hangs: bool, times: usize) -> Handlers {
    let (told, left) = (told.clone(), Arc::new(AtomicUsize::new(times)));
    Handlers::new().on_inbox_notice(move |notice: InboxNotice| {
        let (told, left) = (told.clone(), left.clone());
        async move {
            let fails =
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            assert!(hangs || !fails, "this panic is part of the test");
            if fails {
                std::future::pending::<()>().await;
            }
            told.add(notice);
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_kept_and_told_until_the_host_has_taken_it() {
    for hangs in [false, true] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
            builder.handler(unwilling(&told, hangs, 3)).equal_parts(EqualParts::Repeat)
        });
        let _background = background(&host);
        for (counter, second) in [(1, 1), (2, 9)] {
            assert_eq!(host.handle(half(&EventName::CompleteSession, counter, second)).await.status(), 200);
        }
        // The handler is cut off after a minute.
        tokio::time::sleep(Duration::from_secs(65)).await;
        assert!(told.kinds().is_empty());
        let mut left = states(&host).await;
        left.retain(|state| *state != EntryState::Done);
        assert_eq!(left.len(), 1, "it is not done before it was told");
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(told.kinds(), ["told again"], "hangs: {hangs}");
        assert_eq!(states(&host).await, [EntryState::Done, EntryState::Done]);
        assert_eq!(table.calls(), ["create s 10"]);
        // Nobody is told of the same bytes once more.
        assert_eq!(host.handle(half(&EventName::CompleteSession, 2, 9)).await.status(), 200);
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(told.kinds().len(), 1);
    }
}

/// Half of a bill of a till that tells no counter and no time.
fn half_without_occasion(number: u32) -> Request<Bytes> {
    let body = json!({
        "event": {}, "sender": { "branchNumber": 1, "workplaceNumber": 2, "softwareVersion": number.to_string() },
        "session": { "sessionId": "s", "totalInclAmount": 10 },
        "completeSession": { "payments": [{ "amount": 10, "method": "PIN" }] },
    });
    till(1).signed(&EventName::CompleteSession, body.to_string().into())
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_from_a_repeat_is_told_and_becomes_a_part_by_a_replay() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for number in [1, 2, 2] {
        assert_eq!(host.handle(half_without_occasion(number)).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(table.calls(), ["create s 10"]);
    assert_eq!(told.kinds(), ["told again"]);
    let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 2);
    host.inbox().replay(&entries[1].id).await.unwrap();
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create s 10", "create s 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_came_first_counts_for_a_sale_that_the_handler_refuses_too() {
    for failures in [0, 1] {
        let table = Arc::new(Table::default());
        let (fails, asked) = (table.clone(), Arc::new(AtomicUsize::new(0)));
        let asks = asked.clone();
        let handlers = Handlers::new().on_complete_session(move |_| {
            asks.fetch_add(1, Ordering::SeqCst);
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
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // However it was concluded: a repeat of what was refused is put to the handler again.
        assert_eq!(host.handle(completed("s", "10")).await.status(), 400);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_came_first_counts_though_the_handler_of_the_sale_never_comes_to_its_end() {
    for hangs in [false, true] {
        let table = Arc::new(Table::default());
        let handlers = Handlers::new().on_complete_session(move |_| async move {
            assert!(hangs, "this panic is part of the test");
            std::future::pending().await
        });
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
        let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
        assert_eq!(host.handle(cancelled).await.status(), 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(host.handle(completed("s", "10")).await.status(), 200);
        // A handler that hangs is cut off after a minute.
        tokio::time::sleep(Duration::from_secs(65)).await;
        assert_eq!(table.calls(), ["cancel s", "create s 10", "cancel s"], "hangs: {hangs}");
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
