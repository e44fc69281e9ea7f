//! What is to be sent of an edited record. Pure.

use std::collections::BTreeMap;

use mplus_qapi::products::{Article, ArticleBranchDeviationLine, Product};

use crate::conflict::Known;
use crate::model::{
    ArticleNumber, Category, CategoryId, Fingerprint, FingerprintError, Item, Marker, ProductNumber,
    Resource, Tracked,
};
use crate::products::branch_prices::BranchPrices;
use crate::products::merge::{LOCATION_PRICES, WITHHELD, content_fingerprint, location_prices_fingerprint};
use crate::products::{category_to_product, item_to_article, location_price_to_deviation};
use crate::report::{Note, Subject};
use crate::tax::TaxTable;

/// A category on its way.
pub(super) struct OutgoingCategory {
    /// What to send; none when the POS has it already.
    pub(super) product: Option<Product>,
    pub(super) print: Fingerprint,
}

/// What is to be sent of a category that the POS has under this number.
pub(super) fn category(
    category: &Tracked<Category>,
    number: ProductNumber,
) -> Result<OutgoingCategory, FingerprintError> {
    let print = content_fingerprint(&category.record)?;
    let unchanged = Known::of(&category.sync).agreed.as_ref() == Some(&print);
    let product = (!unchanged).then(|| category_to_product(&category.record, Some(number)));
    Ok(OutgoingCategory { product, print })
}

/// An item on its way.
pub(super) struct Outgoing {
    pub(super) item: Tracked<Item>,
    /// What to send of the article; none when the POS has it already.
    pub(super) article: Option<Article>,
    /// Branch prices to send.
    pub(super) prices: Option<Vec<ArticleBranchDeviationLine>>,
    /// Known before, or told just now.
    pub(super) number: Option<ArticleNumber>,
    pub(super) marker: Option<Marker>,
}

/// What is to be sent of an item, or why the POS cannot take it.
pub(super) fn item(
    item: Tracked<Item>,
    tax: &TaxTable,
    branch_prices: &BranchPrices,
) -> Result<Result<Outgoing, Note>, FingerprintError> {
    let number = item.external_ids.mpluskassa;
    let subject = Subject::new(&item.record.name, &item.record.id);
    let print = content_fingerprint(&item.record)?;
    let changed = number.is_none() || Known::of(&item.sync).agreed.as_ref() != Some(&print);
    let article = if changed {
        // An article whose code the host does not know keeps it; everything else needs one.
        let code = match (item.record.tax_rate, number) {
            (None, Some(_)) if item.record.btw_code.is_some() => None,
            (rate, _) => match tax.code_for(&item.record.name, rate) {
                Ok(code) => Some(code),
                Err(problem) => return Ok(Err(Note::tax(Resource::ARTICLES, subject, &problem))),
            },
        };
        match item_to_article(&item.record, number, code, item.sync.parts.contains_key(WITHHELD)) {
            Ok(article) => Some(article),
            Err(problem) => {
                let (message, advice) = (problem.to_string(), problem.advice());
                return Ok(Err(Note::about(Resource::ARTICLES, subject, &message, advice)));
            }
        }
    } else {
        None
    };
    let agreed = item.sync.parts.get(LOCATION_PRICES);
    let none = location_prices_fingerprint(&[])?;
    let prices = if location_prices_fingerprint(&item.record.location_prices)? == *agreed.unwrap_or(&none) {
        None
    } else {
        match deviations(&item.record, number, branch_prices) {
            Ok(lines) => Some(lines),
            Err((message, advice)) => {
                return Ok(Err(Note::about(Resource::BRANCH_PRICES, subject, &message, advice)));
            }
        }
    };
    Ok(Ok(Outgoing { item, article, prices, number, marker: None }))
}

/// Lines for the prices that the item has, and empty ones for those that only the POS has.
fn deviations(
    item: &Item,
    number: Option<ArticleNumber>,
    branch_prices: &BranchPrices,
) -> Result<Vec<ArticleBranchDeviationLine>, (String, &'static str)> {
    // A new article gets its number with the answer.
    let article = number.unwrap_or(ArticleNumber::new(0));
    let mut lines = Vec::new();
    for own in &item.location_prices {
        let Some(branch) = branch_prices.branch_of(&own.location) else {
            let message = format!("the price of location {} has no branch at the POS", own.location);
            return Err((message, "Remove the price, or connect the location's branch"));
        };
        let line = location_price_to_deviation(article, branch, Some(own.price));
        lines.push(line.map_err(|problem| (problem.to_string(), problem.advice()))?);
    }
    for branch in branch_prices.branches(article) {
        if !lines.iter().any(|line| line.branch_number == branch.get())
            && let Ok(line) = location_price_to_deviation(article, branch, None)
        {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Items by category: a category's articles are sent at once.
pub(super) fn group_by_category(items: Vec<Outgoing>) -> BTreeMap<Option<CategoryId>, Vec<Outgoing>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        groups.entry(item.item.record.category.clone()).or_default().push(item);
    }
    groups
}
