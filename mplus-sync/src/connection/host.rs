//! What the host brings.

use std::fmt;
use std::sync::Arc;

use mplus_qapi::Client;

use super::Connector;
use crate::media::MediaStore;
use crate::merchant::{LocationProvisioner, Merchant, NoProvisioner, SyncSettings, draw_worker};
use crate::model::{ConnectionId, Environment, WorkerId};
use crate::runtime::Runtime;
use crate::store::{CredentialVault, Store};

/// What the host brings: where things are kept, how the POS is reached, time.
///
/// Cheap to clone; one serves all merchants.
#[derive(Clone)]
#[must_use]
pub struct Host {
    store: Arc<dyn Store>,
    pub(super) vault: Arc<dyn CredentialVault>,
    pub(super) connector: Arc<dyn Connector>,
    runtime: Arc<dyn Runtime>,
    provisioner: Arc<dyn LocationProvisioner>,
    media: Option<Arc<dyn MediaStore>>,
    settings: Arc<SyncSettings>,
    worker: WorkerId,
}

impl Host {
    /// A host without a media store (pictures are not downloaded), that gives locations nothing.
    pub fn new(
        store: Arc<dyn Store>,
        vault: Arc<dyn CredentialVault>,
        connector: impl Connector + 'static,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let worker = draw_worker(&*runtime);
        Self {
            store,
            vault,
            connector: Arc::new(connector),
            runtime,
            provisioner: Arc::new(NoProvisioner),
            media: None,
            settings: Arc::default(),
            worker,
        }
    }

    /// Gives imported locations their Stripe customer and branding profile.
    pub fn with_provisioner(self, provisioner: impl LocationProvisioner + 'static) -> Self {
        Self { provisioner: Arc::new(provisioner), ..self }
    }

    /// Keeps pictures; without one they are not downloaded.
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }

    /// Tax mapping, chunk size and the like.
    pub fn with_settings(self, settings: SyncSettings) -> Self {
        Self { settings: Arc::new(settings), ..self }
    }

    /// The name under which this worker holds leases; it must be no other worker's. Drawn by lot unless set.
    pub fn named(self, worker: impl Into<WorkerId>) -> Self {
        Self { worker: worker.into(), ..self }
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Time and chance.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// What the services of one merchant share.
    pub(super) fn merchant(
        &self,
        client: Client,
        connection: ConnectionId,
        environment: Environment,
    ) -> Merchant {
        Merchant::new(client, connection, Arc::clone(&self.store), Arc::clone(&self.runtime))
            .worked_by(self.worker.clone())
            .in_environment(environment)
            .with_settings(Arc::clone(&self.settings))
            .with_provisioner(Arc::clone(&self.provisioner))
            .with_media(self.media.clone())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("worker", &self.worker).finish_non_exhaustive()
    }
}
