//! One run a day at a wall clock time, whatever the zone's clock does.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use mplus_qapi::value::{AMSTERDAM, Zone};
use sha2::{Digest, Sha256};

/// A daily run at a wall clock time in an IANA zone.
///
/// There is one run for every calendar day: at the first instant at which the zone's clocks show the time or later.
/// So a time that a day skips (the clocks go forward over it) runs at the first instant after the gap, and a time
/// that a day has twice (the clocks go back over it) runs once, the first time.
///
/// With a jitter, connections that share a time are spread: each runs a fixed while later, derived from its id, so
/// that a thousand merchants who all chose 04:00 do not call the POS in the same second.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use mplus_sync::schedule::DailySchedule;
///
/// let schedule = DailySchedule::at(2, 30)?; // Europe/Amsterdam
/// let now: DateTime<Utc> = "2026-03-28T12:00:00Z".parse()?;
/// // On 29 March 2026 the clocks go from 02:00 to 03:00: there is no 02:30.
/// assert_eq!(schedule.next_after(now).to_rfc3339(), "2026-03-29T01:00:00+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySchedule {
    time: NaiveTime,
    zone: Zone,
    delay: TimeDelta,
}

/// A schedule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Not a time of day.
    #[error("{hour:02}:{minute:02} is not a time of day; use 00:00 to 23:59")]
    Time {
        /// The hour as given.
        hour: u32,
        /// The minute as given.
        minute: u32,
    },
    /// Not a name in the IANA time zone database.
    #[error("'{0}' is not an IANA time zone; use a name such as Europe/Amsterdam")]
    Zone(String),
    /// A jitter of a day or more would let runs overtake each other.
    #[error("the jitter has to be shorter than a day, not {0:?}")]
    Jitter(Duration),
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl DailySchedule {
    /// Every day at `hour`:`minute` (24-hour clock) in Europe/Amsterdam, without jitter.
    pub fn at(hour: u32, minute: u32) -> Result<Self, ScheduleError> {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).ok_or(ScheduleError::Time { hour, minute })?;
        Ok(Self { time, zone: AMSTERDAM, delay: TimeDelta::zero() })
    }

    /// The same time in the zone with this IANA name.
    pub fn in_zone(mut self, name: &str) -> Result<Self, ScheduleError> {
        self.zone = name.parse().map_err(|_| ScheduleError::Zone(name.to_owned()))?;
        Ok(self)
    }

    /// Delays every run by a whole number of seconds below `bound`, always the same for the same `connection_id`.
    ///
    /// `bound` has to be shorter than a day; below one second there is no delay.
    pub fn with_jitter(mut self, connection_id: &str, bound: Duration) -> Result<Self, ScheduleError> {
        if bound >= DAY {
            return Err(ScheduleError::Jitter(bound));
        }
        self.delay = jitter(connection_id, bound);
        Ok(self)
    }

    /// The wall clock time, before the jitter.
    pub fn time(&self) -> NaiveTime {
        self.time
    }

    /// The IANA name of the zone.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// How much later than [`time`](Self::time) this connection runs.
    pub fn delay(&self) -> Duration {
        self.delay.to_std().unwrap_or_default()
    }

    /// The first run strictly after `now`.
    ///
    /// Feeding the result back in gives every run once, in order. Beyond the calendar's end (the year 262142) the
    /// answer is `DateTime::<Utc>::MAX_UTC`.
    pub fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.next_day_after(now).map_or(DateTime::<Utc>::MAX_UTC, |day| self.instant_of(day))
    }

    /// When the run of a calendar day of the zone is due.
    pub fn instant_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let due = self.zone.first_instant(day.and_time(self.time));
        due.checked_add_signed(self.delay).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The calendar day of the zone whose run is the first strictly after `now`; none beyond the calendar's end.
    pub fn next_day_after(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        let undelayed = now.checked_sub_signed(self.delay).unwrap_or(DateTime::<Utc>::MIN_UTC);
        // A zone's date is at most one behind UTC's, and the run of the day before that has surely passed.
        let utc_day = undelayed.date_naive();
        let mut day = utc_day.checked_sub_days(Days::new(2)).unwrap_or(utc_day);
        loop {
            if self.zone.first_instant(day.and_time(self.time)) > undelayed {
                return Some(day);
            }
            day = day.succ_opt()?;
        }
    }
}

/// A whole number of seconds in `0..bound`, evenly spread over ids and the same on every machine and release.
fn jitter(connection_id: &str, bound: Duration) -> TimeDelta {
    let seconds = lot(connection_id).checked_rem(bound.as_secs()).unwrap_or(0);
    TimeDelta::from_std(Duration::from_secs(seconds)).unwrap_or_default()
}

/// A number that is evenly spread over ids and the same on every machine and release.
pub(crate) fn lot(connection_id: &str) -> u64 {
    let digest = Sha256::digest(connection_id.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn runs(schedule: &DailySchedule, from: &str, count: usize) -> Vec<String> {
        let mut now = utc(from);
        let next = || {
            now = schedule.next_after(now);
            now.format("%Y-%m-%dT%H:%M").to_string()
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn a_summer_day_runs_two_hours_earlier_in_utc_and_a_winter_day_one() {
        let schedule = DailySchedule::at(4, 0).unwrap();
        assert_eq!(runs(&schedule, "2026-07-01T00:00:00Z", 1), ["2026-07-01T02:00"]);
        assert_eq!(runs(&schedule, "2026-12-01T00:00:00Z", 1), ["2026-12-01T03:00"]);
    }

    #[test]
    fn the_next_run_is_strictly_after_now() {
        let schedule = DailySchedule::at(4, 0).unwrap();
        assert_eq!(schedule.next_after(utc("2026-07-01T02:00:00Z")), utc("2026-07-02T02:00:00Z"));
        assert_eq!(schedule.next_after(utc("2026-07-01T01:59:59.999Z")), utc("2026-07-01T02:00:00Z"));
    }

    #[test]
    fn a_time_in_the_spring_gap_runs_at_the_first_instant_after_it() {
        let schedule = DailySchedule::at(2, 30).unwrap();
        let expected = ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"];
        assert_eq!(runs(&schedule, "2026-03-27T12:00:00Z", 3), expected);
    }

    #[test]
    fn a_time_that_autumn_has_twice_runs_once() {
        let schedule = DailySchedule::at(2, 30).unwrap();
        let expected = ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"];
        assert_eq!(runs(&schedule, "2026-10-23T12:00:00Z", 3), expected);
        // Asked between the two 02:30s, the day's run has been.
        assert_eq!(schedule.next_after(utc("2026-10-25T01:00:00Z")), utc("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn midnight_works_where_the_gap_starts_at_midnight() {
        // Cairo's clocks went from 00:00 to 01:00 on 26 April 2024.
        let schedule = DailySchedule::at(0, 0).unwrap().in_zone("Africa/Cairo").unwrap();
        let expected = ["2024-04-24T22:00", "2024-04-25T22:00", "2024-04-26T21:00"];
        assert_eq!(runs(&schedule, "2024-04-24T12:00:00Z", 3), expected);
    }

    #[test]
    fn a_calendar_day_that_a_zone_left_out_runs_at_the_first_instant_after_it() {
        // Samoa had no 30 December 2011: its clocks went from the 29th, 24:00 (UTC-10) to the 31st, 00:00 (UTC+14).
        let schedule = DailySchedule::at(12, 0).unwrap().in_zone("Pacific/Apia").unwrap();
        let expected = ["2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"];
        assert_eq!(runs(&schedule, "2011-12-29T12:00:00Z", 3), expected);
    }

    #[test]
    fn the_jitter_of_a_connection_never_changes() {
        let hour = Duration::from_secs(3600);
        let delay = |id| DailySchedule::at(4, 0).unwrap().with_jitter(id, hour).unwrap().delay().as_secs();
        // Pinned: another release must not move the merchants' runs.
        assert_eq!([delay("merchant-1"), delay("merchant-2"), delay("")], [1383, 603, 52]);
    }

    #[test]
    fn the_jitter_spreads_connections_over_its_whole_range() {
        let delay = |n: u32| jitter(&format!("connection-{n}"), Duration::from_secs(600)).num_seconds() / 60;
        let mut per_minute = [0; 10];
        (0..1000).for_each(|n| per_minute[usize::try_from(delay(n)).unwrap()] += 1);
        assert!(per_minute.iter().all(|count| (60..=140).contains(count)), "{per_minute:?}");
    }

    #[test]
    fn a_delayed_run_is_found_after_midnight_too() {
        let hours = Duration::from_secs(23 * 3600);
        let schedule = DailySchedule::at(23, 0).unwrap().with_jitter("merchant-1", hours).unwrap();
        let due = utc("2026-07-01T21:00:00Z") + schedule.delay();
        assert_eq!(schedule.next_after(due - TimeDelta::seconds(1)), due);
        assert_eq!(schedule.next_after(due), due + TimeDelta::days(1));
    }

    #[test]
    fn what_cannot_be_scheduled_is_refused_with_a_hint() {
        assert_eq!(DailySchedule::at(24, 0), Err(ScheduleError::Time { hour: 24, minute: 0 }));
        let at_four = DailySchedule::at(4, 0).unwrap();
        let unknown = at_four.clone().in_zone("Amsterdam").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "'Amsterdam' is not an IANA time zone; use a name such as Europe/Amsterdam"
        );
        assert_eq!(at_four.with_jitter("c", DAY), Err(ScheduleError::Jitter(DAY)));
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for zone in ["Pacific/Kiritimati", "Pacific/Niue", "Europe/Amsterdam"] {
            let schedule = DailySchedule::at(12, 0).unwrap().in_zone(zone).unwrap();
            let schedule = schedule.with_jitter("c", Duration::from_secs(86_399)).unwrap();
            assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC), DateTime::<Utc>::MAX_UTC);
            schedule.next_after(DateTime::<Utc>::MIN_UTC);
        }
    }

    /// Zones with every kind of oddity: DST in both hemispheres, half-hour DST, DST at midnight, a day left out.
    fn zones() -> impl Strategy<Value = Tz> {
        prop_oneof![
            4 => Just(Tz::Europe__Amsterdam),
            4 => prop::sample::select(vec![
                Tz::Europe__Dublin, Tz::America__New_York, Tz::America__Sao_Paulo, Tz::Australia__Lord_Howe,
                Tz::Africa__Cairo, Tz::Africa__Casablanca, Tz::Asia__Beirut, Tz::America__Nuuk, Tz::Pacific__Apia,
                Tz::Asia__Kathmandu, Tz::Antarctica__Troll, Tz::America__Caracas,
            ]),
            2 => prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        ]
    }

    fn instants() -> impl Strategy<Value = DateTime<Utc>> {
        (utc("1980-01-01T00:00:00Z").timestamp()..utc("2060-01-01T00:00:00Z").timestamp())
            .prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }

    proptest! {
        #[test]
        fn a_week_of_runs_is_one_a_day_in_order(
            zone in zones(), now in instants(), hour in 0u32..24, minute in 0u32..60, bound in 0u64..86_400,
        ) {
            let schedule = DailySchedule::at(hour, minute).unwrap().in_zone(zone.name()).unwrap();
            let schedule = schedule.with_jitter("connection", Duration::from_secs(bound)).unwrap();
            let mut at = now;
            for _ in 0..7 {
                let next = schedule.next_after(at);
                prop_assert!(next > at);
                // No run between: whoever asks a moment before it gets the same answer.
                prop_assert_eq!(schedule.next_after(next - TimeDelta::seconds(1)), next);
                let due = next - schedule.delay;
                let shown = due.with_timezone(&zone).naive_local();
                let just_before = (due - TimeDelta::seconds(1)).with_timezone(&zone).naive_local();
                // The clocks show the time, or have just jumped over it (always to before or at the jump's end).
                let is_time = shown.time() == schedule.time;
                let jumped = just_before + TimeDelta::seconds(1) != shown
                    && just_before < shown
                    && [shown.date(), shown.date().pred_opt().unwrap()].iter().any(|date| {
                        let wanted = date.and_time(schedule.time);
                        just_before < wanted && wanted <= shown
                    });
                prop_assert!(is_time || jumped, "{} shows {}", due, shown);
                at = next;
            }
        }

        #[test]
        fn every_calendar_day_has_exactly_one_run(zone in zones(), now in instants(), hour in 0u32..24) {
            let schedule = DailySchedule::at(hour, 30).unwrap().in_zone(zone.name()).unwrap();
            let first_day = now.with_timezone(&zone).date_naive();
            // By the definition, walking the clock in steps that no zone's offset subdivides.
            let mut expected = Vec::new();
            for wanted in first_day.iter_days().skip(2).take(5).map(|day| day.and_time(schedule.time)) {
                let mut instant = (wanted - TimeDelta::hours(40)).and_utc();
                while instant.with_timezone(&zone).naive_local() < wanted {
                    instant += TimeDelta::minutes(1);
                }
                expected.push(instant);
            }
            expected.dedup();
            let mut at = expected[0] - TimeDelta::seconds(1);
            for instant in expected {
                at = schedule.next_after(at);
                prop_assert!((at - instant).abs() <= TimeDelta::minutes(1), "{} {} {}", zone, at, instant);
            }
        }
    }
}
