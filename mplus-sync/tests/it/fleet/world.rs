//! Merchants with a test POS each, behind one store, and processes that work for them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::testkit::{Dialect, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::Host;
use mplus_sync::cancel::CancelToken;
use mplus_sync::fleet::{Fleet, FleetReport, FleetSettings};
use mplus_sync::model::{
    ArticleNumber, BranchNumber, Connection, ConnectionId, Item, Location, Order, OrderKind, OrderLine,
    OrderNotice, Payment, PaymentMethod, RelationNumber, Sold, Tracked, Workplace,
};
use mplus_sync::orders::{ObserverError, OrderObserver, OrderSettings};
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::settings::MerchantSettings;
use mplus_sync::store::{CatalogChunk, CredentialVault, Credentials, MemoryStore, MemoryVault, Store};
use rust_decimal::Decimal;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// The real clock, which a test may set on: waits end when it has passed them.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<TimeDelta>);

impl Clock {
    /// Lets time pass.
    pub(super) fn pass(&self, time: TimeDelta) {
        *self.0.lock().unwrap() += time;
    }

    /// Lets time pass until an instant.
    pub(super) fn pass_until(&self, instant: DateTime<Utc>) {
        self.pass(instant - self.now());
    }
}

#[async_trait]
impl Runtime for Clock {
    fn now(&self) -> DateTime<Utc> {
        TokioRuntime.now() + *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now() + TimeDelta::from_std(duration).unwrap();
        while self.now() < end {
            let left = (end - self.now()).to_std().unwrap_or_default();
            tokio::time::sleep(left.min(Duration::from_millis(5))).await;
        }
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }
}

/// Every operation.
pub(super) const ALL: &str = "*";

/// The way to a merchant's POS.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) pos: Pos,
    /// The operation whose calls wait.
    held: Arc<Mutex<Option<&'static str>>>,
    gate: Arc<Semaphore>,
    arrived: mpsc::UnboundedSender<()>,
    /// The operation whose calls end in a panic.
    breaks: Arc<Mutex<Option<&'static str>>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

#[async_trait]
impl Transport for Door {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let operation = request.headers()["soapaction"].to_str().unwrap().to_owned();
        if *self.breaks.lock().unwrap() == Some(operation.as_str()) {
            panic!("the way to this POS is broken, as the test wanted it to be");
        }
        let held = *self.held.lock().unwrap();
        if held == Some(operation.as_str()) || held == Some(ALL) {
            let _ = self.arrived.send(());
            self.gate.acquire().await.unwrap().forget();
        }
        self.pos.send(request).await
    }
}

/// The data of a store, which goes with it.
enum Place {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite(tempfile::TempDir),
    #[cfg(feature = "postgres")]
    Postgres(mplus_sync::testkit::PostgresSchema),
    #[cfg(feature = "mysql")]
    MySql(mplus_sync::testkit::MySqlDatabase),
}

/// The world of a test.
pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Arc<MemoryVault>,
    pub(super) clock: Arc<Clock>,
    pub(super) settings: FleetSettings,
    /// How the POSes that are added read what is open.
    pub(super) dialect: Dialect,
    /// What holds for merchants who have saved no settings.
    pub(super) merchants: MerchantSettings,
    doors: Arc<Mutex<BTreeMap<u16, Door>>>,
    ports: BTreeMap<ConnectionId, u16>,
    arrivals: Mutex<BTreeMap<u16, mpsc::UnboundedReceiver<()>>>,
    place: Place,
}

/// A process at work.
pub(super) struct Working {
    pub(super) fleet: Fleet,
    cancel: CancelToken,
    task: JoinHandle<FleetReport>,
    told: mpsc::UnboundedReceiver<OrderNotice>,
}

struct Told(mpsc::UnboundedSender<OrderNotice>);

#[async_trait]
impl OrderObserver for Told {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        let _ = self.0.send(notice.clone());
        Ok(())
    }
}

impl Working {
    /// The next that the host is told.
    pub(super) async fn told(&mut self) -> OrderNotice {
        let told = tokio::time::timeout(LONG, self.told.recv()).await;
        told.expect("the host is told in time").expect("the process works")
    }

    /// Stops the process, and what it did.
    pub(super) async fn stop(self) -> FleetReport {
        self.cancel.cancel();
        tokio::time::timeout(LONG, self.task).await.expect("it stops in time").unwrap()
    }

    /// Ends the process without a word.
    pub(super) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(60);

/// Waits until something holds that nobody tells of.
pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

impl World {
    pub(super) fn in_memory() -> Self {
        Self::keeping(Arc::new(MemoryStore::new()), Place::Memory)
    }

    #[cfg(feature = "sqlite")]
    pub(super) async fn in_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = mplus_sync::store::SqliteStore::open(directory.path().join("fleet.db")).await.unwrap();
        Self::keeping(Arc::new(store), Place::Sqlite(directory))
    }

    /// Runs a statement as a newer release would: beside the test, whose transactions may have to end first.
    #[cfg(feature = "sqlite")]
    pub(super) async fn change(&self, sql: &'static str) {
        let Place::Sqlite(directory) = &self.place else { panic!("it is in no file") };
        let file = directory.path().join("fleet.db");
        let change = move || {
            let database = rusqlite::Connection::open(file).unwrap();
            database.busy_timeout(LONG).unwrap();
            database.execute(sql, []).unwrap();
        };
        tokio::task::spawn_blocking(change).await.unwrap();
    }

    #[cfg(feature = "postgres")]
    pub(super) async fn in_postgres() -> Option<Self> {
        let schema = crate::store::postgres::schema().await?;
        let store = mplus_sync::store::PostgresStore::connect(schema.url()).await.unwrap();
        Some(Self::keeping(Arc::new(store), Place::Postgres(schema)))
    }

    #[cfg(feature = "mysql")]
    pub(super) async fn in_mysql() -> Option<Self> {
        let database = crate::store::mysql::database().await?;
        let store = mplus_sync::store::MySqlStore::connect(database.url()).await.unwrap();
        Some(Self::keeping(Arc::new(store), Place::MySql(database)))
    }

    fn keeping(store: Arc<dyn Store>, place: Place) -> Self {
        let mut settings = FleetSettings::default();
        // Tests have time pass.
        settings.watches_clock = false;
        settings.shortest_poll = Duration::from_millis(10);
        settings.longest_poll = Duration::from_millis(200);
        settings.look_for_new = Duration::from_millis(100);
        let mut merchants = MerchantSettings::default();
        merchants.daily = None;
        merchants.stock.every_minutes = None;
        merchants.orders = Some(
            OrderSettings::new(999_999)
                .with_fallback_relation(RelationNumber::new(1))
                .with_payment_method(PaymentMethod::Ideal, "IDEAL"),
        );
        Self {
            dialect: Dialect::default(),
            merchants,
            store,
            vault: Arc::default(),
            clock: Arc::default(),
            settings,
            doors: Arc::default(),
            ports: BTreeMap::new(),
            arrivals: Mutex::default(),
            place,
        }
    }

    /// Adds a merchant whose menu is linked, with a POS of their own.
    pub(super) async fn add(&mut self, id: &str) -> ConnectionId {
        let id = ConnectionId::from(id);
        let port = self.add_pos();
        self.ports.insert(id.clone(), port);
        self.lead_to(&id, port).await;
        let credentials = Credentials { ident: "testkit".into(), secret: "geheim & vertrouwelijk".into() };
        self.vault.save_credentials(&id, credentials).await.unwrap();
        let cola = ArticleNumber::new(self.pos(&id).article_number("Coca-Cola").unwrap());
        let mut chunk = CatalogChunk::default();
        chunk.items.push(Tracked::new(Item::new("cola", "Cola")).linked(cola));
        self.store.apply(&id, chunk).await.unwrap();
        let mut location = Location::new("city", "City");
        location.workplaces = vec![Workplace { number: 2, name: "Kassa 2".into() }];
        let location = Tracked::new(location).linked(BranchNumber::new(1));
        self.store.apply_locations(&id, vec![location]).await.unwrap();
        id
    }

    /// Another POS, and its port.
    pub(super) fn add_pos(&self) -> u16 {
        let mut doors = self.doors.lock().unwrap();
        let port = 1000 + u16::try_from(doors.len()).unwrap();
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let door = Door {
            pos: Pos::brasserie().with_dialect(self.dialect),
            held: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            arrived,
            breaks: Arc::default(),
        };
        doors.insert(port, door);
        self.arrivals.lock().unwrap().insert(port, arrivals);
        port
    }

    /// Has a merchant's connection lead to a POS.
    pub(super) async fn lead_to(&self, id: &ConnectionId, port: u16) {
        let known = self.store.connection(id).await.unwrap();
        let mut connection = known.unwrap_or_else(|| {
            Connection::new(id.clone(), id.as_str(), "pos.invalid", port, self.clock.now())
        });
        connection.port = port;
        self.store.save_connection(&connection).await.unwrap();
    }

    fn door(&self, id: &ConnectionId) -> Door {
        self.doors.lock().unwrap()[&self.ports[id]].clone()
    }

    pub(super) fn pos(&self, id: &ConnectionId) -> Pos {
        self.door(id).pos
    }

    pub(super) fn pos_at(&self, port: u16) -> Pos {
        self.doors.lock().unwrap()[&port].pos.clone()
    }

    /// Has the calls of an operation wait at a merchant's POS until they are let through.
    pub(super) fn hold(&self, id: &ConnectionId, operation: &'static str) {
        *self.door(id).held.lock().unwrap() = Some(operation);
    }

    /// Waits until a call is held.
    pub(super) async fn arrival(&self, id: &ConnectionId) {
        let port = self.ports[id];
        let mut arrivals = self.arrivals.lock().unwrap().remove(&port).unwrap();
        let arrived = tokio::time::timeout(LONG, arrivals.recv()).await;
        arrived.expect("a call arrives in time");
        self.arrivals.lock().unwrap().insert(port, arrivals);
    }

    /// Lets everything through again.
    pub(super) fn let_through(&self, id: &ConnectionId) {
        let door = self.door(id);
        *door.held.lock().unwrap() = None;
        door.gate.add_permits(1_000);
    }

    /// Has the calls of an operation end in a panic.
    pub(super) fn break_down(&self, id: &ConnectionId, operation: &'static str) {
        *self.door(id).breaks.lock().unwrap() = Some(operation);
    }

    /// Ends that.
    pub(super) fn mend(&self, id: &ConnectionId) {
        *self.door(id).breaks.lock().unwrap() = None;
    }

    pub(super) fn host(&self, worker: &str) -> Host {
        let doors = Arc::clone(&self.doors);
        let connector = move |endpoint: Endpoint, credentials| {
            let door = doors.lock().unwrap()[&endpoint.port()].clone();
            Ok(Client::builder(endpoint, credentials, door, VirtualRuntime::new(1)).build())
        };
        Host::new(
            Arc::clone(&self.store),
            Arc::clone(&self.vault) as _,
            connector,
            Arc::clone(&self.clock) as _,
        )
        .with_settings(self.merchants.clone())
        .named(worker)
    }

    pub(super) fn fleet(&self, worker: &str) -> Fleet {
        Fleet::new(self.host(worker)).with_settings(self.settings.clone())
    }

    /// Starts a process.
    pub(super) fn start(&self, worker: &str) -> Working {
        Self::run(self.fleet(worker))
    }

    /// Starts a process of a fleet.
    pub(super) fn run(fleet: Fleet) -> Working {
        let (sender, told) = mpsc::unbounded_channel();
        let fleet = fleet.with_observer(Arc::new(Told(sender)));
        let cancel = CancelToken::new();
        let task = tokio::spawn({
            let (fleet, cancel) = (fleet.clone(), cancel.clone());
            async move { fleet.run(&cancel).await }
        });
        Working { fleet, cancel, task, told }
    }

    /// Queues a paid order of one cola.
    pub(super) async fn order(&self, id: &ConnectionId, number: &str) {
        self.order_of(id, number, self.clock.now()).await;
    }

    /// Queues such an order, paid at an instant.
    pub(super) async fn order_of(&self, id: &ConnectionId, number: &str, at: DateTime<Utc>) {
        let mut order = Order::new(number, "city", OrderKind::Pickup, at);
        let price = Decimal::new(320, 2);
        order.lines = vec![OrderLine::new(Sold::Item { item: "cola".into() }, "cola", 1.into(), price)];
        order.total = order.sum();
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
        self.store.enqueue(id, &order, at).await.unwrap();
    }

    /// How many syncs of the menu a merchant's POS has seen.
    pub(super) fn syncs(&self, id: &ConnectionId) -> u64 {
        self.pos(id).requests().count("getCurrentSyncMarkersV2")
    }

    /// Ends the world, and what it kept with it.
    pub(super) async fn end(self) {
        match self.place {
            Place::Memory => {}
            #[cfg(feature = "sqlite")]
            Place::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Place::Postgres(schema) => schema.drop().await.unwrap(),
            #[cfg(feature = "mysql")]
            Place::MySql(database) => database.drop().await.unwrap(),
        }
    }
}
