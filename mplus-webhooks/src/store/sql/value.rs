//! What goes into a statement and comes out of a row.

use bytes::Bytes;
use chrono::{DateTime, Utc};

/// A value of one of the three types that the tables have.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Bytes),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&Bytes> for Value {
    fn from(bytes: &Bytes) -> Self {
        Self::Bytes(bytes.clone())
    }
}

/// Microseconds since 1970, which every database keeps and compares alike.
impl From<DateTime<Utc>> for Value {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Int(instant.timestamp_micros())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A count, which no table lets become negative.
pub(super) fn count(number: impl TryInto<i64>) -> Value {
    Value::Int(number.try_into().unwrap_or(i64::MAX))
}

/// A row's values, in the order of the statement's columns.
#[derive(Debug)]
pub(in crate::store) struct Row(pub(in crate::store) Vec<Value>);

/// A column does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("column {0} of a row holds something else than was written there")]
pub(super) struct Unreadable(pub(super) usize);

impl Row {
    fn value(&mut self, column: usize) -> Value {
        self.0.get_mut(column).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    pub(super) fn maybe_int(&mut self, column: usize) -> Result<Option<i64>, Unreadable> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(number)),
            Value::Text(_) | Value::Bytes(_) => Err(Unreadable(column)),
        }
    }

    pub(super) fn int(&mut self, column: usize) -> Result<i64, Unreadable> {
        self.maybe_int(column)?.ok_or(Unreadable(column))
    }

    pub(super) fn maybe_text(&mut self, column: usize) -> Result<Option<String>, Unreadable> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            // Some databases compare only bytes exactly, so texts are kept as such.
            Value::Bytes(bytes) => String::from_utf8(bytes.into()).map(Some).map_err(|_| Unreadable(column)),
            Value::Int(_) => Err(Unreadable(column)),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<String, Unreadable> {
        self.maybe_text(column)?.ok_or(Unreadable(column))
    }

    pub(super) fn maybe_bytes(&mut self, column: usize) -> Result<Option<Bytes>, Unreadable> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            Value::Text(text) => Ok(Some(text.into())),
            Value::Int(_) => Err(Unreadable(column)),
        }
    }

    pub(super) fn maybe_instant(&mut self, column: usize) -> Result<Option<DateTime<Utc>>, Unreadable> {
        let micros = self.maybe_int(column)?;
        micros.map(|micros| DateTime::from_timestamp_micros(micros).ok_or(Unreadable(column))).transpose()
    }

    pub(super) fn instant(&mut self, column: usize) -> Result<DateTime<Utc>, Unreadable> {
        self.maybe_instant(column)?.ok_or(Unreadable(column))
    }
}
