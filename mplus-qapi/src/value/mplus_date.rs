//! The service's own dates and times, told field by field.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::zone::{InstantError, Zone};

/// `SoapMplusDate` of the service: a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SoapMplusDate {
    /// `day`, from 1; 0 in any field means no date.
    pub day: i32,
    /// `mon`, from 1.
    pub mon: i32,
    /// `year`.
    pub year: i32,
}

/// `SoapMplusDateTime` of the service: a day and a time of the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SoapMplusDateTime {
    /// `sec`.
    pub sec: i32,
    /// `min`.
    pub min: i32,
    /// `hour`.
    pub hour: i32,
    /// `day`, from 1; 0 in day, month or year means no date.
    pub day: i32,
    /// `mon`, from 1.
    pub mon: i32,
    /// `year`.
    pub year: i32,
    /// `isdst`: summer time.
    pub isdst: bool,
    /// `timezone`: minutes east of UTC.
    pub timezone: i32,
}

impl SoapMplusDate {
    /// The day, or `None` for the zeros that mean "no date" (docs/src/unknowns.md) and for days that do not exist.
    pub fn to_date(self) -> Option<NaiveDate> {
        day(self.year, self.mon, self.day)
    }
}

impl From<NaiveDate> for SoapMplusDate {
    fn from(date: NaiveDate) -> Self {
        Self { day: date.day() as i32, mon: date.month() as i32, year: date.year() }
    }
}

/// ```
/// use mplus_qapi::value::{AMSTERDAM, SoapMplusDateTime};
///
/// let told = SoapMplusDateTime { hour: 18, day: 1, mon: 7, year: 2026, isdst: true, timezone: 120, ..Default::default() };
/// assert_eq!(told.to_instant(AMSTERDAM)?.map(|instant| instant.to_rfc3339()), Some("2026-07-01T16:00:00+00:00".into()));
/// assert_eq!(SoapMplusDateTime::default().to_instant(AMSTERDAM)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl SoapMplusDateTime {
    /// What the clock on the wall showed, or `None` when a zero says that there is no date, and for a day or a time that does
    /// not exist. Midnight may be told as hour 24 of the day before.
    pub fn to_wall_clock(self) -> Option<NaiveDateTime> {
        let day = day(self.year, self.mon, self.day)?;
        if (self.hour, self.min, self.sec) == (24, 0, 0) {
            return Some(day.succ_opt()?.and_time(NaiveTime::MIN));
        }
        let part = |value: i32| u32::try_from(value).ok();
        day.and_hms_opt(part(self.hour)?, part(self.min)?, part(self.sec)?)
    }

    /// Whether a zero says that there is no date.
    pub fn is_none(self) -> bool {
        self.day == 0 || self.mon == 0 || self.year == 0
    }

    /// The instant, or `None` when there is no date.
    ///
    /// `timezone` is taken as minutes east of UTC. A zero there is what senders write that only know the wall clock (and
    /// what UTC itself would look like): then `zone` decides, with `isdst` choosing between the two instants of an hour
    /// that happened twice (docs/src/unknowns.md).
    ///
    /// # Errors
    /// [`InstantError`] when the zone's clocks never showed the time, or no clock does, as in a month 13.
    pub fn to_instant(self, zone: Zone) -> Result<Option<chrono::DateTime<Utc>>, InstantError> {
        if self.is_none() {
            return Ok(None);
        }
        let wall_clock = self.to_wall_clock().ok_or(InstantError::OutOfRange)?;
        if self.timezone != 0 {
            let east = TimeDelta::minutes(i64::from(self.timezone));
            let utc = wall_clock.checked_sub_signed(east).ok_or(InstantError::OutOfRange)?;
            return Ok(Some(utc.and_utc()));
        }
        match zone.instant(wall_clock) {
            Err(InstantError::Twice { earlier, later }) => Ok(Some(if self.isdst { earlier } else { later })),
            other => other.map(Some),
        }
    }

    /// The wall clock of `zone` at `instant`, with its offset and whether that is summer time.
    pub fn from_instant(instant: chrono::DateTime<Utc>, zone: Zone) -> Self {
        let (offset, is_summer) = zone.offset(instant);
        Self {
            isdst: is_summer,
            timezone: offset.num_minutes() as i32,
            ..Self::from(zone.local(instant).naive_local())
        }
    }
}

impl From<NaiveDateTime> for SoapMplusDateTime {
    /// A wall clock time in a zone that is not told: `timezone` 0 and `isdst` false.
    fn from(local: NaiveDateTime) -> Self {
        Self {
            sec: local.second() as i32,
            min: local.minute() as i32,
            hour: local.hour() as i32,
            day: local.day() as i32,
            mon: local.month() as i32,
            year: local.year(),
            isdst: false,
            timezone: 0,
        }
    }
}

fn day(year: i32, month: i32, day: i32) -> Option<NaiveDate> {
    if year == 0 {
        return None;
    }
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::AMSTERDAM;

    const TOLD: SoapMplusDateTime = SoapMplusDateTime {
        sec: 0,
        min: 0,
        hour: 12,
        day: 31,
        mon: 12,
        year: 2026,
        isdst: false,
        timezone: 0,
    };

    #[test]
    fn midnight_may_be_told_as_the_end_of_the_day() {
        let midnight = SoapMplusDateTime { hour: 24, ..TOLD }.to_wall_clock().map(|at| at.to_string());
        assert_eq!(midnight.as_deref(), Some("2027-01-01 00:00:00"));
    }

    #[test]
    fn a_time_that_no_clock_shows_is_an_error_and_not_the_absence_of_a_date() {
        let impossible = [
            SoapMplusDateTime { hour: 24, sec: 1, ..TOLD },
            SoapMplusDateTime { sec: 60, ..TOLD },
            SoapMplusDateTime { min: -1, ..TOLD },
            SoapMplusDateTime { mon: 13, ..TOLD },
            SoapMplusDateTime { day: 31, mon: 2, ..TOLD },
        ];
        for told in impossible {
            assert_eq!(told.to_instant(AMSTERDAM), Err(InstantError::OutOfRange), "{told:?}");
        }
        for none in [SoapMplusDateTime { day: 0, ..TOLD }, SoapMplusDateTime { year: 0, ..TOLD }] {
            assert_eq!(none.to_instant(AMSTERDAM), Ok(None), "{none:?}");
        }
    }
}
