//! Combos: the POS's article menus. Pushed, with the POS merging what it is sent.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ArticleNumber, BtwCode, CategoryId, ComboId, ItemId, Record};

/// Several items sold as one; an article menu at the POS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Combo {
    /// The host's identifier.
    pub id: ComboId,
    /// The category it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// As guests read it.
    pub name: String,
    /// The price in euros, VAT included.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// The VAT rate in per cent, as the host keeps it.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<Decimal>,
    /// The POS's BTW code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btw_code: Option<BtwCode>,
    /// The POS's turnover group, 0 to 999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnover_group: Option<i32>,
    /// What is chosen from, in the order it is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ComboPart>,
    /// Whether it can be sold.
    pub active: bool,
    /// Whether the host hides it from guests. The host's alone: it never travels, and no pull changes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl Combo {
    /// An active combo without parts.
    pub fn new(id: impl Into<ComboId>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            category: None,
            name: name.into(),
            price: None,
            tax_rate: None,
            btw_code: None,
            turnover_group: None,
            parts: Vec::new(),
            active: true,
            hidden: false,
        }
    }

    /// Whether guests see it: it is active and the host does not hide it.
    pub fn is_shown(&self) -> bool {
        self.active && !self.hidden
    }
}

impl Record for Combo {
    type Id = ComboId;
    type PosId = ArticleNumber;
    const NAME: &'static str = "combo";

    fn id(&self) -> &ComboId {
        &self.id
    }

    fn pos_key(number: &ArticleNumber) -> String {
        number.to_string()
    }

    fn from_pos_key(key: &str) -> Option<ArticleNumber> {
        key.parse().ok().map(ArticleNumber::new)
    }
}

/// One part of a combo, of which a choice is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComboPart {
    /// The POS's number of the part (`groupNumber`).
    pub number: i32,
    /// As guests read it.
    pub name: String,
    /// What can be chosen.
    pub choices: Vec<ComboChoice>,
}

/// One choice of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComboChoice {
    /// The item that is served.
    pub item: ItemId,
    /// What the choice adds to the combo's price in euros, VAT included (`addedFee`).
    #[serde(with = "rust_decimal::serde::str")]
    pub surcharge: Decimal,
}
