//! What fails, hangs or cannot be read is tried again, and ends as a dead letter that a person decides about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mplus_webhooks::event::{AnyEvent, EventName};
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxStore as _};
use mplus_webhooks::reply::{CompleteSessionReply, CustomActionReply, ScanCodeReply};
use mplus_webhooks::{
    Handlers, InboxError, MemoryStore, Refusal, SessionKey, Transaction, TransactionError, TransactionSink,
};
use serde_json::json;

use super::{Table, Told, attempts, completed, host, signed, states};
use crate::support::{Host, background, till};

#[tokio::test(start_paused = true)]
async fn a_sale_whose_table_is_locked_is_acknowledged_and_recorded_once_it_is_free() {
    let table = Table::failing(3);
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "18.50")).await.status(), 200);
    assert!(table.calls().is_empty());
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(table.calls(), ["create s 18.5"]);
    assert_eq!(states(&host).await, [EntryState::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_takes_longer_than_the_till_waits_and_fails_then_is_not_lost() {
    let table =
        Arc::new(Table { takes: Duration::from_secs(6), failures: AtomicUsize::new(1), ..Table::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let _background = background(&host);
    let begun = tokio::time::Instant::now();
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_call_that_never_returns_are_attempts_like_others() {
    let table = Arc::new(Table { panics: AtomicBool::new(true), ..Table::default() });
    let first = Arc::new(AtomicBool::new(true));
    let handlers = Handlers::new().on_complete_session(move |_| {
        let first = first.swap(false, Ordering::SeqCst);
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(CompleteSessionReply::acknowledge())
        }
    });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(15)).await;
    // The handler hangs; it is no more done than one that failed.
    assert_eq!(states(&host).await, [EntryState::Working]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(states(&host).await, [EntryState::Done]);
    // What the sink had taken it was not told again.
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_too_often_is_a_dead_letter_that_the_host_is_told_of_and_that_is_replayed_or_discarded() {
    let (table, told) = (Table::failing(6), Told::default());
    let attempts = attempts(|attempts| attempts.most = 3);
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).attempts(attempts)
    });
    let _background = background(&host);
    host.handle(completed("a", "1")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    host.handle(completed("b", "2")).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(told.kinds(), ["dead", "dead"]);
    let inbox = host.inbox();
    let dead = inbox.list(&EntryFilter::dead()).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0].attempts, 3);
    let error = dead[0].last_error.as_deref().unwrap();
    assert_eq!(error, "the transaction could not be recorded: the table is locked");

    let entry = inbox.entry(&dead[0].id).await.unwrap().unwrap();
    assert_eq!(entry.body.as_ref().unwrap(), completed("a", "1").body());
    let AnyEvent::CompleteSession(event) = inbox.event(&entry).unwrap() else { panic!("another event") };
    assert_eq!(event.payload.session.session_id.as_deref(), Some("a"));

    inbox.replay(&dead[0].id).await.unwrap();
    inbox.discard(&dead[1].id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create a 1"]);
    assert_eq!(states(&host).await, [EntryState::Done, EntryState::Discarded]);
    // The till says the discarded one again: it is acknowledged, and that is all.
    assert_eq!(host.handle(completed("b", "2")).await.status(), 200);
    assert_eq!(table.calls(), ["create a 1"]);
    let unknown = mplus_webhooks::inbox::EntryId::new("sale:unknown");
    assert!(matches!(inbox.replay(&unknown).await, Err(InboxError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_cannot_be_read_is_a_dead_letter_and_not_a_line_in_the_log() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    let till = till(1);
    for body in ["{\"session\":", "[]", "{\"session\":"] {
        let request = till.signed(&EventName::CompleteSession, body.into());
        assert_eq!(host.handle(request).await.status(), 400, "{body}");
    }
    assert_eq!(told.kinds(), ["dead", "dead"]);
    let dead = host.inbox().list(&EntryFilter::dead()).await.unwrap();
    let entry = host.inbox().entry(&dead[0].id).await.unwrap().unwrap();
    assert_eq!(entry.body.as_deref(), Some(b"{\"session\":".as_slice()));
    assert!(matches!(host.inbox().event(&entry), Err(InboxError::Unreadable(_))));
    // Events that change nothing are refused and forgotten.
    host.handle(till.signed(&EventName::AddSessionLine, "{".into())).await;
    assert_eq!(host.inbox().list(&EntryFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_host_has_kept_is_tried_again_and_others_are_not() {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let handlers = {
        let (scans, actions) = (counts.clone(), counts.clone());
        Handlers::new()
            .on_scan_code(move |_| {
                scans[0].fetch_add(1, Ordering::SeqCst);
                async { Err::<ScanCodeReply, _>(Refusal::internal()) }
            })
            .on_custom_action(move |_| {
                let first = actions[1].fetch_add(1, Ordering::SeqCst) == 0;
                async move {
                    match first {
                        true => Err(Refusal::internal()),
                        false => Ok(CustomActionReply::acknowledge()),
                    }
                }
            })
    };
    let host = host(&Arc::new(Table::default()), Arc::new(MemoryStore::new()), |builder| {
        builder.handler(handlers).keep([EventName::CustomAction])
    });
    let _background = background(&host);
    let scan = signed(&EventName::ScanCode, json!({ "scanCode": { "scannedCode": "25" } }));
    assert_eq!(host.handle(scan).await.status(), 400);
    let action = signed(&EventName::CustomAction, json!({ "customAction": { "customActionId": "a" } }));
    assert_eq!(host.handle(action).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((counts[0].load(Ordering::SeqCst), counts[1].load(Ordering::SeqCst)), (1, 2));
    assert_eq!(states(&host).await, [EntryState::Done]);
}

#[tokio::test(start_paused = true)]
async fn an_event_older_than_allowed_is_refused_and_a_sale_among_them_is_a_dead_letter() {
    let table = Arc::new(Table::default());
    let host =
        host(&table, Arc::new(MemoryStore::new()), |builder| builder.greatest_age(Duration::from_secs(3600)));
    let body = |minute: &str| {
        format!(
            r#"{{"event":{{"eventCounter":1,"eventTimestamp":"1969-12-31T{minute}:00Z"}},
               "sender":{{"branchNumber":1,"workplaceNumber":1}},"session":{{"sessionId":"{minute}"}}}}"#
        )
    };
    let send = async |name: &EventName, minute: &str| {
        host.handle(till(1).signed(name, body(minute).into())).await.status().as_u16()
    };
    assert_eq!(send(&EventName::CompleteSession, "23:30").await, 200);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(send(&EventName::CompleteSession, "22:30").await, 400);
    assert_eq!(send(&EventName::StartSession, "22:31").await, 400);
    assert_eq!(table.calls().len(), 1);
    assert_eq!(states(&host).await, [EntryState::Done, EntryState::Dead]);
}

#[tokio::test]
async fn an_entry_is_shown_to_operators_as_json_without_its_body() {
    let host = Host::new();
    host.orchestrator.handle(completed("s", "1")).await;
    let entry = host.orchestrator.inbox().list(&EntryFilter::default()).await.unwrap().remove(0);
    let shown = serde_json::to_value(&entry).unwrap();
    assert_eq!(
        (&shown["event"], &shown["state"], &shown["subject"], &shown["replyStatus"]),
        (&json!("completeSession"), &json!("done"), &json!("s"), &json!(200))
    );
    assert!(shown.get("body").is_none());
}

/// A table that takes sales, and whose second cancellation hangs or panics.
#[derive(Debug)]
struct BadSecondCancellation {
    cancellations: AtomicUsize,
    panics: bool,
}

#[async_trait]
impl TransactionSink for BadSecondCancellation {
    async fn create(&self, _: &Transaction) -> Result<(), TransactionError> {
        Ok(())
    }

    async fn cancel(&self, _: &SessionKey) -> Result<(), TransactionError> {
        if self.cancellations.fetch_add(1, Ordering::SeqCst) == 1 {
            assert!(!self.panics, "this panic is part of the test");
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_hangs_or_panics_after_the_answer_is_an_attempt_like_others() {
    for panics in [false, true] {
        let sink = Arc::new(BadSecondCancellation { cancellations: AtomicUsize::new(0), panics });
        let host =
            host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| builder.transactions(sink.clone()));
        let _background = background(&host);
        let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
        for request in [cancelled, completed("s", "1")] {
            assert_eq!(host.handle(request).await.status(), 200);
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(states(&host).await, [EntryState::Done; 2], "panics: {panics}");
        assert_eq!(sink.cancellations.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_ends_every_process_is_a_dead_letter_some_time() {
    let (told, store) = (Told::default(), Arc::new(MemoryStore::new()));
    let attempts = attempts(|attempts| attempts.most = 2);
    let lost = Handlers::new().on_complete_session(|_| std::future::pending());
    let doomed = host(&Arc::default(), store.clone(), |builder| builder.handler(lost));
    assert_eq!(doomed.handle(completed("s", "1")).await.status(), 200);
    let mut entry = store.list_entries(&EntryFilter::default()).await.unwrap().remove(0);
    entry = store.entry(&entry.id).await.unwrap().unwrap();
    // It was begun as often as allowed, and nobody lived to tell.
    (entry.attempts, entry.version) = (2, entry.version + 1);
    assert!(store.replace_entry(&entry).await.unwrap());
    let healthy = host(&Arc::default(), store, |builder| builder.handler(told.handlers()).attempts(attempts));
    let _background = background(&healthy);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(states(&healthy).await, [EntryState::Dead]);
    assert_eq!(told.kinds(), ["dead"]);
}
