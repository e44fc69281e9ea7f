//! Which event, or which account of a payment provider, a URL names.

use percent_encoding::percent_decode_str;

use crate::event::EventName;
use crate::payment::ProviderAccount;
use crate::subscription::Subscription;

/// The event of the last segment that is not empty: a base URL may end with a slash, and the POS adds one of its own.
pub(super) fn event_name(path: &str, sender: &Subscription) -> EventName {
    let sent = path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default();
    let text = percent_decode_str(sent).decode_utf8_lossy();
    let name = match EventName::from_wire(text.trim().trim_matches('/').trim()) {
        EventName::Unknown(_) => EventName::Unknown(sent.to_owned()),
        known => known,
    };
    if name.as_str() != sent {
        tracing::warn!(
            merchant = %sender.merchant, subscription = %sender.id, sent, taken_as = name.as_str(),
            "the event's name in the URL is spelled otherwise"
        );
    }
    name
}

/// The account of the last two segments, which may be percent-encoded.
pub(super) fn provider_account(path: &str) -> Option<ProviderAccount> {
    let mut segments = path
        .trim_end_matches('/')
        .rsplit('/')
        .map(|segment| percent_decode_str(segment).decode_utf8().ok().filter(|text| !text.is_empty()));
    let (account, provider) = (segments.next()??, segments.next()??);
    Some(ProviderAccount::new(provider, account))
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
            "/webhook/complete%53ession",
            "/webhook/completeSession%20",
            "/webhook/%2FcompleteSession",
        ] {
            assert_eq!(event_name(path, &sender), EventName::CompleteSession, "{path}");
        }
        assert_eq!(event_name("/a/somethingNew", &sender), EventName::Unknown("somethingNew".to_owned()));
        assert_eq!(event_name("/", &sender), EventName::Unknown(String::new()));
    }

    #[test]
    fn the_last_two_segments_name_an_account() {
        let account = |path| provider_account(path).map(|account| (account.provider, account.account));
        let named = |provider: &str, account: &str| Some((provider.to_owned(), account.to_owned()));
        assert_eq!(account("/webhook/payment-provider/stripe/default"), named("stripe", "default"));
        assert_eq!(account("/hooks/viva/caf%C3%A9%20%2f1/"), named("viva", "café /1"));
        for path in ["", "/", "/stripe", "//stripe", "/viva/%ff"] {
            assert_eq!(account(path), None, "{path}");
        }
    }
}
