//! What the log says about refused requests: the cause, who it was, and no more lines than somebody can read.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;

use super::{SUBSCRIPTION_HEADER, header};
use crate::error::Refusal;
use crate::event::EventName;
use crate::runtime::Runtime;
use crate::verified::Verified;

/// How many lines a window has room for.
const LINES: u32 = 20;
/// How long a window is.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// How much of a stranger's text is shown.
const SHOWN: usize = 64;

/// Writes refusals to the log, a few of them at a time. What cannot be proved to come from a merchant does not use up the room
/// of what can.
#[derive(Debug, Default)]
pub(super) struct RefusalLog {
    strangers: Mutex<Window>,
    merchants: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    since: Option<DateTime<Utc>>,
    lines: u32,
    left_out: u64,
}

impl Window {
    /// How many lines were left out since the last one, when this one may be written.
    fn admit(&mut self, now: DateTime<Utc>) -> Option<u64> {
        if self.since.is_none_or(|since| now.signed_duration_since(since).abs() >= WINDOW) {
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
        let Some(left_out) = admit(&self.strangers, runtime) else { return };
        let subscription = header(&parts.headers, SUBSCRIPTION_HEADER).unwrap_or_default();
        tracing::warn!(
            error = %refusal, subscription = shown(subscription), path = shown(parts.uri.path()), left_out,
            "a webhook request was refused"
        );
    }

    /// An event of a merchant.
    pub(super) fn event(
        &self,
        runtime: &dyn Runtime,
        refusal: &Refusal,
        name: &EventName,
        verified: &Verified<Bytes>,
    ) {
        let Some(left_out) = admit(&self.merchants, runtime) else { return };
        let sender = verified.subscription();
        tracing::warn!(
            error = %refusal, event = shown(name.as_str()), merchant = %sender.merchant, subscription = %sender.id,
            till = %till(verified.value()), left_out, "a webhook event was refused"
        );
    }
}

fn admit(window: &Mutex<Window>, runtime: &dyn Runtime) -> Option<u64> {
    window.lock().unwrap_or_else(PoisonError::into_inner).admit(runtime.now())
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
    fn the_till_is_found_in_a_body_that_is_no_json() {
        assert_eq!(till(br#"{"sender":{"branchNumber": 12,"workplaceNumber":"3"},,,"#), "12/3");
        assert_eq!(till(b"\xff{}"), "?/?");
    }
}
