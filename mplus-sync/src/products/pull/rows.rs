//! A page taken apart: every product and article once.

use std::collections::{BTreeMap, BTreeSet};

use mplus_qapi::products::{Article, Product};
use mplus_qapi::soap::Unreadable;

use crate::model::Resource;
use crate::products::ask::is_needless;
use crate::report::{Note, Subject};

/// A page's products and articles by number. They stay where they are in the page: an article is too large to be moved.
pub(super) struct Rows {
    page: Vec<Product>,
    products: BTreeMap<i64, usize>,
    /// The places of product and article.
    articles: BTreeMap<i64, (usize, usize)>,
    /// Articles that are there and cannot be read: they stay as they are.
    unread: BTreeSet<i64>,
    /// Whether an article is there of which not even the number can be read.
    pub(super) has_nameless: bool,
    /// What a person should look at.
    pub(super) oddities: Vec<Note>,
}

impl Rows {
    /// Takes a page apart. Of a number that comes twice the newer one counts; that is odd. An article of which a value could
    /// not be read is left out and named.
    pub(super) fn of(page: Vec<Product>, unreadable: &[Unreadable]) -> Self {
        let mut rows = Self {
            page,
            products: BTreeMap::new(),
            articles: BTreeMap::new(),
            unread: BTreeSet::new(),
            has_nameless: false,
            oddities: Vec::new(),
        };
        let spoiled = rows.leave_out(unreadable);
        let mut twice = BTreeSet::new();
        for (at, product) in rows.page.iter().enumerate() {
            for (place, article) in product.article_list.iter().enumerate() {
                if spoiled.contains(&(at, place)) {
                    continue;
                }
                let Some(number) = article.article_number else {
                    rows.oddities.push(note(article, "the article has no number", LOOK));
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
            let Some(article) = rows.article(number) else { continue };
            let message = "the article number is there in two products; the last one counts";
            let note = note(article, message, "Give the articles numbers of their own in the POS");
            rows.oddities.push(note);
        }
        rows
    }

    /// Names what cannot be read. The places of the articles that are left out for it.
    fn leave_out(&mut self, unreadable: &[Unreadable]) -> BTreeSet<(usize, usize)> {
        let mut spoiled = BTreeSet::new();
        for value in unreadable {
            let product = value.index_of("product").and_then(|at| Some((at, self.page.get(at)?)));
            let Some((at, product)) = product else { continue };
            let Some(place) = value.index_of("article") else {
                let name = product.description.as_deref().unwrap_or_default();
                let number = product.product_number.map(|number| number.to_string()).unwrap_or_default();
                let subject = Subject::new(name, format!("product {number}"));
                let message = format!("a value of the product was left out: {value}");
                self.oddities.push(Note::about(Resource::CATEGORIES, subject, &message, CORRECT));
                continue;
            };
            let Some(article) = product.article_list.get(place) else { continue };
            if is_needless(value) || !spoiled.insert((at, place)) {
                continue;
            }
            match article.article_number {
                Some(number) => drop(self.unread.insert(number)),
                None => self.has_nameless = true,
            }
            let message = format!("the article cannot be read and was left as it is: {value}");
            self.oddities.push(note(article, &message, CORRECT));
        }
        spoiled
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

    /// The numbers of all articles that are there, of those that cannot be read too.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i64> {
        self.articles.keys().chain(&self.unread).copied()
    }
}

const LOOK: &str = "Have the article looked at in the POS";
const CORRECT: &str = "Correct the value in the POS; the sync takes it over then";

fn note(article: &Article, message: &str, advice: &str) -> Note {
    let name = article.description.as_deref().unwrap_or_default();
    let subject = match article.article_number {
        Some(number) => Subject::new(name, format!("article {number}")),
        None => Subject::new(name, "article without a number"),
    };
    Note::about(Resource::ARTICLES, subject, message, advice)
}
