//! The way to one POS: what a client, its calls and its streams share.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    Capture, Credentials, Endpoint, RetryPolicy, Runtime, Transport, erase, gate::Gates, soap::Budget,
};

/// What is shared, behind the gates of one handle. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Channel {
    pub(crate) shared: Arc<Shared>,
    pub(crate) gates: Gates,
}

pub(crate) struct Shared {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: RwLock<KnownCredentials>,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) max_connections: usize,
    pub(crate) capture: Option<Arc<dyn Capture>>,
    pub(crate) settings: Settings,
}

impl Shared {
    /// The credentials that hold now. As long as somebody holds them they are erased from texts, whatever holds by then.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.known_credentials().now)
    }

    /// A text without the credentials, those that hold now and those that may still be under way.
    pub(crate) fn erase_from(&self, text: String) -> String {
        erase::erase(text, &self.known_credentials().exposed())
    }

    /// The same, cut to 4 KiB: a text of the other side as it may be kept.
    pub(crate) fn kept(&self, text: String) -> String {
        erase::kept(text, &self.known_credentials().exposed())
    }

    fn known_credentials(&self) -> RwLockReadGuard<'_, KnownCredentials> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A version 4 UUID, for a request or a key.
    pub(crate) fn new_id(&self) -> String {
        uuid::Builder::from_random_bytes(self.runtime.random().to_be_bytes()).into_uuid().to_string()
    }

    pub(crate) fn replace_credentials(&self, credentials: Credentials) {
        if credentials.exposed() != self.known_credentials().now.exposed() {
            self.credentials.write().unwrap_or_else(PoisonError::into_inner).replace(credentials);
        }
    }
}

/// The credentials that hold now, and the last ones before: what was sent with those may still be quoted in an answer.
pub(crate) struct KnownCredentials {
    now: Arc<Credentials>,
    /// The latest last.
    before: Vec<Arc<Credentials>>,
}

impl KnownCredentials {
    /// How many that hold no more are remembered, besides those that a call was sent with which is still under way.
    const BEFORE: usize = 4;

    pub(crate) fn new(now: Credentials) -> Self {
        Self { now: Arc::new(now), before: Vec::new() }
    }

    fn replace(&mut self, now: Credentials) {
        self.before.retain(|known| known.exposed() != now.exposed() || Arc::strong_count(known) > 1);
        self.before.push(std::mem::replace(&mut self.now, Arc::new(now)));
        let mut too_many = self.before.len().saturating_sub(Self::BEFORE);
        self.before.retain(|known| {
            let stays = too_many == 0 || Arc::strong_count(known) > 1;
            too_many -= usize::from(too_many > 0);
            stays
        });
    }

    fn exposed(&self) -> Vec<&str> {
        self.before.iter().chain([&self.now]).flat_map(|known| known.exposed()).collect()
    }
}

/// What applies to every call unless the call says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `None` is the usual one of the operation.
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) strict: bool,
    /// The items are those of one page: they are held together, and waited for as a response that is read whole.
    pub(crate) page: bool,
    /// Whether values of a page that cannot be read are left out.
    pub(crate) leaves_out_unreadable: bool,
    pub(crate) buffered_limit: u64,
    pub(crate) streamed_limit: u64,
}

impl Settings {
    /// What the values of a response may take that is held at once: twice what its text may.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.buffered_limit.saturating_mul(2))
    }
}
