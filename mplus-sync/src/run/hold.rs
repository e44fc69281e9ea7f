//! The right of one run to work alone, kept as long as the run lives.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::future::{Either, select};
use mplus_qapi::{Gate, Passage};

use super::StepError;
use crate::merchant::{Merchant, draw};
use crate::model::{ConnectionId, Holder, Lease, LeaseName};
use crate::runtime::Runtime;
use crate::store::{Store, StoreErrorKind};

/// The lease of one run.
///
/// It is prolonged while the run works, calls that hang included, and looked at before each call to the POS and each
/// write: a run that lost it sends and writes nothing more. Each run is a holder of its own, so two runs of one process
/// exclude each other; a process that takes the slot of one that crashed gets its leases at once.
pub(crate) struct Hold {
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    connection: ConnectionId,
    name: LeaseName,
    holder: Holder,
    time: Duration,
    run: u64,
    state: Mutex<State>,
}

#[derive(Clone)]
enum State {
    /// Nothing was taken: a dry run, which writes nothing on either side.
    Free,
    Held(Lease),
    Lost,
}

/// The runs of this process that have not ended.
static LIVE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn live() -> std::sync::MutexGuard<'static, BTreeSet<u64>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hold {
    /// A run that has not taken its lease yet.
    pub(crate) fn new(merchant: &Merchant, name: LeaseName) -> Arc<Self> {
        static LIFE: OnceLock<String> = OnceLock::new();
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let life = LIFE.get_or_init(|| format!("{}-{}", std::process::id(), draw(&**merchant.runtime())));
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        live().insert(run);
        Arc::new(Self {
            store: Arc::clone(merchant.store()),
            runtime: Arc::clone(merchant.runtime()),
            connection: merchant.connection().clone(),
            name,
            holder: Holder::of(merchant.worker().clone(), life.as_str()).run(run.to_string()),
            time: merchant.limits().lease,
            run,
            state: Mutex::new(State::Free),
        })
    }

    /// Begins to work alone.
    ///
    /// # Errors
    /// [`StepError::Busy`] when another run is at it.
    pub(crate) async fn take(&self) -> Result<(), StepError> {
        let mut lease = self.acquire().await?;
        if lease.is_none() && self.clear().await? {
            lease = self.acquire().await?;
        }
        self.set(State::Held(lease.ok_or(StepError::Busy)?));
        Ok(())
    }

    async fn acquire(&self) -> Result<Option<Lease>, StepError> {
        let now = self.runtime.now();
        let until = now + self.time();
        Ok(self.store.acquire(&self.connection, &self.name, &self.holder, until, now).await?)
    }

    /// Gives back what a run of this process left behind that was dropped half-way. True when there was one.
    async fn clear(&self) -> Result<bool, StepError> {
        let held = self.store.leases(Some(&self.connection), self.runtime.now()).await?;
        let left = held.into_iter().map(|held| held.lease).find(|lease| {
            lease.name == self.name
                && lease.holder.slot() == self.holder.slot()
                && lease.holder.life() == self.holder.life()
                && lease.holder.run_name().parse().is_ok_and(|run: u64| !live().contains(&run))
        });
        match left {
            Some(lease) => Ok(self.store.release(&lease).await.map(|()| true)?),
            None => Ok(false),
        }
    }

    /// Makes sure that the lease is still held, and prolongs it when half of it is over.
    ///
    /// # Errors
    /// [`StepError::LeaseLost`] when it is another run's by now.
    pub(crate) async fn keep(&self) -> Result<(), StepError> {
        let lease = match self.state() {
            State::Free => return Ok(()),
            State::Lost => return Err(StepError::LeaseLost),
            State::Held(lease) => lease,
        };
        let now = self.runtime.now();
        if lease.until - now < self.time() / 2 {
            return self.extend(&lease).await;
        }
        let held = self.store.leases(Some(&self.connection), now).await?;
        let is_ours = |held: &Lease| (&held.name, held.token) == (&lease.name, lease.token);
        if held.iter().any(|held| is_ours(&held.lease) && held.lease.holder == lease.holder) {
            return Ok(());
        }
        self.set(State::Lost);
        Err(StepError::LeaseLost)
    }

    async fn extend(&self, lease: &Lease) -> Result<(), StepError> {
        match self.store.extend(lease, self.runtime.now() + self.time()).await {
            Ok(lease) => {
                self.set(State::Held(lease));
                Ok(())
            }
            Err(error) if matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::NotFound) => {
                self.set(State::Lost);
                Err(StepError::LeaseLost)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does the work and prolongs the lease meanwhile.
    pub(crate) async fn alive_while<T>(&self, work: impl Future<Output = T>) -> T {
        match select(pin!(work), pin!(self.stay_alive())).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn stay_alive(&self) -> Infallible {
        loop {
            self.runtime.sleep(self.time / 3).await;
            if let State::Held(lease) = self.state() {
                // Whoever needs the lease next finds out whether it was lost; a store that fails now may not fail then.
                let _ = self.extend(&lease).await;
            }
        }
    }

    /// Whether another run has the lease by now.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.state(), State::Lost)
    }

    /// Gives the lease back. One that cannot be given back ends by itself.
    pub(crate) async fn release(&self) {
        if let State::Held(lease) = self.state() {
            let _ = self.store.release(&lease).await;
            self.set(State::Free);
        }
    }

    fn time(&self) -> TimeDelta {
        TimeDelta::from_std(self.time).unwrap_or(TimeDelta::MAX / 4)
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        live().remove(&self.run);
    }
}

#[async_trait]
impl Gate for Hold {
    async fn pass(&self, _operation: &'static str) -> Passage {
        match self.keep().await {
            Ok(()) => Passage::Open,
            Err(why) => Passage::Held(why.to_string()),
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("name", &self.name).field("holder", &self.holder).finish_non_exhaustive()
    }
}
