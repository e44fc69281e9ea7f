//! What is to be sent of an edited record. Pure.

use std::collections::BTreeMap;

use mplus_qapi::products::{Article, ArticleBranchDeviationLine, Product};
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BtwCode, Category, CategoryId, Field, Item, Marker, ProductNumber, Record, Resource,
    Tracked,
};
use crate::products::branch_prices::BranchPrices;
use crate::products::merge::{Shared, WITHHELD};
use crate::products::{category_to_product, item_to_article, location_price_to_deviation};
use crate::report::{Note, Subject};
use crate::tax::TaxTable;

/// Whether the host edited a field.
fn is_edited<T: Record>(tracked: &Tracked<T>, field: &'static str) -> bool {
    tracked.edits.get(&Field::named(field)).is_some()
}

/// Whether the host edited a field that travels with the record.
fn is_any_edited<T: Shared>(tracked: &Tracked<T>) -> bool {
    T::FIELDS.iter().any(|field| is_edited(tracked, field))
}

/// What is to be sent of a category that the POS has under this number: the fields that the host edited; none when the POS
/// has them all.
pub(super) fn category(category: &Tracked<Category>, number: ProductNumber) -> Option<Product> {
    let edited = |field| is_edited(category, field);
    // The POS does not know of an inactive product.
    if !["name", "description", "group_numbers"].into_iter().any(edited) {
        return None;
    }
    let whole = category_to_product(&category.record, Some(number));
    Some(Product {
        product_number: whole.product_number,
        description: whole.description.filter(|_| edited("name")),
        extra_text: whole.extra_text.filter(|_| edited("description")),
        group_numbers: if edited("group_numbers") { whole.group_numbers } else { Vec::new() },
        ..Product::default()
    })
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
    /// The category that the POS keeps it in, because it refused to move it.
    pub(super) stays_in: Option<CategoryId>,
    /// Whether the POS did not take the branch prices.
    pub(super) without_prices: bool,
}

impl Outgoing {
    /// The category that both sides agreed on, where the host moved the item.
    pub(super) fn moved_from(&self) -> Option<CategoryId> {
        let edit = self.item.edits.get(&Field::named("category"))?;
        self.number?;
        edit.agreed.as_ref()?.read::<Option<CategoryId>>().ok()?
    }

    /// The item as the POS has it now: what it did not take is as both sides agreed on before.
    pub(super) fn taken(&self) -> Item {
        let mut taken = self.item.record.clone();
        if let Some(category) = &self.stays_in {
            taken.category = Some(category.clone());
        }
        if self.without_prices {
            for (field, edit) in self.item.edits.iter().filter(|(field, _)| field.location().is_some()) {
                let agreed = edit.agreed.clone().unwrap_or_else(crate::model::FieldValue::null);
                let set = crate::model::Editable::set(&mut taken, field, &agreed);
                debug_assert!(set.is_ok(), "{set:?}");
            }
        }
        taken
    }
}

/// What is to be sent of an item, or why the POS cannot take it.
pub(super) fn item(
    item: Tracked<Item>,
    tax: &TaxTable,
    branch_prices: &BranchPrices,
) -> Result<Outgoing, Note> {
    let number = item.external_ids.mpluskassa;
    let subject = Subject::new(&item.record.name, &item.record.id);
    let article = match number {
        Some(_) if !is_any_edited(&item) => None,
        _ => {
            // Only what is sent needs a code.
            let code = match number.is_none() || is_edited(&item, "tax_rate") {
                true => Some(
                    tax.code_for(&item.record.name, item.record.tax_rate)
                        .map_err(|problem| Note::tax(Resource::ARTICLES, subject.clone(), &problem))?,
                ),
                false => None,
            };
            Some(article(&item, code).map_err(|problem| {
                Note::about(Resource::ARTICLES, subject.clone(), &problem.to_string(), problem.advice())
            })?)
        }
    };
    let prices = deviations(&item, branch_prices)
        .map_err(|(message, advice)| Note::about(Resource::BRANCH_PRICES, subject, &message, advice))?;
    Ok(Outgoing { item, article, prices, number, marker: None, stays_in: None, without_prices: false })
}

/// The article: all of it when it is new to the POS, otherwise the fields that the host edited.
fn article(item: &Tracked<Item>, code: Option<BtwCode>) -> Result<Article, crate::products::ItemProblem> {
    let number = item.external_ids.mpluskassa;
    let whole = item_to_article(&item.record, number, code, item.sync.parts.contains_key(WITHHELD))?;
    if number.is_none() {
        return Ok(whole);
    }
    let edited = |field| is_edited(item, field);
    let of_variant = edited("variant");
    Ok(Article {
        article_number: whole.article_number,
        description: whole.description.filter(|_| edited("name")),
        extra_text: whole.extra_text.filter(|_| edited("description")),
        price_incl: whole.price_incl.filter(|_| edited("price")),
        vat_code: whole.vat_code,
        turnover_group: whole.turnover_group.filter(|_| edited("turnover_group")),
        colour: whole.colour.filter(|_| of_variant),
        colour_sequence_number: whole.colour_sequence_number.filter(|_| of_variant),
        size: whole.size.filter(|_| of_variant),
        size_sequence_number: whole.size_sequence_number.filter(|_| of_variant),
        plu_number: whole.plu_number.filter(|_| edited("plu")),
        barcode: whole.barcode.filter(|_| edited("barcodes")),
        age_check_minimum_age: whole.age_check_minimum_age.filter(|_| edited("minimum_age")),
        active: whole.active.filter(|_| edited("active")),
        ..Article::default()
    })
}

/// The article's lines as the POS has them, with the prices that the host edited; none when it edited none.
///
/// All of them are sent, those of branches that are no locations too: a POS may take away the ones that are not named.
/// Description and special price of a line stay.
fn deviations(
    item: &Tracked<Item>,
    branch_prices: &BranchPrices,
) -> Result<Option<Vec<ArticleBranchDeviationLine>>, (String, &'static str)> {
    let mut edited = item.edits.iter().filter_map(|(field, _)| field.location()).peekable();
    if edited.peek().is_none() {
        return Ok(None);
    }
    // A new article gets its number with the answer.
    let article = item.external_ids.mpluskassa.unwrap_or(ArticleNumber::new(0));
    let mut lines = branch_prices.lines(article).to_vec();
    for line in &mut lines {
        line.description = line.description.take().filter(|text| !text.is_empty());
        for amount in [&mut line.sales_price_incl, &mut line.sales_price_excl].into_iter().flatten() {
            *amount = without_noise((*amount).into()).into();
        }
    }
    for location in edited {
        let Some(branch) = branch_prices.branch_of(&location) else {
            let message = format!("the price of location {location} has no branch at the POS");
            return Err((message, "Remove the price, or connect the location's branch"));
        };
        let price = item.record.location_prices.iter().find(|own| own.location == location);
        let line = location_price_to_deviation(article, branch, price.map(|own| own.price))
            .map_err(|problem| (problem.to_string(), problem.advice()))?;
        match lines.iter_mut().find(|known| known.branch_number == line.branch_number) {
            Some(known) => {
                (known.sales_price_incl, known.sales_price_excl) = (line.sales_price_incl, None);
            }
            None => lines.push(line),
        }
    }
    Ok(Some(lines))
}

/// The amount that was meant, where the POS writes binary fractions: 3.5499999999999998 for 3.55.
fn without_noise(amount: Decimal) -> Decimal {
    let near =
        |places| Some(amount.round_dp(places)).filter(|near| (amount - near).abs() <= Decimal::new(1, 9));
    (2..=6).find_map(near).unwrap_or(amount)
}

/// Items by category: a category's articles are sent at once.
pub(super) fn group_by_category(items: Vec<Outgoing>) -> BTreeMap<Option<CategoryId>, Vec<Outgoing>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        groups.entry(item.item.record.category.clone()).or_default().push(item);
    }
    groups
}
