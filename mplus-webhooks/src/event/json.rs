//! Reading the JSON of a sender that keeps to its own documentation, such as a provider of payments: whatever is odd about it
//! is an error.

use serde_json::value::RawValue;

use super::oddity::{OddityKind, Reading};

pub(crate) use super::from_json::{DataError, FromJson};
pub(crate) use super::path::Path;
#[cfg(feature = "viva")]
pub(crate) use super::raw::RawJson;

/// An object's fields, each taken at most once.
#[derive(Debug)]
pub(crate) struct Fields<'a>(super::object::Object<'a>);

impl<'a> Fields<'a> {
    /// Opens the whole body. `Ok(Err(..))` is well-formed JSON with a wrong shape.
    pub(crate) fn open_body(body: &'a [u8]) -> Result<Result<Self, DataError>, serde_json::Error> {
        let raw: &RawValue = serde_json::from_slice(body)?;
        Ok(Self::open(raw, &Path::ROOT))
    }

    /// Opens an object.
    pub(crate) fn open(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, DataError> {
        let mut reading = Reading::new();
        let object =
            super::object::Object::open(raw, path, &mut reading).map_err(|what| DataError::at(path, what))?;
        nothing_odd(&reading)?;
        Ok(Self(object))
    }

    /// The names of the fields that were not taken yet.
    #[cfg(feature = "testkit")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// Takes a field; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let raw = self.0.get(name);
        self.0.forget(name);
        raw
    }

    /// Whether the field is there and not taken yet, `null` included.
    #[cfg(feature = "stripe")]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    /// Reads a field when it is there.
    pub(crate) fn optional<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
    ) -> Result<Option<T>, DataError> {
        let mut reading = Reading::new();
        let value = self.0.decisive(path, name, &mut reading)?;
        nothing_odd(&reading)?;
        Ok(value)
    }

    /// Reads a field that has to be there.
    pub(crate) fn required<T: FromJson>(&mut self, path: &Path<'_>, name: &str) -> Result<T, DataError> {
        let value = self.optional(path, name)?;
        value.ok_or_else(|| DataError::at(&path.field(name), OddityKind::Missing))
    }
}

fn nothing_odd(reading: &Reading) -> Result<(), DataError> {
    match reading.oddities.first() {
        Some(oddity) => Err(DataError::Not { path: oddity.path.clone(), what: oddity.what }),
        None => Ok(()),
    }
}
