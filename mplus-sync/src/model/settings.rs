//! A merchant's settings, as they are stored.

use super::Revision;

/// A merchant's settings as a store keeps them: JSON of a schema that others know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    /// The version of the settings' form.
    pub schema: u32,
    /// The settings as JSON, kept to the letter.
    pub json: String,
    /// The revision that was read; saving is refused when the stored one has moved on.
    pub revision: Revision,
}

impl StoredSettings {
    /// Settings of a merchant who has none so far.
    pub fn new(schema: u32, json: impl Into<String>) -> Self {
        Self { schema, json: json.into(), revision: Revision::NEW }
    }
}
