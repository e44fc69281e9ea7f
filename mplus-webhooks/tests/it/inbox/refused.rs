//! The end of a sale that is signed and refused all the same: the till does not say it again, so a person is told.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState};
use mplus_webhooks::{FixedSubscriptions, MemoryStore, MerchantId, Orchestrator, Subscription};
use serde_json::json;

use super::{Table, Told, completed, host, signed, states};
use crate::support::{Paused, SUBSCRIPTION, background, merchant, secret, till};

fn inactive(store: &Arc<MemoryStore>, told: &Told) -> Orchestrator {
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret()).inactive();
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    Orchestrator::builder(resolver, store.clone(), Arc::new(Paused::new())).handler(told.handlers()).build()
}

#[tokio::test(start_paused = true)]
async fn a_sale_of_an_inactive_merchant_is_a_dead_letter_and_is_recorded_when_it_comes_again() {
    let (store, told, table) = (Arc::new(MemoryStore::new()), Told::default(), Arc::new(Table::default()));
    let off = inactive(&store, &told);
    assert_eq!(off.handle(completed("s", "1")).await.status(), 400);
    assert_eq!(off.handle(completed("s", "1")).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told.kinds(), ["dead"]);
    let dead = off.inbox().list(&EntryFilter::dead()).await.unwrap();
    assert_eq!((dead.len(), dead[0].subject.as_deref()), (1, Some("s")));
    assert!(dead[0].last_error.as_deref().unwrap().contains("is not active"), "{dead:?}");

    let on = host(&table, store, |builder| builder);
    assert_eq!(on.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
    assert_eq!(states(&on).await, [EntryState::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_sale_is_not_refused_for_an_older_integration_with_the_same_key_that_is_switched_off() {
    let old = Subscription::new(SUBSCRIPTION, MerchantId::new("old"), secret()).inactive();
    let new = Subscription::new(SUBSCRIPTION, merchant(), secret());
    for rows in [[old.clone(), new.clone()], [new, old]] {
        let table = Arc::new(Table::default());
        let resolver = Arc::new(FixedSubscriptions::new(rows));
        let host = Orchestrator::builder(resolver, Arc::new(MemoryStore::new()), Arc::new(Paused::new()))
            .transactions(table.clone())
            .build();
        assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
        assert_eq!(table.calls(), ["create s 1"]);
        let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
        assert_eq!(entries[0].merchant, merchant());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sale_of_an_inactive_merchant_can_be_replayed() {
    let (store, table) = (Arc::new(MemoryStore::new()), Arc::new(Table::default()));
    inactive(&store, &Told::default()).handle(completed("s", "1")).await;
    let on = host(&table, store, |builder| builder);
    let dead = on.inbox().list(&EntryFilter::dead()).await.unwrap().remove(0);
    on.inbox().replay(&dead.id).await.unwrap();
    let _background = background(&on);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn every_signed_end_of_a_sale_that_is_refused_is_kept_and_nothing_else_is() {
    let told = Told::default();
    let host =
        host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    for (number, content_type) in [None, Some("text/plain")].into_iter().enumerate() {
        let session = |name: &EventName| json!({ "session": { "sessionId": number.to_string() }, "sentAs": name.as_str() });
        let mut requests: Vec<_> = [
            EventName::CompleteSession,
            EventName::CancelSession,
            EventName::CreditSession,
            EventName::StartSession,
        ]
        .iter()
        .map(|name| signed(name, session(name)))
        .collect();
        requests.push(till(1).signed(&EventName::CompleteSession, format!("{{ {number}").into()));
        for mut request in requests {
            request.headers_mut().remove(CONTENT_TYPE);
            if let Some(text) = content_type {
                request.headers_mut().insert(CONTENT_TYPE, text.parse().unwrap());
            }
            assert_eq!(host.handle(request).await.status(), 400);
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told.kinds(), ["dead"; 8]);
    assert_eq!(states(&host).await, [EntryState::Dead; 8]);
    // What is not signed is nobody's.
    let mut forged = completed("forged", "1");
    let signature = mplus_webhooks::SubscriptionSecret::from_bytes(b"another").unwrap().sign(forged.body());
    forged.headers_mut().insert(mplus_webhooks::SIGNATURE_HEADER, signature.parse().unwrap());
    assert_eq!(host.handle(forged).await.status(), 400);
    assert_eq!(states(&host).await.len(), 8);
}
