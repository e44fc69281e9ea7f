//! What a form or a query brings along.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mplus_sync::model::Revision;
use rust_decimal::Decimal;

use super::answer::Trouble;

/// The fields of a form, in their order; a field may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    pub(crate) fn read(encoded: &[u8]) -> Self {
        Self(Arc::new(url::form_urlencoded::parse(encoded).into_owned().collect()))
    }

    /// A field without the blanks around it; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).unwrap_or_default().trim()
    }

    /// A field as it was sent, for passwords.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field that is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every value of a field.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The fields whose names begin so, with the rest of their names.
    pub(crate) fn starting_with<'f>(&'f self, start: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.as_str())))
    }

    /// Whether a box was ticked.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A number; none when it is not there or none.
    pub(crate) fn number<N: FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).parse().ok()
    }

    /// Which state of a record the form was made of; of none that there is, when it does not say.
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(self.number("revision").unwrap_or(-1))
    }

    /// An amount with a point or a comma; none when it is empty.
    pub(crate) fn amount(&self, name: &str) -> Result<Option<Decimal>, NotAnAmount> {
        self.filled(name).map(read_amount).transpose()
    }

    /// The same for what is not below zero, such as a price.
    pub(crate) fn price(&self, name: &str) -> Result<Option<Decimal>, NotAnAmount> {
        match self.amount(name)? {
            Some(price) if price < Decimal::ZERO => Err(NotAnAmount),
            price => Ok(price),
        }
    }

    /// A rate in per cent, 0 to 100; none when it is empty.
    pub(crate) fn rate(&self, name: &str) -> Result<Option<Decimal>, NotAnAmount> {
        self.filled(name).map(read_rate).transpose()
    }
}

/// What was entered is no amount, or may mean two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnAmount;

/// Reads an amount as people write it: `2,50`, `2.50`, `€ 1.234,50`, `1250`.
///
/// `1.250` is a thousand and more to one reader and one and a quarter to the other, so it is neither: one mark before exactly three
/// digits is refused, unless the zero in front says that it is no thousand.
pub(crate) fn read_amount(text: &str) -> Result<Decimal, NotAnAmount> {
    let text: String =
        text.chars().filter(|character| !character.is_whitespace() && *character != '€').collect();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let marks: Vec<char> = digits.chars().filter(|character| matches!(character, '.' | ',')).collect();
    let plain = match marks[..] {
        [] => digits.to_owned(),
        [mark] => {
            let (whole, part) = digits.split_once(mark).ok_or(NotAnAmount)?;
            if part.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0') {
                return Err(NotAnAmount);
            }
            format!("{whole}.{part}")
        }
        [thousand, .., point] if thousand != point => {
            let (whole, part) = digits.split_once(point).ok_or(NotAnAmount)?;
            format!("{}.{part}", without_marks(whole, thousand)?)
        }
        [thousand, ..] => without_marks(digits, thousand)?,
    };
    Decimal::from_str_exact(&format!("{sign}{plain}")).map_err(|_| NotAnAmount)
}

/// `1.234.567` without its marks, which stand before every three digits.
fn without_marks(text: &str, mark: char) -> Result<String, NotAnAmount> {
    let groups: Vec<&str> = text.split(mark).collect();
    let fits = |(at, group): (usize, &&str)| match at {
        0 => (1..=3).contains(&group.len()) && !group.starts_with('0'),
        _ => group.len() == 3,
    };
    if groups.iter().enumerate().all(fits) { Ok(groups.concat()) } else { Err(NotAnAmount) }
}

/// Reads a rate in per cent, 0 to 100. It has no thousands, so that its one mark is always that of the decimals.
pub(crate) fn read_rate(text: &str) -> Result<Decimal, NotAnAmount> {
    let rate = Decimal::from_str_exact(&text.trim().replace(',', ".")).map_err(|_| NotAnAmount)?;
    Some(rate).filter(|rate| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(rate)).ok_or(NotAnAmount)
}

/// The fields of a form that the guard has read.
impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The fields of the query.
#[derive(Debug, Clone)]
pub(crate) struct Query(pub(crate) Fields);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        Ok(Self(Fields::read(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let amounts = [
            ("2,50", "2.50"),
            ("2.50", "2.50"),
            ("€ 1.234,50", "1234.50"),
            ("1,234.5", "1234.5"),
            ("3", "3"),
            ("1250", "1250"),
            ("1.250,00", "1250.00"),
            ("1,250.00", "1250.00"),
            ("1.234.567", "1234567"),
            ("0,125", "0.125"),
            ("2,1250", "2.1250"),
            ("1250,125", "1250.125"),
            ("-5", "-5"),
        ];
        for (written, meant) in amounts {
            assert_eq!(read_amount(written).unwrap().to_string(), meant);
        }
        for neither in
            ["two", "", "1.250", "1,250", "€ 12.500", "-1.250", "1.2.3", "1.23,4", "1,2.345,6", "1.250.00"]
        {
            assert_eq!(read_amount(neither), Err(NotAnAmount), "{neither}");
        }
    }

    #[test]
    fn an_amount_in_a_field_is_read_as_it_was() {
        use crate::view::{Lang, number::editable};
        for amount in ["0.005", "1.25", "1.255", "12.5", "1250", "999.999", "1234567.125", "0"] {
            let amount: Decimal = amount.parse().unwrap();
            for lang in Lang::ALL {
                assert_eq!(read_amount(&editable(lang, amount)), Ok(amount), "{lang:?}");
            }
        }
    }

    #[test]
    fn a_price_is_not_below_zero_and_a_rate_is_a_percentage() {
        let fields = Fields::read(b"price=-5&free=0&none=&rate=5,125&much=101");
        assert_eq!(fields.price("price"), Err(NotAnAmount));
        assert_eq!((fields.price("free"), fields.price("none")), (Ok(Some(Decimal::ZERO)), Ok(None)));
        assert_eq!(fields.rate("rate"), Ok(Some("5.125".parse().unwrap())));
        assert_eq!(fields.rate("much"), Err(NotAnAmount));
    }

    #[test]
    fn fields_may_come_more_than_once() {
        let fields = Fields::read(b"order=1&order=2&name=+Caf%C3%A9+&active=on&empty=");
        assert_eq!(fields.all("order").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.text("name"), "Café");
        assert!(fields.is_on("active") && !fields.is_on("hidden"));
        assert_eq!(fields.filled("empty"), None);
    }
}
