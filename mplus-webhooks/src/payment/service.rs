//! Carries the payments' state machine out: the store on one side, the provider on the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;

use super::provider::{PaymentProvider, PaymentProviders, ProviderError, ProviderNews};
use super::record::{Payment, PaymentKey};
use super::state::{NewsSource, PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use super::terms::{NoticeError, PaymentLimits, PaymentNotice, RefreshReport};
use crate::error::Refusal;
use crate::handler::Handler;
use crate::runtime::Runtime;
use crate::store::{Store, StoreError};
use crate::subscription::MerchantId;

/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;
/// Input, cancelling, asking: no chain of effects is longer.
const MAX_EFFECTS: usize = 4;

/// The external payments of an orchestrator.
///
/// Polls are answered from the store. [`refresh_due`](Self::refresh_due) keeps it fresh and has to run all the time, see
/// [`Orchestrator::spawn_refresh`](crate::Orchestrator::spawn_refresh).
#[derive(Clone)]
pub struct ExternalPayments {
    pub(crate) providers: Arc<dyn PaymentProviders>,
    pub(crate) store: Arc<dyn Store>,
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
        self.store.payment(key).await
    }

    /// Asks the provider about every payment that is due, cancels those whose time has run out, and repeats what a
    /// crash or an unreachable provider left undone.
    ///
    /// Several processes may do this at the same time.
    ///
    /// # Errors
    /// [`StoreError`] when the due payments cannot be listed.
    pub async fn refresh_due(&self) -> Result<RefreshReport, StoreError> {
        let due = self.store.payments_to_refresh(self.runtime.now(), 256).await?;
        let mut report = RefreshReport::default();
        for payment in due {
            report.asked += 1;
            match self.refresh_stored(payment).await {
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
        let Some(payment) = self.store.payment(key).await? else { return Ok(None) };
        match self.refresh_stored(payment).await {
            Ok(payment) => Ok(Some(payment)),
            Err(SettleError::Unknown(_)) => Ok(None),
            Err(SettleError::Store(error)) => Err(error),
        }
    }

    /// Takes a call of the provider's own webhook. Returns the payments it was about; a genuine call about something else is
    /// answered with success too.
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
        let Some(notice) = named.read_notice(headers, body, self.runtime.now())? else {
            return Ok(Vec::new());
        };
        let mut settled = Vec::new();
        for payment in self.store.payments_by_reference(provider, &notice.reference).await? {
            if payment.key.merchant != *merchant {
                continue;
            }
            let status = notice.news.as_ref().map_or(ProviderStatus::Unknown, |news| news.status);
            let input = PaymentInput::Provider(status, NewsSource::Pushed);
            match self.settle(&payment.key, input, notice.news.as_ref()).await {
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
        match provider.create(payment).await {
            Ok(news) => {
                let input = PaymentInput::Provider(news.status, NewsSource::Asked);
                let stored = self.settle(&payment.key, input, Some(&news)).await?;
                if let PaymentState::CancelRequested(_) = stored.state {
                    // The cancel came while the provider was still creating.
                    return Ok((self.refresh_created(stored, provider).await?, None));
                }
                Ok((stored, None))
            }
            Err(error @ ProviderError::Refused { .. }) => {
                tracing::warn!(payment = %payment.key.id, error = %error, "the payment was not created");
                let input = PaymentInput::Provider(ProviderStatus::Failed, NewsSource::Asked);
                Ok((self.settle(&payment.key, input, None).await?, Some(error.to_string())))
            }
            Err(error) => {
                tracing::warn!(payment = %payment.key.id, error = %error, "creating the payment is repeated later");
                Ok((self.postpone(&payment.key).await?, None))
            }
        }
    }

    async fn refresh_stored(&self, payment: Payment) -> Result<Payment, SettleError> {
        let Some(provider) = self.providers.named(&payment.key.merchant, &payment.provider) else {
            tracing::error!(payment = %payment.key.id, provider = %payment.provider, "the payment's provider is no longer configured");
            return self.postpone(&payment.key).await;
        };
        let overdue = payment.expires_at <= self.runtime.now();
        let payment = match payment.state {
            PaymentState::Pending | PaymentState::Authorised if overdue => {
                return self.settle(&payment.key, PaymentInput::TimeOut, None).await;
            }
            _ if payment.provider_reference.is_none() && !payment.state.is_terminal() => {
                return Ok(self.create(&payment, &*provider).await?.0);
            }
            _ => payment,
        };
        self.refresh_created(payment, &*provider).await
    }

    async fn refresh_created(
        &self,
        payment: Payment,
        provider: &dyn PaymentProvider,
    ) -> Result<Payment, SettleError> {
        let answered = match payment.state {
            PaymentState::CancelRequested(_) => cancel_or_ask(provider, &payment).await,
            _ => provider.get(&payment).await,
        };
        match answered {
            Ok(news) => {
                let input = PaymentInput::Provider(news.status, NewsSource::Asked);
                self.settle(&payment.key, input, Some(&news)).await
            }
            Err(error) => {
                tracing::warn!(payment = %payment.key.id, error = %error, "the provider is asked again later");
                self.postpone(&payment.key).await
            }
        }
    }

    /// Applies an input, does what follows from it, and applies what comes of that.
    pub(super) async fn settle(
        &self,
        key: &PaymentKey,
        input: PaymentInput,
        news: Option<&ProviderNews>,
    ) -> Result<Payment, SettleError> {
        let (mut payment, mut effect) = self.apply(key, input, news).await?;
        let mut provider_says = match input {
            PaymentInput::Provider(status, _) => status,
            _ => ProviderStatus::Unknown,
        };
        for _ in 0..MAX_EFFECTS {
            match effect {
                PaymentEffect::None => return Ok(payment),
                PaymentEffect::ReportConflict => break,
                PaymentEffect::ReportUnexpectedCapture => {
                    tracing::error!(payment = %key.id, "captured after the POS had given the payment up");
                    self.handler.payment_changed(&PaymentNotice::UnexpectedCapture(payment.clone())).await;
                    return Ok(payment);
                }
                PaymentEffect::CancelAtProvider | PaymentEffect::AskProvider => {}
            }
            match self.follow_up(&payment, effect).await? {
                Ok(news) => {
                    provider_says = news.status;
                    let input = PaymentInput::Provider(news.status, NewsSource::Asked);
                    (payment, effect) = self.apply(key, input, Some(&news)).await?;
                }
                Err(error) => {
                    tracing::warn!(payment = %key.id, error = %error, "the provider is asked again later");
                    return Ok(payment);
                }
            }
        }
        if payment.state.is_terminal() && effect != PaymentEffect::None {
            tracing::error!(payment = %key.id, state = ?payment.state, ?provider_says, "the provider contradicts a payment that has ended");
            let notice = PaymentNotice::Conflict { payment: payment.clone(), provider_says };
            self.handler.payment_changed(&notice).await;
        }
        Ok(payment)
    }

    /// Asks the provider for what an effect needs.
    async fn follow_up(
        &self,
        payment: &Payment,
        effect: PaymentEffect,
    ) -> Result<Result<ProviderNews, ProviderError>, SettleError> {
        let Some(provider) = self.providers.named(&payment.key.merchant, &payment.provider) else {
            let message = "it is no longer configured".to_owned();
            return Ok(Err(ProviderError::Unreachable { provider: payment.provider.clone(), message }));
        };
        let mut payment = payment.clone();
        if payment.provider_reference.is_none() {
            // Creating may be under way, or its answer was lost. Only a payment that is known for sure can be cancelled for sure.
            match provider.create(&payment).await {
                Ok(news) => {
                    let input = PaymentInput::Provider(news.status, NewsSource::Asked);
                    (payment, _) = self.apply(&payment.key, input, Some(&news)).await?;
                }
                Err(ProviderError::Refused { .. }) => {
                    return Ok(Ok(ProviderNews::new(ProviderStatus::Failed)));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(match effect {
            PaymentEffect::CancelAtProvider => cancel_or_ask(&*provider, &payment).await,
            _ => provider.get(&payment).await,
        })
    }

    /// Applies one input to the stored payment, however many write at the same time.
    async fn apply(
        &self,
        key: &PaymentKey,
        input: PaymentInput,
        news: Option<&ProviderNews>,
    ) -> Result<(Payment, PaymentEffect), SettleError> {
        self.change(key, |payment| {
            let (changed, effect) = payment.apply(input, news);
            let asked = matches!(input, PaymentInput::Provider(_, NewsSource::Asked));
            let changed = match changed {
                Some(mut changed) if asked => {
                    changed.refresh_at = later(self.runtime.now(), self.limits.refresh_every);
                    Some(changed)
                }
                None if asked && !payment.state.is_terminal() => Some(self.postponed(payment)),
                other => other,
            };
            (changed, effect)
        })
        .await
    }

    /// Has the payment wait for the next refresh.
    async fn postpone(&self, key: &PaymentKey) -> Result<Payment, SettleError> {
        let changed = self.change(key, |payment| {
            let changed = (!payment.state.is_terminal()).then(|| self.postponed(payment));
            (changed, PaymentEffect::None)
        });
        Ok(changed.await?.0)
    }

    fn postponed(&self, payment: &Payment) -> Payment {
        let refresh_at = later(self.runtime.now(), self.limits.refresh_every);
        Payment { refresh_at, version: payment.version + 1, ..payment.clone() }
    }

    async fn change(
        &self,
        key: &PaymentKey,
        change: impl Fn(&Payment) -> (Option<Payment>, PaymentEffect) + Send + Sync,
    ) -> Result<(Payment, PaymentEffect), SettleError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.store.payment(key).await?;
            let stored = stored.ok_or_else(|| SettleError::Unknown(key.id.clone()))?;
            let (changed, effect) = change(&stored);
            let Some(changed) = changed else { return Ok((stored, effect)) };
            if self.store.replace_payment(&changed).await? {
                if changed.state != stored.state {
                    tracing::info!(payment = %key.id, from = ?stored.state, to = ?changed.state, "external payment");
                    self.handler.payment_changed(&PaymentNotice::Changed(changed.clone())).await;
                }
                return Ok((changed, effect));
            }
        }
        Err(StoreError::new("change a payment", "too many writers at the same time").into())
    }
}

/// Cancels; a refusal usually means that it is too late, so the provider is asked how it stands.
async fn cancel_or_ask(
    provider: &dyn PaymentProvider,
    payment: &Payment,
) -> Result<ProviderNews, ProviderError> {
    match provider.cancel(payment).await {
        Err(ProviderError::Refused { .. }) => provider.get(payment).await,
        other => other,
    }
}

pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
