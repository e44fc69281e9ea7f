//! Carries the payments' state machine out: the store on one side, the provider on the other.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::call::{Next, ProviderCall};
use super::cancelling::Cancelling;
use super::failure_log::FailureLog;
use super::given_up::GivenUp;
use super::lanes::Lanes;
use super::news::{ProviderNews, Reason};
use super::provider::{PaymentProvider, ProviderError};
use super::providers::{Found, PaymentProviders, ProfilesError};
use super::record::{Creation, Payment, PaymentKey};
use super::state::{PaymentEffect, PaymentInput, PaymentState, ProviderStatus};
use super::store::PaymentStore;
use super::terms::PaymentLimits;
use crate::handler::Handler;
use crate::runtime::{CLOCKS_DIFFER, Runtime};
use crate::store_error::StoreError;

/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;
/// How long a provider, the host's profiles or the host's handler may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long whoever asks or tells keeps others from doing the same: a little longer than it may take. That two do is no harm.
pub(super) const LEASE: Duration = Duration::from_secs(65);
/// How long whoever creates a payment or gives money back keeps others from doing the same, which would be harm: the clocks of two
/// processes may differ by a minute.
pub(super) const ALONE: Duration = Duration::from_secs(130);
/// How long an attempt whose answer was lost may still be on its way: until then an absent payment may yet appear.
const SETTLED: TimeDelta = TimeDelta::seconds(30);
/// How long one that was not there when it ended is looked for.
const WATCH_ABSENT: TimeDelta = TimeDelta::minutes(10);
/// The longest pause between two questions about a payment that somebody waits for, and about one that has ended.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_WATCH: Duration = Duration::from_secs(15 * 60);
/// Looking for it, creating, cancelling, cancelling once more: a provider that still leaves it open then contradicts itself.
const MAX_CALLS: usize = 5;

/// The external payments of an orchestrator.
///
/// Polls are answered from the store. [`refresh_due`](Self::refresh_due) keeps it fresh and has to run all the time, see
/// [`Orchestrator::run`](crate::Orchestrator::run).
#[derive(Clone)]
pub struct ExternalPayments {
    pub(super) providers: Arc<dyn PaymentProviders>,
    pub(super) store: Arc<dyn PaymentStore>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) handler: Arc<dyn Handler>,
    pub(crate) limits: PaymentLimits,
    pub(super) lanes: Arc<Lanes>,
    pub(super) cancelling: Arc<Cancelling>,
    failures: Arc<FailureLog>,
}

impl std::fmt::Debug for ExternalPayments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ExternalPayments").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A payment could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettleError {
    #[error("external payment {0} was never started")]
    Unknown(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExternalPayments {
    pub(crate) fn new(
        providers: Arc<dyn PaymentProviders>,
        store: Arc<dyn PaymentStore>,
        runtime: Arc<dyn Runtime>,
        handler: Arc<dyn Handler>,
        limits: PaymentLimits,
    ) -> Self {
        Self {
            providers,
            store,
            runtime,
            handler,
            limits,
            lanes: Arc::default(),
            cancelling: Arc::default(),
            failures: Arc::default(),
        }
    }

    /// How many lines about failures were left out of the log since the last one, when one about this payment may be written.
    pub(super) fn room_in_log(&self, key: &PaymentKey) -> Option<u64> {
        self.failures.of(&key.merchant, self.runtime.now())
    }

    /// As `room_in_log`, about a call of a provider, or of somebody who says so.
    pub(super) fn room_in_log_for_callers(&self) -> Option<u64> {
        self.failures.of_callers(self.runtime.now())
    }

    /// Reads a payment as it is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn payment(&self, key: &PaymentKey) -> Result<Option<Payment>, StoreError> {
        Ok(self.store.payment(key).await?.map(Arc::unwrap_or_clone))
    }

    pub(super) async fn stored(&self, key: &PaymentKey) -> Result<Payment, SettleError> {
        self.payment(key).await?.ok_or_else(|| SettleError::Unknown(key.id.clone()))
    }

    /// Applies an input, and makes the calls that follow from it.
    pub(super) async fn settle(&self, key: &PaymentKey, input: PaymentInput) -> Result<Payment, SettleError> {
        let (payment, effect) = self.apply(key, input, None, None).await?;
        let next = Next::after(&payment, effect, None, self.runtime.now());
        self.follow(payment, next).await
    }

    /// Does what comes next, and what follows from that.
    pub(super) async fn follow(&self, payment: Payment, next: Next) -> Result<Payment, SettleError> {
        match next {
            Next::Nothing => Ok(payment),
            Next::End => {
                let absent = PaymentInput::Provider(ProviderStatus::Absent);
                Ok(self.apply(&payment.key, absent, None, None).await?.0)
            }
            Next::Ask(call) => self.call(payment, call).await,
        }
    }

    /// Makes a call, and those that follow from its answer.
    async fn call(&self, payment: Payment, call: ProviderCall) -> Result<Payment, SettleError> {
        let Some(provider) = self.provider_of(&payment).await else {
            return self.put_off(&payment.key, None).await;
        };
        match call {
            ProviderCall::Create => match self.begin_creating(&payment).await? {
                Some(begun) => self.ask_and_settle(&begun, call, &*provider).await,
                None => self.stored(&payment.key).await,
            },
            ProviderCall::Get => self.ask_and_settle(&payment, call, &*provider).await,
            // A cashier may ask ever again while the provider says nothing.
            ProviderCall::Cancel => match self.cancelling.begin(&payment.key) {
                Some(_alone) => self.ask_and_settle(&payment, call, &*provider).await,
                None => Ok(payment),
            },
        }
    }

    /// The provider that the payment was started on; none when it cannot be found now.
    pub(super) async fn provider_of(&self, payment: &Payment) -> Option<Arc<dyn PaymentProvider>> {
        let found = self.find("the host's payment profiles", self.providers.started_on(payment)).await;
        match found {
            Ok(Some(provider)) => Some(provider),
            Ok(None) => {
                if let Some(left_out) = self.room_in_log(&payment.key) {
                    tracing::error!(payment = %payment.key.id, merchant = %payment.key.merchant, provider = %payment.provider, account = %payment.account, terminal = ?payment.terminal, left_out, "the payment's provider is no longer configured");
                }
                None
            }
            Err(error) => {
                if let Some(left_out) = self.room_in_log(&payment.key) {
                    tracing::error!(payment = %payment.key.id, merchant = %payment.key.merchant, error = %error, left_out, "the payment waits");
                }
                None
            }
        }
    }

    /// Looks a provider up in the host's profiles, however they behave.
    pub(super) async fn find(&self, whose: &'static str, look_up: impl Future<Output = Found>) -> Found {
        let broken = || Err(ProfilesError("it panicked or took longer than a minute".into()));
        self.guarded(whose, look_up).await.unwrap_or_else(broken)
    }

    /// Claims the right to create the payment. `None` when somebody else creates it, or has changed it meanwhile.
    async fn begin_creating(&self, payment: &Payment) -> Result<Option<Payment>, SettleError> {
        let now = self.runtime.now();
        let begun = Payment {
            creation: Creation::Underway(later(now, ALONE)),
            attempt: payment.attempt + 1,
            attempted_at: Some(now),
            refresh_at: later(now, LEASE),
            version: payment.version + 1,
            ..payment.clone()
        };
        Ok(self.write(payment, &begun).await?.then_some(begun))
    }

    /// Makes a call, applies its answer, and makes the calls that follow from that.
    pub(super) async fn ask_and_settle(
        &self,
        payment: &Payment,
        call: ProviderCall,
        provider: &dyn PaymentProvider,
    ) -> Result<Payment, SettleError> {
        let (key, mut call, mut asked) = (&payment.key, call, payment.clone());
        for _ in 0..MAX_CALLS {
            let news = match self.ask(provider, call, &asked).await {
                Ok(news) => news,
                Err(error @ ProviderError::Refused { .. }) if call == ProviderCall::Create => {
                    if let Some(left_out) = self.room_in_log(key) {
                        tracing::warn!(payment = %key.id, merchant = %key.merchant, error = %error, left_out, "the payment was not created");
                    }
                    ProviderNews::new(ProviderStatus::Failed).because(Reason::new(error.to_string()))
                }
                Err(error) => {
                    if let Some(left_out) = self.room_in_log(key) {
                        tracing::warn!(payment = %key.id, merchant = %key.merchant, error = %error, left_out, "the provider is asked again later");
                    }
                    return self.put_off(key, Some((call, &error))).await;
                }
            };
            let input = PaymentInput::Provider(news.status);
            let (stored, effect) = self.apply(key, input, Some(&news), Some(call)).await?;
            match Next::after(&stored, effect, Some(call), self.runtime.now()) {
                Next::Ask(ProviderCall::Create) => match self.begin_creating(&stored).await? {
                    Some(begun) => (call, asked) = (ProviderCall::Create, begun),
                    None => return self.stored(key).await,
                },
                Next::Ask(next) => (call, asked) = (next, stored),
                Next::End | Next::Nothing => return Ok(stored),
            }
        }
        self.stored(key).await
    }

    /// Applies one input to the stored payment, however many write at the same time.
    async fn apply(
        &self,
        key: &PaymentKey,
        input: PaymentInput,
        news: Option<&ProviderNews>,
        answered: Option<ProviderCall>,
    ) -> Result<(Payment, PaymentEffect), SettleError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            let (changed, effect) = stored.apply(self.not_too_early(&stored, input, answered), news);
            // An answer that is not understood is none: it is asked for again ever more seldom.
            let unclear = news.is_some_and(|news| news.status == ProviderStatus::Unknown);
            let failures = if unclear { stored.failures.saturating_add(1) } else { 0 };
            if failures == 1
                && let Some(left_out) = self.room_in_log(key)
            {
                let says = news.and_then(|news| news.reason.as_ref()).map(ToString::to_string);
                tracing::warn!(payment = %key.id, merchant = %key.merchant, provider = %stored.provider, says, left_out, "the provider's answer about a payment is not understood");
            }
            let changed = match (changed, answered) {
                (Some(changed), Some(_)) => Payment { failures, ..changed },
                (None, Some(_)) if stored.has_work() => {
                    Payment { failures, version: stored.version + 1, ..stored.clone() }
                }
                (Some(changed), None) => changed,
                (None, _) => return Ok((stored, effect)),
            };
            let now = self.runtime.now();
            let changed = Payment {
                watched_until: changed.watched_until.or(absent_at_its_end(&stored, &changed, now)),
                ..changed
            };
            let changed =
                changed.fetched_from(&stored, later(self.runtime.now(), self.limits.unfetched_after));
            let changed = Payment { refresh_at: self.next_look(&changed), ..changed };
            if self.write(&stored, &changed).await? {
                return Ok((changed, effect));
            }
        }
        Err(too_many_writers())
    }

    /// A payment that is absent while somebody creates it, or shortly after an attempt whose answer was lost, may yet appear: that
    /// answer ends nothing.
    fn not_too_early(
        &self,
        stored: &Payment,
        input: PaymentInput,
        answered: Option<ProviderCall>,
    ) -> PaymentInput {
        let now = self.runtime.now();
        let underway = stored.is_being_created(now) && answered != Some(ProviderCall::Create);
        let young = stored.state != PaymentState::Pending
            && stored.creation != Creation::Absent
            && stored.attempted_at.is_some_and(|at| now - at < SETTLED + CLOCKS_DIFFER);
        match input {
            PaymentInput::Provider(ProviderStatus::Absent) if underway || young => {
                PaymentInput::Provider(ProviderStatus::Unknown)
            }
            other => other,
        }
    }

    /// Applies what the provider told without being asked how the payment stands.
    pub(super) async fn hear(
        &self,
        key: &PaymentKey,
        input: PaymentInput,
        news: &ProviderNews,
    ) -> Result<Payment, SettleError> {
        let answered = Some(ProviderCall::Get);
        let (payment, effect) = self.apply(key, input, Some(news), answered).await?;
        let next = Next::after(&payment, effect, answered, self.runtime.now());
        self.follow(payment, next).await
    }

    /// Has the payment wait, longer after every failure, and keeps what is known of the call that failed.
    pub(super) async fn put_off(
        &self,
        key: &PaymentKey,
        failed: Option<(ProviderCall, &ProviderError)>,
    ) -> Result<Payment, SettleError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            if !stored.has_work() {
                return Ok(stored);
            }
            let mut changed = stored.clone();
            changed.version += 1;
            changed.failures = stored.failures.saturating_add(1);
            if let Some((call, error)) = failed {
                if call == ProviderCall::Create && matches!(stored.creation, Creation::Underway(_)) {
                    changed.creation = match error {
                        ProviderError::Unreachable { .. } => Creation::Uncertain,
                        ProviderError::Refused { .. } | ProviderError::Unavailable { .. } => Creation::Absent,
                    };
                }
                if !stored.state.is_terminal() && stored.creation != Creation::Known {
                    changed.reason = Some(Reason::new(error.to_string()));
                }
            }
            changed.refresh_at = self.next_look(&changed);
            if self.write(&stored, &changed).await? {
                // Whoever cancelled meanwhile waits for nothing else.
                return match Next::due(&changed, self.runtime.now()) {
                    Next::End => Box::pin(self.follow(changed, Next::End)).await,
                    _ => Ok(changed),
                };
            }
        }
        Err(too_many_writers())
    }

    /// When the payment is looked at next.
    pub(super) fn next_look(&self, payment: &Payment) -> DateTime<Utc> {
        let longest = if payment.state.is_terminal() { LONGEST_WATCH } else { LONGEST_PAUSE };
        let every = self.limits.refresh_every;
        if payment.unresolved {
            return later(self.runtime.now(), longest.max(every));
        }
        if let Some(until) = payment.fetched_until
            && payment.notices.is_empty()
            && !payment.refunds.iter().any(|refund| refund.state.is_open())
        {
            return until.max(later(self.runtime.now(), every));
        }
        let at_least = if payment.watched_until.is_some() && payment.notices.is_empty() {
            // As long again as it is old: what was denied shows soon or late.
            let age = self.runtime.now() - payment.attempted_at.unwrap_or(payment.started_at);
            age.to_std().unwrap_or_default().clamp(LONGEST_PAUSE, LONGEST_WATCH)
        } else {
            every
        };
        let pause = at_least.saturating_mul(1 << payment.failures.min(10)).min(longest.max(every));
        later(self.runtime.now(), pause)
    }

    /// Writes a change, unless somebody was faster; takes over telling the host when nobody does, and tells it.
    pub(super) async fn write(&self, stored: &Payment, changed: &Payment) -> Result<bool, SettleError> {
        let now = self.runtime.now();
        let tells = changed.notices.len() > stored.notices.len()
            && changed.telling_until.is_none_or(|until| until <= now);
        let telling;
        let changed = if tells {
            telling = Payment { telling_until: Some(later(now, LEASE)), ..changed.clone() };
            &telling
        } else {
            changed
        };
        if !self.store.replace_payment(changed).await? {
            return Ok(false);
        }
        if changed.state != stored.state {
            tracing::info!(payment = %changed.key.id, merchant = %changed.key.merchant, from = ?stored.state, to = ?changed.state, "external payment");
        }
        if tells {
            self.tell_soon(&changed.key).await;
        }
        Ok(true)
    }

    /// Makes a call. A refusal to cancel usually means that it is too late, so the provider is asked how it stands.
    pub(super) async fn ask(
        &self,
        provider: &dyn PaymentProvider,
        call: ProviderCall,
        payment: &Payment,
    ) -> Result<ProviderNews, ProviderError> {
        let asked = async {
            match call {
                ProviderCall::Create => {
                    provider.create_unless(payment, &GivenUp::of(&self.store, &payment.key)).await
                }
                ProviderCall::Get => provider.get(payment).await,
                ProviderCall::Cancel => match provider.cancel(payment).await {
                    Err(ProviderError::Refused { .. }) => provider.get(payment).await,
                    other => other,
                },
            }
        };
        self.guarded("a payment provider", asked).await.unwrap_or_else(|| Err(silent(&payment.provider)))
    }

    /// What foreign code returns, unless it panics or takes too long: no other payment may suffer from that.
    pub(super) async fn guarded<T>(&self, whose: &'static str, work: impl Future<Output = T>) -> Option<T> {
        let work = pin!(AssertUnwindSafe(work).catch_unwind());
        let what = match select(work, self.runtime.sleep(PATIENCE)).await {
            Either::Left((Ok(done), _)) => return Some(done),
            Either::Left((Err(_), _)) => "panicked",
            Either::Right(_) => "took longer than a minute",
        };
        if let Some(left_out) = self.failures.of_all(self.runtime.now()) {
            tracing::error!(left_out, "{whose} {what}");
        }
        None
    }
}

/// Until when a payment is looked for once more that was not at its provider when it ended, though it was sent there.
fn absent_at_its_end(before: &Payment, after: &Payment, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ends = !before.state.is_terminal() && after.state.is_terminal();
    (ends && after.creation == Creation::Absent && after.attempt > 0).then(|| now + WATCH_ABSENT)
}

/// A provider whose code panicked or hung.
pub(super) fn silent(provider: &str) -> ProviderError {
    let message = "it panicked or took longer than a minute".to_owned();
    ProviderError::Unreachable { provider: provider.to_owned(), message }
}

pub(super) fn too_many_writers() -> SettleError {
    StoreError::new("change a payment", "too many writers at the same time").into()
}

pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
