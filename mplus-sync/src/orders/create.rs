//! Pick-up and delivery: `createOrderV3`, or an older `createOrder` and `payOrder`.

use mplus_qapi::orders::{
    CreateOrder, CreateOrderResult, CreateOrderV2, CreateOrderV2Request, CreateOrderV3, CreateOrderV3Request,
    CreateOrderV3Response, PayOrder, PayOrderRequest, PayOrderV2, PayOrderV2Request,
};
use mplus_qapi::types::{IdempotencyResult, Order, PayOrderResult};
use rust_decimal::Decimal;

use crate::model::PosOrder;
use crate::text::kept;

use super::note::{AttemptNote, UnclearAnswer};
use super::service::Attempt;
use super::{CreateCall, OrderService, SubmitError, SubmitErrorKind};

/// How many recorded refusals of earlier attempts are passed over.
pub(super) const ROUNDS: u32 = 32;

/// What the older calls tell of an order that they created.
struct Created {
    operation: &'static str,
    result: CreateOrderResult,
    order_id: String,
    /// The order as it is there, where the call tells it.
    order: Option<Order>,
    message: String,
}

impl OrderService {
    /// Brings a pick-up or delivery order to the POS, with its payments.
    pub(super) async fn create(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            let may_send = self.may_send(attempt);
            if let Some(sent) = self.complete_same(attempt).await? {
                return Ok(sent);
            }
            may_send?;
            attempt.may_be_at_pos = false;
        }
        if self.settings.create_call != CreateCall::CreateOrder {
            // It is not there, and its payments go with it: what was noted of an earlier one's does not hold any more.
            let note = AttemptNote { pays_apart: false, paying: false, ..attempt.note.clone() };
            if note != attempt.note {
                self.note(attempt, note).await?;
            }
            if let Some(done) = self.create_v3(attempt).await? {
                return Ok(done);
            }
        }
        if self.settings.create_call == CreateCall::CreateOrderV3 {
            return Err(attempt.declined("createOrderV3", "this POS does not know the call", None));
        }
        let sent = Some(self.now());
        self.note(attempt, AttemptNote { pays_apart: true, sent, ..attempt.note.clone() }).await?;
        let created = self.create_older(attempt).await?;
        self.after_create(attempt, created).await
    }

    /// None when the POS does not know the call.
    async fn create_v3(&self, attempt: &mut Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let paid = !attempt.draft.payments.is_empty();
        let order = attempt.draft.to_order(attempt.relation, &self.settings);
        for round in 0..ROUNDS {
            let request = CreateOrderV3Request {
                idempotency_key: self.key(attempt, "createOrderV3", round),
                order: order.clone(),
                prepay: paid.then_some(true),
                payment_list: if paid { attempt.draft.to_payments().into() } else { Default::default() },
                ..CreateOrderV3Request::default()
            };
            let response = self.lacking.call_once(CreateOrderV3::from(request), self.timeout()).await;
            let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
                return Ok(None);
            };
            attempt.note.key_of = None;
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            match response.result {
                // The refusal of an earlier attempt, kept under its key: what was wrong may have been put right since.
                CreateOrderResult::Failed if replayed => {}
                // The same, unless the order is there without its payments.
                CreateOrderResult::PaymentFailed if replayed => {
                    if self.find_same(attempt).await?.is_some() {
                        self.note_unpaid(attempt, response.pay_result.as_ref()).await?;
                        return self.complete_found(attempt, "createOrderV3", None).await.map(Some);
                    }
                }
                _ => return self.after_create_v3(attempt, response, replayed).await.map(Some),
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
                    self.note_unpaid(attempt, response.pay_result.as_ref()).await?;
                    return self.complete_found(attempt, "createOrderV3", message).await;
                }
                // The result of the payments need not be told; the order tells that they are not booked.
                let is_unpaid = |order: &Order| {
                    matches!(booked(order, attempt.draft.paid()), Booked::Nothing | Booked::Part(_))
                };
                if response.pay_result.is_none() && response.order.as_ref().is_some_and(is_unpaid) {
                    self.note_unpaid(attempt, None).await?;
                    return self.complete_found(attempt, "createOrderV3", message).await;
                }
                let mut pos = response.order.as_ref().map(|order| attempt.taken(order)).unwrap_or_default();
                pos.order_id = pos.order_id.or(Some(response.info.order_id).filter(|id| !id.is_empty()));
                pos.receipt_id = response.invoice_id.filter(|id| !id.is_empty());
                Ok(pos)
            }
            CreateOrderResult::ExtOrderIdAlreadyExists | CreateOrderResult::PaymentFailed => {
                if response.result == CreateOrderResult::PaymentFailed {
                    self.note_unpaid(attempt, response.pay_result.as_ref()).await?;
                }
                self.complete_found(attempt, "createOrderV3", message.or(Some(response.result.as_str())))
                    .await
            }
            CreateOrderResult::Failed => {
                Err(attempt.declined("createOrderV3", response.result.as_str(), message))
            }
            result => self.look_for(attempt, "createOrderV3", result.as_str()).await,
        }
    }

    /// Keeps that the payments that went with the order were not booked; or that nobody knows, when the POS said something
    /// that no documentation names.
    async fn note_unpaid(
        &self,
        attempt: &mut Attempt<'_>,
        result: Option<&PayOrderResult>,
    ) -> Result<(), SubmitError> {
        attempt.may_be_at_pos = true;
        let mut note = AttemptNote { pays_apart: true, ..attempt.note.clone() };
        if let Some(PayOrderResult::Unknown(answer)) = result {
            note.paying = true;
            let operation = "createOrderV3".to_owned();
            note.unclear =
                Some(UnclearAnswer { turn: attempt.turn(), operation, answer: kept(answer), at: self.now() });
        }
        self.note(attempt, note).await
    }

    /// Creates it by the newest of the older calls that the POS knows. Its payments are not booked yet.
    async fn create_older(&self, attempt: &mut Attempt<'_>) -> Result<Created, SubmitError> {
        let order = attempt.draft.to_order(attempt.relation, &self.settings);
        if self.settings.create_call == CreateCall::Detect {
            let request = CreateOrderV2Request { order: order.clone(), ..CreateOrderV2Request::default() };
            let response = self.lacking.call(CreateOrderV2::from(request), Some(self.timeout())).await;
            if let Some(response) = response.map_err(|error| attempt.write_failed(error))? {
                return Ok(Created {
                    operation: "createOrderV2",
                    result: response.result,
                    order_id: response.info.order_id,
                    order: response.order,
                    message: response.error_message.unwrap_or_default(),
                });
            }
        }
        let response =
            self.merchant.client().create_order(CreateOrder::from(order)).timeout(self.timeout()).await;
        let response = response.map_err(|error| attempt.write_failed(error))?;
        Ok(Created {
            operation: "createOrder",
            result: response.result,
            order_id: response.info.order_id,
            order: None,
            message: response.error_message,
        })
    }

    async fn after_create(
        &self,
        attempt: &mut Attempt<'_>,
        created: Created,
    ) -> Result<PosOrder, SubmitError> {
        let Created { operation, result, order_id, order, message } = created;
        match &result {
            CreateOrderResult::Ok => {
                attempt.may_be_at_pos = true;
                if !attempt.draft.payments.is_empty() {
                    self.pay(attempt, &order_id).await?;
                }
                let mut pos = order.map(|order| attempt.taken(&order)).unwrap_or_default();
                pos.order_id = pos.order_id.or(Some(order_id).filter(|id| !id.is_empty()));
                Ok(pos)
            }
            CreateOrderResult::ExtOrderIdAlreadyExists | CreateOrderResult::PaymentFailed => {
                self.complete_found(attempt, operation, Some(&message)).await
            }
            CreateOrderResult::Failed => Err(attempt.declined(operation, result.as_str(), Some(&message))),
            result => self.look_for(attempt, operation, result.as_str()).await,
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
        let refused = "the POS did not take the order";
        self.complete_same(attempt).await?.ok_or_else(|| attempt.declined(operation, refused, message))
    }

    /// The answer does not say whether the POS took the order: looks for it.
    async fn look_for(
        &self,
        attempt: &mut Attempt<'_>,
        operation: &'static str,
        answer: &str,
    ) -> Result<PosOrder, SubmitError> {
        attempt.may_be_at_pos = true;
        match self.complete_same(attempt).await? {
            Some(sent) => Ok(sent),
            None => Err(self.unclear(attempt, operation, answer).await),
        }
    }

    /// Books the payments of an order that is at the POS, unless they are booked; none when it is not there.
    async fn complete_same(&self, attempt: &mut Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let may_pay = self.may_send(attempt);
        let Some(found) = self.find_same(attempt).await? else { return Ok(None) };
        attempt.may_be_at_pos = true;
        match booked(&found, attempt.draft.paid()) {
            Booked::All => {}
            // They were sent, on their own or with the order, and may be booked in this moment.
            Booked::Nothing | Booked::Part(_) if attempt.may_be_paying(&may_pay) => may_pay?,
            Booked::Nothing => self.pay(attempt, &found.order_id).await?,
            Booked::Part(part) => return Err(attempt.underpaid(part)),
            Booked::Untold if self.created_with_payments(attempt).await => {}
            Booked::Untold if attempt.note.paying => {
                let difference = "it does not tell whether its payments are booked".to_owned();
                return Err(attempt.error(SubmitErrorKind::NumberTaken { difference }));
            }
            Booked::Untold => self.pay(attempt, &found.order_id).await?,
        }
        Ok(Some(attempt.taken(&found)))
    }

    /// Whether the order was created by the call that books its payments with it: that is noted before another one is made.
    /// What was not queued has no notes; there it is what the POS knows that tells.
    async fn created_with_payments(&self, attempt: &Attempt<'_>) -> bool {
        if attempt.note.pays_apart || attempt.is_queued() {
            // Whatever the settings say by now.
            return !attempt.note.pays_apart;
        }
        self.settings.create_call != CreateCall::CreateOrder && !self.lacking.lacks("createOrderV3").await
    }

    /// Books the order's payments as a deposit: the goods are not handed over yet.
    async fn pay(&self, attempt: &mut Attempt<'_>, order_id: &str) -> Result<(), SubmitError> {
        self.note(attempt, AttemptNote { paying: true, sent: None, ..attempt.note.clone() }).await?;
        let paid = self.send_payments(attempt, order_id).await;
        let is_known = match &paid {
            Ok(()) => true,
            Err(error) => match error.kind() {
                SubmitErrorKind::Pos(error) => !error.may_have_been_processed(),
                SubmitErrorKind::Declined { .. } => true,
                _ => false,
            },
        };
        // They were booked, or not: there is nothing left to be found out.
        if is_known {
            let note = AttemptNote { paying: paid.is_ok(), sent: None, ..attempt.note.clone() };
            self.note(attempt, note).await?;
        }
        paid
    }

    async fn send_payments(&self, attempt: &mut Attempt<'_>, order_id: &str) -> Result<(), SubmitError> {
        let (result, message) = match self.pay_v2(attempt, order_id).await? {
            Some(answer) => answer,
            None => {
                self.note(attempt, AttemptNote { sent: Some(self.now()), ..attempt.note.clone() }).await?;
                let request = PayOrderRequest {
                    order_id: order_id.to_owned(),
                    prepay: true,
                    payment_list: attempt.draft.to_payments(),
                };
                let paid = self.merchant.client().call(PayOrder::from(request)).timeout(self.timeout()).await;
                let response = paid.map_err(|error| attempt.write_failed(error))?;
                (response.result, response.error_message)
            }
        };
        match result {
            PayOrderResult::Ok => Ok(()),
            PayOrderResult::Unknown(answer) => match self.find_same(attempt).await {
                Ok(Some(found)) if matches!(booked(&found, attempt.draft.paid()), Booked::All) => Ok(()),
                _ => Err(self.unclear(attempt, "payOrder", &answer).await),
            },
            result => Err(attempt.declined("payOrder", result.as_str(), Some(&message))),
        }
    }

    /// None when the POS does not know the call, or the settings want the older one.
    async fn pay_v2(
        &self,
        attempt: &mut Attempt<'_>,
        order_id: &str,
    ) -> Result<Option<(PayOrderResult, String)>, SubmitError> {
        if self.settings.create_call == CreateCall::CreateOrder {
            return Ok(None);
        }
        for round in 0..ROUNDS {
            let request = PayOrderV2Request {
                idempotency_key: self.key(attempt, "payOrderV2", round),
                order_id: order_id.to_owned(),
                prepay: true,
                payment_list: attempt.draft.to_payments(),
            };
            let response = self.lacking.call_once(PayOrderV2::from(request), self.timeout()).await;
            let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
                return Ok(None);
            };
            attempt.note.key_of = None;
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            let refused = !matches!(response.result, PayOrderResult::Ok | PayOrderResult::Unknown(_));
            if !(replayed && refused) {
                return Ok(Some((response.result, response.error_message)));
            }
        }
        Ok(Some((PayOrderResult::Failed, "refused too often".to_owned())))
    }
}

/// How much of what was paid for an order is booked on it.
pub(super) enum Booked {
    All,
    Part(Decimal),
    Nothing,
    /// The POS tells nothing of payments.
    Untold,
}

/// What is booked on the POS's order of the `paid` euros that the host took. A service that tells no sum has booked what
/// it lists, and a deposit may become zero once it is on a receipt.
pub(super) fn booked(found: &Order, paid: Decimal) -> Booked {
    let listed: Decimal = found.payment_list.iter().map(|payment| payment.amount).sum();
    let sum = found.prepaid_amount.unwrap_or(listed).max(listed);
    let is_invoiced = found.fully_paid.is_none() && !found.invoice_ids.is_empty();
    let is_told = found.prepaid_amount.is_some() || found.fully_paid.is_some() || !listed.is_zero();
    if found.fully_paid == Some(true) || is_invoiced || sum >= paid {
        Booked::All
    } else if !is_told {
        Booked::Untold
    } else if sum.is_zero() {
        Booked::Nothing
    } else {
        Booked::Part(sum)
    }
}
