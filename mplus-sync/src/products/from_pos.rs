//! POS to host: a product as a category, an article as an item. Pure.

use chrono::{DateTime, Utc};
use mplus_qapi::products::{Article, ComponentArticle, LinkedArticle as PosLinkedArticle, Product};
use mplus_qapi::types::{
    NutritionalCharacteristic, NutritionalCharacteristicPresence, NutritionalCharacteristics, PriceGroup,
};
use mplus_qapi::value::Zone;

use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BtwCode, Category, CategoryId, Characteristic, Component, CourseNumber, Item, ItemId,
    ItemImage, LinkedArticle, Marker, Presence, ProductNumber, Variant,
};
use crate::price::{Price, PriceProblem, ToldPrice};
use crate::tax::{TaxProblem, TaxTable};

/// What the POS has of one record, in the host's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming<T, N> {
    /// The record. Its identifier is the one that a new record gets; a known one keeps its own.
    pub record: T,
    /// Its number at the POS.
    pub number: N,
    /// The sync marker of this state.
    pub marker: Option<Marker>,
    /// When the POS changed it.
    pub changed_at: Option<DateTime<Utc>>,
}

/// An item as it comes from the POS, with what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IncomingItem {
    /// The item.
    pub incoming: Incoming<Item, ArticleNumber>,
    /// Its identifier in another system (`extArticleId`): the host's, when a push made the article.
    pub external_id: Option<String>,
    /// Whether the article told its allergens and diets.
    pub tells_nutrition: bool,
    /// Whether the POS withholds the article from sale by other means than `active`.
    pub withheld: bool,
    /// Whether a special price says what it costs (free, asked at the till, in the barcode, not for sale), whatever amount
    /// stands beside it.
    pub special_price: bool,
    /// Whether its price is that of a price group.
    pub priced_by_group: bool,
    /// What a person should put right; the item is taken over all the same.
    pub problems: Vec<ArticleProblem>,
}

/// Something odd about an article.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArticleProblem {
    /// The article's price cannot be used; the item gets none.
    #[error(transparent)]
    Price(PriceProblem),
    /// The till asks for the price; the item gets none.
    #[error("the till asks for the price: the item has none")]
    AskedAtTill,
    /// The price is in the barcode; the item gets none.
    #[error("the price is in the barcode: the item has none")]
    InBarcode,
    /// A price group gives a discount, of which the unit is not known; the item has the article's price.
    #[error("its price group gives a discount ({0}) and no price: the discount is not applied")]
    GroupDiscount(i32),
    /// The article is for sale and has no price.
    #[error("the article has no price")]
    NoPrice,
    /// The BTW code is unknown or stands for a rate that the host does not have.
    #[error("{}", .0.kind)]
    Tax(TaxProblem),
    /// The article belongs to no product.
    #[error("the article belongs to no product")]
    NoProduct,
}

impl ArticleProblem {
    /// What to do.
    pub fn advice(&self) -> String {
        match self {
            Self::Price(problem) => problem.advice().to_owned(),
            Self::AskedAtTill | Self::InBarcode => {
                "Set a price in the POS to sell the article online".to_owned()
            }
            Self::GroupDiscount(_) => "Set a price in the price group in the POS".to_owned(),
            Self::NoPrice => "Set a price in the POS".to_owned(),
            Self::Tax(problem) => problem.kind.advice(),
            Self::NoProduct => "Put the article into a product in the POS".to_owned(),
        }
    }
}

/// What the category of a product without a name is called.
pub(crate) fn nameless_product(number: ProductNumber) -> String {
    format!("Product {number}")
}

/// What the item of an article without a name is called.
pub(crate) fn nameless_article(number: ArticleNumber) -> String {
    format!("Article {number}")
}

/// The product as a category. `zone` is that of the POS's clock.
///
/// None when the product has no number: its articles then belong to no category.
pub fn product_to_category(product: &Product, zone: Zone) -> Option<Incoming<Category, ProductNumber>> {
    let number = ProductNumber::new(product.product_number?);
    let name = text(&product.description).unwrap_or_else(|| nameless_product(number));
    let mut category = Category::new(CategoryId::for_product(number), name);
    category.description = text(&product.extra_text);
    category.position = product.sort_order_group_list.first().map(|group| group.sort_order);
    category.group_numbers.clone_from(&product.group_numbers);
    let changed_at = product.article_list.iter().filter_map(|article| changed_at(article, zone)).max();
    Some(Incoming { record: category, number, marker: product.sync_marker.map(Marker::new), changed_at })
}

/// The article as an item of a category. `zone` is that of the POS's clock.
///
/// None when the article has no number, without which it cannot be ordered. Links to modifier groups, branch prices
/// and stored pictures are not in the article; they are added by whoever knows them.
pub fn article_to_item(
    article: &Article,
    category: Option<&CategoryId>,
    tax: &TaxTable,
    zone: Zone,
) -> Option<IncomingItem> {
    let number = ArticleNumber::new(article.article_number?);
    let name = text(&article.description).unwrap_or_else(|| nameless_article(number));
    let mut problems = Vec::new();
    let mut item = Item::new(ItemId::for_article(number), name);
    item.category = category.cloned();
    if category.is_none() {
        problems.push(ArticleProblem::NoProduct);
    }
    item.description = text(&article.extra_text);
    item.active = article.active != Some(false) && article.discontinued != Some(true);
    item.btw_code = article.vat_code.map(BtwCode::new);
    if item.btw_code.is_some() {
        match tax.rate_for(&item.name, item.btw_code) {
            Ok(rate) => item.tax_rate = Some(rate),
            Err(problem) => problems.push(ArticleProblem::Tax(problem)),
        }
    }
    // Zero is how a POS writes that there is none.
    item.alternative_btw_code = article.vat_code_alternative.filter(|code| *code != 0).map(BtwCode::new);
    item.alternative_tax_rate =
        item.alternative_btw_code.and_then(|code| tax.rate_for(&item.name, Some(code)).ok());
    let told = ToldPrice {
        including_vat: article.price_incl,
        excluding_vat: article.price_excl,
        special: article.special_price.as_ref(),
        vat_rate: item.tax_rate,
    };
    let price = Price::of(told);
    problems.extend(price_problem(price, item.active));
    item.price = price.ok().and_then(Price::amount);
    let for_sale = price.is_ok_and(Price::is_for_sale) || price.is_err();
    item.active &= for_sale;
    item.turnover_group = article.turnover_group;
    item.variant = variant(article);
    item.plu = text(&article.plu_number);
    item.barcodes = barcodes(article);
    item.stock_tracked = article.stock_article;
    item.course = article.course.as_ref().map(|course| CourseNumber::new(course.number));
    item.minimum_age = article.age_check_minimum_age.filter(|age| *age > 0);
    if let Some(nutrition) = &article.nutritional_characteristics {
        (item.allergens, item.diets) = nutrition_to_characteristics(nutrition);
    }
    item.components = article.component_article_list.iter().filter_map(component).collect();
    item.linked = article.linked_article_list.iter().filter_map(linked).collect();
    let image = |image: &mplus_qapi::types::Image| ItemImage {
        hash: image.image_hash.clone(),
        name: image.image_name.clone(),
        media: None,
        refused: None,
    };
    item.images = article.image_list.iter().filter(|image| !image.image_hash.is_empty()).map(image).collect();
    Some(IncomingItem {
        incoming: Incoming {
            record: item,
            number,
            marker: article.sync_marker.map(Marker::new),
            changed_at: changed_at(article, zone),
        },
        external_id: text(&article.ext_article_id),
        tells_nutrition: article.nutritional_characteristics.is_some(),
        withheld: article.discontinued == Some(true) || !for_sale,
        special_price: Price::is_settled_by(article.special_price.as_ref()),
        priced_by_group: false,
        problems,
    })
}

/// Gives the item its price in a price group, where the article has one there. A price for many at once is none.
pub(crate) fn take_group_price(item: &mut IncomingItem, article: &Article, number: i32) {
    let is_of = |group: &&PriceGroup| {
        group.price_group_number == number && group.minimum_amount.is_none_or(|least| least <= 1)
    };
    let Some(group) = article.price_group_list.iter().find(is_of) else { return };
    let record = &mut item.incoming.record;
    let told = ToldPrice {
        including_vat: group.price_incl,
        excluding_vat: group.price_excl,
        special: article.special_price.as_ref(),
        vat_rate: record.tax_rate,
    };
    let price = Price::of(told);
    let discount = group.discount_percentage.filter(|discount| *discount != 0);
    // A price group has a price or a discount: beside one, nothing is what a price of zero means.
    let is_none = |price| matches!(price, Price::Amount(amount) if amount.is_zero());
    if price == Ok(Price::NotTold) || (discount.is_some() && price.is_ok_and(is_none)) {
        item.problems.extend(discount.map(ArticleProblem::GroupDiscount));
        return;
    }
    item.problems.retain(|problem| !matches!(problem, ArticleProblem::Price(_) | ArticleProblem::NoPrice));
    item.problems.extend(price.err().map(ArticleProblem::Price));
    record.price = price.ok().and_then(Price::amount);
    item.priced_by_group = true;
}

fn component(told: &ComponentArticle) -> Option<Component> {
    let price = Price::of(ToldPrice { including_vat: told.price_incl, ..ToldPrice::default() })
        .ok()
        .and_then(Price::amount);
    Some(Component {
        article: ArticleNumber::new(told.article_number?),
        name: text(&told.description).unwrap_or_default(),
        quantity: told.quantity.unwrap_or(Decimal::ONE).normalize(),
        price,
        btw_code: told.vat_code.map(BtwCode::new),
    })
}

/// None for one that names no article, or nothing of it.
fn linked(told: &PosLinkedArticle) -> Option<LinkedArticle> {
    let named = told.article_number != 0 && told.quantity > Decimal::ZERO;
    named.then(|| LinkedArticle {
        article: ArticleNumber::new(told.article_number),
        quantity: told.quantity.normalize(),
    })
}

/// The characteristics as allergens and diets; those without a number are left out.
pub fn nutrition_to_characteristics(
    nutrition: &NutritionalCharacteristics,
) -> (Vec<Characteristic>, Vec<Characteristic>) {
    let map = |list: &[NutritionalCharacteristic]| list.iter().filter_map(characteristic).collect();
    (map(&nutrition.allergen_list), map(&nutrition.diet_restriction_list))
}

fn characteristic(told: &NutritionalCharacteristic) -> Option<Characteristic> {
    use NutritionalCharacteristicPresence as Told;
    let presence = match (&told.presence, told.is_present) {
        (Some(Told::Present), _) | (None, Some(true)) => Presence::Present,
        (Some(Told::NotPresent), _) | (None, Some(false)) => Presence::Absent,
        (Some(Told::Maybe), _) => Presence::Maybe,
        // An allergen of which nothing is known must not read as absent.
        _ => Presence::Unknown,
    };
    Some(Characteristic { number: told.id?, name: told.name.clone().unwrap_or_default(), presence })
}

/// What a person should know of a price. That none is told is no problem where nothing is sold.
fn price_problem(price: Result<Price, PriceProblem>, active: bool) -> Option<ArticleProblem> {
    match price {
        Err(problem) => Some(ArticleProblem::Price(problem)),
        Ok(Price::AskedAtTill) if active => Some(ArticleProblem::AskedAtTill),
        Ok(Price::InBarcode) if active => Some(ArticleProblem::InBarcode),
        Ok(Price::NotTold) if active => Some(ArticleProblem::NoPrice),
        Ok(_) => None,
    }
}

fn variant(article: &Article) -> Option<Variant> {
    let variant = Variant {
        size: text(&article.size),
        size_position: article.size_sequence_number.filter(|_| text(&article.size).is_some()),
        colour: text(&article.colour),
        colour_position: article.colour_sequence_number.filter(|_| text(&article.colour).is_some()),
    };
    (variant != Variant::default()).then_some(variant)
}

/// The main barcode first, each once.
fn barcodes(article: &Article) -> Vec<String> {
    let listed = article.barcode_list.iter().filter_map(|barcode| text(&barcode.barcode));
    let mut barcodes: Vec<String> = Vec::new();
    for barcode in text(&article.barcode).into_iter().chain(listed) {
        if !barcodes.contains(&barcode) {
            barcodes.push(barcode);
        }
    }
    barcodes
}

/// When the POS changed the article; none when it does not say, or the clock showed no one instant.
fn changed_at(article: &Article, zone: Zone) -> Option<DateTime<Utc>> {
    article.change_timestamp?.to_instant(zone).ok().flatten()
}

/// The text, none for one that is empty.
pub(crate) fn text(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
