//! Carries the payments' state machine out: the store on one side, the provider on the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use http::HeaderMap;
use rust_decimal::Decimal;
use tokio::sync::oneshot;

use super::provider::{
    NoticeRefused, PaymentPlace, PaymentProvider, PaymentProviders, ProviderError, ProviderNews,
};
use super::record::{Payment, PaymentKey};
use super::state::{NewsSource, PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use crate::error::Refusal;
use crate::event::{
    CancelExternalPayment, Event, ExternalPayment, Origin, PollExternalPayment, RequestCancelExternalPayment,
    StartExternalPayment,
};
use crate::handler::Handler;
use crate::reply::{
    Barcode, BarcodeType, CancelExternalPaymentReply, Message, PaymentWord, PollExternalPaymentReply,
    Polling, RequestCancelExternalPaymentReply, StartExternalPaymentReply,
};
use crate::runtime::Runtime;
use crate::store::{Store, StoreError};
use crate::subscription::MerchantId;

/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;
/// Input, cancelling, asking: no chain of effects is longer.
const MAX_EFFECTS: usize = 4;

/// What the host is told about a payment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PaymentNotice {
    /// It came to this state.
    Changed(Payment),
    /// The provider contradicts the terminal state, which stays. A person has to look at both.
    Conflict {
        /// As it is stored.
        payment: Payment,
        /// What the provider says when asked.
        provider_says: ProviderStatus,
    },
    /// The customer paid after the POS had given the payment up: refund it, or book it by hand.
    UnexpectedCapture(Payment),
}

/// Limits of external payments.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PaymentLimits {
    /// How long a customer has, before the provider is asked to cancel. Default 15 minutes.
    pub time_to_pay: Duration,
    /// How often the provider is asked about an open payment. Default 3 seconds.
    pub refresh_every: Duration,
    /// How long the till waits for the provider when a payment starts; after that the provider goes on in the background.
    /// Default 2 seconds.
    pub start_patience: Duration,
    /// The largest amount, euros. Default 100,000.
    pub largest_amount: Decimal,
    /// Shows the checkout page's address as a QR code on the till. Default yes.
    pub show_checkout_code: bool,
}

impl Default for PaymentLimits {
    fn default() -> Self {
        Self {
            time_to_pay: Duration::from_secs(15 * 60),
            refresh_every: Duration::from_secs(3),
            start_patience: Duration::from_secs(2),
            largest_amount: Decimal::from(100_000),
            show_checkout_code: true,
        }
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshReport {
    /// Payments whose provider was asked.
    pub asked: usize,
    /// Payments that ended.
    pub ended: usize,
    /// Payments whose store failed; they come again with the next refresh.
    pub failed: usize,
}

/// What became of a call of the provider's webhook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Not the provider's call: answer HTTP 400.
    #[error(transparent)]
    Refused(#[from] NoticeRefused),
    /// No such provider is configured for the merchant: answer HTTP 404.
    #[error("merchant {merchant} has no payment provider named {provider}")]
    UnknownProvider {
        /// The merchant.
        merchant: MerchantId,
        /// The provider's name.
        provider: String,
    },
    /// The store failed: answer HTTP 500, so that the provider repeats the call.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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

fn unknown_payment(id: &str) -> Refusal {
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

    pub(crate) async fn start(
        &self,
        event: &Event<StartExternalPayment>,
    ) -> Result<StartExternalPaymentReply, Refusal> {
        let ExternalPayment { external_payment_id: id, amount, method, .. } = &event.payload.external_payment;
        let amount = self.check_amount(*amount)?;
        let method = method.clone().unwrap_or_default();
        let key = key(&event.origin, id)?;
        let (branch_number, workplace_number) = (event.sender.branch_number, event.sender.workplace_number);
        let place =
            PaymentPlace { merchant: &key.merchant, branch_number, workplace_number, method: &method };
        let Some(provider) = self.providers.assigned(&place) else {
            let text = format!(
                "No payment provider is assigned to branch {branch_number} for payment method {method:?}: assign a payment profile to the location."
            );
            tracing::warn!(payment = %id, "{text}");
            return Ok(not_started(id, text));
        };
        let now = self.runtime.now();
        let payment = Payment {
            key,
            amount,
            method,
            branch_number,
            workplace_number,
            provider: provider.name().to_owned(),
            state: PaymentState::Pending,
            provider_reference: None,
            checkout_url: None,
            final_amount: None,
            transaction_reference: None,
            card_type: None,
            external_method: None,
            terminal_id: None,
            started_at: now,
            expires_at: later(now, self.limits.time_to_pay),
            refresh_at: later(now, self.limits.refresh_every),
            version: 0,
        };
        match self.store.insert_payment(&payment).await {
            Ok(None) => {}
            Ok(Some(known)) if known.amount == payment.amount && known.method == payment.method => {
                return Ok(self.started(&known));
            }
            Ok(Some(_)) => {
                return Err(Refusal::invalid_data(format!(
                    "external payment {id} was already started with another amount or method"
                )));
            }
            Err(error) => return Err(store_failed(&error)),
        }
        self.create_within_patience(payment, provider).await
    }

    /// Creates at the provider in the background, and waits for it as long as a cashier would.
    async fn create_within_patience(
        &self,
        payment: Payment,
        provider: Arc<dyn PaymentProvider>,
    ) -> Result<StartExternalPaymentReply, Refusal> {
        let (tell, told) = oneshot::channel();
        let (payments, stored) = (self.clone(), payment.clone());
        self.runtime.spawn(Box::pin(async move {
            let created = payments.create(&stored, &*provider).await;
            // Nobody listens any more when it took too long.
            let _ = tell.send(created);
        }));
        match select(told, self.runtime.sleep(self.limits.start_patience)).await {
            Either::Left((Ok(created), _)) => {
                let (payment, refused) = created?;
                match refused {
                    Some(text) => Ok(not_started(&payment.key.id, text)),
                    None => Ok(self.started(&payment)),
                }
            }
            Either::Left((Err(_), _)) | Either::Right(_) => Ok(self.started(&payment)),
        }
    }

    pub(crate) async fn poll(
        &self,
        event: &Event<PollExternalPayment>,
    ) -> Result<PollExternalPaymentReply, Refusal> {
        let id = &event.payload.external_payment.external_payment_id;
        match self.store.payment(&key(&event.origin, id)?).await {
            Ok(Some(payment)) => Ok(PollExternalPaymentReply::acknowledge()
                .payment(payment.answer())
                .polling(Polling::new(payment.state.is_terminal()))),
            Ok(None) => Err(unknown_payment(id)),
            Err(error) => Err(store_failed(&error)),
        }
    }

    pub(crate) async fn request_cancel(
        &self,
        event: &Event<RequestCancelExternalPayment>,
    ) -> Result<RequestCancelExternalPaymentReply, Refusal> {
        let key = key(&event.origin, &event.payload.external_payment.external_payment_id)?;
        let payment = self.settle(&key, PaymentInput::RequestCancel, None).await?;
        Ok(RequestCancelExternalPaymentReply::acknowledge()
            .payment(payment.answer())
            .polling(Polling::new(payment.state.is_terminal())))
    }

    pub(crate) async fn cancel(
        &self,
        event: &Event<CancelExternalPayment>,
    ) -> Result<CancelExternalPaymentReply, Refusal> {
        let key = key(&event.origin, &event.payload.external_payment.external_payment_id)?;
        let payment = self.settle(&key, PaymentInput::Cancel, None).await?;
        Ok(CancelExternalPaymentReply::acknowledge().payment(payment.answer()))
    }

    fn check_amount(&self, amount: Option<Decimal>) -> Result<Decimal, Refusal> {
        let amount = amount
            .ok_or_else(|| Refusal::invalid_data("`externalPayment.amount` is missing: euros to be paid"))?
            .normalize();
        if amount <= Decimal::ZERO || amount > self.limits.largest_amount {
            return Err(Refusal::invalid_data(format!(
                "`externalPayment.amount` has to be more than 0 and at most {} euros",
                self.limits.largest_amount
            )));
        }
        if amount.scale() > 2 {
            return Err(Refusal::invalid_data("`externalPayment.amount` has fractions of a cent"));
        }
        Ok(amount)
    }

    fn started(&self, payment: &Payment) -> StartExternalPaymentReply {
        let mut answer = payment.answer();
        let ended_unpaid = answer.cancelled == Some(true);
        answer.started = Some(!ended_unpaid);
        let reply = StartExternalPaymentReply::acknowledge().payment(answer);
        match &payment.checkout_url {
            Some(url) if self.limits.show_checkout_code && !payment.state.is_terminal() => {
                reply.display_barcode(Barcode::new(BarcodeType::QrCode, url.as_str()))
            }
            _ => reply,
        }
    }

    /// Creates the payment at its provider. The text says why the provider refused.
    async fn create(
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
    async fn settle(
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

fn not_started(id: &str, text: String) -> StartExternalPaymentReply {
    let mut answer = crate::reply::PaymentAnswer::new(id);
    answer.started = Some(false);
    answer.cancelled = Some(true);
    answer.status = Some(PaymentWord::Failed);
    StartExternalPaymentReply::acknowledge().payment(answer).message(Message::cashier(text))
}

fn key(origin: &Origin, id: &str) -> Result<PaymentKey, Refusal> {
    if id.is_empty() || id.len() > 128 {
        return Err(Refusal::invalid_data("`externalPayment.externalPaymentId` is no id"));
    }
    Ok(PaymentKey { merchant: origin.merchant().clone(), id: id.to_owned() })
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
