//! What has ended is forgotten in time; memory and tables do not grow for ever.

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxStore as _};
use mplus_webhooks::payment::{OneProvider, PaymentFilter, PaymentStore as _};
use mplus_webhooks::testkit::{ManualProvider, Till};
use mplus_webhooks::{MemoryStore, Retention};
use rust_decimal::Decimal;
use serde_json::json;

use super::{Table, completed, host};
use crate::support::{background, till};

#[tokio::test(start_paused = true)]
async fn sales_dead_letters_and_payments_go_when_their_time_is_over() {
    let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(ManualProvider::new()));
    let mut kept = Retention::default();
    let seconds = Duration::from_secs;
    (kept.done, kept.dead, kept.payments, kept.identities) =
        (seconds(60), seconds(120), seconds(180), seconds(240));
    kept.prune_every = seconds(5);
    let host = host(&Arc::new(Table::default()), store.clone(), |builder| {
        builder.retention(kept).payments(Arc::new(OneProvider(provider.clone())))
    });
    let till = till(2);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(host.handle(till.signed(&EventName::CompleteSession, "[]".into())).await.status(), 400);
    let payment = till.start_payment(Decimal::ONE);
    payment.start(&host).await.unwrap();
    provider.confirm(&payment.id);
    let _background = background(&host);
    let mut all = EntryFilter::default();
    all.states = EntryState::ALL.to_vec();
    let standing = async || {
        let entries = store.list_entries(&all).await.unwrap();
        let bodies = entries.iter().filter(|entry| entry.state != EntryState::Forgotten).count();
        (bodies, entries.len(), store.list_payments(&PaymentFilter::default()).await.unwrap().len())
    };
    tokio::time::sleep(seconds(40)).await;
    assert_eq!(standing().await, (3, 3, 1));
    assert!(payment.poll(&host).await.unwrap().finished(), "no work is left about it");
    tokio::time::sleep(seconds(50)).await;
    assert_eq!(standing().await, (1, 3, 1), "the dead letter is kept for longer");
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(standing().await, (0, 3, 1));
    // Its till asked after 40 seconds, and 180 later it goes.
    tokio::time::sleep(seconds(80)).await;
    assert_eq!(standing().await, (0, 3, 0));
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(standing().await, (0, 0, 0));
}

#[tokio::test]
async fn the_memory_store_keeps_the_latest_dead_letters_and_payments() {
    let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(ManualProvider::new()));
    let host = host(&Arc::new(Table::default()), store.clone(), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let till: Till = till(3);
    for number in 0..MemoryStore::BODIES + 10 {
        let body = json!([number]).to_string();
        assert_eq!(host.handle(till.signed(&EventName::CompleteSession, body.into())).await.status(), 400);
        // An amount below zero is not started here: the payment has ended at once.
        let refused = till.start_payment(-Decimal::ONE).start(&host).await.unwrap();
        assert_eq!(refused.started, Some(false));
    }
    let mut dead = EntryFilter::dead();
    dead.limit = usize::MAX;
    assert_eq!(store.list_entries(&dead).await.unwrap().len(), MemoryStore::BODIES);
    let mut payments = PaymentFilter::default();
    payments.limit = usize::MAX;
    assert_eq!(store.list_payments(&payments).await.unwrap().len(), MemoryStore::PAYMENTS);
}
