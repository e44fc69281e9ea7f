//! What tells an event from every other one, and a repeat from news.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::meaning::meaning;
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
    /// Equal for two requests that may be answered alike from memory.
    pub(crate) telling: String,
    /// The bytes that were signed.
    pub(crate) body: String,
}

/// What makes two requests the same event.
///
/// * The end of a sale with an id: merchant, event, id and what is told of the sale. The same id with other content is a further
///   part of the sale; the same content on another [`Occasion`] is one as well, see [`further_part`].
/// * The end of a sale without an id: merchant, event, what is told of it, till and day. The same on another [`Occasion`] is another
///   sale, see [`further_part`]; one that is polled is told on many occasions, see [`next_polled`].
/// * Everything else: the till's instance, its counter and its clock, besides event and subject.
///
/// Without counter or clock it is the signed bytes, unless it is the end of a sale with an id.
pub(crate) fn identity(event: &AnyEvent) -> Identity {
    let name = event.name();
    let origin = event.origin();
    let body = match asks_about_a_payment(event) && Occasion::of(event).is_none() {
        // A till that counts nothing may send the same bytes for all that it says of a payment: its end has to count, and what it asks
        // to be answered.
        true => body_digest_as(&body_digest(event.raw()), &name),
        false => body_digest(event.raw()),
    };
    let ends_sale = name.ends_a_sale();
    // An empty id names no sale.
    let sale = if ends_sale { event.subject() } else { None };
    let merchant = origin.merchant().as_str().as_bytes();
    let key = match (sale, Occasion::of(event)) {
        (Some(id), _) => {
            let content = told_of_the_sale(&name, event.raw());
            hashed("sale", &[merchant, name.as_str().as_bytes(), id.as_bytes(), content.as_bytes()])
        }
        (None, Some(occasion)) if ends_sale => {
            let content = told_of_the_sale(&name, event.raw());
            let day = occasion.day_of_trade().to_string();
            let parts = [name.as_str(), &content, &occasion.till, &day].map(str::as_bytes);
            hashed("unnamed", &[&[merchant], &parts[..]].concat())
        }
        (None, Some(occasion)) => {
            let occasion = told_on(event, &occasion);
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
    // The parts of a sale may look alike; only the store tells them from repeats.
    let telling = if ends_sale { hashed("telling", &[key.as_bytes(), body.as_bytes()]) } else { key.clone() };
    Identity { event: key, telling, body }
}

/// Whether the till asks how a payment stands, or gives it up.
fn asks_about_a_payment(event: &AnyEvent) -> bool {
    matches!(
        event,
        AnyEvent::PollExternalPayment(_)
            | AnyEvent::RequestCancelExternalPayment(_)
            | AnyEvent::CancelExternalPayment(_)
    )
}

/// Short for the bytes that were signed.
pub(crate) fn body_digest(body: &[u8]) -> String {
    hashed("body", &[body])
}

/// Short for bytes that are kept once more, under another name than they were kept before.
pub(crate) fn body_digest_as(body_digest: &str, name: &EventName) -> String {
    hashed("body", &[body_digest.as_bytes(), name.as_str().as_bytes()])
}

/// What identifies an event of which nothing but its bytes is known.
pub(crate) fn unread_identity(merchant: &MerchantId, name: &EventName, body_digest: &str) -> String {
    hashed("bytes", &[merchant.as_str().as_bytes(), name.as_str().as_bytes(), body_digest.as_bytes()])
}

/// When and where a till told of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occasion {
    till: String,
    counter: i64,
    clock: chrono::NaiveDateTime,
}

impl Occasion {
    #[cfg(test)]
    pub(crate) fn new(till: &str, counter: i64, clock: chrono::NaiveDateTime) -> Self {
        Self { till: till.to_owned(), counter, clock }
    }

    /// `None` when the till tells no counter or no time.
    pub(crate) fn of(event: &AnyEvent) -> Option<Self> {
        let details = event.details();
        let (counter, clock) = (details.counter?, details.local_time?);
        let sender = event.sender();
        let till = match &sender.instance_id {
            Some(instance) => instance.clone(),
            None => format!("{:?}.{:?}", sender.branch_number, sender.workplace_number),
        };
        Some(Self { till, counter, clock })
    }

    /// Whether the till counted on, or it is another till.
    pub(crate) fn is_counted_apart(&self, other: &Self) -> bool {
        self.till != other.till || self.counter != other.counter
    }

    /// Whether it is the same till.
    pub(crate) fn is_same_till(&self, other: &Self) -> bool {
        self.till == other.till
    }

    /// The day, as far as sales go: a bar sells at midnight, and nobody at six in the morning.
    fn day_of_trade(&self) -> chrono::NaiveDate {
        let night = chrono::TimeDelta::hours(6);
        self.clock.checked_sub_signed(night).unwrap_or(self.clock).date()
    }

    fn parts(&self) -> [String; 3] {
        [self.till.clone(), self.counter.to_string(), self.clock.and_utc().timestamp_micros().to_string()]
    }
}

/// What identifies a further part of a sale whose content is the same as that of the part with this identity.
pub(crate) fn further_part(sale: &str, occasion: &Occasion) -> String {
    let parts = occasion.parts();
    let [till, counter, clock] = parts.each_ref().map(|part| part.as_bytes());
    let part = hashed("part", &[till, counter, clock]);
    format!("{sale}-{}", part.trim_start_matches("part:"))
}

/// What identifies the next end of a sale without an id that looks like the one with this identity, when its till no longer asks about
/// that.
pub(crate) fn next_polled(polled: &str) -> String {
    hashed("polled", &[polled.as_bytes()])
}

/// What identifies the telling with these bytes, which is taken for a repeat of the sale with this identity.
pub(crate) fn repeat_of_sale(sale: &str, body_digest: &str) -> String {
    hashed(REPEAT, &[sale.as_bytes(), body_digest.as_bytes()])
}

/// Whether the identity is that of something that was taken for a repeat.
pub(crate) fn is_repeat_of_sale(identity: &str) -> bool {
    identity.strip_prefix(REPEAT).is_some_and(|rest| rest.starts_with(':'))
}

const REPEAT: &str = "again";

/// Whether both are parts of one sale with the same content.
pub(crate) fn is_same_content(one: &str, other: &str) -> bool {
    /// `sale:`, and the 43 letters of a digest.
    const CONTENT: usize = 48;
    let content =
        |identity: &str| identity.starts_with("sale:").then(|| identity.get(..CONTENT).map(str::to_owned));
    content(one).is_some() && content(one) == content(other)
}

/// The till, its counter and its clock, and what the event is about.
fn told_on(event: &AnyEvent, occasion: &Occasion) -> String {
    let [till, counter, clock] = occasion.parts();
    // A till that answers a dialog sends the same event again.
    let answers = match event.answers() {
        answers if *answers == Answers::default() => String::new(),
        answers => format!("{answers:?}"),
    };
    let parts = [till.as_str(), &counter, &clock, event.subject().unwrap_or_default(), &answers];
    hashed("occasion", &parts.map(str::as_bytes))
}

/// What is said of the session and in the event's own object, however it is spelled.
fn told_of_the_sale(name: &EventName, body: &[u8]) -> String {
    let mut reading = Reading::new();
    let told = |fields: &Object<'_>, field: &str| {
        fields.get(field).map(|raw| meaning(raw.get())).unwrap_or_default()
    };
    let parts = text::json_text(body, &mut reading).ok().and_then(|text| {
        let whole: &RawValue = serde_json::from_str(&text).ok()?;
        let fields = Object::open(whole, &Path::ROOT, &mut reading).ok()?;
        Some([told(&fields, "session"), told(&fields, name.as_str())])
    });
    let [session, details] = parts.unwrap_or_default();
    hashed("told", &[session.as_bytes(), details.as_bytes()])
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
    fn the_same_content_of_a_sale_is_told_from_other_content() {
        let first = of("m", "completeSession", &sale(1, r#"{"sessionId":"s","totalInclAmount":18.50}"#));
        let again =
            of("m", "completeSession", &sale(2, r#"{ "totalInclAmount":18.5, "sessionId" : "\u0073" }"#));
        let further = of("m", "completeSession", &sale(3, r#"{"sessionId":"s","totalInclAmount":24.00}"#));
        assert_eq!(first.event, again.event);
        assert_ne!(first.body, again.body);
        assert_ne!(first.telling, again.telling, "memory does not decide whether it is a repeat");
        assert_ne!(first.event, further.event);
    }

    #[test]
    fn another_counter_counts_apart_and_so_does_another_till() {
        let at = |till: &str, counter, second| {
            let clock =
                chrono::NaiveDate::from_ymd_opt(2026, 3, 5).and_then(|day| day.and_hms_opt(19, 7, second));
            Occasion::new(till, counter, clock.unwrap())
        };
        let first = at("a", 1, 1);
        for same in [at("a", 1, 1), at("a", 1, 2)] {
            assert!(!first.is_counted_apart(&same), "{same:?}");
        }
        for other in [at("a", 2, 2), at("a", 2, 1), at("b", 1, 1)] {
            assert!(first.is_counted_apart(&other), "{other:?}");
        }
    }

    #[test]
    fn a_further_part_has_an_identity_of_its_own_that_names_the_content() {
        let first = of("m", "completeSession", &sale(1, r#"{"sessionId":"s"}"#)).event;
        let other = of("m", "completeSession", &sale(1, r#"{"sessionId":"t"}"#)).event;
        let occasion = Occasion::new("a", 2, chrono::NaiveDateTime::default());
        let part = further_part(&first, &occasion);
        assert!(part != first && part.len() < 128);
        assert!(is_same_content(&first, &part) && is_same_content(&first, &first));
        assert!(!is_same_content(&other, &part));
    }

    #[test]
    fn what_is_taken_for_a_repeat_is_no_part_and_has_an_identity_by_its_bytes() {
        let sale = of("m", "completeSession", &sale(1, r#"{"sessionId":"s"}"#)).event;
        let repeat = repeat_of_sale(&sale, "bytes");
        assert!(is_repeat_of_sale(&repeat) && !is_repeat_of_sale(&sale));
        assert!(!is_same_content(&sale, &repeat));
        assert_eq!(repeat, repeat_of_sale(&sale, "bytes"));
        assert_ne!(repeat, repeat_of_sale(&sale, "other bytes"));
        assert_ne!(repeat, repeat_of_sale("sale:another", "bytes"));
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
    fn an_empty_id_is_no_identity_and_the_content_is() {
        let of = |counter| of_session(counter, r#"{"sessionId":"","totalInclAmount":10}"#);
        assert_eq!(of(1), of(1));
        assert_eq!(of(1).event, of(2).event, "the store tells whether it is the same sale");
        assert_ne!(of(1).telling, of(2).telling);
        let respaced = of_session(1, r#"{ "sessionId":"", "totalInclAmount":10.0}"#);
        assert_eq!(of(1).event, respaced.event);
        let other = of_session(1, r#"{"sessionId":"","totalInclAmount":11}"#);
        assert_ne!(of(1).event, other.event);
    }

    fn of_session(counter: u32, session: &str) -> Identity {
        of("m", "completeSession", &sale(counter, session))
    }

    #[test]
    fn an_end_without_an_id_is_looked_for_among_those_of_its_till_and_day() {
        let polled = |counter: u32, day: &str| {
            let body = sale(counter, r#"{"sessionId":"","totalInclAmount":10}"#);
            let body = body.replace(r#""event":{"#, r#""event":{"eventPolling":true,"#);
            of("m", "completeSession", &body.replace("2026-03-05", day)).event
        };
        let first = polled(1, "2026-03-05");
        assert_eq!(first, polled(2, "2026-03-05"));
        assert_ne!(first, polled(1, "2026-03-06"));
        let next = next_polled(&first);
        assert!(next != first && next_polled(&next) != next && next_polled(&next) != first);
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
