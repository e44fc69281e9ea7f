//! The facade: one merchant's integration, with its services.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mplus_qapi::Client;

use crate::articles::Articles;
use crate::branches::Branches;
use crate::connection::{self, CheckSettingsError, ConnectError, Host, NewConnection, OpenError};
use crate::merchant::Merchant;
use crate::model::{Connection, ConnectionId, ConnectionStatus, Revision, WorkerId};
use crate::orders::{OrderService, OutboxWorker, Reopen};
use crate::products::{Media, Products};
use crate::relations::RelationService;
use crate::report::{RunReport, SyncReport};
use crate::run::RunOptions;
use crate::runtime::Runtime;
use crate::settings::{MerchantSettings, SaveSettingsError, SavedSettings, SettingsCheck};
use crate::stock::StockService;
use crate::store::{Credentials, Store, StoreError};
use crate::sync;
use crate::tables::TableService;

/// One merchant's connection with the POS, and everything that can be done with it.
///
/// Made by [`connect`](Self::connect) once and by [`open`](Self::open) ever after. Cheap to clone.
#[derive(Clone)]
pub struct Integration {
    host: Host,
    merchant: Merchant,
}

impl Integration {
    /// Connects a merchant: checks the credentials, imports the branches as locations, and keeps the credentials in the
    /// host's vault. Doing it again replaces the credentials, in open handles and running workers too, and changes nothing
    /// else; unless host, port or database are others than before: then the merchant has another POS and everything that was
    /// pulled from the former one is forgotten (settings, orders and the log stay), which the report says. Another database is
    /// one of another licence and another company; a POS that does not tell both is taken for the one that it was.
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
        let (merchant, report) = connection::connect(&host, new, credentials).await?;
        Ok((Self { host, merchant }, report))
    }

    /// Takes up a connection that was made before.
    ///
    /// # Errors
    /// When there is no such connection, it was disconnected, or the store or the vault fails.
    pub async fn open(host: Host, connection: ConnectionId) -> Result<Self, OpenError> {
        let merchant = connection::open(&host, connection).await?;
        Ok(Self { host, merchant })
    }

    /// What Sync Now and the daily time mean: the menu, then the stock of every branch.
    ///
    /// Stock is left out when [`MerchantSettings::stock`] switches it off, in a dry run, and when the menu's run did not come
    /// to its end. Never fails as such: whatever happens is in the reports.
    pub async fn sync(&self, options: &RunOptions) -> SyncReport {
        sync::sync(&self.merchant, options).await
    }

    /// Brings the menu of both sides into agreement: branches, products, articles, modifier groups, pictures, and the
    /// host's own changes. See [`sync`](crate::sync).
    ///
    /// Never fails as such: whatever happens is in the report, and a later run goes on from there.
    pub async fn sync_menu(&self, options: &RunOptions) -> RunReport {
        sync::menu(&self.merchant, options).await
    }

    /// How the connection is doing: connected or failing since when, the last error, the last sync.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn status(&self) -> Result<Option<Connection>, StoreError> {
        self.store().connection(self.connection_id()).await
    }

    /// Asks the POS whether it still accepts the credentials, and keeps the answer. Nothing is asked while the connection
    /// is paused or disconnected. Another database at the same address has the connection rest, and nothing is forgotten:
    /// [`connect`](Self::connect) again to start anew, or [`resume`](Self::resume) when it is the same POS after all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify(&self) -> Result<ConnectionStatus, StoreError> {
        connection::verify(&self.merchant).await
    }

    /// Has the connection rest: from now on no handle of it, in any process, sends anything or writes what it pulled. Orders
    /// wait. Repeating it is safe.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pause(&self) -> Result<(), StoreError> {
        connection::pause(&self.merchant).await
    }

    /// Ends the rest; open handles go on. Another database for which [`verify`](Self::verify) had the connection rest is taken
    /// for the same POS from now on; handles of before have to be opened again then. Repeating it is safe.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self) -> Result<(), StoreError> {
        connection::resume(&self.merchant).await
    }

    /// Removes everything of the merchant: credentials, settings, menu, orders, log. Other handles send and write nothing
    /// more. Repeating it is safe.
    ///
    /// # Errors
    /// When the store or the vault fails; doing it again removes the rest.
    pub async fn remove(&self) -> Result<(), StoreError> {
        connection::remove(&self.host, &self.merchant).await
    }

    /// Disconnects the merchant: the credentials are forgotten, everything else is kept; no handle of it, in any process,
    /// sends or writes anything more. Repeating it is safe.
    ///
    /// # Errors
    /// When the store or the vault fails.
    pub async fn disconnect(&self) -> Result<(), StoreError> {
        connection::disconnect(&self.host, &self.merchant).await
    }

    /// Products and articles (the guide's ProductService).
    pub fn products(&self) -> Products {
        Products::new(&self.merchant)
    }

    /// Modifier groups, allergens, combos (the guide's ArticleManagementService).
    pub fn articles(&self) -> Articles {
        Articles::new(&self.merchant)
    }

    /// Branches and locations (the guide's BranchService).
    pub fn branches(&self) -> Branches {
        Branches::new(&self.merchant)
    }

    /// Pictures (the guide's MediaService).
    pub fn media(&self) -> Media {
        Media::new(&self.merchant)
    }

    /// Stock, pulled only (the guide's StockService), as [`MerchantSettings::stock`] says.
    pub fn stock(&self) -> StockService {
        StockService::new(&self.merchant)
    }

    /// Customers as relations (the guide's RelationService).
    pub fn relations(&self) -> RelationService {
        RelationService::new(&self.merchant)
    }

    /// Tables and courses (the guide's TableManagementService).
    pub fn tables(&self) -> TableService {
        TableService::new(&self.merchant)
    }

    /// Orders (the guide's OrderSyncService), as [`MerchantSettings::orders`] says. Keep the service: it remembers what it has
    /// asked the POS.
    pub fn orders(&self) -> OrderService {
        OrderService::of(&self.merchant)
    }

    /// A worker that forwards this merchant's queued orders; see [`OutboxWorker::run`]. It goes where the connection leads, also
    /// when that is another POS by then.
    pub fn outbox_worker(&self) -> OutboxWorker {
        let (host, id) = (self.host.clone(), self.merchant.connection().clone());
        let reopen = move || -> BoxFuture<'static, Option<(Arc<OrderService>, Merchant)>> {
            let (host, id) = (host.clone(), id.clone());
            Box::pin(async move {
                let there = Self::open(host, id).await.ok()?;
                Some((Arc::new(there.orders()), there.merchant))
            })
        };
        let reopen: Arc<Reopen> = Arc::new(reopen);
        OutboxWorker::new(Arc::new(self.orders()), &self.merchant).reopened_by(reopen)
    }

    /// The merchant's settings and their revision; see [`Host::settings`].
    ///
    /// # Errors
    /// When the store fails, or this release cannot read them.
    pub async fn settings(&self) -> Result<SavedSettings, StoreError> {
        self.merchant.settings().await
    }

    /// Saves the merchant's settings in place of those of `revision`; see [`Host::save_settings`].
    ///
    /// # Errors
    /// When they cannot be, were changed since they were read, or the store fails.
    pub async fn save_settings(
        &self,
        settings: &MerchantSettings,
        revision: Revision,
    ) -> Result<Revision, SaveSettingsError> {
        self.host.save_settings(self.connection_id(), settings, revision).await
    }

    /// Says everything that is wrong with settings: what cannot be, and what this POS does not have (BTW codes, payment
    /// methods) or this merchant (locations, workplaces). They may be saved all the same: what does not fit is named again
    /// by the run or the order that meets it. What the POS has no call for is not looked at; what it could not be asked, or refused
    /// to tell, is named beside what could be checked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check_settings(
        &self,
        settings: &MerchantSettings,
    ) -> Result<SettingsCheck, CheckSettingsError> {
        connection::check_settings(&self.merchant, settings).await
    }

    /// What every service of this merchant shares, for a service that is made by hand.
    pub fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    /// Whose integration it is.
    pub fn connection_id(&self) -> &ConnectionId {
        self.merchant.connection()
    }

    /// The typed client, for calls that no service makes.
    pub fn client(&self) -> &Client {
        self.merchant.client()
    }

    /// Where everything is kept.
    pub fn store(&self) -> &dyn Store {
        &**self.merchant.store()
    }

    /// Time and chance.
    pub fn runtime(&self) -> &dyn Runtime {
        &**self.merchant.runtime()
    }

    /// The name under which leases are held.
    pub fn worker(&self) -> &WorkerId {
        self.merchant.worker()
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration")
            .field("connection", self.connection_id())
            .field("client", self.client())
            .finish_non_exhaustive()
    }
}
