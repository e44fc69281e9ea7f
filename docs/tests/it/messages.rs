//! What Troubleshooting quotes is what the libraries say.

use std::sync::Arc;

use bytes::Bytes;
use mplus_qapi::testkit::{Fault, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, TransportError};
use mplus_qapi::{Client, Credentials, Endpoint, Transport};
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::cancel::CancelToken;
use mplus_sync::connection::{Connector, NewConnection};
use mplus_sync::model::*;
use mplus_sync::orders::{CreateCall, LocationSettings, OrderService, OrderSettings, SubmitErrorKind};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::stock::{StockOptions, StockService, StockSettings};
use mplus_sync::store::{CatalogChunk, CatalogStore, LocationStore, MemoryStore, MemoryVault, Store};
use mplus_sync::sync::RunOptions;
use mplus_sync::tax::{TaxMapping, VatGroup};
use mplus_sync::{Host, Integration};
use mplus_webhooks::payment::{PaymentPlace, PaymentProvider, PaymentProviders};
use mplus_webhooks::testkit::{Till, TillLine};
use mplus_webhooks::{FixedSubscriptions, MerchantId, Orchestrator, Subscription, SubscriptionSecret};
use rust_decimal::Decimal;

use crate::text::{chapter, source};

/// Asserts that Troubleshooting quotes this message; `...` in the quote stands for anything.
#[track_caller]
fn assert_quoted(message: &str) {
    let page = chapter(&source().join("troubleshooting.md"));
    assert!(page.code_spans().any(|quote| fits(quote, message)), "not in troubleshooting.md: {message}");
}

fn fits(quote: &str, message: &str) -> bool {
    let parts: Vec<&str> = quote.split("...").collect();
    let [first, inner @ .., last] = &parts[..] else { return quote == message };
    let Some(mut rest) = message.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for part in inner {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    // Dots alone would fit everything.
    quote.len() > 12
}

#[test]
fn a_quote_fits_with_its_dots_and_not_without() {
    assert!(fits("order 1001 waits: ...; look", "order 1001 waits: it rains; look"));
    assert!(fits("order 1001 waits: ...", "order 1001 waits: it rains"));
    assert!(!fits("order 1001 waits", "order 1001 waits: it rains"));
    assert!(!fits("order 1001 waits: ...; look", "order 1001 waits: it rains; go"));
}

fn new_connection() -> NewConnection {
    NewConnection {
        id: "merchant-1".into(),
        name: "De Gouden Leeuw".to_owned(),
        host: "api.mpluskassa.nl".to_owned(),
        port: 34562,
        environment: Environment::Test,
    }
}

fn host(connector: impl Connector + 'static) -> Host {
    Host::new(Arc::new(MemoryStore::new()), Arc::new(MemoryVault::new()), connector, Arc::new(TokioRuntime))
}

fn credentials() -> mplus_sync::store::Credentials {
    mplus_sync::store::Credentials { ident: "user".to_owned(), secret: "password".into() }
}

/// What connecting over this transport says.
async fn refusal(transport: impl Transport + Clone) -> String {
    let connector = move |endpoint: Endpoint, credentials: Credentials| {
        let runtime = VirtualRuntime::default();
        Ok(Client::builder(endpoint, credentials, transport.clone(), runtime).build())
    };
    Integration::connect(host(connector), new_connection(), credentials()).await.unwrap_err().to_string()
}

/// Something else listens at this port.
#[derive(Debug, Clone)]
struct SomethingElse;

#[async_trait::async_trait]
impl Transport for SomethingElse {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let mut response = http::Response::new(Body::from(Bytes::from_static(b"<html>not here</html>")));
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        Ok(response)
    }
}

#[tokio::test]
async fn connecting() {
    // The test POS accepts its own credentials alone.
    assert_quoted(&refusal(Pos::brasserie()).await);
    let pos = Pos::brasserie();
    pos.faults().script([Fault::Refused; 8]);
    assert_quoted(&refusal(pos).await);
    assert_quoted(&refusal(SomethingElse).await);

    let pos = Pos::brasserie();
    let nobody = Integration::open(host(move |_, _| Ok(pos.client())), "merchant-1".into()).await;
    assert_quoted(&nobody.unwrap_err().to_string());
}

fn cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn item(id: &str, name: &str, quantity: i64, price: Decimal) -> OrderLine {
    OrderLine::new(Sold::Item { item: id.into() }, name, quantity.into(), price)
}

struct World {
    pos: Pos,
    store: Arc<MemoryStore>,
}

impl World {
    /// A store with a linked cola and a linked location.
    async fn new() -> Self {
        let (pos, store) = (Pos::brasserie(), Arc::new(MemoryStore::new()));
        let cola = pos.article_number("Coca-Cola").expect("on the menu").into();
        let items = vec![Tracked::new(Item::new("cola", "Coca-Cola")).linked(cola)];
        store.apply(&connection(), CatalogChunk { items, ..CatalogChunk::default() }).await.unwrap();
        let city = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
        store.apply_locations(&connection(), vec![city]).await.unwrap();
        Self { pos, store }
    }

    fn orders(&self, settings: OrderSettings) -> OrderService {
        let store: Arc<dyn Store> = self.store.clone();
        let worker = WorkerId::from("machine-1");
        OrderService::new(self.pos.client(), connection(), store, settings, Arc::new(TokioRuntime), worker)
    }

    /// What is wrong with an order.
    async fn problems(&self, settings: OrderSettings, order: &Order) -> Vec<String> {
        let error = self.orders(settings).draft(order).await.unwrap_err();
        let SubmitErrorKind::Refused(refused) = error.kind() else { panic!("{error}") };
        refused.problems.iter().map(ToString::to_string).collect()
    }
}

fn connection() -> ConnectionId {
    "merchant-1".into()
}

fn order(kind: OrderKind) -> Order {
    let mut order = Order::new("1001", "city", kind, "2026-06-01T10:00:00Z".parse().unwrap());
    order.lines = vec![item("cola", "Cola", 2, cents(320))];
    order.total = order.sum();
    order
}

fn settings() -> OrderSettings {
    OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_location("city", LocationSettings::at_workplace(1))
}

#[tokio::test]
async fn orders_that_cannot_be_sent() {
    let world = World::new().await;

    let mut unlinked = order(OrderKind::Pickup);
    unlinked.lines = vec![item("special", "Special", 1, cents(500))];
    unlinked.total = unlinked.sum();
    assert_quoted(&world.orders(settings()).draft(&unlinked).await.unwrap_err().to_string());

    let mut sold = order(OrderKind::Pickup);
    sold.lines[0].modifiers = vec![LineModifier {
        group: "toppings".into(),
        modifier: "cheese".into(),
        name: "Cheese".to_owned(),
        quantity: Decimal::ONE,
        unit_price: Decimal::ZERO,
    }];
    let menu = Sold::Combo { combo: "menu".into(), choices: Vec::new() };
    sold.lines.push(OrderLine::new(menu, "Menu", Decimal::ONE, cents(900)));
    sold.discounts = vec![Discount { name: "Welcome".to_owned(), amount: cents(100) }];
    sold.total = sold.sum();
    sold.payments = vec![Payment { method: PaymentMethod::Ideal, amount: sold.total, reference: None }];
    let problems = world.problems(settings(), &sold).await;
    assert_eq!(problems.len(), 4, "{problems:?}");
    let combo = format!("order 1001 was not sent to the POS: {}", problems[1]);
    assert!(combo.contains("\"Menu\""), "{problems:?}");
    problems.iter().for_each(|problem| assert_quoted(problem));

    let paid = settings().with_payment_method(PaymentMethod::Ideal, "IDEEL");
    let mut order_paid = order(OrderKind::Pickup);
    order_paid.payments = vec![Payment { method: PaymentMethod::Ideal, amount: cents(640), reference: None }];
    for problem in world.problems(paid, &order_paid).await {
        assert_quoted(&problem);
    }

    let mut differs = order(OrderKind::Pickup);
    differs.lines[0].unit_price = cents(310);
    let bare = OrderSettings::new(999_999);
    let problems = world.problems(bare, &differs).await;
    assert_eq!(problems.len(), 3, "total, workplace, relation: {problems:?}");
    problems.iter().for_each(|problem| assert_quoted(problem));

    let mut elsewhere = order(OrderKind::Pickup);
    elsewhere.location = "haven".into();
    let problem = world.problems(settings(), &elsewhere).await.remove(0);
    assert_quoted(&problem.replace("haven", "city"));

    let mut skipping = order(OrderKind::Pickup);
    skipping.skip_order_sync = true;
    let error = world.orders(settings()).enqueue(&skipping).await.unwrap_err().to_string();
    assert_quoted(error.trim_start_matches("order 1001 was not sent to the POS: "));
}

#[tokio::test]
async fn orders_that_wait() {
    let world = World::new().await;
    let table = TableRef::whole(12);
    world.pos.claim_table(1, 12, 3);
    let claimed = order(OrderKind::DineInPayLater { table, guests: None });
    assert_quoted(&world.orders(settings()).submit(&claimed, false).await.unwrap_err().to_string());

    world.pos.faults().script_for("createOrderV3", [Fault::Refused; 8]);
    let error = world.orders(settings()).submit(&order(OrderKind::Pickup), false).await.unwrap_err();
    assert_quoted(&error.to_string());

    let client = Client::builder(
        Endpoint::new("api.mpluskassa.nl", 34562).unwrap(),
        Credentials::new("user", "changed"),
        world.pos.clone(),
        VirtualRuntime::default(),
    )
    .build();
    let (store, runtime): (Arc<dyn Store>, _) = (world.store.clone(), Arc::new(TokioRuntime));
    let service = OrderService::new(client, connection(), store, settings(), runtime, WorkerId::from("w"));
    assert_quoted(&service.submit(&order(OrderKind::Pickup), false).await.unwrap_err().to_string());

    world.orders(settings()).submit(&order(OrderKind::Pickup), false).await.unwrap();
    let mut another = order(OrderKind::Pickup);
    another.lines[0].quantity = 3.into();
    another.total = another.sum();
    let mut by_number = settings();
    by_number.create_call = CreateCall::CreateOrder;
    assert_quoted(&world.orders(by_number).submit(&another, false).await.unwrap_err().to_string());
}

#[tokio::test]
async fn stock() {
    let world = World::new().await;
    let service = || {
        let store: Arc<dyn Store> = world.store.clone();
        StockService::new(
            world.pos.client(),
            connection(),
            store,
            Arc::new(TokioRuntime),
            WorkerId::from("w"),
        )
    };
    let pulled = service().pull(&StockOptions::default(), &CancelToken::new()).await;
    let left_out = &pulled.skipped.first[0];
    assert_quoted(&left_out.message);
    assert_quoted(&left_out.advice);

    let mut off = StockSettings::default();
    off.enabled = false;
    let report = service().with_settings(off).pull(&StockOptions::default(), &CancelToken::new()).await;
    let (message, advice) = failure(&report);
    assert_quoted(message);
    assert_quoted(advice);
}

fn failure(report: &RunReport) -> (&str, &str) {
    match &report.outcome {
        RunOutcome::Failed { message, advice } => (message, advice),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tax() {
    let groups = |groups: &[(i32, i64)]| -> Vec<VatGroup> {
        groups.iter().map(|(code, rate)| VatGroup::new(BtwCode::new(*code), (*rate).into())).collect()
    };
    let dutch = groups(&[(1, 2100), (2, 900), (3, 0)]);
    let belgian = [
        VatGroup::new(BtwCode::new(2), 900.into()).in_country("NLD"),
        VatGroup::new(BtwCode::new(2), 600.into()).in_country("BEL"),
        VatGroup::new(BtwCode::new(1), 2100.into()),
    ];
    let mapping = TaxMapping::dutch();
    let wrong = mapping.clone().with_code(21.into(), "Hoog", BtwCode::new(2));
    let anywhere = mapping.clone().in_country(None);
    let problems = [
        mapping.check(&dutch).code_for("Cola", Some(Decimal::new(135, 1))),
        mapping.check(&dutch).code_for("Cola", None),
        mapping.check(&groups(&[(1, 2100), (2, 900)])).code_for("Newspaper", Some(0.into())),
        mapping.check(&groups(&[(1, 2100), (2, 900), (3, 0), (5, 0)])).code_for("Cola", Some(0.into())),
        wrong.check(&dutch).code_for("Cola", Some(21.into())),
        anywhere.check(&belgian).code_for("Cola", Some(9.into())),
    ];
    for problem in problems {
        let said = problem.unwrap_err().to_string();
        assert_quoted(said.trim_start_matches("Tax mismatch: "));
    }
}

/// A host whose billing is down.
struct NoBilling;

#[async_trait::async_trait]
impl LocationProvisioner for NoBilling {
    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        Err(ProvisionError { message: "billing is down".to_owned() })
    }
}

#[tokio::test]
async fn locations() {
    let pos = Pos::brasserie();
    let host = host(move |_, _| Ok(pos.client())).with_provisioner(NoBilling);
    let (integration, report) = Integration::connect(host, new_connection(), credentials()).await.unwrap();
    let note = &report.skipped.first[0];
    assert_quoted(&note.message);
    assert_quoted(&note.advice);
    assert_quoted(
        report
            .to_string()
            .lines()
            .find(|line| line.starts_with("Locations to complete"))
            .map_or("", |_| "Locations to complete"),
    );

    // Two runs at once: one of them is told to wait.
    let options = RunOptions::manual();
    let (one, other) = tokio::join!(integration.sync_menu(&options), integration.sync_menu(&options));
    assert!([one, other].iter().all(|report| report.outcome == RunOutcome::Completed
        || failure(report).0 == "another sync of this connection is running"));
}

/// A merchant without a payment profile.
#[derive(Debug)]
struct NoProfile;

impl PaymentProviders for NoProfile {
    fn assigned(&self, _: &PaymentPlace<'_>) -> Option<Arc<dyn PaymentProvider>> {
        None
    }

    fn named(&self, _: &MerchantId, _: &str) -> Option<Arc<dyn PaymentProvider>> {
        None
    }
}

#[tokio::test]
async fn webhooks_and_payments() {
    let secret = SubscriptionSecret::from_bytes(b"a key for this test").unwrap();
    let known = Subscription::new("restaurant", MerchantId::new("merchant-1"), secret.clone());
    let closed = Subscription::new("closed", MerchantId::new("merchant-2"), secret.clone()).inactive();
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([known, closed])),
        Arc::new(mplus_webhooks::MemoryStore::new()),
        Arc::new(mplus_webhooks::TokioRuntime),
    )
    .payments(Arc::new(NoProfile))
    .build();
    let coffee = [TillLine::new(1, "Coffee", cents(270))];
    let stranger = SubscriptionSecret::from_bytes(b"another key").unwrap();
    for till in [
        Till::in_process("restuarant", secret.clone(), 1),
        Till::in_process("closed", secret.clone(), 1),
        Till::in_process("restaurant", stranger, 1),
    ] {
        let refused = till.sell(&orchestrator, &coffee).await.unwrap_err().to_string();
        assert_quoted(refused.trim_start_matches("the receiver refused: "));
    }

    let till = Till::in_process("restaurant", secret, 1);
    let payment = till.start_payment(Decimal::ONE);
    let started = payment.start(&orchestrator).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&started.body).unwrap();
    assert_quoted(body["messages"][0]["message"].as_str().unwrap());
    let unknown = payment.poll(&orchestrator).await.unwrap_err().to_string();
    assert_quoted(unknown.trim_start_matches("the receiver refused: "));
}
