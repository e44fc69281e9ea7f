//! The provider's own webhook: one entry per account.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;

use super::provider::{NoticeRefused, PaymentProvider, ProviderCheck, ProviderError};
use super::providers::{ProfilesError, ProviderAccount};
use super::record::Payment;
use super::service::{ExternalPayments, SettleError, silent};
use crate::store_error::StoreError;

/// What became of a call of the provider's webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Not the provider's call: answer HTTP 400.
    #[error(transparent)]
    Refused(#[from] NoticeRefused),
    /// No such account is configured: answer HTTP 404.
    #[error("no payment provider is configured as {0}")]
    UnknownAccount(ProviderAccount),
    /// The host's profiles failed: answer HTTP 500, so that the provider repeats the call.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The provider did not answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed: answer HTTP 500, so that the provider repeats the call.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoticeError {
    /// What the provider is answered.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::UnknownAccount(_) => StatusCode::NOT_FOUND,
            Self::Profiles(_) | Self::Provider(_) | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a stranger may read of it.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Refused(_) | Self::UnknownAccount(_) => self.to_string(),
            Self::Profiles(_) | Self::Provider(_) | Self::Store(_) => {
                "the receiver failed; its log has the cause".to_owned()
            }
        }
    }
}

impl ExternalPayments {
    /// Takes a call of an account's own webhook, and asks the provider about the payments that it names. Returns those; a
    /// genuine call about something else is answered with success too.
    ///
    /// A provider that cannot be reached meanwhile is asked again by the refresh.
    ///
    /// # Errors
    /// [`NoticeError`] says which HTTP status to answer.
    pub async fn receive_notice(
        &self,
        account: &ProviderAccount,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Vec<Payment>, NoticeError> {
        let provider = self.of_account(account).await?;
        let mut settled: Vec<Payment> = Vec::new();
        let ProviderAccount { provider: name, account } = account;
        let now = self.runtime.now();
        let read = catch_unwind(AssertUnwindSafe(|| provider.read_notice(headers, body, now)));
        let references = read.map_err(|_| silent(name))??;
        for reference in references {
            for payment in self.store.payments_by_reference(name, account, &reference).await? {
                if settled.iter().any(|known| known.key == payment.key) {
                    continue;
                }
                match self.heard_of(payment).await {
                    Ok(payment) => settled.push(payment),
                    Err(SettleError::Unknown(_)) => {}
                    Err(SettleError::Store(error)) => return Err(error.into()),
                }
            }
        }
        Ok(settled)
    }

    /// Something has happened to a payment: to itself, or to money that was given back.
    async fn heard_of(&self, payment: Payment) -> Result<Payment, SettleError> {
        let payment = self.look_at(payment).await?;
        let payment = self.look_at_refunds(payment).await?;
        self.tell_rest(payment).await
    }

    /// Answers whatever arrives at the address that was given to a provider: its notices (`POST`), and the `GET` by which some
    /// providers verify an address. The body has to be the bytes as they arrived.
    ///
    /// The answer is for the provider: 200, 400 when the call is not its own, 404 for an account that is not known, 405, or 500
    /// when it should call again.
    pub async fn answer_provider(
        &self,
        account: &ProviderAccount,
        request: Request<Bytes>,
    ) -> Response<Bytes> {
        if !matches!(*request.method(), Method::POST | Method::GET) {
            return answer(StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(b"{}"));
        }
        match self.called(account, request).await {
            Ok(body) => answer(StatusCode::OK, body),
            Err(error) => {
                self.note_call_failed(account, &error);
                answer(error.status(), json!({ "error": error.told() }).to_string().into())
            }
        }
    }

    /// Tells the log why a call of a provider was not worked on, when there is room for that.
    pub(crate) fn note_call_failed(&self, account: &ProviderAccount, error: &NoticeError) {
        let Some(left_out) = self.room_in_log_for_callers() else { return };
        if error.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%account, error = %error, left_out, "a payment provider's call could not be worked on");
        } else {
            tracing::warn!(%account, error = %error, left_out, "a call of a payment provider was refused");
        }
    }

    /// Takes a `POST` or `GET` of the provider; returns what it is answered.
    pub(crate) async fn called(
        &self,
        account: &ProviderAccount,
        request: Request<Bytes>,
    ) -> Result<Bytes, NoticeError> {
        if request.method() == Method::GET {
            return self.verification(account).await;
        }
        let taken = Box::pin(self.receive_notice(account, request.headers(), request.body())).await;
        taken.map(|_| Bytes::from_static(b"{}"))
    }

    /// Whether there is such an account.
    pub(crate) async fn knows(&self, account: &ProviderAccount) -> Result<(), NoticeError> {
        self.of_account(account).await.map(drop)
    }

    /// What the `GET` of a provider that verifies addresses is answered with.
    async fn verification(&self, account: &ProviderAccount) -> Result<Bytes, NoticeError> {
        let provider = self.of_account(account).await?;
        let verification = self.guarded("a payment provider", provider.verification()).await;
        Ok(verification.unwrap_or_else(|| Err(silent(&account.provider)))?.unwrap_or_default())
    }

    /// Asks a provider whether it accepts an account's credentials. Changes nothing.
    ///
    /// # Errors
    /// [`NoticeError::UnknownAccount`], or [`NoticeError::Provider`] with what does not work.
    pub async fn check(&self, account: &ProviderAccount) -> Result<ProviderCheck, NoticeError> {
        let provider = self.of_account(account).await?;
        let checked = self.guarded("a payment provider", provider.check()).await;
        Ok(checked.unwrap_or_else(|| Err(silent(&account.provider)))?)
    }

    pub(super) async fn of_account(
        &self,
        account: &ProviderAccount,
    ) -> Result<std::sync::Arc<dyn PaymentProvider>, NoticeError> {
        let found = self.find("the host's payment profiles", self.providers.of_account(account)).await?;
        found.ok_or_else(|| NoticeError::UnknownAccount(account.clone()))
    }
}

pub(crate) fn answer(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
