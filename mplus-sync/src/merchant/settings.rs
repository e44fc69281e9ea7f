//! What holds for all runs of a merchant.

use std::time::Duration;

use mplus_qapi::value::Zone;

use crate::conflict::Unit;
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
    /// What is decided by itself when both sides changed an item: each field unless set.
    pub conflicts: Unit,
    /// How often a scheduled sync reads the whole menu, to notice what is gone: once a week unless set.
    pub full_every: Duration,
    /// How much of the menu, in per cent, may be switched off because the POS does not list it any more: 20 unless set. An
    /// answer that would switch off more is held back and told to a person.
    pub most_gone: u8,
    /// Whether a scheduled sync that finds the menu changed lists all articles once, to notice which are gone: no marker tells of
    /// one that was deleted. On unless switched off.
    pub counts_articles: bool,
    /// Whether only articles are sold that the POS marks for the web shop (`webshop`). Off unless set.
    pub webshop_only: bool,
    /// The POS's price group of the host's sales channel, such as take-away: where an article has a price in it, that is the
    /// item's, and is pulled only. None unless set.
    pub price_group: Option<i32>,
    /// How long after a crash of a worker others may take over: 2 minutes unless set. A run prolongs its lease as long as it
    /// lives, whatever it waits for; a worker of the same name takes over at once.
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
            conflicts: Unit::Field,
            full_every: Duration::from_secs(7 * 24 * 60 * 60),
            most_gone: 20,
            counts_articles: true,
            webshop_only: false,
            price_group: None,
            lease: Duration::from_secs(2 * 60),
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
    pub zone: Zone,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self { enabled: true, chunk: 1_000, zone: mplus_qapi::value::AMSTERDAM }
    }
}
