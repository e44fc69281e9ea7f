//! What a form or a query brings along.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
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

    /// An amount with a point or a comma; none when it is empty.
    pub(crate) fn amount(&self, name: &str) -> Result<Option<Decimal>, rust_decimal::Error> {
        self.filled(name).map(read_amount).transpose()
    }
}

/// Reads an amount as people write it: `2,50`, `2.50`, `€ 1.234,50`.
pub(crate) fn read_amount(text: &str) -> Result<Decimal, rust_decimal::Error> {
    let text: String =
        text.chars().filter(|character| !character.is_whitespace() && *character != '€').collect();
    let point = text.rfind(['.', ',']);
    let plain: String = text
        .char_indices()
        .filter_map(|(at, character)| match character {
            '.' | ',' if Some(at) == point => Some('.'),
            '.' | ',' => None,
            other => Some(other),
        })
        .collect();
    Decimal::from_str_exact(&plain)
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
        ];
        for (written, meant) in amounts {
            assert_eq!(read_amount(written).unwrap().to_string(), meant);
        }
        assert!(read_amount("two").is_err() && read_amount("").is_err());
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
