//! One call: its options, its attempts, its response.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use crate::{
    Client, Credentials, Error, ErrorKind, ItemStream, Pages, Passage, RetryPolicy, Runtime,
    capture::{CapturedMessage, CapturedPart, redact},
    client::Settings,
    filters,
    retry::{Decision, retry_after},
    scan::document_text,
    soap::{
        DecodeProblem, EnvelopeReader, ListResponse, Operation, OperationInfo, Paged, Record, Repeat,
        ResponseError, Tolerated, write_request,
    },
    transport::{Body, Request, TransportError, TransportErrorKind},
};

/// A call that is not sent yet: await it for the response, or adjust it first.
///
/// It holds its client, so it can be spawned as a task or awaited together with others:
///
/// ```
/// # #[cfg(feature = "testkit")] {
/// use mplus_qapi::{Client, Error, stock::{GetStockRequest, GetStockResponse}};
///
/// # async fn example(client: Client) -> Result<(), Error> {
/// let of_branch = |branch_number| client.get_stock(GetStockRequest { branch_number, ..Default::default() });
/// let (first, second): (GetStockResponse, GetStockResponse) = tokio::try_join!(of_branch(1), of_branch(2))?;
/// # Ok(())
/// # }
/// # }
/// ```
#[must_use = "a call is only sent when it is awaited or streamed"]
pub struct Call<O: Operation> {
    client: Client,
    /// Taken when it is sent.
    operation: Option<O>,
    settings: Settings,
    sent: Option<Responding<O>>,
}

type Responding<O> = Pin<Box<dyn Future<Output = Result<Reply<<O as Operation>::Response>, Error>> + Send>>;

/// Nothing in it is ever borrowed from itself.
impl<O: Operation> Unpin for Call<O> {}

impl<O: Operation> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
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
    /// Paths of texts in which U+FFFD stands for a character that XML cannot hold.
    pub replaced: Vec<String>,
    /// How many requests were sent.
    pub attempts: u32,
    /// The `X-Request-Id` of the request that was answered.
    pub request_id: String,
    /// The version that the service told (`mplus-service-version`).
    pub service_version: Option<String>,
}

impl<T> Reply<T> {
    /// The reply to a first attempt, for tests.
    pub fn new(response: T) -> Self {
        Self {
            response,
            missing: Vec::new(),
            replaced: Vec::new(),
            attempts: 1,
            request_id: String::new(),
            service_version: None,
        }
    }
}

impl<O: Operation> Call<O> {
    pub(crate) fn new(client: Client, operation: O) -> Self {
        let settings = client.inner.settings.clone();
        Self { client, operation: Some(operation), settings, sent: None }
    }

    /// Another time-out per attempt for this call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
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

    /// Whether a value that cannot be read, such as a price of `eight euros`, is left out of its page and told in
    /// [`Page::unreadable`](crate::Page::unreadable), where it otherwise ends the pages in an error. Only
    /// [`Self::changes_since`] heeds it, and not in strict mode.
    pub fn leaving_out_unreadable(mut self, leaves_out: bool) -> Self {
        self.settings.leaves_out_unreadable = leaves_out;
        self
    }

    /// Sets the key of an operation that carries one (see [`Repeat::Idempotent`](crate::soap::Repeat)); the same key asks for the same
    /// response. One is made for the call when none is set. No effect on other operations.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        if let Some(place) = self.operation.as_mut().and_then(Operation::idempotency_key) {
            *place = key.into();
        }
        self
    }

    /// Sends it and returns the response with what is known about the exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reply(mut self) -> Result<Reply<O::Response>, Error> {
        self.start().await
    }

    /// Sends it and returns the items of the response's list one by one, as their bytes arrive.
    pub fn stream(mut self) -> ItemStream<O>
    where
        O::Response: ListResponse,
    {
        let operation = self.take_operation();
        // There is no place to tell what was left out.
        self.settings.leaves_out_unreadable = false;
        ItemStream::new(self.client, operation, self.settings)
    }

    /// Everything that changed since `marker`, at most `limit` items per page: see [`Pages`].
    ///
    /// The request must not hold a filter (`only_active`, `relation_numbers`, a date): what changes from inside to outside of
    /// it would never be told. The pages are an error then, before anything is sent. Look at the items instead, or page with
    /// markers of your own.
    pub fn changes_since(mut self, marker: i64, limit: i32) -> Pages<O>
    where
        O: Paged,
    {
        let operation = self.take_operation();
        if let Some(filter) = filters::beside_marker(O::INFO.name, &operation) {
            let what =
                format!("the filter `{filter}` would leave changes out; ask for all of them, without it");
            return Pages::refused(Error::single(O::INFO.name, ErrorKind::Setup(what), ""));
        }
        Pages::new(self.client, operation, self.settings, marker, limit)
    }

    /// The request with its key.
    fn take_operation(&mut self) -> O {
        let mut operation = self.operation.take().unwrap_or_default();
        if let Some(key) = operation.idempotency_key()
            && key.is_empty()
        {
            *key = uuid_text(self.client.inner.runtime.random());
        }
        operation
    }

    fn start(&mut self) -> Responding<O> {
        let operation = self.take_operation();
        let (client, settings) = (self.client.clone(), self.settings.clone());
        Box::pin(async move {
            let mut response = O::Response::default();
            let exchange = Exchange { client: &client, info: O::INFO, settings: &settings, streamed: false };
            let envelope = exchange.envelope(&operation)?;
            drop(operation);
            let reset = |response: &mut O::Response| *response = O::Response::default();
            let head = exchange.buffered(envelope, &mut response, reset).await?;
            Ok(head.into_reply(response))
        })
    }
}

impl<O: Operation> Future for Call<O> {
    type Output = Result<O::Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sent = self.sent.take().unwrap_or_else(|| self.start());
        let reply = sent.as_mut().poll(context);
        self.sent = Some(sent);
        reply.map_ok(|reply| reply.response)
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
    pub(crate) streamed: bool,
}

/// What is known of an exchange besides the response.
pub(crate) struct Head {
    pub(crate) tolerated: Tolerated,
    pub(crate) attempts: u32,
    pub(crate) request_id: String,
    pub(crate) service_version: Option<String>,
}

impl Head {
    /// The response with what is known of its exchange.
    pub(crate) fn into_reply<T>(self, response: T) -> Reply<T> {
        Reply {
            response,
            missing: self.tolerated.missing,
            replaced: self.tolerated.replaced,
            attempts: self.attempts,
            request_id: self.request_id,
            service_version: self.service_version,
        }
    }
}

/// An answer whose body is still to be read. The connection counts as in use until it is dropped.
pub(crate) struct Answer {
    pub(crate) body: Body,
    pub(crate) status: http::StatusCode,
    headers: HeaderMap,
    pub(crate) request_id: String,
    time_out: TimeOut,
    _connection: OwnedSemaphorePermit,
}

/// When an attempt has to be over. Waiting for bytes is bounded by the transport; this is for reading them.
struct TimeOut {
    at: Duration,
    /// Made when somebody looks.
    ends: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl TimeOut {
    fn is_up(&mut self, runtime: &dyn Runtime, context: &mut Context<'_>) -> bool {
        let ends = self.ends.get_or_insert_with(|| runtime.time_out(self.at.saturating_sub(runtime.now())));
        ends.as_mut().poll(context).is_ready()
    }
}

/// One failed attempt.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) request_id: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Exchange<'_> {
    pub(crate) fn envelope(&self, operation: &dyn Record) -> Result<Bytes, Error> {
        match write_request(self.info.name, operation) {
            Ok(envelope) => Ok(Bytes::from(envelope)),
            Err(error) => Err(Error::single(self.info.name, ErrorKind::Request(error), "")),
        }
    }

    /// Tries until there is a whole response.
    pub(crate) async fn buffered<R: Record>(
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
        let span = self.span(attempt, envelope.len());
        let recorder = span.clone();
        let exchange = async {
            let answer = self.open(envelope, &recorder).await?;
            self.read(answer, response, &recorder).await
        };
        exchange.instrument(span).await
    }

    /// What a log gets to know of one attempt: never the query, never a body.
    pub(crate) fn span(&self, attempt: u32, request_bytes: usize) -> tracing::Span {
        tracing::info_span!(
            "mplus",
            operation = self.info.name,
            attempt,
            request_id = tracing::field::Empty,
            request_bytes,
            response_bytes = tracing::field::Empty,
            status = tracing::field::Empty,
            server_timing = tracing::field::Empty,
            service_version = tracing::field::Empty,
        )
    }

    /// Sends one request and waits for the answer's head. Records in `span` what is known by then.
    pub(crate) async fn open(&self, envelope: Bytes, span: &tracing::Span) -> Result<Answer, Failure> {
        let inner = &*self.client.inner;
        let request_id = uuid_text(inner.runtime.random());
        span.record("request_id", &request_id);
        let failure = |kind: ErrorKind| Failure {
            kind: self.kept(kind),
            request_id: request_id.clone(),
            retry_after: None,
        };
        let timeout = self.timeout();
        let connection = self.connection(timeout).await.map_err(&failure)?;
        let credentials = self.pass().await.map_err(&failure)?;
        let request = Request::new(credentials.url(inner.endpoint.as_str()), envelope)
            .with_headers(headers(self.info.name, &request_id))
            .with_timeout(timeout);
        self.show(CapturedPart::Request, &request_id, request.body());
        let time_out = TimeOut { at: inner.runtime.now().saturating_add(timeout), ends: None };
        match inner.transport.send(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let answer = Answer {
                    body,
                    status: head.status,
                    headers: head.headers,
                    request_id,
                    time_out,
                    _connection: connection,
                };
                self.record(&answer, span);
                Ok(answer)
            }
            Err(error) => Err(failure(ErrorKind::Transport(error))),
        }
    }

    /// Asks the gates, and answers with the credentials that hold now.
    async fn pass(&self) -> Result<Credentials, ErrorKind> {
        let inner = &*self.client.inner;
        for gate in self.client.gates.iter() {
            match gate.pass(self.info.name).await {
                Passage::Open => {}
                Passage::OpenWith(credentials) => inner.replace_credentials(credentials),
                Passage::Held(why) => return Err(ErrorKind::Held(why)),
            }
        }
        Ok(inner.credentials())
    }

    /// A place among the connections. Waiting for one takes no longer than the call may.
    async fn connection(&self, timeout: Duration) -> Result<OwnedSemaphorePermit, ErrorKind> {
        let inner = &*self.client.inner;
        if let Ok(connection) = inner.connections.clone().try_acquire_owned() {
            return Ok(connection);
        }
        let connection = std::pin::pin!(inner.connections.clone().acquire_owned());
        match select(connection, inner.runtime.time_out(timeout)).await {
            Either::Left((Ok(connection), _)) => Ok(connection),
            Either::Left((Err(_), _)) | Either::Right(_) => {
                Err(ErrorKind::Busy { connections: inner.max_connections })
            }
        }
    }

    /// From the start of an attempt to the last byte.
    fn timeout(&self) -> Duration {
        let usual = match self.info.repeat {
            Repeat::Read if !self.streamed => Duration::from_secs(50),
            _ => Duration::from_secs(600),
        };
        self.settings.timeout.unwrap_or(usual)
    }

    /// A failure as it may be kept: without the credentials, and of a size that a log can take.
    pub(crate) fn kept(&self, kind: ErrorKind) -> ErrorKind {
        kind.with_texts(|text| self.client.inner.credentials().kept(text))
    }

    /// What the answer's head says, as it may be kept.
    fn header(&self, answer: &Answer, name: &str) -> Option<String> {
        Some(self.client.inner.credentials().kept(answer.header(name)?))
    }

    fn record(&self, answer: &Answer, span: &tracing::Span) {
        span.record("status", answer.status.as_u16());
        for (field, header) in
            [("server_timing", "server-timing"), ("service_version", "mplus-service-version")]
        {
            if let Some(value) = self.header(answer, header) {
                span.record(field, value);
            }
        }
    }

    async fn read(
        &self,
        mut answer: Answer,
        response: &mut dyn Record,
        span: &tracing::Span,
    ) -> Result<Head, Failure> {
        let document = match self.collect(&mut answer, span).await {
            Ok(document) => document,
            Err(kind) => return Err(answer.failure(kind)),
        };
        let decoded = match self.decode(&document, response, &mut answer).await {
            Ok(decoded) => decoded,
            Err(late) => return Err(answer.failure(late)),
        };
        match decoded {
            Ok(_) if !answer.status.is_success() => Err(answer.failure(answer.contradiction())),
            Ok(tolerated) => {
                tell(&tolerated);
                Ok(Head {
                    tolerated,
                    attempts: 0,
                    request_id: answer.request_id.clone(),
                    service_version: self.header(&answer, "mplus-service-version"),
                })
            }
            Err(error) => Err(answer.failure(self.unreadable(&answer, error))),
        }
    }

    /// Reads a document in turns: in between others have their time, and it ends when its own is up.
    async fn decode(
        &self,
        document: &[u8],
        response: &mut dyn Record,
        answer: &mut Answer,
    ) -> Result<Result<Tolerated, ResponseError>, ErrorKind> {
        let strict = self.settings.strict;
        let text = match document_text(document, strict) {
            Ok(text) => text,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut reader = EnvelopeReader::new(&text, self.info.response, strict, self.settings.budget());
        loop {
            match reader.go_on(response, TURN) {
                Ok(true) => return Ok(reader.finish()),
                Ok(false) => {}
                Err(error) => return Ok(Err(error)),
            }
            yield_once().await;
            if poll_fn(|context| Poll::Ready(self.is_late(answer, context))).await {
                return Err(late());
            }
        }
    }

    /// Whether the time of an attempt is up.
    pub(crate) fn is_late(&self, answer: &mut Answer, context: &mut Context<'_>) -> bool {
        answer.time_out.is_up(&*self.client.inner.runtime, context)
    }

    /// The whole body, if it keeps within the limit.
    pub(crate) async fn collect(
        &self,
        answer: &mut Answer,
        span: &tracing::Span,
    ) -> Result<Vec<u8>, ErrorKind> {
        let limit = self.settings.buffered_limit;
        let mut document = Vec::new();
        while let Some(piece) = answer.body.next().await {
            let piece = piece.map_err(|error| self.kept(ErrorKind::Transport(error)))?;
            if (document.len() + piece.len()) as u64 > limit {
                return Err(too_large(limit, document.len() as u64));
            }
            document.extend_from_slice(&piece);
        }
        span.record("response_bytes", document.len());
        self.show(CapturedPart::Response { status: answer.status.as_u16() }, &answer.request_id, &document);
        Ok(document)
    }

    /// What an unreadable answer is: with an HTTP error status, that status; a fault is a fault with any.
    pub(crate) fn unreadable(&self, answer: &Answer, error: ResponseError) -> ErrorKind {
        match error {
            ResponseError::Fault(fault) => self.kept(ErrorKind::Fault(fault)),
            ResponseError::Decode(_) if !answer.status.is_success() => answer.http_error(),
            ResponseError::Decode(error) => self.kept(ErrorKind::Response(error)),
        }
    }

    fn show(&self, part: CapturedPart, request_id: &str, document: &[u8]) {
        let inner = &self.client.inner;
        if let Some(hook) = &inner.capture {
            let body = redact(&String::from_utf8_lossy(document), |element| hook.is_sensitive(element));
            let body = inner.credentials().erase_from(body);
            hook.capture(&CapturedMessage { operation: self.info.name, request_id, part, body: &body });
        }
    }
}

/// So many bytes are read before others get their turn.
pub(crate) const TURN: usize = 1 << 20;

/// Lets other tasks go first, once.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub(crate) fn tell(tolerated: &Tolerated) {
    for path in &tolerated.missing {
        tracing::info!(path, "a required element is absent; it got its default");
    }
    for path in &tolerated.replaced {
        tracing::warn!(path, "a character that XML cannot hold was replaced");
    }
}

impl Answer {
    pub(crate) fn http_error(&self) -> ErrorKind {
        ErrorKind::Http { status: self.status.as_u16() }
    }

    pub(crate) fn contradiction(&self) -> ErrorKind {
        ErrorKind::Contradiction { status: self.status.as_u16() }
    }

    pub(crate) fn failure(&self, kind: ErrorKind) -> Failure {
        let date = self.header("date");
        let asked = self.header("retry-after").and_then(|asked| retry_after(&asked, date.as_deref()));
        Failure { kind, request_id: self.request_id.clone(), retry_after: asked }
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }
}

/// The time was up while the answer was read.
pub(crate) fn late() -> ErrorKind {
    let what = "the answer was still being read";
    ErrorKind::Transport(TransportError::new(TransportErrorKind::Timeout, what))
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
        // What a gate kept back was not sent.
        self.count += u32::from(!matches!(failure.kind, ErrorKind::Held(_)));
        let Exchange { client, info, settings, .. } = self.exchange;
        let runtime = &client.inner.runtime;
        let elapsed = runtime.now().saturating_sub(self.started);
        let Failure { kind, request_id, retry_after } = failure;
        let random = runtime.random();
        match settings.retry.decide(info.repeat, &kind, self.count, elapsed, retry_after, random) {
            Decision::RepeatAfter(pause) => {
                tracing::debug!(operation = info.name, attempt = self.count, error = %kind, ?pause, "trying again");
                runtime.sleep(pause).await;
                Ok(())
            }
            Decision::Stop(stop) => {
                Err(Error::of_call(info.name, kind, self.count, elapsed, stop, request_id))
            }
        }
    }
}

/// The headers of a request (api-facts.md, section 1).
fn headers(operation: &'static str, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    headers.insert("soapaction", HeaderValue::from_static(operation));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", request_id);
    }
    headers
}
