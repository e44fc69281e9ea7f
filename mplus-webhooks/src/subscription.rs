//! Who sends: a subscription of the POS, the merchant behind it, and how the host looks it up.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::runtime::Runtime;
use crate::secret::SubscriptionSecret;

/// The host's own name for the merchant (or the connection) that a subscription belongs to.
///
/// Everything that is stored is kept apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MerchantId(Arc<str>);

impl MerchantId {
    /// Takes the host's name as it is.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The host's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MerchantId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<MerchantId> for String {
    fn from(id: MerchantId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A webhook subscription as the back office of the POS knows it, and the merchant that it stands for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Subscription {
    /// Sent in `X-Mplus-Subscription-Id`. Chosen freely, so several merchants may have chosen the same.
    pub id: String,
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// Accepted keys, the newest first: while a key is being changed both the old and the new one are here.
    /// A reply is signed with the key that the request was signed with.
    pub secrets: Vec<SubscriptionSecret>,
    /// Whether the merchant's integration is switched on. Signed requests of an inactive one are refused.
    pub active: bool,
}

impl Subscription {
    /// An active subscription with one key.
    pub fn new(id: &str, merchant: MerchantId, secret: SubscriptionSecret) -> Self {
        Self { id: id.to_owned(), merchant, secrets: vec![secret], active: true }
    }

    /// The sender of an event that was verified when it was kept. It verifies nothing any more.
    pub(crate) fn of_kept(id: &str, merchant: MerchantId) -> Self {
        Self { id: id.to_owned(), merchant, secrets: Vec::new(), active: true }
    }

    /// Accepts `secret` as well, after those already here.
    #[must_use]
    pub fn with_secret(mut self, secret: SubscriptionSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Switches the integration off: its requests are refused, with the reason.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }
}

/// All subscriptions that share one id.
pub type Subscriptions = Arc<[Arc<Subscription>]>;

/// The host could not look a subscription up, for instance because its database is down.
#[derive(Debug, thiserror::Error)]
#[error("subscriptions could not be looked up: {0}")]
pub struct ResolveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Looks subscriptions up in the host's own records.
#[async_trait]
pub trait SubscriptionResolver: Debug + Send + Sync {
    /// Every subscription with this id, none when it is unknown. Several are told apart by their signature.
    ///
    /// # Errors
    /// [`ResolveError`] when the answer is not known; the POS is told to look elsewhere for the cause.
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError>;
}

/// Subscriptions that are known when the program starts.
#[derive(Debug, Default)]
pub struct FixedSubscriptions {
    by_id: HashMap<String, Subscriptions>,
}

impl FixedSubscriptions {
    /// Keeps these subscriptions; several may share an id.
    pub fn new(subscriptions: impl IntoIterator<Item = Subscription>) -> Self {
        let mut by_id: HashMap<String, Vec<Arc<Subscription>>> = HashMap::new();
        for subscription in subscriptions {
            by_id.entry(subscription.id.clone()).or_default().push(Arc::new(subscription));
        }
        Self { by_id: by_id.into_iter().map(|(id, list)| (id, list.into())).collect() }
    }
}

#[async_trait]
impl SubscriptionResolver for FixedSubscriptions {
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError> {
        Ok(self.by_id.get(subscription_id).cloned().unwrap_or_default())
    }
}

/// Remembers what another resolver answered, so that not every request costs a query.
///
/// A changed secret or a switched-off integration takes effect within the time to live, or at once with [`forget`](Self::forget).
/// Unknown ids are remembered too, in a small room of their own: a stranger who repeats himself does not reach the database, and one
/// who does not can neither fill the memory nor push known ids out. While the resolver fails, what was known goes on for
/// [`STALE`](Self::STALE); ids that were not known fail.
#[derive(Debug)]
pub struct CachedResolver<R> {
    resolver: R,
    runtime: Arc<dyn Runtime>,
    time_to_live: TimeDelta,
    rooms: Mutex<Rooms>,
}

#[derive(Debug, Default)]
struct Rooms {
    known: HashMap<String, Remembered>,
    unknown: HashMap<String, Remembered>,
}

#[derive(Debug, Clone)]
struct Remembered {
    read_at: DateTime<Utc>,
    found: Subscriptions,
}

impl<R: SubscriptionResolver> CachedResolver<R> {
    /// The most known ids that are remembered at once.
    pub const CAPACITY: usize = 65_536;
    /// The most unknown ids that are remembered at once.
    pub const UNKNOWN: usize = 1024;
    /// For how long what was known goes on while the resolver fails.
    pub const STALE: Duration = Duration::from_secs(60 * 60);

    /// Remembers answers of `resolver` for `time_to_live`.
    pub fn new(resolver: R, runtime: Arc<dyn Runtime>, time_to_live: Duration) -> Self {
        let time_to_live = TimeDelta::from_std(time_to_live).unwrap_or(TimeDelta::MAX);
        Self { resolver, runtime, time_to_live, rooms: Mutex::default() }
    }

    /// Forgets one id, for instance right after its secret was changed.
    pub fn forget(&self, subscription_id: &str) {
        let mut rooms = self.rooms();
        rooms.known.remove(subscription_id);
        rooms.unknown.remove(subscription_id);
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, subscription_id: &str) -> Option<Remembered> {
        let rooms = self.rooms();
        rooms.known.get(subscription_id).or_else(|| rooms.unknown.get(subscription_id)).cloned()
    }

    fn remember(&self, subscription_id: &str, found: &Subscriptions, read_at: DateTime<Utc>) {
        let mut rooms = self.rooms();
        let Rooms { known, unknown } = &mut *rooms;
        let (room, other, size) = match found.is_empty() {
            true => (unknown, known, Self::UNKNOWN),
            false => (known, unknown, Self::CAPACITY),
        };
        other.remove(subscription_id);
        if room.len() >= size && !room.contains_key(subscription_id) {
            make_room(room);
        }
        room.insert(subscription_id.to_owned(), Remembered { read_at, found: found.clone() });
    }
}

/// Forgets the older half.
fn make_room(room: &mut HashMap<String, Remembered>) {
    let mut ages: Vec<_> = room.values().map(|remembered| remembered.read_at).collect();
    ages.sort_unstable();
    let Some(middle) = ages.get(ages.len() / 2).copied() else { return };
    let before = room.len();
    room.retain(|_, remembered| remembered.read_at > middle);
    if room.len() == before {
        room.clear();
    }
}

#[async_trait]
impl<R: SubscriptionResolver> SubscriptionResolver for CachedResolver<R> {
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError> {
        let now = self.runtime.now();
        let remembered = self.remembered(subscription_id);
        let age = |remembered: &Remembered| now.signed_duration_since(remembered.read_at);
        if let Some(fresh) = remembered.as_ref().filter(|remembered| age(remembered) < self.time_to_live) {
            return Ok(fresh.found.clone());
        }
        match self.resolver.resolve(subscription_id).await {
            Ok(found) => {
                self.remember(subscription_id, &found, now);
                Ok(found)
            }
            Err(error) => {
                let longest =
                    TimeDelta::from_std(Self::STALE).unwrap_or(TimeDelta::MAX).max(self.time_to_live);
                let stale =
                    remembered.filter(|remembered| age(remembered) < longest && !remembered.found.is_empty());
                let Some(stale) = stale else { return Err(error) };
                tracing::warn!(subscription = subscription_id, error = %error, "a subscription is taken as it was known before");
                Ok(stale.found)
            }
        }
    }
}
