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
    /// The bytes that were signed.
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
    // An empty id names no sale.
    let sale = if ends_sale { event.subject() } else { None };
    let merchant = origin.merchant().as_str().as_bytes();
    let key = match (sale, occasion(event)) {
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
    Identity { event: key, body }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::secret::SubscriptionSecret;
    use crate::subscription::{MerchantId, Subscription};

    fn of(merchant: &str, name: &str, body: &str) -> Identity {
        let secret = SubscriptionSecret::from_bytes(b"key").unwrap();
        let subscription = Arc::new(Subscription::new("restaurant", MerchantId::new(merchant), secret));
        let name = EventName::from_wire(name);
        identity(&AnyEvent::from_kept(&name, body.to_owned().into(), subscription).unwrap())
    }

    fn sale(counter: u32, session: &str) -> String {
        format!(
            r#"{{"event":{{"eventCounter":{counter},"eventTimestamp":"2026-03-05T19:07:{counter:02}.964+01:00"}},
                "sender":{{"branchNumber":1,"workplaceNumber":2}},"session":{session}}}"#
        )
    }

    #[test]
    fn the_same_sale_told_again_is_a_repeat_and_other_content_is_not() {
        let first = of("m", "completeSession", &sale(1, r#"{"sessionId":"s","totalInclAmount":18.50}"#));
        let again = of("m", "completeSession", &sale(2, r#"{ "sessionId" : "s", "totalInclAmount":18.50 }"#));
        let further = of("m", "completeSession", &sale(3, r#"{"sessionId":"s","totalInclAmount":24.00}"#));
        assert_eq!(first.event, again.event);
        assert_ne!(first.body, again.body);
        assert_ne!(first.event, further.event);
    }

    #[test]
    fn the_payments_of_a_sale_belong_to_what_is_told_of_it() {
        let paid = |amount: &str| {
            let body = sale(1, r#"{"sessionId":"s"}"#);
            let (body, _) = body.rsplit_once('}').unwrap();
            of(
                "m",
                "completeSession",
                &format!(r#"{body},"completeSession":{{"payments":[{{"amount":{amount}}}]}}}}"#),
            )
        };
        assert_eq!(paid("1").event, paid("1").event);
        assert_ne!(paid("1").event, paid("2").event);
    }

    #[test]
    fn an_empty_id_is_no_identity() {
        let of =
            |counter| of("m", "completeSession", &sale(counter, r#"{"sessionId":"","totalInclAmount":10}"#));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).event, of(2).event);
    }

    #[test]
    fn merchants_and_events_are_kept_apart() {
        let body = sale(1, r#"{"sessionId":"s"}"#);
        let ours = of("m", "completeSession", &body);
        assert_ne!(ours.event, of("other", "completeSession", &body).event);
        let cancelled = of("m", "cancelSession", &body);
        assert_ne!(ours.event, cancelled.event);
        assert_eq!(ours.body, cancelled.body, "the same bytes are known again under another name");
    }

    #[test]
    fn other_events_are_told_apart_by_counter_clock_subject_and_answers() {
        let scan = |counter: u32, code: &str, besides: &str| {
            let body = sale(counter, r#"{"sessionId":"s"}"#);
            let (body, _) = body.rsplit_once('}').unwrap();
            of("m", "scanCode", &format!(r#"{body},"scanCode":{{"scannedCode":"{code}"}}{besides}}}"#)).event
        };
        assert_eq!(scan(1, "25", ""), scan(1, "25", r#","news":1"#));
        let answered = r#","dialog":{"selectedDialogOptionIds":[1]}"#;
        let all = [scan(1, "25", ""), scan(2, "25", ""), scan(1, "26", ""), scan(1, "25", answered)];
        let apart: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(apart.len(), all.len());
    }

    #[test]
    fn without_a_counter_the_bytes_decide() {
        let of = |body: &str| of("m", "scanCode", body).event;
        let body = r#"{"sender":{},"scanCode":{"scannedCode":"25"}}"#;
        assert_eq!(of(body), of(body));
        assert_ne!(of(body), of(r#"{"sender":{}, "scanCode":{"scannedCode":"25"}}"#));
    }
}
