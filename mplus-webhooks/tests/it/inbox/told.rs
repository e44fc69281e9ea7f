//! What a person should know is told until the host has taken it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState};
use mplus_webhooks::{Handlers, MemoryStore, Orchestrator};
use serde_json::json;

use super::{Table, Told, attempts, completed, host, signed, states};
use crate::support::{background, till};

/// How the host's handler fails.
#[derive(Debug, Clone, Copy)]
enum Failing {
    Panics,
    Hangs,
}

/// A handler that fails so often before it takes a notice.
fn handlers(told: &Told, failing: Failing, times: usize) -> Handlers {
    let (told, left) = (told.clone(), Arc::new(AtomicUsize::new(times)));
    Handlers::new().on_inbox_notice(move |notice| {
        let (told, left) = (told.clone(), left.clone());
        async move {
            let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            match failing {
                Failing::Panics => assert!(left.is_err(), "this panic is part of the test"),
                Failing::Hangs if left.is_ok() => std::future::pending().await,
                Failing::Hangs => {}
            }
            told.add(notice);
        }
    })
}

async fn untold(host: &Orchestrator) -> Vec<Option<u32>> {
    let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
    entries.iter().map(|entry| entry.untold).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_until_the_handler_has_taken_it() {
    let quick = attempts(|attempts| attempts.longest_wait = Duration::from_secs(60));
    for failing in [Failing::Panics, Failing::Hangs] {
        let told = Told::default();
        let host = host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| {
            builder.handler(handlers(&told, failing, 25)).attempts(quick.clone())
        });
        let _background = background(&host);
        let unreadable = till(1).signed(&EventName::CompleteSession, "{".into());
        assert_eq!(host.handle(unreadable).await.status(), 400);
        // More often than an event is tried.
        tokio::time::sleep(Duration::from_secs(10 * 60)).await;
        assert!(told.kinds().is_empty());
        tokio::time::sleep(Duration::from_secs(2 * 60 * 60)).await;
        assert_eq!(told.kinds(), ["dead"], "{failing:?}");
        assert_eq!(states(&host).await, [EntryState::Dead]);
        assert_eq!(untold(&host).await, [None]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_too_often_is_told_as_persistently() {
    let told = Told::default();
    let few = attempts(|attempts| attempts.most = 2);
    let host = host(&Table::failing(2), Arc::new(MemoryStore::new()), |builder| {
        builder.handler(handlers(&told, Failing::Panics, 3)).attempts(few)
    });
    let _background = background(&host);
    host.handle(completed("s", "1")).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(told.kinds(), ["dead"]);
    assert_eq!(states(&host).await, [EntryState::Dead]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_whose_process_died_before_it_was_told_is_told_by_another() {
    let (store, told) = (Arc::new(MemoryStore::new()), Told::default());
    let gone = host(&Arc::default(), store.clone(), |builder| {
        let forever = attempts(|attempts| attempts.patience = Duration::from_secs(1_000_000));
        builder.handler(handlers(&Told::default(), Failing::Hangs, 1)).attempts(forever)
    });
    let unreadable = till(1).signed(&EventName::CompleteSession, "{".into());
    assert_eq!(gone.handle(unreadable).await.status(), 400);
    let alive = host(&Arc::default(), store, |builder| builder.handler(told.handlers()));
    let _background = background(&alive);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(told.kinds().is_empty(), "the first one may still be at it");
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(told.kinds(), ["dead"]);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_unusual_about_a_sale_is_told_until_it_is_taken_and_the_sale_is_recorded_once() {
    let without_id = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "" } }));
    let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
    let odd = signed(
        &EventName::CompleteSession,
        json!({ "session": { "sessionId": "o", "totalInclAmount": "not a number" } }),
    );
    let stories = [
        (vec![completed("s", "1"), completed("s", "2")], vec!["further part"]),
        (vec![completed("s", "1"), cancelled], vec!["cancelled after completion"]),
        (vec![without_id], vec!["without session", "odd"]),
        (vec![odd], vec!["odd"]),
    ];
    for (requests, expected) in stories {
        for failing in [Failing::Panics, Failing::Hangs] {
            let (table, told) = (Arc::new(Table::default()), Told::default());
            let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
                builder.handler(handlers(&told, failing, 2))
            });
            let _background = background(&host);
            for request in &requests {
                assert_eq!(host.handle(request.clone()).await.status(), 200);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(told.kinds(), expected, "{failing:?}");
            let mut calls = table.calls();
            calls.dedup();
            assert_eq!(calls, table.calls(), "recorded once");
            assert!(states(&host).await.iter().all(|state| *state == EntryState::Done));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_a_person_discarded_is_not_told_any_more() {
    let told = Told::default();
    let host = host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| {
        builder.handler(handlers(&told, Failing::Panics, 1))
    });
    let unreadable = till(1).signed(&EventName::CompleteSession, "{".into());
    host.handle(unreadable).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dead = host.inbox().list(&EntryFilter::dead()).await.unwrap().remove(0);
    assert_eq!(dead.untold, Some(1));
    host.inbox().discard(&dead.id).await.unwrap();
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(told.kinds().is_empty());
}
