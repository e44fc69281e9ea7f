//! Judges a request by its headers before its body is read, and reads bodies within bounds of time and room.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::stream::{Stream, StreamExt as _};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};

use super::{Inner, Orchestrator, OutOfTime, subscription_id, url};
use crate::error::{ErrorCode, Refusal};
use crate::payment::{NoticeError, answer};
use crate::secret::SignatureBytes;

/// Whoever sends bodies under one name takes at most one part in so many of the room, and as much for the beginnings of bodies: somebody
/// who knows a subscription's id takes none from other tills, and keeps out of its own tills' events no more than the long ones.
const SHARES: usize = 8;
/// How much of a body is its beginning, bytes. Most events are no longer.
const BEGINNING: usize = 16 << 10;

/// The room that bodies take which are being read, bytes.
#[derive(Debug)]
pub(super) struct Room {
    taken: Mutex<Taken>,
    size: usize,
    share: usize,
}

#[derive(Debug, Default)]
struct Taken {
    by_all: usize,
    by_each: HashMap<String, Own>,
}

/// What the bodies of one sender take.
#[derive(Debug, Default, Clone, Copy)]
struct Own {
    beginnings: usize,
    rest: usize,
}

impl Own {
    /// Of a body that is so long.
    fn of(bytes: usize) -> Self {
        let beginnings = bytes.min(BEGINNING);
        Self { beginnings, rest: bytes - beginnings }
    }
}

/// The part of the room that one body takes, until it is dropped.
struct Part<'a> {
    room: &'a Room,
    sender: String,
    bytes: usize,
}

impl Room {
    /// A room of this size; each sender has room for the rest of one body at least.
    pub(super) fn new(size: usize, longest: usize) -> Self {
        Self { taken: Mutex::default(), size, share: (size / SHARES).max(longest) }
    }

    fn part(&self, sender: &str) -> Part<'_> {
        Part { room: self, sender: sender.to_owned(), bytes: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part<'_> {
    /// Takes more, when there is any.
    fn grow(&mut self, by: usize) -> bool {
        let mut taken = self.room.taken();
        let (before, after) = (Own::of(self.bytes), Own::of(self.bytes.saturating_add(by)));
        let mut own = taken.by_each.get(&self.sender).copied().unwrap_or_default();
        own.beginnings += after.beginnings - before.beginnings;
        own.rest = own.rest.saturating_add(after.rest - before.rest);
        let all = taken.by_all.saturating_add(by);
        if all > self.room.size || own.beginnings.max(own.rest) > self.room.share {
            return false;
        }
        taken.by_all = all;
        taken.by_each.insert(self.sender.clone(), own);
        self.bytes += by;
        true
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.by_all -= self.bytes;
        if let Some(own) = taken.by_each.get_mut(&self.sender) {
            let part = Own::of(self.bytes);
            own.beginnings -= part.beginnings;
            own.rest -= part.rest;
            if own.beginnings + own.rest == 0 {
                taken.by_each.remove(&self.sender);
            }
        }
    }
}

impl Orchestrator {
    /// Like [`handle`](Self::handle), for a body that has yet to arrive. Whoever has no subscription here or sends no signature is
    /// refused before any of it is read; one that takes too long, is too long or for which there is no room, as soon as that shows.
    ///
    /// The adapters use this. Its answers to such requests: HTTP 400, 408, 413 and 503, each with the vendor's JSON.
    pub async fn receive<B, E>(&self, parts: Parts, body: B) -> Response<Bytes>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        let inner = &self.inner;
        let mut out_of_time = pin!(inner.runtime.sleep(inner.time_out));
        let judged = inner.in_time(inner.judge(&parts), &mut (out_of_time.as_mut() as OutOfTime<'_>)).await;
        if let Err(refusal) = judged {
            let status = if parts.method == Method::POST {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::METHOD_NOT_ALLOWED
            };
            return inner.refuse(&parts, status, &refusal);
        }
        let sender = subscription_id(&parts.headers).unwrap_or_default();
        let room = inner.room.part(&sender);
        match inner.read_in_time(room, &parts, body, out_of_time.as_mut()).await {
            Ok(body) => inner.handle(parts, body, out_of_time.as_mut()).await,
            Err((status, refusal)) => inner.refuse(&parts, status, &refusal),
        }
    }

    /// Answers a payment provider's call of the address that it was given: its notices, and the `GET` by which some verify an
    /// address. The last two segments of the path name the [`ProviderAccount`](crate::payment::ProviderAccount), such as
    /// `/stripe/default`.
    ///
    /// An account that is not known is refused before anything of the body is read. A body has the till's time to arrive
    /// ([`Builder::time_out`](crate::Builder::time_out)) and the same bound; all that are being read share a room of 8 MiB, of which one
    /// account takes an eighth at most, so that strangers take none from tills.
    ///
    /// The adapters use this. Its answers: those of
    /// [`ExternalPayments::answer_provider`](crate::payment::ExternalPayments::answer_provider), and 408, 413 and 503 as
    /// [`receive`](Self::receive) has them.
    pub async fn receive_from_provider<B, E>(&self, parts: Parts, body: B) -> Response<Bytes>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        let inner = &self.inner;
        match inner.provider_called(&parts, body).await {
            Ok(answered) => answer(StatusCode::OK, answered),
            Err((status, refusal)) => inner.refuse(&parts, status, &refusal),
        }
    }
}

/// What an adapter answers about a path that is none of ours.
#[cfg(feature = "tower")]
pub(crate) fn no_such_page() -> Response<Bytes> {
    let refusal = Refusal::invalid_data("no such page: the POS's endpoint URL ends with /webhook/mpluskassa");
    super::refusal_response(StatusCode::NOT_FOUND, &refusal)
}

pub(super) fn too_long(bytes: usize) -> Refusal {
    Refusal::invalid_data(format!("the body is longer than {bytes} bytes"))
}

impl Inner {
    /// What the headers alone say.
    async fn judge(&self, parts: &Parts) -> Result<(), Refusal> {
        if parts.method != Method::POST {
            return Err(Refusal::invalid_data("webhook events are sent with POST"));
        }
        let (_, signature) = self.candidates(&parts.headers).await?;
        if SignatureBytes::decode(signature).is_none() {
            return Err(Refusal::new(
                ErrorCode::InvalidSignature,
                "X-Mplus-Signature is no signature: it is an HMAC-SHA256 in base64, 44 characters",
            ));
        }
        Ok(())
    }

    async fn provider_called<B, E>(&self, parts: &Parts, body: B) -> Result<Bytes, (StatusCode, Refusal)>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        let (Some(payments), Some(account)) = (&self.payments, url::provider_account(parts.uri.path()))
        else {
            return Err((StatusCode::NOT_FOUND, Refusal::invalid_data("no payment provider is named here")));
        };
        if !matches!(parts.method, Method::POST | Method::GET) {
            let refusal = Refusal::invalid_data("payment providers call with POST and GET");
            return Err((StatusCode::METHOD_NOT_ALLOWED, refusal));
        }
        let refused = |error: NoticeError| {
            // What is refused is told as every other refusal.
            if error.status() == StatusCode::INTERNAL_SERVER_ERROR {
                payments.note_call_failed(&account, &error);
            }
            (error.status(), Refusal::invalid_data(error.told()))
        };
        payments.knows(&account).await.map_err(refused)?;
        let out_of_time = pin!(self.runtime.sleep(self.time_out));
        let room = self.provider_room.part(&account.to_string());
        let body = self.read_in_time(room, parts, body, out_of_time).await?;
        let mut request = Request::new(body);
        (*request.method_mut(), *request.headers_mut()) = (parts.method.clone(), parts.headers.clone());
        payments.called(&account, request).await.map_err(refused)
    }

    async fn read_in_time<B, E>(
        &self,
        room: Part<'_>,
        parts: &Parts,
        body: B,
        out_of_time: OutOfTime<'_>,
    ) -> Result<Bytes, (StatusCode, Refusal)>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        match select(pin!(self.read(room, parts, body)), out_of_time).await {
            Either::Left((read, _)) => read,
            Either::Right(_) => {
                let refusal = Refusal::invalid_data("the body took too long to arrive");
                Err((StatusCode::REQUEST_TIMEOUT, refusal))
            }
        }
    }

    /// Takes the bytes as they arrive, which is what was signed.
    async fn read<B, E>(
        &self,
        mut room: Part<'_>,
        parts: &Parts,
        body: B,
    ) -> Result<Bytes, (StatusCode, Refusal)>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        let too_long = || (StatusCode::PAYLOAD_TOO_LARGE, too_long(self.max_body));
        let announced = parts.headers.get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.max_body as u64) {
            return Err(too_long());
        }
        let mut whole = BytesMut::new();
        let mut body = pin!(body);
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|_| (StatusCode::BAD_REQUEST, Refusal::invalid_data("the body broke off")))?;
            if whole.len() + chunk.len() > self.max_body {
                return Err(too_long());
            }
            if !room.grow(chunk.len()) {
                let text = "too many bodies are being received at once: try again";
                return Err((StatusCode::SERVICE_UNAVAILABLE, Refusal::new(ErrorCode::INTERNAL, text)));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_takes_an_eighth_of_the_room_and_what_is_dropped_makes_room() {
        let room = Room::new(800, 10);
        let mut parts: Vec<Part<'_>> = (0..20).map(|_| room.part("loud")).collect();
        assert_eq!(parts.iter_mut().map(|part| part.grow(10)).filter(|grown| *grown).count(), 10);
        assert!(room.part("quiet").grow(100));
        parts.truncate(5);
        assert!(room.part("loud").grow(50));
        assert!(!room.part("loud").grow(51));
        drop(parts);
        let taken = room.taken();
        assert_eq!((taken.by_all, taken.by_each.len()), (0, 0));
    }

    #[test]
    fn all_senders_together_take_no_more_than_the_room_and_each_may_send_one_whole_body() {
        let room = Room::new(100, 60);
        let mut first = room.part("a");
        assert!(first.grow(60), "one body");
        assert!(!first.grow(1));
        let mut second = room.part("b");
        assert!(second.grow(40));
        assert!(!second.grow(1), "the room is full");
    }
}
