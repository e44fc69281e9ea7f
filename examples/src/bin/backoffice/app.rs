//! What all pages share.

use std::net::IpAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mplus_sync::cancel::CancelToken;
use mplus_webhooks::Orchestrator;

use crate::callbacks::Callbacks;
use crate::demo::Demo;
use crate::records::Records;
use crate::restaurant::Restaurants;
use crate::restaurant::baskets::Baskets;
use crate::restaurant::payment_profile::PaymentAccounts;
use crate::safe::key_ring::KeyRing;
use crate::safe::throttle::Throttle;
use crate::webhooks::Subscriptions;

/// Everything that pages ask and do, behind one pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) restaurants: Restaurants,
    pub(crate) records: Records,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) webhooks: Orchestrator,
    /// Where events and payments are kept.
    pub(crate) inbox: Arc<dyn mplus_webhooks::Store>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) baskets: Baskets,
    pub(crate) callbacks: Callbacks,
    /// The restaurants' own accounts at payment providers.
    pub(crate) payment_accounts: PaymentAccounts,
    /// Whether the installation has a provider for restaurants without accounts of their own.
    pub(crate) takes_payments: bool,
    /// Web servers in front of this one: what they say of whom a request comes from is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) throttle: Throttle,
    /// How many passwords may be checked at once: checking one takes long on purpose.
    pub(crate) checks: tokio::sync::Semaphore,
    pub(crate) demo: Option<Demo>,
    /// Thrown when the program is to stop.
    pub(crate) stopping: CancelToken,
    /// Where pictures are kept.
    pub(crate) pictures: PathBuf,
    /// What browsers reach this program by; with https cookies are for https alone.
    pub(crate) public_url: String,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.restaurants.host().runtime().now()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
