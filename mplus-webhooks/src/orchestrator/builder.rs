//! Puts an orchestrator together.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::admission::Room;
use super::crowd::Crowd;
use super::parts::EqualParts;
use super::refused::RefusalLog;
use super::{Inner, Orchestrator};
use crate::event::EventName;
use crate::handler::{Handler, Handlers};
use crate::inbox::{Attempts, Recent, Retention};
use crate::payment::{ExternalPayments, PaymentLimits, PaymentProviders};
use crate::runtime::Runtime;
use crate::store::{Limited, Store};
use crate::subscription::SubscriptionResolver;
use crate::transaction::TransactionSink;

/// The room for what payment providers send, all together, bytes.
const PROVIDER_ROOM: usize = 8 << 20;

/// Whether credited sales mean anything to the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refunds {
    /// `creditSession` is acknowledged and nothing else.
    #[default]
    Acknowledge,
    /// `creditSession` calls [`TransactionSink::refund`].
    Record,
}

/// Collects what an orchestrator needs; see [`Orchestrator::builder`].
pub struct Builder {
    resolver: Arc<dyn SubscriptionResolver>,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    handler: Arc<dyn Handler>,
    transactions: Option<Arc<dyn TransactionSink>>,
    providers: Option<Arc<dyn PaymentProviders>>,
    limits: PaymentLimits,
    refunds: Refunds,
    equal_parts: EqualParts,
    equal_credits: EqualParts,
    kept: Vec<EventName>,
    greatest_age: Option<TimeDelta>,
    attempts: Attempts,
    retention: Retention,
    time_out: Duration,
    store_patience: Duration,
    max_body: usize,
    body_room: usize,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Builder").field("time_out", &self.time_out).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(
        resolver: Arc<dyn SubscriptionResolver>,
        store: Arc<dyn Store>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        Self {
            resolver,
            store,
            runtime,
            handler: Arc::new(Handlers::new()),
            transactions: None,
            providers: None,
            limits: PaymentLimits::default(),
            refunds: Refunds::default(),
            equal_parts: EqualParts::default(),
            equal_credits: EqualParts::Repeat,
            kept: Vec::new(),
            greatest_age: None,
            attempts: Attempts::default(),
            retention: Retention::default(),
            time_out: Duration::from_secs(4),
            store_patience: Duration::from_secs(10),
            max_body: Orchestrator::MAX_BODY,
            body_room: 64 << 20,
        }
    }

    /// What the host does with the events. Without it every event is acknowledged.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler + 'static) -> Self {
        self.handler = Arc::new(handler);
        self
    }

    /// Where finished sales go. Without it `completeSession` and `cancelSession` only reach the handler.
    #[must_use]
    pub fn transactions(mut self, sink: Arc<dyn TransactionSink>) -> Self {
        self.transactions = Some(sink);
        self
    }

    /// Whether credited sales are recorded as refunds. Default: acknowledged only.
    #[must_use]
    pub fn refunds(mut self, refunds: Refunds) -> Self {
        self.refunds = refunds;
        self
    }

    /// What the same end of a sale means that is told on another occasion. Default: a further part of the sale.
    #[must_use]
    pub fn equal_parts(mut self, reading: EqualParts) -> Self {
        self.equal_parts = reading;
        self
    }

    /// What the same credit means that is told on another occasion: a till may tell one anew, and the same line may be credited twice.
    /// Default: a repeat, for money that was given back twice does not return; a replay of its entry makes it a credit of its own.
    #[must_use]
    pub fn equal_credits(mut self, reading: EqualParts) -> Self {
        self.equal_credits = reading;
        self
    }

    /// Who takes the money of external payments. Without it those events reach the handler.
    #[must_use]
    pub fn payments(mut self, providers: Arc<dyn PaymentProviders>) -> Self {
        self.providers = Some(providers);
        self
    }

    /// Limits of external payments.
    #[must_use]
    pub fn payment_limits(mut self, limits: PaymentLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps these events as well: they are stored with their body before they are acknowledged, and tried again when they fail.
    ///
    /// Ends and merges of sales, the start and the cancellation of payments, and events that this crate does not know are kept
    /// anyway. Everything else is not: a repeat is told from news by what this process remembers of its latest few thousand.
    #[must_use]
    pub fn keep(mut self, events: impl IntoIterator<Item = EventName>) -> Self {
        self.kept.extend(events);
        self
    }

    /// Refuses events whose `eventTimestamp` is further back. Default: none, since nothing is known of how long a till repeats
    /// what it could not send, and a till's clock may be wrong. An event that is kept becomes a dead letter, so that no sale is lost. One
    /// that tells no time is never too old.
    #[must_use]
    pub fn greatest_age(mut self, age: Duration) -> Self {
        self.greatest_age = TimeDelta::from_std(age).ok();
        self
    }

    /// How often and how patiently events are tried.
    #[must_use]
    pub fn attempts(mut self, attempts: Attempts) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long what has ended is kept.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How long a till waits for an answer, whatever the answer needs. Default 4 seconds.
    #[must_use]
    pub fn time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    /// How long one call of the store may take before it counts as failed; pruning, which goes through many rows, may take thirty
    /// times as long. Default 10 seconds.
    #[must_use]
    pub fn store_patience(mut self, patience: Duration) -> Self {
        self.store_patience = patience;
        self
    }

    /// The longest body, bytes. Default 1 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The room for bodies that are being received through the adapters, all together, bytes; those of one subscription id take an eighth
    /// of it at most, or one body, and another eighth for what is no longer than 16 KiB: whoever holds long bodies back under a till's id does
    /// not keep its sales out. Default 64 MiB.
    #[must_use]
    pub fn body_room(mut self, bytes: usize) -> Self {
        self.body_room = bytes;
        self
    }

    /// The finished orchestrator. Cloning it is cheap.
    pub fn build(self) -> Orchestrator {
        let store: Arc<dyn Store> =
            Arc::new(Limited::new(self.store, self.runtime.clone(), self.store_patience));
        let payments = self.providers.map(|providers| {
            ExternalPayments::new(
                providers,
                store.clone(),
                self.runtime.clone(),
                self.handler.clone(),
                self.limits,
            )
        });
        let (most, of_one) = (self.attempts.most_arriving, self.attempts.most_arriving_per_merchant);
        let crowd = || Arc::new(Crowd::new(most, of_one));
        Orchestrator {
            inner: Arc::new(Inner {
                resolver: self.resolver,
                store,
                runtime: self.runtime,
                handler: self.handler,
                transactions: self.transactions,
                payments,
                refunds: self.refunds,
                equal_parts: self.equal_parts,
                equal_credits: self.equal_credits,
                kept: self.kept,
                greatest_age: self.greatest_age,
                attempts: self.attempts,
                retention: self.retention,
                time_out: self.time_out,
                max_body: self.max_body,
                room: Room::new(self.body_room, self.max_body),
                provider_room: Room::new(PROVIDER_ROOM, self.max_body),
                recent: Arc::new(Recent::default()),
                crowd: crowd(),
                payment_crowd: crowd(),
                work_is_due: Notify::new(),
                refusals: RefusalLog::default(),
                owner: owner(),
            }),
        }
    }
}

/// A token that no other process has. It names the owner of an entry; what keeps owners apart is the entry's version.
fn owner() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}
