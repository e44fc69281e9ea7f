//! A pull of 40,000 articles in three branches into SQLite, against the upsert of the same rows written by hand.
//!
//! `cargo bench -p mplus-benches --bench stock`
//!
//! The POS's answers are recorded beforehand and come in pieces of 64 KiB without a socket, so that what is measured is
//! the library: reading the answers, finding the items, writing the levels. The hand-written side has its rows in memory
//! and does nothing but write them: one prepared statement, a transaction for each branch, the same table and settings.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use mplus_benches::figure::{self, Target};
use mplus_benches::memory::growth;
use mplus_benches::ratio::{Way, seconds};
use mplus_qapi::soap::write_document;
use mplus_qapi::stock::{ArticleStock, GetStockResponse};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::value::SoapMplusDateTime;
use mplus_qapi::{Client, Credentials, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::merchant::Merchant;
use mplus_sync::model::{ArticleNumber, BranchNumber, ConnectionId, Item, Location, Tracked};
use mplus_sync::report::{RunOutcome, Scope};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::stock::{StockOptions, StockService};
use mplus_sync::store::{CatalogChunk, CatalogStore, LocationStore, Page, SqliteStore, StockStore};
use rusqlite::{Connection, params};
use rust_decimal::Decimal;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ARTICLES: i64 = 40_000;
const BRANCHES: i32 = 3;
const ROUNDS: usize = 9;
const PIECE: usize = 64 << 10;

fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pulled = runtime.block_on(Pulled::new(&directory.path().join("pulled.sqlite"), ARTICLES))?;
    let written = Written::new(&directory.path().join("written.sqlite"), &runtime)?;
    let mut ways: Vec<Way<'_>> = vec![
        ("pull", Box::new(|| runtime.block_on(pulled.pull()))),
        ("by hand", Box::new(|| written.upsert())),
        ("answers", Box::new(|| Ok(runtime.block_on(pulled.pos.drain())))),
    ];
    let rows = (ARTICLES * i64::from(BRANCHES)) as usize;
    if ways[0].1()? != rows || ways[1].1()? != rows {
        return Err("not all levels were written".into());
    }
    let times = seconds(&mut ways, ROUNDS)?;
    drop(ways);
    println!(
        "{rows} levels: pulled in {:.2} s, written by hand in {:.2} s, {:.2} of its speed (to reach: 0.6); handing over \
         {:.0} MiB of recorded answers takes {:.3} s of the pull",
        times[0],
        times[1],
        times[1] / times[0],
        pulled.pos.mebibytes(),
        times[2],
    );
    figure::record(
        "stock/pull into SQLite",
        times[1] / times[0],
        "x the speed by hand",
        Target::AtLeast(0.6),
    )?;
    drop(pulled);
    for articles in [ARTICLES / 10, ARTICLES] {
        let file = directory.path().join(format!("memory-{articles}.sqlite"));
        let pulled = runtime.block_on(Pulled::new(&file, articles))?;
        let (count, grown) = growth(|| runtime.block_on(pulled.pull()));
        let count = count?;
        if let Some(grown) = grown {
            figure::record(
                &format!("growth/memory of a stock pull/{count} levels"),
                grown,
                "MiB",
                Target::Told,
            )?;
        }
        let grown = grown.map_or("unknown".to_owned(), |mebibytes| format!("{mebibytes:.1} MiB"));
        println!("{count} levels: the process grows by {grown} at most");
    }
    Ok(())
}

fn item_id(article: i64) -> String {
    format!("mpluskassa-{article}")
}

fn location_id(branch: i32) -> String {
    format!("mpluskassa-{branch}")
}

fn merchant() -> ConnectionId {
    ConnectionId::from("merchant")
}

/// A store with the menu, and a POS that answers from a record.
struct Pulled {
    store: Arc<SqliteStore>,
    service: StockService,
    pos: Recorded,
}

impl Pulled {
    async fn new(file: &Path, articles: i64) -> Outcome<Self> {
        let store = Arc::new(SqliteStore::open(file).await?);
        let numbers: Vec<i64> = (1..=articles).collect();
        for chunk in numbers.chunks(1_000) {
            let item = |article: &i64| {
                let mut item = Item::new(item_id(*article), format!("Artikel {article}"));
                item.stock_tracked = Some(true);
                Tracked::new(item).linked(ArticleNumber::new(*article))
            };
            let items = chunk.iter().map(item).collect();
            store.apply(&merchant(), CatalogChunk { items, ..CatalogChunk::default() }).await?;
        }
        let locations = (1..=BRANCHES).map(|branch| {
            let location = Location::new(location_id(branch), format!("Filiaal {branch}"));
            Tracked::new(location).linked(BranchNumber::new(branch))
        });
        store.apply_locations(&merchant(), locations.collect()).await?;
        let pos = Recorded::new(articles)?;
        let client = Client::builder(
            Endpoint::new("pos.invalid", 1)?,
            Credentials::new("ident", "secret"),
            pos.clone(),
            mplus_qapi::TokioRuntime,
        );
        let merchant = Merchant::new(client.build(), merchant(), store.clone(), Arc::new(TokioRuntime));
        let service = StockService::new(&merchant.worked_by("this process"));
        Ok(Self { store, service, pos })
    }

    /// Pulls everything; how many levels were written.
    async fn pull(&self) -> Outcome<usize> {
        let mut options = StockOptions::default();
        options.scope = Scope::Full;
        let report = self.service.pull(&options, &CancelToken::new()).await;
        if report.outcome != RunOutcome::Completed || !report.failures.is_empty() {
            return Err(report.to_string().into());
        }
        let last =
            self.store.levels(&merchant(), &location_id(BRANCHES).as_str().into(), Page::first(1)).await?;
        assert_eq!(last.len(), 1, "the last branch has levels");
        Ok(report.counts.values().map(|counts| counts.pulled as usize).sum())
    }
}

/// Answers each `getStock` with what was recorded for its branch.
#[derive(Debug, Clone)]
struct Recorded {
    answers: Arc<Vec<Bytes>>,
}

impl Recorded {
    fn new(articles: i64) -> Outcome<Self> {
        let answer = |branch| {
            let article_stocks = (1..=articles).map(|article| level(article, branch)).collect();
            let text = write_document("GetStockResponse", &GetStockResponse { article_stocks })?;
            Ok(Bytes::from(text))
        };
        Ok(Self { answers: Arc::new((1..=BRANCHES).map(answer).collect::<Outcome<_>>()?) })
    }

    fn pieces(&self, branch: usize) -> Body {
        let answer = self.answers.get(branch - 1).cloned().unwrap_or_default();
        let starts = (0..answer.len()).step_by(PIECE);
        Body::from_stream(stream::iter(
            starts.map(move |at| Ok(answer.slice(at..answer.len().min(at + PIECE)))),
        ))
    }

    /// Takes all answers and does nothing with them.
    async fn drain(&self) -> usize {
        let mut bytes = 0;
        for branch in 1..=self.answers.len() {
            let mut body = self.pieces(branch);
            while let Some(Ok(piece)) = body.next().await {
                bytes += piece.len();
            }
        }
        bytes
    }

    fn mebibytes(&self) -> f64 {
        self.answers.iter().map(Bytes::len).sum::<usize>() as f64 / f64::from(1 << 20)
    }
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let text = String::from_utf8_lossy(request.body());
        let number = text.split_once("branchNumber>").and_then(|(_, rest)| rest.split_once('<'));
        let branch = number.and_then(|(number, _)| number.parse().ok()).unwrap_or(1);
        Ok(http::Response::new(self.pieces(branch)))
    }
}

fn amount(article: i64, branch: i32) -> Decimal {
    Decimal::new(article * 7 % 20_000 + i64::from(branch), (article % 4) as u32)
}

fn changed() -> SoapMplusDateTime {
    SoapMplusDateTime { day: 1, mon: 6, year: 2026, hour: 12, ..SoapMplusDateTime::default() }
}

fn level(article: i64, branch: i32) -> ArticleStock {
    ArticleStock {
        branch_number: Some(branch),
        article_number: article,
        change_timestamp: Some(changed()),
        stock_id: article * 3 + i64::from(branch),
        amount_free: amount(article, branch),
        amount_reserved: Decimal::ZERO,
        amount_incoming: Decimal::ZERO,
        own_amount_free: Some(amount(article, branch).into()),
        own_amount_reserved: Some(Decimal::ZERO.into()),
        own_amount_incoming: Some(Decimal::ZERO.into()),
        sub_article: Vec::new(),
        is_day_stock_article: article % 9 == 0,
    }
}

/// The same rows in memory, and a connection to a file with the same table.
struct Written {
    connection: std::cell::RefCell<Connection>,
    branches: Vec<Vec<Row>>,
}

struct Row {
    location: String,
    item: String,
    amount: String,
    day_stock: bool,
    changed_at: i64,
}

impl Written {
    fn new(file: &Path, runtime: &tokio::runtime::Runtime) -> Outcome<Self> {
        // Makes the tables.
        runtime.block_on(SqliteStore::open(file))?;
        let connection = Connection::open(file)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.pragma_update(None, "cache_size", -32_768)?;
        let changed: DateTime<Utc> = "2026-06-01T10:00:00Z".parse()?;
        let branch = |branch| {
            let mut rows: Vec<Row> = (1..=ARTICLES)
                .map(|article| Row {
                    location: location_id(branch),
                    item: item_id(article),
                    amount: amount(article, branch).to_string(),
                    day_stock: article % 9 == 0,
                    changed_at: changed.timestamp_micros(),
                })
                .collect();
            // As a hand would: in the order of the key.
            rows.sort_by(|a, b| a.item.cmp(&b.item));
            rows
        };
        Ok(Self { connection: connection.into(), branches: (1..=BRANCHES).map(branch).collect() })
    }

    fn upsert(&self) -> Outcome<usize> {
        let mut connection = self.connection.borrow_mut();
        let mut written = 0;
        for rows in &self.branches {
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare_cached(
                "INSERT INTO mplus_inventory_levels (connection, location, item, amount, day_stock, changed_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (connection, location, item) DO UPDATE SET \
                 amount = excluded.amount, day_stock = excluded.day_stock, changed_at = excluded.changed_at",
            )?;
            for row in rows {
                written += statement.execute(params![
                    "merchant",
                    row.location,
                    row.item,
                    row.amount,
                    row.day_stock,
                    row.changed_at
                ])?;
            }
            drop(statement);
            transaction.commit()?;
        }
        Ok(written)
    }
}
