//! The answer to one request: reading its body, as a whole, within its limits and its time.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use super::{Exchange, Failure, Head, silent};
use crate::{
    Credentials, ErrorKind, Runtime,
    capture::CapturedPart,
    retry::retry_after,
    scan::{Charset, document_text},
    soap::{DecodeError, DecodeProblem, EnvelopeReader, Record, ResponseError, Tolerated},
    transport::{Body, TransportError, TransportErrorKind},
};

/// So many bytes are read before others get their turn: a fraction of a millisecond. What is at work in the same task, as the
/// writing of what was read before, waits no longer than that.
pub(crate) const TURN: usize = 64 << 10;
/// The least that a piece counts for in a turn.
const PIECE: usize = 1 << 8;

/// An answer whose body is still to be read. The connection counts as in use until it is dropped.
pub(crate) struct Answer {
    body: Body,
    pub(crate) status: http::StatusCode,
    headers: HeaderMap,
    pub(crate) request_id: String,
    time_out: TimeOut,
    /// How long it may wait for the next bytes, where that is less than the whole time.
    silence: Option<Duration>,
    /// When the present wait for bytes has to be over.
    waiting: Option<TimeOut>,
    /// How much came since others had their turn.
    since_turn: usize,
    _held: Held,
}

/// What an answer that is under way keeps from others: its place among the connections; and from being forgotten: what it was
/// asked for with, as it may quote that.
pub(crate) struct Held {
    _connection: OwnedSemaphorePermit,
    _credentials: Arc<Credentials>,
}

impl Held {
    pub(super) fn new(connection: OwnedSemaphorePermit, credentials: Arc<Credentials>) -> Self {
        Self { _connection: connection, _credentials: credentials }
    }
}

/// When something has to be over.
struct TimeOut {
    at: Duration,
    /// Made when somebody waits for it.
    ends: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl TimeOut {
    fn new(at: Duration) -> Self {
        Self { at, ends: None }
    }

    /// For somebody who waits: wakes them when it is up.
    fn is_up(&mut self, runtime: &dyn Runtime, context: &mut Context<'_>) -> bool {
        let ends = self.ends.get_or_insert_with(|| runtime.time_out(self.at.saturating_sub(runtime.now())));
        ends.as_mut().poll(context).is_ready()
    }

    /// For somebody who is at work, by the clock alone.
    fn has_passed(&self, runtime: &dyn Runtime) -> bool {
        runtime.now() > self.at
    }
}

impl Answer {
    pub(super) fn new(
        response: http::Response<Body>,
        request_id: String,
        ends: Duration,
        silence: Option<Duration>,
        held: Held,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self {
            body,
            status: head.status,
            headers: head.headers,
            request_id,
            time_out: TimeOut::new(ends),
            silence,
            waiting: None,
            since_turn: 0,
            _held: held,
        }
    }

    /// The next piece of the body. A wait for it ends with the attempt's time, whatever the transport does.
    pub(crate) fn poll_piece(
        &mut self,
        runtime: &dyn Runtime,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        let late = || Poll::Ready(Some(Err(TransportError::new(TransportErrorKind::Timeout, STILL_READ))));
        if self.since_turn >= TURN {
            // A body that is always ready, be it with nothing, leaves others their turn and ends in time, too.
            self.since_turn = 0;
            if self.time_out.has_passed(runtime) {
                return late();
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(piece) = self.body.poll_piece(context) {
            self.waiting = None;
            let came = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
            self.since_turn += came.max(PIECE);
            return Poll::Ready(piece);
        }
        self.since_turn = 0;
        if self.time_out.is_up(runtime, context) {
            return late();
        }
        if let Some(silence) = self.silence {
            let at = || TimeOut::new(runtime.now().saturating_add(silence));
            if self.waiting.get_or_insert_with(at).is_up(runtime, context) {
                return Poll::Ready(Some(Err(silent(silence))));
            }
        }
        Poll::Pending
    }

    /// The charset that the head tells for a body that tells none.
    pub(crate) fn charset(&self) -> Option<Charset> {
        Charset::of_content_type(&self.header("content-type")?)
    }

    pub(crate) fn http_error(&self) -> ErrorKind {
        ErrorKind::Http { status: self.status.as_u16() }
    }

    /// A whole response under a status that says failure.
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

impl Exchange<'_> {
    pub(super) async fn read(
        &self,
        mut answer: Answer,
        response: &mut dyn Record,
        span: &tracing::Span,
    ) -> Result<Head, Failure> {
        let document = match self.collect(&mut answer, span).await {
            Ok(document) => document,
            Err(kind) => return Err(answer.failure(kind)),
        };
        match self.decode(&document, response, &mut answer).await {
            Ok(_) if !answer.status.is_success() => Err(answer.failure(answer.contradiction())),
            Ok(tolerated) => {
                self.erase_outcome(response);
                tell(&tolerated);
                Ok(Head {
                    tolerated,
                    attempts: 0,
                    earlier_attempt_open: false,
                    request_id: answer.request_id.clone(),
                    service_version: self.header(&answer, "mplus-service-version"),
                })
            }
            Err(kind) => Err(answer.failure(kind)),
        }
    }

    /// What the service says of an outcome goes into errors and reports, and may quote the request.
    fn erase_outcome(&self, response: &mut dyn Record) {
        for element in response.schema().elements {
            if matches!(element.name, "result" | "errorMessage" | "message")
                && let Some(field) = response.field_mut(element.field)
            {
                field.change_text(&|text| self.channel.shared.kept(text));
            }
        }
    }

    /// Reads a whole document in turns: in between others have their time, and it ends when its own is up. Under a status that
    /// says failure, what is no fault is that status.
    pub(crate) async fn decode(
        &self,
        document: &[u8],
        response: &mut dyn Record,
        answer: &mut Answer,
    ) -> Result<Tolerated, ErrorKind> {
        let strict = self.settings.strict;
        let text = document_text(document, answer.charset(), strict)
            .map_err(|error| self.unreadable(answer, error.into()))?;
        // In another encoding it may have been smaller.
        let limit = self.settings.buffered_limit;
        if text.text.len() as u64 > limit {
            return Err(too_large(limit, limit));
        }
        let mut reader = EnvelopeReader::new(&text, self.info.response, strict, self.settings.budget());
        while !reader.go_on(response, TURN).map_err(|error| self.unreadable(answer, error))? {
            yield_once().await;
            if self.is_late(answer) {
                return Err(late());
            }
        }
        reader.finish().map_err(|error| self.unreadable(answer, error))
    }

    /// Whether the time of an attempt is up.
    pub(crate) fn is_late(&self, answer: &Answer) -> bool {
        answer.time_out.has_passed(&*self.channel.shared.runtime)
    }

    /// The whole body, if it keeps within the limit.
    pub(crate) async fn collect(
        &self,
        answer: &mut Answer,
        span: &tracing::Span,
    ) -> Result<Vec<u8>, ErrorKind> {
        let limit = self.settings.buffered_limit;
        let mut document = Vec::new();
        let runtime = &*self.channel.shared.runtime;
        while let Some(piece) = poll_fn(|context| answer.poll_piece(runtime, context)).await {
            let piece = piece.map_err(|error| self.kept(ErrorKind::Transport(error)))?;
            if (document.len() + piece.len()) as u64 > limit {
                return Err(too_large(limit, document.len() as u64));
            }
            document.extend_from_slice(&piece);
        }
        span.record("response_bytes", document.len());
        let part = CapturedPart::Response { status: answer.status.as_u16() };
        self.show(part, &answer.request_id, &document, answer.charset());
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
}

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

const STILL_READ: &str = "the answer was still being read";

/// The time was up while the answer was read.
pub(crate) fn late() -> ErrorKind {
    ErrorKind::Transport(TransportError::new(TransportErrorKind::Timeout, STILL_READ))
}

pub(crate) fn too_large(limit: u64, offset: u64) -> ErrorKind {
    let problem = DecodeProblem::TooLarge { limit };
    ErrorKind::Response(DecodeError::new(String::new(), offset, problem))
}
