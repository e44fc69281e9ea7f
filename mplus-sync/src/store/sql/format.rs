//! How records are written down: JSON with a version, of which nothing is lost that a newer release wrote.
//!
//! A text begins with `{"v":1,` and goes on with the record's fields. A release that adds something which older ones must not
//! drop writes a higher version. An older release that can read such a text all the same keeps what it does not know of it when
//! it writes the record again, in lists too; one that cannot leaves the row alone. A text may say which release is the oldest that may
//! act upon it, behind its version: `"reads":2`. What is acted upon whole, as an order is, is left to the newer release as well when it
//! has something in it that this one does not know, unless `reads` says that it may.

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
    /// The oldest format whose releases may act upon the text.
    reads: Option<i64>,
}

impl Versioned {
    /// What a text says of itself, when a newer release wrote it.
    fn newer(json: &str) -> Option<Self> {
        if json.starts_with(&prefix()) {
            return None;
        }
        serde_json::from_str::<Self>(json).ok().filter(|read| read.v > version())
    }
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
    Ok((record, Versioned::newer(json).map(|_| Newer(Arc::from(json)))))
}

/// Reads a record that is acted upon whole. One that a newer release wrote, with something in it that this one does not know, is left to
/// that release unless it says that this one may.
pub(crate) fn read_whole<T: Serialize + DeserializeOwned>(
    json: &str,
    what: &str,
    id: &str,
) -> Result<T, StoreError> {
    let record: T = read_json(json, what, id)?;
    let asks = Versioned::newer(json).is_some_and(|newer| newer.reads.is_none());
    if asks && !is_known(&serde_json::to_value(&record).unwrap_or_default(), json) {
        return Err(corrupt(what, id)
            .with_source("a newer release wrote something into it that this one does not know"));
    }
    Ok(record)
}

/// Whether a text has nothing beyond a record, but its version.
fn is_known(record: &Value, json: &str) -> bool {
    let Ok(Value::Object(mut text)) = serde_json::from_str(json) else { return false };
    text.remove("v");
    has_all(record, &Value::Object(text))
}

/// Whether a value has everything that another one has, at every depth.
fn has_all(known: &Value, text: &Value) -> bool {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(members) => members.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match (known, text) {
        (Value::Object(known), Value::Object(text)) => text.iter().all(|(name, value)| {
            known.get(name).map_or_else(|| says_nothing(value), |known| has_all(known, value))
        }),
        (Value::Array(known), Value::Array(text)) => {
            known.len() == text.len() && known.iter().zip(text).all(|(known, text)| has_all(known, text))
        }
        _ => true,
    }
}

/// Reads a record of which nothing newer has to be kept.
pub(crate) fn read_json<T: DeserializeOwned>(json: &str, what: &str, id: &str) -> Result<T, StoreError> {
    #[cfg(feature = "testkit")]
    let json = &*next_release::read(json);
    if let Some(oldest) =
        Versioned::newer(json).and_then(|newer| newer.reads).filter(|oldest| *oldest > version())
    {
        let why = format!(
            "releases before format {oldest} may not act upon it, and this one is of format {}",
            version()
        );
        return Err(corrupt(what, id).with_source(why));
    }
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

/// Adds the fields that `newer` has and `known` has not, in objects within objects and in the members of lists as well.
fn add_unknown(record: &mut Map<String, Value>, known: &Map<String, Value>, newer: &Map<String, Value>) {
    for (name, value) in newer {
        match (record.get_mut(name), known.get(name), value) {
            (_, None, _) => {
                record.insert(name.clone(), value.clone());
            }
            (Some(Value::Object(record)), Some(Value::Object(known)), Value::Object(newer)) => {
                add_unknown(record, known, newer);
            }
            (Some(Value::Array(record)), Some(Value::Array(known)), Value::Array(newer)) => {
                add_to_members(record, known, newer);
            }
            _ => {}
        }
    }
}

/// What tells the members of a list apart.
const NAMES: [&str; 6] = ["id", "article", "location", "item", "number", "hash"];

/// Does so with the members of a list that are what they were, or have the identifier that they had.
fn add_to_members(record: &mut [Value], known: &[Value], newer: &[Value]) {
    let name_of = |member: &Value| NAMES.iter().find_map(|name| Some((*name, member.get(*name)?.clone())));
    for member in record.iter_mut() {
        let name = name_of(member);
        let same = known.iter().position(|one| one == member);
        let same = same.or_else(|| known.iter().position(|one| name.is_some() && name_of(one) == name));
        let Some((known, newer)) = same.and_then(|place| Some((known.get(place)?, newer.get(place)?))) else {
            continue;
        };
        if let (Value::Object(member), Value::Object(known), Value::Object(newer)) = (member, known, newer) {
            add_unknown(member, known, newer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Item, ModifierGroup, Order};

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
    fn what_a_newer_release_wrote_in_the_members_of_lists_survives_as_well() {
        let text = r#"{"v":2,"id":"milk","name":"Milk","active":true,"modifiers":[
            {"id":"oat","name":"Oat","price":"0.50","number":1,"glow":{"a":1}},
            {"id":"soy","name":"Soy","number":2,"glow":2},
            {"id":"whole","name":"Whole","number":3,"glow":3}]}"#;
        let (mut group, newer) = from_json::<ModifierGroup>(text, "group", "milk").unwrap();
        // One is gone, one has another price, and they come in another order.
        group.modifiers.remove(1);
        group.modifiers[0].price = None;
        group.modifiers.reverse();
        let again: Value = serde_json::from_str(&to_json(&group, newer.as_ref()).unwrap()).unwrap();
        let glow = |place: usize| (&again["modifiers"][place]["id"], &again["modifiers"][place]["glow"]);
        assert_eq!(glow(0), (&"whole".into(), &3.into()));
        assert_eq!(glow(1), (&"oat".into(), &serde_json::json!({ "a": 1 })));
        assert_eq!(again["modifiers"][1].get("price"), None, "what this release took away is gone: {again}");
        assert_eq!(again["modifiers"].as_array().unwrap().len(), 2);
    }

    fn order_text(begin: &str, more: &str) -> String {
        let order = Order::new("7", "city", crate::model::OrderKind::Pickup, chrono::DateTime::UNIX_EPOCH);
        let json = serde_json::to_string(&order).unwrap();
        format!("{{{begin}{more}{}", &json[1..])
    }

    #[test]
    fn an_order_with_something_unknown_in_it_is_left_to_the_release_that_wrote_it() {
        let read = |text: &str| read_whole::<Order>(text, "order", "7");
        assert!(
            read(&order_text("\"v\":1,", "\"glow\":1,")).is_ok(),
            "an older release or a person wrote it"
        );
        assert!(read(&order_text("\"v\":2,", "")).is_ok(), "nothing in it is new");
        assert!(read(&order_text("\"v\":2,", "\"glow\":null,\"sparks\":[],")).is_ok(), "nor in this");
        let refused = read(&order_text("\"v\":2,", "\"deposit\":\"0.25\",")).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Corrupt);
        assert!(refused.to_string().contains("a newer release wrote something"), "{refused}");
        assert!(
            read(&order_text("\"v\":2,\"reads\":1,", "\"glow\":1,")).is_ok(),
            "it says that this one may"
        );
    }

    #[test]
    fn a_text_may_say_which_releases_are_too_old_for_it() {
        let text = r#"{"v":3,"reads":2,"id":"cola","name":"Cola","active":true}"#;
        let refused = from_json::<Item>(text, "item", "cola").unwrap_err();
        assert!(refused.to_string().contains("releases before format 2 may not act upon it"), "{refused}");
        assert!(from_json::<Item>(&text.replace("\"reads\":2", "\"reads\":1"), "item", "cola").is_ok());
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
