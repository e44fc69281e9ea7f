//! A store that fails when it is told to.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::store::calls::*;
use crate::store::{Listener, Store, StoreErrorKind, Wake, WakeUp};

/// Which call fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct FailAt {
    call: u64,
    carried_out: bool,
    lasting: bool,
}

impl FailAt {
    /// The n-th call, counted from 1, fails without being carried out.
    pub fn before(call: u64) -> Self {
        Self { call, carried_out: false, lasting: false }
    }

    /// The n-th call, counted from 1, is carried out and fails all the same: its answer is lost.
    pub fn after(call: u64) -> Self {
        Self { call, carried_out: true, lasting: false }
    }

    /// Every later call fails too, without being carried out, as after a crash.
    pub fn and_all_later(self) -> Self {
        Self { lasting: true, ..self }
    }
}

/// Wraps a store and lets one of its calls fail.
///
/// To try a crash at every point: run what is tested once to learn from [`calls`](Self::calls) how many calls it makes,
/// then once for each call with that one failing, each time followed by an undisturbed run on the wrapped store.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fail_at: Option<FailAt>,
    calls: AtomicU64,
    failed: OnceLock<&'static str>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("fail_at", &self.fail_at)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl FaultyStore {
    /// A store that counts calls and never fails by itself.
    pub fn counting(inner: Arc<dyn Store>) -> Self {
        Self { inner, fail_at: None, calls: AtomicU64::new(0), failed: OnceLock::new() }
    }

    /// A store that fails at one call.
    pub fn failing(inner: Arc<dyn Store>, fail_at: FailAt) -> Self {
        Self { fail_at: Some(fail_at), ..Self::counting(inner) }
    }

    /// How many calls were made so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The name of the call that failed, the first of them; none as long as all went well.
    pub fn failed(&self) -> Option<&'static str> {
        self.failed.get().copied()
    }

    /// Counts a call. Fails it, or says what to answer when it was carried out.
    fn begin(&self, action: &'static str) -> Result<Option<StoreError>, StoreError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let error = || {
            self.failed.get_or_init(|| action);
            StoreError::new(StoreErrorKind::Unavailable, action).with_source(format!("fault at call {call}"))
        };
        match self.fail_at {
            Some(fault) if call == fault.call && fault.carried_out => Ok(Some(error().maybe_done())),
            Some(fault) if call == fault.call || (fault.lasting && call > fault.call) => Err(error()),
            _ => Ok(None),
        }
    }
}

/// Passes each call on, unless it is the one to fail.
macro_rules! pass_on {
    ($($store:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* })*) => {$(
        #[async_trait]
        impl $store for FaultyStore {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let lost = self.begin(stringify!($name))?;
                let answer = self.inner.$name($($arg),*).await?;
                lost.map_or(Ok(answer), Err)
            }
        )*}
    )*};
}

store_calls!(pass_on);

/// Never fails: nothing may depend on it.
impl WakeUp for FaultyStore {
    fn wake(&self, what: Wake) {
        self.inner.wake(what);
    }

    fn listen(&self) -> Listener {
        self.inner.listen()
    }
}
