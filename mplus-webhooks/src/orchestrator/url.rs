//! Which event a URL names.

use crate::event::EventName;
use crate::subscription::Subscription;

/// The event of the last segment that is not empty: a base URL may end with a slash, and the POS adds one of its own.
pub(super) fn event_name(path: &str, sender: &Subscription) -> EventName {
    let text = path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default();
    let name = EventName::from_wire(text);
    if name.as_str() != text {
        tracing::warn!(
            merchant = %sender.merchant, subscription = %sender.id, sent = text, taken_as = name.as_str(),
            "the event's name in the URL is spelled otherwise"
        );
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SubscriptionSecret;
    use crate::subscription::MerchantId;

    #[test]
    fn empty_segments_and_other_spellings_name_the_event_all_the_same() {
        let secret = SubscriptionSecret::from_bytes(b"key").unwrap();
        let sender = Subscription::new("restaurant", MerchantId::new("m"), secret);
        for path in [
            "/webhook/completeSession",
            "//completeSession",
            "/webhook/completeSession/",
            "completeSession",
            "/webhook/complete-session//",
            "/webhook/CompleteSession",
        ] {
            assert_eq!(event_name(path, &sender), EventName::CompleteSession, "{path}");
        }
        assert_eq!(event_name("/a/somethingNew", &sender), EventName::Unknown("somethingNew".to_owned()));
        assert_eq!(event_name("/", &sender), EventName::Unknown(String::new()));
    }
}
