//! Reading JSON that may be spelled in more than one way: numbers as text, absent lists, unknown fields.
//!
//! A number is read from its digits, never through a float. An object is opened one level at a time, so a field that
//! nobody asks for is kept as text and costs nothing.

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The most fields of one object, and the deepest nesting of a field that is kept unread.
const MAX_FIELDS: usize = 128;
const MAX_DEPTH: usize = 64;
/// The deepest nesting of objects that are read.
const MAX_OBJECTS: usize = 12;
/// The longest number: more digits than a decimal can hold.
const MAX_DIGITS: usize = 40;

/// What is wrong with a body whose JSON is well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DataError {
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{0}`, the object that belongs to this event, is missing")]
    NoDetails(&'static str),
    #[error("`{path}` is not {expected}")]
    Not { path: String, expected: &'static str },
    #[error("`{0}` stands twice in the same object")]
    Duplicate(String),
    #[error("`{0}` has too many fields")]
    TooMany(String),
    #[error("`{0}` is nested too deeply")]
    TooDeep(String),
}

/// JSON text that was kept as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The text, well-formed JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the text into a type of the host's choice.
    ///
    /// # Errors
    /// A message with line and column when the text has another shape.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(&self.0).map_err(|error| error.to_string())
    }

    pub(crate) fn new(raw: &RawValue) -> Self {
        Self(raw.get().into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Fields that this crate does not know, kept as they arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra(Vec<(String, RawJson)>);

impl Extra {
    /// The field with this name.
    pub fn get(&self, name: &str) -> Option<&RawJson> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// All of them, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether every field was known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where an object stands in the body: the names on the way to it, joined only when an error needs them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'p str,
    depth: usize,
}

impl<'p> Path<'p> {
    pub(crate) const ROOT: Path<'static> = Path { parent: None, name: "", depth: 0 };

    pub(crate) fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), name, depth: self.depth + 1 }
    }

    fn text(&self) -> String {
        match self.parent.map(Path::text) {
            Some(parent) if !parent.is_empty() => format!("{parent}.{}", self.name),
            _ => self.name.to_owned(),
        }
    }

    pub(crate) fn time(&self) -> DataError {
        self.not("a time with its offset, like 2017-08-09T16:07:33.964+02:00")
    }

    pub(crate) fn not(&self, expected: &'static str) -> DataError {
        let path = if self.depth == 0 { "the body".to_owned() } else { self.text() };
        DataError::Not { path, expected }
    }
}

/// An object's fields, each taken at most once.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    entries: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Opens the whole body. `Ok(Err(..))` is well-formed JSON with a wrong shape.
    pub(crate) fn open_body(body: &'a [u8]) -> Result<Result<Self, DataError>, serde_json::Error> {
        match serde_json::from_slice(body) {
            Ok(Entries(entries)) => Ok(Self::checked(entries, &Path::ROOT)),
            // Something else than an object, or no JSON at all: only reading it to the end tells.
            Err(error) if error.is_data() => {
                serde_json::from_slice::<&RawValue>(body).map(|_| Err(Path::ROOT.not("an object")))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens an object.
    pub(crate) fn open(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        // Lines contain lines: the reader would otherwise follow a hostile body to the end of the stack.
        if path.depth > MAX_OBJECTS {
            return Err(DataError::TooDeep(path.text()));
        }
        let Entries(entries) = serde_json::from_str(raw.get()).map_err(|_| path.not("an object"))?;
        Self::checked(entries, path)
    }

    fn checked(entries: Vec<(Cow<'a, str>, &'a RawValue)>, path: &Path<'_>) -> Result<Self, DataError> {
        if entries.len() > MAX_FIELDS {
            return Err(DataError::TooMany(path.text()));
        }
        for (position, (name, _)) in entries.iter().enumerate() {
            if entries.iter().take(position).any(|(earlier, _)| earlier == name) {
                return Err(DataError::Duplicate(path.field(name).text()));
            }
        }
        Ok(Self { entries })
    }

    /// The names of the fields that were not taken yet.
    #[cfg(feature = "testkit")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_ref())
    }

    /// Takes a field, `null` included.
    pub(crate) fn take_or_null(&mut self, name: &str) -> Option<&'a RawValue> {
        let position = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.remove(position).1)
    }

    /// Takes a field; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.take_or_null(name).filter(|raw| raw.get() != "null")
    }

    /// Reads a field when it is there.
    pub(crate) fn optional<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
    ) -> Result<Option<T>, DataError> {
        self.take(name).map(|raw| T::from_json(raw, &path.field(name))).transpose()
    }

    /// Reads a field that has to be there.
    pub(crate) fn required<T: FromJson>(&mut self, path: &Path<'_>, name: &str) -> Result<T, DataError> {
        self.optional(path, name)?.ok_or_else(|| DataError::Missing(path.field(name).text()))
    }

    /// Keeps what was not taken.
    pub(crate) fn rest(self, path: &Path<'_>) -> Result<Extra, DataError> {
        let mut extra = Vec::with_capacity(self.entries.len());
        for (name, raw) in self.entries {
            if depth(raw.get()) > MAX_DEPTH {
                return Err(DataError::TooDeep(path.field(&name).text()));
            }
            extra.push((name.into_owned(), RawJson::new(raw)));
        }
        Ok(Extra(extra))
    }
}

/// How deep arrays and objects are nested in well-formed JSON.
fn depth(json: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !in_text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(8);
                while let Some(Key(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow, deserialize_with = "key")] Cow<'a, str>);

/// serde copies a plain `Cow`; a key without escapes is borrowed.
fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a field name")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    deserializer.deserialize_str(Text)
}

/// A type that can be read from one JSON value, tolerantly.
pub(crate) trait FromJson: Sized {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError>;
}

/// A text's content, or a number's digits.
pub(crate) fn scalar<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' if json.contains('\\') => serde_json::from_str(json).ok().map(Cow::Owned),
        b'"' => json.get(1..json.len().checked_sub(1)?).map(Cow::Borrowed),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

impl FromJson for String {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        scalar(raw).map(Cow::into_owned).ok_or_else(|| path.not("a text"))
    }
}

impl FromJson for Decimal {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let text = scalar(raw).ok_or_else(|| path.not("a number"))?;
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_DIGITS || text.contains('_') {
            return Err(path.not("a number that can be held exactly"));
        }
        let number =
            if text.contains(['e', 'E']) { Self::from_scientific(text) } else { Self::from_str_exact(text) };
        number.map_err(|_| path.not("a number that can be held exactly"))
    }
}

impl FromJson for i64 {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let text = scalar(raw).ok_or_else(|| path.not("a whole number"))?;
        if let Ok(number) = text.trim().parse() {
            return Ok(number);
        }
        // `12.0` is a whole number too.
        let number = Decimal::from_json(raw, path).map_err(|_| path.not("a whole number"))?;
        if !number.fract().is_zero() {
            return Err(path.not("a whole number"));
        }
        Self::try_from(number).map_err(|_| path.not("a whole number"))
    }
}

impl FromJson for bool {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        match raw.get() {
            "true" | "1" | "\"true\"" | "\"1\"" => Ok(true),
            "false" | "0" | "\"false\"" | "\"0\"" => Ok(false),
            _ => Err(path.not("true or false")),
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| path.not("a list"))?;
        items.into_iter().map(|item| T::from_json(item, path)).collect()
    }
}

impl FromJson for RawJson {
    fn from_json(raw: &RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        if depth(raw.get()) > MAX_DEPTH {
            return Err(DataError::TooDeep(path.text()));
        }
        Ok(Self::new(raw))
    }
}

/// Reads a plain object field by field: `object!(Type { rust_name: "wireName" required, ... })`.
/// A field named `extra` keeps the rest.
macro_rules! object {
    ($type:ident { $($field:ident: $wire:literal $need:ident,)* }) => {
        impl $crate::event::json::FromJson for $type {
            fn from_json(
                raw: &serde_json::value::RawValue,
                path: &$crate::event::json::Path<'_>,
            ) -> Result<Self, $crate::event::json::DataError> {
                let mut fields = $crate::event::json::Fields::open(raw, path)?;
                Ok(Self {
                    $($field: $crate::event::json::object!(@$need fields path $wire),)*
                    extra: fields.rest(path)?,
                })
            }
        }
    };
    (@required $fields:ident $path:ident $wire:literal) => { $fields.required($path, $wire)? };
    (@optional $fields:ident $path:ident $wire:literal) => { $fields.optional($path, $wire)? };
    (@list $fields:ident $path:ident $wire:literal) => { $fields.optional($path, $wire)?.unwrap_or_default() };
}
pub(crate) use object;

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromJson>(json: &str) -> Result<T, DataError> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        T::from_json(raw, &Path::ROOT.field("value"))
    }

    #[test]
    fn numbers_are_read_from_their_digits() {
        let euros = |text: &str| read::<Decimal>(text).unwrap().to_string();
        assert_eq!(euros("2.50"), "2.50");
        assert_eq!(euros("\"2.5\""), "2.5");
        assert_eq!(euros("0.1"), "0.1");
        assert_eq!(euros("1e2"), "100");
        assert_eq!(euros("-9.50"), "-9.50");
    }

    #[test]
    fn a_number_that_cannot_be_held_exactly_is_refused() {
        for bad in
            ["\"NaN\"", "\"\"", "\"1_000\"", "true", "[]", "1e400", "0.00000000000000000000000000000001"]
        {
            assert!(read::<Decimal>(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let error = Fields::open_body(br#"{"amount":1,"amount":2}"#).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "`amount` stands twice in the same object");
    }

    #[test]
    fn depth_ignores_brackets_in_texts() {
        assert_eq!(depth(r#"{"a":["[[[","\"[[",[1]]}"#), 3);
    }

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        assert_eq!(read::<i64>("12").unwrap(), 12);
        assert_eq!(read::<i64>("\"12\"").unwrap(), 12);
        assert_eq!(read::<i64>("12.0").unwrap(), 12);
        assert!(read::<i64>("12.5").is_err());
        assert!(read::<i64>("99999999999999999999").is_err());
    }
}
