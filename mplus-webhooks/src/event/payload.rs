//! What all payloads have in common, and the two events that carry nothing of their own.

use serde::Serialize;

use super::from_json::DataError;
use super::object::Object;
use super::oddity::Reading;

/// Reads an event's own part of the body.
pub(crate) trait ReadPayload: Sized {
    fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError>;

    /// The id of what the event is about, so that two events with the same counter can be told apart.
    fn subject(&self) -> Option<&str>;
}

/// The running POS asks, again and again, whether there is anything for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackgroundPoll {}

impl ReadPayload for BackgroundPoll {
    fn read(_: &mut Object<'_>, _: &mut Reading) -> Result<Self, DataError> {
        Ok(Self {})
    }

    fn subject(&self) -> Option<&str> {
        None
    }
}

/// An event that this crate does not know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnknownEvent {
    /// The name in the URL.
    pub name: String,
}

impl ReadPayload for UnknownEvent {
    fn read(_: &mut Object<'_>, _: &mut Reading) -> Result<Self, DataError> {
        // Its name stands in the URL alone; whoever reads the event fills it in.
        Ok(Self { name: String::new() })
    }

    fn subject(&self) -> Option<&str> {
        None
    }
}
