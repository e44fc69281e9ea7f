//! Stock of every branch into SQLite: everything first, then what changed.

use std::error::Error;
use std::sync::Arc;

use mplus_qapi::testkit::Pos;
use mplus_sync::cancel::CancelToken;
use mplus_sync::model::{ArticleNumber, BranchNumber, ConnectionId, Item, Location, Tracked};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::stock::{StockOptions, StockService};
use mplus_sync::store::{CatalogChunk, CatalogStore, LocationStore, Page, SqliteStore, StockStore};
use rust_decimal::Decimal;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // What a menu sync and a branch sync would have stored: items and a location with their numbers at the POS.
    let pos = Pos::brasserie();
    let connection = ConnectionId::from("bistro");
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path().join("bistro.sqlite")).await?);
    let mut items = Vec::new();
    for name in ["Coca-Cola", "Witbier", "Croissant"] {
        let article = pos.article_number(name).ok_or("the brasserie does not sell it")?;
        items.push(Tracked::new(Item::new(name, name)).linked(ArticleNumber::new(article)));
    }
    store.apply(&connection, CatalogChunk { items, ..CatalogChunk::default() }).await?;
    let location = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
    store.apply_locations(&connection, vec![location]).await?;

    let stock = StockService::new(
        pos.client(),
        connection.clone(),
        store.clone(),
        Arc::new(TokioRuntime),
        "this process".into(),
    );
    let cancel = CancelToken::new();
    println!("{}", stock.pull(&StockOptions::default(), &cancel).await);

    // Ten colas are sold at the till; the next pull brings that and nothing else.
    let cola = pos.article_number("Coca-Cola").ok_or("no cola")?;
    pos.set_stock(1, cola, Decimal::from(134));
    println!("{}", stock.pull(&StockOptions::default(), &cancel).await);

    for level in store.levels(&connection, &"city".into(), Page::first(10)).await? {
        println!("{:<12} {}", level.item, level.amount);
    }
    Ok(())
}
