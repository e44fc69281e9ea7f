//! A limit of time for every call of a store: a database that hangs is a database that fails, and holds nobody up for long.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::{Runtime, within};

use super::calls::*;
use super::{CredentialVault, Credentials, Listener, Store, StoreErrorKind, Wake, WakeUp};

/// Calls that go through all rows of a merchant may take this many times as long as others.
const MANY_ROWS: u32 = 30;

/// How long calls may take.
#[derive(Clone)]
struct Patience {
    runtime: Arc<dyn Runtime>,
    /// [`Duration::MAX`] for ever.
    longest: Duration,
}

impl Patience {
    /// The answer to a call; an error when it does not come in time.
    async fn limit<T>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let longest = self.longest.saturating_mul(if is_of_many_rows(call) { MANY_ROWS } else { 1 });
        match within(&*self.runtime, longest, answer).await {
            Some(done) => done,
            None => {
                let why = format!("no answer in {} seconds", longest.as_secs_f32());
                let error = StoreError::new(StoreErrorKind::Unavailable, format!("carry out `{call}`"));
                Err(error.with_source(why).maybe_done())
            }
        }
    }
}

fn is_of_many_rows(call: &str) -> bool {
    let whole = [
        "requeue_all",
        "release_expired",
        "take_up_set_aside",
        "take_up_again",
        "remove_connection",
        "forget_pos",
    ];
    call.starts_with("prune_") || whole.contains(&call)
}

/// A store whose calls fail when they take too long.
pub(crate) struct LimitedStore {
    store: Arc<dyn Store>,
    patience: Patience,
}

impl LimitedStore {
    /// A store whose calls may take so long; [`Duration::MAX`] for ever.
    pub(crate) fn new(store: Arc<dyn Store>, runtime: Arc<dyn Runtime>, longest: Duration) -> Self {
        Self { store, patience: Patience { runtime, longest } }
    }
}

impl fmt::Debug for LimitedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedStore").field("patience", &self.patience.longest).finish_non_exhaustive()
    }
}

macro_rules! limit {
    ($($of:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* })*) => {$(
        #[async_trait]
        impl $of for LimitedStore {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.patience.limit(stringify!($name), self.store.$name($($arg),*)).await
            }
        )*}
    )*};
}

store_calls!(limit);

impl WakeUp for LimitedStore {
    fn wake(&self, what: Wake) {
        self.store.wake(what);
    }

    fn listen(&self) -> Listener {
        self.store.listen()
    }
}

/// A vault whose calls fail when they take too long.
pub(crate) struct LimitedVault {
    vault: Arc<dyn CredentialVault>,
    patience: Patience,
}

impl LimitedVault {
    /// A vault whose calls may take so long; [`Duration::MAX`] for ever.
    pub(crate) fn new(vault: Arc<dyn CredentialVault>, runtime: Arc<dyn Runtime>, longest: Duration) -> Self {
        Self { vault, patience: Patience { runtime, longest } }
    }
}

#[async_trait]
impl CredentialVault for LimitedVault {
    async fn save_credentials(
        &self,
        connection: &ConnectionId,
        credentials: Credentials,
    ) -> Result<(), StoreError> {
        let saved = self.vault.save_credentials(connection, credentials);
        self.patience.limit("save_credentials", saved).await
    }

    async fn credentials(&self, connection: &ConnectionId) -> Result<Option<Credentials>, StoreError> {
        self.patience.limit("credentials", self.vault.credentials(connection)).await
    }

    async fn credentials_revision(&self, connection: &ConnectionId) -> Result<Option<Revision>, StoreError> {
        self.patience.limit("credentials_revision", self.vault.credentials_revision(connection)).await
    }

    async fn forget_credentials(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        self.patience.limit("forget_credentials", self.vault.forget_credentials(connection)).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::store::MemoryStore;

    /// A database that takes every question and answers none.
    struct Hangs(MemoryStore);

    macro_rules! hang {
        ($($of:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* })*) => {$(
            #[async_trait]
            impl $of for Hangs {$(
                async fn $name(&self, $(_: $type),*) -> Result<$answer, StoreError> {
                    pending().await
                }
            )*}
        )*};
    }

    store_calls!(hang);

    impl WakeUp for Hangs {
        fn wake(&self, what: Wake) {
            self.0.wake(what);
        }

        fn listen(&self) -> Listener {
            self.0.listen()
        }
    }

    /// Waits take no time.
    #[derive(Debug)]
    struct Hurried;

    #[async_trait]
    impl Runtime for Hurried {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}

        fn random(&self) -> f64 {
            0.0
        }
    }

    fn limited(store: Arc<dyn Store>, seconds: u64) -> LimitedStore {
        LimitedStore::new(store, Arc::new(Hurried), Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn a_call_that_hangs_fails_in_time_and_may_have_been_carried_out() {
        let store = limited(Arc::new(Hangs(MemoryStore::new())), 30);
        let error = store.count_connections().await.unwrap_err();
        assert!(error.is_retryable() && error.may_have_happened());
        assert!(error.to_string().contains("`count_connections`"), "{error}");
        assert!(error.to_string().contains("no answer in 30 seconds"), "{error}");
        let pruning = store.prune_leases(DateTime::UNIX_EPOCH).await.unwrap_err();
        assert!(pruning.to_string().contains("no answer in 900 seconds"), "{pruning}");
    }

    #[tokio::test]
    async fn what_answers_at_once_is_never_too_late() {
        let store = limited(Arc::new(MemoryStore::new()), 0);
        assert_eq!(store.count_connections().await.unwrap(), ConnectionCounts::default());
    }
}
