//! Stock per location. Pull only: the POS is the source of truth.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ItemId, LocationId};

/// How much of an item a location can sell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryLevel {
    /// Where.
    pub location: LocationId,
    /// What.
    pub item: ItemId,
    /// How much can be sold (`amountFree`), with the scale that the POS gave; below zero when more was promised
    /// than is there.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    /// Whether it is counted per day (`isDayStockArticle`).
    pub day_stock: bool,
    /// When the POS last changed it; the time of reading when the POS does not say.
    pub changed_at: DateTime<Utc>,
}
