//! Stripe's webhook: its signature, and which payments an event is about.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;

use super::Stripe;
use super::reader::{action_intent, named_intent};
use crate::event::json::{DataError, Fields};
use crate::payment::NoticeRefused;
use crate::provider::call::{field, inside};

/// How far a webhook's time may be from ours.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

impl Stripe {
    /// The payments that a genuine event may be about.
    pub(super) fn read_event(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        self.check_signature(headers, body, now)?;
        self.api.read(body, about).map_err(|error| NoticeRefused(error.message().to_owned()))
    }

    fn check_signature(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), NoticeRefused> {
        let refused = |why: &str| NoticeRefused(why.to_owned());
        let header = headers
            .get("stripe-signature")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| refused("Stripe-Signature is missing"))?;
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let (_, time) =
            parts().find(|(name, _)| *name == "t").ok_or_else(|| refused("Stripe-Signature has no time"))?;
        let sent_at = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let sent_at = sent_at.ok_or_else(|| refused("Stripe-Signature has no readable time"))?;
        if now.signed_duration_since(sent_at).abs() > TOLERANCE {
            return Err(refused("the call is too old, or a clock is wrong"));
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.webhook_secret.expose().as_bytes())
            .map_err(|_| refused("the webhook secret cannot be used"))?;
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        // While a secret is changed, there is a signature for each.
        let genuine = parts()
            .filter(|(name, _)| *name == "v1")
            .filter_map(|(_, signature)| hex(signature))
            .any(|signature| mac.clone().verify_slice(&signature).is_ok());
        if genuine { Ok(()) } else { Err(refused("Stripe-Signature does not fit the body")) }
    }
}

/// The ids of the intent or the session that an event is about.
fn about(mut event: Fields<'_>) -> Result<Vec<String>, DataError> {
    let kind: Option<String> = field(&mut event, "type")?;
    let kind = kind.unwrap_or_default();
    let Some(mut data) = inside(&mut event, "data")? else { return Ok(Vec::new()) };
    let Some(mut object) = inside(&mut data, "object")? else { return Ok(Vec::new()) };
    let id = if kind.starts_with("payment_intent.") || kind.starts_with("checkout.session.") {
        field(&mut object, "id")?
    } else if kind.starts_with("terminal.reader.") {
        match inside(&mut object, "action")? {
            Some(mut action) => action_intent(&mut action)?,
            None => None,
        }
    } else if kind.starts_with("charge.") || kind.starts_with("refund.") {
        named_intent(&mut object)?
    } else {
        None
    };
    Ok(id.into_iter().collect())
}

/// Bytes from hexadecimal digits.
fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}
