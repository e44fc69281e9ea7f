//! JSON that is kept as text.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

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

/// Written as the JSON that it is; as a text when it has a number that most readers cannot hold, such as `1e999`.
impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serde_json::from_str::<serde_json::Value>(&self.0).is_err() {
            return serializer.serialize_str(&self.0);
        }
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Fields that this crate does not know, and those that it could not read, kept as they arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra(pub(super) Vec<(String, RawJson)>);

impl Extra {
    /// The field with this name.
    pub fn get(&self, name: &str) -> Option<&RawJson> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// All of them, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether every field was known and read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
