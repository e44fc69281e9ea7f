//! Products and articles with their sync markers: a base that may be computed, and what was changed since.

mod article;
mod generated;

use std::{collections::BTreeMap, sync::Arc};

pub(super) use self::{article::*, generated::Generated};
use crate::products::{Article, Product};

/// Markers that follow each other and belong to articles of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) product: i64,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// All products. Cheap to clone: what is computed is not held, what was changed is shared.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    base: Generated,
    changed: BTreeMap<i64, Arc<Product>>,
    /// Markers of changed products.
    markers: BTreeMap<i64, i64>,
    /// Products of the markers of their articles, for those that were changed.
    article_markers: BTreeMap<i64, i64>,
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
            article_markers: BTreeMap::new(),
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

    /// The markers from `marker` on with the products of their articles, in the order of the markers. Markers of one
    /// product without another's between them are one run.
    pub(super) fn runs_since(self: &Arc<Self>, marker: i64) -> impl Iterator<Item = Run> + Send + use<> {
        let catalogue = Arc::clone(self);
        let base = self.base;
        let mut computed = base
            .numbers_since(marker)
            .filter(move |number| !catalogue.changed.contains_key(number))
            .map(move |product| base.run(product))
            .peekable();
        let single =
            |(marker, product): (&i64, &i64)| Run { product: *product, first: *marker, last: *marker };
        let changed: Vec<Run> = self.article_markers.range(marker..).map(single).collect();
        let mut changed = changed.into_iter().peekable();
        let mut sorted = std::iter::from_fn(move || match (computed.peek(), changed.peek()) {
            (Some(one), Some(other)) if other.first < one.first => changed.next(),
            (Some(_), _) => computed.next(),
            (None, _) => changed.next(),
        })
        .peekable();
        std::iter::from_fn(move || {
            let mut run = sorted.next()?;
            while let Some(next) = sorted.next_if(|next| next.product == run.product) {
                run.last = next.last;
            }
            Some(run)
        })
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
            for marker in before.article_list.iter().filter_map(|article| article.sync_marker) {
                self.article_markers.remove(&marker);
            }
        }
        for article in &product.article_list {
            let Some(article_number) = article.article_number else { continue };
            self.owners.insert(article_number, number);
            self.next_article = self.next_article.max(article_number + 1);
            self.article_markers.insert(article.sync_marker.unwrap_or_default(), number);
        }
        self.next_product = self.next_product.max(number + 1);
        self.markers.insert(product.sync_marker.unwrap_or_default(), number);
        self.changed.insert(number, Arc::new(product));
    }

    /// Takes an article out of its product, which keeps its marker.
    pub(super) fn remove_article(&mut self, number: i64) -> Option<Article> {
        let mut product = Arc::unwrap_or_clone(self.product_of(number)?);
        let at = product.article_list.iter().position(|article| article.article_number == Some(number))?;
        let mut articles = std::mem::take(&mut product.article_list).into_vec();
        let article = articles.remove(at);
        product.article_list = articles.into();
        self.put(product);
        self.owners.remove(&number);
        if let Some(marker) = article.sync_marker {
            self.article_markers.remove(&marker);
        }
        Some(article)
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
