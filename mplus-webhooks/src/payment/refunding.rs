//! Gives money back, once, however often it is asked for and whatever happens meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::news::Reason;
use super::provider::ProviderError;
use super::record::{Payment, PaymentKey};
use super::refund::{Refund, RefundNews, RefundState};
use super::service::{ALONE, ExternalPayments, SettleError, later, silent, too_many_writers};
use super::store::PaymentFilter;
use super::stored_notice::NoticeAbout;
use crate::runtime::CLOCKS_DIFFER;
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;
/// How long an attempt whose answer was lost may still be on its way, so that the provider does not list it yet.
const SETTLED: TimeDelta = TimeDelta::seconds(60);
/// How long a refund that the provider has taken may be missing in its lists.
pub(crate) const LISTED_WITHIN: TimeDelta = TimeDelta::days(3);
/// How long a provider may have a refund under way before a person is told.
const LONG_UNDER_WAY: TimeDelta = TimeDelta::days(7);

/// A refund cannot be given as it was asked for. Nothing happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefundError {
    /// No such payment.
    #[error("external payment {0} is not known")]
    UnknownPayment(String),
    /// More than was captured and not given back yet, or nothing at all.
    #[error("external payment {id} has {refundable} euros to give back")]
    Amount {
        /// The payment.
        id: String,
        /// What can be given back, euros.
        refundable: Decimal,
    },
    /// A credit without an id, or of an amount that is not above zero or no whole number of cents.
    #[error(
        "the credit of sale {session} needs an id and an amount of whole cents above zero; {refundable} euros are left to give back"
    )]
    Credit {
        /// The sale.
        session: String,
        /// What can be given back, euros.
        refundable: Decimal,
    },
    /// The refund's id names another one.
    #[error("refund {0} was already asked for with another amount")]
    Taken(String),
    /// The store failed. The refund may have been stored: ask again with the same id.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettleError> for RefundError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Unknown(id) => Self::UnknownPayment(id),
            SettleError::Store(error) => Self::Store(error),
        }
    }
}

impl ExternalPayments {
    /// Gives a payment's money back: this much, or all that is left. Works on what was captured, whatever the till was told, so
    /// also after an `UnexpectedCapture`.
    ///
    /// The refund is stored before the provider is asked, so a crash cannot double or forget it; a provider that does not answer is
    /// asked until it does, and the host is told ([`PaymentNotice::Refunded`](super::PaymentNotice::Refunded)). Asking again
    /// with the same `id` is the same refund.
    ///
    /// Once all is asked back before the till has heard that it was paid, the payment is [withdrawn](Payment::withdrawn): the till hears
    /// that it was not, also when the refund fails later.
    ///
    /// # Errors
    /// [`RefundError`].
    pub async fn refund(
        &self,
        key: &PaymentKey,
        id: &str,
        amount: Option<Decimal>,
    ) -> Result<Refund, RefundError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            if let Some(known) = stored.refunds.iter().find(|refund| refund.id == id) {
                if amount.is_some_and(|amount| amount != known.amount) {
                    return Err(RefundError::Taken(id.to_owned()));
                }
                let known = known.clone();
                return self.carried_out(stored, known).await;
            }
            let refundable = stored.refundable();
            let amount = amount.unwrap_or(refundable).normalize();
            if id.is_empty() || amount <= Decimal::ZERO || amount > refundable || amount.scale() > 2 {
                return Err(RefundError::Amount { id: key.id.clone(), refundable });
            }
            let now = self.runtime.now();
            let refund = Refund::new(id, amount, now);
            let mut changed = stored.clone();
            changed.refunds.push(refund.clone());
            changed.withdraw_if_all_is_given_back();
            changed.version += 1;
            changed.refresh_at = now;
            if self.write(&stored, &changed).await? {
                let stored = self.stored(key).await?;
                return self.carried_out(stored, refund).await;
            }
        }
        Err(too_many_writers().into())
    }

    /// Gives back what was paid through external payments for a sale that was credited: this much in all, or all that is left. `id`
    /// is the credit's, such as [`Credit::id`](crate::Credit::id): asking again with it gives nothing more, and another credit of the
    /// same sale has another one. The sale's payments are gone through in the order in which they were started; of each there is at most
    /// one refund, under this id. What was [paid in vain](Payment::paid_in_vain) was not paid for the sale: it is left out, unless there is
    /// nothing else.
    ///
    /// The refunds come to less than `amount` when less was paid so, and are none when nothing was, or when the till did not send
    /// the sale's id with its payments.
    ///
    /// # Errors
    /// [`RefundError`]: of an amount that is not above zero or no whole number of cents, or of the first payment that cannot be given back;
    /// asking again with the same id goes on with the others.
    pub async fn refund_session(
        &self,
        merchant: &MerchantId,
        session_id: &str,
        id: &str,
        amount: Option<Decimal>,
    ) -> Result<Vec<Refund>, RefundError> {
        let mut payments = self.of_session(merchant, session_id).await?;
        let known = |payment: &Payment| payment.refunds.iter().find(|refund| refund.id == id).cloned();
        if payments.iter().any(|payment| payment.captured.is_some() && !payment.was_paid_in_vain()) {
            payments.retain(|payment| !payment.was_paid_in_vain() || known(payment).is_some());
        }
        if id.is_empty()
            || amount.is_some_and(|amount| amount <= Decimal::ZERO || amount.normalize().scale() > 2)
        {
            let refundable = payments.iter().map(Payment::refundable).sum();
            return Err(RefundError::Credit { session: session_id.to_owned(), refundable });
        }
        let asked_before: Decimal = payments.iter().filter_map(known).map(|refund| refund.amount).sum();
        let mut left = amount.map(|amount| amount - asked_before);
        let mut refunds = Vec::new();
        for payment in payments {
            let share = match (known(&payment), left) {
                (Some(refund), _) => refund.amount,
                (None, None) => payment.refundable(),
                (None, Some(left)) => payment.refundable().min(left),
            };
            if share <= Decimal::ZERO {
                continue;
            }
            if known(&payment).is_none() {
                left = left.map(|left| left - share);
            }
            refunds.push(self.refund(&payment.key, id, Some(share)).await?);
        }
        Ok(refunds)
    }

    /// The payments of a sale, in the order in which they were started.
    async fn of_session(&self, merchant: &MerchantId, session_id: &str) -> Result<Vec<Payment>, StoreError> {
        let mut payments = Vec::new();
        if session_id.is_empty() {
            return Ok(payments);
        }
        let filter = PaymentFilter { merchant: Some(merchant.clone()), ..PaymentFilter::default() };
        let mut page = self.store.list_payments(&filter).await?;
        while let Some(last) = page.last().cloned() {
            payments
                .extend(page.into_iter().filter(|payment| payment.session_id.as_deref() == Some(session_id)));
            page = self.store.list_payments(&filter.clone().after(&last)).await?;
        }
        Ok(payments)
    }

    /// The refund after the provider was asked.
    async fn carried_out(&self, payment: Payment, refund: Refund) -> Result<Refund, RefundError> {
        if !refund.state.is_open() {
            return Ok(refund);
        }
        let payment = self.carry_out(payment, &refund.id).await?;
        let refund = payment.refunds.into_iter().find(|known| known.id == refund.id);
        refund.ok_or_else(|| RefundError::UnknownPayment(payment.key.id))
    }

    /// Asks the provider about every open refund of a payment.
    pub(super) async fn carry_out_refunds(&self, payment: Payment) -> Result<Payment, SettleError> {
        let open: Vec<_> = payment
            .refunds
            .iter()
            .filter(|refund| refund.state.is_open())
            .map(|refund| refund.id.clone())
            .collect();
        let mut payment = payment;
        for id in open {
            payment = self.carry_out(payment, &id).await?;
        }
        Ok(payment)
    }

    /// Has the host told, once, of refunds that do not come to an end: that no provider takes, though they have been asked for as long as
    /// a payment may stay unresolved, or that are under way for a week. They are asked for all the same.
    pub(super) async fn report_unanswered_refunds(&self, payment: Payment) -> Result<Payment, SettleError> {
        let now = self.runtime.now();
        let unanswered = |refund: &Refund| {
            let told_at = match refund.state {
                RefundState::Requested => Some(later(refund.requested_at, self.limits.unresolved_after)),
                RefundState::Pending => refund.requested_at.checked_add_signed(LONG_UNDER_WAY),
                RefundState::Succeeded | RefundState::Failed => None,
            };
            !refund.told_unanswered && told_at.is_some_and(|at| at <= now)
        };
        if !payment.refunds.iter().any(unanswered) {
            return Ok(payment);
        }
        let mut told = Payment { version: payment.version + 1, ..payment.clone() };
        let mut refunds = std::mem::take(&mut told.refunds);
        for refund in refunds.iter_mut().filter(|refund| unanswered(refund)) {
            refund.told_unanswered = true;
            told.tell(NoticeAbout::Refunded(refund.clone()));
        }
        told.refunds = refunds;
        match self.write(&payment, &told).await? {
            true => Ok(told),
            false => self.stored(&payment.key).await,
        }
    }

    /// Asks the provider about every refund that it knows, because something has happened: an end can turn out to be another one.
    pub(super) async fn look_at_refunds(&self, payment: Payment) -> Result<Payment, SettleError> {
        let known = |refund: &&Refund| match refund.state {
            RefundState::Succeeded => true,
            RefundState::Failed => refund.may_have_been_taken(),
            RefundState::Requested | RefundState::Pending => false,
        };
        let known: Vec<_> = payment.refunds.iter().filter(known).map(|refund| refund.id.clone()).collect();
        let mut payment = payment;
        for id in known {
            payment = self.carry_out(payment, &id).await?;
        }
        Ok(payment)
    }

    /// Asks the provider for one refund, or how one stands that has succeeded, unless somebody else does.
    async fn carry_out(&self, payment: Payment, id: &str) -> Result<Payment, SettleError> {
        let begun = self.begun_asking(&payment, id);
        let Some((mut asking, mut refund, mut sent_before)) = begun else { return Ok(payment) };
        let Some(provider) = self.provider_of(&payment).await else {
            return self.put_off(&payment.key, None).await;
        };
        let mut before = payment.clone();
        while !self.write(&before, &asking).await? {
            before = self.stored(&payment.key).await?;
            let Some(begun) = self.begun_asking(&before, id) else { return Ok(before) };
            (asking, refund, sent_before) = begun;
        }
        let answered = self.guarded("a payment provider", provider.refund(&asking, &refund)).await;
        let (news, sent_at) = match answered.unwrap_or_else(|| Err(silent(&payment.provider))) {
            // What is refused outright never left.
            Ok(news) if news.state == RefundState::Failed && news.reference.is_none() => (news, sent_before),
            Ok(news) => (news, refund.sent_at),
            // Only what can never have been taken comes to an end by being refused: an earlier attempt without an answer may be why.
            Err(error @ ProviderError::Refused { .. })
                if refund.may_be_refused() && sent_before.is_none() =>
            {
                (RefundNews::new(RefundState::Failed).because(Reason::new(error.to_string())), None)
            }
            Err(error @ ProviderError::Refused { .. })
                if refund.may_be_refused() && sent_before.is_some_and(|sent_at| self.is_lost(sent_at)) =>
            {
                let text = format!(
                    "{error}; an earlier attempt got no answer: look at the provider before it is given again"
                );
                (RefundNews::new(RefundState::Failed).because(Reason::new(text)), sent_before)
            }
            Err(error) => {
                if let Some(left_out) = self.room_in_log(&payment.key) {
                    tracing::warn!(payment = %payment.key.id, merchant = %payment.key.merchant, refund = %id, error = %error, left_out, "the refund is asked for again later");
                }
                let may_have_left = matches!(error, ProviderError::Unreachable { .. });
                let news = RefundNews::new(refund.state).because(Reason::new(error.to_string()));
                (news, if may_have_left { refund.sent_at } else { sent_before })
            }
        };
        self.keep_refund(&payment.key, id, &news, sent_at).await
    }

    /// Whether an attempt that got no answer was sent so long ago that its provider would list it.
    fn is_lost(&self, sent_at: DateTime<Utc>) -> bool {
        self.runtime.now() - sent_at > LISTED_WITHIN
    }

    /// The payment while its provider is asked for a refund, that refund, and when it was sent before; none when nobody has to ask
    /// now.
    fn begun_asking(&self, payment: &Payment, id: &str) -> Option<(Payment, Refund, Option<DateTime<Utc>>)> {
        let now = self.runtime.now();
        let mut asking = payment.clone();
        asking.version += 1;
        asking.refresh_at = later(now, ALONE);
        let refund = asking.refunds.iter_mut().find(|refund| refund.id == id)?;
        let never_taken = refund.state == RefundState::Failed && !refund.may_have_been_taken();
        if never_taken || refund.asking_until.is_some_and(|until| until > now) {
            return None;
        }
        let sent_before = refund.sent_at;
        refund.attempts += 1;
        refund.asking_until = Some(later(now, ALONE));
        let young = refund.sent_at.is_some_and(|sent_at| now - sent_at < SETTLED + CLOCKS_DIFFER);
        refund.looks_only = !refund.state.is_open() || young;
        if !refund.looks_only && refund.reference.is_none() {
            refund.sent_at = Some(now);
        }
        let refund = refund.clone();
        Some((asking, refund, sent_before))
    }

    /// Keeps what the provider said, and when the last attempt was sent that may have reached it.
    async fn keep_refund(
        &self,
        key: &PaymentKey,
        id: &str,
        news: &RefundNews,
        sent_at: Option<DateTime<Utc>>,
    ) -> Result<Payment, SettleError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            let mut changed = stored.clone();
            let Some(refund) = changed.refunds.iter_mut().find(|refund| refund.id == id) else {
                return Ok(stored);
            };
            let before = refund.state;
            *refund = refund.apply(news);
            if refund.reference.is_none() && !refund.looks_only {
                refund.sent_at = sent_at;
            }
            let told = (refund.state != before).then(|| refund.clone());
            let waits = refund.state.is_open();
            changed.failures = if waits { changed.failures.saturating_add(1) } else { 0 };
            if let Some(refund) = told {
                changed.tell(NoticeAbout::Refunded(refund));
            }
            changed.version += 1;
            changed.refresh_at = self.next_look(&changed);
            if self.write(&stored, &changed).await? {
                return self.stored(key).await;
            }
        }
        Err(too_many_writers())
    }
}

impl Payment {
    /// Whether the customer has paid although the till was told otherwise or has given the payment up, and not all was asked back yet: it
    /// should be given back.
    #[must_use]
    pub fn paid_in_vain(&self) -> bool {
        self.was_paid_in_vain() && !self.is_given_back()
    }

    /// Whether no sale was made with what the customer paid, whether or not it was given back.
    #[must_use]
    pub fn was_paid_in_vain(&self) -> bool {
        self.captured.is_some() && (self.given_up || !self.counts_as_paid())
    }
}
