//! Pick-up and delivery: `createOrderV3`, or `createOrder` and `payOrder`.

use std::sync::atomic::Ordering;

use mplus_qapi::orders::{
    CreateOrder, CreateOrderResult, CreateOrderV3Request, CreateOrderV3Response, PayOrderRequest,
    PayOrderV2Request,
};
use mplus_qapi::types::{IdempotencyResult, Order, PayOrderResult, Payment};
use rust_decimal::Decimal;

use crate::model::PosOrder;
use crate::pos_call::is_unknown_operation;

use super::find::pos_order;
use super::service::Attempt;
use super::{CreateCall, OrderService, SubmitError, SubmitErrorKind};

/// How many recorded refusals of earlier attempts are passed over.
pub(super) const ROUNDS: u32 = 32;

impl OrderService {
    /// Brings a pick-up or delivery order to the POS, with its payments.
    pub(super) async fn create(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            if let Some(found) = self.find_same(attempt).await? {
                return self.complete(attempt, found).await;
            }
            attempt.may_be_at_pos = false;
        }
        if self.knows_v3() {
            match self.create_v3(attempt).await {
                Err(error) if self.settings.create_call == CreateCall::Detect && is_unknown(&error) => {
                    self.without_v3.store(true, Ordering::Relaxed);
                }
                done => return done,
            }
        }
        self.create_v1(attempt).await
    }

    async fn create_v3(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        let paid = !attempt.draft.payments.is_empty();
        let order = attempt.draft.to_order(attempt.relation, &self.settings);
        for round in 0..ROUNDS {
            let request = CreateOrderV3Request {
                idempotency_key: self.key(&attempt.draft.number, "createOrderV3", round),
                order: order.clone(),
                prepay: paid.then_some(true),
                payment_list: if paid { attempt.draft.to_payments().into() } else { Default::default() },
                ..CreateOrderV3Request::default()
            };
            let response = self.merchant.client().create_order_v3(request).timeout(self.timeout()).await;
            let response = response.map_err(|error| attempt.write_failed(error))?;
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            match response.result {
                // The refusal of an earlier attempt, kept under its key: what was wrong may have been put right since.
                CreateOrderResult::Failed if replayed => {}
                // The same, unless the order is there without its payments.
                CreateOrderResult::PaymentFailed if replayed => {
                    if let Some(found) = self.find_same(attempt).await? {
                        return self.complete(attempt, found).await;
                    }
                }
                _ => return self.after_create_v3(attempt, response, replayed).await,
            }
        }
        Err(attempt.declined("createOrderV3", "refused too often", None))
    }

    async fn after_create_v3(
        &self,
        attempt: &mut Attempt<'_>,
        response: CreateOrderV3Response,
        replayed: bool,
    ) -> Result<PosOrder, SubmitError> {
        let message = response.error_message.as_deref();
        match &response.result {
            CreateOrderResult::Ok => {
                if replayed && let Some(order) = &response.order {
                    attempt.check_same(order)?;
                }
                if response.pay_result.as_ref().is_some_and(|result| *result != PayOrderResult::Ok) {
                    return self.complete_found(attempt, "createOrderV3", message).await;
                }
                let mut pos = response.order.as_ref().map(pos_order).unwrap_or_default();
                pos.order_id = pos.order_id.or(Some(response.info.order_id).filter(|id| !id.is_empty()));
                pos.receipt_id = response.invoice_id.filter(|id| !id.is_empty());
                Ok(pos)
            }
            CreateOrderResult::ExtOrderIdAlreadyExists | CreateOrderResult::PaymentFailed => {
                self.complete_found(attempt, "createOrderV3", message.or(Some(response.result.as_str())))
                    .await
            }
            result => Err(attempt.declined("createOrderV3", result.as_str(), message)),
        }
    }

    async fn create_v1(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        let order = attempt.draft.to_order(attempt.relation, &self.settings);
        let response =
            self.merchant.client().create_order(CreateOrder::from(order)).timeout(self.timeout()).await;
        let response = response.map_err(|error| attempt.write_failed(error))?;
        match &response.result {
            CreateOrderResult::Ok => {
                attempt.may_be_at_pos = true;
                let order_id = response.info.order_id;
                if !attempt.draft.payments.is_empty() {
                    self.pay(attempt, &order_id).await?;
                }
                Ok(PosOrder::with_id(order_id))
            }
            CreateOrderResult::ExtOrderIdAlreadyExists | CreateOrderResult::PaymentFailed => {
                self.complete_found(attempt, "createOrder", Some(&response.error_message)).await
            }
            result => Err(attempt.declined("createOrder", result.as_str(), Some(&response.error_message))),
        }
    }

    /// The POS says that it has the order, or that it has it without its payments: finds it and sees to the rest.
    async fn complete_found(
        &self,
        attempt: &mut Attempt<'_>,
        operation: &'static str,
        message: Option<&str>,
    ) -> Result<PosOrder, SubmitError> {
        attempt.may_be_at_pos = true;
        match self.find_same(attempt).await? {
            Some(found) => self.complete(attempt, found).await,
            None => Err(attempt.declined(operation, "the POS did not take the order", message)),
        }
    }

    /// Books the payments of an order that is at the POS, unless they are booked.
    async fn complete(&self, attempt: &mut Attempt<'_>, found: Order) -> Result<PosOrder, SubmitError> {
        attempt.may_be_at_pos = true;
        match booked(&found, attempt.draft.paid()) {
            Booked::All => {}
            Booked::Nothing => self.pay(attempt, &found.order_id).await?,
            Booked::Part(part) => return Err(attempt.underpaid(part)),
        }
        Ok(pos_order(&found))
    }

    /// Books the order's payments as a deposit: the goods are not handed over yet.
    async fn pay(&self, attempt: &mut Attempt<'_>, order_id: &str) -> Result<(), SubmitError> {
        let payments = attempt.draft.to_payments();
        let (result, message) = if self.knows_v3() {
            self.pay_v2(attempt, order_id, payments).await?
        } else {
            let request =
                PayOrderRequest { order_id: order_id.to_owned(), prepay: true, payment_list: payments };
            let response = self.merchant.client().pay_order(request).timeout(self.timeout()).await;
            let response = response.map_err(|error| attempt.write_failed(error))?;
            (response.result, response.error_message)
        };
        match result {
            PayOrderResult::Ok => Ok(()),
            result => Err(attempt.declined("payOrder", result.as_str(), Some(&message))),
        }
    }

    async fn pay_v2(
        &self,
        attempt: &mut Attempt<'_>,
        order_id: &str,
        payment_list: Vec<Payment>,
    ) -> Result<(PayOrderResult, String), SubmitError> {
        let mut request = PayOrderV2Request {
            idempotency_key: String::new(),
            order_id: order_id.to_owned(),
            prepay: true,
            payment_list,
        };
        for round in 0..ROUNDS {
            request.idempotency_key = self.key(&attempt.draft.number, "payOrderV2", round);
            let response = self.merchant.client().pay_order_v2(request.clone()).timeout(self.timeout()).await;
            let response = response.map_err(|error| attempt.write_failed(error))?;
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            if response.result == PayOrderResult::Ok || !replayed {
                return Ok((response.result, response.error_message));
            }
        }
        Ok((PayOrderResult::Failed, "refused too often".to_owned()))
    }
}

/// How much of what was paid for an order is booked on it.
pub(super) enum Booked {
    All,
    Part(Decimal),
    Nothing,
}

/// What is booked on the POS's order of the `paid` euros that the host took. A service that tells no sum has booked what
/// it lists.
pub(super) fn booked(found: &Order, paid: Decimal) -> Booked {
    let listed = || found.payment_list.iter().map(|payment| payment.amount).sum();
    let sum: Decimal = found.prepaid_amount.unwrap_or_else(listed);
    if found.fully_paid == Some(true) || sum >= paid {
        Booked::All
    } else if sum.is_zero() {
        Booked::Nothing
    } else {
        Booked::Part(sum)
    }
}

fn is_unknown(error: &SubmitError) -> bool {
    matches!(error.kind(), SubmitErrorKind::Pos(error) if is_unknown_operation(error))
}
