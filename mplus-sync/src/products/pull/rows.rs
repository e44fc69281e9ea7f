//! A page taken apart: every product and article once.

use std::collections::{BTreeMap, BTreeSet};

use mplus_qapi::products::{Article, Product};

use crate::model::Resource;
use crate::report::{Note, Subject};

/// A page's products and articles by number. They stay where they are in the page: an article is too large to be moved.
pub(super) struct Rows {
    page: Vec<Product>,
    products: BTreeMap<i64, usize>,
    /// The places of product and article.
    articles: BTreeMap<i64, (usize, usize)>,
    /// What a person should look at.
    pub(super) oddities: Vec<Note>,
}

impl Rows {
    /// Takes a page apart. Of a number that comes twice the newer one counts; that is odd.
    pub(super) fn of(page: Vec<Product>) -> Self {
        let (products, articles) = (BTreeMap::new(), BTreeMap::new());
        let mut rows = Self { page, products, articles, oddities: Vec::new() };
        let mut twice = BTreeSet::new();
        for (at, product) in rows.page.iter().enumerate() {
            for (place, article) in product.article_list.iter().enumerate() {
                let Some(number) = article.article_number else {
                    let name = article.description.as_deref().unwrap_or_default();
                    let subject = Subject::new(name, "article without a number");
                    let advice = "Have the article looked at in the POS";
                    rows.oddities.push(Note::about(
                        Resource::ARTICLES,
                        subject,
                        "the article has no number",
                        advice,
                    ));
                    continue;
                };
                let known = rows.articles.get(&number).map(|(of, place)| {
                    let product = &rows.page[*of];
                    (product.product_number, product.article_list[*place].sync_marker)
                });
                if known
                    .is_some_and(|(of, marker)| of != product.product_number && marker == article.sync_marker)
                {
                    twice.insert(number);
                }
                if known.is_none_or(|(_, marker)| marker <= article.sync_marker) {
                    rows.articles.insert(number, (at, place));
                }
            }
            if let Some(number) = product.product_number {
                let known = rows.products.get(&number).map(|known| rows.page[*known].sync_marker);
                if known.is_none_or(|marker| marker <= product.sync_marker) {
                    rows.products.insert(number, at);
                }
            }
        }
        for number in twice {
            let name = rows.article(number).and_then(|article| article.description.as_deref());
            let subject = Subject::new(name.unwrap_or_default(), format!("article {number}"));
            let message = "the article number is there in two products; the last one counts";
            let advice = "Give the articles numbers of their own in the POS";
            rows.oddities.push(Note::about(Resource::ARTICLES, subject, message, advice));
        }
        rows
    }

    /// Products in the order of their numbers.
    pub(super) fn products(&self) -> impl Iterator<Item = (i64, &Product)> {
        self.products.iter().map(|(number, at)| (*number, &self.page[*at]))
    }

    /// Articles in the order of their numbers, each with its product's number.
    pub(super) fn articles(&self) -> impl Iterator<Item = (i64, &Article, Option<i64>)> {
        self.articles.iter().map(|(number, (at, place))| {
            let product = &self.page[*at];
            (*number, &product.article_list[*place], product.product_number)
        })
    }

    pub(super) fn article(&self, number: i64) -> Option<&Article> {
        let (at, place) = self.articles.get(&number)?;
        Some(&self.page[*at].article_list[*place])
    }

    pub(super) fn article_count(&self) -> usize {
        self.articles.len()
    }
}
