//! What an order costs: building it, and forwarding it from an outbox in Postgres.
//!
//! `cargo bench -p mplus-benches --bench orders`; forwarding needs `MPLUS_TEST_POSTGRES`, the URL of a database in which
//! schemas may be made.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::DateTime;
use mplus_benches::figure::{self, Target};
use mplus_benches::ratio::{Way, median, seconds};
use mplus_qapi::testkit::Pos;
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::merchant::Merchant;
use mplus_sync::model::{
    ArticleNumber, BranchNumber, ChosenItem, ConnectionId, Discount, Item, LineModifier, Location, Order,
    OrderKind, OrderLine, OutboxStateKind, Payment, PaymentMethod, PostalAddress, RelationNumber, Sold,
    Tracked,
};
use mplus_sync::orders::{
    ComboArticle, LocationSettings, MenuLinks, ModifierLink, OrderService, OrderSettings, OutboxWorker,
    Place, WorkerOptions, build,
};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{CatalogChunk, CatalogStore, LocationStore, OrderOutbox, PostgresStore};
use mplus_sync::testkit::PostgresSchema;
use rust_decimal::Decimal;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    building()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match std::env::var("MPLUS_TEST_POSTGRES") {
        Ok(url) => runtime.block_on(forwarding(&url)),
        Err(_) => {
            println!("forwarding an order: skipped, MPLUS_TEST_POSTGRES names no database");
            Ok(())
        }
    }
}

/// An order of 20 lines, most of them with modifiers, one a combo, with discounts, tip and delivery fee.
fn building() -> Outcome<()> {
    const BUILDS: usize = 200;
    let (order, menu, settings) = (large_order(), menu(), settings());
    let place = Place { branch: Some(BranchNumber::new(1)), workplace: Some(1), employee: 7 };
    build(&order, &menu, &place, &settings)?;
    let mut ways: Vec<Way<'_>> = vec![
        (
            "build",
            Box::new(|| {
                let built = || build(&order, &menu, &place, &settings);
                (0..BUILDS).try_fold(0, |lines, _| Ok(lines + built()?.lines.len()))
            }),
        ),
        (
            "clone",
            Box::new(|| Ok((0..BUILDS).map(|_| std::hint::black_box(order.clone()).lines.len()).sum())),
        ),
    ];
    let times: Vec<f64> =
        seconds(&mut ways, 401)?.into_iter().map(|seconds| seconds / BUILDS as f64 * 1e6).collect();
    println!(
        "building an order of {} lines: {:.2} us (to reach: under 20); copying it takes {:.2} us",
        order.lines.len(),
        times[0],
        times[1]
    );
    Ok(figure::record("orders/building 20 lines", times[0], "us", Target::Under(20.0))?)
}

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn large_order() -> Order {
    let address = PostalAddress { street: Some("Spui 1".into()), ..PostalAddress::default() };
    let mut order = Order::new("1001", "city", OrderKind::Delivery { address }, DateTime::UNIX_EPOCH);
    order.lines = (0..19).map(line).collect();
    let choices = (1..4).map(|part| ChosenItem {
        part,
        item: format!("item-{part}").as_str().into(),
        name: format!("Item {part}"),
        quantity: Decimal::ONE,
        surcharge: euros(75),
        modifiers: vec![modifier(part as usize)],
    });
    let sold = Sold::Combo { combo: "deal".into(), choices: choices.collect() };
    order.lines.push(OrderLine::new(sold, "Deal", Decimal::TWO, euros(1200)));
    order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(250) }];
    (order.tip, order.delivery_fee) = (euros(200), euros(350));
    order.total = order.sum();
    order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    order
}

fn line(number: usize) -> OrderLine {
    let name = format!("Item {number}");
    let sold = Sold::Item { item: format!("item-{number}").as_str().into() };
    let mut line = OrderLine::new(sold, name, Decimal::from(1 + number % 3), euros(995));
    line.modifiers = (0..number % 3).map(modifier).collect();
    line.note = number.is_multiple_of(5).then(|| "no onions".to_owned());
    line
}

fn modifier(number: usize) -> LineModifier {
    LineModifier {
        group: "toppings".into(),
        modifier: format!("topping-{number}").as_str().into(),
        name: format!("Topping {number}"),
        quantity: Decimal::ONE,
        unit_price: euros(50),
    }
}

fn menu() -> MenuLinks {
    let deal = ComboArticle { article: ArticleNumber::new(300), menu: None };
    let items = (0..19).fold(MenuLinks::default(), |menu, number| {
        menu.with_item(format!("item-{number}").as_str(), ArticleNumber::new(100 + number))
    });
    (0..4).fold(items.with_combo("deal", deal), |menu, number| {
        let link = ModifierLink { alteration: number, article: Some(ArticleNumber::new(200)) };
        menu.with_modifier("toppings", format!("topping-{number}").as_str(), link)
    })
}

fn settings() -> OrderSettings {
    let mut settings = OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL")
        .with_location("city", LocationSettings::at_workplace(1));
    settings.articles.discount = Some(ArticleNumber::new(901));
    settings.articles.tip = Some(ArticleNumber::new(902));
    settings.articles.delivery_fee = Some(ArticleNumber::new(903));
    settings
}

/// How long the POS takes for each answer.
const LATENCY: Duration = Duration::from_millis(20);
/// How many requests a client sends at once, unless it is told otherwise.
const CONNECTIONS: u32 = 4;
const WORKERS: u32 = 4;

/// Four workers empty an outbox, as often of one process with one client as of four processes with a client each.
async fn forwarding(url: &str) -> Outcome<()> {
    const ROUNDS: usize = 5;
    let schema = PostgresSchema::create(url).await?;
    let store = Arc::new(PostgresStore::connect(schema.url()).await?);
    let (mut shared, mut own) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        shared.push(forward(&store, &format!("shared-{round}"), 1, 400).await?);
        own.push(forward(&store, &format!("own-{round}"), WORKERS, 1_600).await?);
    }
    println!(
        "a POS that answers in 20 ms allows connections / 0.02 s calls a second; an order is one call, and one more reads \
         the payment methods"
    );
    for (name, clients, rates) in [("one client", 1, shared), ("a client each", WORKERS, own)] {
        let allowed = f64::from(clients * CONNECTIONS) / LATENCY.as_secs_f64();
        let rate = median(rates);
        println!(
            "forwarding, {WORKERS} workers with {name:<13} {rate:4.0} orders/s of {allowed:4.0} calls/s that the {} connections \
             allow: {:.2} (to reach: 0.8)",
            clients * CONNECTIONS,
            rate / allowed
        );
        let target = if clients == 1 { Target::AtLeast(0.8) } else { Target::Told };
        let name = format!("orders/forwarding, {name}");
        figure::record(&name, rate / allowed, "of what the connections allow", target)?;
    }
    schema.drop().await?;
    Ok(())
}

/// Orders per second of an outbox that is emptied.
async fn forward(store: &Arc<PostgresStore>, merchant: &str, clients: u32, orders: u32) -> Outcome<f64> {
    let pos = Pos::brasserie();
    let connection = ConnectionId::from(merchant);
    fill(store, &pos, &connection, orders).await?;
    let clients: Vec<Client> = (0..clients).map(|_| slow_client(&pos)).collect::<Outcome<_>>()?;
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let client = clients[number as usize % clients.len()].clone();
            Arc::new(worker(client, store, &connection, format!("worker-{number}")))
        })
        .collect();
    let cancel = CancelToken::new();
    let begun = now();
    let running: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            let cancel = cancel.clone();
            tokio::spawn(async move { worker.run(&cancel).await })
        })
        .collect();
    while pos.orders().len() < orders as usize {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = f64::from(orders) / begun.elapsed().as_secs_f64();
    cancel.cancel();
    for worker in running {
        worker.await?;
    }
    let accepted = store.counts(&connection).await?.get(&OutboxStateKind::Accepted).copied();
    match accepted == Some(u64::from(orders)) && pos.orders().len() == orders as usize {
        true => Ok(rate),
        false => Err(format!("{accepted:?} of {orders} orders were accepted").into()),
    }
}

async fn fill(store: &PostgresStore, pos: &Pos, connection: &ConnectionId, orders: u32) -> Outcome<()> {
    let cola = ArticleNumber::new(pos.article_number("Coca-Cola").ok_or("no cola")?);
    let items = vec![Tracked::new(Item::new("cola", "Coca-Cola")).linked(cola)];
    store.apply(connection, CatalogChunk { items, ..CatalogChunk::default() }).await?;
    let city = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
    store.apply_locations(connection, vec![city]).await?;
    for number in 0..orders {
        let mut order = Order::new(number.to_string(), "city", OrderKind::Pickup, pos.now());
        let cola = Sold::Item { item: "cola".into() };
        order.lines = vec![OrderLine::new(cola, "Cola", Decimal::TWO, euros(320))];
        order.total = order.sum();
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
        store.enqueue(connection, &order, DateTime::UNIX_EPOCH).await?;
    }
    Ok(())
}

fn worker(
    client: Client,
    store: &Arc<PostgresStore>,
    connection: &ConnectionId,
    name: String,
) -> OutboxWorker {
    let merchant = Merchant::new(client, connection.clone(), store.clone(), Arc::new(TokioRuntime));
    let merchant = merchant.worked_by(name);
    let service = OrderService::new(&merchant, settings());
    OutboxWorker::new(Arc::new(service), &merchant).with_options(WorkerOptions::default())
}

/// The test POS, which takes its time.
#[derive(Debug)]
struct Slow(Pos);

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        tokio::time::sleep(LATENCY).await;
        self.0.send(request).await
    }
}

fn slow_client(pos: &Pos) -> Outcome<Client> {
    let endpoint = Endpoint::new("pos.invalid", 1)?;
    let slow = Slow(pos.clone());
    let builder = Client::builder(endpoint, pos.credentials(), slow, mplus_qapi::TokioRuntime);
    Ok(builder.max_connections(CONNECTIONS as usize).build())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
