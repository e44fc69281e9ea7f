//! What `getProducts` lists, and in which pages.

use std::sync::Arc;

use crate::{
    products::*,
    testkit::{
        catalogue::{Catalogue, Run},
        dialect::{
            Dialect, MenuAnswer, PageLimit, PageOrder, PageProducts, ProductMarker, SharedArticle, TURN,
        },
        domain::operations::{Answer, Items},
        state::State,
    },
};

/// A request for products, with all that its answer depends on.
struct Listing {
    request: GetProductsRequest,
    catalogue: Arc<Catalogue>,
    dialect: Dialect,
    /// What the VAT codes stand for at this moment.
    rates: Vec<(i32, i64)>,
    /// Products from this number on are left out.
    until: Option<i64>,
    /// This product is told with an article of another one.
    shared: Option<(i64, Article)>,
}

pub(super) fn get_products(
    state: &mut State,
    GetProducts { request }: GetProducts,
) -> Answer<Items<GetProducts>> {
    let listing = Listing::new(state, request);
    let request = &listing.request;
    if state.dialect.menu_answer == MenuAnswer::Empty
        && state.clock.hours() >= TURN
        && listing.lists_all()
        && request.sync_marker.is_none_or(|marker| marker <= 1)
    {
        return Ok(Box::new(std::iter::empty()));
    }
    // A limit goes with a marker only.
    if let (Some(marker), Some(limit)) = (request.sync_marker, request.sync_marker_limit) {
        return Ok(Box::new(listing.page(marker, limit).into_iter()));
    }
    let numbers: Box<dyn Iterator<Item = i64> + Send> = if !request.product_numbers.is_empty() {
        Box::new(request.product_numbers.clone().into_iter())
    } else if !request.article_numbers.is_empty() {
        let owner = |article: &i64| listing.catalogue.product_of(*article)?.product_number;
        let mut owners: Vec<i64> = request.article_numbers.iter().filter_map(owner).collect();
        owners.dedup();
        Box::new(owners.into_iter())
    } else {
        Box::new(listing.catalogue.since(request.sync_marker.unwrap_or_default()))
    };
    Ok(Box::new(numbers.filter_map(move |number| listing.product(number))))
}

impl Listing {
    fn new(state: &State, request: GetProductsRequest) -> Self {
        let mut listing = Self {
            request,
            catalogue: Arc::clone(&state.catalogue),
            dialect: state.dialect,
            rates: state.vat_rates(),
            until: None,
            shared: None,
        };
        let half = state.dialect.menu_answer == MenuAnswer::Half && state.clock.hours() >= TURN;
        let shared = state.dialect.shared_article == SharedArticle::Told;
        if !(half || shared) || !listing.lists_all() {
            return listing;
        }
        let mut numbers: Vec<i64> = listing.catalogue.since(0).collect();
        numbers.sort_unstable();
        if half {
            listing.until = numbers.get(numbers.len().div_ceil(2)).copied();
        }
        if let (true, Some(first), Some(last)) = (shared, numbers.first(), numbers.last()) {
            let first = listing.catalogue.product(*first).filter(|_| numbers.len() > 1);
            let article = first.and_then(|product| product.article_list.first().cloned());
            listing.shared = article.map(|article| (*last, article));
        }
        listing
    }

    /// Whether no article, product or group is asked for by number.
    fn lists_all(&self) -> bool {
        let request = &self.request;
        request.product_numbers.is_empty()
            && request.article_numbers.is_empty()
            && request.group_numbers.is_empty()
            && request.plu_numbers.is_empty()
    }

    /// The product as far as it is asked for: only matching articles, unless all of them are wanted.
    fn product(&self, number: i64) -> Option<Product> {
        let product = self.selected(number)?;
        let matching = product.article_list.iter().filter(|article| self.matches(article)).count();
        let whole = self.request.include_all_articles_of_selected_products == Some(true)
            || (self.dialect.page_products == PageProducts::Whole && self.lists_all());
        match matching {
            0 => None,
            _ if whole => self.told(product, |_| true),
            _ => self.told(product, |article| self.matches(article)),
        }
    }

    /// The product, when its number and groups are asked for.
    fn selected(&self, number: i64) -> Option<Arc<Product>> {
        let product = self.catalogue.product(number)?;
        let groups = &self.request.group_numbers;
        let in_group = groups.is_empty() || product.group_numbers.iter().any(|group| groups.contains(group));
        (in_group && self.until.is_none_or(|until| number < until)).then_some(product)
    }

    fn matches(&self, article: &Article) -> bool {
        let request = &self.request;
        let plu = article.plu_number.as_deref().unwrap_or_default();
        article.sync_marker >= request.sync_marker
            && (request.article_numbers.is_empty()
                || article.article_number.is_some_and(|number| request.article_numbers.contains(&number)))
            && (request.plu_numbers.is_empty() || request.plu_numbers.iter().any(|text| text.text == plu))
            && (request.only_webshop != Some(true) || article.webshop == Some(true))
            && (request.only_active != Some(true) || article.active == Some(true))
    }

    /// The product with some of its articles, as this POS tells it; nothing without an article.
    fn told(&self, product: Arc<Product>, which: impl Fn(&Article) -> bool) -> Option<Product> {
        let mut product = Arc::unwrap_or_clone(product);
        let own = product.sync_marker;
        let articles = std::mem::take(&mut product.article_list);
        product.article_list = articles.into_iter().filter(which).collect();
        if product.article_list.is_empty() {
            return None;
        }
        for article in &mut *product.article_list {
            let rate = self.rates.iter().find(|(code, _)| article.vat_code == Some(*code));
            article.vat_percentage = rate.and_then(|(_, rate)| i32::try_from(*rate).ok());
        }
        if let Some((number, article)) = &self.shared
            && product.product_number == Some(*number)
        {
            product.article_list.push(article.clone());
        }
        product.sync_marker = match self.dialect.product_marker {
            ProductMarker::Highest => own,
            ProductMarker::Above => Some(self.catalogue.marker()),
            ProductMarker::Below => Some(1),
            ProductMarker::Absent => None,
        };
        Some(product)
    }

    /// The articles with the lowest markers from `marker` on, in their products.
    fn page(&self, marker: i64, limit: i32) -> Vec<Product> {
        let limit = usize::try_from(limit).unwrap_or_default();
        let limit = if self.dialect.page_limit == PageLimit::AtMostTen { limit.min(10) } else { limit };
        let mut page = Page { products: Vec::new(), counted: 0, limit };
        match self.dialect.page_products {
            PageProducts::Whole => {
                let products = self.catalogue.since(marker).filter_map(|number| self.product(number));
                for product in products {
                    if !page.add(self.count(product.article_list.len()), product) {
                        break;
                    }
                }
            }
            PageProducts::Changed => {
                for run in self.catalogue.runs_since(marker) {
                    let Some(part) = self.part(&run) else { continue };
                    if !page.add(self.count(part.article_list.len()), part) {
                        break;
                    }
                }
            }
            PageProducts::Cut => {
                let parts = self.catalogue.runs_since(marker).filter_map(|run| self.part(&run));
                let single = parts.flat_map(|mut part| {
                    part.article_list.sort_by_key(|article| article.sync_marker);
                    let articles = std::mem::take(&mut part.article_list);
                    articles.into_iter().map(move |article| {
                        let article_list = vec![article].into();
                        Product { article_list, ..part.clone() }
                    })
                });
                for product in single {
                    if !page.add(1, product) {
                        break;
                    }
                }
            }
        }
        let mut products = page.products;
        match self.dialect.page_order {
            PageOrder::Ascending => {}
            PageOrder::Descending => products.reverse(),
            PageOrder::Mixed => {
                products.sort_by_key(|product| product.product_number.map(|number| number * 7919 % 101));
            }
        }
        products
    }

    /// What so many articles of one product count.
    fn count(&self, articles: usize) -> usize {
        if self.dialect.page_limit == PageLimit::Products { 1 } else { articles }
    }

    /// The articles of a run that are asked for.
    fn part(&self, run: &Run) -> Option<Product> {
        let markers = Some(run.first)..=Some(run.last);
        let product = self.selected(run.product)?;
        self.told(product, |article| markers.contains(&article.sync_marker) && self.matches(article))
    }
}

struct Page {
    products: Vec<Product>,
    counted: usize,
    limit: usize,
}

impl Page {
    /// Adds what belongs together. `false` when the page is full; the first thing comes in any case.
    fn add(&mut self, counts: usize, product: Product) -> bool {
        let number = product.product_number;
        if self.counted > 0 && self.counted + counts > self.limit {
            return false;
        }
        self.counted += counts;
        match self.products.iter_mut().find(|held| held.product_number == number) {
            Some(held) => held.article_list.extend(product.article_list),
            None => self.products.push(product),
        }
        true
    }
}
