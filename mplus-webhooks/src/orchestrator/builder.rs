//! Puts an orchestrator together.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::once::Once;
use super::{Inner, Orchestrator};
use crate::handler::{Handler, Handlers};
use crate::payment::{ExternalPayments, PaymentLimits, PaymentProviders};
use crate::runtime::Runtime;
use crate::store::Store;
use crate::subscription::SubscriptionResolver;
use crate::transaction::TransactionSink;

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
    time_out: Duration,
    max_body: usize,
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
            time_out: Duration::from_secs(4),
            max_body: Orchestrator::MAX_BODY,
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

    /// How long a till waits for an answer. Default 4 seconds.
    #[must_use]
    pub fn time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    /// The longest body, bytes. Default 1 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The finished orchestrator. Cloning it is cheap.
    pub fn build(self) -> Orchestrator {
        let payments = self.providers.map(|providers| ExternalPayments {
            providers,
            store: self.store.clone(),
            runtime: self.runtime.clone(),
            handler: self.handler.clone(),
            limits: self.limits,
        });
        let once = Once { store: self.store, runtime: self.runtime, lease: TimeDelta::seconds(60) };
        Orchestrator {
            inner: Arc::new(Inner {
                resolver: self.resolver,
                once,
                handler: self.handler,
                transactions: self.transactions,
                payments,
                refunds: self.refunds,
                time_out: self.time_out,
                max_body: self.max_body,
            }),
        }
    }
}
