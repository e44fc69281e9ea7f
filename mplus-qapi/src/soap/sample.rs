//! Made-up values for every type, from a seed: for tests and benchmarks that want any request or response filled.

#[cfg(not(feature = "testkit"))]
pub(crate) trait Sample {}

#[cfg(not(feature = "testkit"))]
impl<T> Sample for T {}

#[cfg(feature = "testkit")]
pub use self::sampler::Sampler;

#[cfg(feature = "testkit")]
pub(crate) use self::sampler::{Sample, sample_choice};

#[cfg(feature = "testkit")]
mod sampler {
    use chrono::{NaiveDate, TimeDelta};

    use crate::{
        soap::{Element, Record, Role, scalar::Choice},
        value::{Binary, Date, DateTime, Decimal, XsdDecimal},
    };

    /// A value of a type.
    pub(crate) trait Sample: Sized {
        fn sample(sampler: &mut Sampler, element: &Element) -> Self;
    }

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
            self.depth += 1;
            for element in record.schema().elements {
                if element.role != Role::ScaleOf
                    && let Some(field) = record.field_mut(element.field)
                {
                    field.sample(self, element);
                }
            }
            self.depth -= 1;
        }

        /// Whether an optional field is there; types that hold themselves come to an end.
        pub(crate) fn is_present(&mut self) -> bool {
            self.below(256) < self.present && self.depth < if self.awkward { 7 } else { 5 }
        }

        /// How many items a list has.
        pub(crate) fn count(&mut self) -> u64 {
            match (self.depth, self.awkward) {
                (..4, true) => self.below(self.items + 1),
                (..4, false) => self.items,
                (4, false) => 1,
                (_, false) => 0,
                (_, true) => self.below(2),
            }
        }

        /// splitmix64.
        fn next(&mut self) -> u64 {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn below(&mut self, limit: u64) -> u64 {
            self.next() % limit
        }

        fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
            let index = self.below(from.len().max(1) as u64) as usize;
            from.get(index).copied()
        }

        /// A number whose lowest bits any integer type may take.
        fn integer(&mut self) -> i64 {
            let number = self.next();
            match (self.awkward, number % 8) {
                (true, 0) => i64::MAX,
                (true, 1) => i64::MIN,
                (true, 2) => -1,
                (true, _) => number as i64,
                (false, _) => (number % 100_000) as i64,
            }
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

        fn date(&mut self) -> NaiveDate {
            let days = self.below(40_000);
            NaiveDate::default() + TimeDelta::days(days as i64)
        }
    }

    impl<T: Record + Default> Sample for T {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            let mut record = T::default();
            sampler.fill(&mut record);
            record
        }
    }

    macro_rules! integer {
        ($($type:ty),*) => {$(
            impl Sample for $type {
                fn sample(sampler: &mut Sampler, _: &Element) -> Self {
                    let number = sampler.integer();
                    if sampler.awkward { number as $type } else { (number % 100) as $type }
                }
            }
        )*};
    }

    integer!(i16, u8, u16, u32, u64);

    impl Sample for i32 {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            sampler.integer() as i32
        }
    }

    impl Sample for i64 {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            sampler.integer()
        }
    }

    impl Sample for bool {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            sampler.below(2) == 0
        }
    }

    impl Sample for String {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            sampler.text()
        }
    }

    impl Sample for Decimal {
        fn sample(sampler: &mut Sampler, element: &Element) -> Self {
            let scale = match element.role {
                Role::Cents => 2,
                Role::Value | Role::Scaled | Role::ScaleOf => sampler.below(7) as u32,
            };
            Decimal::new(sampler.integer(), scale)
        }
    }

    impl Sample for XsdDecimal {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            let scale = sampler.below(5) as u32;
            let value = Decimal::new(sampler.integer(), scale);
            match sampler.below(8) {
                0 if sampler.awkward => {
                    "-123456789012345678.901234567800".parse().unwrap_or_else(|_| value.into())
                }
                _ => value.into(),
            }
        }
    }

    impl Sample for Binary {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            Self(sampler.text().into_bytes())
        }
    }

    impl Sample for Date {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            let day = sampler.date();
            match sampler.below(3) {
                0 if sampler.awkward => format!("{day}+01:00").parse().unwrap_or(Self::new(day)),
                _ => Self::new(day),
            }
        }
    }

    impl Sample for DateTime {
        fn sample(sampler: &mut Sampler, _: &Element) -> Self {
            let clock = sampler.date().and_hms_nano_opt(2, 30, 59, sampler.below(1000) as u32 * 1_000_000);
            let local = Self::local(clock.unwrap_or_default());
            let offset = sampler.pick(&["", "Z", "+02:00", "-03:30"]).unwrap_or_default();
            format!("{local}{offset}").parse().unwrap_or(local)
        }
    }

    /// One of an enum's texts, or one that no version knows.
    pub(crate) fn sample_choice<T: Choice>(sampler: &mut Sampler) -> T {
        match (sampler.awkward, sampler.below(6)) {
            (true, 0) => T::parse("SOMETHING-NEW & unheard of"),
            _ => T::parse(sampler.pick(T::TEXTS).unwrap_or("NONE")),
        }
    }
}
