//! The exchange of one call with the service: attempts, each a request and the reading of its answer. It knows no types of
//! operations, so that it is compiled once.

mod answer;
mod attempts;

use std::{borrow::Cow, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use crate::{
    Credentials, Error, ErrorKind, Passage, Runtime,
    capture::{CapturedMessage, CapturedPart, redact},
    channel::{Channel, Settings},
    scan::{Charset, document_text},
    soap::{OperationInfo, Record, Repeat, Tolerated, write_request},
    transport::{Request, TransportError, TransportErrorKind},
};

pub(crate) use self::{
    answer::{Answer, Held, TURN, late, tell, too_large},
    attempts::{Attempts, Failure},
};

/// The attempts of one call.
pub(crate) struct Exchange<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) info: OperationInfo,
    pub(crate) settings: &'a Settings,
    pub(crate) streamed: bool,
}

/// What is known of an exchange besides the response.
pub(crate) struct Head {
    pub(crate) tolerated: Tolerated,
    pub(crate) attempts: u32,
    pub(crate) earlier_attempt_open: bool,
    pub(crate) request_id: String,
    pub(crate) service_version: Option<String>,
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
                Ok(head) => {
                    let earlier_attempt_open = attempts.open;
                    return Ok(Head { attempts: attempts.count + 1, earlier_attempt_open, ..head });
                }
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
        let shared = &*self.channel.shared;
        let request_id = shared.new_id();
        span.record("request_id", &request_id);
        let failure = |kind: ErrorKind| Failure {
            kind: self.kept(kind),
            request_id: request_id.clone(),
            retry_after: None,
        };
        let timeout = self.timeout();
        let (connection, credentials) = self.admitted(timeout).await.map_err(&failure)?;
        let request = Request::new(credentials.url(shared.endpoint.as_str()), envelope)
            .with_headers(headers(self.info.name, &request_id))
            .with_timeout(timeout);
        self.show(CapturedPart::Request, &request_id, request.body(), None);
        let ends = shared.runtime.now().saturating_add(timeout);
        let silence = timeout.min(SILENCE);
        // A transport keeps to the time by itself; one that does not may not hold the call for ever.
        let patience = if self.streamed && self.info.repeat == Repeat::Read { silence } else { timeout };
        let sent = within(&*shared.runtime, patience, shared.transport.send(request));
        let sent = sent.await.unwrap_or_else(|| Err(silent(patience)));
        match sent {
            Ok(response) => {
                let held = Held::new(connection, credentials);
                let answer = Answer::new(response, request_id, ends, self.streamed.then_some(silence), held);
                self.record(&answer, span);
                Ok(answer)
            }
            Err(error) => Err(failure(ErrorKind::Transport(error))),
        }
    }

    /// A place among the connections, and the credentials that hold then. All waiting for both takes no longer than the call
    /// may.
    async fn admitted(
        &self,
        timeout: Duration,
    ) -> Result<(OwnedSemaphorePermit, Arc<Credentials>), ErrorKind> {
        let shared = &*self.channel.shared;
        let busy = || ErrorKind::Busy { connections: shared.max_connections };
        let mut in_queue = false;
        // Whoever waits at a gate holds no connection; whoever waited for a connection asks again.
        let admitted = async {
            let credentials = self.pass().await?;
            if let Ok(connection) = shared.connections.clone().try_acquire_owned() {
                return Ok((connection, credentials));
            }
            in_queue = true;
            let connection = shared.connections.clone().acquire_owned().await.map_err(|_| busy())?;
            in_queue = false;
            Ok((connection, self.pass().await?))
        };
        let admitted = within(&*shared.runtime, timeout, admitted).await;
        admitted.unwrap_or_else(|| {
            let late = || ErrorKind::Held("whether it may be sent was not known in time".to_owned());
            Err(if in_queue { busy() } else { late() })
        })
    }

    /// Asks the gates; answers with the credentials that hold now.
    async fn pass(&self) -> Result<Arc<Credentials>, ErrorKind> {
        let shared = &*self.channel.shared;
        for gate in self.channel.gates.iter() {
            match gate.pass(self.info.name).await {
                Passage::Open => {}
                Passage::OpenWith(credentials) => shared.replace_credentials(credentials),
                Passage::Held(why) => return Err(ErrorKind::Held(why)),
            }
        }
        Ok(shared.credentials())
    }

    /// From the start of an attempt to the last byte.
    fn timeout(&self) -> Duration {
        let usual = match self.info.repeat {
            Repeat::Read if !self.streamed || self.settings.page => SILENCE,
            _ => Duration::from_secs(600),
        };
        self.settings.timeout.unwrap_or(usual)
    }

    /// A failure as it may be kept: without the credentials, and of a size that a log can take.
    pub(crate) fn kept(&self, kind: ErrorKind) -> ErrorKind {
        kind.with_texts(|text| self.channel.shared.kept(text))
    }

    /// What the answer's head says, as it may be kept.
    fn header(&self, answer: &Answer, name: &str) -> Option<String> {
        Some(self.channel.shared.kept(answer.header(name)?))
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

    fn show(&self, part: CapturedPart, request_id: &str, document: &[u8], charset: Option<Charset>) {
        let shared = &self.channel.shared;
        if let Some(hook) = &shared.capture {
            let text = match document_text(document, charset, false) {
                Ok(text) => text.text,
                // Where bytes stand between the letters, nothing would be found that must not be shown.
                Err(_) if document.contains(&0) => Cow::Borrowed(""),
                Err(_) => String::from_utf8_lossy(document),
            };
            let body = shared.erase_from(redact(&text, |element| hook.is_sensitive(element)));
            hook.capture(&CapturedMessage { operation: self.info.name, request_id, part, body: &body });
        }
    }
}

/// How long a read, or a stream, may wait for bytes where a host says nothing else.
const SILENCE: Duration = Duration::from_secs(50);

/// What becomes of `work`; `None` when its time is up first. The clock is only asked for when there is something to wait for.
async fn within<T>(runtime: &dyn Runtime, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        return Some(done);
    }
    match select(work, runtime.time_out(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Nothing came for so long.
fn silent(silence: Duration) -> TransportError {
    let what = format!("nothing came for {:.1} s", silence.as_secs_f64());
    TransportError::new(TransportErrorKind::Timeout, what)
}

/// The headers of a request.
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
