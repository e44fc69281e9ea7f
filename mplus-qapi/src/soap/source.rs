//! What a record asks of who fills it with made-up values. Which values those are is no matter of the wire.

use super::{Record, Role};
use crate::value::{Binary, Date, DateTime, Decimal, XsdDecimal};

/// Draws values for the fields of a record.
pub trait ValueSource {
    /// Fills a record, field by field.
    fn fill(&mut self, record: &mut dyn Record);
    /// Whether an optional field is there.
    fn is_present(&mut self) -> bool;
    /// How many items a list has.
    fn count(&mut self) -> u64;
    /// A number whose lowest bits any integer may take; mostly one from 0 up to `below`.
    fn integer(&mut self, below: i64) -> i64;
    /// True or false.
    fn flag(&mut self) -> bool;
    /// A text.
    fn text(&mut self) -> String;
    /// One of the texts of an enum, or one that no version of it knows.
    fn choice(&mut self, texts: &[&'static str]) -> &'static str;
    /// An integer with a scale.
    fn decimal(&mut self, role: Role) -> Decimal;
    /// An xsd:decimal.
    fn xsd_decimal(&mut self) -> XsdDecimal;
    /// Bytes.
    fn binary(&mut self) -> Binary;
    /// An xsd:date.
    fn date(&mut self) -> Date;
    /// An xsd:dateTime.
    fn date_time(&mut self) -> DateTime;
}
