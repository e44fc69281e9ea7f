//! Made-up values for every type, from a seed: for tests and benchmarks that want any request or response filled.

use chrono::{NaiveDate, TimeDelta};

use crate::{
    soap::{Record, Role, ValueSource},
    value::{Binary, Date, DateTime, Decimal, XsdDecimal},
};

/// Draws values. The same seed draws the same.
#[derive(Debug, Clone)]
pub struct Sampler {
    state: u64,
    depth: usize,
    /// Of 256 optional fields, how many are there.
    present: u64,
    /// A list has at most this many items.
    items: u64,
    awkward: bool,
}

impl Sampler {
    /// About half of the optional fields, lists of up to two items, and values that are awkward on purpose: numbers
    /// at their limits, text that needs escaping, unknown enum texts.
    pub fn awkward(seed: u64) -> Self {
        Self { state: seed, depth: 0, present: 140, items: 2, awkward: true }
    }

    /// Every field, lists of two items, values as they are in practice.
    pub fn full(seed: u64) -> Self {
        Self { state: seed, depth: 0, present: 256, items: 2, awkward: false }
    }

    /// So many of 256 optional fields.
    pub fn with_optional(mut self, of_256: u64) -> Self {
        self.present = of_256;
        self
    }

    /// Sets every field of a record.
    pub fn fill(&mut self, record: &mut dyn Record) {
        ValueSource::fill(self, record);
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below `limit`.
    pub(super) fn index_below(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit.max(1) as u64)).unwrap_or_default()
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = self.below(from.len().max(1) as u64) as usize;
        from.get(index).copied()
    }

    fn day(&mut self) -> NaiveDate {
        let days = self.below(40_000);
        NaiveDate::default() + TimeDelta::days(days as i64)
    }
}

impl ValueSource for Sampler {
    fn fill(&mut self, record: &mut dyn Record) {
        self.depth += 1;
        for element in record.schema().elements {
            if element.role != Role::ScaleOf
                && let Some(field) = record.field_mut(element.field)
            {
                field.fill(self, element);
            }
        }
        self.depth -= 1;
    }

    /// Types that hold themselves come to an end.
    fn is_present(&mut self) -> bool {
        self.below(256) < self.present && self.depth < if self.awkward { 7 } else { 5 }
    }

    fn count(&mut self) -> u64 {
        match (self.depth, self.awkward) {
            (..4, true) => self.below(self.items + 1),
            (..4, false) => self.items,
            (4, false) => 1,
            (_, false) => 0,
            (_, true) => self.below(2),
        }
    }

    fn integer(&mut self, below: i64) -> i64 {
        let number = self.next();
        match (self.awkward, number % 8) {
            (true, 0) => i64::MAX,
            (true, 1) => i64::MIN,
            (true, 2) => -1,
            (true, _) => number as i64,
            (false, _) => (number % below.max(1) as u64) as i64,
        }
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn text(&mut self) -> String {
        const AWKWARD: [&str; 6] =
            [" a & <b> ", "Caf\u{e9}\r\n\t", "]]>", "\u{1f600} \"'", "", "&amp; &#233;"];
        const PLAIN: [&str; 6] =
            ["Dagschotel", "Friet", "Bitterbal", "Soep van de dag", "Klein", "Caf\u{e9}"];
        let words = if self.awkward { AWKWARD } else { PLAIN };
        let first = self.pick(&words).unwrap_or_default();
        let second = self.pick(&words).unwrap_or_default();
        format!("{first} {second}")
    }

    fn choice(&mut self, texts: &[&'static str]) -> &'static str {
        match (self.awkward, self.below(6)) {
            (true, 0) => "SOMETHING-NEW & unheard of",
            _ => self.pick(texts).unwrap_or("NONE"),
        }
    }

    fn decimal(&mut self, role: Role) -> Decimal {
        let scale = match role {
            Role::Cents => 2,
            Role::Value | Role::Set | Role::Scaled | Role::ScaleOf => self.below(7) as u32,
        };
        Decimal::new(self.integer(NUMBERS), scale)
    }

    fn xsd_decimal(&mut self) -> XsdDecimal {
        let scale = self.below(5) as u32;
        let value = Decimal::new(self.integer(NUMBERS), scale);
        match self.below(8) {
            0 if self.awkward => "-123456789012345678.901234567800".parse().unwrap_or_else(|_| value.into()),
            _ => value.into(),
        }
    }

    fn binary(&mut self) -> Binary {
        Binary(self.text().into_bytes())
    }

    fn date(&mut self) -> Date {
        let day = self.day();
        match self.below(3) {
            0 if self.awkward => format!("{day}+01:00").parse().unwrap_or(Date::new(day)),
            _ => Date::new(day),
        }
    }

    fn date_time(&mut self) -> DateTime {
        let clock = self.day().and_hms_nano_opt(2, 30, 59, self.below(1000) as u32 * 1_000_000);
        let local = DateTime::local(clock.unwrap_or_default());
        let offset = self.pick(&["", "Z", "+02:00", "-03:30"]).unwrap_or_default();
        format!("{local}{offset}").parse().unwrap_or(local)
    }
}

/// Numbers as they are in practice stay below this.
const NUMBERS: i64 = 100_000;
