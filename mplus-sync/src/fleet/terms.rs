//! What holds for one merchant.

use std::time::Duration;

use crate::model::ConnectionId;
use crate::orders::OrderSettings;
use crate::schedule::DailySchedule;

use super::settings::FleetSettings;

/// What a merchant's settings say of its work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Terms {
    /// When the daily sync is due; none where it is switched off.
    pub(super) daily: Option<DailySchedule>,
    /// How often stock is pulled beside it; none where it is not.
    pub(super) stock_every: Option<Duration>,
    pub(super) orders: OrderSettings,
}

impl Terms {
    pub(super) fn of(settings: &FleetSettings, id: &ConnectionId) -> Self {
        let spread = |daily: &DailySchedule| daily.clone().with_jitter(id.as_str(), settings.spread).ok();
        Self {
            daily: settings.daily.as_ref().and_then(spread),
            stock_every: settings.stock_every,
            orders: settings.order_settings.clone(),
        }
    }
}
