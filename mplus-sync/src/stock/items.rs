//! Which item each article is.

use std::collections::{BTreeSet, HashMap};

use crate::model::{ArticleNumber, ConnectionId, Item, ItemId, Tracked};
use crate::store::{CatalogStore, Select, StoreError};

/// How many articles are remembered; looking one up again is cheap enough.
const REMEMBERED: usize = 100_000;

/// Which item each article is: asked of the store once, shared by the branches of a run.
#[derive(Debug, Default)]
pub(super) struct ItemsByArticle {
    known: HashMap<ArticleNumber, Option<ItemId>>,
    /// Whether items keep stock, as far as it was asked.
    tracking: HashMap<ItemId, bool>,
}

impl ItemsByArticle {
    /// Makes sure that these are known.
    pub(super) async fn load(
        &mut self,
        store: &dyn CatalogStore,
        connection: &ConnectionId,
        articles: impl Iterator<Item = ArticleNumber>,
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<_> = articles.filter(|article| !self.known.contains_key(article)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable();
        wanted.dedup();
        if self.known.len() + wanted.len() > REMEMBERED {
            self.known.clear();
            self.tracking.clear();
        }
        let items = store.items_of_articles(connection, &wanted).await?;
        self.known.extend(wanted.into_iter().map(|article| (article, None)));
        self.known.extend(items.into_iter().map(|(article, item)| (article, Some(item))));
        Ok(())
    }

    /// The item of an article that was loaded.
    pub(super) fn get(&self, article: ArticleNumber) -> Option<&ItemId> {
        self.known.get(&article)?.as_ref()
    }

    /// Makes sure that it is known of these whether they keep stock. Their items were loaded.
    pub(super) async fn load_tracking(
        &mut self,
        store: &dyn CatalogStore,
        connection: &ConnectionId,
        articles: impl Iterator<Item = ArticleNumber>,
    ) -> Result<(), StoreError> {
        let items: BTreeSet<ItemId> = articles
            .filter_map(|article| self.get(article))
            .filter(|item| !self.tracking.contains_key(*item))
            .cloned()
            .collect();
        if items.is_empty() {
            return Ok(());
        }
        let read = store.items(connection, Select::Ids(items.into_iter().collect())).await?;
        self.tracking.extend(read.into_iter().map(|item| (item.record.id.clone(), may_keep_stock(&item))));
        Ok(())
    }

    /// Whether an item is known to keep no stock.
    pub(super) fn keeps_no_stock(&self, item: &ItemId) -> bool {
        self.tracking.get(item) == Some(&false)
    }
}

/// Whether an item keeps stock, as far as the POS has told. Of one that was pushed just now it tells with the next pull, and
/// its level is read then.
fn may_keep_stock(item: &Tracked<Item>) -> bool {
    let sync = &item.sync;
    let was_just_pushed = sync.pushed.is_some() && (sync.pulled.is_none() || sync.pulled == sync.pushed);
    item.record.stock_tracked.unwrap_or(!was_just_pushed)
}
