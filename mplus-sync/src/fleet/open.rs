//! The merchants that a process is working for now. One that it has no work for costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::connection::{Host, OpenError};
use crate::integration::Integration;
use crate::model::{Connection, ConnectionId, Environment, PosIdentity, Revision};
use crate::orders::{Finishing, OutboxWorker, WorkerOptions};
use crate::settings::{MerchantSettings, SavedSettings};
use crate::store::StoreError;

use super::settings::{FleetSettings, before};
use super::terms::Terms;

/// How long it is trusted that nothing of a merchant's connection, credentials and settings was changed.
const TRUSTED: TimeDelta = TimeDelta::seconds(1);

/// A merchant that is worked for.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) integration: Integration,
    pub(super) worker: OutboxWorker,
    pub(super) terms: Terms,
    made_of: MadeOf,
}

/// What a merchant's client was made of: when any of it changes, another one is made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeOf {
    host: String,
    port: u16,
    identity: Option<PosIdentity>,
    environment: Environment,
    credentials: Option<Revision>,
    settings: Revision,
}

#[derive(Debug)]
struct Kept {
    open: Arc<Open>,
    looked_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
}

/// The merchants that are worked for, each with one client that all of its work shares.
pub(super) struct Merchants {
    host: Host,
    settings: FleetSettings,
    /// All of their orders' ends are recorded together.
    finishing: Arc<Finishing>,
    kept: Mutex<HashMap<ConnectionId, Kept>>,
}

impl Merchants {
    pub(super) fn new(host: Host, settings: FleetSettings) -> Self {
        let finishing = Finishing::new(Arc::clone(host.store()), Arc::clone(host.runtime()));
        Self { host, settings, finishing: Arc::new(finishing), kept: Mutex::default() }
    }

    /// The merchant as it was a moment ago: its client, credentials and settings.
    ///
    /// # Errors
    /// When it is not connected, was removed, or the store or the vault fails.
    pub(super) async fn open(&self, id: &ConnectionId) -> Result<Arc<Open>, OpenError> {
        match self.trusted(id, self.host.runtime().now()) {
            Some(open) => Ok(open),
            None => self.open_as_it_is(id).await,
        }
    }

    /// The merchant as it is now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) async fn open_as_it_is(&self, id: &ConnectionId) -> Result<Arc<Open>, OpenError> {
        let now = self.host.runtime().now();
        let (made_of, settings) = match self.made_of(id).await? {
            Some(found) => found,
            None => {
                self.lock().remove(id);
                return Err(OpenError::NotConnected(id.clone()));
            }
        };
        if let Some(open) = self.unchanged(id, &made_of, now) {
            return Ok(open);
        }
        let integration = Integration::open(self.host.clone(), id.clone()).await?;
        let terms = Terms::of(&settings, id);
        let options = WorkerOptions {
            claim: self.settings.claim,
            retry: self.settings.retry,
            ..WorkerOptions::default()
        };
        let worker = integration.outbox_worker().with_options(options);
        let worker = worker.finishing_with(Arc::clone(&self.finishing));
        let open = Arc::new(Open { integration, worker, terms, made_of });
        let kept = Kept { open: Arc::clone(&open), looked_at: now, used_at: now };
        self.lock().insert(id.clone(), kept);
        Ok(open)
    }

    /// What a client of it is made of, and its settings; none when it is held or gone.
    async fn made_of(
        &self,
        id: &ConnectionId,
    ) -> Result<Option<(MadeOf, Arc<MerchantSettings>)>, StoreError> {
        let connection = self.host.store().connection(id).await?;
        let Some(connection) = connection.filter(|connection| !connection.is_held()) else { return Ok(None) };
        let credentials = self.host.vault().credentials_revision(id).await?;
        let SavedSettings { settings, revision, .. } = self.host.settings(id).await?;
        let Connection { host, port, environment, pos_identity: identity, .. } = connection;
        let made_of = MadeOf { host, port, identity, environment, credentials, settings: revision };
        Ok(Some((made_of, settings)))
    }

    fn trusted(&self, id: &ConnectionId, now: DateTime<Utc>) -> Option<Arc<Open>> {
        let mut kept = self.lock();
        let kept = kept.get_mut(id).filter(|kept| now - kept.looked_at < TRUSTED)?;
        kept.used_at = now;
        Some(Arc::clone(&kept.open))
    }

    fn unchanged(&self, id: &ConnectionId, made_of: &MadeOf, now: DateTime<Utc>) -> Option<Arc<Open>> {
        let mut kept = self.lock();
        let kept = kept.get_mut(id).filter(|kept| kept.open.made_of == *made_of)?;
        (kept.looked_at, kept.used_at) = (now, now);
        Some(Arc::clone(&kept.open))
    }

    /// Drops the clients of merchants that nothing was done for in a while.
    pub(super) fn drop_idle(&self, now: DateTime<Utc>) {
        let since = before(now, self.settings.idle_client);
        self.lock().retain(|_, kept| kept.used_at >= since || Arc::strong_count(&kept.open) > 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
