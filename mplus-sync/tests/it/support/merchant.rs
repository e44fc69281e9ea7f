//! A merchant with a test POS, a host in memory, and everything that a test wants to look at.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mplus_qapi::Client;
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::transport::Transport;
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::connection::{ConnectError, NewConnection};
use mplus_sync::media::MemoryMediaStore;
use mplus_sync::model::{
    Category, ConnectionId, Environment, Item, Location, ModifierGroup, Record, Tracked,
};
use mplus_sync::report::RunReport;
use mplus_sync::store::{Credentials, MemoryStore, MemoryVault, Page, Select, Store};
use mplus_sync::sync::RunOptions;
use mplus_sync::{Host, Integration};

use super::TestRuntime;

/// The test POS's.
const SECRET: &str = "geheim & vertrouwelijk";

pub(crate) struct Merchant {
    pub(crate) pos: Pos,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) media: Arc<MemoryMediaStore>,
    pub(crate) runtime: Arc<TestRuntime>,
}

/// Gives every location the same customer and a branding profile of its own, and counts.
#[derive(Debug, Default)]
pub(crate) struct Provisioner;

#[async_trait]
impl LocationProvisioner for Provisioner {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned(), "branding_profile".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, location: &Location) -> Result<Provision, ProvisionError> {
        Ok(Provision::default()
            .with("stripe_customer", "cus_default")
            .with("branding_profile", format!("brand-{}", location.id)))
    }
}

impl Merchant {
    pub(crate) fn new(pos: Pos) -> Self {
        Self::keeping(pos, Arc::new(MemoryStore::new()))
    }

    pub(crate) fn keeping(pos: Pos, store: Arc<dyn Store>) -> Self {
        let runtime = Arc::new(TestRuntime::at("2026-06-01T10:00:00Z"));
        Self {
            pos,
            store,
            vault: Arc::new(MemoryVault::new()),
            media: Arc::new(MemoryMediaStore::new()),
            runtime,
        }
    }

    /// A merchant at the brasserie whose menu the host has, without a failure.
    pub(crate) async fn synced() -> (Self, Integration) {
        let merchant = Self::new(Pos::brasserie());
        let integration = merchant.connect().await;
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert!(report.failures.is_empty(), "{report}");
        (merchant, integration)
    }

    pub(crate) fn id() -> ConnectionId {
        ConnectionId::from("leeuw")
    }

    /// The host over another store, such as one that fails.
    pub(crate) fn host_over(&self, store: Arc<dyn Store>) -> Host {
        self.host_with(store, self.pos.clone())
    }

    /// The host over another store and another way to the POS.
    pub(crate) fn host_with(&self, store: Arc<dyn Store>, transport: impl Transport + Clone) -> Host {
        let connector = move |endpoint, credentials| {
            Ok(Client::builder(endpoint, credentials, transport.clone(), VirtualRuntime::new(1)).build())
        };
        Host::new(store, Arc::clone(&self.vault) as _, connector, Arc::clone(&self.runtime) as _)
            // Sleeps take no time here, so that a store would have none to answer.
            .with_store_patience(Duration::MAX)
            .with_provisioner(Provisioner)
            .with_media(Arc::clone(&self.media) as _)
            .named("worker-1")
    }

    pub(crate) fn host(&self) -> Host {
        self.host_over(Arc::clone(&self.store))
    }

    pub(crate) async fn try_connect(&self, secret: &str) -> Result<(Integration, RunReport), ConnectError> {
        let new = NewConnection {
            id: Self::id(),
            name: "De Gouden Leeuw".to_owned(),
            host: "api.mpluskassa.nl".to_owned(),
            port: 34562,
            environment: Environment::Test,
        };
        let credentials = Credentials { ident: "testkit".to_owned(), secret: secret.into() };
        Integration::connect(self.host(), new, credentials).await
    }

    pub(crate) async fn connect(&self) -> Integration {
        self.try_connect(SECRET).await.unwrap().0
    }

    pub(crate) async fn items(&self) -> Vec<Tracked<Item>> {
        self.store.items(&Self::id(), Select::Page(Page::first(100_000))).await.unwrap()
    }

    pub(crate) async fn categories(&self) -> Vec<Tracked<Category>> {
        self.store.categories(&Self::id(), Select::Page(Page::first(100_000))).await.unwrap()
    }

    pub(crate) async fn groups(&self) -> Vec<Tracked<ModifierGroup>> {
        self.store.modifier_groups(&Self::id(), Select::Page(Page::first(100_000))).await.unwrap()
    }

    pub(crate) async fn locations(&self) -> Vec<Tracked<Location>> {
        self.store.locations(&Self::id(), Select::Page(Page::first(1000))).await.unwrap()
    }

    pub(crate) fn article(&self, name: &str) -> i64 {
        self.pos.article_number(name).unwrap_or_else(|| panic!("the POS has no {name}"))
    }

    pub(crate) async fn item(&self, name: &str) -> Tracked<Item> {
        let found = self.items().await.into_iter().find(|item| item.record.name == name);
        found.unwrap_or_else(|| panic!("the host has no {name}"))
    }

    /// The connected merchant's integration whose POS answers otherwise: see [`Doctored`].
    #[cfg(feature = "testkit")]
    pub(crate) async fn open_doctored(&self, doctored: super::Doctored) -> Integration {
        let host = self.host_with(Arc::clone(&self.store), doctored);
        Integration::open(host, Self::id()).await.unwrap()
    }

    /// The activity log, the latest line first, as a person reads it.
    #[cfg(feature = "testkit")]
    pub(crate) async fn activity_log(&self) -> Vec<String> {
        let logged = self.store.activities(&Self::id(), None, 100).await.unwrap();
        let line = |logged: mplus_sync::model::LoggedActivity| match logged.activity.subject {
            Some(subject) => format!("{subject}: {}", logged.activity.message),
            None => logged.activity.message,
        };
        logged.into_iter().map(line).collect()
    }

    /// Requests that a run made.
    pub(crate) async fn sync(&self, integration: &Integration, options: &RunOptions) -> (RunReport, u64) {
        let before = self.pos.requests().total();
        let report = integration.sync_menu(options).await;
        (report, self.pos.requests().total() - before)
    }
}

/// What is stored, without what only counts writes.
pub(crate) fn contents<T: Record>(records: Vec<Tracked<T>>) -> Vec<(T, Option<T::PosId>, bool)> {
    let content =
        |record: Tracked<T>| (record.record, record.external_ids.mpluskassa, !record.edits.is_empty());
    records.into_iter().map(content).collect()
}
