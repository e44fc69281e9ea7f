//! What the till asks about external payments, and what it is answered. An event depends on its `externalPayment` alone.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::record::{Creation, Payment, PaymentKey, PaymentOrigin};
use super::service::{ExternalPayments, SettleError};
use super::start::{NewPayment, StartError};
use super::state::{PaymentInput, PaymentState};
use super::terms::AmountUnit;
use crate::error::Refusal;
use crate::event::{
    CancelExternalPayment, Event, ExternalPayment, RequestCancelExternalPayment, StartExternalPayment,
};
use crate::reply::{
    Barcode, BarcodeType, Body, CancelExternalPaymentReply, Message, PaymentAnswer, PaymentWord,
    PollExternalPaymentReply, Polling, Reply as _, RequestCancelExternalPaymentReply,
    StartExternalPaymentReply,
};
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// How often it is noted that a till waits.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(15);

impl From<SettleError> for Refusal {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Unknown(id) => unknown_payment(&id),
            SettleError::Store(error) => store_failed(&error),
        }
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => store_failed(&error),
            other => Refusal::invalid_data(other.to_string()),
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
    pub(crate) async fn start(
        &self,
        event: &Event<StartExternalPayment>,
    ) -> Result<StartExternalPaymentReply, Refusal> {
        let ExternalPayment { external_payment_id: id, amount, method, .. } = &event.payload.external_payment;
        let key = self.key(event.origin.merchant(), id)?;
        let amount = amount
            .ok_or_else(|| Refusal::invalid_data("`externalPayment.amount` is missing: euros to be paid"))?;
        let session = event.payload.session.as_ref().and_then(|session| session.session_id.clone());
        let payment = self
            .begin(NewPayment {
                key,
                origin: PaymentOrigin::Till,
                amount: self.check_amount(amount)?,
                method: method.clone().unwrap_or_default(),
                subscription: Some(event.origin.subscription().id.clone()),
                // Of a till that does not tell its place, only what is assigned to every till takes the money.
                branch_number: event.sender.branch_number.unwrap_or_default(),
                workplace_number: event.sender.workplace_number.unwrap_or_default(),
                session_id: session.filter(|id| !id.is_empty()),
            })
            .await?;
        let payment = self.about_to_be_told(payment.into()).await;
        Ok(self.started(&payment))
    }

    /// The answer to a poll. Only the store is asked, and nothing is written unless it is not known whether the provider has it, or the till
    /// hears for the first time that it was paid.
    pub(crate) async fn poll(&self, merchant: &MerchantId, id: &str) -> Result<Body, Refusal> {
        let key = self.key(merchant, id)?;
        match self.store.payment(&key).await {
            Ok(Some(payment)) => {
                let now = self.runtime.now();
                self.note_that_it_is_awaited(&payment, now).await;
                let payment = self.about_to_be_told(payment).await;
                let reply = PollExternalPaymentReply::acknowledge()
                    .payment(self.answer(&payment))
                    .polling(polling(&payment));
                // The reply to the start may have been too early for it.
                Ok(match self.checkout_code(&payment) {
                    Some(code) => reply.display_barcode(code).into_body(),
                    None => reply.into_body(),
                })
            }
            Ok(None) => Err(unknown_payment(id)),
            Err(error) => Err(store_failed(&error)),
        }
    }

    /// Notes now and then that the till still waits for a payment that may have to be created late.
    async fn note_that_it_is_awaited(&self, payment: &Payment, now: DateTime<Utc>) {
        let late = payment.state == PaymentState::Pending && payment.creation != Creation::Known;
        if !late || now - payment.awaited_at() < NOTED_EVERY {
            return;
        }
        let noted = Payment { asked_at: Some(now), version: payment.version + 1, ..payment.clone() };
        // Whoever was faster has changed it, and the next poll comes soon.
        if let Err(error) = self.store.replace_payment(&noted).await {
            tracing::warn!(payment = %payment.key.id, merchant = %payment.key.merchant, error = %error, "it could not be noted that a till waits");
        }
    }

    /// A payment as its till is answered. That one is paid is noted before the till hears it: it cannot be withdrawn any more.
    async fn about_to_be_told(&self, mut payment: Arc<Payment>) -> Arc<Payment> {
        while payment.unheard && payment.counts_as_paid() {
            let told = Payment { unheard: false, version: payment.version + 1, ..(*payment).clone() };
            match self.store.replace_payment(&told).await {
                Ok(true) => return Arc::new(told),
                Ok(false) => match self.store.payment(&told.key).await {
                    Ok(Some(stored)) => payment = stored,
                    _ => return payment,
                },
                // A cashier waits, and nobody is likely to give it back in this moment.
                Err(error) => {
                    tracing::warn!(payment = %told.key.id, merchant = %told.key.merchant, error = %error, "it could not be noted that a till hears of a payment");
                    return payment;
                }
            }
        }
        payment
    }

    /// Notes that a till that waited was told that the customer has paid.
    pub(crate) async fn note_that_it_was_told(&self, key: &PaymentKey) {
        if let Ok(Some(payment)) = self.store.payment(key).await {
            self.note_that_it_is_fetched(&payment, self.runtime.now()).await;
        }
    }

    /// Notes that the till was told that the customer has paid.
    async fn note_that_it_is_fetched(&self, payment: &Payment, now: DateTime<Utc>) {
        let mut fetched = payment.fetched(now);
        while let Some(noted) = fetched {
            match self.store.replace_payment(&noted).await {
                Ok(true) => return,
                Ok(false) => {
                    let stored = self.store.payment(&noted.key).await;
                    fetched = stored.ok().flatten().and_then(|stored| stored.fetched(now));
                }
                // The next poll notes it, or a person is told once too often.
                Err(error) => {
                    tracing::warn!(payment = %noted.key.id, merchant = %noted.key.merchant, error = %error, "it could not be noted that a till was told of a payment");
                    return;
                }
            }
        }
    }

    pub(crate) async fn request_cancel(
        &self,
        event: &Event<RequestCancelExternalPayment>,
    ) -> Result<RequestCancelExternalPaymentReply, Refusal> {
        let payment =
            self.till_cancels(event.origin.merchant(), &event.payload.external_payment, false).await?;
        Ok(RequestCancelExternalPaymentReply::acknowledge()
            .payment(self.answer(&payment))
            .polling(polling(&payment)))
    }

    pub(crate) async fn cancel(
        &self,
        event: &Event<CancelExternalPayment>,
    ) -> Result<CancelExternalPaymentReply, Refusal> {
        let payment =
            self.till_cancels(event.origin.merchant(), &event.payload.external_payment, true).await?;
        Ok(CancelExternalPaymentReply::acknowledge().payment(self.answer(&payment)))
    }

    /// Cancels a payment for the till. One that is not known is remembered as given up: its start may come later.
    async fn till_cancels(
        &self,
        merchant: &MerchantId,
        payment: &ExternalPayment,
        for_good: bool,
    ) -> Result<Arc<Payment>, Refusal> {
        let key = self.key(merchant, &payment.external_payment_id)?;
        let input = if for_good { PaymentInput::Cancel } else { PaymentInput::RequestCancel };
        let settled = match self.settle(&key, input).await {
            Err(SettleError::Unknown(_)) => {
                let given_up = self.remember_given_up(key.clone(), self.runtime.now()).await;
                match given_up.map_err(|error| store_failed(&error))? {
                    Some(tombstone) => tombstone,
                    // Started in this very moment.
                    None => self.settle(&key, input).await?,
                }
            }
            settled => settled?,
        };
        Ok(self.about_to_be_told(settled.into()).await)
    }

    fn key(&self, merchant: &MerchantId, id: &str) -> Result<PaymentKey, Refusal> {
        self.check_key(PaymentKey::new(merchant.clone(), id))
            .map_err(|_| Refusal::invalid_data("`externalPayment.externalPaymentId` is no id"))
    }

    fn answer(&self, payment: &Payment) -> PaymentAnswer {
        payment.answer(self.limits.final_amount_unit)
    }

    fn started(&self, payment: &Payment) -> StartExternalPaymentReply {
        let mut answer = self.answer(payment);
        let ended_unpaid = answer.cancelled == Some(true);
        answer.started = Some(!ended_unpaid);
        let reply = StartExternalPaymentReply::acknowledge().payment(answer);
        match (&payment.reason, self.checkout_code(payment)) {
            (Some(reason), _) if ended_unpaid => reply.message(Message::cashier(reason.text.clone())),
            (_, Some(code)) => reply.display_barcode(code),
            (_, None) => reply,
        }
    }

    /// The way to the checkout page, as long as it can be taken.
    fn checkout_code(&self, payment: &Payment) -> Option<Barcode> {
        let open = matches!(payment.state, PaymentState::Pending);
        let url = payment.checkout_url.as_ref().filter(|_| open && self.limits.show_checkout_code)?;
        Some(Barcode::new(BarcodeType::QrCode, url.as_str()))
    }
}

/// Whether the till goes on asking, and why it stands so.
fn polling(payment: &Payment) -> Polling {
    let polling = Polling::new(payment.state.is_terminal());
    match &payment.reason {
        Some(reason) if !payment.counts_as_paid() => polling.message(reason.text.clone()),
        _ => polling,
    }
}

impl Payment {
    /// How the payment stands in the POS's words, with the final amount in this unit.
    ///
    /// Never `confirmed` before the provider captured or after the payment was [withdrawn](Payment::withdrawn), never `cancelled` while the
    /// provider still could capture.
    pub fn answer(&self, unit: AmountUnit) -> PaymentAnswer {
        let mut answer = PaymentAnswer::new(self.key.id.as_str());
        let paid = self.counts_as_paid();
        answer.confirmed = Some(paid);
        answer.cancelled = Some(self.state.is_terminal() && !paid);
        answer.status = Some(match self.state {
            PaymentState::Pending | PaymentState::Authorised | PaymentState::CancelRequested(_) => {
                PaymentWord::Pending
            }
            PaymentState::Confirmed if paid => PaymentWord::Confirmed,
            PaymentState::Confirmed
            | PaymentState::Failed
            | PaymentState::Cancelled
            | PaymentState::Expired => PaymentWord::Failed,
        });
        if paid {
            let amount = self.final_amount.map(|euros| match unit {
                AmountUnit::Euros => euros,
                AmountUnit::Cents => (euros * Decimal::ONE_HUNDRED).normalize(),
            });
            answer.final_amount = amount.map(Into::into);
            answer.external_transaction_reference.clone_from(&self.transaction_reference);
            answer.card_type.clone_from(&self.card_type);
            answer.terminal_id = self.terminal_id.clone().or_else(|| self.terminal.clone());
            answer.external_method.clone_from(&self.external_method);
        }
        answer
    }
}
