//! What dates and dates with a time have in common as text: the day, and the offset from UTC.

use std::fmt;

use chrono::{Datelike, NaiveDate};

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

/// Splits `Z`, `+01:00` or `-01:00` off the end of a date or a clock.
pub(super) fn split_offset(text: &str) -> (&str, Option<&str>) {
    let length = match text.as_bytes() {
        [.., b'Z'] => 1,
        [.., b'+' | b'-', _, _, b':', _, _] => 6,
        _ => return (text, None),
    };
    match text.split_at_checked(text.len() - length) {
        Some((value, offset)) => (value, Some(offset)),
        None => (text, None),
    }
}

/// Minutes east of UTC, at most 14 hours either way.
pub(super) fn parse_offset(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, clock) = match text.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let digits =
        [hours, minutes].iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes): (i16, i16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (digits && minutes < 60 && total <= 14 * 60).then_some(sign * total)
}

pub(super) fn write_offset(f: &mut fmt::Formatter<'_>, minutes: Option<i16>) -> fmt::Result {
    match minutes {
        None => Ok(()),
        Some(0) => f.write_str("Z"),
        Some(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    }
}
