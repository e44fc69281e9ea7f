//! The guide's troubleshooting entries on orders, stock and locations: each with what a person gets to see.

use std::sync::{Arc, Mutex};

use mplus_qapi::branches::{GetBranches, GetBranchesResponse};
use mplus_qapi::system::{GetApiVersion, GetApiVersionResponse};
use mplus_qapi::testkit::{Fault, Pos};
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::cancel::CancelToken;
use mplus_sync::connection::{ConnectError, NewConnection};
use mplus_sync::model::{
    ConnectionId, ConnectionStatus, Environment, ItemId, Location, MissingField, Order, OrderKind, OrderLine,
    OutboxState, Payment, PaymentMethod, RelationNumber, Revision, Sold, TableRef, Tracked,
};
use mplus_sync::orders::{LocationSettings, OrderSettings, QueueError};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::runtime::Runtime;
use mplus_sync::settings::MerchantSettings;
use mplus_sync::stock::{StockOptions, StockSettings};
use mplus_sync::store::{CatalogChunk, CredentialVault, Credentials, MemoryVault};
use mplus_sync::sync::RunOptions;
use mplus_sync::{Host, Integration};
use rust_decimal::Decimal;

use crate::support::{Merchant, Scripted};

/// A merchant who connected and synced the menu.
async fn synced() -> (Merchant, Integration) {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    let mut settings = MerchantSettings::default();
    settings.orders = Some(order_settings());
    integration.save_settings(&settings, Revision::NEW).await.unwrap();
    (merchant, integration)
}

fn order_settings() -> OrderSettings {
    OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL")
        .with_location("mpluskassa-1", LocationSettings::at_workplace(1))
}

fn order(merchant: &Merchant, number: &str, item: &ItemId, kind: OrderKind) -> Order {
    let mut order = Order::new(number, "mpluskassa-1", kind, merchant.runtime.now());
    let sold = Sold::Item { item: item.clone() };
    order.lines = vec![OrderLine::new(sold, "Cola", Decimal::TWO, Decimal::new(320, 2))];
    order.total = order.sum();
    if !matches!(order.kind, OrderKind::DineInPayLater { .. }) {
        order.payments = vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: None }];
    }
    order
}

async fn cola(merchant: &Merchant) -> ItemId {
    merchant.item("Coca-Cola").await.record.id
}

async fn state(merchant: &Merchant, number: &str) -> OutboxState {
    merchant.store.entry(&Merchant::id(), &number.into()).await.unwrap().unwrap().state
}

/// What the activity log holds, the messages alone.
async fn log(merchant: &Merchant) -> Vec<String> {
    let lines = merchant.store.activities(&Merchant::id(), None, 100).await.unwrap();
    lines.into_iter().map(|line| line.activity.message).collect()
}

async fn pull_stock(integration: &Integration) -> RunReport {
    integration.stock().pull(&StockOptions::default(), &CancelToken::new()).await
}

/// A host whose POS is not the merchant's own, but this one.
fn host(merchant: &Merchant, pos: &Scripted) -> Host {
    let pos = pos.clone();
    let connector = move |endpoint, credentials| Ok(pos.client_with(endpoint, credentials));
    let vault: Arc<MemoryVault> = Arc::clone(&merchant.vault);
    Host::new(Arc::clone(&merchant.store), vault, connector, Arc::clone(&merchant.runtime) as _)
}

fn new_connection(environment: Environment) -> NewConnection {
    NewConnection {
        id: Merchant::id(),
        name: "De Gouden Leeuw".to_owned(),
        host: "api.mpluskassa.nl".to_owned(),
        port: 34562,
        environment,
    }
}

fn credentials(secret: &str) -> Credentials {
    Credentials { ident: "testkit".to_owned(), secret: secret.into() }
}

const SECRET: &str = "geheim & vertrouwelijk";

// Orders not syncing

#[tokio::test]
async fn orders_username_and_password_are_wrong() {
    let (merchant, _) = synced().await;
    // The merchant changed the password at the POS since.
    let stale = credentials("yesterday's");
    merchant.vault.save_credentials(&Merchant::id(), stale).await.unwrap();
    let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    let worker = integration.outbox_worker();
    let order = order(&merchant, "1001", &cola(&merchant).await, OrderKind::Pickup);
    integration.orders().enqueue(&order).await.unwrap();
    assert_eq!(worker.run_once().await.retried, 1);

    let entry = merchant.store.entry(&Merchant::id(), &"1001".into()).await.unwrap().unwrap();
    let told = entry.last_error.unwrap();
    assert!(
        told.starts_with(
            "order 1001 waits: MplusKASSA does not accept the user name and password; check the connection"
        ),
        "{told}"
    );
    // The status on the MplusKASSA page, and the Activity Log.
    let status = integration.status().await.unwrap().unwrap().status;
    let ConnectionStatus::Failing { last_error, .. } = status else { panic!("{status:?}") };
    assert!(last_error.ends_with("Check the MplusKASSA username and password"), "{last_error}");
    assert!(log(&merchant).await.contains(&told));
    for text in [told, last_error] {
        assert!(!text.contains("yesterday"), "{text}");
    }
}

#[tokio::test]
async fn orders_the_pos_cannot_be_reached() {
    let (merchant, integration) = synced().await;
    let order = order(&merchant, "1001", &cola(&merchant).await, OrderKind::Pickup);
    integration.orders().enqueue(&order).await.unwrap();
    let worker = integration.outbox_worker();
    merchant.pos.faults().script([Fault::Refused; 20]);
    worker.run_once().await;
    let told = log(&merchant).await.into_iter().find(|line| line.starts_with("order 1001")).unwrap();
    assert!(told.starts_with("order 1001 waits: MplusKASSA cannot be reached"), "{told}");
    merchant.pos.faults().clear();
    merchant.runtime.sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(worker.run_once().await.accepted, 1);
    let status = integration.status().await.unwrap().unwrap().status;
    assert_eq!(status, ConnectionStatus::Connected);
}

#[tokio::test]
async fn orders_an_item_has_no_article_number() {
    let (merchant, integration) = synced().await;
    let dish = Tracked::new(mplus_sync::model::Item::new("dish", "Dish of the day"));
    let chunk = CatalogChunk { items: vec![dish], ..CatalogChunk::default() };
    merchant.store.apply(&Merchant::id(), chunk).await.unwrap();
    let mut order = order(&merchant, "1001", &"dish".into(), OrderKind::Pickup);
    order.lines[0].name = "Dish of the day".to_owned();
    integration.orders().enqueue(&order).await.unwrap();
    assert_eq!(integration.outbox_worker().run_once().await.rejected, 1);
    let OutboxState::Rejected { reason } = state(&merchant, "1001").await else { panic!("it was sent") };
    assert_eq!(
        reason,
        "order 1001 was not sent to the POS: item \"Dish of the day\" (dish) has no article number of MplusKASSA \
         (external_ids.mpluskassa); sync the menu or link the item"
    );
    assert!(log(&merchant).await.contains(&reason));
    assert!(merchant.pos.orders().is_empty());
}

#[tokio::test]
async fn orders_may_skip_the_pos_only_where_the_connection_is_a_test() {
    let merchant = Merchant::new(Pos::brasserie());
    let host = host(&merchant, &Scripted::new(&merchant.pos));
    let new = new_connection(Environment::Live);
    let (live, _) = Integration::connect(host, new, credentials(SECRET)).await.unwrap();
    let mut order = order(&merchant, "1001", &"cola".into(), OrderKind::Pickup);
    order.skip_order_sync = true;
    let Err(QueueError::Refused(refused)) = live.orders().enqueue(&order).await else {
        panic!("it was queued")
    };
    assert_eq!(
        refused.to_string(),
        "order 1001 was not sent to the POS: it asks to be kept from the POS (skip_order_sync), which is allowed in a \
         test environment only"
    );
}

#[tokio::test]
async fn orders_at_tables_are_paid_at_once_or_later() {
    let (merchant, integration) = synced().await;
    let table = TableRef::whole(7);
    let cola = cola(&merchant).await;
    let later = order(&merchant, "1", &cola, OrderKind::DineInPayLater { table, guests: Some(2) });
    let now = order(&merchant, "2", &cola, OrderKind::DineInPayNow { table, guests: None });
    for order in [&later, &now] {
        integration.orders().enqueue(order).await.unwrap();
    }
    assert_eq!(integration.outbox_worker().run_once().await.accepted, 2);
    let open = merchant.pos.table_order(1, 7).unwrap();
    assert_eq!((open.ext_order_id.as_deref(), open.fully_paid), (Some("1"), Some(false)));
    assert_eq!(merchant.pos.order("2").unwrap().fully_paid, Some(true));
    let plan = integration.tables().pull(&"mpluskassa-1".into()).await.unwrap();
    assert!(!plan.tables.is_empty() && !plan.courses.is_empty());
}

// Stock not updating

#[tokio::test]
async fn stock_sync_is_switched_off() {
    let (merchant, integration) = synced().await;
    let mut settings = StockSettings::default();
    settings.enabled = false;
    let stock = integration.stock().with_settings(settings);
    let report = stock.pull(&StockOptions::default(), &CancelToken::new()).await;
    let message = "Stock is not synced: Sync Stock is switched off".to_owned();
    let advice = "Switch on Sync Stock for this integration".to_owned();
    assert_eq!(report.outcome, RunOutcome::Failed { message, advice });
    let told = log(&merchant).await;
    assert!(told.iter().any(|line| line.contains("Sync Stock is switched off")), "{told:?}");
}

#[tokio::test]
async fn stock_of_articles_that_are_no_items_is_named() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    // No menu sync yet: nothing is mapped.
    let report = pull_stock(&integration).await;
    let note = &report.skipped.first[0];
    assert!(
        note.message.starts_with("stock of 13 articles was left out, as they are no item here: "),
        "{note:?}"
    );
    assert_eq!(note.advice, "Sync the menu, or link the items with their articles (external_ids.mpluskassa)");
}

#[tokio::test]
async fn stock_is_pulled_on_demand_and_the_page_shows_when() {
    let (merchant, integration) = synced().await;
    merchant.runtime.sleep(std::time::Duration::from_secs(3600)).await;
    let now = merchant.runtime.now();
    let report = pull_stock(&integration).await;
    assert!(report.outcome == RunOutcome::Completed && report.failures.is_empty(), "{report}");
    assert_eq!(integration.status().await.unwrap().unwrap().last_sync_at, Some(now));
    let told = log(&merchant).await;
    assert!(
        told.iter().any(|line| line.starts_with("manual sync completed") && line.contains("pulled")),
        "{told:?}"
    );
    let requests = merchant.pos.requests();
    assert_eq!(requests.count("setStock") + requests.count("updateStock"), 0, "nothing is pushed");
}

#[tokio::test]
async fn stock_needs_username_and_password_too() {
    let (merchant, _) = synced().await;
    let stale = credentials("yesterday's");
    merchant.vault.save_credentials(&Merchant::id(), stale).await.unwrap();
    let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    let RunOutcome::Failed { advice, .. } = pull_stock(&integration).await.outcome else {
        panic!("it worked")
    };
    assert_eq!(advice, "Check the MplusKASSA username and password");
    let status = integration.status().await.unwrap().unwrap().status;
    assert!(matches!(status, ConnectionStatus::Failing { .. }), "{status:?}");
}

#[tokio::test]
async fn stock_without_locations_says_what_to_sync_first() {
    let merchant = Merchant::new(Pos::brasserie());
    let pos = Scripted::new(&merchant.pos);
    for _ in 0..2 {
        pos.answer::<GetBranches>(&GetBranchesResponse::default());
    }
    let new = new_connection(Environment::Test);
    let (integration, _) =
        Integration::connect(host(&merchant, &pos), new, credentials(SECRET)).await.unwrap();
    let report = pull_stock(&integration).await;
    let note = &report.failures.first[0];
    assert_eq!(note.message, "no location is a branch of MplusKASSA, so no stock was read");
    assert_eq!(note.advice, "Sync the branches first");
}

// Locations not imported correctly

#[tokio::test]
async fn locations_the_account_has_no_active_branches() {
    let merchant = Merchant::new(Pos::brasserie());
    let pos = Scripted::new(&merchant.pos);
    for _ in 0..2 {
        pos.answer::<GetBranches>(&GetBranchesResponse::default());
    }
    let new = new_connection(Environment::Test);
    let (_, report) = Integration::connect(host(&merchant, &pos), new, credentials(SECRET)).await.unwrap();
    let note = &report.failures.first[0];
    assert_eq!(note.message, "the POS lists no branches, so no locations were imported");
    assert_eq!(note.advice, "Check that the MplusKASSA account has active branches configured");
}

#[tokio::test]
async fn locations_what_is_to_be_completed_is_listed() {
    let merchant = Merchant::new(Pos::brasserie());
    let (_, report) = merchant.try_connect(SECRET).await.unwrap();
    let left = [MissingField::Coordinates, MissingField::OpeningHours, MissingField::DeliveryZones];
    assert_eq!(report.incomplete_locations.first[0].missing, left);
    let text = report.to_string();
    for wanted in ["coordinates", "opening hours", "delivery zones"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[tokio::test]
async fn locations_a_branch_that_was_added_later_is_found_by_a_sync() {
    let (merchant, integration) = synced().await;
    merchant.pos.add_branch("De Gouden Leeuw Gent");
    integration.branches().import(&RunOptions::manual()).await;
    assert!(merchant.locations().await.iter().any(|one| one.record.name == "De Gouden Leeuw Gent"));
}

#[tokio::test]
async fn locations_a_branch_that_is_gone_is_flagged_and_kept() {
    let merchant = Merchant::new(Pos::brasserie());
    let pos = Scripted::new(&merchant.pos);
    let new = new_connection(Environment::Test);
    let (integration, _) =
        Integration::connect(host(&merchant, &pos), new, credentials(SECRET)).await.unwrap();
    let mut listed = merchant.pos.client().send(GetBranches::default()).await.unwrap();
    listed.branches.retain(|branch| branch.branch_number != 2);
    // One answer alone may have been cut.
    pos.answer::<GetBranches>(&listed);
    pos.answer::<GetBranches>(&listed);
    let report = integration.branches().import(&RunOptions::manual()).await;
    let flagged = || async {
        let locations = merchant.locations().await;
        assert_eq!(locations.len(), 3, "none is removed");
        let gone = locations.into_iter().filter(|one| one.record.vanished);
        gone.map(|one| one.record.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(flagged().await, ["mpluskassa-2"]);
    let note = &report.skipped.first[0];
    assert_eq!(note.message, "branch 2 is no longer listed by the POS; the location is kept");
    assert_eq!(note.advice, "Close the location, or restore the branch in the POS");
    integration.branches().import(&RunOptions::manual()).await;
    assert!(flagged().await.is_empty(), "it is back");
}

/// Has no branding profiles at first.
#[derive(Debug, Clone, Default)]
struct Late(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl LocationProvisioner for Late {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned(), "branding_profile".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, location: &Location) -> Result<Provision, ProvisionError> {
        let mut asked = self.0.lock().unwrap();
        asked.push(location.id.as_str().to_owned());
        if asked.len() <= 3 {
            return Err(ProvisionError { message: "no default billing profile".to_owned() });
        }
        Ok(Provision::default()
            .with("stripe_customer", "cus_default")
            .with("branding_profile", format!("brand-{}", location.id)))
    }
}

#[tokio::test]
async fn locations_get_billing_and_branding_by_a_later_sync_when_the_host_had_none() {
    let merchant = Merchant::new(Pos::brasserie());
    let late = Late::default();
    let host = host(&merchant, &Scripted::new(&merchant.pos)).with_provisioner(late.clone());
    let new = new_connection(Environment::Test);
    let (integration, report) = Integration::connect(host, new, credentials(SECRET)).await.unwrap();
    let note = &report.skipped.first[0];
    assert_eq!(
        note.message,
        "stripe_customer and branding_profile could not be assigned: no default billing profile"
    );
    for one in merchant.locations().await {
        assert!(one.record.attributes.is_empty());
        let missing = |name: &str| MissingField::Attribute(name.to_owned());
        assert!(one.record.missing.ends_with(&[missing("stripe_customer"), missing("branding_profile")]));
    }
    for _ in 0..2 {
        integration.branches().import(&RunOptions::manual()).await;
    }
    for location in merchant.locations().await {
        let record = location.record;
        assert_eq!(record.attributes["stripe_customer"], "cus_default");
        assert_eq!(record.attributes["branding_profile"], format!("brand-{}", record.id));
        assert!(!record.missing.iter().any(|field| matches!(field, MissingField::Attribute(_))));
    }
    assert_eq!(late.0.lock().unwrap().len(), 6, "each was asked for until it had both, and not again");
}

#[tokio::test]
async fn a_pos_that_tells_its_version_to_anybody_does_not_make_wrong_credentials_right() {
    let merchant = Merchant::new(Pos::brasserie());
    let pos = Scripted::new(&merchant.pos);
    pos.answer::<GetApiVersion>(&GetApiVersionResponse {
        major_number: 1,
        ..GetApiVersionResponse::default()
    });
    let new = new_connection(Environment::Test);
    let refused = Integration::connect(host(&merchant, &pos), new, credentials("wrong")).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(_)), "{refused}");
    assert_eq!(merchant.store.connection(&Merchant::id()).await.unwrap(), None);
}
