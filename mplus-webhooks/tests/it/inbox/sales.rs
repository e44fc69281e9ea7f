//! Parts of sales, cancellations in either order, and sales without an id.

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxStore as _};
use mplus_webhooks::testkit::TillLine;
use mplus_webhooks::{MemoryStore, MemoryTransactions, Refunds, TransactionStatus};
use rust_decimal::Decimal;
use serde_json::json;

use super::{Table, Told, completed, host, signed};
use crate::support::{Host, background, till};

#[tokio::test(start_paused = true)]
async fn an_empty_session_id_names_no_sale_but_the_same_bytes_are_one() {
    let table = Arc::new(Table::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let (first, second) = (completed("", "18.50"), completed("", "24"));
    for request in [&first, &second, &first, &second] {
        assert_eq!(host.handle(request.clone()).await.status(), 200);
    }
    assert_eq!(table.calls(), ["create  18.5", "create  24"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_of_zeros_names_no_sale_and_its_cancellation_touches_none() {
    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for total in ["18.50", "24", "18.50"] {
        assert_eq!(host.handle(completed(NOBODY, total)).await.status(), 200);
    }
    let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": NOBODY } }));
    assert_eq!(host.handle(cancelled).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(table.calls(), ["create  18.5", "create  24"]);
    let told = told.kinds();
    assert!(told.contains(&"without session") && !told.contains(&"further part"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_further_part_of_a_sale_is_a_transaction_of_its_own_and_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    host.handle(completed("s", "10")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    host.handle(completed("s", "14")).await;
    host.handle(completed("s", "10")).await;
    assert_eq!(table.calls(), ["create s 10", "create s 14"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_counts_before_its_sale_beside_it_and_after_it() {
    for order in [["cancel", "complete"], ["complete", "cancel"]] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
        let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
        for what in order {
            let request = if what == "cancel" { cancelled.clone() } else { completed("s", "1") };
            assert_eq!(host.handle(request).await.status(), 200);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(table.calls().last().unwrap(), "cancel s", "{order:?}");
        let expected: &[&str] = if order[0] == "cancel" { &[] } else { &["cancelled after completion"] };
        assert_eq!(told.kinds(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_an_id_touches_no_sale_and_is_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).refunds(Refunds::Record)
    });
    host.handle(completed("", "1")).await;
    for name in [EventName::CancelSession, EventName::CreditSession] {
        for session in [json!({ "sessionId": "" }), json!({})] {
            let request = signed(&name, json!({ "session": session, "sentAs": name.as_str() }));
            assert_eq!(host.handle(request).await.status(), 200, "{name:?}");
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(table.calls(), ["create  1"]);
    let told = told.kinds();
    assert_eq!(told.iter().filter(|kind| **kind == "without session").count(), 4, "{told:?}");
}

#[tokio::test]
async fn a_total_that_cannot_be_read_is_unknown_and_not_guessed() {
    let (host, till) = (Host::new(), till(1));
    let line = json!({ "lineId": "l", "text": "Coffee", "priceIncl": 2.7, "quantity": 2 });
    for (session, expected) in [
        (json!({ "sessionId": "a", "totalInclAmount": "12,50", "lines": [line] }), None),
        (json!({ "sessionId": "b" }), None),
        (json!({ "sessionId": "c", "lines": [line] }), Some(Decimal::new(540, 2))),
        (json!({ "sessionId": "d", "totalInclAmount": 5, "lines": [line] }), Some(Decimal::from(5))),
    ] {
        till.send(&host.orchestrator, &EventName::CompleteSession, json!({ "session": session }))
            .await
            .unwrap();
        assert_eq!(host.transactions.all().last().unwrap().0.total_incl, expected, "{session}");
    }
}

#[tokio::test]
async fn events_that_change_nothing_leave_nothing_behind() {
    let (host, till) = (Host::new(), till(1));
    for _ in 0..3 {
        till.ring_up(&host.orchestrator, &[TillLine::new(1, "Coffee", Decimal::ONE)]).await.unwrap();
    }
    let all = EntryFilter::default();
    assert!(host.orchestrator.inbox().list(&all).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_parts_of_a_cancelled_sale_are_all_cancelled_in_memory_too() {
    let sales = Arc::new(MemoryTransactions::new());
    let host = Host::with(|builder| builder.transactions(sales.clone()));
    for request in [
        completed("s", "1"),
        completed("s", "2"),
        signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } })),
    ] {
        assert_eq!(host.orchestrator.handle(request).await.status(), 200);
    }
    let statuses: Vec<_> = sales.all().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [TransactionStatus::Cancelled; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_could_not_be_read_when_it_arrived_is_found_by_its_cancellation_once_it_was_worked_on() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    // What an earlier release, which could not read it, kept of it.
    let earlier = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    earlier.handle(completed("s", "10")).await;
    let listed = earlier.inbox().list(&EntryFilter::default()).await.unwrap();
    let mut letter = earlier.inbox().entry(&listed[0].id).await.unwrap().unwrap();
    (letter.state, letter.subject, letter.version) = (EntryState::Dead, None, 0);
    let store = Arc::new(MemoryStore::new());
    store.insert_entry(&letter).await.unwrap();

    let host = host(&table, store, |builder| builder.handler(told.handlers()));
    let _background = background(&host);
    host.inbox().replay(&letter.id).await.unwrap();
    while host.inbox().entry(&letter.id).await.unwrap().unwrap().state != EntryState::Done {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    host.handle(signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }))).await;
    while told.kinds().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(told.kinds(), ["cancelled after completion"]);
}
