//! What goes into a database and comes out of it.

use chrono::{DateTime, Utc};

use crate::model::ConnectionId;
use crate::store::{StoreError, StoreErrorKind};

/// A value as the tables have them: every one of them is an integer, a text or nothing.
///
/// Times are microseconds since 1970 in UTC, yes and no are 1 and 0, amounts and JSON are text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlValue {
    /// Nothing.
    Null,
    /// An integer of 64 bits.
    Integer(i64),
    /// A text.
    Text(String),
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for SqlValue {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for SqlValue {
    fn from(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }
}

impl From<DateTime<Utc>> for SqlValue {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Integer(time.timestamp_micros())
    }
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A statement for the host's own transaction, whatever driver it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The SQL text, with the placeholders of its database: `?1` (SQLite), `$1` (Postgres), `?` (MySQL, MariaDB).
    pub text: String,
    /// The placeholders' values, in their order.
    pub values: Vec<SqlValue>,
}

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row(pub(crate) std::vec::IntoIter<SqlValue>);

impl Row {
    pub(crate) fn new(values: Vec<SqlValue>) -> Self {
        Self(values.into_iter())
    }

    /// The first column, where it is a text and was not taken yet.
    pub(crate) fn first_text(&self) -> Option<String> {
        match self.0.as_slice().first() {
            Some(SqlValue::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn unexpected(found: Option<SqlValue>, wanted: &str) -> StoreError {
        let found = match found {
            None => "no column",
            Some(SqlValue::Null) => "nothing",
            Some(SqlValue::Integer(_)) => "an integer",
            Some(SqlValue::Text(_)) => "a text",
        };
        StoreError::new(StoreErrorKind::Corrupt, "read a row")
            .with_source(format!("a column has {found} in the place of {wanted}"))
    }

    /// The next column, a text.
    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        match self.0.next() {
            Some(SqlValue::Text(text)) => Ok(text),
            other => Err(Self::unexpected(other, "a text")),
        }
    }

    /// The next column, a text or nothing.
    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.0.next() {
            Some(SqlValue::Text(text)) => Ok(Some(text)),
            Some(SqlValue::Null) => Ok(None),
            other => Err(Self::unexpected(other, "a text")),
        }
    }

    /// The next column, an integer.
    pub(crate) fn integer(&mut self) -> Result<i64, StoreError> {
        match self.0.next() {
            Some(SqlValue::Integer(number)) => Ok(number),
            other => Err(Self::unexpected(other, "an integer")),
        }
    }

    /// The next column, an integer or nothing.
    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, StoreError> {
        match self.0.next() {
            Some(SqlValue::Integer(number)) => Ok(Some(number)),
            Some(SqlValue::Null) => Ok(None),
            other => Err(Self::unexpected(other, "an integer")),
        }
    }

    /// The next column, a count.
    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        self.integer().map(i64::unsigned_abs)
    }

    /// The next column, yes or no.
    pub(crate) fn yes(&mut self) -> Result<bool, StoreError> {
        self.integer().map(|number| number != 0)
    }

    /// The next column, a time.
    pub(crate) fn time(&mut self) -> Result<DateTime<Utc>, StoreError> {
        time(self.integer()?)
    }

    /// The next column, a time or nothing.
    pub(crate) fn optional_time(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.optional_integer()?.map(time).transpose()
    }
}

fn time(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| {
        StoreError::new(StoreErrorKind::Corrupt, "read a row").with_source(format!("{micros} is no time"))
    })
}

/// A list of placeholders.
pub(crate) fn marks(count: usize) -> String {
    format!("({})", vec!["?"; count].join(", "))
}

/// The condition that a column has none of these connections; its values are added to the others.
pub(crate) fn none_of(column: &str, connections: &[ConnectionId], values: &mut Vec<SqlValue>) -> String {
    if connections.is_empty() {
        return String::new();
    }
    let names = padded(connections.iter().map(|connection| connection.as_str().into()).collect());
    let condition = format!(" AND {column} NOT IN {}", marks(names.len()));
    values.extend(names);
    condition
}

/// As many values as a power of two, the last one repeated: lists of all lengths make few statements.
pub(crate) fn padded(mut values: Vec<SqlValue>) -> Vec<SqlValue> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}
