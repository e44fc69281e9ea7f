//! Categories: the POS's products.

use serde::{Deserialize, Serialize};

use super::{CategoryId, ProductNumber, Record};

/// A group of items on the host; a product at the POS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Category {
    /// The host's identifier.
    pub id: CategoryId,
    /// As guests read it.
    pub name: String,
    /// A longer text for guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands among its neighbours; lower comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i32>,
    /// The article groups of the POS that the product is in (`groupNumbers`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_numbers: Vec<i32>,
    /// Whether it is sold from at the POS. A category that is gone is inactive; none is ever deleted.
    pub active: bool,
    /// Whether the host hides it from guests. The host's alone: it never travels, and no pull changes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl Category {
    /// An active category.
    pub fn new(id: impl Into<CategoryId>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            description: None,
            position: None,
            group_numbers: Vec::new(),
            active: true,
            hidden: false,
        }
    }

    /// Whether guests see it: it is active and the host does not hide it.
    pub fn is_shown(&self) -> bool {
        self.active && !self.hidden
    }
}

impl Record for Category {
    type Id = CategoryId;
    type PosId = ProductNumber;
    const NAME: &'static str = "category";

    fn id(&self) -> &CategoryId {
        &self.id
    }

    fn pos_key(number: &ProductNumber) -> String {
        number.to_string()
    }

    fn from_pos_key(key: &str) -> Option<ProductNumber> {
        key.parse().ok().map(ProductNumber::new)
    }
}
