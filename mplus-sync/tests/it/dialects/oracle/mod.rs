//! What the host must hold and the POS must have: computed from the POS's state, the guide's rules and nothing else.
//!
//! Nothing of the library's own reading is used here: not its prices, not its tax mapping, not its comparison of orders.

mod menu;
mod orders;
mod stock;

use mplus_qapi::testkit::Pos;
use mplus_sync::model::{Category, InventoryLevel, Item, Location, Tracked};

pub(super) use self::{
    menu::{ArticlePrice, article_price},
    orders::{Expected, compare_order},
};

/// What the host holds.
pub(super) struct Host {
    pub(super) items: Vec<Tracked<Item>>,
    pub(super) categories: Vec<Tracked<Category>>,
    pub(super) locations: Vec<Tracked<Location>>,
    pub(super) levels: Vec<InventoryLevel>,
    /// What was told a person so far, a note on a line.
    pub(super) notes: String,
}

/// Whether a person was told something of one of these (the names of one thing).
pub(super) fn is_told(notes: &str, names: &[&str], what: &str) -> bool {
    let is_it = |line: &str| line.contains(what) && names.iter().any(|name| line.contains(name));
    notes.lines().any(is_it)
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// In which flow, and what: `menu/price`.
    pub(super) kind: &'static str,
    pub(super) detail: String,
}

impl Difference {
    pub(super) fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Compares everything that the host holds of the POS.
pub(super) fn compare(pos: &Pos, host: &Host) -> Vec<Difference> {
    let mut differences = menu::compare_locations(pos, host);
    differences.extend(menu::compare_menu(pos, host));
    differences.extend(stock::compare_stock(pos, host));
    differences
}
