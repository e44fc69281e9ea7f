//! What changes orders: they are created, paid, replaced, cancelled.

use crate::{
    orders::*,
    testkit::{
        dialect::DuplicateNumber,
        domain::{
            operations::{Answer, Operations},
            orders::contents,
        },
        state::State,
    },
    types::*,
    value::Decimal,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(create_order);
    operations.on(create_order_v2);
    operations.on(create_order_v3);
    operations.on(update_order);
    operations.on(update_order_v2);
    operations.on(cancel_order);
    operations.on(cancel_order_v2);
    operations.on(pay_order);
    operations.on(pay_order_v2);
}

impl State {
    fn create(&mut self, order: Option<Order>) -> Result<Order, (CreateOrderResult, String)> {
        let order = order.unwrap_or_default();
        let failed = |message: String| (CreateOrderResult::Failed, message);
        let Some(ext) = order.ext_order_id.clone().filter(|ext| !ext.is_empty()) else {
            return Err(failed("An order needs an extOrderId.".to_owned()));
        };
        if self.orders.find(&ext).is_some() && self.dialect.duplicate_number == DuplicateNumber::Refused {
            return Err((
                CreateOrderResult::ExtOrderIdAlreadyExists,
                format!("There is an order with the extOrderId {ext}."),
            ));
        }
        self.check_relation(&order).map_err(failed)?;
        let order_type = order.order_type.clone().unwrap_or(OrderType::SalesOrder);
        let table = order.table_number.filter(|number| *number != 0);
        match (&order_type, table) {
            (OrderType::TableOrder, None) => {
                return Err(failed("A table order needs a table number.".to_owned()));
            }
            (OrderType::TableOrder, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err(failed("Only a table order has a table number.".to_owned())),
        }
        let order = self.complete(order, order_type).map_err(failed)?;
        if table.is_none() {
            return Ok(self.keep_new(order));
        }
        let place = self.table_of(&order).map_err(failed)?;
        if self.orders.tables.order_id(place).is_some() {
            return Err(failed(format!("Table {} has an order already.", place.1)));
        }
        let order = self.keep_new(order);
        self.orders.tables.seat(place, &order.order_id);
        Ok(order)
    }
}

fn info(order: &Order) -> CreateOrderInfo {
    CreateOrderInfo {
        order_id: order.order_id.clone(),
        order_string: order.transaction_string.clone().unwrap_or_default(),
        order_queued: Some(false),
    }
}

fn create_order(state: &mut State, CreateOrder { order }: CreateOrder) -> Answer<CreateOrderResponse> {
    Ok(match state.create(order) {
        Ok(order) => CreateOrderResponse {
            result: CreateOrderResult::Ok,
            info: info(&order),
            error_message: String::new(),
        },
        Err((result, error_message)) => {
            CreateOrderResponse { result, info: CreateOrderInfo::default(), error_message }
        }
    })
}

fn create_order_v2(
    state: &mut State,
    CreateOrderV2 { request }: CreateOrderV2,
) -> Answer<CreateOrderV2Response> {
    Ok(match state.create(Some(request.order)) {
        Ok(order) => CreateOrderV2Response {
            result: CreateOrderResult::Ok,
            info: info(&order),
            order: Some(order),
            error_message: None,
        },
        Err((result, message)) => CreateOrderV2Response {
            result,
            order: None,
            error_message: Some(message),
            info: CreateOrderInfo::default(),
        },
    })
}

/// With payments the order is created and paid, or neither.
fn create_order_v3(
    state: &mut State,
    CreateOrderV3 { request }: CreateOrderV3,
) -> Answer<CreateOrderV3Response> {
    let refused = |result, message: String, pay_result| CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result,
        error_message: Some(message),
        pay_result,
        ..CreateOrderV3Response::default()
    };
    let prepay = request.prepay == Some(true);
    if !request.payment_list.is_empty() {
        let total = match state.payments_total(&request.payment_list) {
            Ok(total) => total,
            Err(message) => {
                return Ok(refused(CreateOrderResult::PaymentFailed, message, Some(PayOrderResult::Failed)));
            }
        };
        let order_type = request.order.order_type.clone().unwrap_or(OrderType::SalesOrder);
        let priced = state.complete(request.order.clone(), order_type);
        let due = priced.ok().and_then(|order| order.total_incl_amount);
        if let Some(due) = due.filter(|due| !prepay && *due != total) {
            let result =
                if total < due { PayOrderResult::PaymentInsufficient } else { PayOrderResult::Failed };
            let message = format!("The payments come to {total}, the order to {due}.");
            return Ok(refused(CreateOrderResult::PaymentFailed, message, Some(result)));
        }
    }
    let order = match state.create(Some(request.order)) {
        Ok(order) => order,
        Err((result, message)) => return Ok(refused(result, message, None)),
    };
    let mut pay_result = None;
    let mut invoice_id = None;
    if !request.payment_list.is_empty() {
        match state.pay(&order.order_id, prepay, request.payment_list.into_vec()) {
            Ok(invoice) => (pay_result, invoice_id) = (Some(PayOrderResult::Ok), invoice),
            Err((result, _)) => pay_result = Some(result),
        }
    }
    let kept = state.orders.get(&order.order_id).cloned();
    Ok(CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: CreateOrderResult::Ok,
        info: info(&order),
        order: kept,
        pay_result,
        invoice_id,
        ..CreateOrderV3Response::default()
    })
}

impl State {
    /// Books payments on an order. As a deposit they may be anything; else they have to be what is still due, and an
    /// invoice is made: its id.
    pub(super) fn pay(
        &mut self,
        order_id: &str,
        prepay: bool,
        payments: Vec<Payment>,
    ) -> Result<Option<String>, (PayOrderResult, String)> {
        let failed = |message: String| (PayOrderResult::Failed, message);
        let Some(mut order) = self.orders.get(order_id).cloned() else {
            return Err(failed(format!("There is no order {order_id}.")));
        };
        if !order.invoice_ids.is_empty() {
            return Err((PayOrderResult::OrderAlreadyInvoiced, "The order is invoiced already.".to_owned()));
        }
        let paid = self.payments_total(&payments).map_err(failed)?;
        let before = order.prepaid_amount.unwrap_or_default();
        let due = order.total_incl_amount.unwrap_or_default() - before;
        if !prepay && paid < due {
            let message = format!("The payments come to {paid}, {due} is due.");
            return Err((PayOrderResult::PaymentInsufficient, message));
        }
        if !prepay && paid > due {
            return Err(failed(format!("The payments come to {paid}, only {due} is due.")));
        }
        for mut payment in payments {
            payment.payment_id = Some(self.clock.id(4));
            payment.entry_timestamp = Some(self.clock.stamp());
            payment.branch_number = payment.branch_number.or(order.entry_branch_number);
            order.payment_list.push(payment);
        }
        order.prepaid_amount = Some(before + paid);
        order.fully_paid = Some(paid >= due);
        let mut invoice = None;
        if !prepay {
            let id = self.invoice_id();
            order.invoice_ids.push(id.clone());
            order.complete_state = Some(OrderCompleteState::Complete);
            invoice = Some(id);
        }
        self.orders.keep_changed(order);
        Ok(invoice)
    }
}

fn pay_order(state: &mut State, PayOrder { request }: PayOrder) -> Answer<PayOrderResponse> {
    let (result, invoice_id, error_message) =
        told(state.pay(&request.order_id, request.prepay, request.payment_list));
    Ok(PayOrderResponse { result, invoice_id, error_message, ..PayOrderResponse::default() })
}

fn pay_order_v2(state: &mut State, PayOrderV2 { request }: PayOrderV2) -> Answer<PayOrderV2Response> {
    let (result, invoice_id, error_message) =
        told(state.pay(&request.order_id, request.prepay, request.payment_list));
    Ok(PayOrderV2Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result,
        invoice_id,
        error_message,
        ..PayOrderV2Response::default()
    })
}

/// The outcome of a payment as the responses tell it.
pub(super) fn told(
    paid: Result<Option<String>, (PayOrderResult, String)>,
) -> (PayOrderResult, Option<String>, String) {
    match paid {
        Ok(invoice) => (PayOrderResult::Ok, invoice, String::new()),
        Err((result, message)) => (result, None, message),
    }
}

impl State {
    fn update(&mut self, order: Option<Order>) -> (UpdateOrderResult, Option<Order>, String) {
        let change = order.unwrap_or_default();
        let Some(held) = self.orders.get(&change.order_id).cloned() else {
            return (UpdateOrderResult::NotFound, None, "There is no such order.".to_owned());
        };
        if (change.change_counter, change.version_number) != (held.change_counter, held.version_number) {
            let message = "The order was changed since it was read; read it again.";
            return (UpdateOrderResult::OrderHasChanged, None, message.to_owned());
        }
        match self.replace(held, change) {
            Err(message) => (UpdateOrderResult::Failed, None, message),
            Ok(None) => (UpdateOrderResult::NoChanges, None, String::new()),
            Ok(Some(order)) => (UpdateOrderResult::Ok, Some(order), String::new()),
        }
    }

    /// Puts `change` in the place of `held`; `None` when nothing would change.
    pub(super) fn replace(&mut self, held: Order, change: Order) -> Result<Option<Order>, String> {
        let kind = held.order_type.clone().unwrap_or(OrderType::SalesOrder);
        let change = Order {
            ext_order_id: change.ext_order_id.or_else(|| held.ext_order_id.clone()),
            relation_number: change.relation_number.or(held.relation_number),
            financial_date: change.financial_date.or(held.financial_date),
            ..change
        };
        let change = self.complete(change, kind)?;
        if contents(&change) == contents(&held) {
            return Ok(None);
        }
        self.reserve_lines(&held, Decimal::NEGATIVE_ONE);
        let id = held.order_id.clone();
        let order = Order {
            order_id: held.order_id,
            order_number: held.order_number,
            transaction_string: held.transaction_string,
            entry_timestamp: held.entry_timestamp,
            change_counter: held.change_counter,
            version_number: held.version_number,
            prepaid_amount: held.prepaid_amount,
            payment_list: held.payment_list,
            invoice_ids: held.invoice_ids,
            delivery_state: held.delivery_state,
            cancel_state: held.cancel_state,
            complete_state: held.complete_state,
            fully_paid: Some(held.prepaid_amount >= change.total_incl_amount),
            ..change
        };
        self.reserve_lines(&order, Decimal::ONE);
        self.orders.keep_changed(order);
        Ok(self.orders.get(&id).cloned())
    }

    /// Cancels an order; one that is cancelled is brought back.
    pub(super) fn cancel(&mut self, order_id: &str) -> CancelOrderResponse {
        let answer = |result, message: &str| CancelOrderResponse { result, message: message.to_owned() };
        let Some(mut order) = self.orders.get(order_id).cloned() else {
            return answer(CancelOrderResult::NotFound, "There is no such order.");
        };
        if !order.invoice_ids.is_empty() {
            return answer(CancelOrderResult::Failed, "The order is invoiced.");
        }
        let cancelled = order.cancel_state == Some(OrderCancelState::Complete);
        let (state, factor, result) = if cancelled {
            (OrderCancelState::Nothing, Decimal::ONE, CancelOrderResult::UndoCancelOk)
        } else {
            (OrderCancelState::Complete, Decimal::NEGATIVE_ONE, CancelOrderResult::Ok)
        };
        self.reserve_lines(&order, factor);
        order.cancel_state = Some(state);
        self.orders.keep_changed(order);
        answer(result, "")
    }
}

fn update_order(state: &mut State, UpdateOrder { order }: UpdateOrder) -> Answer<UpdateOrderResponse> {
    let (result, order, error_message) = state.update(order);
    Ok(UpdateOrderResponse { result, info: update_info(order.as_ref()), error_message })
}

fn update_order_v2(
    state: &mut State,
    UpdateOrderV2 { request }: UpdateOrderV2,
) -> Answer<UpdateOrderV2Response> {
    let (result, order, message) = state.update(Some(request.order));
    let error_message = (!message.is_empty()).then_some(message);
    Ok(UpdateOrderV2Response { result, info: update_info(order.as_ref()), order, error_message })
}

fn update_info(order: Option<&Order>) -> UpdateOrderInfo {
    let Some(order) = order else { return UpdateOrderInfo::default() };
    let CreateOrderInfo { order_id, order_string, order_queued } = info(order);
    UpdateOrderInfo { order_id, order_string, order_queued }
}

/// The first version does not bring a cancelled order back.
fn cancel_order(state: &mut State, CancelOrder { order_id, .. }: CancelOrder) -> Answer<CancelOrderResponse> {
    let order = state.orders.get(&order_id);
    if order.is_some_and(|order| order.cancel_state == Some(OrderCancelState::Complete)) {
        return Ok(CancelOrderResponse {
            result: CancelOrderResult::AlreadyCancelled,
            message: String::new(),
        });
    }
    Ok(state.cancel(&order_id))
}

fn cancel_order_v2(
    state: &mut State,
    CancelOrderV2 { request }: CancelOrderV2,
) -> Answer<CancelOrderResponse> {
    Ok(state.cancel(&request.order_id))
}
