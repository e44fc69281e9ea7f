//! Items: the POS's articles.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ArticleNumber, BtwCode, CategoryId, CourseNumber, ItemId, LocationId, ModifierGroupId, Record};

/// Something that is sold; an article at the POS.
///
/// Sizes and colours of one product are articles of their own there and items of their own here; what tells them
/// apart is in [`Item::variant`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// The host's identifier.
    pub id: ItemId,
    /// The category it is in; none for an article whose product is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// As guests read it.
    pub name: String,
    /// A longer text for guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The price in euros, VAT included; none when the POS gives none.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Prices of locations that differ from [`Item::price`], one per location.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub location_prices: Vec<LocationPrice>,
    /// The VAT rate in per cent, as the host keeps it (`21` for 21 %).
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<Decimal>,
    /// The POS's BTW code (`vatCode`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btw_code: Option<BtwCode>,
    /// The VAT rate in per cent where another one holds for guests who take it away, or for those who stay: the POS's
    /// alternative rate. Pulled only.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub alternative_tax_rate: Option<Decimal>,
    /// The POS's BTW code of the alternative rate (`vatCodeAlternative`). Pulled only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative_btw_code: Option<BtwCode>,
    /// The POS's turnover group, 0 to 999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnover_group: Option<i32>,
    /// What tells it from other items of the same product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The price look-up code: text, leading zeros count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plu: Option<String>,
    /// Barcodes, the main one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barcodes: Vec<String>,
    /// Where it stands among its neighbours; lower comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i32>,
    /// Whether it can be sold. An item that is gone is inactive; none is ever deleted.
    pub active: bool,
    /// Whether the host hides it from guests. The host's alone: it never travels, and no pull changes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Locations where it cannot be ordered: it is not for sale there, or what it costs there is known at the till alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_sold_at: Vec<LocationId>,
    /// Whether the POS keeps its stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_tracked: Option<bool>,
    /// The course it is served in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<CourseNumber>,
    /// The age in years that a guest must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<i32>,
    /// Allergens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allergens: Vec<Characteristic>,
    /// Diets that it suits, or does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diets: Vec<Characteristic>,
    /// Nutrients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nutrients: Vec<Nutrient>,
    /// Pictures, the main one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ItemImage>,
    /// The modifier groups offered with it, in the order they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifier_groups: Vec<ModifierGroupId>,
    /// What it is made of at the POS, where it is a composite article: itself among them. Its price includes them. Pulled only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Articles that the POS links to it, such as the deposit on a bottle. Pulled only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<LinkedArticle>,
}

impl Item {
    /// An active item without a price.
    pub fn new(id: impl Into<ItemId>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            category: None,
            name: name.into(),
            description: None,
            price: None,
            location_prices: Vec::new(),
            tax_rate: None,
            btw_code: None,
            alternative_tax_rate: None,
            alternative_btw_code: None,
            turnover_group: None,
            variant: None,
            plu: None,
            barcodes: Vec::new(),
            position: None,
            active: true,
            hidden: false,
            not_sold_at: Vec::new(),
            stock_tracked: None,
            course: None,
            minimum_age: None,
            allergens: Vec::new(),
            diets: Vec::new(),
            nutrients: Vec::new(),
            images: Vec::new(),
            modifier_groups: Vec::new(),
            components: Vec::new(),
            linked: Vec::new(),
        }
    }

    /// The price at a location in euros, VAT included: its own where it has one, the item's otherwise; none where it cannot be
    /// ordered.
    pub fn price_at(&self, location: &LocationId) -> Option<Decimal> {
        if !self.is_sold_at(location) {
            return None;
        }
        let own = self.location_prices.iter().find(|own| own.location == *location);
        own.map(|own| own.price).or(self.price)
    }

    /// What one piece comes to at a location together with the articles that are linked to it, in euros, VAT included: a drink
    /// with its deposit. `price_of` knows what an article costs there. None when its price, or one of theirs, is not known.
    ///
    /// Components cost nothing on top: the price includes them.
    ///
    /// ```
    /// use mplus_sync::model::{ArticleNumber, Item, LinkedArticle};
    ///
    /// let mut cola = Item::new("cola", "Cola 1 l");
    /// cola.price = Some("2.80".parse()?);
    /// cola.linked = vec![LinkedArticle { article: ArticleNumber::new(900), quantity: "1".parse()? }];
    /// let deposit = "0.25".parse().ok();
    /// assert_eq!(cola.price_with_linked_at(&"beach".into(), |_| deposit), "3.05".parse().ok());
    /// # Ok::<(), rust_decimal::Error>(())
    /// ```
    pub fn price_with_linked_at(
        &self,
        location: &LocationId,
        price_of: impl Fn(ArticleNumber) -> Option<Decimal>,
    ) -> Option<Decimal> {
        self.linked.iter().try_fold(self.price_at(location)?, |sum, linked| {
            sum.checked_add(price_of(linked.article)?.checked_mul(linked.quantity)?)
        })
    }

    /// Whether it can be ordered at a location, as far as that location alone is concerned.
    pub fn is_sold_at(&self, location: &LocationId) -> bool {
        !self.not_sold_at.contains(location)
    }

    /// Whether guests see it: it is active and the host does not hide it.
    pub fn is_shown(&self) -> bool {
        self.active && !self.hidden
    }
}

impl Record for Item {
    type Id = ItemId;
    type PosId = ArticleNumber;
    const NAME: &'static str = "item";

    fn id(&self) -> &ItemId {
        &self.id
    }

    fn pos_key(number: &ArticleNumber) -> String {
        number.to_string()
    }

    fn from_pos_key(key: &str) -> Option<ArticleNumber> {
        key.parse().ok().map(ArticleNumber::new)
    }
}

/// A price that one location asks instead of the item's; a branch price deviation at the POS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationPrice {
    /// Where the price holds.
    pub location: LocationId,
    /// The price in euros, VAT included.
    #[serde(with = "rust_decimal::serde::str")]
    pub price: Decimal,
}

/// An article that is part of a composite one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The article.
    pub article: ArticleNumber,
    /// As the POS calls it; empty when it does not say.
    #[serde(default)]
    pub name: String,
    /// How much of it one piece of the whole holds.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// Its share of the price in euros, VAT included, when the POS tells it.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Its own BTW code, when the POS tells it: the rates of components may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btw_code: Option<BtwCode>,
}

/// An article that comes with another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedArticle {
    /// The article.
    pub article: ArticleNumber,
    /// How many of it come with one piece.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
}

/// What tells an item from others of the same product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The size, as the POS words it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// The size's place among the sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_position: Option<i32>,
    /// The colour, as the POS words it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// The colour's place among the colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_position: Option<i32>,
}

/// An allergen or a diet, and whether the item has it or suits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Characteristic {
    /// The POS's number of the characteristic.
    pub number: i32,
    /// As the POS words it.
    pub name: String,
    /// What is known.
    pub presence: Presence,
}

/// What is known of a characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Presence {
    /// Nothing; for an allergen this is not the same as absent.
    Unknown,
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Traces may be there.
    Maybe,
}

/// How much of a nutrient an item holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nutrient {
    /// The POS's number of the nutrient.
    pub number: i32,
    /// As the POS words it.
    pub name: String,
    /// The amount, in [`Nutrient::unit`].
    #[serde(with = "rust_decimal::serde::str")]
    pub value: Decimal,
    /// The unit of the amount, when the POS names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A picture of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemImage {
    /// The POS's hash of the picture: the same hash is the same picture and is not downloaded again.
    pub hash: String,
    /// The POS's file name.
    pub name: String,
    /// Where the host's media store keeps it; none while it was not downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// Why it cannot be taken over, such as its size. Then only another hash, or a full run, has it downloaded again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl ItemImage {
    /// Whether it is still to be downloaded.
    pub fn is_wanted(&self) -> bool {
        self.media.is_none() && self.refused.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_asks_its_own_price_and_falls_back_to_the_items() {
        let mut item = Item::new("cola", "Cola");
        item.price = Some(Decimal::new(250, 2));
        item.location_prices =
            vec![LocationPrice { location: LocationId::from("beach"), price: Decimal::new(310, 2) }];
        assert_eq!(item.price_at(&LocationId::from("beach")), Some(Decimal::new(310, 2)));
        assert_eq!(item.price_at(&LocationId::from("city")), Some(Decimal::new(250, 2)));
    }

    #[test]
    fn a_price_keeps_every_digit_in_json() {
        let mut item = Item::new("cola", "Cola");
        item.price = Some(Decimal::new(250, 2));
        let json = serde_json::to_string(&item).unwrap();
        assert!(json.contains("\"price\":\"2.50\""), "{json}");
        let back: Item = serde_json::from_str(&json).unwrap();
        assert_eq!(back.price.map(|price| price.scale()), Some(2));
        assert_eq!(back, item);
    }
}
