//! Carries the payments' state machine out: the store on one side, the provider on the other.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt as _};
use http::HeaderMap;

use super::call::ProviderCall;
use super::provider::{PaymentProvider, PaymentProviders, ProviderError, ProviderNews};
use super::record::{Payment, PaymentKey};
use super::state::{PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use super::terms::{NoticeError, PaymentLimits, PaymentNotice, RefreshReport};
use crate::error::Refusal;
use crate::handler::Handler;
use crate::payment::PaymentStore;
use crate::runtime::Runtime;
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;
/// How long a provider or the host's handler may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an attempt to create a payment keeps others from trying. Of two attempts at once one may be refused and the other
/// succeed, and then nobody would know of the money.
pub(super) const CREATING: Duration = Duration::from_secs(65);
/// A provider that does not answer must not keep the others' payments waiting.
const REFRESHES_AT_ONCE: usize = 16;
/// Creating, cancelling, cancelling once more: a provider that still leaves it open then contradicts itself.
const MAX_CALLS: usize = 4;

/// The external payments of an orchestrator.
///
/// Polls are answered from the store. [`refresh_due`](Self::refresh_due) keeps it fresh and has to run all the time, see
/// [`Orchestrator::run`](crate::Orchestrator::run).
#[derive(Clone)]
pub struct ExternalPayments {
    pub(crate) providers: Arc<dyn PaymentProviders>,
    pub(crate) store: Arc<dyn PaymentStore>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) limits: PaymentLimits,
}

impl std::fmt::Debug for ExternalPayments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ExternalPayments").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// `settle` could not read or write.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettleError {
    #[error("external payment {0} was never started")]
    Unknown(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettleError> for Refusal {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Unknown(id) => unknown_payment(&id),
            SettleError::Store(error) => store_failed(&error),
        }
    }
}

pub(super) fn unknown_payment(id: &str) -> Refusal {
    Refusal::invalid_data(format!(
        "external payment {id} is not known: startExternalPayment has to come first"
    ))
}

pub(crate) fn store_failed(error: &StoreError) -> Refusal {
    tracing::error!(error = %error, "the webhook store failed");
    Refusal::internal()
}

impl ExternalPayments {
    /// Reads a payment as it is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn payment(&self, key: &PaymentKey) -> Result<Option<Payment>, StoreError> {
        Ok(self.store.payment(key).await?.map(Arc::unwrap_or_clone))
    }

    /// Asks the provider about every payment that is due, cancels those whose time has run out, and repeats what a
    /// crash or an unreachable provider left undone.
    ///
    /// Several processes may do this at the same time.
    ///
    /// # Errors
    /// [`StoreError`] when the due payments cannot be listed.
    pub async fn refresh_due(&self) -> Result<RefreshReport, StoreError> {
        let due = self.store.claim_payments(self.runtime.now(), self.next_refresh(), 256).await?;
        let mut report = RefreshReport { asked: due.len(), ..RefreshReport::default() };
        let refreshed = stream::iter(due).map(|payment| self.refresh_stored(payment));
        let mut refreshed = refreshed.buffer_unordered(REFRESHES_AT_ONCE);
        while let Some(refreshed) = refreshed.next().await {
            match refreshed {
                Ok(payment) if payment.state.is_terminal() => report.ended += 1,
                Ok(_) | Err(SettleError::Unknown(_)) => {}
                Err(SettleError::Store(error)) => {
                    tracing::error!(error = %error, "a payment could not be refreshed");
                    report.failed += 1;
                }
            }
        }
        Ok(report)
    }

    /// Asks the provider about one payment now. `None` when it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refresh(&self, key: &PaymentKey) -> Result<Option<Payment>, StoreError> {
        let Some(payment) = self.payment(key).await? else { return Ok(None) };
        match self.refresh_stored(payment).await {
            Ok(payment) => Ok(Some(payment)),
            Err(SettleError::Unknown(_)) => Ok(None),
            Err(SettleError::Store(error)) => Err(error),
        }
    }

    /// Takes a call of the provider's own webhook, and asks the provider about the payment that it names. Returns the payments it
    /// was about; a genuine call about something else is answered with success too.
    ///
    /// A provider that cannot be reached meanwhile is asked again by the refresh.
    ///
    /// # Errors
    /// [`NoticeError`] says which HTTP status to answer.
    pub async fn receive_notice(
        &self,
        merchant: &MerchantId,
        provider: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Vec<Payment>, NoticeError> {
        let unknown =
            || NoticeError::UnknownProvider { merchant: merchant.clone(), provider: provider.to_owned() };
        let named = self.providers.named(merchant, provider).ok_or_else(unknown)?;
        let Some(reference) = named.read_notice(headers, body, self.runtime.now())? else {
            return Ok(Vec::new());
        };
        let mut settled = Vec::new();
        for payment in self.store.payments_by_reference(provider, "", &reference).await? {
            if payment.key.merchant != *merchant {
                continue;
            }
            match self.refresh_stored(payment).await {
                Ok(payment) => settled.push(payment),
                Err(SettleError::Unknown(_)) => {}
                Err(SettleError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(settled)
    }

    /// Creates the payment at its provider. The text says why the provider refused.
    pub(super) async fn create(
        &self,
        payment: &Payment,
        provider: &dyn PaymentProvider,
    ) -> Result<(Payment, Option<String>), SettleError> {
        let answered = self.ask(provider, ProviderCall::Create, payment).await;
        let refused = match &answered {
            Err(error @ ProviderError::Refused { .. }) => Some(error.to_string()),
            _ => None,
        };
        Ok((self.answered(payment, ProviderCall::Create, answered).await?, refused))
    }

    /// Asks the provider what is due about a payment now.
    async fn refresh_stored(&self, payment: Payment) -> Result<Payment, SettleError> {
        if let PaymentState::Pending | PaymentState::Authorised = payment.state
            && payment.expires_at <= self.runtime.now()
        {
            return self.settle(&payment.key, PaymentInput::TimeOut).await;
        }
        match ProviderCall::due(&payment) {
            Some(call) => self.call(payment, call).await,
            None => Ok(payment),
        }
    }

    /// Applies an input, and makes the calls that follow from it.
    pub(super) async fn settle(&self, key: &PaymentKey, input: PaymentInput) -> Result<Payment, SettleError> {
        let (payment, effect) = self.apply(key, input, None).await?;
        match ProviderCall::after(&payment, effect, None) {
            Some(call) => self.call(payment, call).await,
            None => Ok(payment),
        }
    }

    /// Makes a call, and those that follow from its answer.
    async fn call(&self, payment: Payment, call: ProviderCall) -> Result<Payment, SettleError> {
        let Some(provider) = self.providers.named(&payment.key.merchant, &payment.provider) else {
            tracing::error!(payment = %payment.key.id, provider = %payment.provider, "the payment's provider is no longer configured");
            return self.postpone(&payment.key).await;
        };
        let payment = match call {
            ProviderCall::Create => match self.begin_creating(payment).await? {
                Ok(payment) => payment,
                Err(busy) => return Ok(busy),
            },
            ProviderCall::Get | ProviderCall::Cancel => payment,
        };
        let answered = self.ask(&*provider, call, &payment).await;
        self.answered(&payment, call, answered).await
    }

    /// Claims the right to create the payment. `Err` is the payment that somebody else is creating, or has changed meanwhile.
    async fn begin_creating(&self, payment: Payment) -> Result<Result<Payment, Payment>, SettleError> {
        let now = self.runtime.now();
        if payment.creating_until.is_some_and(|until| until > now) {
            return Ok(Err(self.postpone(&payment.key).await?));
        }
        let begun = Payment {
            creating_until: Some(later(now, CREATING)),
            refresh_at: self.next_refresh(),
            version: payment.version + 1,
            ..payment.clone()
        };
        Ok(if self.replace(&payment, &begun).await? {
            Ok(begun)
        } else {
            Err(self.stored(&payment.key).await?)
        })
    }

    /// Applies the answer to a call, and makes the calls that follow from it.
    async fn answered(
        &self,
        payment: &Payment,
        mut call: ProviderCall,
        mut answered: Result<ProviderNews, ProviderError>,
    ) -> Result<Payment, SettleError> {
        let key = &payment.key;
        for _ in 0..MAX_CALLS {
            let news = match answered {
                Ok(news) => news,
                Err(error @ ProviderError::Refused { .. }) if call == ProviderCall::Create => {
                    tracing::warn!(payment = %key.id, error = %error, "the payment was not created");
                    ProviderNews::new(ProviderStatus::Failed)
                }
                Err(error) => {
                    tracing::warn!(payment = %key.id, error = %error, "the provider is asked again later");
                    return self.put_off(key, call == ProviderCall::Create).await;
                }
            };
            let (stored, effect) = self.apply(key, PaymentInput::Provider(news.status), Some(&news)).await?;
            let next =
                ProviderCall::after(&stored, effect, Some(call)).filter(|next| *next != ProviderCall::Create);
            let provider = self.providers.named(&key.merchant, &stored.provider);
            let (Some(next), Some(provider)) = (next, provider) else { return Ok(stored) };
            call = next;
            answered = self.ask(&*provider, call, &stored).await;
        }
        let stored = self.stored(key).await?;
        if let (true, Ok(news)) = (stored.state.is_terminal(), answered) {
            self.report_conflict(&stored, news.status).await;
        }
        Ok(stored)
    }

    /// Applies one input to the stored payment, however many write at the same time, and reports what needs a person.
    async fn apply(
        &self,
        key: &PaymentKey,
        input: PaymentInput,
        news: Option<&ProviderNews>,
    ) -> Result<(Payment, PaymentEffect), SettleError> {
        let asked = matches!(input, PaymentInput::Provider(_));
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            let (changed, effect) = stored.apply(input, news);
            let changed = match changed {
                Some(changed) if asked => Some(Payment {
                    refresh_at: self.next_refresh(),
                    // It is known now, or it never will be.
                    creating_until: None,
                    ..changed
                }),
                None if asked && !stored.state.is_terminal() => Some(self.postponed(&stored)),
                other => other,
            };
            let after = changed.as_ref().unwrap_or(&stored);
            match (effect, input) {
                (PaymentEffect::ReportUnexpectedCapture, _) => self.report_unexpected(after, input).await,
                (PaymentEffect::ReportConflict, PaymentInput::Provider(status)) => {
                    self.report_conflict(after, status).await;
                }
                _ => {}
            }
            let Some(changed) = changed else { return Ok((stored, effect)) };
            if self.replace(&stored, &changed).await? {
                return Ok((changed, effect));
            }
        }
        Err(too_many_writers())
    }

    /// Has the payment wait for the next refresh.
    async fn postpone(&self, key: &PaymentKey) -> Result<Payment, SettleError> {
        self.put_off(key, false).await
    }

    /// Has the payment wait for the next refresh; with `gave_up_creating` the next one may try to create it again.
    async fn put_off(&self, key: &PaymentKey, gave_up_creating: bool) -> Result<Payment, SettleError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            if stored.state.is_terminal() {
                return Ok(stored);
            }
            let mut changed = self.postponed(&stored);
            if gave_up_creating {
                changed.creating_until = None;
            }
            if self.replace(&stored, &changed).await? {
                return Ok(changed);
            }
        }
        Err(too_many_writers())
    }

    fn postponed(&self, payment: &Payment) -> Payment {
        Payment { refresh_at: self.next_refresh(), version: payment.version + 1, ..payment.clone() }
    }

    fn next_refresh(&self) -> DateTime<Utc> {
        later(self.runtime.now(), self.limits.refresh_every)
    }

    async fn stored(&self, key: &PaymentKey) -> Result<Payment, SettleError> {
        self.payment(key).await?.ok_or_else(|| SettleError::Unknown(key.id.clone()))
    }

    /// Writes a change, unless somebody was faster, and tells the host of a new state.
    async fn replace(&self, stored: &Payment, changed: &Payment) -> Result<bool, SettleError> {
        if !self.store.replace_payment(changed).await? {
            return Ok(false);
        }
        if changed.state != stored.state {
            tracing::info!(payment = %changed.key.id, from = ?stored.state, to = ?changed.state, "external payment");
            self.notify(&PaymentNotice::Changed(changed.clone())).await;
        }
        Ok(true)
    }

    /// Tells the host.
    pub(super) async fn notify(&self, notice: &PaymentNotice) {
        self.guarded("the host's handler of payments", self.handler.payment_changed(notice)).await;
    }

    /// Makes a call. A refusal to cancel usually means that it is too late, so the provider is asked how it stands.
    async fn ask(
        &self,
        provider: &dyn PaymentProvider,
        call: ProviderCall,
        payment: &Payment,
    ) -> Result<ProviderNews, ProviderError> {
        let asked = async {
            match call {
                ProviderCall::Create => provider.create(payment).await,
                ProviderCall::Get => provider.get(payment).await,
                ProviderCall::Cancel => match provider.cancel(payment).await {
                    Err(ProviderError::Refused { .. }) => provider.get(payment).await,
                    other => other,
                },
            }
        };
        self.guarded("a payment provider", asked).await.unwrap_or_else(|| {
            let message = "it panicked or took longer than a minute".to_owned();
            Err(ProviderError::Unreachable { provider: payment.provider.clone(), message })
        })
    }

    /// What foreign code returns, unless it panics or takes too long: no other payment may suffer from that.
    async fn guarded<T>(&self, whose: &'static str, work: impl Future<Output = T>) -> Option<T> {
        let work = pin!(AssertUnwindSafe(work).catch_unwind());
        match select(work, self.runtime.sleep(PATIENCE)).await {
            Either::Left((Ok(done), _)) => Some(done),
            Either::Left((Err(_), _)) => {
                tracing::error!("{whose} panicked");
                None
            }
            Either::Right(_) => {
                tracing::error!("{whose} took longer than a minute");
                None
            }
        }
    }

    async fn report_unexpected(&self, payment: &Payment, input: PaymentInput) {
        let captured = match input {
            PaymentInput::Provider(ProviderStatus::Captured(amount)) => amount,
            _ => payment.final_amount.unwrap_or(payment.amount),
        };
        tracing::error!(payment = %payment.key.id, %captured, "captured after the POS had given the payment up");
        let notice = PaymentNotice::UnexpectedCapture { payment: payment.clone(), captured };
        self.notify(&notice).await;
    }

    async fn report_conflict(&self, payment: &Payment, provider_says: ProviderStatus) {
        tracing::error!(payment = %payment.key.id, state = ?payment.state, ?provider_says, "the provider contradicts a payment that has ended");
        let notice = PaymentNotice::Conflict { payment: payment.clone(), provider_says };
        self.notify(&notice).await;
    }
}

fn too_many_writers() -> SettleError {
    StoreError::new("change a payment", "too many writers at the same time").into()
}

pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
