//! The menu into SQLite: everything first, then what changed, then an edit of the host back to the POS.
//!
//! Talks to a POS in memory. With `--url`, or `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET` set, to another one,
//! and pushes nothing.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::{ending, merchant::Pos};
use mplus_sync::Integration;
use mplus_sync::media::FsMediaStore;
use mplus_sync::model::ItemEdit;
use mplus_sync::progress::Progress;
use mplus_sync::store::{CatalogEdits, CatalogStore, MemoryVault, Page, Select, SqliteStore};
use mplus_sync::sync::RunOptions;
use rust_decimal::Decimal;

/// Syncs the menu into SQLite: everything first, then what changed, then an edit of the host back to the POS.
///
/// Talks to a POS in memory, unless flags or the environment name one: the test POS as the binary `pos` plays it, or a real one,
/// to which nothing is pushed.
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
    let pictures =
        Arc::new(FsMediaStore::new(directory.path().join("pictures"), "https://bistro.example/pictures"));
    let host = pos.host(store.clone(), Arc::new(MemoryVault::new())).with_media(pictures);
    let (integration, _) = Integration::connect(host, pos.connection("bistro")?, pos.credentials()?)
        .await
        .map_err(|error| pos.failed(&error))?;

    let options = RunOptions::manual().with_progress(|progress: &Progress| eprintln!("{progress}"));
    println!("The first sync brings the whole menu.");
    println!("{}", integration.sync_menu(&options).await);
    println!("Nothing has changed since: three requests, no writes.");
    println!("{}", integration.sync_menu(&options).await);

    if pos.is_in_memory() {
        let connection = integration.connection_id();
        let mut items = store.items(connection, Select::Page(Page::first(1))).await?;
        let Some(item) = items.pop().map(|item| item.record) else { return Ok(()) };
        let dearer = ItemEdit::of(item.id).price(item.price.unwrap_or_default() + Decimal::ONE);
        println!("The host makes {} a euro dearer; the next sync tells the POS.", item.name);
        let edits = CatalogEdits { items: vec![dearer], ..CatalogEdits::default() };
        store.save_edits(connection, edits, integration.runtime().now()).await?;
        println!("{}", integration.sync_menu(&options).await);
    }
    Ok(())
}
