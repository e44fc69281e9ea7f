//! What the log says about refused requests: the cause, who it was, and no more lines than somebody can read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;

use super::{SUBSCRIPTION_HEADER, header};
use crate::error::Refusal;
use crate::event::{AnyEvent, EventName};
use crate::runtime::Runtime;
use crate::subscription::MerchantId;
use crate::verified::Verified;

/// How many lines a window has room for.
const LINES: u32 = 20;
/// How long a window is.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// How many merchants have a window of their own at the same time.
const MERCHANTS: usize = 1024;
/// How much of a stranger's text is shown.
const SHOWN: usize = 64;

/// Writes refusals to the log, a few of them at a time. What cannot be proved to come from a merchant does not use up the room
/// of what can, and no merchant that of another.
#[derive(Debug, Default)]
pub(super) struct RefusalLog {
    strangers: Mutex<Window>,
    merchants: Mutex<Windows>,
}

/// A window for each merchant of whom something was refused lately.
#[derive(Debug, Default)]
struct Windows {
    of: HashMap<MerchantId, Window>,
    /// For those for whom there is no room.
    others: Window,
}

#[derive(Debug, Default)]
struct Window {
    since: Option<DateTime<Utc>>,
    lines: u32,
    left_out: u64,
}

impl Windows {
    /// As [`Window::admit`], of this merchant.
    fn admit(&mut self, merchant: &MerchantId, now: DateTime<Utc>) -> Option<u64> {
        if self.of.len() >= MERCHANTS && !self.of.contains_key(merchant) {
            self.of.retain(|_, window| !window.is_over(now));
        }
        if self.of.len() >= MERCHANTS && !self.of.contains_key(merchant) {
            return self.others.admit(now);
        }
        self.of.entry(merchant.clone()).or_default().admit(now)
    }
}

impl Window {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| now.signed_duration_since(since).abs() >= WINDOW)
    }

    /// How many lines were left out since the last one, when this one may be written.
    fn admit(&mut self, now: DateTime<Utc>) -> Option<u64> {
        if self.is_over(now) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines >= LINES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl RefusalLog {
    /// A request whose sender was not proved.
    pub(super) fn request(&self, runtime: &dyn Runtime, refusal: &Refusal, parts: &Parts) {
        let Some(left_out) = lock(&self.strangers).admit(runtime.now()) else { return };
        let subscription = header(&parts.headers, SUBSCRIPTION_HEADER).unwrap_or_default();
        tracing::warn!(
            error = %refusal, subscription = shown(subscription), path = shown(parts.uri.path()), left_out,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_window_has_room_for_some_lines_and_tells_how_many_were_left_out() {
        let mut window = Window::default();
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let admitted = (0..100).filter(|_| window.admit(at(0)).is_some()).count();
        assert_eq!(admitted, 20);
        assert_eq!(window.admit(at(11)), Some(80));
        assert_eq!(window.admit(at(11)), Some(0));
    }

    #[test]
    fn no_merchant_uses_up_the_room_of_another_and_their_number_is_bounded() {
        let mut windows = Windows::default();
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let merchant = |number: usize| MerchantId::new(&number.to_string());
        let loud = (0..1000).filter(|_| windows.admit(&merchant(0), at(0)).is_some()).count();
        assert_eq!(loud, 20);
        for number in 1..MERCHANTS {
            assert_eq!(windows.admit(&merchant(number), at(1)), Some(0));
        }
        let without_room =
            (0..50).filter(|number| windows.admit(&merchant(MERCHANTS + number), at(1)).is_some());
        assert_eq!(without_room.count(), 20);
        assert_eq!(windows.of.len(), MERCHANTS);
        assert_eq!(windows.admit(&merchant(MERCHANTS), at(12)), Some(0), "old windows make room");
        assert!(windows.of.len() < MERCHANTS);
    }

    #[test]
    fn the_till_is_found_in_a_body_that_is_no_json() {
        assert_eq!(till(br#"{"sender":{"branchNumber": 12,"workplaceNumber":"3"},,,"#), "12/3");
        assert_eq!(till(b"\xff{}"), "?/?");
    }
}
