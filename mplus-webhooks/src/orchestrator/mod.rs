//! Takes a request of the POS and makes the reply.

mod answer;
mod builder;
mod once;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::error::{ErrorCode, Refusal};
use crate::event::EventName;
use crate::handler::Handler;
use crate::payment::ExternalPayments;
use crate::runtime::Runtime;
use crate::store::{Store, StoredReply};
use crate::store_error::StoreError;
use crate::subscription::SubscriptionResolver;
use crate::transaction::TransactionSink;
use crate::verified::{Verified, verify};
use once::Once;

pub use builder::{Builder, Refunds};

/// The header with the signature, on requests and replies.
pub const SIGNATURE_HEADER: &str = "x-mplus-signature";
/// The header with the subscription's id.
pub const SUBSCRIPTION_HEADER: &str = "x-mplus-subscription-id";

/// Takes the POS's requests and makes signed replies. Cloning is cheap.
///
/// One orchestrator serves every merchant of the host.
#[derive(Clone)]
pub struct Orchestrator {
    inner: Arc<Inner>,
}

struct Inner {
    resolver: Arc<dyn SubscriptionResolver>,
    once: Once,
    handler: Arc<dyn Handler>,
    transactions: Option<Arc<dyn TransactionSink>>,
    payments: Option<ExternalPayments>,
    refunds: Refunds,
    time_out: Duration,
    max_body: usize,
}

impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Orchestrator").finish_non_exhaustive()
    }
}

/// Stops the background refresh when dropped.
#[derive(Debug)]
#[must_use = "the refresh stops when this is dropped"]
pub struct RefreshGuard {
    alive: Arc<()>,
}

impl RefreshGuard {
    /// Lets the refresh run as long as the runtime does.
    pub fn detach(self) {
        std::mem::forget(self.alive);
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

    /// Answers one request of the POS.
    ///
    /// The event's name is the last segment of the URL's path. The body has to be the bytes as they arrived. The answer is always
    /// one for the POS: HTTP 200 with a signed reply, 400 with the vendor's error code, 405 for another method, 413 for a body that is too long. An error
    /// about the sender is not signed, since it is not known for whom.
    ///
    /// Dropping the future leaves the work to be finished in the background.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                &Refusal::invalid_data("webhook events are sent with POST"),
            );
        }
        if body.len() > self.inner.max_body {
            let text = format!("the body is longer than {} bytes", self.inner.max_body);
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, &Refusal::invalid_data(text));
        }
        let verified = match self.inner.verified(&parts.headers, body).await {
            Ok(verified) => verified,
            Err(refusal) => {
                tracing::warn!(error = %refusal, path = parts.uri.path(), "a webhook request was refused");
                return refuse(StatusCode::BAD_REQUEST, &refusal);
            }
        };
        let name = EventName::from_wire(parts.uri.path().rsplit('/').next().unwrap_or_default());
        let answered = match accepted(&verified, &parts.headers) {
            Ok(()) => self.inner.answer(name, &verified).await,
            Err(refusal) => Err(refusal),
        };
        let reply = answered.unwrap_or_else(|refusal| {
            tracing::warn!(error = %refusal, path = parts.uri.path(), "a webhook event was refused");
            answer::refused(&refusal)
        });
        let signature = verified.secret().map(|secret| secret.sign(&reply.body));
        response(reply, signature)
    }

    /// The longest body that is read, bytes.
    pub fn max_body(&self) -> usize {
        self.inner.max_body
    }

    /// The external payments, when the builder was given providers.
    pub fn payments(&self) -> Option<&ExternalPayments> {
        self.inner.payments.as_ref()
    }

    /// Keeps open payments fresh in the background until the guard is dropped.
    ///
    /// Also forgets the answers to events that are older than a week.
    pub fn spawn_refresh(&self) -> RefreshGuard {
        let alive = Arc::new(());
        let (watched, inner) = (Arc::downgrade(&alive), self.inner.clone());
        let every =
            inner.payments.as_ref().map_or(Duration::from_secs(60), |payments| payments.limits.refresh_every);
        self.inner.once.runtime.spawn(Box::pin(async move {
            while watched.strong_count() > 0 {
                if let Err(error) = inner.refresh().await {
                    tracing::error!(error = %error, "the refresh of external payments failed");
                }
                inner.once.runtime.sleep(every).await;
            }
        }));
        RefreshGuard { alive }
    }
}

impl Inner {
    async fn refresh(&self) -> Result<(), StoreError> {
        if let Some(payments) = &self.payments {
            payments.refresh_due().await?;
        }
        let week_ago = self.once.runtime.now() - TimeDelta::days(7);
        self.once.store.forget_finished(week_ago).await.map(drop)
    }

    /// Finds out who sent the body.
    async fn verified(&self, headers: &HeaderMap, body: Bytes) -> Result<Verified<Bytes>, Refusal> {
        let id = header(headers, SUBSCRIPTION_HEADER)
            .ok_or_else(|| Refusal::new(ErrorCode::NoSubscriptionId, "X-Mplus-Subscription-Id is missing"))?;
        let signature = header(headers, SIGNATURE_HEADER)
            .ok_or_else(|| Refusal::new(ErrorCode::NoSignature, "X-Mplus-Signature is missing"))?;
        let candidates = self.resolver.resolve(id).await.map_err(|error| {
            tracing::error!(error = %error, "subscriptions could not be looked up");
            Refusal::internal()
        })?;
        if candidates.is_empty() {
            return Err(Refusal::new(
                ErrorCode::InvalidSubscriptionId,
                "X-Mplus-Subscription-Id is not known here: check the Subscription ID in the POS's webhook settings",
            ));
        }
        verify(body, signature, &candidates).ok_or_else(|| {
            Refusal::new(
                ErrorCode::InvalidSignature,
                "X-Mplus-Signature does not fit the body: check the Secret Key, and that nothing on the way changes the body",
            )
        })
    }
}

/// Whether a verified request may go on.
fn accepted(verified: &Verified<Bytes>, headers: &HeaderMap) -> Result<(), Refusal> {
    let subscription = verified.subscription();
    if !subscription.active {
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
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok().filter(|text| !text.is_empty())
}

fn refuse(status: StatusCode, refusal: &Refusal) -> Response<Bytes> {
    let reply = StoredReply { status: status.as_u16(), ..answer::refused(refusal) };
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
