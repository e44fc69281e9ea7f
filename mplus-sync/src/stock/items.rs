//! Which item each article is.

use std::collections::HashMap;

use crate::model::{ArticleNumber, ConnectionId, ItemId};
use crate::store::{CatalogStore, StoreError};

/// How many articles are remembered; looking one up again is cheap enough.
const REMEMBERED: usize = 100_000;

/// Which item each article is: asked of the store once, shared by the branches of a run.
#[derive(Debug, Default)]
pub(super) struct ItemsByArticle {
    known: HashMap<ArticleNumber, Option<ItemId>>,
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
}
