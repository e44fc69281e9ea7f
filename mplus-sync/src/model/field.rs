//! Single fields of a record: their names, their values, and what the host edited of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LocationId;

/// What comes before the location in the name of a location's price.
const PRICE_AT: &str = "location_prices/";

/// The name of a field: `name`, `price`; a location's own price is a field of its own, `location_prices/beach`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Field(Cow<'static, str>);

impl Field {
    /// A field by the name that it has in the record's JSON form.
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The price that one location asks instead of the item's.
    pub fn price_at(location: &LocationId) -> Self {
        Self(Cow::Owned(format!("{PRICE_AT}{location}")))
    }

    /// The location whose own price this is; none for every other field.
    pub fn location(&self) -> Option<LocationId> {
        self.0.strip_prefix(PRICE_AT).map(LocationId::from)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Field {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of a field, comparable with the other side's: JSON text, in which equal values are equal texts.
///
/// Amounts are written without needless zeros and with two decimals at least. Nothing is `null`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldValue(String);

impl FieldValue {
    /// Takes a value's JSON.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }

    /// Reads the value.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// No value.
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        self.0 == "null"
    }

    /// The value as JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As a person reads it: a text without its quotes.
impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read::<String>() {
            Ok(text) => f.write_str(&text),
            Err(_) => f.write_str(&self.0),
        }
    }
}

/// An edit of one field that was not pushed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEdit {
    /// When the host last edited the field.
    pub at: DateTime<Utc>,
    /// What both sides last agreed on; none when they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<FieldValue>,
}

/// The fields of a record that the host edited and that were not pushed since, each with what both sides had agreed on.
///
/// For every other field the agreed value is the one that the record has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Edits(BTreeMap<Field, PendingEdit>);

impl Edits {
    /// Whether nothing waits to be pushed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The edit of one field.
    pub fn get(&self, field: &Field) -> Option<&PendingEdit> {
        self.0.get(field)
    }

    /// All edits, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &PendingEdit)> {
        self.0.iter()
    }

    /// When the last of them was made.
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        self.0.values().map(|edit| edit.at).max()
    }

    /// Adds the edit of a field, in place of an earlier one of the same field.
    pub fn insert(&mut self, field: Field, edit: PendingEdit) {
        self.0.insert(field, edit);
    }

    /// Settles the edit of one field: the POS won, or has taken it.
    pub fn settle(&mut self, field: &Field) -> Option<PendingEdit> {
        self.0.remove(field)
    }

    /// Notes what both sides agree on of an edited field; nothing for a field that is not edited.
    pub fn agree(&mut self, field: &Field, value: FieldValue) {
        if let Some(edit) = self.0.get_mut(field) {
            edit.agreed = Some(value);
        }
    }

    /// Keeps the edits of which the test says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Field, &mut PendingEdit) -> bool) {
        self.0.retain(|field, edit| keep(field, edit));
    }

    /// Settles all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<(Field, PendingEdit)> for Edits {
    fn from_iter<I: IntoIterator<Item = (Field, PendingEdit)>>(edits: I) -> Self {
        Self(edits.into_iter().collect())
    }
}
