//! xsd:decimal.

use std::{cmp::Ordering, fmt, hash, ops::Deref, str::FromStr};

use rust_decimal::Decimal;

/// A decimal of the wire (xsd:decimal): a [`Decimal`] and, where 28 digits do not hold them, further trailing zeros.
///
/// It is made from a `Decimal` and reads like one; compared it is by value. A number whose digits that matter do not fit a
/// `Decimal` is no `XsdDecimal`: nothing is ever rounded.
///
/// ```
/// use mplus_qapi::value::{Decimal, XsdDecimal};
///
/// let price: XsdDecimal = Decimal::new(995, 2).into();
/// assert_eq!(*price + Decimal::ONE, Decimal::new(1095, 2));
///
/// let long: XsdDecimal = "123456789012345678.901234567800".parse()?;
/// assert_eq!(long.to_string(), "123456789012345678.901234567800");
/// assert!("123456789012345678.901234567812".parse::<XsdDecimal>().is_err());
/// # Ok::<(), mplus_qapi::value::ParseXsdDecimalError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct XsdDecimal {
    value: Decimal,
    /// Trailing zeros behind those of `value`.
    zeros: u16,
}

impl XsdDecimal {
    /// The number.
    pub const fn get(self) -> Decimal {
        self.value
    }

    /// How many digits stand behind the point, zeros included.
    pub const fn scale(self) -> u32 {
        self.value.scale() + self.zeros as u32
    }
}

impl From<Decimal> for XsdDecimal {
    fn from(value: Decimal) -> Self {
        Self { value, zeros: 0 }
    }
}

impl From<XsdDecimal> for Decimal {
    fn from(decimal: XsdDecimal) -> Self {
        decimal.value
    }
}

impl Deref for XsdDecimal {
    type Target = Decimal;

    fn deref(&self) -> &Decimal {
        &self.value
    }
}

impl PartialEq for XsdDecimal {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq<Decimal> for XsdDecimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.value == *other
    }
}

impl Eq for XsdDecimal {}

impl PartialOrd for XsdDecimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for XsdDecimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl hash::Hash for XsdDecimal {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl fmt::Display for XsdDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value)?;
        (0..self.zeros).try_for_each(|_| f.write_str("0"))
    }
}

impl fmt::Debug for XsdDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no xsd:decimal whose digits fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal of at most 28 digits that matter")]
pub struct ParseXsdDecimalError;

impl FromStr for XsdDecimal {
    type Err = ParseXsdDecimalError;

    /// Digits with an optional sign and point. At most 65,535 zeros may stand in front, and behind.
    ///
    /// A power of ten from -400 to 400 may follow, as programs write it that print binary numbers, though the type has none:
    /// `1.85e+01` is 18.5.
    fn from_str(text: &str) -> Result<Self, ParseXsdDecimalError> {
        let plain = text.split_once(['e', 'E']).map(|(digits, exponent)| shifted(digits, exponent));
        let text = match &plain {
            None => text,
            Some(plain) => plain.as_deref().ok_or(ParseXsdDecimalError)?,
        };
        let (negative, unsigned) = signed(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = whole.len() + fraction.len();
        let plain = [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !plain || digits == 0 || digits > 2 * usize::from(u16::MAX) {
            return Err(ParseXsdDecimalError);
        }
        if let Some(value) = short(negative, whole, fraction) {
            return Ok(Self { value, zeros: 0 });
        }
        let whole = whole.trim_start_matches('0');
        // As many zeros as fit stay in the number itself; the others are counted.
        let matter = fraction.trim_end_matches('0').len();
        let most = fraction.len().min(DIGITS.saturating_sub(whole.len()));
        (matter..=most)
            .rev()
            .find_map(|kept| {
                let value = exactly(negative, whole, &fraction[..kept])?;
                Some(Self { value, zeros: u16::try_from(fraction.len() - kept).ok()? })
            })
            .ok_or(ParseXsdDecimalError)
    }
}

/// The usual number: 64 bits hold its digits.
fn short(negative: bool, whole: &str, fraction: &str) -> Option<Decimal> {
    if whole.len() + fraction.len() > 18 {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.fold(0, |number: i64, digit| number * 10 + i64::from(digit - b'0'));
    // A zero below zero keeps its sign the long way.
    if negative && number == 0 {
        return None;
    }
    let scale = u32::try_from(fraction.len()).ok()?;
    Some(Decimal::new(if negative { -number } else { number }, scale))
}

/// The text without its sign, and whether that is a minus.
fn signed(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Beyond this power of ten no binary number of 64 bits is.
const LARGEST_EXPONENT: usize = 400;

/// The number times a power of ten, written without it.
fn shifted(digits: &str, exponent: &str) -> Option<String> {
    let (negative, digits) = signed(digits);
    let (down, exponent) = signed(exponent);
    if exponent.is_empty() || !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = exponent.trim_start_matches('0');
    let places: usize = if places.is_empty() { 0 } else { places.parse().ok()? };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Another sign would stand in the midst of the digits.
    if places > LARGEST_EXPONENT || (whole.is_empty() && fraction.is_empty()) || digits.contains(['+', '-']) {
        return None;
    }
    let zeros = "0".repeat(places);
    let sign = if negative { "-" } else { "" };
    Some(if down {
        let whole = format!("{zeros}{whole}");
        let (whole, moved) = whole.split_at_checked(whole.len() - places)?;
        format!("{sign}{whole}.{moved}{fraction}")
    } else {
        let fraction = format!("{fraction}{zeros}");
        let (moved, _) = fraction.split_at_checked(places)?;
        let rest = fraction.get(places..fraction.len() - places).unwrap_or_default();
        format!("{sign}{whole}{moved}.{rest}")
    })
}

/// A decimal has no more digits than this.
const DIGITS: usize = 29;

/// The number with these digits, if a decimal holds them.
fn exactly(negative: bool, whole: &str, fraction: &str) -> Option<Decimal> {
    if whole.len() + fraction.len() > DIGITS {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Decimal::from_str_exact(&format!("{sign}{whole}{point}{fraction}")).ok()
}

#[cfg(test)]
mod tests {
    use super::{Decimal, XsdDecimal};

    fn read(text: &str) -> Option<String> {
        text.parse::<XsdDecimal>().ok().map(|value| value.to_string())
    }

    #[test]
    fn every_spelling_of_a_number_is_read_with_its_scale() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.50", "-0.50"),
            ("+7", "7"),
            ("007.10", "7.10"),
            (".5", "0.5"),
            ("-.05", "-0.05"),
            ("999999999999999999", "999999999999999999"),
            ("-9999999999999999.99", "-9999999999999999.99"),
            ("9999999999999999.999", "9999999999999999.999"),
            ("5.", "5"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("123456789012345678.901234567800", "123456789012345678.901234567800"),
            ("1.00000000000000000000000000000000", "1.00000000000000000000000000000000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "+-1",
            "--1",
            "1e",
            "e3",
            ".e3",
            "1e+",
            "1e3.0",
            "1e1e1",
            "1e-+1",
            "1-0e1",
            "1e401",
            "1e99999999999999999999",
            "9e28",
            "1e-29",
            "1,5",
            "1.2.3",
            "\u{0664}",
            "79228162514264337593543950336",
            "123456789012345678.901234567812",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_power_of_ten_moves_the_point_and_changes_no_digit() {
        for (text, expected) in [
            ("1.85e+01", "18.5"),
            ("9.95E+00", "9.95"),
            ("3.6E0", "3.6"),
            ("-5E-02", "-0.05"),
            ("+1.2e1", "12"),
            ("1.250E+01", "12.50"),
            ("12.5e3", "12500"),
            ("0E+00", "0"),
            ("0e-2", "0.00"),
            ("1e28", "10000000000000000000000000000"),
            ("1e-28", "0.0000000000000000000000000001"),
            ("1234.5e-0002", "12.345"),
            ("0000001e2", "100"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn zeros_without_end_take_no_time_and_no_stack() {
        let zeros = "0".repeat(60_000);
        assert_eq!(read(&format!("{zeros}1.5")).as_deref(), Some("1.5"));
        let long: XsdDecimal = format!("{zeros}.{zeros}").parse().expect("zero");
        assert_eq!((long.get(), long.scale()), (Decimal::ZERO, 60_000));
        assert_eq!(read(&"1".repeat(60_000)), None);
        assert_eq!(read(&format!("0.{}", "0".repeat(1 << 20))), None);
    }
}
