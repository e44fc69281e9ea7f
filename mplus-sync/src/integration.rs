//! The facade: one merchant's integration, with its services.

use std::fmt;
use std::sync::Arc;

use mplus_qapi::Client;

use crate::articles::Articles;
use crate::branches::{Branches, LocationProvisioner, NoProvisioner};
use crate::connection::{ConnectError, Connector, NewConnection, OpenError};
use crate::media::MediaStore;
use crate::model::{ConnectionId, Environment, WorkerId};
use crate::orders::{OrderService, OrderSettings, OutboxWorker};
use crate::products::{Media, Products};
use crate::relations::RelationService;
use crate::report::{RunOutcome, RunReport, SyncReport};
use crate::runtime::Runtime;
use crate::stock::StockService;
use crate::store::{CredentialVault, Credentials, Store};
use crate::sync::{RunOptions, Step, SyncSettings, run};
use crate::tables::TableService;

/// What the host brings: where things are kept, how the POS is reached, time.
///
/// Cheap to clone; one serves all merchants.
#[derive(Clone)]
#[must_use]
pub struct Host {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<dyn CredentialVault>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) runtime: Arc<dyn Runtime>,
    provisioner: Arc<dyn LocationProvisioner>,
    media: Option<Arc<dyn MediaStore>>,
    settings: SyncSettings,
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
        let worker =
            WorkerId::from(format!("worker-{:08x}", (runtime.random() * f64::from(u32::MAX)) as u32));
        Self {
            store,
            vault,
            connector: Arc::new(connector),
            runtime,
            provisioner: Arc::new(NoProvisioner),
            media: None,
            settings: SyncSettings::default(),
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
        Self { settings, ..self }
    }

    /// The name under which this worker holds leases; it must be no other worker's. Drawn by lot unless set.
    pub fn named(self, worker: impl Into<WorkerId>) -> Self {
        Self { worker: worker.into(), ..self }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// One merchant's connection with the POS, and everything that can be done with it.
///
/// Made by [`connect`](Self::connect) once and by [`open`](Self::open) ever after. Cheap to clone.
#[derive(Clone)]
pub struct Integration {
    host: Host,
    connection: ConnectionId,
    client: Client,
    environment: Environment,
}

impl Integration {
    /// Connects a merchant: checks the credentials, imports the branches as locations, and keeps the credentials in the
    /// host's vault. Doing it again replaces the credentials and changes nothing else.
    ///
    /// The report lists what a person has to complete in each location.
    ///
    /// # Errors
    /// When the POS refuses the credentials or cannot be reached, nothing is kept.
    pub async fn connect(
        host: Host,
        new: NewConnection,
        credentials: Credentials,
    ) -> Result<(Self, RunReport), ConnectError> {
        crate::connection::connect(host, new, credentials).await
    }

    /// Takes up a connection that was made before.
    ///
    /// # Errors
    /// When there is no such connection, it was disconnected, or the store or the vault fails.
    pub async fn open(host: Host, connection: ConnectionId) -> Result<Self, OpenError> {
        crate::connection::open(host, connection).await
    }

    pub(crate) fn new(
        host: Host,
        connection: ConnectionId,
        client: Client,
        environment: Environment,
    ) -> Self {
        Self { host, connection, client, environment }
    }

    /// What Sync Now and the daily time mean: the menu, then the stock of every branch.
    ///
    /// Stock is left out when [`SyncSettings::stock`] switches it off, in a dry run, and when the menu's run did not come
    /// to its end. Never fails as such: whatever happens is in the reports.
    pub async fn sync(&self, options: &RunOptions) -> SyncReport {
        let menu = self.sync_menu(options).await;
        let goes_on = menu.outcome == RunOutcome::Completed && !options.dry_run;
        let stock = if goes_on && self.settings().stock.enabled {
            let stock = options.for_stock();
            Some(self.stock().pull(&stock, &options.cancel).await)
        } else {
            None
        };
        SyncReport { menu, stock }
    }

    /// Brings the menu of both sides into agreement: branches, products, articles, modifier groups, pictures, and the
    /// host's own changes. See [`sync`](crate::sync).
    ///
    /// Never fails as such: whatever happens is in the report, and a later run goes on from there.
    pub async fn sync_menu(&self, options: &RunOptions) -> RunReport {
        run(self, "menu", &Step::MENU, options).await
    }

    /// Products and articles (the guide's ProductService).
    pub fn products(&self) -> Products<'_> {
        Products::new(self)
    }

    /// Modifier groups, allergens, combos (the guide's ArticleManagementService).
    pub fn articles(&self) -> Articles<'_> {
        Articles::new(self)
    }

    /// Branches and locations (the guide's BranchService).
    pub fn branches(&self) -> Branches<'_> {
        Branches::new(self)
    }

    /// Pictures (the guide's MediaService).
    pub fn media(&self) -> Media<'_> {
        Media::new(self)
    }

    /// Stock, pulled only (the guide's StockService), as [`SyncSettings::stock`] says.
    pub fn stock(&self) -> StockService {
        let (client, connection, store, runtime, worker) = self.parts();
        StockService::new(client, connection, store, runtime, worker).with_settings(self.settings().stock)
    }

    /// Customers as relations (the guide's RelationService).
    pub fn relations(&self) -> RelationService {
        let (client, connection, store, runtime, worker) = self.parts();
        RelationService::new(client, connection, store, runtime, worker)
    }

    /// Tables and courses (the guide's TableManagementService).
    pub fn tables(&self) -> TableService {
        let (client, connection, store, runtime, _) = self.parts();
        TableService::new(client, connection, store, runtime)
    }

    /// Orders (the guide's OrderSyncService), written and sent as `settings` say. Keep the service: it remembers what it
    /// has asked the POS.
    ///
    /// Whether real guests are served is the connection's to say: [`OrderSettings::environment`] is replaced by it.
    pub fn orders(&self, settings: OrderSettings) -> OrderService {
        let (client, connection, store, runtime, worker) = self.parts();
        let settings = OrderSettings { environment: self.environment, ..settings };
        OrderService::new(client, connection, store, settings, runtime, worker)
    }

    /// A worker that forwards this merchant's queued orders; see [`OutboxWorker::run`].
    pub fn outbox_worker(&self, settings: OrderSettings) -> OutboxWorker {
        let (_, _, store, runtime, worker) = self.parts();
        OutboxWorker::new(Arc::new(self.orders(settings)), store, runtime, worker)
    }

    fn parts(&self) -> (Client, ConnectionId, Arc<dyn Store>, Arc<dyn Runtime>, WorkerId) {
        let Host { store, runtime, worker, .. } = &self.host;
        (self.client.clone(), self.connection.clone(), Arc::clone(store), Arc::clone(runtime), worker.clone())
    }

    /// Whose integration it is.
    pub fn connection_id(&self) -> &ConnectionId {
        &self.connection
    }

    /// The typed client, for calls that no service makes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where everything is kept.
    pub fn store(&self) -> &dyn Store {
        &*self.host.store
    }

    /// Time and chance.
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.host.runtime
    }

    /// What holds for all syncs.
    pub fn settings(&self) -> &SyncSettings {
        &self.host.settings
    }

    /// The name under which leases are held.
    pub fn worker(&self) -> &WorkerId {
        &self.host.worker
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn provisioner(&self) -> &dyn LocationProvisioner {
        &*self.host.provisioner
    }

    pub(crate) fn media_store(&self) -> Option<&dyn MediaStore> {
        self.host.media.as_deref()
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration")
            .field("connection", &self.connection)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
