//! The steps, one after the other.

use std::{error::Error, sync::Arc, time::Instant};

use mplus_examples::{merchant, progress::Bars};
use mplus_qapi::testkit;
use mplus_sync::{
    Host, Integration,
    branches::{LocationProvisioner, Provision, ProvisionError},
    cancel::CancelToken,
    connection::NewConnection,
    media::MemoryMediaStore,
    model::{
        Category, Combo, ConnectionId, Environment, InventoryLevel, Item, Location, LocationId,
        ModifierGroup, Tracked,
    },
    runtime::TokioRuntime,
    stock::StockOptions,
    store::{CatalogStore, Credentials, LocationStore, MemoryVault, Page, Select, SqliteStore, StockStore},
    sync::RunOptions,
};

use crate::{edits, orders, payment, summary::Summary};

/// The POS of the story.
pub(crate) enum Pos {
    /// The test POS, in this process.
    InMemory(testkit::Pos),
    /// Somebody's till.
    Real {
        /// Where, and who asks.
        pos: merchant::Pos,
        /// Whether orders are placed, and not only made.
        place_orders: bool,
    },
}

impl Pos {
    /// A brasserie, or a generated catalogue of so many products.
    pub(crate) fn in_memory(products: Option<u32>) -> Self {
        Self::InMemory(match products {
            Some(products) => testkit::Pos::generated(products, 1),
            None => testkit::Pos::brasserie(),
        })
    }

    fn takes_orders(&self) -> bool {
        matches!(self, Self::InMemory(_) | Self::Real { place_orders: true, .. })
    }
}

pub(crate) struct Story {
    pub(crate) pos: Pos,
    /// Without progress bars.
    pub(crate) quiet: bool,
}

impl Story {
    /// Tells it.
    #[expect(clippy::disallowed_methods, reason = "the story tells how long it took")]
    pub(crate) async fn tell(self) -> Result<Summary, Box<dyn Error>> {
        let started = Instant::now();
        let bars = Bars::new(self.quiet);
        let folder = tempfile::tempdir()?;
        let store = Arc::new(SqliteStore::open(folder.path().join("quickstart.sqlite")).await?);

        bars.say("Connecting, and importing the branches as locations");
        let (integration, imported) = self.connect(store.clone()).await?;

        bars.say("Syncing the menu into SQLite");
        let menu = integration.sync_menu(&RunOptions::manual().with_progress(bars.clone())).await;
        bars.finish();
        let mut runs = vec![imported, menu];

        // Nobody's own till gets a menu of ours.
        if let Pos::InMemory(pos) = &self.pos {
            bars.say("Changing a price, a branch's price and a combo on the host, and pushing them");
            edits::save(&integration, &store, pos).await?;
            runs.push(integration.sync_menu(&RunOptions::manual().with_progress(bars.clone())).await);
            bars.finish();
        }

        bars.say("Pulling stock");
        let stock = self.pull_stock(&integration, &bars).await;
        bars.finish();

        let orders = if self.pos.takes_orders() {
            bars.say("Forwarding an order of each type");
            orders::forward(&integration, store.clone()).await?
        } else {
            Vec::new()
        };

        bars.say("Taking an external payment by webhook");
        let payment = payment::take().await?;

        runs.push(stock);
        let mut summary = Summary::new(runs, orders, payment);
        summary.count(&integration, &store).await?;
        summary.finish(started.elapsed());
        Ok(summary)
    }

    async fn connect(
        &self,
        store: Arc<SqliteStore>,
    ) -> Result<(Integration, mplus_sync::report::RunReport), Box<dyn Error>> {
        let vault = Arc::new(MemoryVault::new());
        let runtime = Arc::new(TokioRuntime);
        let media = Arc::new(MemoryMediaStore::new());
        let connected = match &self.pos {
            Pos::InMemory(pos) => {
                let pos = pos.clone();
                let host = Host::new(store, vault, move |_, _| Ok(pos.client()), runtime)
                    .with_media(media)
                    .with_provisioner(DefaultProfiles);
                let new = NewConnection {
                    id: "quickstart".into(),
                    name: "Quickstart".to_owned(),
                    host: "pos.example".to_owned(),
                    port: 1,
                    environment: Environment::Test,
                };
                let credentials = Credentials { ident: "testkit".to_owned(), secret: "in memory".into() };
                Integration::connect(host, new, credentials).await?
            }
            Pos::Real { pos, .. } => {
                let host = pos.host(store, vault).with_media(media).with_provisioner(DefaultProfiles);
                let (new, credentials) = (pos.connection("quickstart")?, pos.credentials()?);
                Integration::connect(host, new, credentials).await.map_err(|error| pos.failed(&error))?
            }
        };
        Ok(connected)
    }

    async fn pull_stock(&self, integration: &Integration, bars: &Bars) -> mplus_sync::report::RunReport {
        let mut options = StockOptions::default();
        options.progress = bars;
        integration.stock().pull(&options, &CancelToken::new()).await
    }
}

/// Stands in for a host's billing and branding.
struct DefaultProfiles;

#[async_trait::async_trait]
impl LocationProvisioner for DefaultProfiles {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned(), "branding_profile".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, location: &Location) -> Result<Provision, ProvisionError> {
        Ok(Provision::default()
            .with("stripe_customer", "cus_quickstart")
            .with("branding_profile", format!("branding-{}", location.id)))
    }
}

/// How many records a store holds, counted a page at a time.
pub(crate) struct StoredCounts {
    pub(crate) locations: u64,
    pub(crate) categories: u64,
    pub(crate) items: u64,
    pub(crate) branch_prices: u64,
    pub(crate) modifier_groups: u64,
    pub(crate) combos: u64,
    pub(crate) inventory_levels: u64,
}

/// Counts the pages that `$read` returns, with `$last` taking the key of a page's last record.
macro_rules! count_pages {
    ($read:expr, $last:expr) => {{
        const PAGE: usize = 500;
        let mut page = Page::first(PAGE);
        let mut count = 0;
        loop {
            let records = $read(page).await?;
            count += records.len() as u64;
            match records.last() {
                Some(last) if records.len() == PAGE => page = Page::after($last(last), PAGE),
                _ => break count,
            }
        }
    }};
}

impl StoredCounts {
    pub(crate) async fn read(integration: &Integration, store: &SqliteStore) -> Result<Self, Box<dyn Error>> {
        let id = integration.connection_id();
        let locations = store.locations(id, Select::Page(Page::first(1000))).await?;
        let places: Vec<LocationId> = locations.into_iter().map(|location| location.record.id).collect();
        let mut inventory_levels = 0;
        for place in &places {
            inventory_levels +=
                count_pages!(|page| store.levels(id, place, page), |level: &InventoryLevel| level
                    .item
                    .clone());
        }
        Ok(Self {
            locations: places.len() as u64,
            categories: count_pages!(|page| store.categories(id, Select::Page(page)), |tracked: &Tracked<
                Category,
            >| tracked
                .record
                .id
                .clone()),
            items: count_pages!(|page| store.items(id, Select::Page(page)), |tracked: &Tracked<Item>| {
                tracked.record.id.clone()
            }),
            branch_prices: branch_prices(id, store).await?,
            modifier_groups: count_pages!(
                |page| store.modifier_groups(id, Select::Page(page)),
                |tracked: &Tracked<ModifierGroup>| tracked.record.id.clone()
            ),
            combos: count_pages!(|page| store.combos(id, Select::Page(page)), |tracked: &Tracked<Combo>| {
                tracked.record.id.clone()
            }),
            inventory_levels,
        })
    }
}

/// How many prices single locations have of their own.
async fn branch_prices(id: &ConnectionId, store: &SqliteStore) -> Result<u64, Box<dyn Error>> {
    let mut count = 0;
    let mut page = Some(Page::first(500));
    while let Some(next) = page {
        let items = store.items(id, Select::Page(next)).await?;
        count += items.iter().map(|item| item.record.location_prices.len() as u64).sum::<u64>();
        let last = items.last().filter(|_| items.len() == 500);
        page = last.map(|last| Page::after(last.record.id.clone(), 500));
    }
    Ok(count)
}
