//! What is wrong with settings, in words for the person who enters them.

use std::fmt;

use serde::Serialize;

use super::json::wrong;
use crate::store::StoreError;

/// One setting that cannot be, or does not fit the POS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingsProblem {
    /// Which setting, by its path in the JSON form: `orders.payment_methods`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl SettingsProblem {
    pub(crate) fn new(
        field: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), message: message.into(), advice: advice.into() }
    }

    /// A name that is no setting.
    pub(super) fn unknown(path: String) -> Self {
        Self::new(path, "there is no setting of this name", "Look how it is written, or leave it out")
    }

    /// JSON that is none of settings.
    pub(super) fn unreadable(json: &str, error: &serde_json::Error) -> Vec<Self> {
        const ADVICE: &str = "Mend what stands there";
        let wrong = wrong(json).into_iter();
        let mut problems: Vec<_> =
            wrong.map(|(path, why)| Self::new(path, format!("it cannot be read: {why}"), ADVICE)).collect();
        if problems.is_empty() {
            problems.push(Self::new("settings", format!("they cannot be read: {error}"), ADVICE));
        }
        problems
    }
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.field, self.message, self.advice)
    }
}

/// What a comparison of settings with the POS came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingsCheck {
    /// Everything that is wrong, as far as it could be looked at.
    pub problems: Vec<SettingsProblem>,
    /// Settings that could not be compared, each with why: nothing is known to be wrong with them.
    pub unchecked: Vec<SettingsProblem>,
}

/// Settings were not saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveSettingsError {
    /// They cannot be. Nothing was written.
    #[error("the settings cannot be saved: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<SettingsProblem>),
    /// A newer release saved those that are there, with something that this one would drop. Nothing was written.
    #[error("the settings were saved by a newer release (form {0}); save them with that one")]
    Newer(u32),
    /// The store failed; with a conflict when they were changed since they were read: read them, and decide again.
    #[error(transparent)]
    Store(#[from] StoreError),
}
