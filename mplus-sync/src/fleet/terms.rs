//! What a merchant's settings say of its work.

use std::time::Duration;

use crate::model::ConnectionId;
use crate::schedule::DailySchedule;
use crate::settings::MerchantSettings;

/// What a merchant's settings say of its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    /// When the daily sync is due; none where it is switched off.
    pub(super) daily: Option<DailySchedule>,
    /// Whether stock is wanted at all.
    pub(super) wants_stock: bool,
    /// How often stock is pulled beside it; none where it is not.
    pub(super) stock_every: Option<Duration>,
}

impl Terms {
    pub(super) fn of(settings: &MerchantSettings, id: &ConnectionId) -> Self {
        let stock = settings.stock;
        let minutes = stock.every_minutes.filter(|_| stock.enabled);
        Self {
            // One that cannot be is not saved.
            daily: settings.daily.and_then(|daily| daily.schedule(id).ok()),
            wants_stock: stock.enabled,
            stock_every: minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes.max(1)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_has_no_interval_where_it_is_switched_off() {
        let mut settings = MerchantSettings::default();
        settings.stock.every_minutes = Some(5);
        let id = ConnectionId::from("bistro");
        assert_eq!(Terms::of(&settings, &id).stock_every, Some(Duration::from_secs(300)));
        settings.stock.enabled = false;
        let terms = Terms::of(&settings, &id);
        assert_eq!((terms.wants_stock, terms.stock_every), (false, None));
        settings.daily = None;
        assert_eq!(Terms::of(&settings, &id).daily, None);
    }
}
