//! A POS whose answers are made once and told again: what is timed is then the client, not the POS.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use mplus_qapi::testkit::Pos;
use mplus_qapi::transport::{Body, Request, Transport, TransportError};

/// What a socket brings at a time.
const PIECE: usize = 64 << 10;

/// Asks the POS the first time, and from then on tells the same answer to the same request. For reads only.
///
/// Cheap to clone: clones share their answers.
#[derive(Clone)]
pub struct Recorded {
    pos: Pos,
    answers: Arc<Mutex<HashMap<Bytes, Bytes>>>,
}

impl Recorded {
    /// Knows no answers yet.
    pub fn new(pos: Pos) -> Self {
        Self { pos, answers: Arc::default() }
    }

    /// Bytes of all answers so far.
    pub fn bytes(&self) -> usize {
        self.answers().values().map(Bytes::len).sum()
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, HashMap<Bytes, Bytes>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let asked = request.body().clone();
        let known = self.answers().get(&asked).cloned();
        let answer = match known {
            Some(answer) => answer,
            None => {
                let mut body = self.pos.send(request).await?.into_body();
                let mut answer = BytesMut::new();
                while let Some(piece) = body.next().await {
                    answer.extend_from_slice(&piece?);
                }
                let answer = answer.freeze();
                self.answers().insert(asked, answer.clone());
                answer
            }
        };
        let pieces = (0..answer.len()).step_by(PIECE);
        let piece = move |at: usize| Ok(answer.slice(at..answer.len().min(at + PIECE)));
        Ok(http::Response::new(Body::from_stream(stream::iter(pieces.map(piece)))))
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("answers", &self.answers().len()).finish_non_exhaustive()
    }
}
