//! One call: its options, its attempts, its response.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use crate::{
    Client, Error, ErrorKind, ItemStream, Pages, RetryPolicy,
    client::Settings,
    retry::Decision,
    soap::{
        DecodeProblem, ListResponse, Operation, OperationInfo, Paged, Record, ResponseError, read_envelope,
        write_envelope,
    },
    transport::{Body, Request, TransportError, TransportErrorKind},
};

/// A call that is not sent yet: await it for the response, or adjust it first.
#[must_use = "a call is only sent when it is awaited or streamed"]
#[derive(Debug)]
pub struct Call<'a, O> {
    client: &'a Client,
    operation: O,
    settings: Settings,
}

/// A response with what is known about its exchange.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The response.
    pub response: T,
    /// Paths of required elements that were absent and got their defaults: this version of the service does not know
    /// them. One path per element of a type.
    pub missing: Vec<String>,
    /// How many requests were sent.
    pub attempts: u32,
    /// The `X-Request-Id` of the request that was answered.
    pub request_id: String,
    /// The version that the service told (`mplus-service-version`).
    pub service_version: Option<String>,
}

impl<'a, O: Operation> Call<'a, O> {
    pub(crate) fn new(client: &'a Client, operation: O) -> Self {
        Self { client, operation, settings: client.inner.settings.clone() }
    }

    /// Another time-out per attempt for this call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Another retry policy for this call.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Whether an absent required element is an error, for this call.
    pub fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Sets the key of an operation that carries one (see [`Repeat::Idempotent`]); the same key asks for the same
    /// response. One is made for the call when none is set. No effect on other operations.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        if let Some(place) = self.operation.idempotency_key() {
            *place = key.into();
        }
        self
    }

    /// Sends it and returns the response with what is known about the exchange.
    pub async fn reply(mut self) -> Result<Reply<O::Response>, Error> {
        self.fill_idempotency_key();
        let mut response = O::Response::default();
        let exchange = Exchange { client: self.client, info: O::INFO, settings: &self.settings };
        let envelope = exchange.envelope(&self.operation)?;
        let reset = |response: &mut O::Response| *response = O::Response::default();
        let head = exchange.buffered(envelope, &mut response, reset).await?;
        Ok(Reply {
            response,
            missing: head.missing,
            attempts: head.attempts,
            request_id: head.request_id,
            service_version: head.service_version,
        })
    }

    /// Sends it and returns the items of the response's list one by one, as their bytes arrive.
    pub fn stream(mut self) -> ItemStream<O>
    where
        O::Response: ListResponse,
    {
        self.fill_idempotency_key();
        ItemStream::new(self.client.clone(), self.operation, self.settings)
    }

    /// Everything that changed since `marker`, at most `limit` items per page: see [`Pages`].
    pub fn changes_since(self, marker: i64, limit: i32) -> Pages<O>
    where
        O: Paged,
    {
        Pages::new(self.client.clone(), self.operation, self.settings, marker, limit)
    }

    fn fill_idempotency_key(&mut self) {
        let random = self.client.inner.runtime.random();
        if let Some(key) = self.operation.idempotency_key()
            && key.is_empty()
        {
            *key = uuid_text(random);
        }
    }
}

impl<'a, O: Operation> IntoFuture for Call<'a, O> {
    type Output = Result<O::Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.reply().await?.response) })
    }
}

/// The form of a version 4 UUID.
fn uuid_text(random: u128) -> String {
    uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid().to_string()
}

/// The attempts of one call. Not generic: it is compiled once.
pub(crate) struct Exchange<'a> {
    pub(crate) client: &'a Client,
    pub(crate) info: OperationInfo,
    pub(crate) settings: &'a Settings,
}

/// What is known of an exchange besides the response.
pub(crate) struct Head {
    pub(crate) missing: Vec<String>,
    pub(crate) attempts: u32,
    pub(crate) request_id: String,
    pub(crate) service_version: Option<String>,
}

/// An answer whose body is still to be read. The connection counts as in use until it is dropped.
pub(crate) struct Answer {
    pub(crate) body: Body,
    pub(crate) status: http::StatusCode,
    headers: HeaderMap,
    pub(crate) request_id: String,
    _connection: OwnedSemaphorePermit,
}

/// One failed attempt.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) request_id: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Exchange<'_> {
    pub(crate) fn envelope(&self, operation: &dyn Record) -> Result<Bytes, Error> {
        match write_envelope(self.info.name, operation) {
            Ok(envelope) => Ok(Bytes::from(envelope)),
            Err(error) => Err(Error::single(self.info.name, ErrorKind::Request(error), "")),
        }
    }

    /// Tries until there is a whole response.
    async fn buffered<R: Record>(
        &self,
        envelope: Bytes,
        response: &mut R,
        reset: fn(&mut R),
    ) -> Result<Head, Error> {
        let mut attempts = Attempts::start(self);
        loop {
            match self.attempt(envelope.clone(), response, attempts.count + 1).await {
                Ok(head) => return Ok(Head { attempts: attempts.count + 1, ..head }),
                Err(failure) => attempts.after(failure).await?,
            }
            reset(response);
        }
    }

    async fn attempt(
        &self,
        envelope: Bytes,
        response: &mut dyn Record,
        attempt: u32,
    ) -> Result<Head, Failure> {
        let span = tracing::info_span!(
            "mplus",
            operation = self.info.name,
            attempt,
            request_id = tracing::field::Empty,
            request_bytes = envelope.len(),
            response_bytes = tracing::field::Empty,
            status = tracing::field::Empty,
            server_timing = tracing::field::Empty,
            service_version = tracing::field::Empty,
        );
        let recorder = span.clone();
        async move {
            let answer = self.open(envelope).await?;
            answer.record(&recorder);
            let head = self.read(answer, response, &recorder).await;
            if let Err(failure) = &head {
                tracing::debug!(error = %failure.kind, "attempt failed");
            }
            head
        }
        .instrument(span)
        .await
    }

    /// Sends one request and waits for the answer's head.
    pub(crate) async fn open(&self, envelope: Bytes) -> Result<Answer, Failure> {
        let inner = &*self.client.inner;
        let request_id = uuid_text(inner.runtime.random());
        let failure = |kind| Failure { kind, request_id: request_id.clone(), retry_after: None };
        let Ok(connection) = inner.connections.clone().acquire_owned().await else {
            let closed = TransportError::new(TransportErrorKind::Connect, "the client is closed");
            return Err(failure(ErrorKind::Transport(closed)));
        };
        let request = Request {
            url: inner.endpoint.with(&inner.credentials),
            headers: headers(self.info.name, &request_id),
            body: envelope,
            timeout: self.settings.timeout,
        };
        match inner.transport.send(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Answer {
                    body,
                    status: head.status,
                    headers: head.headers,
                    request_id,
                    _connection: connection,
                })
            }
            Err(error) => Err(failure(ErrorKind::Transport(error))),
        }
    }

    async fn read(
        &self,
        mut answer: Answer,
        response: &mut dyn Record,
        span: &tracing::Span,
    ) -> Result<Head, Failure> {
        let document = match answer.collect(self.settings.buffered_limit).await {
            Ok(document) => document,
            Err(kind) => return Err(answer.failure(kind)),
        };
        span.record("response_bytes", document.len());
        match read_envelope(&document, self.info.response, response, self.settings.strict) {
            Ok(_) if !answer.status.is_success() => Err(answer.failure(answer.http_error())),
            Ok(missing) => {
                for path in &missing {
                    tracing::info!(path, "a required element is absent; it got its default");
                }
                Ok(Head {
                    missing,
                    attempts: 0,
                    request_id: answer.request_id.clone(),
                    service_version: answer.header("mplus-service-version"),
                })
            }
            Err(error) => Err(answer.failure(answer.error(error))),
        }
    }
}

impl Answer {
    /// The whole body, if it keeps within `limit`.
    pub(crate) async fn collect(&mut self, limit: u64) -> Result<Vec<u8>, ErrorKind> {
        let mut document = Vec::new();
        while let Some(piece) = self.body.next().await {
            let piece = piece.map_err(ErrorKind::Transport)?;
            if (document.len() + piece.len()) as u64 > limit {
                return Err(too_large(limit, document.len() as u64));
            }
            document.extend_from_slice(&piece);
        }
        Ok(document)
    }

    /// What an unreadable answer is: with an HTTP error status, that status; a fault is a fault with any.
    pub(crate) fn error(&self, error: ResponseError) -> ErrorKind {
        match error {
            ResponseError::Fault(fault) => ErrorKind::Fault(fault),
            ResponseError::Decode(_) if !self.status.is_success() => self.http_error(),
            ResponseError::Decode(error) => ErrorKind::Response(error),
        }
    }

    fn http_error(&self) -> ErrorKind {
        ErrorKind::Http { status: self.status.as_u16() }
    }

    pub(crate) fn failure(&self, kind: ErrorKind) -> Failure {
        let retry_after = self.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
        Failure {
            kind,
            request_id: self.request_id.clone(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }

    pub(crate) fn record(&self, span: &tracing::Span) {
        span.record("request_id", &self.request_id);
        span.record("status", self.status.as_u16());
        for (field, header) in
            [("server_timing", "server-timing"), ("service_version", "mplus-service-version")]
        {
            if let Some(value) = self.header(header) {
                span.record(field, value);
            }
        }
    }
}

pub(crate) fn too_large(limit: u64, offset: u64) -> ErrorKind {
    let problem = DecodeProblem::TooLarge { limit };
    ErrorKind::Response(crate::soap::DecodeError::new(String::new(), offset, problem))
}

/// Counts the attempts of one call and waits between them.
pub(crate) struct Attempts<'a> {
    exchange: &'a Exchange<'a>,
    started: Duration,
    pub(crate) count: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn start(exchange: &'a Exchange<'a>) -> Self {
        Self { exchange, started: exchange.client.inner.runtime.now(), count: 0 }
    }

    /// After a failed attempt: waits for the next one, or ends with the error.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), Error> {
        self.count += 1;
        let Exchange { client, info, settings } = self.exchange;
        let runtime = &client.inner.runtime;
        let elapsed = runtime.now().saturating_sub(self.started);
        let Failure { kind, request_id, retry_after } = failure;
        let random = runtime.random();
        match settings.retry.decide(info.repeat, &kind, self.count, elapsed, retry_after, random) {
            Decision::RepeatAfter(pause) => {
                tracing::debug!(operation = info.name, attempt = self.count, ?pause, "trying again");
                runtime.sleep(pause).await;
                Ok(())
            }
            Decision::Stop(stop) => Err(Error::new(info.name, kind, self.count, elapsed, stop, request_id)),
        }
    }
}

/// The headers of a request (api-facts.md, section 1).
fn headers(operation: &'static str, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    headers.insert("soapaction", HeaderValue::from_static(operation));
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("mplus-qapi/", env!("CARGO_PKG_VERSION"))),
    );
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", request_id);
    }
    headers
}
