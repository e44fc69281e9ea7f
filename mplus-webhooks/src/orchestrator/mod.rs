//! Takes a request of the POS and makes the reply.

mod admission;
mod answer;
mod builder;
mod crowd;
mod inbox;
mod jobs;
mod late;
mod letter;
mod parts;
mod polled;
mod refused;
mod repeated;
mod run;
mod sale;
mod url;
mod work;

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::Notify;

use crate::error::{ErrorCode, Refusal};
use crate::event::EventName;
use crate::handler::Handler;
use crate::inbox::{Attempts, Recent, Retention, StoredReply};
use crate::payment::ExternalPayments;
use crate::runtime::Runtime;
use crate::store::Store;
use crate::subscription::{SubscriptionResolver, Subscriptions};
use crate::transaction::TransactionSink;
use crate::verified::{Verified, verify};
use admission::Room;
use crowd::Crowd;
use refused::RefusalLog;

#[cfg(feature = "tower")]
pub(crate) use admission::no_such_page;
pub use builder::{Builder, Refunds};
pub use inbox::{Inbox, InboxError};
pub use parts::EqualParts;
pub use run::RunReport;

/// The header with the signature, on requests and replies.
pub const SIGNATURE_HEADER: &str = "x-mplus-signature";
/// The header with the subscription's id.
pub const SUBSCRIPTION_HEADER: &str = "x-mplus-subscription-id";

/// Takes the POS's requests and makes signed replies. Cloning is cheap.
///
/// One orchestrator serves every merchant of the host. Besides [`handle`](Self::handle), [`run`](Self::run) has to go on wherever
/// events are received: it works off what failed or was interrupted, keeps payments fresh, and prunes.
#[derive(Clone)]
pub struct Orchestrator {
    inner: Arc<Inner>,
}

struct Inner {
    resolver: Arc<dyn SubscriptionResolver>,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    handler: Arc<dyn Handler>,
    transactions: Option<Arc<dyn TransactionSink>>,
    payments: Option<ExternalPayments>,
    refunds: Refunds,
    equal_parts: EqualParts,
    equal_credits: EqualParts,
    /// Events that are kept besides those that change something anyway.
    kept: Vec<EventName>,
    greatest_age: Option<TimeDelta>,
    attempts: Attempts,
    retention: Retention,
    time_out: Duration,
    max_body: usize,
    room: Room,
    /// What payment providers send has a room of its own.
    provider_room: Room,
    recent: Arc<Recent>,
    /// What is worked on as it arrives; payments have a crowd of their own.
    crowd: Arc<Crowd>,
    payment_crowd: Arc<Crowd>,
    /// There is work that [`Orchestrator::run`] need not wait for.
    work_is_due: Notify,
    refusals: RefusalLog,
    /// Tells this process from others.
    owner: String,
}

/// The time that a till waits, ticking.
type OutOfTime<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send + 'a)>;

impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Orchestrator").finish_non_exhaustive()
    }
}

impl Orchestrator {
    /// The longest body that is read unless told otherwise: 1 MiB.
    pub const MAX_BODY: usize = 1 << 20;

    /// Starts with what every orchestrator needs: who may send, what is remembered, and the runtime.
    pub fn builder(
        resolver: Arc<dyn SubscriptionResolver>,
        store: Arc<dyn Store>,
        runtime: Arc<dyn Runtime>,
    ) -> Builder {
        Builder::new(resolver, store, runtime)
    }

    /// Answers one request of the POS, within the time that a till waits.
    ///
    /// The event's name is the last segment of the URL's path that is not empty. The body has to be the bytes as they arrived. The
    /// answer is always one for the POS: HTTP 200 with a signed reply, 400 with the vendor's error code, 405 for another method,
    /// 413 for a body that is too long. An error about the sender is not signed, since it is not known for whom.
    ///
    /// What changes something is in the store before it is acknowledged. Dropping the future leaves the work to be finished in the
    /// background. A panic of the host's code is an error for the till, and nothing more.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let mut out_of_time = pin!(self.inner.runtime.sleep(self.inner.time_out));
        self.inner.handle(parts, body, out_of_time.as_mut()).await
    }

    /// The longest body that is read, bytes.
    pub fn max_body(&self) -> usize {
        self.inner.max_body
    }

    /// The external payments, when the builder was given providers.
    pub fn payments(&self) -> Option<&ExternalPayments> {
        self.inner.payments.as_ref()
    }

    /// What arrived: to list, read, replay and discard.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.inner.clone())
    }
}

impl Inner {
    async fn handle(
        self: &Arc<Self>,
        parts: http::request::Parts,
        body: Bytes,
        mut out_of_time: OutOfTime<'_>,
    ) -> Response<Bytes> {
        let path = parts.uri.path();
        if parts.method != Method::POST {
            let refusal = Refusal::invalid_data("webhook events are sent with POST");
            return self.refuse(&parts, StatusCode::METHOD_NOT_ALLOWED, &refusal);
        }
        if body.len() > self.max_body {
            return self.refuse(&parts, StatusCode::PAYLOAD_TOO_LARGE, &admission::too_long(self.max_body));
        }
        let verified = match self.in_time(self.verified(&parts.headers, body), &mut out_of_time).await {
            Ok(verified) => verified,
            Err(refusal) => return self.refuse(&parts, StatusCode::BAD_REQUEST, &refusal),
        };
        let name = url::event_name(path, verified.subscription());
        let answered = match accepted(&verified, &parts.headers, &name) {
            Ok(()) => match AssertUnwindSafe(self.answer(&name, &verified, out_of_time)).catch_unwind().await
            {
                Ok(answered) => answered,
                Err(_) => Err(panicked("the store or its driver")),
            },
            Err(refusal) => {
                Box::pin(self.keep_refused(&name, &verified, &refusal, out_of_time)).await;
                Err(refusal)
            }
        };
        let reply = answered.unwrap_or_else(|refusal| {
            self.refusals.event(&*self.runtime, &refusal, (&name, path), &verified);
            late::refused(&refusal)
        });
        let signature = verified.secret().map(|secret| secret.sign(&reply.body));
        response(reply, signature)
    }

    /// What comes in time, and does not panic.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send,
        out_of_time: &mut OutOfTime<'_>,
    ) -> Result<T, Refusal> {
        match select(pin!(AssertUnwindSafe(work).catch_unwind()), out_of_time.as_mut()).await {
            Either::Left((Ok(done), _)) => done,
            Either::Left((Err(_), _)) => Err(panicked("the host's resolver of subscriptions")),
            Either::Right(_) => {
                tracing::error!("the host's resolver of subscriptions took too long");
                Err(Refusal::internal())
            }
        }
    }

    fn refuse(&self, parts: &http::request::Parts, status: StatusCode, refusal: &Refusal) -> Response<Bytes> {
        self.refusals.request(&*self.runtime, refusal, parts);
        refusal_response(status, refusal)
    }

    /// Finds out who sent the body.
    async fn verified(&self, headers: &HeaderMap, body: Bytes) -> Result<Verified<Bytes>, Refusal> {
        let (candidates, signature) = self.candidates(headers).await?;
        verify(body, signature, &candidates).ok_or_else(|| {
            Refusal::new(
                ErrorCode::InvalidSignature,
                "X-Mplus-Signature does not fit the body: check the Secret Key, and that nothing on the way changes the body",
            )
        })
    }

    /// Who may have sent a request with these headers, and its signature.
    async fn candidates<'h>(&self, headers: &'h HeaderMap) -> Result<(Subscriptions, &'h str), Refusal> {
        let id = subscription_id(headers)
            .ok_or_else(|| Refusal::new(ErrorCode::NoSubscriptionId, "X-Mplus-Subscription-Id is missing"))?;
        let signature = header(headers, SIGNATURE_HEADER)
            .ok_or_else(|| Refusal::new(ErrorCode::NoSignature, "X-Mplus-Signature is missing"))?;
        let candidates = self.resolver.resolve(&id).await.map_err(|error| {
            tracing::error!(error = %error, "subscriptions could not be looked up");
            Refusal::internal()
        })?;
        if candidates.is_empty() {
            return Err(Refusal::new(
                ErrorCode::InvalidSubscriptionId,
                "X-Mplus-Subscription-Id is not known here: check the Subscription ID in the POS's webhook settings",
            ));
        }
        Ok((candidates, signature))
    }

    fn now(&self) -> DateTime<Utc> {
        self.runtime.now()
    }

    /// Whether the event is stored before it is acknowledged.
    fn keeps(&self, name: &EventName) -> bool {
        name.changes_state() || matches!(name, EventName::Unknown(_)) || self.kept.contains(name)
    }
}

/// Whether a verified request may go on.
fn accepted(verified: &Verified<Bytes>, headers: &HeaderMap, name: &EventName) -> Result<(), Refusal> {
    // A customer who has paid, or is about to, is no matter of whether the integration is on: the till has to be told.
    let about_a_payment = matches!(
        name,
        EventName::PollExternalPayment
            | EventName::RequestCancelExternalPayment
            | EventName::CancelExternalPayment
    );
    if !verified.subscription().active && !about_a_payment {
        return Err(Refusal::new(
            ErrorCode::InvalidSubscriptionId,
            "the integration that this subscription belongs to is not active: switch it on at the host",
        ));
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .ok_or_else(|| Refusal::new(ErrorCode::NoContentType, "Content-Type is missing"))?;
    let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(ErrorCode::InvalidContentType, "Content-Type has to be application/json"));
    }
    Ok(())
}

/// A header's text; absent, empty and unreadable are the same to a signature. A header that stands twice is refused as absent.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    only_value(headers, name)?.to_str().ok().filter(|text| !text.is_empty())
}

/// The subscription's id, which a person has chosen: in UTF-8, or in Latin-1 as old programs send it.
fn subscription_id(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let bytes = only_value(headers, SUBSCRIPTION_HEADER)?.as_bytes();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    };
    Some(text).filter(|text| !text.is_empty())
}

fn only_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn panicked(whose: &'static str) -> Refusal {
    tracing::error!("{whose} panicked");
    Refusal::internal()
}

/// A refusal as the POS reads it, without a signature.
fn refusal_response(status: StatusCode, refusal: &Refusal) -> Response<Bytes> {
    let reply = StoredReply { status: status.as_u16(), ..late::refused(refusal) };
    response(reply, None)
}

fn response(reply: StoredReply, signature: Option<String>) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(signature) = signature.and_then(|signature| HeaderValue::try_from(signature).ok()) {
        response.headers_mut().insert(SIGNATURE_HEADER, signature);
    }
    response
}

/// The instant so much later.
fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The instant so much earlier.
fn earlier(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_sub_signed(by)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}
