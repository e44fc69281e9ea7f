//! A time zone in JSON: its IANA name.

use mplus_qapi::value::Zone;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(zone: &Zone, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| serde::de::Error::custom(format!("`{name}` is {error}")))
}
