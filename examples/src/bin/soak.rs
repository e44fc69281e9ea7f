//! Sends orders through a faulty POS with workers that are killed at random, and counts at the POS what arrived.
//!
//! Every order carries a remark of its own, which the POS keeps with the line: an order whose remark is nowhere is lost,
//! one whose remark is there twice was sent twice. What the workers believe does not count.

#![expect(clippy::disallowed_methods, reason = "a soak run has a real clock")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clap::Parser;
use mplus_qapi::testkit::Pos;
use mplus_sync::cancel::CancelToken;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, ConnectionId, Customer, Item, Location, Order, OrderKind, OrderLine,
    OutboxStateKind, Payment, PaymentMethod, PostalAddress, RelationNumber, Sold, TableRef, Tracked,
    WorkerId,
};
use mplus_sync::orders::{LocationSettings, OrderService, OrderSettings, OutboxWorker, WorkerOptions};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{CatalogChunk, MemoryStore, Store};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::task::JoinHandle;

/// Sends orders through a faulty POS and counts lost and duplicated ones at the POS.
#[derive(Parser)]
struct Options {
    /// How many orders.
    #[arg(long, default_value_t = 1_000)]
    orders: u32,
    /// The share of calls that fail, in every way the test POS knows.
    #[arg(long, default_value_t = 0.2)]
    fault_rate: f64,
    /// How many workers share the outbox.
    #[arg(long, default_value_t = 4)]
    workers: u32,
    /// The same seed gives the same orders and, as far as the workers' race allows, the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// A clock that runs this much faster than the wall's, so that rests of minutes take moments.
const SPEED: u32 = 200;
/// How long a worker lives on average.
const LIFE: Duration = Duration::from_millis(400);

#[derive(Debug)]
struct FastRuntime {
    started: Instant,
    began: DateTime<Utc>,
}

#[async_trait]
impl Runtime for FastRuntime {
    fn now(&self) -> DateTime<Utc> {
        self.began + chrono::TimeDelta::from_std(self.started.elapsed() * SPEED).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / SPEED).await;
    }

    fn random(&self) -> f64 {
        mplus_sync::runtime::TokioRuntime.random()
    }
}

/// What all workers share.
struct Soak {
    pos: Pos,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    connection: ConnectionId,
    settings: OrderSettings,
}

/// A small random generator: reproducible.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut random = SplitMix(options.seed);
    let soak = Arc::new(Soak::new().await?);
    let orders: Vec<Order> =
        (0..options.orders).map(|number| order(number, &mut random, soak.runtime.now())).collect();
    for order in &orders {
        soak.store.enqueue(&soak.connection, order, soak.runtime.now()).await?;
    }
    soak.pos.faults().random(options.fault_rate, options.seed);
    let started = Instant::now();
    let killed = soak.work(options.workers, &mut random).await?;
    let result = soak.count(&orders, killed, started.elapsed()).await?;
    if options.json {
        println!("{result}");
    } else {
        for (name, value) in result.as_object().into_iter().flatten() {
            println!("{name:<12} {value}");
        }
    }
    let clean = ["lost", "duplicated", "stuck", "mispaid"].iter().all(|name| result[*name] == 0);
    if clean { Ok(()) } else { Err("orders were lost, duplicated, stuck or paid wrongly".into()) }
}

impl Soak {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let pos = Pos::brasserie();
        let connection = ConnectionId::from("soak");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut items = Vec::new();
        for name in ["Coca-Cola", "Leeuwburger"] {
            let article = pos.article_number(name).ok_or("the brasserie does not sell it")?;
            items.push(Tracked::new(Item::new(name, name)).linked(ArticleNumber::new(article)));
        }
        store.apply(&connection, CatalogChunk { items, ..CatalogChunk::default() }).await?;
        let mut settings = OrderSettings::new(999_999)
            .with_fallback_relation(RelationNumber::new(1))
            .with_payment_method(PaymentMethod::Ideal, "IDEAL");
        let mut locations = Vec::new();
        for branch in 1..=3 {
            let location = Location::new(format!("branch-{branch}"), format!("Branch {branch}"));
            locations.push(Tracked::new(location).linked(BranchNumber::new(branch)));
            settings = settings.with_location(format!("branch-{branch}"), LocationSettings::at_workplace(1));
        }
        store.apply_locations(&connection, locations).await?;
        let runtime = Arc::new(FastRuntime { started: Instant::now(), began: pos.now() });
        Ok(Self { pos, store, runtime, connection, settings })
    }

    /// A worker of its own process, as far as it knows.
    fn start(&self, name: String) -> JoinHandle<()> {
        let worker = WorkerId::from(name);
        let service = OrderService::new(
            self.pos.client(),
            self.connection.clone(),
            self.store.clone(),
            self.settings.clone(),
            self.runtime.clone(),
            worker.clone(),
        );
        let mut options = WorkerOptions::default();
        options.claim = Duration::from_secs(60);
        // Faults by chance are no reason to call a person.
        options.retry.attempts = 1_000;
        options.retry.longest_pause = Duration::from_secs(60);
        let worker = OutboxWorker::new(Arc::new(service), self.store.clone(), self.runtime.clone(), worker)
            .with_options(options);
        tokio::spawn(async move {
            worker.run(&CancelToken::new()).await;
        })
    }

    /// Lets the workers work until nothing is open, and kills one now and then. Returns how many were killed.
    async fn work(&self, workers: u32, random: &mut SplitMix) -> Result<u64, Box<dyn Error>> {
        let mut running: Vec<_> =
            (0..workers.max(1)).map(|number| self.start(format!("worker-{number}"))).collect();
        let mut killed = 0;
        loop {
            let pause = LIFE / workers.max(1);
            tokio::time::sleep(pause / 2 + pause.mul_f64(random.below(1_000) as f64 / 1_000.0)).await;
            let counts = self.store.counts(&self.connection).await?;
            let open: u64 = counts.iter().filter(|(kind, _)| kind.is_open()).map(|(_, count)| *count).sum();
            if open == 0 {
                running.iter().for_each(JoinHandle::abort);
                return Ok(killed);
            }
            let victim = random.below(u64::from(workers.max(1))) as usize;
            running[victim].abort();
            killed += 1;
            running[victim] = self.start(format!("worker-{victim}-after-{killed}"));
        }
    }

    async fn count(
        &self,
        orders: &[Order],
        killed: u64,
        elapsed: Duration,
    ) -> Result<serde_json::Value, Box<dyn Error>> {
        let faults = self.pos.faults().injected();
        let kept = self.pos.orders();
        let mut remarks: HashMap<&str, u32> = HashMap::new();
        let lines = kept.iter().flat_map(|order| order.line_list.iter());
        for remark in lines.filter_map(|line| line.text.as_deref()?.rsplit_once(" - ")) {
            *remarks.entry(remark.1).or_default() += 1;
        }
        let times = |order: &Order| remarks.get(order.number.as_str()).copied().unwrap_or_default();
        let paid: BTreeMap<&str, Decimal> = kept
            .iter()
            .filter_map(|order| {
                let paid = order.payment_list.iter().map(|payment| payment.amount).sum();
                Some((order.ext_order_id.as_deref()?, paid))
            })
            .collect();
        let mispaid = orders.iter().filter(|order| {
            let wanted: Decimal = order.payments.iter().map(|payment| payment.amount).sum();
            order.payments.is_empty() || paid.get(order.number.as_str()) == Some(&wanted)
        });
        let counts = self.store.counts(&self.connection).await?;
        let accepted = counts.get(&OutboxStateKind::Accepted).copied().unwrap_or_default();
        Ok(json!({
            "orders": orders.len(),
            "lost": orders.iter().filter(|order| times(order) == 0).count(),
            "duplicated": orders.iter().filter(|order| times(order) > 1).count(),
            "stuck": orders.len() as u64 - accepted,
            "mispaid": orders.len() - mispaid.count(),
            "faults": faults,
            "calls": self.pos.requests().total(),
            "workers_killed": killed,
            "relations": self.pos.relations().len(),
            "seconds": (elapsed.as_secs_f64() * 100.0).round() / 100.0,
            "orders_per_second": (orders.len() as f64 / elapsed.as_secs_f64()).round(),
        }))
    }
}

/// An order of any type. Its remark is its number, which the POS keeps with the line.
fn order(number: u32, random: &mut SplitMix, now: DateTime<Utc>) -> Order {
    let number = format!("order-{number}");
    let table = TableRef::whole(1 + random.below(20) as i32);
    let kind = match random.below(10) {
        0..=4 => OrderKind::Pickup,
        5 | 6 => OrderKind::Delivery { address: PostalAddress::default() },
        7 => OrderKind::DineInPayLater { table, guests: Some(2) },
        _ => OrderKind::DineInPayNow { table, guests: None },
    };
    let mut order = Order::new(number.as_str(), format!("branch-{}", 1 + random.below(3)), kind, now);
    let line = |name: &str, cents| {
        let sold = Sold::Item { item: name.into() };
        OrderLine::new(sold, name, Decimal::ONE, Decimal::new(cents, 2))
    };
    order.lines = vec![line("Coca-Cola", 320), line("Leeuwburger", 1_850)];
    order.lines[0].note = Some(number);
    order.total = order.sum();
    if !matches!(order.kind, OrderKind::DineInPayLater { .. }) {
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    }
    if random.below(2) == 0 {
        let guest = random.below(200);
        order.customer = Some(Customer::new(format!("guest-{guest}"), format!("Guest {guest}")));
    }
    order
}
