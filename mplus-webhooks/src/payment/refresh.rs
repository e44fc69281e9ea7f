//! Keeps payments fresh: asks, repeats what a crash or an unreachable provider left undone, and ends what nobody pays.

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::sync::mpsc;

use super::call::{Next, ProviderCall};
use super::record::{Creation, Payment, PaymentKey, PaymentOrigin};
use super::service::{ExternalPayments, LEASE, SettleError, later};
use super::state::{PaymentInput, PaymentState, ProviderStatus};
use super::terms::RefreshReport;
use crate::store_error::StoreError;

/// How many due payments are taken from the store at once.
const BATCH: usize = 256;
/// How often one refresh takes more.
const MOST_BATCHES: usize = 64;
/// How long a refresh waits for the answers that it asked for; what takes longer goes on in the background.
const WAITS: Duration = Duration::from_secs(2);
/// How long an ended payment of which nobody knows everything is looked after.
const WATCH: TimeDelta = TimeDelta::days(7);
/// How long ago a till may have been seen waiting for a payment that is created late. A till asks every second or two; the clocks
/// of two processes may differ by a minute.
const TILL_WAITS: TimeDelta = TimeDelta::seconds(90);
/// How many questions in a row have to fail before a payment is given up as unresolved.
const ENOUGH_FAILURES: u32 = 3;

impl ExternalPayments {
    /// Asks the providers about every payment that is due, cancels those whose time has run out, repeats what a crash or an
    /// unreachable provider left undone, and tells the host what it was not told.
    ///
    /// Several processes may do this at the same time; each payment is asked about by one. Of each merchant's account a few
    /// payments are asked about at a time. An answer that takes longer than two seconds is not waited for: it is worked in when it
    /// comes, and the report does not count it.
    ///
    /// # Errors
    /// [`StoreError`] when the due payments cannot be taken.
    pub async fn refresh_due(&self) -> Result<RefreshReport, StoreError> {
        let mut report = RefreshReport::default();
        let (tell, mut told) = mpsc::unbounded_channel();
        for _ in 0..MOST_BATCHES {
            let now = self.runtime.now();
            let due = self.store.claim_payments(now, later(now, LEASE), BATCH).await?;
            let last = due.len() < BATCH;
            for payment in due {
                report.asked += 1;
                if let Some(payment) = self.lanes.enter(payment) {
                    self.refresh_lane(payment, tell.clone());
                }
            }
            if last {
                break;
            }
        }
        drop(tell);
        let mut out_of_time = pin!(self.runtime.sleep(WAITS));
        loop {
            match select(pin!(told.recv()), out_of_time.as_mut()).await {
                Either::Left((Some(Ok(true)), _)) => report.ended += 1,
                Either::Left((Some(Ok(false)), _)) => {}
                Either::Left((Some(Err(())), _)) => report.failed += 1,
                Either::Left((None, _)) | Either::Right(_) => return Ok(report),
            }
        }
    }

    /// Refreshes a payment in the background, and then whatever waits for the same account.
    fn refresh_lane(&self, first: Payment, tell: mpsc::UnboundedSender<Result<bool, ()>>) {
        let payments = self.clone();
        self.runtime.spawn(Box::pin(async move {
            let mut next = Some(first);
            while let Some(payment) = next {
                let refreshed = payments.guarded_refresh(payment.clone()).await;
                // Nobody listens any more when it took too long.
                let _ = tell.send(refreshed);
                next = payments.lanes.next(&payment);
            }
        }));
    }

    /// Whether the payment has ended; whatever goes wrong stays with this payment.
    async fn guarded_refresh(&self, payment: Payment) -> Result<bool, ()> {
        let (key, was_open) = (payment.key.clone(), !payment.state.is_terminal());
        match std::panic::AssertUnwindSafe(self.refresh_stored(payment)).catch_unwind().await {
            Ok(Ok(payment)) => Ok(was_open && payment.state.is_terminal()),
            Ok(Err(SettleError::Unknown(_))) => Ok(false),
            Ok(Err(SettleError::Store(error))) => {
                if let Some(left_out) = self.room_in_log(&key) {
                    tracing::error!(payment = %key.id, merchant = %key.merchant, error = %error, left_out, "a payment could not be refreshed");
                }
                Err(())
            }
            Err(_) => {
                if let Some(left_out) = self.room_in_log(&key) {
                    tracing::error!(payment = %key.id, merchant = %key.merchant, left_out, "the refresh of a payment panicked");
                }
                Err(())
            }
        }
    }

    /// Waits until nothing is asked in the background any more, at most this long; `true` when nothing is. For an orderly end of
    /// the process.
    pub async fn settled(&self, patience: Duration) -> bool {
        let mut out_of_time = pin!(self.runtime.sleep(patience));
        while !self.lanes.is_idle() {
            let pause = self.runtime.sleep(Duration::from_millis(20));
            if let Either::Right(_) = select(pause, out_of_time.as_mut()).await {
                return self.lanes.is_idle();
            }
        }
        true
    }

    /// Looks at one payment now: asks its provider, and tells the host what it was not told. `None` when it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refresh(&self, key: &PaymentKey) -> Result<Option<Payment>, StoreError> {
        let Some(payment) = self.payment(key).await? else { return Ok(None) };
        match self.look_at(payment).await {
            Ok(payment) => Ok(Some(payment)),
            Err(SettleError::Unknown(_)) => Ok(None),
            Err(SettleError::Store(error)) => Err(error),
        }
    }

    /// Does what is due about a payment now, and asks its provider also when nothing is due: somebody has heard of it.
    pub(super) async fn look_at(&self, payment: Payment) -> Result<Payment, SettleError> {
        let now = self.runtime.now();
        let payment = match Next::asked_of(&payment, now) {
            Next::Nothing if payment.is_being_created(now) => Box::pin(self.whether_paid(payment)).await?,
            Next::Nothing => payment,
            question => Box::pin(self.follow(payment, question)).await?,
        };
        self.refresh_stored(payment).await
    }

    /// Asks about a payment that somebody is creating: a customer may have paid before the answer to that is here. Anything else that its
    /// provider says now may change with that answer, and counts for nothing.
    async fn whether_paid(&self, payment: Payment) -> Result<Payment, SettleError> {
        let Some(provider) = self.provider_of(&payment).await else { return Ok(payment) };
        match self.ask(&*provider, ProviderCall::Get, &payment).await {
            Ok(news) if matches!(news.status, ProviderStatus::Captured(_)) => {
                self.hear(&payment.key, PaymentInput::Provider(news.status), &news).await
            }
            _ => Ok(payment),
        }
    }

    /// Does what is due about a payment now.
    pub(super) async fn refresh_stored(&self, payment: Payment) -> Result<Payment, SettleError> {
        let now = self.runtime.now();
        let cancelling = matches!(payment.state, PaymentState::CancelRequested(_));
        let payment = match self.overdue(&payment, now) {
            Some(input) => self.settle(&payment.key, input).await?,
            None if payment.state.is_terminal() && now > payment.expires_at + WATCH => {
                self.close(payment).await?
            }
            None => {
                let next = Next::due(&payment, now);
                self.follow(payment, next).await?
            }
        };
        let payment = match cancelling && self.is_beyond_knowing(&payment) {
            true => self.settle(&payment.key, PaymentInput::Unresolved).await?,
            false => payment,
        };
        let payment = self.carry_out_refunds(payment).await?;
        let payment = self.report_unanswered_refunds(payment).await?;
        let payment = self.report_unfetched(payment, now).await?;
        self.tell_rest(payment).await
    }

    /// Has the host told of a payment whose till has not asked for its end.
    async fn report_unfetched(&self, payment: Payment, now: DateTime<Utc>) -> Result<Payment, SettleError> {
        if payment.fetched_until.is_none_or(|until| until > now) {
            return Ok(payment);
        }
        let told = payment.not_fetched();
        tracing::warn!(payment = %payment.key.id, merchant = %payment.key.merchant, "a payment was paid, and its till has not asked for that");
        match self.write(&payment, &told).await? {
            true => Ok(told),
            // The till asks at this very moment, or somebody else refreshes.
            false => self.stored(&payment.key).await,
        }
    }

    /// What the clock has to say about a payment.
    fn overdue(&self, payment: &Payment, now: DateTime<Utc>) -> Option<PaymentInput> {
        let uncertain = match payment.creation {
            Creation::Underway(until) => until <= now,
            Creation::Uncertain => true,
            Creation::Absent | Creation::Known => false,
        };
        match payment.state {
            PaymentState::Pending | PaymentState::Authorised if payment.expires_at <= now => {
                Some(PaymentInput::TimeOut)
            }
            PaymentState::Pending
                if (uncertain || payment.creation == Creation::Absent)
                    && payment.attempt > 0
                    && (later(payment.started_at, self.limits.time_to_create) <= now
                        || self.nobody_waits(payment, now)) =>
            {
                Some(PaymentInput::GiveUpCreating)
            }
            _ => None,
        }
    }

    /// Whether the till that started a payment has not asked about it for so long that it was told of a failure, or is gone.
    fn nobody_waits(&self, payment: &Payment, now: DateTime<Utc>) -> bool {
        payment.origin == PaymentOrigin::Till && now - payment.awaited_at() >= TILL_WAITS
    }

    /// Whether a payment whose end was asked for is still open long after its time, though its provider was asked just now.
    fn is_beyond_knowing(&self, payment: &Payment) -> bool {
        let asked_enough = payment.failures == 0 || payment.failures >= ENOUGH_FAILURES;
        !payment.state.is_terminal()
            && asked_enough
            && later(payment.expires_at, self.limits.unresolved_after) <= self.runtime.now()
    }

    /// Stops asking about a payment that ended long ago, and says what was left. What the host was not told is told all the same.
    async fn close(&self, payment: Payment) -> Result<Payment, SettleError> {
        if !payment.is_watched() {
            return Ok(payment);
        }
        tracing::error!(payment = %payment.key.id, merchant = %payment.key.merchant, "a payment that ended a week ago is no longer looked after");
        let creation = match payment.creation {
            Creation::Known => Creation::Known,
            Creation::Absent | Creation::Underway(_) | Creation::Uncertain => Creation::Absent,
        };
        let closed = Payment {
            creation,
            unresolved: false,
            watched_until: None,
            version: payment.version + 1,
            ..payment
        };
        match self.store.replace_payment(&closed).await? {
            true => Ok(closed),
            false => self.stored(&closed.key).await,
        }
    }
}
