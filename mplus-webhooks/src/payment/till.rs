//! What the till asks about external payments, and what it is answered.

use std::sync::Arc;

use futures_util::future::{Either, select};
use rust_decimal::Decimal;
use tokio::sync::oneshot;

use super::provider::{PaymentPlace, PaymentProvider};
use super::record::{Payment, PaymentKey};
use super::service::{CREATING, ExternalPayments, later, store_failed, unknown_payment};
use super::state::{PaymentInput, PaymentState};
use super::terms::PaymentNotice;
use crate::error::Refusal;
use crate::event::{
    CancelExternalPayment, Event, ExternalPayment, RequestCancelExternalPayment, StartExternalPayment,
};
use crate::reply::{
    Barcode, BarcodeType, Body, CancelExternalPaymentReply, Message, PaymentAnswer, PaymentWord,
    PollExternalPaymentReply, Polling, Reply as _, RequestCancelExternalPaymentReply,
    StartExternalPaymentReply,
};
use crate::subscription::MerchantId;

impl ExternalPayments {
    pub(crate) async fn start(
        &self,
        event: &Event<StartExternalPayment>,
    ) -> Result<StartExternalPaymentReply, Refusal> {
        let ExternalPayment { external_payment_id: id, amount, method, .. } = &event.payload.external_payment;
        let amount = self.check_amount(*amount)?;
        let method = method.clone().unwrap_or_default();
        let key = key(event.origin.merchant(), id)?;
        let (Some(branch_number), Some(workplace_number)) =
            (event.sender.branch_number, event.sender.workplace_number)
        else {
            return Err(Refusal::invalid_data("`sender` does not tell the till, and so not the terminal"));
        };
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
            method,
            branch_number,
            workplace_number,
            expires_at: later(now, self.limits.time_to_pay),
            refresh_at: later(now, self.limits.refresh_every),
            creating_until: Some(later(now, CREATING)),
            ..Payment::new(key, amount, provider.name(), now)
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
        let (payments, notice) = (self.clone(), PaymentNotice::Changed(payment.clone()));
        self.runtime.spawn(Box::pin(async move { payments.notify(&notice).await }));
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

    /// The answer to a poll. Only the store is asked.
    pub(crate) async fn poll(&self, merchant: &MerchantId, id: &str) -> Result<Body, Refusal> {
        match self.store.payment(&key(merchant, id)?).await {
            Ok(Some(payment)) => {
                let reply = PollExternalPaymentReply::acknowledge()
                    .payment(self.answer(&payment))
                    .polling(Polling::new(payment.state.is_terminal()));
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

    pub(crate) async fn request_cancel(
        &self,
        event: &Event<RequestCancelExternalPayment>,
    ) -> Result<RequestCancelExternalPaymentReply, Refusal> {
        let key = key(event.origin.merchant(), &event.payload.external_payment.external_payment_id)?;
        let payment = self.settle(&key, PaymentInput::RequestCancel).await?;
        Ok(RequestCancelExternalPaymentReply::acknowledge()
            .payment(self.answer(&payment))
            .polling(Polling::new(payment.state.is_terminal())))
    }

    pub(crate) async fn cancel(
        &self,
        event: &Event<CancelExternalPayment>,
    ) -> Result<CancelExternalPaymentReply, Refusal> {
        let key = key(event.origin.merchant(), &event.payload.external_payment.external_payment_id)?;
        let payment = self.settle(&key, PaymentInput::Cancel).await?;
        Ok(CancelExternalPaymentReply::acknowledge().payment(self.answer(&payment)))
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

    fn answer(&self, payment: &Payment) -> PaymentAnswer {
        payment.answer(self.limits.final_amount_unit)
    }

    fn started(&self, payment: &Payment) -> StartExternalPaymentReply {
        let mut answer = self.answer(payment);
        let ended_unpaid = answer.cancelled == Some(true);
        answer.started = Some(!ended_unpaid);
        let reply = StartExternalPaymentReply::acknowledge().payment(answer);
        match self.checkout_code(payment) {
            Some(code) => reply.display_barcode(code),
            None => reply,
        }
    }

    /// The way to the checkout page, as long as it can be taken.
    fn checkout_code(&self, payment: &Payment) -> Option<Barcode> {
        let open = matches!(payment.state, PaymentState::Pending);
        let url = payment.checkout_url.as_ref().filter(|_| open && self.limits.show_checkout_code)?;
        Some(Barcode::new(BarcodeType::QrCode, url.as_str()))
    }
}

fn not_started(id: &str, text: String) -> StartExternalPaymentReply {
    let mut answer = PaymentAnswer::new(id);
    answer.started = Some(false);
    answer.cancelled = Some(true);
    answer.status = Some(PaymentWord::Failed);
    StartExternalPaymentReply::acknowledge().payment(answer).message(Message::cashier(text))
}

fn key(merchant: &MerchantId, id: &str) -> Result<PaymentKey, Refusal> {
    if id.is_empty() || id.len() > 128 {
        return Err(Refusal::invalid_data("`externalPayment.externalPaymentId` is no id"));
    }
    Ok(PaymentKey { merchant: merchant.clone(), id: id.to_owned() })
}
