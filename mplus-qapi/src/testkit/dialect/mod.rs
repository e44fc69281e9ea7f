//! The test POS as every POS that the facts allow: a [`Dialect`] has a reading for each open question.
//!
//! What an answer says is decided where it is made, in the rooms of `domain`; how it is written, in `wire`.

mod absent;
mod questions;
pub(super) mod wire;

use std::{fmt, str::FromStr};

pub use self::questions::*;
use super::faults::SplitMix;

/// The hour of the POS's clock at which what changes by itself has changed.
pub(super) const TURN: i64 = 3;
/// The hours in which a POS that goes away is away.
pub(super) const OUTAGE: std::ops::Range<i64> = 6..12;
/// The hours in which tables are claimed, where they are.
pub(super) const CLAIMS: std::ops::Range<i64> = 6..11;

/// A question or a reading that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no open question has the reading {given:?}")]
pub struct UnknownReading {
    given: String,
}

impl Dialect {
    /// All open questions with their readings.
    pub fn questions() -> &'static [Question] {
        QUESTIONS
    }

    /// Takes a reading of a question, both by name.
    ///
    /// # Errors
    /// When there is no such question, or it has no such reading.
    pub fn set(&mut self, question: &str, reading: &str) -> Result<(), UnknownReading> {
        let unknown = || UnknownReading { given: format!("{question}={reading}") };
        let at = QUESTIONS.iter().position(|known| known.name == question).ok_or_else(unknown)?;
        let readings = QUESTIONS[at].readings;
        let reading = readings.iter().position(|known| known.name == reading).ok_or_else(unknown)?;
        self.take(at, reading);
        Ok(())
    }

    /// A dialect with a reading of each question, drawn from a seed. The same seed draws the same.
    pub fn seeded(seed: u64) -> Self {
        let mut random = SplitMix(seed ^ 0x6d70_6c75_736b_6173);
        let mut dialect = Self::default();
        for (at, question) in QUESTIONS.iter().enumerate() {
            dialect.take(at, random.below(question.readings.len() as u64) as usize);
        }
        dialect
    }

    /// The reading at which this dialect stands, of a question by its name.
    pub fn reading(&self, question: &str) -> Option<&'static Reading> {
        self.readings().find(|(known, _)| known.name == question).map(|(_, reading)| reading)
    }

    /// The reading of each question, in the order of [`Self::questions`].
    pub fn readings(&self) -> impl Iterator<Item = (&'static Question, &'static Reading)> {
        QUESTIONS
            .iter()
            .zip(self.positions())
            .map(|(question, reading)| (question, &question.readings[reading]))
    }
}

/// The readings that are not the default, as a list that [`FromStr`] reads.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (question, reading) in self.readings() {
            if reading.name != question.readings[0].name {
                write!(f, "{between}{}", reading.name)?;
                between = ",";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialect({self})")
    }
}

/// Names with commas between them: the names of readings, which are all different, or `question=reading`.
impl FromStr for Dialect {
    type Err = UnknownReading;

    fn from_str(names: &str) -> Result<Self, Self::Err> {
        let mut dialect = Self::default();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if let Some((question, reading)) = name.split_once('=') {
                dialect.set(question, reading)?;
                continue;
            }
            let has = |question: &&Question| question.readings.iter().any(|reading| reading.name == name);
            let question = QUESTIONS.iter().find(has);
            let question = question.ok_or_else(|| UnknownReading { given: name.to_owned() })?;
            dialect.set(question.name, name)?;
        }
        Ok(dialect)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reading_has_a_name_of_its_own_and_every_question_a_choice() {
        let mut names = BTreeSet::new();
        for question in Dialect::questions() {
            assert!(question.readings.len() > 1, "{}", question.name);
            assert!(names.insert(question.name), "{} twice", question.name);
            for reading in question.readings {
                assert!(names.insert(reading.name), "{} twice", reading.name);
                assert!(!reading.explanation.is_empty() && !reading.name.contains([',', '=', ' ']));
            }
        }
    }

    #[test]
    fn a_dialect_is_told_by_what_is_not_the_default_and_read_again() {
        assert_eq!(Dialect::default().to_string(), "");
        let dialect: Dialect = "vat-21, page-limit=limit-counts-products".parse().unwrap();
        assert_eq!((dialect.vat_scale, dialect.page_limit), (VatScale::Whole, PageLimit::Products));
        assert_eq!(dialect.to_string(), "limit-counts-products,vat-21");
        let drawn = Dialect::seeded(7);
        assert_eq!(drawn.to_string().parse(), Ok(drawn));
        let error = "vat-22".parse::<Dialect>().unwrap_err();
        assert!(error.to_string().contains("vat-22"), "{error}");
        assert!(Dialect::default().set("vat-scale", "utf-8").is_err());
    }

    #[test]
    fn seeds_draw_every_reading() {
        let mut drawn = BTreeSet::new();
        for seed in 0..400 {
            drawn.extend(Dialect::seeded(seed).readings().map(|(_, reading)| reading.name));
        }
        let all = Dialect::questions().iter().flat_map(|question| question.readings);
        assert_eq!(drawn, all.map(|reading| reading.name).collect());
        assert_eq!(Dialect::seeded(3), Dialect::seeded(3));
    }
}
