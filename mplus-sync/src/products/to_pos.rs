//! Host to POS: a category as a product, an item as an article. Pure.

use mplus_qapi::products::{Article, ArticleBranchDeviationLine, Product};
use rust_decimal::Decimal;

use crate::model::{ArticleNumber, BranchNumber, BtwCode, Category, Item, ProductNumber};
use crate::text::plain;

/// An item that the POS cannot take as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemProblem {
    /// The price has more than two decimals, which the POS cannot keep; nothing is rounded.
    #[error("the price {0} has more than two decimals")]
    FractionOfCent(Decimal),
    /// The price is below zero.
    #[error("the price {0} is negative")]
    NegativePrice(Decimal),
    /// The turnover group is not within 0 to 999.
    #[error("the turnover group {0} is not within 0 to 999")]
    TurnoverGroup(i32),
    /// The item has no name.
    #[error("the item has no name")]
    NoName,
    /// The combo has no price: a menu is written with one, and none would be zero.
    #[error("the combo has no price")]
    NoPrice,
}

impl ItemProblem {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::FractionOfCent(_) => "Give the item a price in whole cents",
            Self::NegativePrice(_) => "Give the item a price of zero or more",
            Self::TurnoverGroup(_) => "Choose a turnover group from 0 to 999",
            Self::NoName => "Give the item a name",
            Self::NoPrice => "Give the combo a price",
        }
    }
}

/// The category as a product, without articles: what `updateProduct` is told of a product alone.
pub fn category_to_product(category: &Category, number: Option<ProductNumber>) -> Product {
    Product {
        product_number: number.map(ProductNumber::get),
        description: Some(plain(&category.name).into_owned()),
        extra_text: Some(sendable(category.description.as_deref()).unwrap_or_default()),
        group_numbers: category.group_numbers.clone(),
        ..Product::default()
    }
}

/// The item as an article.
///
/// `code` is the BTW code of the item's rate; none leaves the POS's. An article that is new to the POS carries the
/// host's identifier (`extArticleId`), by which it is found again should the answer be lost. An empty description
/// clears the POS's; a size, colour, code or number that the host does not have leaves the POS's. Characters that XML cannot
/// hold become blanks.
///
/// # Errors
/// When the POS cannot take the item as it is: nothing is rounded or cut.
pub fn item_to_article(
    item: &Item,
    number: Option<ArticleNumber>,
    code: Option<BtwCode>,
    withheld: bool,
) -> Result<Article, ItemProblem> {
    if item.name.trim().is_empty() {
        return Err(ItemProblem::NoName);
    }
    if let Some(group) = item.turnover_group.filter(|group| !(0..=999).contains(group)) {
        return Err(ItemProblem::TurnoverGroup(group));
    }
    let variant = item.variant.clone().unwrap_or_default();
    Ok(Article {
        article_number: number.map(ArticleNumber::get),
        ext_article_id: number.is_none().then(|| item.id.as_str().to_owned()),
        plu_number: sendable(item.plu.as_deref()),
        // What the POS withholds by other means stays as it is there.
        active: (item.active || !withheld).then_some(item.active),
        description: Some(plain(&item.name).into_owned()),
        extra_text: Some(sendable(item.description.as_deref()).unwrap_or_default()),
        colour: sendable(variant.colour.as_deref()),
        colour_sequence_number: variant.colour_position,
        size: sendable(variant.size.as_deref()),
        size_sequence_number: variant.size_position,
        barcode: sendable(item.barcodes.first().map(String::as_str)),
        turnover_group: item.turnover_group,
        vat_code: code.map(BtwCode::get),
        price_incl: item.price.map(whole_cents).transpose()?,
        age_check_minimum_age: item.minimum_age,
        ..Article::default()
    })
}

/// A text as it can be sent.
fn sendable(text: Option<&str>) -> Option<String> {
    text.map(|text| plain(text).into_owned())
}

/// A branch's own price; none takes it away, so that the article's holds again.
///
/// # Errors
/// When the price has more than two decimals or is negative.
pub fn location_price_to_deviation(
    article: ArticleNumber,
    branch: BranchNumber,
    price: Option<Decimal>,
) -> Result<ArticleBranchDeviationLine, ItemProblem> {
    Ok(ArticleBranchDeviationLine {
        article_number: article.get(),
        branch_number: branch.get(),
        sales_price_incl: price.map(whole_cents).transpose()?.map(Into::into),
        ..ArticleBranchDeviationLine::default()
    })
}

/// The amount when it is a whole number of cents and not negative.
pub(crate) fn whole_cents(price: Decimal) -> Result<Decimal, ItemProblem> {
    if price.is_sign_negative() && !price.is_zero() {
        return Err(ItemProblem::NegativePrice(price));
    }
    if price.normalize().scale() > 2 {
        return Err(ItemProblem::FractionOfCent(price));
    }
    Ok(price)
}
