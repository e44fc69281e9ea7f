//! Sends what waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mplus_sync::cancel::CancelToken;
use mplus_webhooks::{HttpClient, ReqwestClient};

use super::{Callbacks, DEAD, KIND, Waiting, clients, sign};
use crate::records::{Record, RecordsError};

const LOOK: Duration = Duration::from_secs(1);
/// How many callbacks one program is sent at once.
const AT_ONCE: usize = 4;
/// How many programs are sent something at once.
const LANES: usize = 64;
/// How long a program rests that did not take a callback; then it is tried with one.
const REST: TimeDelta = TimeDelta::seconds(10);
/// How long whoever sends one has for it.
const CLAIM: TimeDelta = TimeDelta::seconds(60);

/// Sends until it is told to stop. Any number of processes may.
pub(crate) async fn run(callbacks: &Callbacks, stop: &CancelToken) {
    match ReqwestClient::new(Duration::from_secs(20)) {
        Ok(http) => callbacks.send_all(&http, stop).await,
        Err(error) => tracing::error!(%error, "callbacks cannot be sent"),
    }
}

/// How the last sending to a program ended.
enum Ended {
    /// Nothing waits for it any more.
    Done,
    /// It did not take one.
    Refused,
    /// The database could not be used.
    Later(RecordsError),
}

impl Callbacks {
    /// Every program has a lane of its own: one that hangs delays nobody else.
    async fn send_all(&self, http: &dyn HttpClient, stop: &CancelToken) {
        let (mut lanes, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
        let mut resting: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        // What is under way goes on while it is asked who wants to be called.
        let look_after = |rest| {
            Box::pin(stop.stop_or(async move {
                self.runtime.sleep(rest).await;
                self.receivers().await
            }))
        };
        let mut look = look_after(Duration::ZERO);
        loop {
            let (program, ended): (String, Ended) = tokio::select! {
                looked = &mut look => {
                    let Ok(receivers) = looked else {
                        // What is under way ends first.
                        while lanes.next().await.is_some() {}
                        return;
                    };
                    look = look_after(LOOK);
                    let now = self.runtime.now();
                    for client in receivers {
                        let until = resting.get(&client.id).copied();
                        if lanes.len() < LANES && until.is_none_or(|until| until <= now) && busy.insert(client.id.clone()) {
                            let at_once = if until.is_some() { 1 } else { AT_ONCE };
                            lanes.push(self.lane(http, client.id, at_once, stop));
                        }
                    }
                    continue;
                }
                Some(ended) = lanes.next() => ended,
            };
            busy.remove(&program);
            match ended {
                Ended::Done => {
                    resting.remove(&program);
                }
                Ended::Refused => {
                    resting.insert(program, self.runtime.now() + REST);
                }
                Ended::Later(error) => tracing::error!(%error, "callbacks wait"),
            }
        }
    }

    /// The programs that want to be called.
    async fn receivers(&self) -> Vec<clients::Client> {
        match clients::all(&self.records).await {
            Ok(mut all) => {
                all.retain(|client| client.url.is_some());
                all
            }
            Err(error) => {
                tracing::error!(%error, "callbacks wait");
                Vec::new()
            }
        }
    }

    /// Sends a program what waits for it, so many at once, until nothing is due or it does not take one.
    async fn lane(
        &self,
        http: &dyn HttpClient,
        program: String,
        at_once: usize,
        stop: &CancelToken,
    ) -> (String, Ended) {
        loop {
            if stop.is_cancelled() {
                return (program, Ended::Done);
            }
            let now = self.runtime.now();
            let due = match self.records.due_about(KIND, &program, now.timestamp_millis(), at_once).await {
                Ok(due) if due.is_empty() => return (program, Ended::Done),
                Ok(due) => due,
                Err(error) => return (program, Ended::Later(error)),
            };
            let sent =
                futures_util::future::join_all(due.into_iter().map(|record| self.send(http, record, now)));
            for sent in sent.await {
                match sent {
                    Ok(true) => {}
                    Ok(false) => return (program, Ended::Refused),
                    Err(error) => return (program, Ended::Later(error)),
                }
            }
        }
    }

    /// Sends one; `false` when it was not taken.
    async fn send(
        &self,
        http: &dyn HttpClient,
        record: Record,
        now: DateTime<Utc>,
    ) -> Result<bool, RecordsError> {
        let claimed = Record { position: (now + CLAIM).timestamp_millis(), ..record };
        if !self.records.replace(&claimed).await? {
            // Another process was faster.
            return Ok(true);
        }
        let mut waiting: Waiting = claimed.read()?;
        let error = match self.attempt(http, &claimed.id, &waiting).await {
            Ok(()) => {
                self.records.remove(KIND, &claimed.id).await?;
                return Ok(true);
            }
            Err(error) => error,
        };
        waiting.attempts += 1;
        waiting.last_error = Some(error);
        match rest(waiting.attempts) {
            Some(rest) => {
                let at = (self.runtime.now() + rest).timestamp_millis();
                self.records.put(&claimed.at(at).with(&waiting)?).await?;
            }
            None => {
                tracing::error!(callback = %claimed.id, error = ?waiting.last_error, "a callback was given up");
                let dead = Record { kind: DEAD.to_owned(), ..claimed.clone() };
                self.records.put(&dead.with(&waiting)?).await?;
                self.records.remove(KIND, &claimed.id).await?;
            }
        }
        Ok(false)
    }

    /// Sends a program again what was given up.
    pub(crate) async fn send_again(&self, program: &str) -> Result<u64, RecordsError> {
        let (now, mut count) = (self.runtime.now().timestamp_millis(), 0);
        loop {
            let dead = self.records.due_about(DEAD, program, i64::MAX, 100).await?;
            for record in &dead {
                let mut waiting: Waiting = record.read()?;
                waiting.attempts = 0;
                let again = Record { kind: KIND.to_owned(), ..record.clone() };
                self.records.insert(&again.at(now).with(&waiting)?).await?;
                self.records.remove(DEAD, &record.id).await?;
                count += 1;
            }
            if dead.is_empty() {
                return Ok(count);
            }
        }
    }

    /// How the callbacks of a program stand.
    pub(crate) async fn standing(&self, program: &str) -> Result<Standing, RecordsError> {
        let first = self.records.due_about(KIND, program, i64::MAX, 1).await?;
        let first: Option<Waiting> = first.first().map(Record::read).transpose()?;
        Ok(Standing {
            waiting: self.records.count(KIND, Some(program)).await?,
            given_up: self.records.count(DEAD, Some(program)).await?,
            last_error: first.and_then(|waiting| waiting.last_error),
        })
    }

    /// How many callbacks of all programs wait, and how many were given up.
    pub(crate) async fn counts(&self) -> Result<(u64, u64), RecordsError> {
        Ok((self.records.count(KIND, None).await?, self.records.count(DEAD, None).await?))
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

/// How the callbacks of one program stand.
pub(crate) struct Standing {
    pub(crate) waiting: u64,
    pub(crate) given_up: u64,
    /// Why the first one that waits was not taken when it was sent last.
    pub(crate) last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::Response;
    use mplus_sync::runtime::TokioRuntime;
    use mplus_webhooks::HttpError;

    use super::*;
    use crate::records::{Records, Sqlite};
    use crate::safe::key_ring::KeyRing;

    /// Receivers that take what they are sent, but one, which never answers.
    #[derive(Debug, Default)]
    struct OneHangs(Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl HttpClient for OneHangs {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            if request.uri().path() == "/hangs" {
                std::future::pending::<()>().await;
            }
            self.0.lock().unwrap().push(request.uri().path().to_owned());
            Ok(Response::new(Bytes::new()))
        }
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_delays_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(Sqlite::open(&folder.path().join("a.sqlite")).unwrap()).await.unwrap();
        let keys = Arc::new(KeyRing::in_file(&folder.path().join("key")).unwrap());
        for path in ["hangs", "takes"] {
            let url = format!("https://shop.example/{path}");
            clients::make(&records, &keys, path, Some(&url)).await.unwrap();
        }
        let callbacks = Callbacks::new(records.clone(), keys, Arc::new(TokioRuntime));
        for number in 0..50 {
            callbacks
                .tell(&number.to_string(), "sale.completed", "cafe", &serde_json::json!({}))
                .await
                .unwrap();
        }
        let (http, stop) = (OneHangs::default(), CancelToken::new());
        let all_taken = async {
            while http.0.lock().unwrap().len() < 50 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = callbacks.send_all(&http, &stop) => {}
            () = all_taken => {}
        }
        assert_eq!(*http.0.lock().unwrap(), vec!["/takes".to_owned(); 50]);
    }

    #[tokio::test]
    async fn what_was_given_up_is_counted_and_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(Sqlite::open(&folder.path().join("a.sqlite")).unwrap()).await.unwrap();
        let keys = Arc::new(KeyRing::in_file(&folder.path().join("key")).unwrap());
        clients::make(&records, &keys, "shop", Some("https://shop.example/")).await.unwrap();
        let callbacks = Callbacks::new(records.clone(), keys, Arc::new(TokioRuntime));
        callbacks.tell("1", "sale.completed", "cafe", &serde_json::json!({})).await.unwrap();
        let waiting = records.due(KIND, i64::MAX, 1).await.unwrap().pop().unwrap();
        records.put(&Record { kind: DEAD.to_owned(), ..waiting.clone() }).await.unwrap();
        records.remove(KIND, &waiting.id).await.unwrap();
        assert_eq!(callbacks.counts().await.unwrap(), (0, 1));
        assert_eq!(callbacks.send_again(&waiting.subject).await.unwrap(), 1);
        let standing = callbacks.standing(&waiting.subject).await.unwrap();
        assert_eq!((standing.waiting, standing.given_up), (1, 0));
    }

    #[test]
    fn a_callback_is_tried_for_three_days_and_then_given_up() {
        let all: TimeDelta = (1..=9).filter_map(rest).sum();
        assert!(all > TimeDelta::days(3));
        assert_eq!(rest(10), None);
    }
}
