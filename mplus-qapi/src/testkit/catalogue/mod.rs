//! Products and articles with their sync markers: a base that may be computed, and what was changed since.

mod article;
mod generated;

use std::{collections::BTreeMap, sync::Arc};

pub(super) use self::{article::*, generated::Generated};
use crate::products::{Article, Product};

/// All products. Cheap to clone: what is computed is not held, what was changed is shared.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    base: Generated,
    changed: BTreeMap<i64, Arc<Product>>,
    /// Markers of changed products.
    markers: BTreeMap<i64, i64>,
    /// Products of changed articles.
    owners: BTreeMap<i64, i64>,
    marker: i64,
    next_product: i64,
    next_article: i64,
}

impl Catalogue {
    pub(super) fn new(base: Generated) -> Self {
        Self {
            base,
            changed: BTreeMap::new(),
            markers: BTreeMap::new(),
            owners: BTreeMap::new(),
            marker: base.last_marker(),
            next_product: base.next_product(),
            next_article: base.next_article(),
        }
    }

    /// The highest sync marker given out.
    pub(super) fn marker(&self) -> i64 {
        self.marker
    }

    pub(super) fn product(&self, number: i64) -> Option<Arc<Product>> {
        let changed = self.changed.get(&number).cloned();
        changed.or_else(|| self.base.product(number).map(Arc::new))
    }

    pub(super) fn product_of(&self, article: i64) -> Option<Arc<Product>> {
        match self.owners.get(&article) {
            Some(number) => self.product(*number),
            None => {
                let product = self.product(self.base.product_of(article)?)?;
                product
                    .article_list
                    .iter()
                    .any(|held| held.article_number == Some(article))
                    .then_some(product)
            }
        }
    }

    pub(super) fn article(&self, number: i64) -> Option<Article> {
        let product = self.product_of(number)?;
        product.article_list.iter().find(|article| article.article_number == Some(number)).cloned()
    }

    /// Numbers of the products that changed at `marker` or later, by marker.
    pub(super) fn since(self: &Arc<Self>, marker: i64) -> impl Iterator<Item = i64> + Send + use<> {
        let catalogue = Arc::clone(self);
        let later: Vec<i64> = self.markers.range(marker..).map(|(_, number)| *number).collect();
        let untouched =
            self.base.numbers_since(marker).filter(move |number| !catalogue.changed.contains_key(number));
        untouched.chain(later)
    }

    /// A number for a new product, and one for a new article.
    pub(super) fn new_product_number(&mut self) -> i64 {
        self.next_product += 1;
        self.next_product - 1
    }

    pub(super) fn new_article_number(&mut self) -> i64 {
        self.next_article += 1;
        self.next_article - 1
    }

    /// The next sync marker.
    pub(super) fn next_marker(&mut self) -> i64 {
        self.marker += 1;
        self.marker
    }

    /// Keeps a product whose numbers and markers are set.
    pub(super) fn put(&mut self, product: Product) {
        let Some(number) = product.product_number else { return };
        if let Some(before) = self.changed.get(&number) {
            self.markers.remove(&before.sync_marker.unwrap_or_default());
        }
        for article in product.article_list.iter().filter_map(|article| article.article_number) {
            self.owners.insert(article, number);
            self.next_article = self.next_article.max(article + 1);
        }
        self.next_product = self.next_product.max(number + 1);
        self.markers.insert(product.sync_marker.unwrap_or_default(), number);
        self.changed.insert(number, Arc::new(product));
    }

    /// Changes one article, with a new marker.
    pub(super) fn change_article(&mut self, number: i64, change: impl FnOnce(&mut Article)) -> bool {
        let Some(product) = self.product_of(number) else { return false };
        let mut product = Arc::unwrap_or_clone(product);
        let marker = self.next_marker();
        for article in
            product.article_list.iter_mut().filter(|article| article.article_number == Some(number))
        {
            article.sync_marker = Some(marker);
        }
        if let Some(article) =
            product.article_list.iter_mut().find(|article| article.article_number == Some(number))
        {
            change(article);
        }
        product.sync_marker = Some(marker);
        self.put(product);
        true
    }

    /// Numbers of the articles that keep stock, with what the base says is there.
    pub(super) fn computed_stock(&self) -> impl Iterator<Item = (i64, i64)> + Send + use<> {
        self.base.stock()
    }

    pub(super) fn computed_stock_of(&self, article: i64) -> Option<i64> {
        self.base.stock_of(article)
    }
}
