//! What the host brings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mplus_qapi::{Client, Endpoint};

use super::Connector;
use crate::media::MediaStore;
use crate::merchant::{
    ConnectionGate, LocationProvisioner, Merchant, NoProvisioner, RunLimits, Standing, draw_worker,
};
use crate::model::{Connection, ConnectionId, Revision, RunKind, RunReason, RunRequest, WorkerId};
use crate::runtime::Runtime;
use crate::settings::{MerchantSettings, SaveSettingsError, SavedSettings, read_settings, save_settings};
use crate::store::{CredentialVault, Credentials, LimitedStore, LimitedVault, Store, StoreError};

/// What the host brings: where things are kept, how the POS is reached, time.
///
/// Cheap to clone; one serves all merchants.
#[derive(Clone)]
#[must_use]
pub struct Host {
    /// What the host brought, and the same with a limit of time for every call.
    brought: (Arc<dyn Store>, Arc<dyn CredentialVault>),
    store: Arc<dyn Store>,
    pub(super) vault: Arc<dyn CredentialVault>,
    pub(super) connector: Arc<dyn Connector>,
    runtime: Arc<dyn Runtime>,
    provisioner: Arc<dyn LocationProvisioner>,
    media: Option<Arc<dyn MediaStore>>,
    settings: Arc<MerchantSettings>,
    limits: Arc<RunLimits>,
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
        let brought = (store, vault);
        let (store, vault) = limited(&brought, &runtime, PATIENCE);
        Self {
            brought,
            store,
            vault,
            connector: Arc::new(connector),
            runtime,
            provisioner: Arc::new(NoProvisioner),
            media: None,
            settings: Arc::default(),
            limits: Arc::default(),
            worker,
        }
    }

    /// Gives imported locations what only the host has, such as the customer of its billing and a branding profile.
    pub fn with_provisioner(self, provisioner: impl LocationProvisioner + 'static) -> Self {
        Self { provisioner: Arc::new(provisioner), ..self }
    }

    /// Keeps pictures; without one they are not downloaded.
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }

    /// What holds for merchants who have saved no settings of their own; the usual ones of a Dutch merchant unless set.
    pub fn with_settings(self, default: MerchantSettings) -> Self {
        Self { settings: Arc::new(default), ..self }
    }

    /// How long a call of the store or of the vault may take: 30 seconds unless set. One that takes longer has failed, and may
    /// have been carried out all the same; what goes through many rows, such as pruning, has thirty times as long.
    /// [`Duration::MAX`] waits for ever.
    pub fn with_store_patience(self, patience: Duration) -> Self {
        let (store, vault) = limited(&self.brought, &self.runtime, patience);
        Self { store, vault, ..self }
    }

    /// How much the runs of all merchants take at once.
    pub fn with_limits(self, limits: RunLimits) -> Self {
        Self { limits: Arc::new(limits), ..self }
    }

    /// The name under which this worker holds leases: its slot. It must be no other worker's at the same time; a process
    /// that takes it after a crash gets the leases of the one that crashed at once. Drawn by lot unless set.
    pub fn named(self, worker: impl Into<WorkerId>) -> Self {
        Self { worker: worker.into(), ..self }
    }

    /// Where everything is kept. Its calls fail when they take [too long](Self::with_store_patience).
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Where credentials are kept; its calls likewise.
    pub fn vault(&self) -> &Arc<dyn CredentialVault> {
        &self.vault
    }

    /// The name under which this worker holds leases.
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// Time and chance.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// A merchant's settings, and their revision, which differs after every save: those that were saved last, or the host's
    /// while none were.
    ///
    /// # Errors
    /// When the store fails; [`Corrupt`](crate::store::StoreErrorKind::Corrupt) when this release cannot read them.
    pub async fn settings(&self, connection: &ConnectionId) -> Result<SavedSettings, StoreError> {
        read_settings(&*self.store, connection, &self.settings).await
    }

    /// Saves a merchant's settings in place of those of `revision`, for all processes: runs and orders that begin after this
    /// go by them. See also [`Integration::check_settings`](crate::Integration::check_settings).
    ///
    /// # Errors
    /// When they cannot be, with every problem; with a conflict when they were changed since they were read; when the
    /// store fails.
    pub async fn save_settings(
        &self,
        connection: &ConnectionId,
        settings: &MerchantSettings,
        revision: Revision,
    ) -> Result<Revision, SaveSettingsError> {
        let saved = save_settings(&*self.store, connection, settings, revision).await?;
        // A fleet plans anew. One that is not asked does so within a day, and looks at the settings before each run.
        let asked = RunRequest::new(RunReason::AskedFor, self.runtime.now());
        let _ = self.store.request_run(connection, &RunKind::UPKEEP, asked).await;
        Ok(saved)
    }

    /// What the services of one merchant share. Before each request they ask whether the connection still stands and which
    /// credentials hold.
    pub(super) fn merchant(&self, client: &Client, connection: &Connection) -> Merchant {
        let standing = Standing::of(Arc::clone(&self.store), Arc::clone(&self.vault), connection);
        let (connector, address) = (Arc::clone(&self.connector), (connection.host.clone(), connection.port));
        let remake =
            move |credentials: &Credentials| make_client(&*connector, &address.0, address.1, credentials);
        let gate = ConnectionGate::new(standing.clone(), Arc::clone(&self.vault), Box::new(remake));
        let (store, runtime) = (Arc::clone(&self.store), Arc::clone(&self.runtime));
        Merchant::new(client.through(Arc::new(gate)), connection.id.clone(), store, runtime)
            .worked_by(self.worker.clone())
            .in_environment(connection.environment)
            .with_settings(Arc::clone(&self.settings))
            .with_limits(Arc::clone(&self.limits))
            .with_provisioner(Arc::clone(&self.provisioner))
            .with_media(self.media.clone())
            .standing(standing)
    }
}

/// How long a call may take unless the host says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

fn limited(
    (store, vault): &(Arc<dyn Store>, Arc<dyn CredentialVault>),
    runtime: &Arc<dyn Runtime>,
    patience: Duration,
) -> (Arc<dyn Store>, Arc<dyn CredentialVault>) {
    (
        Arc::new(LimitedStore::new(Arc::clone(store), Arc::clone(runtime), patience)),
        Arc::new(LimitedVault::new(Arc::clone(vault), Arc::clone(runtime), patience)),
    )
}

/// A client of this address and these credentials.
pub(super) fn make_client(
    connector: &dyn Connector,
    host: &str,
    port: u16,
    credentials: &Credentials,
) -> Result<Client, String> {
    let endpoint = Endpoint::new(host, port).map_err(|error| error.to_string())?;
    let credentials = mplus_qapi::Credentials::new(credentials.ident.as_str(), credentials.secret.clone());
    connector.client(endpoint, credentials)
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("worker", &self.worker).finish_non_exhaustive()
    }
}
