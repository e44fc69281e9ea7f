//! Asks for single products and articles: one that cannot be read costs itself.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use mplus_qapi::ItemStream;
use mplus_qapi::products::{Article, GetProducts, GetProductsRequest, Product};
use mplus_qapi::soap::Unreadable;

use crate::run::Run;

/// The answer, product by product: a POS that does not know a filter lists all it has.
pub(crate) struct Asking(ItemStream<GetProducts>);

/// A product of an answer.
pub(crate) struct Asked {
    pub(crate) product: Product,
    /// Values of it that cannot be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

impl Asking {
    /// Asks for what the request names.
    pub(crate) fn of(run: &mut Run<'_>, request: GetProductsRequest) -> Self {
        run.report.requests += 1;
        Self(run.client().call(GetProducts { request }).leaving_out_unreadable(true).stream())
    }

    /// The next product; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Asked>, mplus_qapi::Error> {
        let Some(product) = self.0.next().await.transpose()? else { return Ok(None) };
        Ok(Some(Asked { product, unreadable: self.0.take_unreadable() }))
    }
}

impl Asked {
    /// The product with its articles that can be read, and the others, each with the first value that cannot be.
    pub(crate) fn apart(self) -> (Product, Vec<(Article, Unreadable)>) {
        let Self { mut product, unreadable } = self;
        let places = unreadable.into_iter().filter(|value| !is_needless(value));
        let mut places: BTreeMap<usize, Unreadable> =
            places.filter_map(|value| Some((value.index_of("article")?, value))).collect();
        if places.is_empty() {
            return (product, Vec::new());
        }
        let mut spoiled = Vec::new();
        let mut readable = Vec::new();
        for (place, article) in std::mem::take(&mut product.article_list).into_iter().enumerate() {
            match places.remove(&place) {
                None => readable.push(article),
                Some(value) => spoiled.push((article, value)),
            }
        }
        product.article_list = readable.into();
        (product, spoiled)
    }
}

/// Values of an article that the sync has no use for.
const NEEDLESS: [&str; 16] = [
    "averagePurchasePrice",
    "purchasePrice",
    "contentQuantity",
    "orderQuantityValue",
    "barcodeDate",
    "supplierRelationNumber",
    "articleDiscountGroupNumber",
    "exchangeRateBuyPrice",
    "exchangeRateSellPrice",
    "exchangeRateMultiplier",
    "oldestBestBeforeDate",
    "shelfLifeInDays",
    "shelfLifeInHours",
    "createTimestamp",
    "changeTimestamp",
    "vatPercentage",
];

/// Whether it is one of those, or a part of one. Without its change time an article is one whose time is not known.
pub(crate) fn is_needless(value: &Unreadable) -> bool {
    let path = value.error().path();
    let of_article = path.rsplit_once("article[").and_then(|(_, path)| path.split_once('/'));
    of_article.is_some_and(|(_, path)| NEEDLESS.iter().any(|name| path.starts_with(name)))
}
