//! What holds for all runs of a merchant.

use std::time::Duration;

use chrono_tz::Tz;

use crate::media::ImageRules;
use crate::tax::TaxMapping;

/// What holds for all syncs of a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SyncSettings {
    /// The host's tax rates; the Dutch ones unless set.
    pub tax: TaxMapping,
    /// Articles that are asked for and stored at once: 500 unless set. Memory grows with it.
    pub chunk: u16,
    /// Pictures that are downloaded at the same time: 4 unless set.
    pub parallel_images: usize,
    /// Which pictures are taken.
    pub images: ImageRules,
    /// Whether and how stock is pulled.
    pub stock: StockSettings,
    /// How long a run may be silent before another worker may take over: 15 minutes unless set.
    pub lease: Duration,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            tax: TaxMapping::dutch(),
            chunk: 500,
            parallel_images: 4,
            images: ImageRules::default(),
            stock: StockSettings::default(),
            lease: Duration::from_secs(15 * 60),
        }
    }
}

/// How stock is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StockSettings {
    /// Whether the merchant wants stock to be synced. It is on unless switched off.
    pub enabled: bool,
    /// How many levels are written at once: 1,000 unless set. Memory grows with it, by about 1 KiB for each.
    pub chunk: usize,
    /// The zone of the POS's clock.
    pub zone: Tz,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self { enabled: true, chunk: 1_000, zone: mplus_qapi::value::AMSTERDAM }
    }
}
