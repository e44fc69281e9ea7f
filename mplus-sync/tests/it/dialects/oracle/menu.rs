//! Locations, categories, items.

use mplus_qapi::products::{Article, ArticleBranchDeviationLine, Product};
use mplus_qapi::testkit::Pos;
use mplus_qapi::testkit::dialect::{Absent, Characters, MenuAnswer, SharedArticle};
use mplus_qapi::types::ArticleSpecialPrice;
use mplus_qapi::value::Decimal;
use mplus_sync::model::{Item, Tracked};

use super::{Difference, Host, is_told};

/// The branches of the brasserie.
const BRANCHES: [i32; 3] = [1, 2, 3];

/// What an article costs by the rules: special prices first, then the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialects) enum ArticlePrice {
    Euros(Decimal),
    /// Known at the till only, or not told.
    None,
    /// Told, but it cannot be one.
    Impossible,
    NotForSale,
}

fn special(told: Option<&ArticleSpecialPrice>) -> Option<ArticlePrice> {
    match told?.as_str() {
        "PRICE-FREE" => Some(ArticlePrice::Euros(Decimal::ZERO)),
        "PRICE-NOT-FOR-SALE" | "PRICE-NOT-FOR-SALE-VISIBLE" => Some(ArticlePrice::NotForSale),
        text if text.starts_with("PRICE-ASK-") || text.starts_with("PRICE-BARCODE-") => {
            Some(ArticlePrice::None)
        }
        _ => None,
    }
}

fn euros(amount: Option<Decimal>) -> ArticlePrice {
    match amount {
        None => ArticlePrice::None,
        Some(amount) if amount < Decimal::ZERO => ArticlePrice::Impossible,
        Some(amount) => ArticlePrice::Euros(amount),
    }
}

pub(in crate::dialects) fn article_price(article: &Article) -> ArticlePrice {
    special(article.special_price.as_ref()).unwrap_or_else(|| euros(article.price_incl))
}

/// What a branch says itself; `None` when it says nothing.
fn branch_price(pos: &Pos, article: &Article, line: &ArticleBranchDeviationLine) -> Option<ArticlePrice> {
    if let Some(special) = special(line.special_price.as_ref()) {
        return Some(special);
    }
    let with_vat = |without: Decimal| {
        let rate = Decimal::from(pos.vat_rate(article.vat_code?)?);
        Some((without * (Decimal::from(10_000) + rate) / Decimal::from(10_000)).round_dp(2))
    };
    let incl = line.sales_price_incl.map(Decimal::from);
    let price = incl.or_else(|| with_vat(line.sales_price_excl?.into()))?;
    Some(euros(Some(price)))
}

/// How a text of the POS may read in the host: what XML has no place for became U+FFFD.
fn readings(pos: &Pos, text: &str) -> Vec<String> {
    let mut readings = vec![text.to_owned()];
    if text.len() >= 8 {
        match pos.dialect().characters {
            Characters::Control if text.is_char_boundary(4) && !text.contains('&') => {
                readings = vec![format!("{}\u{fffd}{}", &text[..4], &text[4..])];
            }
            // Once the host has pushed it, it is the POS's own.
            Characters::Surrogates if !text.ends_with('\u{1f355}') => {
                readings = vec![
                    format!("{text}\u{1f355}"),
                    format!("{text}\u{fffd}\u{fffd}"),
                    format!("{text}\u{fffd}"),
                ];
            }
            _ => {}
        }
    }
    readings
}

fn reads(pos: &Pos, held: &str, told: &str) -> bool {
    readings(pos, told).iter().any(|reading| reading.trim() == held)
}

pub(super) fn compare_locations(pos: &Pos, host: &Host) -> Vec<Difference> {
    let mut differences = Vec::new();
    for branch in BRANCHES {
        let is = |number: i32| number == branch;
        let held = host
            .locations
            .iter()
            .filter(|held| held.external_ids.mpluskassa.is_some_and(|number| is(number.get())));
        if held.count() != 1 {
            differences
                .push(Difference::new("menu/location", format!("branch {branch} is not one location")));
        }
    }
    let _ = pos;
    differences
}

pub(super) fn compare_menu(pos: &Pos, host: &Host) -> Vec<Difference> {
    let lines = pos.branch_lines();
    let (products, mut differences) = (pos.products(), Vec::new());
    for product in &products {
        for article in &product.article_list {
            let number = article.article_number.unwrap_or_default();
            let is =
                |item: &&Tracked<Item>| item.external_ids.mpluskassa.is_some_and(|held| held.get() == number);
            let held: Vec<_> = host.items.iter().filter(is).collect();
            let [item] = held[..] else {
                let what = format!("article {number} is {} items", held.len());
                differences.push(Difference::new("menu/items", what));
                continue;
            };
            let lines = lines.iter().filter(|line| line.article_number == number);
            let comparison = Comparison { pos, host, product, article, item };
            comparison.compare(&mut differences);
            comparison.compare_branches(lines, &mut differences);
        }
    }
    for item in &host.items {
        let number = item.external_ids.mpluskassa.map(|number| number.get());
        let there = number.is_none_or(|number| pos.article(number).is_some());
        if !there && item.record.active {
            differences
                .push(Difference::new("menu/gone", format!("{} is gone and still active", item.record.name)));
        }
    }
    differences
}

struct Comparison<'a> {
    pos: &'a Pos,
    host: &'a Host,
    product: &'a Product,
    article: &'a Article,
    item: &'a Tracked<Item>,
}

impl Comparison<'_> {
    fn is_told(&self, what: &str) -> bool {
        let name = format!("{:?}", self.item.record.name);
        let number = self.article.article_number.unwrap_or_default().to_string();
        is_told(&self.host.notes, &[&name, &number], what)
    }

    fn compare(&self, differences: &mut Vec<Difference>) {
        let (item, article) = (&self.item.record, self.article);
        let mut differ = |kind, detail: String| {
            differences.push(Difference::new(kind, format!("{}: {detail}", item.name)));
        };
        let told = article.description.as_deref().unwrap_or_default();
        if !told.is_empty() && !reads(self.pos, &item.name, told) {
            differ("menu/name", format!("the POS calls it {told:?}"));
        }
        let price = article_price(article);
        let expected = if let ArticlePrice::Euros(price) = price { Some(price) } else { None };
        if price != ArticlePrice::NotForSale && item.price != expected {
            differ("menu/price", format!("costs {:?} in the host, {price:?} at the POS", item.price));
        }
        if price == ArticlePrice::Impossible && !self.is_told("the price is negative") {
            differ("menu/price-untold", "has an impossible price and nobody is told".to_owned());
        }
        let active = article.active != Some(false)
            && article.discontinued != Some(true)
            && price != ArticlePrice::NotForSale;
        if item.active != active {
            differ("menu/active", format!("active is {} in the host", item.active));
        }
        let rate =
            article.vat_code.and_then(|code| self.pos.vat_rate(code)).map(|rate| Decimal::new(rate, 2));
        // Without VAT groups nobody knows which rate a code has.
        let unknown = self.pos.dialect().absent == Absent::VatGroups && item.tax_rate.is_none();
        if item.tax_rate != rate && !(unknown && self.is_told("Tax mismatch")) {
            differ("menu/tax", format!("{:?} in the host, {rate:?} at the POS", item.tax_rate));
        }
        self.compare_category(&mut differ);
    }

    fn compare_category(&self, differ: &mut impl FnMut(&'static str, String)) {
        let shared = self.pos.dialect().shared_article == SharedArticle::Told;
        let category = self.item.record.category.as_ref();
        let category = self.host.categories.iter().find(|held| Some(&held.record.id) == category);
        let number =
            category.and_then(|category| category.external_ids.mpluskassa).map(|number| number.get());
        if number.is_none() || (number != self.product.product_number && !shared) {
            differ(
                "menu/category",
                format!("is in category {number:?}, in product {:?}", self.product.product_number),
            );
        }
        let name = self.product.description.as_deref().unwrap_or_default();
        if let Some(category) = category
            && number == self.product.product_number
            && !reads(self.pos, &category.record.name, name)
        {
            differ(
                "menu/category-name",
                format!("its category is {:?}, its product {name:?}", category.record.name),
            );
        }
    }

    /// A branch's own price is told where it is one; what is none there must at least be told.
    fn compare_branches<'l>(
        &self,
        lines: impl Iterator<Item = &'l ArticleBranchDeviationLine>,
        differences: &mut Vec<Difference>,
    ) {
        let dialect = self.pos.dialect();
        if !dialect.knows("getArticleBranchDeviations") || dialect.menu_answer != MenuAnswer::Whole {
            return;
        }
        let item = &self.item.record;
        for line in lines {
            let is = |number: i32| number == line.branch_number;
            let location = self
                .host
                .locations
                .iter()
                .find(|held| held.external_ids.mpluskassa.is_some_and(|number| is(number.get())));
            let Some(location) = location.map(|location| &location.record.id) else { continue };
            let held = item
                .location_prices
                .iter()
                .find(|price| price.location == *location)
                .map(|price| price.price);
            let here = format!("in branch {} ", line.branch_number);
            // A price of the host that the POS has no call for, and one without VAT that stands for no cent.
            let is_unsaved =
                !dialect.knows("saveArticleBranchDeviations") && self.is_told("saveArticleBranchDeviations");
            let is_no_cent = held.is_none()
                && line.sales_price_incl.is_none()
                && self.is_told(&format!("{here}the price is told without VAT only"));
            match branch_price(self.pos, self.article, line) {
                Some(ArticlePrice::Euros(price))
                    if item.price_at(location) != Some(price) && !is_unsaved && !is_no_cent =>
                {
                    let detail = format!(
                        "{} costs {held:?} in branch {}, {price} at the POS",
                        item.name, line.branch_number
                    );
                    differences.push(Difference::new("menu/branch-price", detail));
                }
                Some(ArticlePrice::None | ArticlePrice::NotForSale | ArticlePrice::Impossible)
                    if held.is_some() || !self.is_told(&here) =>
                {
                    let detail = format!(
                        "{} has no price in branch {}: {held:?} in the host",
                        item.name, line.branch_number
                    );
                    differences.push(Difference::new("menu/branch-special", detail));
                }
                _ => {}
            }
        }
    }
}
