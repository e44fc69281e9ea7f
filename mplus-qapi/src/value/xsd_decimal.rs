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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseXsdDecimalError;

impl fmt::Display for ParseXsdDecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal of at most 28 digits that matter")
    }
}

impl std::error::Error for ParseXsdDecimalError {}

impl FromStr for XsdDecimal {
    type Err = ParseXsdDecimalError;

    /// Digits with an optional sign and point; no exponent.
    fn from_str(text: &str) -> Result<Self, ParseXsdDecimalError> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let unsigned =
            if digits.len() == text.len() { digits.strip_prefix('-').unwrap_or(digits) } else { digits };
        let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !plain || !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(ParseXsdDecimalError);
        }
        let mut shorter = digits;
        loop {
            if let Ok(value) = Decimal::from_str_exact(shorter) {
                let zeros = u16::try_from(digits.len() - shorter.len()).map_err(|_| ParseXsdDecimalError)?;
                return Ok(Self { value, zeros });
            }
            shorter = match shorter.strip_suffix('0') {
                Some(rest) if rest.contains('.') => rest,
                _ => return Err(ParseXsdDecimalError),
            };
        }
    }
}
