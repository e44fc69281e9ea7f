//! The same event twice is done once; the same bytes are not two events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, InboxStore as _};
use mplus_webhooks::payment::{OneProvider, PaymentStore as _};
use mplus_webhooks::reply::CompleteSessionReply;
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{ErrorCode, Handlers, MemoryStore, Refusal, Store, TokioRuntime};
use serde_json::{Value, json};

use super::{Table, Told, completed, host, renamed, signed};
use crate::support::{background, merchant, till};

#[tokio::test(start_paused = true)]
async fn the_same_signed_bytes_are_not_two_events() {
    let table = Arc::new(Table::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host_on = |store: &Arc<dyn Store>| host(&table, store.clone(), |builder| builder);
    let sale = completed("s", "1");
    let first = host_on(&store);
    assert_eq!(first.handle(sale.clone()).await.status(), 200);
    // Another process only has the store to know it from.
    for receiver in [&first, &host_on(&store)] {
        for name in [EventName::CancelSession, EventName::CreditSession, EventName::MergeSession] {
            assert_eq!(receiver.handle(renamed(&sale, &name)).await.status(), 400, "{name:?}");
        }
    }
    let started = signed(&EventName::StartSession, json!({ "session": { "sessionId": "other" } }));
    assert_eq!(first.handle(started.clone()).await.status(), 200);
    assert_eq!(first.handle(renamed(&started, &EventName::CancelSession)).await.status(), 400);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test]
async fn a_replay_after_pruning_has_no_second_effect() {
    let table = Arc::new(Table::default());
    let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(ManualProvider::new()));
    let host = {
        let providers = Arc::new(OneProvider(provider.clone()));
        host(&table, store.clone(), |builder| builder.payments(providers))
    };
    let sale = completed("s", "1");
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    for request in [&sale, &start] {
        assert_eq!(host.handle(request.clone()).await.status(), 200);
    }
    provider.fail("p");
    let key = mplus_webhooks::payment::PaymentKey { merchant: merchant(), id: "p".to_owned() };
    host.payments().unwrap().refresh(&key).await.unwrap();
    let far = mplus_webhooks::Runtime::now(&TokioRuntime) + chrono::TimeDelta::days(300);
    let pruned = store.prune_entries(far, far, chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(pruned.forgotten, 2);
    store.prune_payments(far).await.unwrap();
    assert!(store.payment(&key).await.unwrap().is_none());

    assert_eq!(host.handle(sale).await.status(), 200);
    assert_eq!(host.handle(start).await.status(), 400);
    assert_eq!(table.calls(), ["create s 1"]);
    assert_eq!(provider.calls().create, 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_interrupted_is_not_presented_to_anybody_later() {
    let store = Arc::new(MemoryStore::new());
    let provider = Arc::new(ManualProvider::new());
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    let table = Arc::new(Table::default());
    // It is in the inbox, and whoever had it died before anything came of it.
    let received = host(&table, store.clone(), |builder| {
        builder.handler(Handlers::new().on_start_external_payment(|_| std::future::pending()))
    });
    assert_eq!(received.handle(start).await.status(), 200);
    let entry = store.list_entries(&EntryFilter::default()).await.unwrap().remove(0);
    let entry = store.entry(&entry.id).await.unwrap().unwrap();
    drop(received);

    let successor_store = Arc::new(MemoryStore::new());
    successor_store.insert_entry(&entry).await.unwrap();
    let successor = host(&table, successor_store.clone(), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let _background = background(&successor);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(provider.calls().create, 0);
    let fields = json!({ "externalPayment": { "externalPaymentId": "p" } });
    let poll = successor.handle(signed(&EventName::PollExternalPayment, fields)).await;
    let body: Value = serde_json::from_slice(poll.body()).unwrap();
    assert_eq!(
        (&body["externalPayment"]["status"], &body["polling"]["finished"]),
        (&json!("failed"), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn a_handlers_refusal_is_answered_and_a_repeat_is_handled_again_without_recording_twice() {
    let table = Arc::new(Table::default());
    let first = Arc::new(AtomicBool::new(true));
    let handlers = Handlers::new().on_complete_session(move |_| {
        let first = first.swap(false, Ordering::SeqCst);
        async move {
            match first {
                true => Err(Refusal::new(ErrorCode::InvalidArticle, "no such article")),
                false => Ok(CompleteSessionReply::acknowledge()),
            }
        }
    });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_poll_cancel_no_payment() {
    let provider = Arc::new(ManualProvider::new());
    let host = host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let payment = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let till = till(1);
    let send = |name: &EventName| till.signed(name, till.body(true, json!({ "externalPayment": payment })));
    assert_eq!(host.handle(send(&EventName::StartExternalPayment)).await.status(), 200);
    let poll = send(&EventName::PollExternalPayment);
    assert_eq!(host.handle(poll.clone()).await.status(), 200);
    for name in [EventName::CancelExternalPayment, EventName::RequestCancelExternalPayment] {
        assert_eq!(host.handle(renamed(&poll, &name)).await.status(), 400, "{name:?}");
    }
    assert_eq!(provider.calls().cancel, 0);
    assert_eq!(host.handle(poll).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_sale_whose_bytes_somebody_sent_under_another_name_is_a_dead_letter_that_can_be_replayed() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    let sale = completed("s", "1");
    assert_eq!(host.handle(renamed(&sale, &EventName::PauseSession)).await.status(), 200);
    assert_eq!(host.handle(sale).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told.kinds(), ["dead"]);
    let dead = host.inbox().list(&EntryFilter::dead()).await.unwrap().remove(0);
    host.inbox().replay(&dead.id).await.unwrap();
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn so_is_one_whose_bytes_are_kept_under_the_other_name_at_whichever_process() {
    for name in [EventName::CancelSession, EventName::Unknown("completeSession.json".to_owned())] {
        for other_process in [false, true] {
            let (table, told) = (Arc::new(Table::default()), Told::default());
            let store = Arc::new(MemoryStore::new());
            let first = host(&table, store.clone(), |builder| builder);
            let second = host(&table, store, |builder| builder.handler(told.handlers()));
            let sale = completed("s", "1");
            let begins = if other_process { &first } else { &second };
            assert_eq!(begins.handle(renamed(&sale, &name)).await.status(), 200);
            for _ in 0..2 {
                assert_eq!(second.handle(sale.clone()).await.status(), 400, "{name:?}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let dead = second.inbox().list(&EntryFilter::dead()).await.unwrap();
            assert_eq!(dead.len(), 1, "{name:?}, another process: {other_process}");
            assert_eq!(told.kinds().iter().filter(|kind| **kind == "dead").count(), 1);
            second.inbox().replay(&dead[0].id).await.unwrap();
            let _background = background(&second);
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(table.calls().iter().any(|call| call == "create s 1"), "{:?}", table.calls());
        }
    }
}
