//! What is asked of a fleet, by persons and by the host.

use crate::conflict::SyncContext;
use crate::model::{ConnectionId, RunKind, RunReason, RunRequest};
use crate::report::Scope;
use crate::store::StoreError;

use super::due::Wanted;
use super::{Fleet, due};

impl Fleet {
    /// Asks for a sync of a merchant, from any process: it is begun at once where there is room, and before everything that is
    /// due by itself and was not asked for. A host that asks for many merchants, with nobody waiting, does so with
    /// [`SyncContext::Scheduled`], which goes before nothing. What is asked for while a run
    /// of the merchant waits is done by that run, what is asked for while one is under way, by another one after it.
    ///
    /// With [`SyncContext::Webhook`] the POS wins where both sides changed something, also in a run that others asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_sync(
        &self,
        connection: &ConnectionId,
        context: SyncContext,
        scope: Scope,
    ) -> Result<(), StoreError> {
        self.request(connection, &RunKind::SYNC, Wanted::new(context, scope)).await
    }

    /// The same for a person who was told that an answer was held back because it switches off much of the menu, and knows that
    /// it is meant: the run believes it. That holds for one run that begins within the hour. When it fails, the next ones ask a person
    /// again, as what the POS answers them may be something else.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_sync_accepting_loss(
        &self,
        connection: &ConnectionId,
        scope: Scope,
    ) -> Result<(), StoreError> {
        let now = self.host_of(connection)?.runtime().now();
        let wanted = Wanted::new(SyncContext::Manual, scope).accepting_loss(now);
        self.request(connection, &RunKind::SYNC, wanted).await
    }

    /// Asks for a run that writes nothing on either side. Its report, kept under [`RunKind::DRY_RUN`], says what would be done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_dry_run(&self, connection: &ConnectionId, scope: Scope) -> Result<(), StoreError> {
        self.request(connection, &RunKind::DRY_RUN, Wanted::new(SyncContext::Manual, scope)).await
    }

    /// Has a run stop that is carried out, in whatever process, within a second or two: it ends its step, what was done stays
    /// done, and its report says that it was cancelled. What was [asked for](RunReason::AskedFor), or failed and waits to be
    /// [tried again](RunReason::Retry), is not begun; what is due by itself, such as tomorrow's daily run, still is. Stopping what does not run changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stop_run(&self, connection: &ConnectionId, kind: &RunKind) -> Result<(), StoreError> {
        let host = self.host_of(connection)?;
        host.store().request_run(connection, kind, due::stop_request(host.runtime().now())).await
    }

    /// Asks for a pull of a merchant's stock, likewise. Where the merchant's [settings](crate::settings::MerchantSettings::stock) switch
    /// stock off nothing is pulled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_stock(
        &self,
        connection: &ConnectionId,
        context: SyncContext,
    ) -> Result<(), StoreError> {
        self.request(connection, &RunKind::STOCK, Wanted::new(context, Scope::Incremental)).await
    }

    async fn request(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        wanted: Wanted,
    ) -> Result<(), StoreError> {
        let host = self.host_of(connection)?;
        let reason = match wanted.context {
            SyncContext::Webhook => RunReason::Webhook,
            SyncContext::Manual => RunReason::AskedFor,
            SyncContext::Scheduled => RunReason::Other(due::BY_HOST.to_owned()),
        };
        host.store().request_run(connection, kind, wanted.request(reason, host.runtime().now())).await
    }

    /// Looks after a merchant now: its daily sync and its stock are asked for as its settings say. A merchant that was
    /// connected is taken up by itself within [`look_for_new`](super::FleetSettings::look_for_new).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_up(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        let host = self.host_of(connection)?;
        let request = RunRequest::new(RunReason::AskedFor, host.runtime().now());
        host.store().request_run(connection, &RunKind::UPKEEP, request).await
    }
}
