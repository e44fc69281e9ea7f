//! Orders at tables: saved, placed, paid, cancelled.

use crate::{
    table_orders::*,
    testkit::{
        dialect::{DuplicateNumber, OpenedTable},
        domain::{
            operations::{Answer, Operations},
            order_changes::told,
            orders::contents,
        },
        state::State,
    },
    types::*,
    value::Decimal,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(save_table_order);
    operations.on(save_table_order_v2);
    operations.on(create_and_pay_table_order);
    operations.on(place_table_order);
    operations.on(pay_table_order);
    operations.on(cancel_table_order);
}

impl State {
    /// Saves a whole table order in the place of what was there.
    fn save_table_order(&mut self, terminal: &Terminal, order: Option<Order>) -> SaveTableOrderResponse {
        let outcome = |result, message: &str, order_id: Option<&str>| SaveTableOrderResponse {
            result,
            error_message: message.to_owned(),
            order_id: order_id.map(str::to_owned),
        };
        let failed = |message: &str| outcome(SaveTableOrderResult::Failed, message, None);
        let order = order.unwrap_or_default();
        let place = match self.terminals.check(terminal).and_then(|()| self.table_of(&order)) {
            Ok(place) => place,
            Err(message) => return failed(&message),
        };
        if let Some(holder) = self.claimed_by_other(place, terminal.terminal_number) {
            return failed(&format!("The table is claimed by workplace {holder}."));
        }
        let held = self.orders.tables.order_id(place).and_then(|id| self.orders.get(id)).cloned();
        let ext = order.ext_order_id.clone().filter(|ext| !ext.is_empty());
        let Some(held) = held else {
            if !order.order_id.is_empty() {
                let message = "The table's order is not there any more; read the table again.";
                return outcome(SaveTableOrderResult::OrderHasChanged, message, None);
            }
            let detects = self.dialect.duplicate_number == DuplicateNumber::Refused;
            if let Some(ext) = ext.filter(|ext| detects && self.orders.find(ext).is_some()) {
                return failed(&format!("There is an order with the extOrderId {ext}."));
            }
            let order = match self.complete(order, OrderType::TableOrder) {
                Ok(order) => self.keep_new(order),
                Err(message) => return failed(&message),
            };
            self.orders.tables.seat(place, &order.order_id);
            return outcome(SaveTableOrderResult::Ok, "", Some(&order.order_id));
        };
        let again = order.order_id.is_empty() && ext.is_some() && ext == held.ext_order_id;
        let current = order.order_id == held.order_id
            && (order.change_counter, order.version_number) == (held.change_counter, held.version_number);
        if again {
            // The same order sent a second time.
            let order = self.complete(order.clone(), OrderType::TableOrder);
            if order.is_ok_and(|order| contents(&order) == contents(&held)) {
                return outcome(SaveTableOrderResult::NoChanges, "", Some(&held.order_id));
            }
        }
        if order.order_id.is_empty() && self.dialect.opened_table == OpenedTable::Second {
            return match self.complete(order, OrderType::TableOrder) {
                Ok(order) => outcome(SaveTableOrderResult::Ok, "", Some(&self.keep_new(order).order_id)),
                Err(message) => failed(&message),
            };
        }
        if !current {
            let message = "The table's order was changed since it was read; read the table again.";
            return outcome(SaveTableOrderResult::OrderHasChanged, message, None);
        }
        let id = held.order_id.clone();
        match self.replace(held, order) {
            Ok(Some(order)) => outcome(SaveTableOrderResult::Ok, "", Some(&order.order_id)),
            Ok(None) => outcome(SaveTableOrderResult::NoChanges, "", Some(&id)),
            Err(message) => failed(&message),
        }
    }

    /// A waiter enters an article for a table's guests, and opens the table when it is free.
    pub(in crate::testkit) fn serve(
        &mut self,
        (branch, table): (i32, i32),
        article_number: i64,
        quantity: Decimal,
    ) -> Result<(), String> {
        let place = self.check_table((branch, table, 1))?;
        let served = Line {
            article_number,
            employee_number: Some(WAITER),
            data: Some(LineData { quantity, ..LineData::default() }),
            ..Line::default()
        };
        let held = self.orders.tables.order_id(place).and_then(|id| self.orders.get(id)).cloned();
        let Some(held) = held else {
            let order = Order {
                entry_branch_number: Some(branch),
                employee_number: Some(WAITER),
                table_number: Some(table),
                table_sub_number: Some(1),
                line_list: vec![served].into(),
                ..Order::default()
            };
            let order = self.complete(order, OrderType::TableOrder)?;
            let order = self.keep_new(order);
            self.orders.tables.seat(place, &order.order_id);
            return Ok(());
        };
        let mut order = held.clone();
        order.line_list.push(served);
        self.replace(held, order).map(drop)
    }
}

/// The employee who serves.
const WAITER: i64 = 1;

fn save_table_order(
    state: &mut State,
    SaveTableOrder { terminal, order }: SaveTableOrder,
) -> Answer<SaveTableOrderResponse> {
    Ok(state.save_table_order(&terminal, order))
}

fn save_table_order_v2(
    state: &mut State,
    SaveTableOrderV2 { terminal, request }: SaveTableOrderV2,
) -> Answer<SaveTableOrderResponse> {
    let place = request.order.as_ref().and_then(|order| state.table_of(order).ok());
    let answer = state.save_table_order(&terminal, request.order);
    let saved = matches!(answer.result, SaveTableOrderResult::Ok | SaveTableOrderResult::NoChanges);
    if let Some(place) = place.filter(|_| saved && request.release_table == Some(true)) {
        state.orders.tables.release(place);
    }
    Ok(answer)
}

/// Kept and paid, or neither. The same `extOrderId` again is told as a duplicate of what is there.
fn create_and_pay_table_order(
    state: &mut State,
    CreateAndPayTableOrder { request }: CreateAndPayTableOrder,
) -> Answer<CreateAndPayTableOrderResponse> {
    let refused = |result, error_message: String| {
        Ok(CreateAndPayTableOrderResponse {
            result,
            error_message,
            ..CreateAndPayTableOrderResponse::default()
        })
    };
    let order = request.and_then(|request| request.order).unwrap_or_default();
    let ext = order.ext_order_id.as_deref().unwrap_or_default();
    let detects = state.dialect.duplicate_number == DuplicateNumber::Refused;
    if let Some(held) = state.orders.find(ext).filter(|_| detects) {
        return Ok(CreateAndPayTableOrderResponse {
            result: CreateAndPayTableOrderResult::Ok,
            order_id: Some(held.order_id.clone()),
            omzet_id: held.invoice_ids.first().cloned(),
            duplicate: true,
            ..CreateAndPayTableOrderResponse::default()
        });
    }
    if let Err(message) = state.table_of(&order) {
        return refused(CreateAndPayTableOrderResult::Failed, message);
    }
    let mut order = match state.complete(order, OrderType::TableOrder) {
        Ok(order) => order,
        Err(message) => return refused(CreateAndPayTableOrderResult::Failed, message),
    };
    let due = order.total_incl_amount.unwrap_or_default();
    let payments = std::mem::take(&mut order.payment_list).into_vec();
    match state.payments_total(&payments) {
        Err(message) => return refused(CreateAndPayTableOrderResult::PaymentFailed, message),
        Ok(paid) if paid < due => {
            let message = format!("The payments come to {paid}, the order to {due}.");
            return refused(CreateAndPayTableOrderResult::PaymentInsufficient, message);
        }
        Ok(paid) if paid > due => {
            let message = format!("The payments come to {paid}, the order only to {due}.");
            return refused(CreateAndPayTableOrderResult::PaymentFailed, message);
        }
        Ok(_) => {}
    }
    let order = state.keep_new(order);
    let (result, receipt, message) = told(state.pay(&order.order_id, false, payments));
    if result != PayOrderResult::Ok {
        return refused(CreateAndPayTableOrderResult::PaymentFailed, message);
    }
    Ok(CreateAndPayTableOrderResponse {
        result: CreateAndPayTableOrderResult::Ok,
        order_id: Some(order.order_id),
        omzet_id: receipt,
        ..CreateAndPayTableOrderResponse::default()
    })
}

/// Appends lines to a table's order, or begins one, and books payments. Nothing is kept when a part fails.
fn place_table_order(
    state: &mut State,
    PlaceTableOrder { request }: PlaceTableOrder,
) -> Answer<PlaceTableOrderResp> {
    let refused = |result, message: String| {
        Ok(PlaceTableOrderResp {
            idempotency_result: IdempotencyResult::OriginalResponse,
            result,
            error_message: Some(message),
            ..PlaceTableOrderResp::default()
        })
    };
    let table = request.table_order_identifier;
    let part = table.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
    let place = match state
        .check_place(table.branch_number, Some(request.workplace_number))
        .and_then(|()| state.check_table((table.branch_number, table.table_number, part)))
    {
        Ok(place) => place,
        Err(message) => return refused(PlaceTableOrderResult::IdentifierFailed, message),
    };
    let held = state.orders.tables.order_id(place).and_then(|id| state.orders.get(id)).cloned();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (guard, ext) = (given(&table.order_id), given(&table.ext_order_id));
    let detects = state.dialect.duplicate_number == DuplicateNumber::Refused;
    let other_order = match (&held, &guard, &ext) {
        (Some(held), Some(id), _) => held.order_id != *id,
        (Some(held), None, Some(ext)) => held.ext_order_id.as_ref() != Some(ext),
        (None, Some(_), _) => true,
        (None, None, Some(ext)) => detects && state.orders.find(ext).is_some(),
        (_, None, None) => false,
    };
    if other_order {
        return refused(PlaceTableOrderResult::IdentifierFailed, "The table has another order.".to_owned());
    }
    if let Some(holder) = state.claimed_by_other(place, request.workplace_number) {
        let message = format!("The table is claimed by workplace {holder}.");
        return refused(PlaceTableOrderResult::IdentifierFailed, message);
    }
    if held.is_none() && request.lines.is_empty() {
        return refused(PlaceTableOrderResult::LinesFailed, "The table has no order to pay.".to_owned());
    }
    let payments: Vec<Payment> = request.payments.into_iter().map(payment).collect();
    let paid = match state.payments_total(&payments) {
        Ok(paid) => paid,
        Err(message) => return refused(PlaceTableOrderResult::PaymentsFailed, message),
    };
    let lines: Vec<Line> = request.lines.into_iter().map(line).collect();
    let lines_result = match (&held, lines.is_empty()) {
        (_, true) => LinesResult::Nothing,
        (None, false) => LinesResult::OrderCreated,
        (Some(_), false) => LinesResult::OrderUpdated,
    };
    let order = match held {
        None => {
            let order = Order {
                ext_order_id: ext,
                entry_branch_number: Some(place.0),
                workplace_number: Some(request.workplace_number),
                employee_number: Some(request.employee_number),
                relation_number: request.relation_number,
                table_number: Some(place.1),
                table_sub_number: Some(place.2),
                table_description: request.table_description,
                number_of_guests: request.number_of_guests,
                vat_change: request.vat_change,
                line_list: lines.into(),
                ..Order::default()
            };
            let order = match state.complete(order, OrderType::TableOrder) {
                Ok(order) => state.keep_new(order),
                Err(message) => return refused(PlaceTableOrderResult::LinesFailed, message),
            };
            state.orders.tables.seat(place, &order.order_id);
            order
        }
        Some(held) if lines.is_empty() => held,
        Some(held) => {
            let mut order = held.clone();
            order.line_list.extend(lines);
            order.number_of_guests = request.number_of_guests.or(order.number_of_guests);
            match state.replace(held.clone(), order) {
                Ok(order) => order.unwrap_or(held),
                Err(message) => return refused(PlaceTableOrderResult::LinesFailed, message),
            }
        }
    };
    let due = order.total_incl_amount.unwrap_or_default() - order.prepaid_amount.unwrap_or_default();
    let payments_result = match paid {
        _ if payments.is_empty() => PaymentsResult::Nothing,
        paid if paid == due => PaymentsResult::ReceiptCreated,
        paid if paid < due => PaymentsResult::OrderPrepaidBecauseUnderpaid,
        _ => PaymentsResult::OrderPrepaidBecauseOverpaid,
    };
    let mut receipt_id = None;
    if !payments.is_empty() {
        let settles = payments_result == PaymentsResult::ReceiptCreated;
        match state.pay(&order.order_id, !settles, payments) {
            Ok(receipt) => receipt_id = receipt,
            Err((_, message)) => return refused(PlaceTableOrderResult::PaymentsFailed, message),
        }
        if settles {
            state.orders.tables.clear(place);
        }
    }
    if request.release_table == Some(true) {
        state.orders.tables.release(place);
    }
    Ok(PlaceTableOrderResp {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: PlaceTableOrderResult::Ok,
        error_message: None,
        lines_result: Some(lines_result),
        order_id: Some(order.order_id),
        payments_result: Some(payments_result),
        receipt_id,
        ..PlaceTableOrderResp::default()
    })
}

fn line(given: PlaceTableOrderLineElem) -> Line {
    let data = given.data.map(|data| LineData {
        quantity: data.quantity.into(),
        price: data.price_incl.map(Into::into),
        discount_amount: data.discount_amount.map(Into::into),
        menu_id: data.menu_id,
        menu_lines_id: data.menu_lines_id,
        ..LineData::default()
    });
    Line {
        article_number: given.article_number.unwrap_or_default(),
        text: given.text,
        data,
        preparation_list: given.preparation_list.into_iter().map(line).collect(),
        line_type: given.line_type,
        temp_id: given.temp_id,
        article_alteration_id: given.article_alteration_id,
        ..Line::default()
    }
}

fn payment(given: PlaceTableOrderPaymentElem) -> Payment {
    Payment {
        method: given.method,
        amount: given.amount.into(),
        eft_transaction_details: given.eft_transaction_details,
        external_payment_id: given.external_payment_id,
        giftcard_number: given.giftcard_number,
        ..Payment::default()
    }
}

/// Pays all of a table's order; the table is free then.
fn pay_table_order(
    state: &mut State,
    PayTableOrder { terminal, order, payment_list }: PayTableOrder,
) -> Answer<PayTableOrderResponse> {
    let refused = |result, error_message: String| {
        Ok(PayTableOrderResponse { result, error_message, ..PayTableOrderResponse::default() })
    };
    let order = order.unwrap_or_default();
    let place = match state.terminals.check(&terminal).and_then(|()| state.table_of(&order)) {
        Ok(place) => place,
        Err(message) => return refused(PayOrderResult::Failed, message),
    };
    let held = state.orders.tables.order_id(place).and_then(|id| state.orders.get(id));
    let current = held.is_some_and(|held| {
        held.order_id == order.order_id
            && (held.change_counter, held.version_number) == (order.change_counter, order.version_number)
    });
    if !current {
        let message = "The table's order was changed since it was read; read the table again.";
        return refused(PayOrderResult::OrderHasChanged, message.to_owned());
    }
    let (result, receipt_id, error_message) = told(state.pay(&order.order_id, false, payment_list));
    if result == PayOrderResult::Ok {
        state.orders.tables.clear(place);
    }
    Ok(PayTableOrderResponse { result, receipt_id, error_message, ..PayTableOrderResponse::default() })
}

fn cancel_table_order(
    state: &mut State,
    CancelTableOrder { terminal, branch_number, table_number }: CancelTableOrder,
) -> Answer<CancelOrderResponse> {
    let place = (branch_number, table_number, 1);
    let refused = |result, message: &str| Ok(CancelOrderResponse { result, message: message.to_owned() });
    if let Err(message) = state.terminals.check(&terminal) {
        return refused(CancelOrderResult::Failed, &message);
    }
    let Some(id) = state.orders.tables.order_id(place).map(str::to_owned) else {
        return refused(CancelOrderResult::NotFound, "The table has no order.");
    };
    if state.claimed_by_other(place, terminal.terminal_number).is_some() {
        return refused(CancelOrderResult::Failed, "The table is claimed by another workplace.");
    }
    let answer = state.cancel(&id);
    if answer.result == CancelOrderResult::Ok {
        state.orders.tables.clear(place);
    }
    Ok(answer)
}
