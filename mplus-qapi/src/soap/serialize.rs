//! Models as JSON and the like: names as on the wire, decimals as text so that they stay exact, absent fields left out.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Record, View, view::values};
use crate::value::Binary;

/// Serializes a record as a map of its elements. The number of decimals is in the decimals.
pub(crate) fn serialize_record<S: Serializer>(record: &dyn Record, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, view) in record.fields() {
        if !matches!(view, View::Absent) {
            map.serialize_entry(name, &view)?;
        }
    }
    map.end()
}

impl Serialize for dyn Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_record(self, serializer)
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Decimal(value) => serializer.collect_str(value),
            Self::Text(value) | Self::Choice(value) => serializer.serialize_str(value),
            Self::Date(value) => serializer.collect_str(value),
            Self::DateTime(value) => serializer.collect_str(value),
            Self::Binary(value) => serializer.serialize_str(&Binary::to_base64(value)),
            Self::Record(value) => serialize_record(*value, serializer),
            Self::List(items) => serializer.collect_seq(values(*items)),
        }
    }
}
