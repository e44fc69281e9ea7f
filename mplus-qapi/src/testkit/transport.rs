//! The POS as a transport: no socket in between.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;

use super::{
    Pos,
    domain::operations::Pieces,
    exchange::{HttpAnswer, Reaction},
};
use crate::transport::{Body, Request, Transport, TransportError, TransportErrorKind};

#[async_trait]
impl Transport for Pos {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let url = request.url().expose();
        let query = url.split_once('?').map(|(_, query)| query);
        match self.exchange(query, request.body()) {
            Reaction::Refused => Err(error(TransportErrorKind::Connect, "connection refused")),
            Reaction::Reset => Err(error(TransportErrorKind::Interrupted, "connection reset")),
            Reaction::Timeout => Err(error(TransportErrorKind::Timeout, "no answer")),
            Reaction::Answer(answer) => {
                let (head, body) = response(answer).into_parts();
                let body = Body::from_stream(stream::iter(body.map(Ok)));
                Ok(http::Response::from_parts(head, body))
            }
        }
    }
}

fn error(kind: TransportErrorKind, what: &str) -> TransportError {
    TransportError::new(kind, format!("{what} (on purpose, by the test POS)"))
}

/// How many bytes a slow answer brings at a time.
const DROP: usize = 7;

/// An answer as HTTP tells it.
pub(super) fn response(answer: HttpAnswer) -> http::Response<Pieces> {
    let HttpAnswer { status, content_type, retry_after, body, drip } = answer;
    let body = if drip { Box::new(body.flat_map(drops)) } else { body };
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("server-timing", HeaderValue::from_static("total;dur=1"));
    headers.insert("mplus-service-version", HeaderValue::from_static("67.1.3"));
    if let Some(seconds) = retry_after {
        headers.insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

fn drops(piece: Bytes) -> impl Iterator<Item = Bytes> + Send {
    (0..piece.len()).step_by(DROP).map(move |at| piece.slice(at..piece.len().min(at + DROP)))
}
