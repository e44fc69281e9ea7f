//! Sends what waits.

use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::cancel::CancelToken;
use mplus_webhooks::{HttpClient, ReqwestClient};

use super::{Callbacks, DEAD, KIND, Waiting, clients, sign};
use crate::records::{Record, RecordsError};

const LOOK: Duration = Duration::from_secs(1);
/// How many are sent at once.
const AT_ONCE: usize = 20;
/// How long whoever sends one has for it.
const CLAIM: TimeDelta = TimeDelta::seconds(60);

/// Sends until it is told to stop. Any number of processes may.
pub(crate) async fn run(callbacks: &Callbacks, stop: &CancelToken) {
    let client = match ReqwestClient::new(Duration::from_secs(20)) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "callbacks cannot be sent");
            return;
        }
    };
    while stop.stop_or(callbacks.runtime.sleep(LOOK)).await.is_ok() {
        if let Err(error) = callbacks.send_due(&client).await {
            tracing::error!(%error, "callbacks wait");
        }
    }
}

impl Callbacks {
    async fn send_due(&self, http: &dyn HttpClient) -> Result<(), RecordsError> {
        let now = self.runtime.now();
        let due = self.records.due(KIND, now.timestamp_millis(), AT_ONCE).await?;
        let sent = due.into_iter().map(|record| self.send(http, record, now));
        futures_util::future::try_join_all(sent).await.map(drop)
    }

    async fn send(
        &self,
        http: &dyn HttpClient,
        record: Record,
        now: DateTime<Utc>,
    ) -> Result<(), RecordsError> {
        let claimed = Record { position: (now + CLAIM).timestamp_millis(), ..record };
        if !self.records.replace(&claimed).await? {
            // Another process was faster.
            return Ok(());
        }
        let mut waiting: Waiting = claimed.read()?;
        let error = match self.attempt(http, &claimed.id, &waiting).await {
            Ok(()) => return self.records.remove(KIND, &claimed.id).await,
            Err(error) => error,
        };
        waiting.attempts += 1;
        waiting.last_error = Some(error);
        match rest(waiting.attempts) {
            Some(rest) => {
                let at = (self.runtime.now() + rest).timestamp_millis();
                self.records.put(&claimed.at(at).with(&waiting)?).await
            }
            None => {
                tracing::error!(callback = %claimed.id, error = ?waiting.last_error, "a callback was given up");
                let dead = Record { kind: DEAD.to_owned(), ..claimed.clone() };
                self.records.put(&dead.with(&waiting)?).await?;
                self.records.remove(KIND, &claimed.id).await
            }
        }
    }

    async fn attempt(&self, http: &dyn HttpClient, id: &str, waiting: &Waiting) -> Result<(), String> {
        let found = clients::with_secret(&self.records, &self.keys, &waiting.client).await;
        let Some((client, secret)) = found.map_err(|error| error.to_string())? else {
            // The client was removed: nobody waits for it.
            return Ok(());
        };
        let Some(url) = client.url else { return Ok(()) };
        let timestamp = self.runtime.now().timestamp();
        let signature = sign::signature(&secret, id, timestamp, &waiting.body).ok_or("the secret is none")?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(Bytes::from(waiting.body.clone()))
            .map_err(|error| error.to_string())?;
        let response = http.send(request).await.map_err(|error| error.to_string())?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the receiver answered {status}")),
        }
    }
}

/// How long a callback rests after so many attempts, as Standard Webhooks advises; none when it is given up.
fn rest(attempts: u32) -> Option<TimeDelta> {
    const RESTS: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
    RESTS.get(attempts as usize - 1).map(|seconds| TimeDelta::seconds(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_tried_for_three_days_and_then_given_up() {
        let all: TimeDelta = (1..=9).filter_map(rest).sum();
        assert!(all > TimeDelta::days(3));
        assert_eq!(rest(10), None);
    }
}
