//! A till: makes signed events as the POS does, sends them, and checks what comes back.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{Method, Request};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::reply::{TillError, TillReply};
use crate::adapter::BASE_PATH;
use crate::event::EventName;
use crate::http_client::HttpClient;
use crate::reply::Number;
use crate::{SIGNATURE_HEADER, SUBSCRIPTION_HEADER, SubscriptionSecret};

/// A till of a restaurant. Every event gets the next counter and time; ids come from the seed, so runs repeat exactly.
#[derive(Debug)]
pub struct Till {
    base_url: String,
    subscription_id: String,
    secret: SubscriptionSecret,
    branch_number: i64,
    workplace_number: i64,
    instance_id: String,
    seed: u64,
    started_at: DateTime<Utc>,
    counter: AtomicI64,
    ids: AtomicU64,
}

/// A line to ring up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TillLine {
    /// The article.
    pub article_number: i64,
    /// What the receipt prints.
    pub text: String,
    /// Price with VAT, euros.
    pub price_incl: Decimal,
    /// How many.
    pub quantity: Decimal,
}

impl TillLine {
    /// One piece of an article.
    pub fn new(article_number: i64, text: &str, price_incl: Decimal) -> Self {
        Self { article_number, text: text.to_owned(), price_incl, quantity: Decimal::ONE }
    }

    fn json(&self, line_id: &str) -> Value {
        json!({
            "lineId": line_id,
            "articleNumber": self.article_number,
            "text": self.text,
            "priceIncl": number(self.price_incl),
            "quantity": number(self.quantity),
        })
    }
}

/// A decimal for [`serde_json::json!`]: as text, which the receiver has to accept, since a `Value` would make it a float.
fn number(value: Decimal) -> Value {
    Value::String(value.to_string())
}

impl Till {
    /// A till whose subscription points to `base_url`, such as `http://127.0.0.1:8080/webhook/mpluskassa`.
    pub fn new(base_url: &str, subscription_id: &str, secret: SubscriptionSecret, seed: u64) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            subscription_id: subscription_id.to_owned(),
            secret,
            branch_number: 1,
            workplace_number: 1,
            instance_id: uuid(seed, u64::MAX),
            seed,
            // 2026-01-01; the POS's clock proves nothing, so any day does.
            started_at: DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default(),
            counter: AtomicI64::new(0),
            ids: AtomicU64::new(0),
        }
    }

    /// A till for an orchestrator in the same process.
    pub fn in_process(subscription_id: &str, secret: SubscriptionSecret, seed: u64) -> Self {
        Self::new(&format!("http://localhost{BASE_PATH}"), subscription_id, secret, seed)
    }

    /// Places it elsewhere than at workplace 1 of branch 1.
    #[must_use]
    pub fn at(mut self, branch_number: i64, workplace_number: i64) -> Self {
        (self.branch_number, self.workplace_number) = (branch_number, workplace_number);
        self
    }

    /// The key that it signs with.
    pub fn secret(&self) -> &SubscriptionSecret {
        &self.secret
    }

    /// A new id in the form of a UUID.
    pub fn new_id(&self) -> String {
        uuid(self.seed, self.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// A body with the next counter and time, `event` and `sender` first, then the given fields of an object.
    pub fn body(&self, blocking: bool, fields: Value) -> Bytes {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let timestamp = (self.started_at + TimeDelta::milliseconds(counter * 7))
            .to_rfc3339_opts(SecondsFormat::Millis, false);
        let mut body = Map::new();
        body.insert(
            "event".to_owned(),
            json!({ "eventBlocking": blocking, "eventCounter": counter, "eventTimestamp": timestamp }),
        );
        body.insert(
            "sender".to_owned(),
            json!({
                "branchNumber": self.branch_number,
                "workplaceNumber": self.workplace_number,
                "instanceId": self.instance_id,
            }),
        );
        if let Value::Object(fields) = fields {
            body.extend(fields);
        }
        Value::Object(body).to_string().into()
    }

    /// A signed request with exactly this body.
    pub fn signed(&self, event: &EventName, body: Bytes) -> Request<Bytes> {
        let signature = self.secret.sign(&body);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        // A base URL that is none shows when it is sent.
        *request.uri_mut() = format!("{}/{}", self.base_url, event.as_str()).parse().unwrap_or_default();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
            (SUBSCRIPTION_HEADER, self.subscription_id.clone()),
            (SIGNATURE_HEADER, signature),
        ];
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }

    /// Sends a request that was made before, again for instance, and checks the reply: its signature, and that
    /// it holds nothing that the event does not allow.
    ///
    /// # Errors
    /// [`TillError`] when there is no reply, or one that a POS would not accept.
    pub async fn send_request(
        &self,
        to: &dyn HttpClient,
        event: &EventName,
        request: Request<Bytes>,
    ) -> Result<TillReply, TillError> {
        let response = to.send(request).await.map_err(TillError::NoReply)?;
        TillReply::check(event, response, &self.secret)
    }

    /// Makes, signs and sends a blocking event, and checks the reply.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub async fn send(
        &self,
        to: &dyn HttpClient,
        event: &EventName,
        fields: Value,
    ) -> Result<TillReply, TillError> {
        let request = self.signed(event, self.body(true, fields));
        self.send_request(to, event, request).await
    }

    /// Rings up a sale without ending it, and returns its session as JSON: `startSession`, then `addSessionLine` for every line.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub async fn ring_up(&self, to: &dyn HttpClient, lines: &[TillLine]) -> Result<Value, TillError> {
        let session_id = self.new_id();
        self.send(to, &EventName::StartSession, json!({ "session": { "sessionId": session_id } })).await?;
        let mut rung_up = Vec::new();
        let mut total = Decimal::ZERO;
        for line in lines {
            let line_json = line.json(&self.new_id());
            rung_up.push(line_json.clone());
            total += line.price_incl * line.quantity;
            let fields = json!({
                "session": { "sessionId": session_id, "lines": rung_up },
                "addSessionLine": { "line": line_json },
            });
            self.send(to, &EventName::AddSessionLine, fields).await?;
        }
        Ok(json!({ "sessionId": session_id, "lines": rung_up, "totalInclAmount": number(total) }))
    }

    /// A whole sale: rung up, paid, finished. Returns the session's id.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub async fn sell(&self, to: &dyn HttpClient, lines: &[TillLine]) -> Result<String, TillError> {
        let session = self.ring_up(to, lines).await?;
        self.send(to, &EventName::StartPayment, json!({ "session": session })).await?;
        self.complete(to, &session).await
    }

    /// Finishes a sale that was rung up. Returns the session's id.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub async fn complete(&self, to: &dyn HttpClient, session: &Value) -> Result<String, TillError> {
        self.send(to, &EventName::CompleteSession, json!({ "session": session })).await?;
        Ok(session_id(session))
    }

    /// Gives a sale up. Returns the session's id.
    ///
    /// # Errors
    /// As [`send_request`](Self::send_request).
    pub async fn cancel(&self, to: &dyn HttpClient, session: &Value) -> Result<String, TillError> {
        self.send(to, &EventName::CancelSession, json!({ "session": session })).await?;
        Ok(session_id(session))
    }

    /// Starts an external payment.
    pub fn start_payment(&self, amount: Decimal) -> TillPayment<'_> {
        TillPayment { till: self, id: self.new_id(), amount }
    }
}

fn session_id(session: &Value) -> String {
    session.get("sessionId").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A UUID (version 4 in form) from two numbers.
fn uuid(seed: u64, number: u64) -> String {
    format!(
        "{:08x}-{:04x}-4000-8000-{:012x}",
        seed >> 16 & 0xffff_ffff,
        seed & 0xffff,
        number & 0xffff_ffff_ffff
    )
}

/// An external payment as a till sees it.
#[derive(Debug)]
pub struct TillPayment<'t> {
    till: &'t Till,
    /// The payment's id.
    pub id: String,
    /// What is to be paid, euros.
    pub amount: Decimal,
}

impl TillPayment<'_> {
    /// The name of the payment method that the till has configured.
    pub const METHOD: &'static str = "K_WEBHOOK";

    /// Sends one of the four events about this payment.
    ///
    /// # Errors
    /// As [`Till::send_request`].
    pub async fn send(&self, to: &dyn HttpClient, event: &EventName) -> Result<TillReply, TillError> {
        let amount = serde_json::to_string(&Number(self.amount)).unwrap_or_default();
        // Written by hand: the amount has to be a number with its own digits.
        let fields = format!(
            r#""externalPayment":{{"externalPaymentId":"{}","amount":{amount},"method":"{}"}}}}"#,
            self.id,
            Self::METHOD
        );
        let mut body = String::from_utf8_lossy(&self.till.body(true, Value::Null)).into_owned();
        body.pop();
        body = format!("{body},{fields}");
        self.till.send_request(to, event, self.till.signed(event, body.into())).await
    }

    /// `startExternalPayment`.
    ///
    /// # Errors
    /// As [`Till::send_request`].
    pub async fn start(&self, to: &dyn HttpClient) -> Result<TillReply, TillError> {
        self.send(to, &EventName::StartExternalPayment).await
    }

    /// `pollExternalPayment`.
    ///
    /// # Errors
    /// As [`Till::send_request`].
    pub async fn poll(&self, to: &dyn HttpClient) -> Result<TillReply, TillError> {
        self.send(to, &EventName::PollExternalPayment).await
    }

    /// `requestCancelExternalPayment`.
    ///
    /// # Errors
    /// As [`Till::send_request`].
    pub async fn request_cancel(&self, to: &dyn HttpClient) -> Result<TillReply, TillError> {
        self.send(to, &EventName::RequestCancelExternalPayment).await
    }

    /// `cancelExternalPayment`.
    ///
    /// # Errors
    /// As [`Till::send_request`].
    pub async fn cancel(&self, to: &dyn HttpClient) -> Result<TillReply, TillError> {
        self.send(to, &EventName::CancelExternalPayment).await
    }

    /// Polls until the reply says that it is finished, at most `polls` times, and calls `pause` in between.
    ///
    /// # Errors
    /// As [`Till::send_request`], and [`TillError::NeverFinished`].
    pub async fn poll_until_finished<P>(
        &self,
        to: &dyn HttpClient,
        polls: usize,
        mut pause: impl FnMut() -> P,
    ) -> Result<TillReply, TillError>
    where
        P: Future<Output = ()>,
    {
        for _ in 0..polls {
            let reply = self.poll(to).await?;
            if reply.finished() {
                return Ok(reply);
            }
            pause().await;
        }
        Err(TillError::NeverFinished { polls })
    }
}
