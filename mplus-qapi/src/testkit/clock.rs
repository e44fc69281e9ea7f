//! Time and ids of the test POS: the same in every run.

use chrono::{DateTime, Duration, NaiveDate, TimeZone as _, Utc};

use crate::value::{AMSTERDAM, SoapMplusDateTime};

fn start() -> DateTime<Utc> {
    Utc.timestamp_opt(1_780_308_000, 0).single().unwrap_or_default()
}

/// A clock that stands still between calls and goes on one second with each.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    now: DateTime<Utc>,
    ids: u64,
}

impl Default for Clock {
    /// 1 June 2026, noon in the Netherlands.
    fn default() -> Self {
        Self { now: start(), ids: 0 }
    }
}

impl Clock {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whole hours since it began.
    pub(super) fn hours(&self) -> i64 {
        (self.now - start()).num_hours()
    }

    pub(super) fn set(&mut self, now: DateTime<Utc>) {
        self.now = now;
    }

    pub(super) fn advance(&mut self, by: std::time::Duration) {
        self.now += Duration::from_std(by).unwrap_or(Duration::zero());
    }

    /// The wall clock in the Netherlands, in the form that most elements have.
    pub(super) fn stamp(&self) -> SoapMplusDateTime {
        SoapMplusDateTime::from_instant(self.now, AMSTERDAM)
    }

    /// The same as an xsd:dateTime.
    pub(super) fn date_time(&self) -> crate::value::DateTime {
        AMSTERDAM.local(self.now).into()
    }

    pub(super) fn today(&self) -> NaiveDate {
        AMSTERDAM.local(self.now).date_naive()
    }

    /// An id in the form of a UUID; `kind` makes it recognizable.
    pub(super) fn id(&mut self, kind: u32) -> String {
        self.ids += 1;
        format!("{kind:08x}-0000-4000-8000-{:012x}", self.ids)
    }
}
