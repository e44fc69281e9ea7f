//! A row that another program has locked: nobody waits for it longer than they may, and nothing else waits at all.

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState};
use mplus_webhooks::{
    FixedSubscriptions, Handlers, Orchestrator, PostgresStore, Refusal, Subscription, TokioRuntime,
};
use serde_json::json;

use super::postgres;
use crate::support::{SUBSCRIPTION, background, merchant, secret, till};

async fn states(host: &Orchestrator) -> Vec<(Option<String>, EntryState)> {
    let entries = host.inbox().list(&EntryFilter::default()).await.unwrap();
    entries.into_iter().map(|entry| (entry.subject, entry.state)).collect()
}

#[tokio::test]
async fn a_locked_row_keeps_nothing_else_waiting_and_takes_no_connection_for_good_on_postgres() {
    let Some(url) = postgres("locks").await else { return };
    let mut options = mplus_webhooks::PostgresOptions::new(&*url);
    options.connections = 2;
    let store = Arc::new(PostgresStore::open(options).await.unwrap());
    let mut attempts = mplus_webhooks::Attempts::default();
    attempts.first_wait = Duration::from_millis(1);
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    let failing = Handlers::new().on_complete_session(|_| async { Err(Refusal::internal()) });
    let build = |handlers: Handlers| {
        Orchestrator::builder(resolver.clone(), store.clone(), Arc::new(TokioRuntime))
            .handler(handlers)
            .attempts(attempts.clone())
            .store_patience(Duration::from_millis(300))
            .build()
    };
    let (before, host) = (build(failing), build(Handlers::new()));
    let till = till(1);
    for session in ["locked", "free", "free too"] {
        let body = till.body(true, json!({ "session": { "sessionId": session } }));
        assert_eq!(before.handle(till.signed(&EventName::CompleteSession, body)).await.status(), 200);
    }
    let (mut other, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let lock = other.transaction().await.unwrap();
    let locked = "SELECT id FROM mplus_webhook_entry WHERE subject = 'locked' FOR UPDATE";
    assert_eq!(lock.query(locked, &[]).await.unwrap().len(), 1);

    let _background = background(&host);
    let wait_for = async |done: usize| {
        for _ in 0..600 {
            if states(&host).await.iter().filter(|(_, state)| *state == EntryState::Done).count() == done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?}", states(&host).await);
    };
    wait_for(2).await;
    lock.rollback().await.unwrap();
    wait_for(3).await;
}
