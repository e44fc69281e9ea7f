//! Remembers which subscriptions there are, so that neither every event nor a stranger's guesses reach the host's records.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Shared, select};
use tokio::sync::oneshot;

use crate::runtime::Runtime;
use crate::subscription::{ResolveError, SubscriptionResolver, Subscriptions};

/// Remembers what another resolver answered, so that not every request costs a query.
///
/// A changed secret or a switched-off integration takes effect within the time to live, or at once with [`forget`](Self::forget).
/// Unknown ids are remembered too, in a small room of their own: a stranger who repeats himself does not reach the database, and one
/// who does not can neither fill the memory nor push known ids out.
///
/// However many ask for an id, it is looked up by one at a time. While the resolver fails, or takes longer than
/// [`PATIENCE`](Self::PATIENCE), what was known goes on for [`STALE`](Self::STALE); ids that were not known fail, or wait.
#[derive(Debug)]
pub struct CachedResolver<R> {
    inner: Arc<Inner<R>>,
}

#[derive(Debug)]
struct Inner<R> {
    resolver: R,
    runtime: Arc<dyn Runtime>,
    time_to_live: TimeDelta,
    rooms: Mutex<Rooms>,
}

#[derive(Debug, Default)]
struct Rooms {
    known: HashMap<String, Remembered>,
    unknown: HashMap<String, Remembered>,
    underway: HashMap<String, LookUp>,
    look_ups: u64,
}

#[derive(Debug, Clone)]
struct Remembered {
    read_at: DateTime<Utc>,
    found: Subscriptions,
}

type Looked = Result<Subscriptions, Arc<dyn std::error::Error + Send + Sync>>;

/// An id that is being looked up.
#[derive(Debug, Clone)]
struct LookUp {
    number: u64,
    begun: DateTime<Utc>,
    answer: Shared<BoxFuture<'static, Looked>>,
}

/// Why there is no answer of the resolver's own.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum NoAnswer {
    #[error("the resolver panicked")]
    Panicked,
    #[error("the resolver did not answer")]
    TookTooLong,
    #[error("too many ids are being looked up")]
    TooMany,
}

impl<R: SubscriptionResolver + 'static> CachedResolver<R> {
    /// The most known ids that are remembered at once.
    pub const CAPACITY: usize = 65_536;
    /// The most unknown ids that are remembered at once.
    pub const UNKNOWN: usize = 1024;
    /// The most ids that are looked up at once.
    pub const LOOK_UPS: usize = 1024;
    /// For how long what was known goes on while the resolver fails.
    pub const STALE: Duration = Duration::from_secs(60 * 60);
    /// How long the resolver may take before what was known is taken.
    pub const PATIENCE: Duration = Duration::from_secs(1);
    /// After this time the resolver is asked again about an id for which it has not answered.
    pub const GIVEN_UP: Duration = Duration::from_secs(30);

    /// Remembers answers of `resolver` for `time_to_live`.
    pub fn new(resolver: R, runtime: Arc<dyn Runtime>, time_to_live: Duration) -> Self {
        let time_to_live = TimeDelta::from_std(time_to_live).unwrap_or(TimeDelta::MAX);
        Self { inner: Arc::new(Inner { resolver, runtime, time_to_live, rooms: Mutex::default() }) }
    }

    /// Forgets one id, for instance right after its secret was changed.
    pub fn forget(&self, subscription_id: &str) {
        let mut rooms = self.inner.rooms();
        rooms.known.remove(subscription_id);
        rooms.unknown.remove(subscription_id);
        // Who looks at this moment may have seen what was there before.
        rooms.underway.remove(subscription_id);
    }
}

impl<R: SubscriptionResolver + 'static> Inner<R> {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, subscription_id: &str) -> Option<Remembered> {
        let rooms = self.rooms();
        rooms.known.get(subscription_id).or_else(|| rooms.unknown.get(subscription_id)).cloned()
    }

    /// The look-up of this id: the one that is under way, or a new one.
    fn look_up(self: &Arc<Self>, id: &str, now: DateTime<Utc>) -> Result<LookUp, NoAnswer> {
        let mut rooms = self.rooms();
        let is_full = rooms.underway.len() >= CachedResolver::<R>::LOOK_UPS;
        let number = rooms.look_ups;
        let (tell, told) = oneshot::channel::<Looked>();
        let look_up = match rooms.underway.entry(id.to_owned()) {
            Entry::Occupied(underway) => return Ok(underway.get().clone()),
            Entry::Vacant(_) if is_full => return Err(NoAnswer::TooMany),
            Entry::Vacant(place) => {
                let answer = told.map(|told| told.unwrap_or_else(|_| Err(Arc::new(NoAnswer::Panicked))));
                place.insert(LookUp { number, begun: now, answer: answer.boxed().shared() }).clone()
            }
        };
        rooms.look_ups += 1;
        drop(rooms);
        let (inner, id) = (self.clone(), id.to_owned());
        self.runtime.spawn(Box::pin(async move {
            let looked = inner.looked_up(&id).await;
            inner.end(&id, number, &looked, now);
            // Nobody may be waiting any more.
            let _ = tell.send(looked);
        }));
        Ok(look_up)
    }

    async fn looked_up(&self, id: &str) -> Looked {
        let asked = pin!(AssertUnwindSafe(self.resolver.resolve(id)).catch_unwind());
        match select(asked, self.runtime.sleep(CachedResolver::<R>::GIVEN_UP)).await {
            Either::Left((Ok(Ok(found)), _)) => Ok(found),
            Either::Left((Ok(Err(error)), _)) => Err(error.0.into()),
            Either::Left((Err(_), _)) => Err(Arc::new(NoAnswer::Panicked)),
            Either::Right(_) => Err(Arc::new(NoAnswer::TookTooLong)),
        }
    }

    fn end(&self, id: &str, number: u64, looked: &Looked, begun: DateTime<Utc>) {
        let mut rooms = self.rooms();
        if rooms.underway.get(id).is_some_and(|underway| underway.number == number) {
            rooms.underway.remove(id);
            if let Ok(found) = looked {
                remember(
                    &mut rooms,
                    id,
                    found,
                    begun,
                    CachedResolver::<R>::CAPACITY,
                    CachedResolver::<R>::UNKNOWN,
                );
            }
        }
    }

    /// What is known of an id, though it is not fresh, for as long as that may go on.
    fn stale(&self, remembered: Option<Remembered>, now: DateTime<Utc>) -> Option<Subscriptions> {
        let longest = TimeDelta::from_std(CachedResolver::<R>::STALE).unwrap_or(TimeDelta::MAX);
        let longest = longest.max(self.time_to_live);
        let known = remembered.filter(|remembered| !remembered.found.is_empty())?;
        (now.signed_duration_since(known.read_at) < longest).then_some(known.found)
    }
}

fn remember(
    rooms: &mut Rooms,
    id: &str,
    found: &Subscriptions,
    read_at: DateTime<Utc>,
    capacity: usize,
    unknown_capacity: usize,
) {
    let Rooms { known, unknown, .. } = rooms;
    let (room, other, size) = match found.is_empty() {
        true => (unknown, known, unknown_capacity),
        false => (known, unknown, capacity),
    };
    other.remove(id);
    if room.len() >= size && !room.contains_key(id) {
        make_room(room);
    }
    room.insert(id.to_owned(), Remembered { read_at, found: found.clone() });
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
impl<R: SubscriptionResolver + 'static> SubscriptionResolver for CachedResolver<R> {
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError> {
        let inner = &self.inner;
        let now = inner.runtime.now();
        let remembered = inner.remembered(subscription_id);
        let age = |remembered: &Remembered| now.signed_duration_since(remembered.read_at);
        if let Some(fresh) = remembered.as_ref().filter(|remembered| age(remembered) < inner.time_to_live) {
            return Ok(fresh.found.clone());
        }
        let stale = inner.stale(remembered, now);
        let looked: Looked = match (inner.look_up(subscription_id, now), &stale) {
            (Err(error), _) => Err(Arc::new(error)),
            // There is nothing else to go by.
            (Ok(look_up), None) => look_up.answer.await,
            (Ok(look_up), Some(_)) => {
                let waited = now.signed_duration_since(look_up.begun).to_std().unwrap_or_default();
                let patience = Self::PATIENCE.saturating_sub(waited);
                match select(look_up.answer, inner.runtime.sleep(patience)).await {
                    Either::Left((looked, _)) => looked,
                    Either::Right(_) => Err(Arc::new(NoAnswer::TookTooLong)),
                }
            }
        };
        match (looked, stale) {
            (Ok(found), _) => Ok(found),
            (Err(error), Some(stale)) => {
                tracing::warn!(subscription = subscription_id, error = %error, "a subscription is taken as it was known before");
                Ok(stale)
            }
            (Err(error), None) => Err(ResolveError(Box::new(error))),
        }
    }
}
