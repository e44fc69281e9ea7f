//! xsd:dateTime.

use std::{fmt, str::FromStr};

use chrono::{FixedOffset, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::{
    lexical::{parse_day, parse_offset, split_offset, write_day, write_offset},
    zone::{InstantError, Zone},
};

/// A date and time (xsd:dateTime) as the wire told it: wall clock, fraction, and the offset from UTC if there was one.
///
/// Without an offset it is no instant yet: [`Self::to_instant`] asks for the zone that the clock stood in.
///
/// ```
/// use mplus_qapi::value::{AMSTERDAM, DateTime};
///
/// let told: DateTime = "2026-07-01T18:30:00.5".parse()?;
/// assert_eq!(told.offset(), None);
/// let instant = told.to_instant(AMSTERDAM)?;
/// assert_eq!(instant.to_rfc3339(), "2026-07-01T16:30:00.500+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The default is no time at all: it shows as nothing, and to send it where a time is required is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// What the clock on the wall showed. Nanoseconds are the finest.
    pub wall_clock: NaiveDateTime,
    offset_minutes: Option<i16>,
}

impl Default for DateTime {
    fn default() -> Self {
        Self::local(NaiveDateTime::MIN)
    }
}

impl DateTime {
    /// Whether it is a time: a value that nobody set is none.
    pub fn is_set(&self) -> bool {
        self.wall_clock != NaiveDateTime::MIN
    }

    /// A wall clock time in a zone that is not told.
    pub const fn local(wall_clock: NaiveDateTime) -> Self {
        Self { wall_clock, offset_minutes: None }
    }

    /// The offset that the wire told.
    pub fn offset(&self) -> Option<FixedOffset> {
        FixedOffset::east_opt(i32::from(self.offset_minutes?) * 60)
    }

    /// The instant: by the offset if there was one, else by `zone`.
    ///
    /// # Errors
    /// [`InstantError`] when the zone's clocks showed the time never or twice, and for a value that nobody set.
    pub fn to_instant(&self, zone: Zone) -> Result<chrono::DateTime<Utc>, InstantError> {
        if !self.is_set() {
            return Err(InstantError::OutOfRange);
        }
        match self.offset_minutes {
            Some(minutes) => {
                let east = TimeDelta::minutes(i64::from(minutes));
                let utc = self.wall_clock.checked_sub_signed(east).ok_or(InstantError::OutOfRange)?;
                Ok(utc.and_utc())
            }
            None => zone.instant(self.wall_clock),
        }
    }
}

impl From<chrono::DateTime<FixedOffset>> for DateTime {
    /// Seconds of the offset are dropped from the offset, not from the instant; zones in use have none.
    fn from(instant: chrono::DateTime<FixedOffset>) -> Self {
        let minutes = instant.offset().local_minus_utc() / 60;
        let wall_clock = instant.naive_utc() + TimeDelta::minutes(i64::from(minutes));
        Self { wall_clock, offset_minutes: i16::try_from(minutes).ok() }
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(instant: chrono::DateTime<Utc>) -> Self {
        Self { wall_clock: instant.naive_utc(), offset_minutes: Some(0) }
    }
}

/// The text is not a date and time of the form `2026-01-31T18:00:00.5+01:00` (fraction and offset may be absent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time such as 2026-01-31T18:00:00+01:00")]
pub struct ParseDateTimeError;

impl FromStr for DateTime {
    type Err = ParseDateTimeError;

    fn from_str(text: &str) -> Result<Self, ParseDateTimeError> {
        let (day, rest) = text.split_once('T').ok_or(ParseDateTimeError)?;
        let (clock, offset) = split_offset(rest);
        let offset_minutes =
            offset.map(|offset| parse_offset(offset).ok_or(ParseDateTimeError)).transpose()?;
        let day = parse_day(day).ok_or(ParseDateTimeError)?;
        // Midnight may be told as the end of the day before.
        let wall_clock = match clock.strip_prefix("24:00:00") {
            Some(rest) if rest.trim_start_matches('.').bytes().all(|byte| byte == b'0') => {
                day.succ_opt().ok_or(ParseDateTimeError)?.and_time(NaiveTime::MIN)
            }
            _ => day.and_time(parse_clock(clock).ok_or(ParseDateTimeError)?),
        };
        Ok(Self { wall_clock, offset_minutes })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_set() {
            return Ok(());
        }
        let time = self.wall_clock.time();
        write_day(f, self.wall_clock.date())?;
        write!(f, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        if time.nanosecond() != 0 {
            let fraction = format!("{:09}", time.nanosecond());
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        write_offset(f, self.offset_minutes)
    }
}

/// `18:00:00` with an optional fraction of at most nine digits that matter.
fn parse_clock(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let mut part =
        || parts.next().filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let (hour, minute, second) = (part()?, part()?, part()?);
    if parts.next().is_some() || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 9 {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    NaiveTime::from_hms_nano_opt(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, nanoseconds)
}
