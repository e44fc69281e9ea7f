//! Syncs that are killed again and again, wherever they are. Whoever comes next goes on: in the end the host holds what an
//! undisturbed sync brings into a new store, and the POS has each dish of the host's once.
//!
//! `cargo test` kills a few on each store; `MPLUS_TEST_SYNC_KILLS=200` as many. Needs `MPLUS_TEST_POSTGRES` and
//! `MPLUS_TEST_MYSQL`.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mplus_qapi::testkit::Pos;
use mplus_sync::Integration;
use mplus_sync::connection::NewConnection;
use mplus_sync::merchant::RunLimits;
use mplus_sync::model::{Category, CategoryEdit, Environment, Item, ItemEdit, ItemId};
use mplus_sync::report::RunOutcome;
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::store::{
    CatalogEdits, MemoryStore, MySqlStore, Page, PostgresStore, Select, SqliteStore, Store,
};
use mplus_sync::sync::RunOptions;
use rust_decimal::Decimal;

use crate::processes::{credentials, host, merchant};
use crate::store::{mysql::database, postgres::schema};

const KILLS: &str = "MPLUS_TEST_SYNC_KILLS";
const POS: &str = "MPLUS_TEST_KILLED_POS";
const STORE: &str = "MPLUS_TEST_KILLED_STORE";
/// How a process ends whose sync was carried out.
const DONE: i32 = 40;

#[tokio::test]
async fn syncs_into_sqlite_that_are_killed_end_like_undisturbed_ones() {
    let directory = tempfile::tempdir().unwrap();
    end_like_undisturbed_ones(directory.path().join("host.db").to_str().unwrap()).await;
}

#[tokio::test]
async fn syncs_into_postgres_that_are_killed_end_like_undisturbed_ones() {
    let Some(schema) = schema().await else { return };
    end_like_undisturbed_ones(schema.url()).await;
    schema.drop().await.unwrap();
}

#[tokio::test]
async fn syncs_into_mariadb_that_are_killed_end_like_undisturbed_ones() {
    let Some(database) = database().await else { return };
    end_like_undisturbed_ones(database.url()).await;
    database.drop().await.unwrap();
}

async fn store_at(url: &str) -> Arc<dyn Store> {
    match url.split_once(':') {
        Some(("postgres", _)) => Arc::new(PostgresStore::connect(url).await.unwrap()),
        Some(("mysql", _)) => Arc::new(MySqlStore::connect(url).await.unwrap()),
        _ => Arc::new(SqliteStore::open(url).await.unwrap()),
    }
}

async fn connect(pos: &str, store: &Arc<dyn Store>) -> Integration {
    let new = NewConnection {
        id: merchant(),
        name: "De Gouden Leeuw".to_owned(),
        host: "localhost".to_owned(),
        port: 1,
        environment: Environment::Test,
    };
    Integration::connect(host(pos, Arc::clone(store)).await, new, credentials()).await.unwrap().0
}

async fn end_like_undisturbed_ones(url: &str) {
    let kills = std::env::var(KILLS).map_or(8, |kills| kills.parse().unwrap());
    let pos = Pos::brasserie();
    let server = pos.serve().await.unwrap();
    let endpoint = server.endpoint();
    let address = endpoint.as_str();
    let store = store_at(url).await;
    connect(address, &store).await;
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["kills::one_sync", "--exact", "--ignored"])
            .env(POS, address)
            .env(STORE, url)
            .spawn()
            .unwrap()
    };
    let undisturbed = async || {
        let mut child = start();
        // The POS answers from this thread's runtime.
        let end = tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap();
        assert_eq!(end, Some(DONE), "a worker of the same name goes on at once, and comes to its end");
    };
    let before = pos.requests().total();
    undisturbed().await;
    let most = pos.requests().total() - before;
    assert!(most > 10, "{most} calls");
    for kill in 0..kills {
        change(&pos, &*store, kill).await;
        // Another call each time, until all had their turn.
        let last = pos.requests().total() + 1 + kill * 7 % most;
        let mut child = start();
        while pos.requests().total() < last && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // And another moment of it.
        tokio::time::sleep(Duration::from_millis(kill % 5)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The second one takes in the echo of what the first one pushed.
    undisturbed().await;
    undisturbed().await;
    let fresh: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let report = connect(address, &fresh).await.sync(&RunOptions::manual()).await;
    assert_eq!(report.menu.outcome, RunOutcome::Completed, "{}", report.menu);
    let (held, wanted) = (held(&*store).await, held(&*fresh).await);
    let lacking: Vec<_> = wanted.iter().filter(|line| !held.contains(line)).collect();
    let surplus: Vec<_> = held.iter().filter(|line| !wanted.contains(line)).collect();
    assert!(held == wanted, "lacking {lacking:#?}, instead {surplus:#?}");
    let products = pos.products();
    for kill in 0..kills {
        let named = |article: &&_| described(article) == dish(kill);
        let articles = products.iter().flat_map(|product| &product.article_list).filter(named).count();
        assert_eq!(articles, 1, "{} at the POS", dish(kill));
    }
}

fn described(article: &mplus_qapi::products::Article) -> String {
    article.description.clone().unwrap_or_default()
}

fn dish(kill: u64) -> String {
    format!("Dish of the day {kill}")
}

/// A price and a stock at the POS, and a new dish on the host.
async fn change(pos: &Pos, store: &dyn Store, kill: u64) {
    let cola = pos.article_number("Coca-Cola").unwrap();
    let number = i64::try_from(kill).unwrap();
    assert!(pos.set_price(cola, Decimal::new(300 + number, 2)));
    assert!(pos.set_stock(1, cola, Decimal::from(500 + number)));
    let category = Category::new("own", "Our own");
    let mut item = Item::new(format!("dish-{kill}"), dish(kill));
    item.category = Some(category.id.clone());
    (item.price, item.tax_rate) = (Some(Decimal::new(1250, 2)), Some(9.into()));
    let edits = CatalogEdits {
        categories: vec![CategoryEdit::overwriting(&category)],
        items: vec![ItemEdit::overwriting(&item)],
        ..CatalogEdits::default()
    };
    store.save_edits(&merchant(), edits, TokioRuntime.now()).await.unwrap();
}

/// What a host holds of the POS's articles and of their stock, whatever it calls them.
async fn held(store: &dyn Store) -> Vec<String> {
    let items = store.items(&merchant(), Select::Page(Page::first(1_000))).await.unwrap();
    let article = |id: &ItemId| {
        items.iter().find(|item| item.record.id == *id).and_then(|item| item.external_ids.mpluskassa)
    };
    let told = items.iter().map(|item| {
        let (record, article) = (&item.record, item.external_ids.mpluskassa);
        format!(
            "{article:?} {} {:?} {:?} {}",
            record.name, record.price, record.location_prices, record.active
        )
    });
    let mut lines: Vec<String> = told.collect();
    for location in store.locations(&merchant(), Select::Page(Page::first(100))).await.unwrap() {
        let id = location.record.id;
        let levels = store.levels(&merchant(), &id, Page::first(1_000)).await.unwrap();
        lines
            .extend(levels.iter().map(|level| format!("{id:?} {:?} {}", article(&level.item), level.amount)));
    }
    lines.sort();
    lines
}

/// What each of the processes does; started by the tests above.
#[tokio::test]
#[ignore = "a part of the tests above"]
async fn one_sync() {
    let (Ok(pos), Ok(store)) = (std::env::var(POS), std::env::var(STORE)) else { return };
    let mut limits = RunLimits::default();
    (limits.chunk, limits.stock_chunk) = (10, 10);
    let host = host(&pos, store_at(&store).await).await.with_limits(limits).named("kitchen");
    let integration = Integration::open(host, merchant()).await.unwrap();
    let report = integration.sync(&RunOptions::manual()).await;
    let is_done = |outcome: &RunOutcome| *outcome == RunOutcome::Completed;
    assert!(is_done(&report.menu.outcome), "{}", report.menu);
    assert!(report.stock.as_ref().is_some_and(|stock| is_done(&stock.outcome)), "{:?}", report.stock);
    std::process::exit(DONE);
}
