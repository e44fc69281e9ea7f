//! What the log says about refused requests: the cause, who it was, and no more lines than somebody can read.

use std::sync::Mutex;

use bytes::Bytes;
use http::request::Parts;

use super::subscription_id;
use crate::error::Refusal;
use crate::event::{AnyEvent, EventName};
use crate::log_room::{MerchantWindows, Window, lock};
use crate::runtime::Runtime;
use crate::verified::Verified;

/// How much of a stranger's text is shown.
const SHOWN: usize = 64;

/// Writes refusals to the log, a few of them at a time. What cannot be proved to come from a merchant does not use up the room
/// of what can, and no merchant that of another.
#[derive(Debug, Default)]
pub(super) struct RefusalLog {
    strangers: Mutex<Window>,
    merchants: Mutex<MerchantWindows>,
    /// For events of unknown names, which are no refusals.
    unknown: Mutex<MerchantWindows>,
}

impl RefusalLog {
    /// A request whose sender was not proved.
    pub(super) fn request(&self, runtime: &dyn Runtime, refusal: &Refusal, parts: &Parts) {
        let Some(left_out) = lock(&self.strangers).admit(runtime.now()) else { return };
        let subscription = subscription_id(&parts.headers).unwrap_or_default();
        tracing::warn!(
            error = %refusal, subscription = shown(&subscription), path = shown(parts.uri.path()), left_out,
            "a webhook request was refused"
        );
    }

    /// An event that has to wait, since so many are worked on. It is no refusal, but shares their room in the log.
    pub(super) fn waits(&self, runtime: &dyn Runtime, event: &AnyEvent) {
        let merchant = event.origin().merchant();
        let Some(left_out) = lock(&self.merchants).admit(merchant, runtime.now()) else { return };
        tracing::warn!(
            %merchant, event = shown(event.name().as_str()), left_out,
            "so many events are being worked on that this one has to wait"
        );
    }

    /// An event of a name that is not known. One that is about a sale or a payment is worth a line: its URL may be wrong.
    pub(super) fn unknown(&self, runtime: &dyn Runtime, event: &AnyEvent) {
        let merchant = event.origin().merchant();
        // Only then is the body searched, which may be long.
        let Some(left_out) = lock(&self.unknown).admit(merchant, runtime.now()) else { return };
        let body = String::from_utf8_lossy(event.raw());
        if !["\"session\"", "\"externalPayment\""].iter().any(|field| body.contains(field)) {
            return;
        }
        tracing::warn!(
            %merchant, event = shown(event.name().as_str()), left_out,
            "an event about a sale or a payment has a name that is not known: check the URL that the till calls, and what is between"
        );
    }

    /// An event of a merchant.
    pub(super) fn event(
        &self,
        runtime: &dyn Runtime,
        refusal: &Refusal,
        (name, path): (&EventName, &str),
        verified: &Verified<Bytes>,
    ) {
        let sender = verified.subscription();
        let admitted = lock(&self.merchants).admit(&sender.merchant, runtime.now());
        let Some(left_out) = admitted else { return };
        tracing::warn!(
            error = %refusal, event = shown(name.as_str()), path = shown(path), merchant = %sender.merchant, subscription = %sender.id,
            till = %till(verified.value()), left_out, "a webhook event was refused"
        );
    }
}

fn shown(text: &str) -> &str {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Branch and workplace of the till, from a body that may be read no further than that.
fn till(body: &[u8]) -> String {
    let number = |field: &str| {
        let text = String::from_utf8_lossy(body);
        let after = text.split_once(&format!("\"{field}\""))?.1.trim_start().strip_prefix(':')?;
        let digits: String = after
            .chars()
            .skip_while(|character| character.is_whitespace() || *character == '"')
            .take_while(char::is_ascii_digit)
            .take(20)
            .collect();
        (!digits.is_empty()).then_some(digits)
    };
    let shown = |field: &str| number(field).unwrap_or_else(|| "?".to_owned());
    format!("{}/{}", shown("branchNumber"), shown("workplaceNumber"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_till_is_found_in_a_body_that_is_no_json() {
        assert_eq!(till(br#"{"sender":{"branchNumber": 12,"workplaceNumber":"3"},,,"#), "12/3");
        assert_eq!(till(b"\xff{}"), "?/?");
    }
}
