//! One merchant as every service needs it: how the POS is reached, where things are kept, what holds for all runs.
//!
//! [`Integration`](crate::Integration) makes a [`Merchant`] of what the host brings and of what the merchant's connection
//! says. A host that wants a single service makes one itself:
//!
//! ```
//! use std::sync::Arc;
//!
//! use mplus_sync::merchant::Merchant;
//! use mplus_sync::model::ConnectionId;
//! use mplus_sync::runtime::Runtime;
//! use mplus_sync::store::MemoryStore;
//! use mplus_sync::tables::TableService;
//!
//! fn tables(client: mplus_qapi::Client, runtime: Arc<dyn Runtime>) -> TableService {
//!     let merchant = Merchant::new(client, ConnectionId::from("bistro"), Arc::new(MemoryStore::new()), runtime);
//!     TableService::new(&merchant.worked_by("worker-1"))
//! }
//! ```

mod lacking;
mod limits;
mod provision;
mod standing;
mod status;

use std::fmt;
use std::sync::Arc;

use mplus_qapi::{Client, Gate};

use crate::media::MediaStore;
use crate::model::{ConnectionId, Environment, WorkerId};
use crate::runtime::Runtime;
use crate::settings::{MerchantSettings, SavedSettings, SettingsReader};
use crate::store::{Store, StoreError};

pub(crate) use lacking::Lacking;
pub use limits::RunLimits;
pub use provision::{LocationProvisioner, NoProvisioner, Provision, ProvisionError};
pub(crate) use standing::{ConnectionGate, NoStanding, Standing};
pub(crate) use status::{Watch, note_run};

/// A name that no other worker has, unless by a chance of one in four billion.
pub(crate) fn draw_worker(runtime: &dyn Runtime) -> WorkerId {
    WorkerId::from(format!("worker-{}", draw(runtime)))
}

/// A lot in letters and digits.
pub(crate) fn draw(runtime: &dyn Runtime) -> String {
    format!("{:08x}", (runtime.random() * f64::from(u32::MAX)) as u32)
}

/// What every service of one merchant shares. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct Merchant {
    client: Client,
    connection: ConnectionId,
    environment: Environment,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    worker: WorkerId,
    settings: SettingsReader,
    limits: Arc<RunLimits>,
    provisioner: Arc<dyn LocationProvisioner>,
    media: Option<Arc<dyn MediaStore>>,
    standing: Standing,
}

impl Merchant {
    /// A merchant with the usual settings, without a media store (pictures are not downloaded), whose locations are given
    /// nothing. The worker's name is drawn by lot unless it is [set](Self::worked_by).
    pub fn new(
        client: Client,
        connection: ConnectionId,
        store: Arc<dyn Store>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let worker = draw_worker(&*runtime);
        let standing = Standing::by_hand(Arc::clone(&store), connection.clone());
        let settings = SettingsReader::new(Arc::clone(&store), connection.clone(), Arc::default());
        Self {
            client,
            connection,
            environment: Environment::Live,
            store,
            runtime,
            worker,
            settings,
            limits: Arc::default(),
            provisioner: Arc::new(NoProvisioner),
            media: None,
            standing,
        }
    }

    /// The name under which leases are held and orders are claimed; it must be no other worker's. Every run adds a part of
    /// its own.
    pub fn worked_by(self, worker: impl Into<WorkerId>) -> Self {
        Self { worker: worker.into(), ..self }
    }

    /// Whether real guests are served.
    pub fn in_environment(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// What holds as long as the merchant has saved no settings.
    pub fn with_settings(self, default: impl Into<Arc<MerchantSettings>>) -> Self {
        Self { settings: self.settings.clone().with_default(default.into()), ..self }
    }

    /// How much runs take at once.
    pub fn with_limits(self, limits: impl Into<Arc<RunLimits>>) -> Self {
        Self { limits: limits.into(), ..self }
    }

    /// Gives imported locations what only the host has.
    pub fn with_provisioner(self, provisioner: Arc<dyn LocationProvisioner>) -> Self {
        Self { provisioner, ..self }
    }

    /// Keeps pictures; without one they are not downloaded.
    pub fn with_media(self, media: Option<Arc<dyn MediaStore>>) -> Self {
        Self { media, ..self }
    }

    /// Whose it is.
    pub fn connection(&self) -> &ConnectionId {
        &self.connection
    }

    /// Whether real guests are served.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Time and chance.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// The worker's name.
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// The settings that hold now: those that were saved last, in whatever process.
    ///
    /// # Errors
    /// When the store fails; [`Corrupt`](crate::store::StoreErrorKind::Corrupt) when this release cannot read them.
    pub async fn settings(&self) -> Result<SavedSettings, StoreError> {
        self.settings.current().await
    }

    /// How much runs take at once.
    pub fn limits(&self) -> &RunLimits {
        &self.limits
    }

    /// Makes sure that the merchant is still connected, and to the same POS.
    pub(crate) async fn check_standing(&self) -> Result<(), NoStanding> {
        self.standing.check().await
    }

    /// Whether the merchant's credentials are there and cannot be read, which does not pass by itself.
    pub(crate) async fn is_unreadable(&self) -> bool {
        self.standing.is_unreadable().await
    }

    /// The same as a handle of this connection.
    pub(crate) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    /// The same with a gate before its client.
    pub(crate) fn behind(&self, gate: Arc<dyn Gate>) -> Self {
        Self { client: self.client.through(gate), ..self.clone() }
    }

    pub(crate) fn provisioner(&self) -> &dyn LocationProvisioner {
        &*self.provisioner
    }

    pub(crate) fn media(&self) -> Option<&dyn MediaStore> {
        self.media.as_deref()
    }
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("connection", &self.connection)
            .field("client", &self.client)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
