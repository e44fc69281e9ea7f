//! What tells an event from every other one, and a repeat from news.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::object::Object;
use super::oddity::Reading;
use super::path::Path;
use super::{Answers, AnyEvent, EventName, text};
use crate::subscription::MerchantId;

/// Texts of bounded length, the same for the same event in every process and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Equal for two requests that are the same event, sent twice.
    pub(crate) event: String,
    /// The id of the sale that the event ends. `None` when there is none, or the till left it empty: that names no sale.
    #[allow(dead_code, reason = "for the inbox, which tells a further part of a sale from a repeat")]
    pub(crate) sale: Option<String>,
    /// The bytes that were signed.
    #[allow(dead_code, reason = "for the inbox, which refuses the same bytes under another event's name")]
    pub(crate) body: String,
}

/// What makes two requests the same event.
///
/// * The end of a sale with an id: merchant, event, id and what is told of the sale. The same sale told again is a repeat,
///   whatever the counter says; the same id with other content is a further part of the sale.
/// * Everything else: the till's instance, its counter and its clock, besides event and subject; without counter or clock, and
///   for the end of a sale without an id, the signed bytes.
pub(crate) fn identity(event: &AnyEvent) -> Identity {
    let name = event.name();
    let origin = event.origin();
    let body = body_digest(event.raw());
    let ends_sale = ends_sale(&name);
    let sale = if ends_sale { event.subject().map(str::to_owned) } else { None };
    let merchant = origin.merchant().as_str().as_bytes();
    let key = match (&sale, occasion(event)) {
        (Some(id), _) => {
            let content = told_of_the_sale(&name, event.raw());
            hashed("sale", &[merchant, name.as_str().as_bytes(), id.as_bytes(), content.as_bytes()])
        }
        (None, Some(occasion)) if !ends_sale => {
            let parts = [
                merchant,
                origin.subscription().id.as_bytes(),
                name.as_str().as_bytes(),
                occasion.as_bytes(),
            ];
            hashed("event", &parts)
        }
        _ => unread_identity(origin.merchant(), &name, &body),
    };
    Identity { event: key, sale, body }
}

/// Short for the bytes that were signed.
pub(crate) fn body_digest(body: &[u8]) -> String {
    hashed("body", &[body])
}

/// What identifies an event of which nothing but its bytes is known.
pub(crate) fn unread_identity(merchant: &MerchantId, name: &EventName, body_digest: &str) -> String {
    hashed("bytes", &[merchant.as_str().as_bytes(), name.as_str().as_bytes(), body_digest.as_bytes()])
}

fn ends_sale(name: &EventName) -> bool {
    matches!(
        name,
        EventName::MergeSession
            | EventName::CompleteSession
            | EventName::CancelSession
            | EventName::CreditSession
    )
}

/// The till, its counter and its clock, and what the event is about.
fn occasion(event: &AnyEvent) -> Option<String> {
    let details = event.details();
    let (counter, clock) = (details.counter?, details.local_time?);
    let sender = event.sender();
    let till = format!("{:?}.{:?}", sender.branch_number, sender.workplace_number);
    // A till that answers a dialog sends the same event again.
    let answers = match event.answers() {
        answers if *answers == Answers::default() => String::new(),
        answers => format!("{answers:?}"),
    };
    let parts = [
        sender.instance_id.as_deref().unwrap_or(&till),
        &counter.to_string(),
        &clock.and_utc().timestamp_micros().to_string(),
        event.subject().unwrap_or_default(),
        &answers,
    ];
    Some(hashed("occasion", &parts.map(str::as_bytes)))
}

/// The session and the event's own object, without the blanks between their parts.
fn told_of_the_sale(name: &EventName, body: &[u8]) -> String {
    let mut reading = Reading::new();
    let told = |fields: &Object<'_>, field: &str| {
        fields.get(field).map(|raw| compact(raw.get())).unwrap_or_default()
    };
    let parts = text::json_text(body, &mut reading).ok().and_then(|text| {
        let whole: &RawValue = serde_json::from_str(&text).ok()?;
        let fields = Object::open(whole, &Path::ROOT, &mut reading).ok()?;
        Some([told(&fields, "session"), told(&fields, name.as_str())])
    });
    let [session, details] = parts.unwrap_or_default();
    hashed("told", &[session.as_bytes(), details.as_bytes()])
}

/// JSON without blanks outside of its texts.
fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |character: &char| {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        in_text || !character.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

/// A short key from parts of any length.
fn hashed(kind: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{kind}:{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
}
