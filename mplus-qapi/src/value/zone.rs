//! Time zones, and what their clocks show.

use std::{fmt, str::FromStr};

use chrono::{FixedOffset, LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{GapInfo, OffsetComponents as _};

/// A time zone of the IANA database, known by its name.
///
/// ```
/// use mplus_qapi::value::{AMSTERDAM, Zone};
///
/// let lisbon: Zone = "Europe/Lisbon".parse()?;
/// let noon: chrono::DateTime<chrono::Utc> = "2026-07-01T12:00:00Z".parse()?;
/// assert_eq!(lisbon.local(noon).to_rfc3339(), "2026-07-01T13:00:00+01:00");
/// assert_eq!(AMSTERDAM.to_string(), "Europe/Amsterdam");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

/// The zone that wall clock times of Dutch tills are in, for conversions that ask for one.
///
/// The service does not say in which zone its wall clock times are; this is what its users observe (docs/src/unknowns.md).
pub const AMSTERDAM: Zone = Zone(chrono_tz::Europe::Amsterdam);

/// A wall clock time is not one instant in its zone: the clocks went forward over it, or back through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstantError {
    /// The clocks were put forward over this time; it did not exist.
    #[error("the clocks skipped this time in the zone")]
    Skipped,
    /// The clocks were put back through this time; it happened twice.
    #[error("this time happened twice in the zone: {earlier} and {later}")]
    Twice {
        /// The first time.
        earlier: chrono::DateTime<Utc>,
        /// The second time.
        later: chrono::DateTime<Utc>,
    },
    /// The instant lies outside of what chrono can tell, or there is none.
    #[error("the instant is out of range")]
    OutOfRange,
}

/// The text is no name of the IANA time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a name of the IANA time zone database, such as Europe/Amsterdam")]
pub struct ParseZoneError(());

impl Zone {
    /// The name in the IANA time zone database.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the zone's clocks show at an instant, with their offset from UTC.
    pub fn local(self, instant: chrono::DateTime<Utc>) -> chrono::DateTime<FixedOffset> {
        instant.with_timezone(&self.0).fixed_offset()
    }

    /// The instant at which the zone's clocks showed `wall_clock`.
    ///
    /// # Errors
    /// [`InstantError`] when there is none, or when there are two.
    pub fn instant(self, wall_clock: NaiveDateTime) -> Result<chrono::DateTime<Utc>, InstantError> {
        match self.0.from_local_datetime(&wall_clock) {
            LocalResult::Single(instant) => Ok(instant.to_utc()),
            LocalResult::Ambiguous(earlier, later) => {
                Err(InstantError::Twice { earlier: earlier.to_utc(), later: later.to_utc() })
            }
            LocalResult::None => Err(InstantError::Skipped),
        }
    }

    /// The first instant at which the zone's clocks show `wall_clock` or later: behind the gap for a time that they skip, the
    /// first of two for one that they show twice.
    pub fn first_instant(self, wall_clock: NaiveDateTime) -> chrono::DateTime<Utc> {
        let shown = self.0.from_local_datetime(&wall_clock).earliest();
        let instant = shown.or_else(|| GapInfo::new(&wall_clock, &self.0).and_then(|gap| gap.end));
        // Neither shown nor in a gap happens only at the two ends of the calendar.
        instant.map_or(wall_clock.and_utc(), |instant| instant.to_utc())
    }

    /// How far ahead of UTC the clocks are at an instant, and whether that is summer time.
    pub(super) fn offset(self, instant: chrono::DateTime<Utc>) -> (TimeDelta, bool) {
        let local = instant.with_timezone(&self.0);
        let seconds = local.offset().fix().local_minus_utc();
        (TimeDelta::seconds(i64::from(seconds)), !local.offset().dst_offset().is_zero())
    }
}

impl FromStr for Zone {
    type Err = ParseZoneError;

    fn from_str(name: &str) -> Result<Self, ParseZoneError> {
        name.parse().map(Self).map_err(|_| ParseZoneError(()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall_clock(text: &str) -> NaiveDateTime {
        text.parse().expect("a wall clock")
    }

    #[test]
    fn a_time_that_was_skipped_and_one_that_came_twice_are_told_apart() {
        assert_eq!(AMSTERDAM.instant(wall_clock("2026-03-29T02:30:00")), Err(InstantError::Skipped));
        let twice = AMSTERDAM.instant(wall_clock("2026-10-25T02:30:00"));
        let Err(InstantError::Twice { earlier, later }) = twice else { panic!("{twice:?}") };
        assert_eq!(
            (later - earlier, earlier.to_rfc3339()),
            (TimeDelta::hours(1), "2026-10-25T00:30:00+00:00".into())
        );
    }

    #[test]
    fn the_first_instant_lies_behind_a_gap_and_is_the_first_of_two() {
        for (shown, instant) in [
            ("2026-03-29T02:30:00", "2026-03-29T01:00:00+00:00"),
            ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),
            ("2026-07-01T12:00:00", "2026-07-01T10:00:00+00:00"),
        ] {
            assert_eq!(AMSTERDAM.first_instant(wall_clock(shown)).to_rfc3339(), instant);
        }
    }

    #[test]
    fn a_zone_is_known_by_its_name_alone() {
        let zone: Zone = "America/New_York".parse().expect("a zone");
        assert_eq!(
            (zone.name(), format!("{zone:?}")),
            ("America/New_York", "Zone(America/New_York)".to_owned())
        );
        for name in ["", "Amsterdam", "CEST", "+01:00"] {
            assert!(name.parse::<Zone>().is_err(), "{name}");
        }
    }
}
