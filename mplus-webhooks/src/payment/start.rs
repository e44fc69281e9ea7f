//! Begins payments: those of tills and the host's own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use rust_decimal::Decimal;
use tokio::sync::oneshot;

use super::call::ProviderCall;
use super::news::Reason;
use super::provider::PaymentProvider;
use super::providers::PaymentPlace;
use super::record::{Creation, Payment, PaymentKey, PaymentOrigin};
use super::service::{ALONE, ExternalPayments, LEASE, SettleError, later};
use super::state::PaymentInput;
use super::stored_notice::NoticeAbout;
use crate::store_error::StoreError;

/// The longest id of a payment.
const LONGEST_ID: usize = 128;
/// How near an amount has to be to whole cents: what is nearer is the noise of a computer that counts in halves.
const NOISE: Decimal = Decimal::from_parts(1, 0, 0, false, 9);

/// A payment that the host starts itself, for its kiosk or web shop.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OwnPayment {
    /// The merchant, and the host's own id: new for every payment, at most 128 characters. A UUID never meets one of a till.
    pub key: PaymentKey,
    /// What is to be paid, euros with two decimals.
    pub amount: Decimal,
    /// Chooses the provider, as the name of a payment method of the POS does.
    pub method: String,
    /// The branch that it is for.
    pub branch_number: i64,
    /// The workplace that it is for.
    pub workplace_number: i64,
}

impl OwnPayment {
    /// A payment of `amount` euros, for workplace 0 of branch 0.
    pub fn new(key: PaymentKey, amount: Decimal, method: impl Into<String>) -> Self {
        Self { key, amount, method: method.into(), branch_number: 0, workplace_number: 0 }
    }

    /// For this place.
    #[must_use]
    pub fn at(mut self, branch_number: i64, workplace_number: i64) -> Self {
        (self.branch_number, self.workplace_number) = (branch_number, workplace_number);
        self
    }
}

/// A payment cannot be started as it was asked for. Nothing happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The amount cannot be paid.
    #[error("{0}")]
    Amount(String),
    /// The id cannot be one.
    #[error("the payment's id is empty, longer than 128 characters, or has control characters")]
    Id,
    /// The id names another payment.
    #[error("external payment {0} was already started with another amount or method")]
    Taken(String),
    /// The store failed. The payment may have been stored: start it again with the same id.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a payment before its provider is.
pub(super) struct NewPayment {
    pub(super) key: PaymentKey,
    pub(super) origin: PaymentOrigin,
    pub(super) amount: Decimal,
    pub(super) method: String,
    pub(super) subscription: Option<String>,
    pub(super) branch_number: i64,
    pub(super) workplace_number: i64,
    pub(super) session_id: Option<String>,
}

impl ExternalPayments {
    /// Starts a payment of the host's own, through the same profiles and providers as a till's. It is refreshed, told of and refunded
    /// as those are. Ask [`payment`](Self::payment) how it stands, and [`cancel_own`](Self::cancel_own) to end it.
    ///
    /// Repeating it with the same id is the same payment. A payment that no provider took has failed, with its reason.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_own(&self, own: &OwnPayment) -> Result<Payment, StartError> {
        let OwnPayment { key, amount, method, branch_number, workplace_number } = own.clone();
        let (key, amount) = (self.check_key(key)?, self.check_amount(amount)?);
        self.begin(NewPayment {
            key,
            origin: PaymentOrigin::Host,
            amount,
            method,
            subscription: None,
            branch_number,
            workplace_number,
            session_id: None,
        })
        .await
    }

    /// Asks for the end of a payment, and waits for the provider's answer: cancelled, or paid after all, or still open when the
    /// provider did not answer; then it is asked again until it does. `None` when the payment is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel_own(&self, key: &PaymentKey) -> Result<Option<Payment>, StoreError> {
        match self.settle(key, PaymentInput::RequestCancel).await {
            Ok(payment) => Ok(Some(payment)),
            Err(SettleError::Unknown(_)) => Ok(None),
            Err(SettleError::Store(error)) => Err(error),
        }
    }

    /// Stores a payment, and creates it at its provider as long as somebody waits for it.
    pub(super) async fn begin(&self, new: NewPayment) -> Result<Payment, StartError> {
        let (payment, provider) = self.assign(new).await;
        if let Some(known) = self.store.insert_payment(&payment).await? {
            let same = known.amount == payment.amount && known.method == payment.method;
            return if same || known.origin == PaymentOrigin::NeverStarted {
                Ok(known)
            } else {
                Err(StartError::Taken(payment.key.id))
            };
        }
        match provider {
            Some(provider) => {
                let created = self.create_within_patience(payment.clone(), provider).await;
                // The answer may be the one that was given, since the payment is in the store.
                Ok(created.unwrap_or(payment))
            }
            None => {
                self.tell_soon(&payment.key).await;
                Ok(payment)
            }
        }
    }

    /// The payment as it is stored first, and its provider when there is one.
    async fn assign(&self, new: NewPayment) -> (Payment, Option<Arc<dyn PaymentProvider>>) {
        let now = self.runtime.now();
        let NewPayment { key, origin, amount, method, subscription, .. } = new;
        let (branch_number, workplace_number) = (new.branch_number, new.workplace_number);
        let mut payment = Payment {
            origin,
            method,
            subscription,
            branch_number,
            workplace_number,
            session_id: new.session_id,
            expires_at: later(now, self.limits.time_to_pay),
            telling_until: Some(later(now, LEASE)),
            ..Payment::new(key, amount, now)
        };
        if payment.is_refund() && !self.limits.card_refunds {
            let text = "An amount below zero is not given back to a card here: give it back another way.";
            return (payment.not_started(Reason::new(text)), None);
        }
        let place = PaymentPlace {
            merchant: &payment.key.merchant,
            subscription: payment.subscription.as_deref(),
            branch_number,
            workplace_number,
            method: &payment.method,
            amount,
        };
        let found = self.find("the host's payment profiles", self.providers.assigned(&place)).await;
        let why = match found {
            Ok(Some(provider)) => {
                payment.provider = provider.name().to_owned();
                payment.account = provider.account().to_owned();
                payment.terminal = provider.terminal().map(str::to_owned);
                payment.provider_reference = provider.reference(&payment);
                payment.creation = Creation::Underway(later(now, ALONE));
                (payment.attempt, payment.attempted_at) = (1, Some(now));
                payment.refresh_at = later(now, self.limits.refresh_every);
                payment.tell(NoticeAbout::Changed);
                return (payment, Some(provider));
            }
            Ok(None) => format!(
                "No payment provider is assigned to branch {branch_number} for payment method {:?}: assign a payment profile to the location.",
                payment.method
            ),
            Err(error) => {
                if let Some(left_out) = self.room_in_log(&payment.key) {
                    tracing::error!(payment = %payment.key.id, merchant = %payment.key.merchant, error = %error, left_out, "a payment was not started");
                }
                "The payment profiles could not be looked up: try again.".to_owned()
            }
        };
        if let Some(left_out) = self.room_in_log(&payment.key) {
            tracing::warn!(payment = %payment.key.id, merchant = %payment.key.merchant, left_out, "{why}");
        }
        (payment.not_started(Reason::new(why)), None)
    }

    /// Creates at the provider in the background, and waits for it as long as a cashier would. `None` when it takes longer.
    async fn create_within_patience(
        &self,
        payment: Payment,
        provider: Arc<dyn PaymentProvider>,
    ) -> Option<Payment> {
        let (tell, told) = oneshot::channel();
        let (payments, key) = (self.clone(), payment.key.clone());
        self.runtime.spawn(Box::pin(async move { payments.tell_soon(&key).await }));
        let payments = self.clone();
        self.runtime.spawn(Box::pin(async move {
            let created = payments.ask_and_settle(&payment, ProviderCall::Create, &*provider).await;
            if let Err(error) = &created {
                tracing::error!(payment = %payment.key.id, merchant = %payment.key.merchant, error = %error, "a created payment waits for its store");
            }
            // Nobody listens any more when it took too long.
            let _ = tell.send(created.ok());
        }));
        match select(told, self.runtime.sleep(self.limits.start_patience)).await {
            Either::Left((created, _)) => created.ok().flatten(),
            Either::Right(_) => None,
        }
    }

    /// Euros with two decimals, other than zero.
    pub(super) fn check_amount(&self, amount: Decimal) -> Result<Decimal, StartError> {
        let cents = amount.round_dp(2).normalize();
        if (amount - cents).abs() >= NOISE {
            return Err(StartError::Amount("`externalPayment.amount` has fractions of a cent".to_owned()));
        }
        if cents.is_zero() || cents.abs() > self.limits.largest_amount {
            return Err(StartError::Amount(format!(
                "`externalPayment.amount` has to be other than 0 and at most {} euros",
                self.limits.largest_amount
            )));
        }
        Ok(cents)
    }

    pub(super) fn check_key(&self, key: PaymentKey) -> Result<PaymentKey, StartError> {
        let proper = !key.id.is_empty() && key.id.len() <= LONGEST_ID && !key.id.contains(char::is_control);
        if proper { Ok(key) } else { Err(StartError::Id) }
    }

    /// Remembers that the till gave up a payment that is not known yet, so that a start that comes later creates nothing.
    pub(super) async fn remember_given_up(
        &self,
        key: PaymentKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Payment>, StoreError> {
        let tombstone = Payment::never_started(key, now);
        tracing::warn!(payment = %tombstone.key.id, merchant = %tombstone.key.merchant, "the till gave up a payment that was not started here");
        self.store.insert_payment(&tombstone).await.map(|known| known.is_none().then_some(tombstone))
    }
}
