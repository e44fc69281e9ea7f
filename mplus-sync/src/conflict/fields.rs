//! The rule, field by field of a record.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Decision, Known, Side, SyncContext, decide};

/// A field that differs, as a person reads it in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldDifference {
    /// The field's name in the record's JSON form.
    pub field: String,
    /// The POS's value; none when the POS has none.
    pub pos: Option<String>,
    /// The host's value; none when the host has none.
    pub host: Option<String>,
}

/// A field that differs, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldDecision {
    /// The field and both values.
    #[serde(flatten)]
    pub difference: FieldDifference,
    /// What to do, and why.
    #[serde(flatten)]
    pub decision: Decision,
}

/// A record whose JSON form is not an object, or that has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record has no fields to compare: {0}")]
pub struct NoFields(String);

/// The fields in which two records differ, in the order of their names.
///
/// Records are compared by their JSON form, in which a field that is absent is the same as one that is null. Amounts
/// are text there: write them with the same number of decimals on both sides.
///
/// # Errors
/// When a record's JSON form is not an object.
pub fn differing_fields<R: Serialize>(pos: &R, host: &R) -> Result<Vec<FieldDifference>, NoFields> {
    let (pos, host) = (fields(pos)?, fields(host)?);
    let differing = names(&pos, &host).into_iter().filter(|name| pos.get(*name) != host.get(*name));
    Ok(differing.map(|name| difference(name, &pos, &host)).collect())
}

/// Decides each field in which the sides differ by [`decide`], with the same contract.
///
/// With the record that both agreed on at hand, a price that only the POS changed and a name that only the host
/// changed do not collide: each side's change stays.
///
/// # Errors
/// When a record's JSON form is not an object.
pub fn decide_fields<R: Serialize>(
    context: SyncContext,
    known: &Known<R>,
    pos: &Side<R>,
    host: &Side<R>,
) -> Result<Vec<FieldDecision>, NoFields> {
    let (pos_fields, host_fields) = (fields(&pos.value)?, fields(&host.value)?);
    let agreed = known.agreed.as_ref().map(fields).transpose()?;
    let sent = known.sent.as_ref().map(fields).transpose()?;
    let decided = names(&pos_fields, &host_fields).into_iter().map(|name| {
        let known = Known {
            agreed: agreed.as_ref().map(|fields| fields.get(name)),
            sent: sent.as_ref().map(|fields| fields.get(name)),
        };
        let pos = Side { value: pos_fields.get(name), changed_at: pos.changed_at };
        let host = Side { value: host_fields.get(name), changed_at: host.changed_at };
        let decision = decide(context, &known, &pos, &host);
        (pos.value != host.value)
            .then(|| FieldDecision { difference: difference(name, &pos_fields, &host_fields), decision })
    });
    Ok(decided.flatten().collect())
}

/// The record's JSON fields without those that are null.
fn fields<R: Serialize>(record: &R) -> Result<Map<String, Value>, NoFields> {
    match serde_json::to_value(record).map_err(|error| NoFields(error.to_string()))? {
        Value::Object(fields) => Ok(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Err(NoFields("it is a single value".to_owned())),
    }
}

fn names<'a>(pos: &'a Map<String, Value>, host: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    pos.keys().chain(host.keys()).map(String::as_str).collect()
}

fn difference(name: &str, pos: &Map<String, Value>, host: &Map<String, Value>) -> FieldDifference {
    let text = |fields: &Map<String, Value>| fields.get(name).map(readable);
    FieldDifference { field: name.to_owned(), pos: text(pos), host: text(host) }
}

fn readable(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
