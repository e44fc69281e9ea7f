//! Stock of every branch into SQLite: everything first, then what changed.
//!
//! Talks to a POS in memory. With `--url`, or `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET` set, to another one.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::{ending, merchant::Pos};
use mplus_sync::Integration;
use mplus_sync::cancel::CancelToken;
use mplus_sync::stock::StockOptions;
use mplus_sync::store::{LocationStore, MemoryVault, Page, Select, SqliteStore, StockStore};
use mplus_sync::sync::RunOptions;

/// Pulls the stock of every branch into SQLite: everything first, then what changed.
///
/// Talks to a POS in memory, unless flags or the environment name one: the test POS as the binary `pos` plays it, or a real one.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    pos: Pos,
}

#[tokio::main]
async fn main() -> ExitCode {
    ending::of(sync(Options::parse().pos).await)
}

async fn sync(pos: Pos) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path().join("bistro.sqlite")).await?);
    let host = pos.host(store.clone(), Arc::new(MemoryVault::new()));
    let (integration, _) = Integration::connect(host, pos.connection("bistro")?, pos.credentials()?)
        .await
        .map_err(|error| pos.failed(&error))?;
    // Stock is kept of items, which a menu sync links with their articles.
    integration.sync_menu(&RunOptions::manual()).await;

    let stock = integration.stock();
    println!("{}", stock.pull(&StockOptions::default(), &CancelToken::new()).await);
    println!(
        "Again, for what changed since:\n{}",
        stock.pull(&StockOptions::default(), &CancelToken::new()).await
    );

    let connection = integration.connection_id();
    for location in store.locations(connection, Select::Page(Page::first(10))).await? {
        println!("{}", location.record.name);
        for level in store.levels(connection, &location.record.id, Page::first(5)).await? {
            println!("  {:<24} {}", level.item, level.amount);
        }
    }
    Ok(())
}
