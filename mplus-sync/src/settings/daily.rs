//! The daily time.

use std::time::Duration;

use chrono::{NaiveTime, Timelike as _};
use mplus_qapi::value::{AMSTERDAM, Zone};
use serde::{Deserialize, Serialize};

use crate::model::ConnectionId;
use crate::schedule::{DailySchedule, ScheduleError};

/// When menu and stock are synced every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DailySettings {
    /// The time of day, to the minute: 04:00 unless set.
    pub at: NaiveTime,
    /// The zone of that time: Europe/Amsterdam unless set.
    #[serde(with = "crate::model::zone_name")]
    pub zone: Zone,
    /// Within how many minutes after it the sync begins, the same for a merchant every day, so that merchants who share a
    /// time do not call their POS in the same second: 60 unless set. 0 for the time itself.
    pub spread_minutes: u32,
}

impl DailySettings {
    /// At this time of day in Europe/Amsterdam.
    pub fn at(time: NaiveTime) -> Self {
        Self { at: time, ..Self::default() }
    }

    /// When the merchant's sync is due.
    ///
    /// # Errors
    /// When the spread is a day or more; see [`MerchantSettings::problems`](super::MerchantSettings::problems).
    pub fn schedule(&self, connection: &ConnectionId) -> Result<DailySchedule, ScheduleError> {
        DailySchedule::at(self.at.hour(), self.at.minute())?
            .in_zone(self.zone.name())?
            .with_jitter(connection.as_str(), Duration::from_secs(u64::from(self.spread_minutes) * 60))
    }
}

impl Default for DailySettings {
    fn default() -> Self {
        let at = NaiveTime::from_hms_opt(4, 0, 0).unwrap_or(NaiveTime::MIN);
        Self { at, zone: AMSTERDAM, spread_minutes: 60 }
    }
}
