//! The POS's complaints about earlier replies.

use serde::Serialize;
use serde_json::value::RawValue;

use super::from_json::FromJson as _;
use super::object::Object;
use super::oddity::{OddityKind, Reading};
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
    /// sale that comes with its session, whatever else is there: it is told once. That it complains is odd.
    pub(super) fn read(
        name: &EventName,
        origin: &Origin,
        body: &mut Object<'_>,
        odd: &mut Reading,
    ) -> Option<Self> {
        let raw = body.get("error")?;
        let (path, mut reading) = (Path::ROOT.field("error"), Reading::new());
        let (code, message) = match Object::open(raw, &path, &mut Reading::new()) {
            Ok(mut error) => {
                (error.side(&path, "code", &mut reading), error.side(&path, "message", &mut reading))
            }
            Err(_) => (None, String::from_json(raw, &path, &mut reading).ok()),
        };
        let [code, message] =
            [code, message].map(|text| text.filter(|text: &String| !text.trim().is_empty()));
        if code.is_none() && message.is_none() {
            return None;
        }
        if name.ends_a_sale() && body.get("session").is_some_and(has_content) {
            odd.note(&path, OddityKind::Complaint, raw.get());
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

/// Whether an object has any field.
fn has_content(object: &RawValue) -> bool {
    object.get().starts_with(['{', '[']) && object.get().contains('"')
}
