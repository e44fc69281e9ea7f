//! Signed callbacks (Standard Webhooks) to hosts that use this program as a service: kept before they are sent, and sent until
//! they are taken.

pub(crate) mod clients;
mod events;
mod send;
mod sign;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mplus_sync::runtime::Runtime;
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};
use crate::safe::key_ring::KeyRing;

pub(crate) use send::run;

const KIND: &str = "callback";
/// What was given up.
const DEAD: &str = "dead_callback";

/// A callback that waits to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Waiting {
    /// Whose: the client's identifier.
    client: String,
    /// The body, exactly as it is sent each time.
    body: String,
    attempts: u32,
    last_error: Option<String>,
}

/// What hosts are told.
#[derive(Clone)]
pub(crate) struct Callbacks {
    records: Records,
    keys: Arc<KeyRing>,
    runtime: Arc<dyn Runtime>,
}

impl Callbacks {
    pub(crate) fn new(records: Records, keys: Arc<KeyRing>, runtime: Arc<dyn Runtime>) -> Self {
        Self { records, keys, runtime }
    }

    /// Tells every client that has a callback address. The same `id` of a restaurant again is told once.
    pub(crate) async fn tell(
        &self,
        id: &str,
        event: &str,
        restaurant: &str,
        data: &serde_json::Value,
    ) -> Result<(), RecordsError> {
        let now = self.runtime.now();
        let body = serde_json::json!({
            "type": event, "timestamp": now.to_rfc3339(), "data": { "restaurant": restaurant, event_noun(event): data },
        });
        for client in clients::all(&self.records).await?.into_iter().filter(|client| client.url.is_some()) {
            let waiting =
                Waiting { client: client.id.clone(), body: body.to_string(), attempts: 0, last_error: None };
            let record =
                Record::new(KIND, message_id(restaurant, id, &client.id)).of(restaurant).about(&client.id);
            self.records.insert(&record.at(now.timestamp_millis()).with(&waiting)?).await?;
        }
        Ok(())
    }

    /// The same where nobody can do anything about a failure but read of it.
    pub(crate) async fn tell_or_log(&self, id: &str, event: &str, restaurant: &str, data: serde_json::Value) {
        if let Err(error) = self.tell(id, event, restaurant, &data).await {
            tracing::error!(%error, event, restaurant, "a callback could not be kept");
        }
    }
}

/// The `webhook-id` of what a client is told: another one for each restaurant, event and client, the same for the same. Identifiers of
/// payments and orders are the hosts' own, of any length and in any letters, so it is made of them and does not contain them.
fn message_id(restaurant: &str, id: &str, client: &str) -> String {
    let parts = serde_json::json!([restaurant, id, client]).to_string();
    format!("msg_{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, parts.as_bytes())))
}

/// What an event is about: `order.accepted` is about an order.
fn event_noun(event: &str) -> &str {
    event.split('.').next().unwrap_or(event)
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn a_message_is_told_apart_by_restaurant_event_and_client_whatever_their_identifiers_look_like() {
        let first = message_id("a", "payment-web-1-2", "shop");
        assert_eq!(first, message_id("a", "payment-web-1-2", "shop"));
        for other in [
            ("b", "payment-web-1-2", "shop"),
            ("a", "payment-web-1-3", "shop"),
            ("a", "payment-web-1-2", "till"),
        ] {
            assert_ne!(first, message_id(other.0, other.1, other.2));
        }
        assert_ne!(message_id("a", "b/c", "d"), message_id("a/b", "c", "d"));
        let long = message_id("a", &"é\n".repeat(200), "shop");
        assert!(long.len() < 64 && long.bytes().all(|byte| byte.is_ascii_graphic()), "{long}");
    }
}
