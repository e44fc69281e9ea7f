//! How stock is pulled.

use mplus_qapi::value::{AMSTERDAM, Zone};
use serde::{Deserialize, Serialize};

/// Whether, how often and how stock is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StockSettings {
    /// Whether the merchant wants stock to be synced (Sync Stock). It is on unless switched off.
    pub enabled: bool,
    /// After how many minutes it is pulled again: 15 unless set. None: with the daily sync only.
    pub every_minutes: Option<u32>,
    /// The zone of the POS's clock.
    #[serde(with = "crate::model::zone_name")]
    pub zone: Zone,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self { enabled: true, every_minutes: Some(15), zone: AMSTERDAM }
    }
}
