//! One merchant whose POS speaks a dialect, and a host that lives by the POS's clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mplus_qapi::Client;
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{ConnectionId, Environment, Item, ItemEdit, Location, OutboxEntry, Tracked};
use mplus_sync::report::RunReport;
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{
    CatalogEdits, CatalogStore as _, Credentials, LocationStore as _, MemoryStore, MemoryVault,
    OrderOutbox as _, Page, Select, StockStore as _,
};
use mplus_sync::{Host, Integration};

use super::oracle::Host as Held;
use super::orders::SERVED;

pub(super) const CONNECTION: &str = "leeuw";
const SECRET: &str = "geheim & vertrouwelijk";

/// Time is the POS's time; a sleep takes none.
#[derive(Debug)]
struct PosTime(Pos);

#[async_trait]
impl Runtime for PosTime {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.pass(duration);
        tokio::task::yield_now().await;
    }

    fn random(&self) -> f64 {
        0.0
    }
}

/// The way to the POS, on which a waiter opens a table just before the first order for it is saved.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pos: Pos,
    opens: Arc<Mutex<Option<(i32, i64)>>>,
}

impl Waiter {
    /// The next table order that is saved for this table meets the waiter, who serves this article there.
    pub(super) fn opens(&self, table: i32, article: i64) {
        *self.opens.lock().unwrap() = Some((table, article));
    }
}

#[async_trait]
impl Transport for Waiter {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let saves = request.headers().get("soapaction").is_some_and(|action| action == "saveTableOrder");
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let is_meant = |(table, _): &mut (i32, i64)| saves && body.contains(&format!("tableNumber>{table}<"));
        let met = self.opens.lock().unwrap().take_if(is_meant);
        if let Some((table, article)) = met {
            assert!(self.pos.serve_table(1, table, article, SERVED.into()));
        }
        self.pos.send(request).await
    }
}

pub(super) struct World {
    pub(super) pos: Pos,
    pub(super) waiter: Waiter,
    pub(super) store: Arc<MemoryStore>,
    /// What every run so far reported, the latest last.
    pub(super) reports: Vec<RunReport>,
    host: Host,
}

impl World {
    pub(super) fn new(pos: Pos) -> Self {
        let store = Arc::new(MemoryStore::new());
        let waiter = Waiter { pos: pos.clone(), opens: Arc::default() };
        let transport = waiter.clone();
        let connector = move |endpoint, credentials| {
            Ok(Client::builder(endpoint, credentials, transport.clone(), VirtualRuntime::new(1)).build())
        };
        let runtime = Arc::new(PosTime(pos.clone()));
        let host = Host::new(Arc::clone(&store) as _, Arc::new(MemoryVault::new()), connector, runtime);
        Self { pos, waiter, store, reports: Vec::new(), host: host.named("walk") }
    }

    pub(super) fn id() -> ConnectionId {
        ConnectionId::from(CONNECTION)
    }

    /// Connects, as a person does: again when it did not work.
    pub(super) async fn connect(&mut self) -> Result<Integration, String> {
        let mut last = String::new();
        for _ in 0..4 {
            let new = NewConnection {
                id: Self::id(),
                name: "De Gouden Leeuw".to_owned(),
                host: "api.mpluskassa.nl".to_owned(),
                port: 34562,
                environment: Environment::Test,
            };
            let credentials = Credentials { ident: "testkit".to_owned(), secret: SECRET.into() };
            match Integration::connect(self.host.clone(), new, credentials).await {
                Ok((integration, report)) => {
                    self.reports.push(report);
                    return Ok(integration);
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    /// An edit of the host's own people.
    pub(super) async fn edit(&self, item: Item) -> Result<(), String> {
        let edits = CatalogEdits { items: vec![ItemEdit::overwriting(&item)], ..CatalogEdits::default() };
        let saved = self.store.save_edits(&Self::id(), edits, self.pos.now()).await;
        saved.map(drop).map_err(|error| error.to_string())
    }

    pub(super) async fn items(&self) -> Vec<Tracked<Item>> {
        self.store.items(&Self::id(), Select::Page(Page::first(10_000))).await.unwrap()
    }

    pub(super) async fn item(&self, article: i64) -> Option<Tracked<Item>> {
        let is =
            |item: &Tracked<Item>| item.external_ids.mpluskassa.is_some_and(|number| number.get() == article);
        self.items().await.into_iter().find(is)
    }

    async fn locations(&self) -> Vec<Tracked<Location>> {
        self.store.locations(&Self::id(), Select::Page(Page::first(100))).await.unwrap()
    }

    /// Everything that the host holds, as the oracle compares it.
    pub(super) async fn held(&self) -> Held {
        let (items, locations) = (self.items().await, self.locations().await);
        let mut levels = Vec::new();
        for location in &locations {
            let page = Page::first(10_000);
            levels.extend(self.store.levels(&Self::id(), &location.record.id, page).await.unwrap());
        }
        let categories = self.store.categories(&Self::id(), Select::Page(Page::first(10_000))).await.unwrap();
        Held { items, categories, locations, levels, notes: self.notes() }
    }

    pub(super) async fn entry(&self, number: &str) -> Option<OutboxEntry> {
        self.store.entry(&Self::id(), &number.into()).await.unwrap()
    }

    /// Everything that any run told a person, as one text.
    pub(super) fn notes(&self) -> String {
        let mut notes = String::new();
        for report in &self.reports {
            let parts = [&report.skipped.first, &report.manual_actions.first, &report.failures.first];
            for note in parts.into_iter().flatten() {
                notes.push_str(&format!("{note:?}\n"));
            }
            for conflict in &report.conflicts.first {
                notes.push_str(&format!("{conflict:?}\n"));
            }
        }
        notes
    }
}
