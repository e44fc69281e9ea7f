//! The menu sync against writing the same rows by hand.
//!
//! `cargo bench -p mplus-benches --bench menu` prints everything; with `MPLUS_TEST_POSTGRES` set, Postgres too. One part
//! alone: `... --bench menu -- sqlite`, or `incremental`, `memory`, `growth`, `postgres`.
//!
//! * *By hand*: the finished rows (keys, JSON, sync state) are in memory, and prepared statements insert them into the
//!   same tables, in one transaction for as many articles as a page of the sync has. Nothing is read, decoded, compared.
//! * *Sync*: `Integration::sync_menu` with an empty store: sends the requests, decodes the POS's answers, maps, compares
//!   with what is stored, writes. The answers were made beforehand and come from memory; a second figure has the test
//!   POS make them in the same process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::env;
use std::error::Error;
use std::process::Command;
use std::sync::Arc;

use mplus_benches::figure::{self, Target};
use mplus_benches::ratio::{self, Way};
use mplus_benches::recorded::Recorded;
use mplus_examples::memory::peak_mib;
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::transport::Transport;
use mplus_qapi::value::Decimal;
use mplus_qapi::{Client, Credentials, Endpoint};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{Environment, Resource};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{self, MemoryVault, PostgresStore, SqliteStore, Store};
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::PostgresSchema;
use mplus_sync::{Host, Integration};
use rusqlite::params;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PRODUCTS: u32 = 20_000;
const SEED: u64 = 7;
const CHANGED: usize = 100;
const ROUNDS: usize = 5;
/// Articles of one page of the sync, and with them half as many products.
const PAGE: usize = 500;
/// Tells this program to sync so many products and print its peak memory.
const MEMORY_OF: &str = "--memory-of";

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == MEMORY_OF) {
        return memory_of(&runtime, arguments.get(at + 1).ok_or("no number of products")?.parse()?);
    }
    let is_asked = |part: &str| {
        let mut parts = arguments.iter().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
        parts.peek().is_none() || parts.any(|asked| asked == part)
    };
    let menu = Menu::new(&runtime)?;
    if is_asked("sqlite") {
        sqlite(&runtime, &menu)?;
    }
    if is_asked("incremental") {
        incremental(&runtime, &menu)?;
    }
    if is_asked("memory") {
        memory()?;
    }
    if is_asked("growth") {
        growing(&runtime)?;
    }
    if is_asked("postgres") {
        match env::var("MPLUS_TEST_POSTGRES") {
            Ok(url) => postgres(&runtime, &menu, &url)?,
            Err(_) => println!("Postgres: skipped, MPLUS_TEST_POSTGRES names no database"),
        }
    }
    Ok(())
}

/// A row of one of the tables.
struct Row {
    id: String,
    pos_key: Option<String>,
    body: String,
    sync: Option<String>,
}

/// The rows that a sync leaves, and the answers that it needs.
struct Menu {
    pos: Pos,
    answers: Recorded,
    categories: Vec<Row>,
    items: Vec<Row>,
}

const CATEGORIES: &str = "mplus_categories";
const ITEMS: &str = "mplus_items";

impl Menu {
    fn new(runtime: &Runtime) -> Outcome<Self> {
        let pos = Pos::generated(PRODUCTS, SEED);
        let answers = Recorded::new(pos.clone());
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("menu.sqlite");
        runtime.block_on(async {
            let store = Arc::new(SqliteStore::open(&path).await?);
            pull(store, answers.clone()).await
        })?;
        let database = rusqlite::Connection::open(&path)?;
        let menu =
            Self { pos, answers, categories: rows(&database, CATEGORIES)?, items: rows(&database, ITEMS)? };
        println!(
            "{} products, {} articles, {} MB of answers; median of {ROUNDS} rounds, the ways taking turns",
            menu.categories.len(),
            menu.items.len(),
            menu.answers.bytes() / 1_000_000
        );
        Ok(menu)
    }

    /// The rows of each transaction, with the name of their table.
    fn transactions(&self) -> impl Iterator<Item = [(&'static str, &[Row]); 2]> {
        let pages = self.items.len().div_ceil(PAGE);
        let products = self.categories.len().div_ceil(pages);
        let mut categories = self.categories.chunks(products);
        self.items
            .chunks(PAGE)
            .map(move |items| [(CATEGORIES, categories.next().unwrap_or_default()), (ITEMS, items)])
    }
}

fn rows(database: &rusqlite::Connection, table: &str) -> Outcome<Vec<Row>> {
    let sql = format!("SELECT id, pos_key, body, sync FROM {table} ORDER BY id");
    let mut statement = database.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Row { id: row.get(0)?, pos_key: row.get(1)?, body: row.get(2)?, sync: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A merchant who has connected and never synced.
async fn connected(store: Arc<dyn Store>, transport: impl Transport + Clone) -> Outcome<Integration> {
    let connector = move |endpoint: Endpoint, credentials: Credentials| {
        Ok(Client::builder(endpoint, credentials, transport.clone(), VirtualRuntime::new(1)).build())
    };
    let host = Host::new(store, Arc::new(MemoryVault::new()), connector, Arc::new(TokioRuntime));
    let new = NewConnection {
        id: "bench".into(),
        name: "Bench".to_owned(),
        host: "pos.example".to_owned(),
        port: 1,
        environment: Environment::Test,
    };
    let credentials =
        store::Credentials { ident: "testkit".to_owned(), secret: "geheim & vertrouwelijk".into() };
    Ok(Integration::connect(host, new, credentials).await?.0)
}

async fn sync(integration: &Integration) -> Outcome<RunReport> {
    let report = integration.sync_menu(&RunOptions::manual()).await;
    match report.outcome == RunOutcome::Completed && report.failures.is_empty() {
        true => Ok(report),
        false => Err(report.to_string().into()),
    }
}

/// A first sync of everything; how many articles came.
async fn pull(store: Arc<dyn Store>, transport: impl Transport + Clone) -> Outcome<u64> {
    let integration = connected(store, transport).await?;
    let report = sync(&integration).await?;
    Ok(report.counts.get(&Resource::ARTICLES).map_or(0, |counts| counts.pulled))
}

fn sqlite(runtime: &Runtime, menu: &Menu) -> Outcome<()> {
    let mut ways: Vec<Way<'_>> = vec![
        ("by hand", Box::new(|| insert_into_sqlite(runtime, menu))),
        ("sync, answers from memory", Box::new(|| pull_into_sqlite(runtime, menu.answers.clone()))),
        ("sync, answers made meanwhile", Box::new(|| pull_into_sqlite(runtime, menu.pos.clone()))),
    ];
    let seconds = ratio::seconds(&mut ways, ROUNDS)?;
    print_rates("SQLite", menu, &ways, &seconds, 0.6)
}

fn print_rates(title: &str, menu: &Menu, ways: &[Way<'_>], seconds: &[f64], target: f64) -> Outcome<()> {
    println!("{title} (to reach: {target} of the rate by hand)");
    for ((name, _), time) in ways.iter().zip(seconds) {
        let rate = menu.items.len() as f64 / time;
        println!("  {name:<30} {time:6.3} s  {rate:7.0} articles/s  {:4.2}", seconds[0] / time);
    }
    let name = format!("menu/first sync into {title}");
    Ok(figure::record(&name, seconds[0] / seconds[1], "x the rate by hand", Target::AtLeast(target))?)
}

fn pull_into_sqlite(runtime: &Runtime, transport: impl Transport + Clone) -> Outcome<usize> {
    let directory = tempfile::tempdir()?;
    let pulled = runtime.block_on(async {
        let store = SqliteStore::open(directory.path().join("menu.sqlite")).await?;
        pull(Arc::new(store), transport).await
    })?;
    Ok(usize::try_from(pulled)?)
}

fn insert_into_sqlite(runtime: &Runtime, menu: &Menu) -> Outcome<usize> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("menu.sqlite");
    // Makes the tables.
    drop(runtime.block_on(SqliteStore::open(&path))?);
    let mut database = rusqlite::Connection::open(&path)?;
    database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    database.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    let mut written = 0;
    for tables in menu.transactions() {
        let transaction = database.transaction()?;
        for (table, rows) in tables {
            let mut insert = transaction.prepare_cached(&format!(
                "INSERT INTO {table} (connection, id, pos_key, body, sync, edited_at, revision) \
                 VALUES ('bench', ?1, ?2, ?3, ?4, NULL, 1)"
            ))?;
            for row in rows {
                written += insert.execute(params![row.id, row.pos_key, row.body, row.sync])?;
            }
        }
        transaction.commit()?;
    }
    Ok(written)
}

/// A sync after a few changes, its answers made meanwhile, against a first sync with answers from memory.
fn incremental(runtime: &Runtime, menu: &Menu) -> Outcome<()> {
    let (mut full, mut few) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir()?;
        let store = Arc::new(runtime.block_on(SqliteStore::open(directory.path().join("menu.sqlite")))?);
        let first = runtime.block_on(connected(store.clone(), menu.answers.clone()))?;
        let (time, report) = ratio::timed(|| runtime.block_on(sync(&first)));
        report?;
        full.push(time);

        let pos = Pos::generated(PRODUCTS, SEED);
        change_articles(&pos, &menu.items)?;
        let second = runtime.block_on(connected(store, pos))?;
        let (time, report) = ratio::timed(|| runtime.block_on(sync(&second)));
        let report = report?;
        let pulled = report.counts.get(&Resource::ARTICLES).map_or(0, |counts| counts.pulled);
        if pulled != CHANGED as u64 {
            return Err(format!("{pulled} articles were pulled: {report}").into());
        }
        few.push(time);
    }
    let (full, few) = (ratio::median(full), ratio::median(few));
    println!("{CHANGED} articles changed (to reach: under 5 % of a full sync)");
    let share = few / full * 100.0;
    println!("  {:.1} ms, {share:.2} % of {full:.3} s", few * 1e3);
    Ok(figure::record("menu/100 changed articles", share, "% of a first sync", Target::Under(5.0))?)
}

/// Changes the prices of articles far from each other.
fn change_articles(pos: &Pos, items: &[Row]) -> Outcome<()> {
    for item in items.iter().step_by(items.len() / CHANGED).take(CHANGED) {
        let number = item.pos_key.as_deref().ok_or("an item without a number")?.parse()?;
        if !pos.set_price(number, Decimal::new(1234, 2)) {
            return Err(format!("the POS has no article {number}").into());
        }
    }
    Ok(())
}

/// The most memory that a process of its own takes for a first sync, in MiB.
fn peak_of(products: u32) -> Outcome<f64> {
    let output = Command::new(env::current_exe()?).args([MEMORY_OF, &products.to_string()]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let told = text.trim().parse();
    told.map_err(|_| format!("no peak memory: {text} {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The memory of a first sync, of a menu and of one five times as large.
fn memory() -> Outcome<()> {
    let (peak, larger) = (peak_of(PRODUCTS)?, peak_of(5 * PRODUCTS)?);
    let more = (larger / peak - 1.0) * 100.0;
    println!("Peak memory of a process with the test POS in it (to reach: under 64 MiB, within 10 %)");
    println!("  {PRODUCTS} products: {peak:.1} MiB");
    println!("  {} products: {larger:.1} MiB, {more:+.1} %", 5 * PRODUCTS);
    figure::record("menu/peak memory", peak, "MiB", Target::Under(64.0))?;
    Ok(figure::record("menu/peak memory, five times the products", more, "% more", Target::Under(10.0))?)
}

/// The time of a first sync, and the memory of a process that does nothing else, against the size of the menu.
fn growing(runtime: &Runtime) -> Outcome<()> {
    println!("First sync by the size of the menu, the test POS making its answers in the same process");
    for products in [100, 1_000, 10_000, 100_000] {
        let pos = Pos::generated(products, SEED);
        let (time, pulled) = ratio::timed(|| pull_into_sqlite(runtime, pos));
        pulled?;
        let peak = peak_of(products)?;
        println!("  {products:6} products: {time:7.3} s, {peak:5.1} MiB at most");
        figure::record(&format!("growth/first sync/{products} products"), time, "s", Target::Told)?;
        let name = format!("growth/peak memory of a first sync/{products} products");
        figure::record(&name, peak, "MiB", Target::Told)?;
    }
    Ok(())
}

fn memory_of(runtime: &Runtime, products: u32) -> Outcome<()> {
    pull_into_sqlite(runtime, Pos::generated(products, SEED))?;
    println!("{}", peak_mib().ok_or("this system does not tell")?);
    Ok(())
}

fn postgres(runtime: &Runtime, menu: &Menu, url: &str) -> Outcome<()> {
    let from_memory = || runtime.block_on(pull_into_postgres(url, menu.answers.clone()));
    let made_meanwhile = || runtime.block_on(pull_into_postgres(url, menu.pos.clone()));
    let mut ways: Vec<Way<'_>> = vec![
        ("by hand", Box::new(|| runtime.block_on(insert_into_postgres(url, menu)))),
        ("sync, answers from memory", Box::new(from_memory)),
        ("sync, answers made meanwhile", Box::new(made_meanwhile)),
    ];
    let seconds = ratio::seconds(&mut ways, ROUNDS)?;
    print_rates("Postgres", menu, &ways, &seconds, 0.5)
}

async fn pull_into_postgres(url: &str, transport: impl Transport + Clone) -> Outcome<usize> {
    let schema = PostgresSchema::create(url).await?;
    let store = PostgresStore::connect(schema.url()).await?;
    let pulled = pull(Arc::new(store), transport).await?;
    schema.drop().await?;
    Ok(usize::try_from(pulled)?)
}

async fn insert_into_postgres(url: &str, menu: &Menu) -> Outcome<usize> {
    let schema = PostgresSchema::create(url).await?;
    // Makes the tables.
    drop(PostgresStore::connect(schema.url()).await?);
    let (mut database, connection) = tokio_postgres::connect(schema.url(), NoTls).await?;
    tokio::spawn(connection);
    let mut statements = HashMap::new();
    let mut written = 0;
    for tables in menu.transactions() {
        let transaction = database.transaction().await?;
        for (table, rows) in tables.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let statement = match statements.entry((table, rows.len())) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(transaction.prepare(&multi_row(table, rows.len())).await?),
            };
            let values = rows.iter().flat_map(|row| -> [&(dyn ToSql + Sync); 4] {
                [&row.id, &row.pos_key, &row.body, &row.sync]
            });
            written += transaction.execute(&*statement, &values.collect::<Vec<_>>()).await?;
        }
        transaction.commit().await?;
    }
    schema.drop().await?;
    Ok(usize::try_from(written)?)
}

fn multi_row(table: &str, rows: usize) -> String {
    let row = |at: usize| {
        let (id, key, body, sync) = (4 * at + 1, 4 * at + 2, 4 * at + 3, 4 * at + 4);
        format!("('bench', ${id}, ${key}, ${body}, ${sync}, NULL, 1)")
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO {table} (connection, id, pos_key, body, sync, edited_at, revision) VALUES {}",
        rows.join(", ")
    )
}
