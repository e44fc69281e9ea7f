//! xsd:date.

use std::{fmt, str::FromStr};

use chrono::{Datelike, FixedOffset, NaiveDate};

use super::date_time::{parse_offset, split_offset, write_offset};

/// A calendar date (xsd:date), with the offset from UTC if the wire had one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Date {
    /// The day.
    pub date: NaiveDate,
    /// Minutes east of UTC where that day was meant; mostly absent.
    offset_minutes: Option<i16>,
}

impl Date {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseDateError;

impl fmt::Display for ParseDateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a date such as 2026-01-31")
    }
}

impl std::error::Error for ParseDateError {}

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
        write_day(f, self.date)?;
        write_offset(f, self.offset_minutes)
    }
}

/// `2026-01-31`; years may have a sign and more than four digits.
pub(super) fn parse_day(text: &str) -> Option<NaiveDate> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut parts = unsigned.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = [year, month, day].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if parts.next().is_some() || !digits || year.len() < 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    NaiveDate::from_ymd_opt(sign * year.parse::<i32>().ok()?, month.parse().ok()?, day.parse().ok()?)
}

pub(super) fn write_day(f: &mut fmt::Formatter<'_>, day: NaiveDate) -> fmt::Result {
    let sign = if day.year() < 0 { "-" } else { "" };
    write!(f, "{sign}{:04}-{:02}-{:02}", day.year().unsigned_abs(), day.month(), day.day())
}
