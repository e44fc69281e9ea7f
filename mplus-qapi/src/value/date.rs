//! xsd:date.

use std::{fmt, str::FromStr};

use chrono::{FixedOffset, NaiveDate};

use super::lexical::{parse_day, parse_offset, split_offset, write_day, write_offset};

/// A calendar date (xsd:date), with the offset from UTC if the wire had one.
///
/// The default is no date at all: it shows as nothing, and to send it where a date is required is an error.
///
/// ```
/// use mplus_qapi::value::Date;
///
/// assert!(!Date::default().is_set());
/// assert!("2026-01-31".parse::<Date>()?.is_set());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The day.
    pub date: NaiveDate,
    /// Minutes east of UTC where that day was meant; mostly absent.
    offset_minutes: Option<i16>,
}

impl Default for Date {
    fn default() -> Self {
        Self::new(NaiveDate::MIN)
    }
}

impl Date {
    /// Whether it is a date: a value that nobody set is none.
    pub fn is_set(&self) -> bool {
        self.date != NaiveDate::MIN
    }

    /// A date without an offset.
    pub const fn new(date: NaiveDate) -> Self {
        Self { date, offset_minutes: None }
    }

    /// The offset that the wire told.
    pub fn offset(&self) -> Option<FixedOffset> {
        FixedOffset::east_opt(i32::from(self.offset_minutes?) * 60)
    }
}

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self::new(date)
    }
}

impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        date.date
    }
}

/// The text is not a date of the form `2026-01-31`, `2026-01-31Z` or `2026-01-31+01:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date such as 2026-01-31")]
pub struct ParseDateError;

impl FromStr for Date {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, ParseDateError> {
        let (day, offset) = split_offset(text);
        Ok(Self {
            date: parse_day(day).ok_or(ParseDateError)?,
            offset_minutes: offset.map(|offset| parse_offset(offset).ok_or(ParseDateError)).transpose()?,
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_set() {
            return Ok(());
        }
        write_day(f, self.date)?;
        write_offset(f, self.offset_minutes)
    }
}
