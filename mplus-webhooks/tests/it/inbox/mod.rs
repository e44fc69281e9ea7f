//! What was acknowledged is done, whatever breaks in between; and done once.

mod attempts;
mod credits;
mod crowd;
mod parts;
mod polled;
mod processes;
mod refused;
mod repeats;
mod retention;
mod sales;
mod slow_store;
mod told;
pub(crate) mod watched;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxNotice};
use mplus_webhooks::{
    Attempts, Builder, Credit, FixedSubscriptions, Handlers, Orchestrator, SessionKey, Store, Subscription,
    Transaction, TransactionError, TransactionSink,
};
use serde_json::{Value, json};

use crate::support::{Paused, SUBSCRIPTION, merchant, secret, till};

/// A host's table of transactions that keeps what it is told as it comes: no order of its own, no forgiveness.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) calls: Mutex<Vec<String>>,
    /// How many calls fail first.
    pub(super) failures: AtomicUsize,
    /// How long a call takes.
    pub(super) takes: Duration,
    pub(super) panics: AtomicBool,
}

impl Table {
    pub(super) fn failing(times: usize) -> Arc<Self> {
        Arc::new(Self { failures: AtomicUsize::new(times), ..Self::default() })
    }

    async fn take(&self, call: String) -> Result<(), TransactionError> {
        tokio::time::sleep(self.takes).await;
        assert!(!self.panics.swap(false, Ordering::SeqCst), "this panic is part of the test");
        let fails = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(TransactionError("the table is locked".into()));
        }
        self.calls.lock().unwrap().push(call);
        Ok(())
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl TransactionSink for Table {
    async fn create(&self, sale: &Transaction) -> Result<(), TransactionError> {
        let total = sale.total_incl.unwrap_or_default().normalize();
        self.take(format!("create {} {total}", sale.key.session_id)).await
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        self.take(format!("cancel {}", sale.session_id)).await
    }

    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        self.take(format!("refund {}", credit.key.session_id)).await
    }
}

/// What the host was told.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<InboxNotice>>>);

impl Told {
    pub(super) fn handlers(&self) -> Handlers {
        let told = self.clone();
        Handlers::new().on_inbox_notice(move |notice| {
            told.add(notice);
            async {}
        })
    }

    pub(super) fn add(&self, notice: InboxNotice) {
        self.0.lock().unwrap().push(notice);
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        let kind = |notice: &InboxNotice| match notice {
            InboxNotice::Dead(_) => "dead",
            InboxNotice::FurtherPart { .. } => "further part",
            InboxNotice::ToldAgain { .. } => "told again",
            InboxNotice::CancelledAfterCompletion { .. } => "cancelled after completion",
            InboxNotice::WithoutSession(_) => "without session",
            InboxNotice::Odd { .. } => "odd",
            _ => "new",
        };
        self.0.lock().unwrap().iter().map(kind).collect()
    }
}

pub(super) fn host(
    table: &Arc<Table>,
    store: Arc<dyn Store>,
    configure: impl FnOnce(Builder) -> Builder,
) -> Orchestrator {
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    configure(Orchestrator::builder(resolver, store, Arc::new(Paused::new())).transactions(table.clone()))
        .build()
}

pub(super) fn attempts(change: impl FnOnce(&mut Attempts)) -> Attempts {
    let mut attempts = Attempts::default();
    change(&mut attempts);
    attempts
}

pub(super) fn completed(session_id: &str, total: &str) -> Request<Bytes> {
    let till = till(1);
    let session = json!({ "session": { "sessionId": session_id, "totalInclAmount": total } });
    till.signed(&EventName::CompleteSession, till.body(true, session))
}

pub(super) fn signed(name: &EventName, fields: Value) -> Request<Bytes> {
    let till = till(1);
    till.signed(name, till.body(true, fields))
}

/// The same bytes under another event's name.
pub(super) fn renamed(request: &Request<Bytes>, name: &EventName) -> Request<Bytes> {
    till(1).signed(name, request.body().clone())
}

pub(super) async fn states(orchestrator: &Orchestrator) -> Vec<EntryState> {
    let entries = orchestrator.inbox().list(&EntryFilter::default()).await.unwrap();
    entries.iter().map(|entry| entry.state).collect()
}
