//! Everything that a host awaits may be awaited in a task.

#![cfg(all(
    feature = "media-fs",
    feature = "cloudflare-images",
    feature = "https",
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "tokio-runner",
    feature = "testkit"
))]

#[path = "../../../tests/public_futures.rs"]
mod public_futures;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mplus_sync::articles::Articles;
use mplus_sync::branches::Branches;
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::connection::NewConnection;
use mplus_sync::fleet::Fleet;
use mplus_sync::merchant::Merchant;
use mplus_sync::model::Connection;
use mplus_sync::model::{
    ConnectionId, Customer, LocationId, Order, OrderNumber, OutboxStateKind, Revision, RunKind, TableRef,
};
use mplus_sync::orders::{MenuLinks, OrderService, OutboxWorker, Retention};
use mplus_sync::products::{Media, Products};
use mplus_sync::relations::RelationService;
use mplus_sync::report::Scope;
use mplus_sync::runtime::Runtime;
use mplus_sync::schedule::{DailySchedule, run_daily};
use mplus_sync::settings::{MerchantSettings, read_settings, save_settings};
use mplus_sync::stock::{StockOptions, StockService};
use mplus_sync::store::{
    CatalogStore, ConnectionStore, Credentials, Listener, MySqlOptions, MySqlStore, Page, PostgresOptions,
    PostgresStore, SettingsStore, SqliteStore, Wake, update_connection,
};
use mplus_sync::sync::RunOptions;
use mplus_sync::tables::TableService;
use mplus_sync::testkit::conformance::{StoreFactory, run};
use mplus_sync::testkit::{MySqlDatabase, PostgresSchema};
use mplus_sync::{Host, Integration};

use public_futures::{assert_complete, assert_small, send_futures};

send_futures! {
    Integration::connect(host: Host, new: NewConnection, credentials: Credentials);
    Integration::open(host: Host, connection: ConnectionId);
    Integration::sync(integration: &Integration, options: &RunOptions);
    Integration::sync_menu(integration: &Integration, options: &RunOptions);
    Integration::status(integration: &Integration);
    Integration::verify(integration: &Integration);
    Integration::pause(integration: &Integration);
    Integration::resume(integration: &Integration);
    Integration::remove(integration: &Integration);
    Integration::disconnect(integration: &Integration);
    Integration::settings(integration: &Integration);
    Integration::save_settings(integration: &Integration, settings: &MerchantSettings, revision: Revision);
    Integration::check_settings(integration: &Integration, settings: &MerchantSettings);
    Host::settings(host: &Host, connection: &ConnectionId);
    Host::save_settings(host: &Host, connection: &ConnectionId, settings: &MerchantSettings, revision: Revision);
    Merchant::settings(merchant: &Merchant);
    read_settings(store: &dyn SettingsStore, connection: &ConnectionId, default: &Arc<MerchantSettings>);
    save_settings(
        store: &dyn SettingsStore, connection: &ConnectionId, settings: &MerchantSettings, revision: Revision
    );
    Branches::import(branches: &Branches, options: &RunOptions);
    Products::pull(products: &Products, options: &RunOptions);
    Products::push(products: &Products, options: &RunOptions);
    Media::download(media: &Media, options: &RunOptions);
    Articles::pull(articles: &Articles, options: &RunOptions);
    Articles::push_combos(articles: &Articles, options: &RunOptions);
    StockService::pull(stock: &StockService, options: &StockOptions<'_>, cancel: &CancelToken);
    RelationService::relation_of(relations: &RelationService, customer: &Customer);
    RelationService::is_still_there(relations: &RelationService, customer: &Customer);
    TableService::pull(tables: &TableService, location: &LocationId);
    TableService::state(tables: &TableService, location: &LocationId, workplace: i32, table: TableRef);
    OrderService::enqueue(orders: &OrderService, order: &Order);
    OrderService::draft(orders: &OrderService, order: &Order);
    OrderService::submit(orders: &OrderService, order: &Order, may_be_at_pos: bool);
    OrderService::check(orders: &OrderService, order: &Order);
    OrderService::suggest_payment_codes(orders: &OrderService);
    OrderService::withdraw(orders: &OrderService, number: &OrderNumber, reason: &str);
    OrderService::replace(orders: &OrderService, order: &Order);
    OrderService::requeue(orders: &OrderService, number: &OrderNumber);
    OrderService::requeue_all(orders: &OrderService, state: Option<OutboxStateKind>);
    OrderService::prune(orders: &OrderService, retention: &Retention);
    OrderService::cancel(orders: &OrderService, number: &OrderNumber, reason: &str);
    OutboxWorker::run(worker: &OutboxWorker, cancel: &CancelToken);
    OutboxWorker::run_once(worker: &OutboxWorker);
    MenuLinks::load(store: &dyn CatalogStore, connection: &ConnectionId, order: &Order);
    Fleet::run(fleet: &Fleet, cancel: &CancelToken);
    Fleet::request_sync(fleet: &Fleet, connection: &ConnectionId, context: SyncContext, scope: Scope);
    Fleet::request_sync_accepting_loss(fleet: &Fleet, connection: &ConnectionId, scope: Scope);
    Fleet::request_dry_run(fleet: &Fleet, connection: &ConnectionId, scope: Scope);
    Fleet::stop_run(fleet: &Fleet, connection: &ConnectionId, kind: &RunKind);
    Fleet::failing(fleet: &Fleet, store: usize, page: Page<ConnectionId>);
    Fleet::request_stock(fleet: &Fleet, connection: &ConnectionId, context: SyncContext);
    Fleet::take_up(fleet: &Fleet, connection: &ConnectionId);
    Fleet::runs(fleet: &Fleet, connection: &ConnectionId);
    Fleet::last_reports(fleet: &Fleet, connection: &ConnectionId);
    Fleet::open(fleet: &Fleet, connection: &ConnectionId);
    Fleet::pause(fleet: &Fleet, connection: &ConnectionId);
    Fleet::resume(fleet: &Fleet, connection: &ConnectionId);
    Fleet::take_up_set_aside(fleet: &Fleet, connection: &ConnectionId);
    Fleet::discard_set_aside(fleet: &Fleet, connection: &ConnectionId);
    Fleet::remove(fleet: &Fleet, connection: &ConnectionId);
    Fleet::status(fleet: &Fleet);
    CancelToken::cancelled(cancel: &CancelToken);
    [T: Send, F: Future<Output = T> + Send] CancelToken::stop_or(cancel: &CancelToken, work: F);
    [J: Future + Send, F: FnMut(DateTime<Utc>) -> J + Send]
    run_daily(schedule: &DailySchedule, runtime: &dyn Runtime, cancel: &CancelToken, job: F);
    SqliteStore::open(path: PathBuf);
    SqliteStore::in_memory();
    PostgresStore::connect(url: &str);
    PostgresStore::open(options: PostgresOptions);
    update_connection(store: &dyn ConnectionStore, id: &ConnectionId, change: &(dyn Fn(&mut Connection) -> bool + Sync));
    Listener::heard(listener: &mut Listener, what: &[Wake]);
    run(factory: &dyn StoreFactory);
    MySqlStore::connect(url: &str);
    MySqlStore::open(options: MySqlOptions);
    MySqlDatabase::create(url: &str);
    MySqlDatabase::empty(database: &mut MySqlDatabase);
    MySqlDatabase::drop(database: MySqlDatabase);
    PostgresSchema::create(url: &str);
    PostgresSchema::empty(schema: &PostgresSchema);
    PostgresSchema::drop(schema: PostgresSchema);
}

#[test]
fn every_public_future_is_send() {
    assert_complete(env!("CARGO_MANIFEST_DIR"), LISTED);
}

#[test]
fn every_public_future_is_small() {
    assert_small(sizes());
}
