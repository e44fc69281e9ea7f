//! How records are written down: JSON with a version, of which nothing is lost that a newer release wrote.
//!
//! A text begins with `{"v":1,` and goes on with the record's fields. A release that adds something which older ones must not
//! drop writes a higher version. An older release that can read such a text all the same keeps what it does not know of it when
//! it writes the record again; one that cannot leaves the row alone.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "testkit")]
use super::next_release;
use crate::model::Newer;
use crate::store::{StoreError, StoreErrorKind};

/// The version that this release writes. One that adds what older ones cannot read writes a higher one: what those set aside is taken
/// up by higher versions alone.
const FORMAT: i64 = 1;

/// The version that this process writes.
#[cfg(feature = "testkit")]
pub(crate) fn version() -> i64 {
    FORMAT + i64::from(next_release::is_on())
}

/// The version that this process writes.
#[cfg(not(feature = "testkit"))]
pub(crate) fn version() -> i64 {
    FORMAT
}

#[derive(Deserialize)]
struct Versioned {
    v: i64,
}

/// Writes a record as JSON with its version; what a newer release wrote of it and this one does not know stays.
///
/// The record's JSON has to be an object with fields.
pub(crate) fn to_json<T: Serialize + DeserializeOwned>(
    record: &T,
    newer: Option<&Newer>,
) -> Result<String, StoreError> {
    let json = plain(record)?;
    match newer {
        None => Ok(with_version(&json)),
        Some(newer) => merged::<T>(&json, &newer.0).ok_or_else(|| invalid("keep what a newer release wrote")),
    }
}

/// Writes a record as JSON with its version.
pub(crate) fn to_new_json<T: Serialize + ?Sized>(record: &T) -> Result<String, StoreError> {
    plain(record).map(|json| with_version(&json))
}

/// Reads a record, and keeps the text when a newer release wrote it.
pub(crate) fn from_json<T: DeserializeOwned>(
    json: &str,
    what: &str,
    id: &str,
) -> Result<(T, Option<Newer>), StoreError> {
    let record = read_json(json, what, id)?;
    if json.starts_with(&prefix()) {
        return Ok((record, None));
    }
    let version = serde_json::from_str::<Versioned>(json).map(|read| read.v).unwrap_or(FORMAT);
    Ok((record, (version > self::version()).then(|| Newer(Arc::from(json)))))
}

/// Reads a record of which nothing newer has to be kept.
pub(crate) fn read_json<T: DeserializeOwned>(json: &str, what: &str, id: &str) -> Result<T, StoreError> {
    #[cfg(feature = "testkit")]
    let json = &*next_release::read(json);
    serde_json::from_str(json).map_err(|error| corrupt(what, id).with_source(error))
}

/// That a row cannot be read.
pub(crate) fn corrupt(what: &str, id: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("read {what} {id}"))
}

fn invalid(action: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, action)
}

pub(crate) fn plain<T: Serialize + ?Sized>(record: &T) -> Result<String, StoreError> {
    let json = serde_json::to_string(record);
    #[cfg(feature = "testkit")]
    let json = json.map(next_release::written);
    json.map_err(|error| invalid("write a record as JSON").with_source(error))
}

fn prefix() -> String {
    format!("{{\"v\":{},", version())
}

fn with_version(json: &str) -> String {
    match json.strip_prefix('{') {
        Some("}") => format!("{{\"v\":{}}}", version()),
        #[cfg(feature = "testkit")]
        Some(rest) => prefix() + next_release::field() + rest,
        #[cfg(not(feature = "testkit"))]
        Some(rest) => prefix() + rest,
        // Only objects are stored; anything else is kept as it is.
        None => json.to_owned(),
    }
}

/// The record's JSON with what the newer text has beyond what this release reads of it.
fn merged<T: Serialize + DeserializeOwned>(json: &str, newer: &str) -> Option<String> {
    let known: T = serde_json::from_str(newer).ok()?;
    let known = serde_json::to_value(known).ok()?;
    let mut record: Value = serde_json::from_str(json).ok()?;
    add_unknown(
        record.as_object_mut()?,
        known.as_object()?,
        serde_json::from_str::<Value>(newer).ok()?.as_object()?,
    );
    serde_json::to_string(&record).ok()
}

/// Adds the fields that `newer` has and `known` has not, in objects within objects as well.
fn add_unknown(record: &mut Map<String, Value>, known: &Map<String, Value>, newer: &Map<String, Value>) {
    for (name, value) in newer {
        match (record.get_mut(name), known.get(name), value) {
            (_, None, _) => {
                record.insert(name.clone(), value.clone());
            }
            (Some(Value::Object(record)), Some(Value::Object(known)), Value::Object(newer)) => {
                add_unknown(record, known, newer);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Item;

    #[test]
    fn a_record_is_written_with_its_version_first() {
        let json = to_new_json(&Item::new("cola", "Cola")).unwrap();
        assert!(json.starts_with("{\"v\":1,\"id\":\"cola\""), "{json}");
        let (item, newer) = from_json::<Item>(&json, "item", "cola").unwrap();
        assert_eq!(item, Item::new("cola", "Cola"));
        assert!(newer.is_none());
    }

    #[test]
    fn what_a_newer_release_wrote_survives_a_change_by_this_one() {
        let text = r#"{"v":2,"id":"cola","name":"Cola","active":true,"glow":{"colour":"red"},"variant":{"size":"L","fit":"slim"}}"#;
        let (mut item, newer) = from_json::<Item>(text, "item", "cola").unwrap();
        item.name = "Coke".into();
        let again = to_json(&item, newer.as_ref()).unwrap();
        let read: Value = serde_json::from_str(&again).unwrap();
        assert_eq!(read["v"], 2);
        assert_eq!(read["name"], "Coke");
        assert_eq!(read["glow"]["colour"], "red");
        assert_eq!(read["variant"]["fit"], "slim");
        assert_eq!(read["variant"]["size"], "L");
    }

    #[test]
    fn what_this_release_takes_away_does_not_come_back() {
        let text = r#"{"v":2,"id":"cola","name":"Cola","active":true,"description":"Cold","glow":1}"#;
        let (mut item, newer) = from_json::<Item>(text, "item", "cola").unwrap();
        item.description = None;
        let again = to_json(&item, newer.as_ref()).unwrap();
        assert!(!again.contains("Cold") && again.contains("glow"), "{again}");
    }
}
