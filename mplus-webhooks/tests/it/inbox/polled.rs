//! Ends of sales that are configured as polling: their till asks about them until it hears that it need not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryState;
use mplus_webhooks::reply::{CompleteSessionReply, Polling};
use mplus_webhooks::{EqualParts, Handlers, MemoryStore, Orchestrator};
use serde_json::{Value, json};

use super::parts::half;
use super::{Table, Told, host, states};
use crate::support::{background, till};

/// A till asks about the end of a sale, with this counter at this second.
fn ask(session_id: &str, counter: u32, second: u32) -> Request<Bytes> {
    changed(&half(&EventName::CompleteSession, counter, second), |body| {
        body["event"]["eventPolling"] = json!(true);
        body["session"]["sessionId"] = json!(session_id);
    })
}

fn changed(request: &Request<Bytes>, change: impl FnOnce(&mut Value)) -> Request<Bytes> {
    let mut body: Value = serde_json::from_slice(request.body()).unwrap();
    change(&mut body);
    till(1).signed(&EventName::CompleteSession, body.to_string().into())
}

/// Whether the till need not ask again.
fn is_finished(answer: &Response<Bytes>) -> bool {
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    body["polling"]["finished"].as_bool().unwrap()
}

/// A handler that has the till ask so many times more, again after each time that it need not.
#[derive(Clone, Default)]
struct Slow {
    asks: usize,
    asked: Arc<AtomicUsize>,
}

impl Slow {
    fn handlers(&self, told: &Told) -> Handlers {
        let slow = self.clone();
        told.handlers().on_complete_session(move |_| {
            let asked = slow.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let finished = asked.is_multiple_of(slow.asks + 1);
            async move { Ok(CompleteSessionReply::acknowledge().polling(Polling::new(finished))) }
        })
    }
}

async fn answers(host: &Orchestrator, asks: impl IntoIterator<Item = Request<Bytes>>) -> Vec<bool> {
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(is_finished(&host.handle(ask).await));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn an_end_of_a_sale_is_recorded_once_however_often_its_till_asks() {
    for session_id in ["s", ""] {
        let (table, told, slow) =
            (Arc::new(Table::default()), Told::default(), Slow { asks: 2, ..Slow::default() });
        let host =
            host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
        let asks = (1..4).map(|counter| ask(session_id, counter, counter));
        assert_eq!(answers(&host, asks).await, [false, false, true]);
        // The answer was lost, and the same comes once more.
        assert_eq!(answers(&host, [ask(session_id, 1, 1)]).await, [true]);
        assert_eq!(table.calls(), [format!("create {session_id} 10")]);
        assert_eq!(slow.asked.load(Ordering::SeqCst), 3, "every poll wants to know how it stands now");
        assert!(!told.kinds().contains(&"further part"), "{:?}", told.kinds());
    }
}

#[tokio::test(start_paused = true)]
async fn two_guests_who_pay_half_each_are_two_parts_of_a_polled_sale_too() {
    for session_id in ["s", ""] {
        let (table, told, slow) =
            (Arc::new(Table::default()), Told::default(), Slow { asks: 1, ..Slow::default() });
        let host =
            host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
        let asks = (1..7).map(|counter| ask(session_id, counter, counter));
        assert_eq!(answers(&host, asks).await, [false, true, false, true, false, true]);
        assert_eq!(table.calls(), vec![format!("create {session_id} 10"); 3]);
        let parts = told.kinds().iter().filter(|kind| **kind == "further part").count();
        assert_eq!(parts, if session_id.is_empty() { 0 } else { 2 }, "{:?}", told.kinds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_equal_parts_for_repeats_is_told_of_polled_ones_too() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).equal_parts(EqualParts::Repeat)
    });
    assert_eq!(answers(&host, [ask("s", 1, 1), ask("s", 2, 2)]).await, [true, true]);
    assert_eq!(table.calls(), ["create s 10"]);
    assert_eq!(told.kinds(), ["told again"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_too_late_for_its_till_is_asked_for_and_the_sale_is_one() {
    for session_id in ["s", ""] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let takes = Arc::new(Mutex::new(Duration::from_secs(5)));
        let handler_takes = takes.clone();
        let handlers = told.handlers().on_complete_session(move |_| {
            let takes = *handler_takes.lock().unwrap();
            async move {
                tokio::time::sleep(takes).await;
                Ok(CompleteSessionReply::acknowledge())
            }
        });
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
        assert_eq!(answers(&host, [ask(session_id, 1, 1)]).await, [false], "it still works on it");
        tokio::time::sleep(Duration::from_secs(10)).await;
        *takes.lock().unwrap() = Duration::ZERO;
        assert_eq!(answers(&host, [ask(session_id, 2, 9)]).await, [true]);
        assert_eq!(table.calls(), [format!("create {session_id} 10")]);
        assert_eq!(states(&host).await, [EntryState::Done]);
    }
}

#[tokio::test(start_paused = true)]
async fn no_cashier_waits_for_a_sink_that_fails_and_asking_uses_up_no_attempts() {
    let (table, told) = (Table::failing(3), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    let _background = background(&host);
    assert_eq!(answers(&host, [ask("s", 1, 1)]).await, [true]);
    // The answer was lost.
    let again = (0..5).map(|_| ask("s", 1, 1));
    assert_eq!(answers(&host, again).await, [true; 5]);
    assert_eq!(table.failures.load(Ordering::SeqCst), 2, "the next attempt has its time");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(table.calls(), ["create s 10"]);
    // The other half.
    assert_eq!(answers(&host, [ask("s", 2, 30)]).await, [true]);
    assert_eq!(table.calls().len(), 2);
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_before_anybody_looked_at_it_is_recorded_when_its_till_asks_again() {
    for session_id in ["s", ""] {
        let table = Arc::new(Table::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
        for second in 1..4 {
            let mut refused = ask(session_id, second, second);
            refused.headers_mut().remove(http::header::CONTENT_TYPE);
            assert_eq!(host.handle(refused).await.status(), 400);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(states(&host).await, [EntryState::Dead], "one letter, however often it asks");
        assert_eq!(answers(&host, [ask(session_id, 9, 9)]).await, [true]);
        assert_eq!(table.calls(), [format!("create {session_id} 10")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_complaint_about_a_sale_without_an_id_is_no_second_sale_and_is_told() {
    for polls in [false, true] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
        let sale = changed(&ask("", 1, 1), |body| body["event"]["eventPolling"] = json!(polls));
        let complains = |counter: u32| {
            changed(&sale, |body| {
                body["event"]["eventCounter"] = json!(counter);
                body["error"] =
                    json!({ "code": "INVALID_RECEIPT_FOOTER_CODE", "message": "no such characters" });
            })
        };
        for request in [sale.clone(), complains(1), complains(2), complains(2)] {
            assert_eq!(host.handle(request).await.status(), 200);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(table.calls(), ["create  10"], "polls: {polls}");
        assert_eq!(
            told.kinds().iter().filter(|kind| **kind == "told again").count(),
            2,
            "{:?}",
            told.kinds()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn sales_without_an_id_are_told_apart_by_counter_and_time_and_not_by_their_spelling() {
    let table = Arc::new(Table::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let sale = |counter| {
        changed(&half(&EventName::CompleteSession, counter, 1), |body| {
            body["session"]["sessionId"] = json!("")
        })
    };
    let respaced = String::from_utf8(sale(1).body().to_vec()).unwrap().replace("10", "10.0");
    let respaced = till(1).signed(&EventName::CompleteSession, respaced.into());
    for request in [sale(1), respaced, sale(2)] {
        assert_eq!(host.handle(request).await.status(), 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(table.calls(), ["create  10", "create  10"]);
}

/// Sends it, and has a second go by.
async fn finished(host: &Orchestrator, request: Request<Bytes>) -> bool {
    answers(host, [request]).await[0]
}

#[tokio::test(start_paused = true)]
async fn the_poll_that_ended_the_asking_is_no_other_part_when_it_comes_once_more() {
    for session_id in ["s", ""] {
        let (table, told, slow) =
            (Arc::new(Table::default()), Told::default(), Slow { asks: 1, ..Slow::default() });
        let host =
            host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
        let asks = [ask(session_id, 1, 1), ask(session_id, 2, 2), ask(session_id, 2, 2)];
        assert_eq!(answers(&host, asks).await, [false, true, true]);
        assert_eq!(table.calls(), [format!("create {session_id} 10")]);
        assert_eq!(slow.asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cashier_broke_off_does_not_swallow_an_equal_sale_of_later_that_day() {
    for session_id in ["s", ""] {
        let (table, told, slow) =
            (Arc::new(Table::default()), Told::default(), Slow { asks: 2, ..Slow::default() });
        let host =
            host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
        assert!(!finished(&host, ask(session_id, 1, 1)).await);
        tokio::time::sleep(Duration::from_secs(540)).await;
        assert!(!finished(&host, ask(session_id, 2, 2)).await, "it is asked about still");
        tokio::time::sleep(Duration::from_secs(540)).await;
        assert_eq!(table.calls().len(), 1);
        tokio::time::sleep(Duration::from_secs(120)).await;
        finished(&host, ask(session_id, 9, 30)).await;
        assert_eq!(table.calls().len(), 2, "ten minutes without a question");
    }
}

#[tokio::test(start_paused = true)]
async fn halves_that_two_tills_ask_about_at_once_are_two() {
    let (table, told, slow) =
        (Arc::new(Table::default()), Told::default(), Slow { asks: 3, ..Slow::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
    assert!(!finished(&host, ask("s", 7, 1)).await);
    let other = changed(&ask("s", 7, 2), |body| body["sender"]["instanceId"] = json!("another till"));
    assert!(!finished(&host, other).await);
    assert_eq!(table.calls(), ["create s 10", "create s 10"]);
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn a_till_that_hung_up_before_the_answer_asks_again_and_the_sale_is_one() {
    for session_id in ["s", ""] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let handlers = told.handlers().on_complete_session(|_| async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(CompleteSessionReply::acknowledge())
        });
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
        let hung_up = tokio::time::timeout(Duration::from_secs(1), host.handle(ask(session_id, 1, 1))).await;
        assert!(hung_up.is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(finished(&host, ask(session_id, 2, 12)).await);
        assert_eq!(table.calls(), [format!("create {session_id} 10")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sale_without_an_id_that_is_asked_about_at_midnight_is_one() {
    let (table, told, slow) =
        (Arc::new(Table::default()), Told::default(), Slow { asks: 1, ..Slow::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(slow.handlers(&told)));
    let at = |counter, time: &str| {
        changed(&ask("", counter, 1), |body| body["event"]["eventTimestamp"] = json!(time))
    };
    let asks = [at(1, "2026-03-05T23:59:59+01:00"), at(2, "2026-03-06T00:00:01+01:00")];
    assert_eq!(answers(&host, asks).await, [false, true]);
    assert_eq!(table.calls(), ["create  10"]);
}
