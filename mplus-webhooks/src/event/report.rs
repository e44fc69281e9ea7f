//! The POS's complaints about earlier replies.

use serde::Serialize;
use serde_json::value::RawValue;

use super::object::Object;
use super::oddity::Reading;
use super::path::Path;
use super::raw::RawJson;
use super::{EventName, Origin};
use crate::error::ErrorCode;

/// The POS found a fault in an earlier reply of ours and sends both back.
///
/// The vendor does not show the object in full; `error` and `original` are read when they are there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorReport {
    /// The event whose reply was at fault.
    pub event: EventName,
    /// The POS's code.
    pub code: ErrorCode,
    /// The POS's explanation.
    pub message: String,
    /// The event as it was sent, when the POS included it.
    pub original: Option<RawJson>,
    /// The subscription that the signature belongs to.
    pub origin: Origin,
}

impl ErrorReport {
    /// A complaint has a code or a message; an `error` with nothing in it says nothing, and the body is an event. So is the end of a
    /// sale that comes with its session, whatever else is there: it is told once.
    pub(super) fn read(name: &EventName, origin: &Origin, body: &mut Object<'_>) -> Option<Self> {
        let has_sale = |raw: &RawValue| raw.get().starts_with('{') && raw.get().contains("\"sessionId\"");
        if name.ends_a_sale() && body.get("session").is_some_and(has_sale) {
            return None;
        }
        let raw = body.get("error")?;
        let (path, mut reading) = (Path::ROOT.field("error"), Reading::new());
        let mut text = |fields: &mut Object<'_>, field: &str| {
            fields.side::<String>(&path, field, &mut reading).filter(|text| !text.trim().is_empty())
        };
        let (code, message) = match Object::open(raw, &path, &mut Reading::new()) {
            Ok(mut error) => (text(&mut error, "code"), text(&mut error, "message")),
            Err(_) => (None, text(body, "error")),
        };
        if code.is_none() && message.is_none() {
            return None;
        }
        Some(Self {
            event: name.clone(),
            code: ErrorCode::from_wire(&code.unwrap_or_default()),
            message: message.unwrap_or_default(),
            original: body.side(&Path::ROOT, "original", &mut reading),
            origin: origin.clone(),
        })
    }
}
