//! What holds for every handle of a connection: its right to work, its credentials, its POS.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::future::join;
use mplus_qapi::Client;
use mplus_qapi::testkit::{Dialect, Fault, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::value::Decimal;
use mplus_sync::cancel::CancelToken;
use mplus_sync::connection::{ConnectError, NewConnection};
use mplus_sync::model::{
    ConnectionId, ConnectionStatus, Customer, Environment, Holder, ItemId, LeaseName, Order, OrderKind,
    OrderLine, OutboxState, Payment, PaymentMethod, RelationNumber, Revision, Sold, Waiting,
};
use mplus_sync::orders::{LocationSettings, OrderSettings};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::runtime::Runtime as _;
use mplus_sync::stock::StockOptions;
use mplus_sync::store::{CredentialVault, Credentials, MemoryVault, StoreError, StoreErrorKind};
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::{FailAt, FaultyStore};
use mplus_sync::{Host, Integration};

use crate::support::{Doctored, Merchant};

const DISH: &str = "Dame blanche";

type Happening = dyn Fn() -> futures_util::future::BoxFuture<'static, ()> + Send + Sync;

/// Something happens on the way of the first call of an operation, and calls give way to others.
#[derive(Clone)]
struct Interrupted {
    pos: Pos,
    operation: &'static str,
    happening: Arc<Mutex<Option<Arc<Happening>>>>,
}

impl Interrupted {
    fn at<F: Future<Output = ()> + Send + 'static>(
        pos: &Pos,
        operation: &'static str,
        happening: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let happening: Arc<Happening> = Arc::new(move || Box::pin(happening()));
        Self { pos: pos.clone(), operation, happening: Arc::new(Mutex::new(Some(happening))) }
    }
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interrupted({})", self.operation)
    }
}

#[async_trait]
impl Transport for Interrupted {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if request.headers()["soapaction"] == self.operation {
            let happening = self.happening.lock().unwrap().take();
            if let Some(happening) = happening {
                happening().await;
            }
        }
        self.pos.send(request).await
    }
}

/// The POS has changed a price; a run that pulls it is interrupted at its first call of `operation`. Answers with how the run
/// ended and how many calls the POS got after the interruption, that call included.
async fn interrupted<F: Future<Output = ()> + Send + 'static>(
    merchant: &Merchant,
    operation: &'static str,
    happening: impl Fn() -> F + Send + Sync + 'static,
) -> (RunOutcome, u64) {
    merchant.pos.set_price(merchant.article(DISH), Decimal::new(4321, 2));
    let seen = Arc::new(Mutex::new(0));
    let (pos, happening, noted) = (merchant.pos.clone(), Arc::new(happening), Arc::clone(&seen));
    let transport = Interrupted::at(&merchant.pos, operation, move || {
        *noted.lock().unwrap() = pos.requests().total();
        happening()
    });
    let host = merchant.host_with(Arc::clone(&merchant.store), transport);
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    let outcome = integration.sync_menu(&RunOptions::manual()).await.outcome;
    let after = merchant.pos.requests().total() - *seen.lock().unwrap();
    (outcome, after)
}

#[tokio::test]
async fn a_run_that_lost_its_lease_sends_and_writes_nothing_more() {
    let rivals = [Holder::from("worker-2"), Holder::of("worker-1".into(), "after a restart")];
    for (rival, minutes) in rivals.into_iter().zip([20, 0]) {
        let (merchant, _) = Merchant::synced().await;
        let (store, runtime) = (Arc::clone(&merchant.store), Arc::clone(&merchant.runtime));
        let (outcome, calls) = interrupted(&merchant, "getVatGroupList", move || {
            let (store, runtime, rival) = (Arc::clone(&store), Arc::clone(&runtime), rival.clone());
            async move {
                runtime.pass(TimeDelta::minutes(minutes));
                let (now, id) = (runtime.now(), Merchant::id());
                let until = now + TimeDelta::minutes(2);
                let taken = store.acquire(&id, &LeaseName::RUN, &rival, until, now).await.unwrap();
                assert!(taken.is_some(), "{rival}");
            }
        })
        .await;
        let RunOutcome::Failed { message, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((message.as_str(), calls), ("another worker took over this connection", 1));
        assert_ne!(merchant.item(DISH).await.record.price, Some(Decimal::new(4321, 2)));
    }
}

#[tokio::test]
async fn a_run_under_way_stops_at_a_pause_a_disconnect_and_a_removal() {
    for what in ["paused", "not connected", "removed"] {
        let (merchant, integration) = Merchant::synced().await;
        let (outcome, calls) = interrupted(&merchant, "getVatGroupList", move || {
            let integration = integration.clone();
            async move {
                match what {
                    "paused" => integration.pause().await.unwrap(),
                    "removed" => integration.remove().await.unwrap(),
                    _ => integration.disconnect().await.unwrap(),
                }
            }
        })
        .await;
        assert_eq!(calls, 1, "{what}: {outcome:?}");
        assert!(matches!(outcome, RunOutcome::Failed { .. }), "{what}: {outcome:?}");
        let items = merchant.items().await;
        assert_eq!(items.is_empty(), what == "removed");
        assert!(items.iter().all(|item| item.record.price != Some(Decimal::new(4321, 2))), "{what}");
    }
}

#[tokio::test]
async fn no_handle_calls_the_pos_of_a_paused_connection_and_all_go_on_afterwards() {
    let (merchant, integration) = Merchant::synced().await;
    let (products, stock) = (integration.products(), integration.stock());
    let other = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    other.pause().await.unwrap();
    let before = merchant.pos.requests().total();
    let report = products.pull(&RunOptions::manual()).await;
    let RunOutcome::Failed { message, .. } = &report.outcome else { panic!("{report}") };
    assert_eq!(message, "connection leeuw is paused; resume it first");
    stock.pull(&StockOptions::default(), &CancelToken::new()).await;
    assert!(integration.tables().pull(&"mpluskassa-1".into()).await.is_err());
    assert_eq!(
        integration.verify().await.unwrap(),
        ConnectionStatus::Connected,
        "nothing is known against it"
    );
    assert_eq!(merchant.pos.requests().total(), before);
    other.resume().await.unwrap();
    assert_eq!(products.pull(&RunOptions::manual()).await.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn two_runs_of_one_process_exclude_each_other_whatever_handle_they_have() {
    let (merchant, _) = Merchant::synced().await;
    let slow = || {
        let transport = Interrupted::at(&merchant.pos, "getStock", || async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
        Integration::open(merchant.host_with(Arc::clone(&merchant.store), transport), Merchant::id())
    };
    let (one, two) = (slow().await.unwrap().stock(), slow().await.unwrap().stock());
    let (options, cancel) = (StockOptions::default(), CancelToken::new());
    let (one, two) = join(one.pull(&options, &cancel), two.pull(&options, &cancel)).await;
    assert_eq!((one.outcome, two.outcome), (RunOutcome::Completed, RunOutcome::Busy));
}

#[tokio::test]
async fn after_a_crash_the_same_worker_goes_on_at_once_and_others_after_two_minutes() {
    let (merchant, _) = Merchant::synced().await;
    let crash = async |host: Host| {
        let run = Integration::open(host, Merchant::id()).await.unwrap();
        let options = RunOptions::manual();
        let run = std::pin::pin!(run.sync_menu(&options));
        let cut = std::pin::pin!(async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        });
        futures_util::future::select(run, cut).await;
    };
    let hanging = || Interrupted::at(&merchant.pos, "getBranches", std::future::pending);
    crash(merchant.host_with(Arc::clone(&merchant.store), hanging())).await;
    let same = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    assert_eq!(same.sync_menu(&RunOptions::manual()).await.outcome, RunOutcome::Completed);

    crash(merchant.host_with(Arc::clone(&merchant.store), hanging())).await;
    let other = Integration::open(merchant.host().named("worker-2"), Merchant::id()).await.unwrap();
    assert_eq!(other.sync_menu(&RunOptions::manual()).await.outcome, RunOutcome::Busy);
    merchant.runtime.pass(TimeDelta::seconds(121));
    assert_eq!(other.sync_menu(&RunOptions::manual()).await.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn open_handles_take_up_new_credentials_at_their_next_call() {
    let (merchant, integration) = Merchant::synced().await;
    let stale = Credentials { ident: "testkit".to_owned(), secret: "yesterday's".into() };
    merchant.vault.save_credentials(&Merchant::id(), stale).await.unwrap();
    assert!(matches!(integration.verify().await.unwrap(), ConnectionStatus::Failing { .. }));
    merchant.connect().await;
    assert_eq!(integration.verify().await.unwrap(), ConnectionStatus::Connected);
}

#[tokio::test]
async fn a_wrong_password_is_found_whatever_calls_look_at_it() {
    for reading in ["every-call-checks", "version-unchecked", "system-calls-unchecked"] {
        let mut dialect = Dialect::default();
        dialect.set("authentication", reading).unwrap();
        let merchant = Merchant::new(Pos::brasserie().with_dialect(dialect));
        assert!(merchant.try_connect("wrong-password").await.is_err(), "{reading}");
        let integration = merchant.connect().await;
        let wrong = Credentials { ident: "testkit".to_owned(), secret: "wrong-password".into() };
        merchant.vault.save_credentials(&Merchant::id(), wrong).await.unwrap();
        let status = integration.verify().await.unwrap();
        assert!(matches!(status, ConnectionStatus::Failing { .. }), "{reading}: {status:?}");
    }
}

#[tokio::test]
async fn another_pos_starts_anew_and_says_so() {
    let (merchant, former) = Merchant::synced().await;
    let (_, report) = try_connect(&merchant.host(), 40_000).await.unwrap();
    assert_eq!(merchant.items().await, []);
    assert!(merchant.store.checkpoints(&Merchant::id()).await.unwrap().is_empty());
    assert!(!merchant.locations().await.is_empty(), "the new one's");
    assert!(
        report.to_string().contains("connected to another POS than before (api.mpluskassa.nl:34562, licence"),
        "{report}"
    );
    assert!(
        merchant.activity_log().await.iter().any(|line| line.contains("in place of api.mpluskassa.nl:34562"))
    );

    let before = merchant.pos.requests().total();
    let stopped = former.sync_menu(&RunOptions::manual()).await;
    assert!(matches!(stopped.outcome, RunOutcome::Failed { .. }), "{stopped}");
    assert_eq!((merchant.pos.requests().total(), merchant.items().await.len()), (before, 0));
}

/// The same address, and behind it the database of somebody else, or a renewed licence of the same company.
fn behind_the_same_address(merchant: &Merchant, licence: &'static str, company: &'static str) -> Host {
    let pos = Doctored::new(&merchant.pos, "getLicenseInformation", move |answer| {
        answer.replace("****-TEST", licence).replace("Brasserie De Gouden Leeuw B.V.", company)
    });
    merchant.host_with(Arc::clone(&merchant.store), pos)
}

async fn verified(host: &Host) -> ConnectionStatus {
    Integration::open(host.clone(), Merchant::id()).await.unwrap().verify().await.unwrap()
}

#[tokio::test]
async fn a_licence_that_was_renewed_costs_nothing_whether_the_pos_names_its_company_or_not() {
    let company = "Brasserie De Gouden Leeuw B.V.";
    let (merchant, _) = Merchant::synced().await;
    let before = (merchant.items().await, merchant.locations().await);
    for (licence, company) in
        [("****-2222", company), ("****-3333", ""), ("****-4444", ""), ("****-5555", company)]
    {
        let renewed = behind_the_same_address(&merchant, licence, company);
        assert_eq!(verified(&renewed).await, ConnectionStatus::Connected, "{licence} {company}");
        connect(&renewed).await;
        assert_eq!((merchant.items().await, merchant.locations().await), before, "{licence} {company}");
    }
    // That it named no company for a while is no reason not to notice another one.
    let other = behind_the_same_address(&merchant, "****-6666", "Cafe De Beer");
    assert!(matches!(verified(&other).await, ConnectionStatus::Failing { .. }));
}

/// Connects the merchant at the address that it has.
async fn connect(host: &Host) -> (Integration, RunReport) {
    try_connect(host, 34_562).await.unwrap()
}

async fn try_connect(host: &Host, port: u16) -> Result<(Integration, RunReport), ConnectError> {
    let new = NewConnection {
        id: Merchant::id(),
        name: "De Gouden Leeuw".to_owned(),
        host: "api.mpluskassa.nl".to_owned(),
        port,
        environment: Environment::Test,
    };
    let credentials = Credentials { ident: "testkit".to_owned(), secret: "geheim & vertrouwelijk".into() };
    Integration::connect(host.clone(), new, credentials).await
}

#[tokio::test]
async fn another_database_behind_the_same_address_has_all_rest_and_nothing_is_forgotten_by_itself() {
    let (merchant, former) = Merchant::synced().await;
    let before = (merchant.items().await, merchant.locations().await);
    let other = behind_the_same_address(&merchant, "****-3333", "Cafe De Beer");
    let ConnectionStatus::Failing { last_error, .. } = verified(&other).await else { panic!("not noticed") };
    assert!(last_error.contains("licence ****-3333 of Cafe De Beer, in place of"), "{last_error}");
    assert!(merchant.activity_log().await.contains(&last_error));
    let requests = merchant.pos.requests().total();
    let stopped = former.sync_menu(&RunOptions::manual()).await;
    assert!(matches!(stopped.outcome, RunOutcome::Failed { .. }), "{stopped}");
    assert_eq!(merchant.pos.requests().total(), requests);
    assert_eq!((merchant.items().await, merchant.locations().await), before);

    // It is the same POS: it was sold, say, with all that is in it.
    former.resume().await.unwrap();
    assert_eq!(verified(&other).await, ConnectionStatus::Connected);
    let integration = Integration::open(other.clone(), Merchant::id()).await.unwrap();
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert_eq!((merchant.items().await, merchant.locations().await), before);
}

#[tokio::test]
async fn a_merchant_who_connects_again_to_another_database_starts_anew() {
    let (merchant, former) = Merchant::synced().await;
    let other = behind_the_same_address(&merchant, "****-3333", "Cafe De Beer");
    assert!(matches!(verified(&other).await, ConnectionStatus::Failing { .. }));
    let (anew, report) = connect(&other).await;
    assert!(report.to_string().contains("connected to another POS than before"), "{report}");
    assert_eq!(merchant.items().await, []);
    let log = merchant.activity_log().await;
    assert!(
        log.iter().any(|line| line.contains("licence ****-3333 of Cafe De Beer in place of")),
        "{log:#?}"
    );
    let stopped = former.sync_menu(&RunOptions::manual()).await;
    let RunOutcome::Failed { message, .. } = &stopped.outcome else { panic!("{stopped}") };
    assert_eq!(message, "connection leeuw leads to another POS by now; open it again");
    let report = anew.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(!merchant.items().await.is_empty());
}

#[tokio::test]
async fn runs_and_customers_leave_no_leases_behind() {
    let (merchant, integration) = Merchant::synced().await;
    integration.sync(&RunOptions::manual()).await;
    for number in 0..10 {
        let guest = Customer::new(format!("guest-{number}"), "Jan");
        integration.relations().relation_of(&guest).await.unwrap();
    }
    let in_a_year = merchant.runtime.now() + TimeDelta::days(365);
    assert_eq!(merchant.store.prune_leases(in_a_year).await.unwrap(), 0, "rows that were left");
}

/// Two of an item, paid.
fn order(merchant: &Merchant, number: &str, item: &ItemId) -> Order {
    let mut order = Order::new(number, "mpluskassa-1", OrderKind::Pickup, merchant.runtime.now());
    let sold = Sold::Item { item: item.clone() };
    order.lines = vec![OrderLine::new(sold, "Cola", 2.into(), Decimal::new(320, 2))];
    order.total = order.sum();
    order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    order
}

async fn set_up_orders(integration: &Integration) {
    let mut settings = integration.settings().await.unwrap().settings.as_ref().clone();
    settings.orders = Some(
        OrderSettings::new(999_999)
            .with_fallback_relation(RelationNumber::new(1))
            .with_payment_method(PaymentMethod::Ideal, "IDEAL")
            .with_location("mpluskassa-1", LocationSettings::at_workplace(1)),
    );
    integration.save_settings(&settings, Revision::NEW).await.unwrap();
}

#[tokio::test]
async fn what_was_ordered_at_one_pos_never_goes_by_itself_to_the_one_that_took_its_place() {
    let (merchant, former) = Merchant::synced().await;
    set_up_orders(&former).await;
    // The same number, and another dish.
    let other = Pos::brasserie();
    let article = merchant.article("Coca-Cola");
    other.change_article(article, |article| article.description = Some("Tournedos".to_owned()));
    let cola = merchant.item("Coca-Cola").await.record.id;
    let later = || merchant.runtime.pass(TimeDelta::minutes(2));

    former.orders().enqueue(&order(&merchant, "waits", &cola)).await.unwrap();
    former.orders().enqueue(&order(&merchant, "unknown", &"fries".into())).await.unwrap();
    merchant.pos.faults().script([Fault::Refused; 20]);
    former.outbox_worker().run_once().await;
    later();
    let host = merchant.host_with(Arc::clone(&merchant.store), other.clone());
    let (integration, report) = try_connect(&host, 40_000).await.unwrap();
    let told = &report.manual_actions.first[1].message;
    assert_eq!(told, "orders that were queued for the POS from before are not sent to this one");
    // By a guest who still had the former menu open.
    later();
    integration.orders().enqueue(&order(&merchant, "late", &cola)).await.unwrap();
    let worker = integration.outbox_worker();
    worker.run_once().await;
    integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item("Tournedos").await.record.id, cola);
    for _ in 0..2 {
        integration.orders().requeue_all(None).await.unwrap();
        later();
        worker.run_once().await;
        for number in ["waits", "unknown", "late"] {
            let entry = merchant.store.entry(&Merchant::id(), &number.into()).await.unwrap().unwrap();
            let OutboxState::NeedsAttention { reason } = entry.state else { panic!("{entry:?}") };
            assert!(reason.contains("queued for another POS (api.mpluskassa.nl:34562"), "{reason}");
        }
    }
    assert_eq!(other.orders(), []);

    // A person says that it is meant, and what comes later is.
    integration.orders().replace(&order(&merchant, "waits", &cola)).await.unwrap();
    integration.orders().enqueue(&order(&merchant, "new", &cola)).await.unwrap();
    worker.run_once().await;
    assert!(other.order("waits").is_some() && other.order("new").is_some());
}

#[tokio::test]
async fn a_move_to_another_database_that_breaks_off_anywhere_is_made_good_by_connecting_again() {
    let other = |merchant: &Merchant, store: Arc<dyn mplus_sync::store::Store>| {
        let pos = Doctored::new(&merchant.pos, "getLicenseInformation", |answer| {
            answer.replace("****-TEST", "****-3333").replace("Brasserie De Gouden Leeuw B.V.", "Cafe De Beer")
        });
        merchant.host_with(store, pos)
    };
    let (merchant, _) = Merchant::synced().await;
    let counting = Arc::new(FaultyStore::counting(Arc::clone(&merchant.store)));
    connect(&other(&merchant, Arc::clone(&counting) as _)).await;
    assert!(counting.calls() > 5);
    for call in 1..=counting.calls() {
        let (merchant, _) = Merchant::synced().await;
        let failing = FaultyStore::failing(Arc::clone(&merchant.store), FailAt::before(call));
        let _ = try_connect(&other(&merchant, Arc::new(failing)), 34_562).await;
        // A lease that was not given back has ended.
        merchant.runtime.pass(TimeDelta::minutes(10));
        connect(&other(&merchant, Arc::clone(&merchant.store))).await;
        assert_eq!(merchant.items().await, [], "the former menu, after call {call}");
        let connection = merchant.store.connection(&Merchant::id()).await.unwrap().unwrap();
        assert!(connection.former_pos.is_some(), "{call}");
        assert_eq!(connection.status, ConnectionStatus::Connected, "{call}");
    }
}

/// A vault whose key is gone from some time on.
struct KeylessVault {
    inner: Arc<MemoryVault>,
    is_keyless: AtomicBool,
}

impl KeylessVault {
    fn check(&self) -> Result<(), StoreError> {
        match self.is_keyless.load(Ordering::Relaxed) {
            true => Err(StoreError::new(StoreErrorKind::Corrupt, "decrypt the credentials")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl CredentialVault for KeylessVault {
    async fn save_credentials(&self, id: &ConnectionId, credentials: Credentials) -> Result<(), StoreError> {
        self.inner.save_credentials(id, credentials).await
    }

    async fn credentials(&self, id: &ConnectionId) -> Result<Option<Credentials>, StoreError> {
        self.check()?;
        self.inner.credentials(id).await
    }

    async fn credentials_revision(&self, id: &ConnectionId) -> Result<Option<Revision>, StoreError> {
        self.check()?;
        self.inner.credentials_revision(id).await
    }

    async fn forget_credentials(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.inner.forget_credentials(id).await
    }
}

#[tokio::test]
async fn orders_of_a_merchant_whose_credentials_cannot_be_read_any_more_wait_a_day_for_them_and_it_shows() {
    let (merchant, integration) = Merchant::synced().await;
    set_up_orders(&integration).await;
    let vault = Arc::new(KeylessVault { inner: Arc::clone(&merchant.vault), is_keyless: false.into() });
    let pos = merchant.pos.clone();
    let connector = move |endpoint, credentials| {
        Ok(Client::builder(endpoint, credentials, pos.clone(), VirtualRuntime::new(1)).build())
    };
    let store = Arc::clone(&merchant.store);
    let host = Host::new(store, Arc::clone(&vault) as _, connector, Arc::clone(&merchant.runtime) as _);
    let host = host.with_store_patience(Duration::MAX);
    let worker = Integration::open(host, Merchant::id()).await.unwrap().outbox_worker();
    vault.is_keyless.store(true, Ordering::Relaxed);
    let cola = merchant.item("Coca-Cola").await.record.id;
    integration.orders().enqueue(&order(&merchant, "1", &cola)).await.unwrap();
    let entry = async || merchant.store.entry(&Merchant::id(), &"1".into()).await.unwrap().unwrap();
    let status = async || merchant.store.connection(&Merchant::id()).await.unwrap().unwrap().status;
    worker.run_once().await;
    let waits = entry().await;
    assert!(matches!(waits.state, OutboxState::Waiting(Waiting::Host { .. })), "{waits:?}");
    let ConnectionStatus::Failing { last_error, .. } = status().await else { panic!("it works") };
    assert!(last_error.contains("decrypt the credentials"), "{last_error}");
    merchant.runtime.pass(TimeDelta::hours(25));
    assert_eq!(worker.run_once().await.needs_attention, 1);
    let OutboxState::NeedsAttention { reason } = entry().await.state else { panic!("{:?}", entry().await) };
    assert!(reason.ends_with("it has waited for 25 hours"), "{reason}");
    assert_eq!(merchant.pos.orders(), []);

    vault.is_keyless.store(false, Ordering::Relaxed);
    integration.orders().requeue(&"1".into()).await.unwrap();
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!(status().await, ConnectionStatus::Connected);
}
