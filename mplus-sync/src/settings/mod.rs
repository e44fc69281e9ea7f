//! What a merchant sets up: kept per merchant in the store, read by every service.
//!
//! [`MerchantSettings`] are saved with [`Host::save_settings`](crate::Host::save_settings) and stored as JSON with a version. A
//! merchant who has saved none has those of [`Host::with_settings`](crate::Host::with_settings). Services read them at the
//! beginning of each run and of each order, so that what was saved in one process holds in all of them from the next one on.
//!
//! ```
//! use mplus_sync::orders::OrderSettings;
//! use mplus_sync::model::PaymentMethod;
//! use mplus_sync::settings::MerchantSettings;
//!
//! let mut settings = MerchantSettings::default();
//! settings.orders = Some(OrderSettings::new(1).with_payment_method(PaymentMethod::Ideal, "IDEAL"));
//! assert!(settings.problems().is_empty());
//!
//! settings.stock.every_minutes = Some(0);
//! assert_eq!(
//!     settings.problems()[0].to_string(),
//!     "stock.every_minutes: 0 minutes is no interval. Use 1 or more, or none to pull stock with the daily sync only"
//! );
//! ```

mod against_pos;
mod daily;
mod json;
mod orders;
mod problem;
mod stock;
mod stored;
mod valid;

use mplus_qapi::value::{AMSTERDAM, Zone};
use serde::{Deserialize, Serialize};

use crate::conflict::Unit;
use crate::tax::TaxMapping;

use json::read;

pub use against_pos::PosFacts;
pub use daily::DailySettings;
pub use orders::{
    Consumption, CreateCall, DiscountArticle, LocationSettings, OrderSettings, PaymentCode,
    PreparationQuantity, SpecialArticles, TableCall, TellConsumption,
};
pub use problem::{SaveSettingsError, SettingsCheck, SettingsProblem};
pub use stock::StockSettings;
pub(crate) use stored::SettingsReader;
pub use stored::{SavedSettings, read_settings, save_settings};

/// What holds for one merchant. The default is right for a Dutch merchant who takes no orders yet.
///
/// Its JSON form is for hosts that edit it as such; what is missing in it has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MerchantSettings {
    /// The host's tax rates and their BTW codes; the Dutch ones unless set.
    pub tax: TaxMapping,
    /// When menu and stock are synced every day: at 04:00 in the Netherlands unless set. None: only when somebody asks.
    pub daily: Option<DailySettings>,
    /// Whether, how often and how stock is pulled.
    pub stock: StockSettings,
    /// How orders are written and sent; none while the merchant takes none: an order is refused then.
    pub orders: Option<OrderSettings>,
    /// What is decided by itself when both sides changed an item: each field unless set.
    pub conflicts: Unit,
    /// After how many hours a scheduled sync reads the whole menu, to notice what is gone: 168, a week, unless set.
    pub full_every_hours: u32,
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
    /// The zone of the POS's clock, in which it says when an article was changed: Europe/Amsterdam unless set. Stock and orders
    /// have a zone of their own; [`in_zone`](Self::in_zone) sets all of them.
    #[serde(with = "crate::model::zone_name")]
    pub zone: Zone,
}

impl MerchantSettings {
    /// Reads settings from their JSON form. What is left out has its default; a name that is no setting, such as `enable` for `enabled`,
    /// would do nothing, so it is a problem.
    ///
    /// # Errors
    /// Everything that is wrong: what cannot be read, every name that is no setting, and what [`problems`](Self::problems) finds.
    ///
    /// ```
    /// use mplus_sync::settings::MerchantSettings;
    ///
    /// let problems = MerchantSettings::from_json(r#"{"stock":{"enable":false}}"#).unwrap_err();
    /// assert_eq!(
    ///     problems[0].to_string(),
    ///     "stock.enable: there is no setting of this name. Look how it is written, or leave it out"
    /// );
    /// ```
    pub fn from_json(json: &str) -> Result<Self, Vec<SettingsProblem>> {
        let (settings, unknown) = read(json).map_err(|error| SettingsProblem::unreadable(json, &error))?;
        let unknown = unknown.into_iter().map(SettingsProblem::unknown);
        let problems: Vec<_> = unknown.chain(settings.problems()).collect();
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// The same for a merchant whose POS and daily time have another time zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Self {
        if let Some(daily) = &mut self.daily {
            daily.zone = zone;
        }
        self.zone = zone;
        self.stock.zone = zone;
        if let Some(orders) = &mut self.orders {
            orders.zone = zone;
        }
        self
    }
}

impl Default for MerchantSettings {
    fn default() -> Self {
        Self {
            tax: TaxMapping::dutch(),
            daily: Some(DailySettings::default()),
            stock: StockSettings::default(),
            orders: None,
            conflicts: Unit::Field,
            full_every_hours: 7 * 24,
            most_gone: 20,
            counts_articles: true,
            webshop_only: false,
            price_group: None,
            zone: AMSTERDAM,
        }
    }
}
