//! Tables, their orders and who has claimed them.

use std::collections::BTreeMap;

use crate::{
    table_orders::*,
    testkit::{
        brasserie,
        catalogue::MADE,
        dispatch::{Answer, Operations},
        domain::{
            orders::{contents, told},
            payments,
        },
        state::State,
    },
    types::*,
};

/// Branch, table, part of the table.
pub(super) type Place = (i32, i32, i32);

/// Which order sits where.
#[derive(Debug, Default)]
pub(super) struct Tables {
    orders: BTreeMap<Place, String>,
    /// Workplaces that hold a table for themselves.
    claims: BTreeMap<Place, i32>,
}

impl Tables {
    pub(super) fn order_id(&self, place: Place) -> Option<&str> {
        self.orders.get(&place).map(String::as_str)
    }

    pub(super) fn seat(&mut self, place: Place, order_id: &str) {
        self.orders.insert(place, order_id.to_owned());
    }

    fn clear(&mut self, place: Place) {
        self.orders.remove(&place);
        self.claims.remove(&place);
    }

    fn claimed_by_other(&self, place: Place, workplace: i32) -> Option<i32> {
        self.claims.get(&place).copied().filter(|holder| *holder != workplace)
    }
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_max_table_number);
    operations.on(get_table_list_v3);
    operations.on(get_floorplans);
    operations.on(get_course_list_v2);
    operations.on(get_table_order);
    operations.on(get_table_order_v3);
    operations.on(find_table_order);
    operations.on(get_current_table_orders);
    operations.on(save_table_order);
    operations.on(save_table_order_v2);
    operations.on(create_and_pay_table_order);
    operations.on(place_table_order);
    operations.on(pay_table_order);
    operations.on(cancel_table_order);
    operations.on(release_table);
    operations.on(release_table_v2);
}

impl State {
    fn check_table(&self, (branch, table, part): Place) -> Result<Place, String> {
        self.check_place(branch, None)?;
        if !(1..=brasserie::TABLES).contains(&table) || !(1..=9).contains(&part) {
            return Err(format!("Branch {branch} has no table {table}.{part}."));
        }
        Ok((branch, table, part))
    }

    /// The table that an order names.
    pub(super) fn table_of(&self, order: &Order) -> Result<Place, String> {
        let branch = order.entry_branch_number.filter(|number| *number != 0).unwrap_or(1);
        let part = order.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
        self.check_table((branch, order.table_number.unwrap_or_default(), part))
    }

    pub(in crate::testkit) fn table_order(&self, branch: i32, table: i32) -> Option<&Order> {
        self.orders.get(self.orders.tables.order_id((branch, table, 1))?)
    }

    pub(in crate::testkit) fn claim_table(&mut self, branch: i32, table: i32, workplace: i32) {
        self.orders.tables.claims.insert((branch, table, 1), workplace);
    }

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
        if let Some(holder) = self.orders.tables.claimed_by_other(place, terminal.terminal_number) {
            return failed(&format!("The table is claimed by workplace {holder}."));
        }
        let held = self.orders.tables.order_id(place).and_then(|id| self.orders.get(id)).cloned();
        let ext = order.ext_order_id.clone().filter(|ext| !ext.is_empty());
        let Some(held) = held else {
            if !order.order_id.is_empty() {
                let message = "The table's order is not there any more; read the table again.";
                return outcome(SaveTableOrderResult::OrderHasChanged, message, None);
            }
            if let Some(ext) = ext.filter(|ext| self.orders.find(ext).is_some()) {
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

    /// The table's order as a workplace gets to see it.
    fn read_table(&self, place: Place) -> GetTableOrderResponse {
        let order = self.orders.tables.order_id(place).and_then(|id| self.orders.get(id));
        GetTableOrderResponse {
            result: if order.is_some() { GetTableOrderResult::Ok } else { GetTableOrderResult::None },
            order: order.cloned(),
            ..GetTableOrderResponse::default()
        }
    }
}

fn get_max_table_number(_: &mut State, _: GetMaxTableNumber) -> Answer<GetMaxTableNumberResponse> {
    Ok(GetMaxTableNumberResponse { max_table_number: brasserie::TABLES })
}

fn get_table_list_v3(
    state: &mut State,
    GetTableListV3 { request }: GetTableListV3,
) -> Answer<GetTableListV3Response> {
    if state.branches.get(request.branch_number).is_none() {
        return Ok(GetTableListV3Response::default());
    }
    let tables = (1..=brasserie::TABLES).map(|number| {
        let place = (request.branch_number, number, 1);
        let order = state.orders.tables.order_id(place).and_then(|id| state.orders.get(id));
        let claimed_by = state.orders.tables.claims.get(&place).map(|workplace| WorkplaceIdentifier {
            branch_number: request.branch_number,
            workplace_number: *workplace,
        });
        let details = order.map(|order| OccupiedTableDetails {
            create_timestamp: order.entry_timestamp.unwrap_or_default(),
            change_timestamp: order.entry_timestamp.unwrap_or_default(),
            total_incl_amount: order.total_incl_amount.unwrap_or_default(),
            total_excl_amount: order.total_excl_amount.unwrap_or_default(),
            prepaid_amount: order.prepaid_amount.unwrap_or_default(),
            number_of_guests: order.number_of_guests,
            claimed_by,
            ..OccupiedTableDetails::default()
        });
        let part = SubTableState {
            table_number: TableNumber { table_number: number, sub_number: 1 },
            state: if order.is_some() { TableStatus::Taken } else { TableStatus::Open },
            table_name: order.and_then(|order| order.table_description.clone()).unwrap_or_default(),
            card_number: None,
            details,
        };
        WholeTable {
            number,
            on_floor_plan: true,
            ask_name: false,
            standard_sub_table_count: 1,
            current_sub_table_count: 1,
            sub_tables: vec![part],
        }
    });
    Ok(GetTableListV3Response { whole_table: tables.collect() })
}

fn get_floorplans(
    state: &mut State,
    GetFloorplans { request }: GetFloorplans,
) -> Answer<GetFloorplansResponse> {
    if state.branches.get(request.branch_number).is_none() {
        return Ok(GetFloorplansResponse::default());
    }
    let plan = |(number, name, range): (i32, &str, &str)| Floorplan {
        branch_number: request.branch_number,
        number,
        name: name.to_owned(),
        definition: "{}".into(),
        updated_ts: crate::value::DateTime::local(MADE.to_wall_clock().unwrap_or_default()),
        is_active: true,
        neighbourhoods: vec![FloorplanNeighbourhood {
            branch_number: request.branch_number,
            floorplan_number: number,
            name: name.to_owned(),
            table_numbers_range: range.to_owned(),
            colour: Colour { red: 30, green: 120, blue: 90 },
        }],
    };
    let plans = [(1, "Zaal", "1-12"), (2, "Terras", "13-20")].map(plan);
    Ok(GetFloorplansResponse { floorplans: plans.into() })
}

fn get_course_list_v2(_: &mut State, _: GetCourseListV2) -> Answer<GetCourseListV2Response> {
    let course = |(number, name, abbreviation): (i32, &str, &str)| CourseInfo {
        number,
        sequence_number: number,
        name: name.to_owned(),
        abbreviation: abbreviation.to_owned(),
        r#type: if number == 1 { CourseType::Bar } else { CourseType::Standard },
        do_set_table: number > 1,
        can_be_served_with_wine: number > 1,
    };
    Ok(GetCourseListV2Response { course: brasserie::COURSES.map(course).into() })
}

/// Another workplace's table shows no more than the order's id.
fn get_table_order(
    state: &mut State,
    GetTableOrder { terminal, branch_number, table_number }: GetTableOrder,
) -> Answer<GetTableOrderResponse> {
    let place = (branch_number, table_number, 1);
    let mut answer = state.read_table(place);
    if state.orders.tables.claimed_by_other(place, terminal.terminal_number).is_some()
        && let Some(order) = answer.order.take()
    {
        answer.result = GetTableOrderResult::AlreadyUsed;
        answer.order = Some(Order { order_id: order.order_id, ..Order::default() });
    }
    Ok(answer)
}

fn get_table_order_v3(
    state: &mut State,
    GetTableOrderV3 { request }: GetTableOrderV3,
) -> Answer<GetTableOrderResponse> {
    let part = request.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
    let place = (request.branch_number, request.table_number, part);
    let asked = if request.claim_table == Some(true) { ClaimMethod::Normal } else { ClaimMethod::None };
    let method = request.claim_method.unwrap_or(asked);
    let holder = state.orders.tables.claimed_by_other(place, request.workplace_number);
    match (method, holder) {
        (ClaimMethod::Normal, Some(holder)) => Ok(GetTableOrderResponse {
            result: GetTableOrderResult::Claimed,
            claimed_by_workplace_number: Some(holder),
            ..GetTableOrderResponse::default()
        }),
        (ClaimMethod::Normal | ClaimMethod::Force, _) => {
            state.orders.tables.claims.insert(place, request.workplace_number);
            Ok(state.read_table(place))
        }
        (_, holder) => {
            Ok(GetTableOrderResponse { claimed_by_workplace_number: holder, ..state.read_table(place) })
        }
    }
}

fn find_table_order(
    state: &mut State,
    FindTableOrder { ext_order_id, .. }: FindTableOrder,
) -> Answer<GetTableOrderResponse> {
    let order = state.orders.find(&ext_order_id);
    let order = order.filter(|order| order.order_type == Some(OrderType::TableOrder)).cloned();
    Ok(GetTableOrderResponse {
        result: if order.is_some() { GetTableOrderResult::Ok } else { GetTableOrderResult::None },
        order,
        ..GetTableOrderResponse::default()
    })
}

fn get_current_table_orders(
    state: &mut State,
    GetCurrentTableOrders { request }: GetCurrentTableOrders,
) -> Answer<GetCurrentTableOrdersResponse> {
    let here = |(branch, ..): &Place| request.branch_number.is_none_or(|wanted| wanted == *branch);
    let seated = state.orders.tables.orders.iter().filter(|(place, _)| here(place));
    let orders = seated.filter_map(|(_, id)| state.orders.get(id).cloned());
    Ok(GetCurrentTableOrdersResponse { order_list: orders.collect() })
}

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
        state.orders.tables.claims.remove(&place);
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
    if let Some(held) = state.orders.find(ext) {
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
    match payments::total(&payments) {
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
    let other_order = match (&held, &guard, &ext) {
        (Some(held), Some(id), _) => held.order_id != *id,
        (Some(held), None, Some(ext)) => held.ext_order_id.as_ref() != Some(ext),
        (None, Some(_), _) => true,
        (None, None, Some(ext)) => state.orders.find(ext).is_some(),
        (_, None, None) => false,
    };
    if other_order {
        return refused(PlaceTableOrderResult::IdentifierFailed, "The table has another order.".to_owned());
    }
    if let Some(holder) = state.orders.tables.claimed_by_other(place, request.workplace_number) {
        let message = format!("The table is claimed by workplace {holder}.");
        return refused(PlaceTableOrderResult::IdentifierFailed, message);
    }
    if held.is_none() && request.lines.is_empty() {
        return refused(PlaceTableOrderResult::LinesFailed, "The table has no order to pay.".to_owned());
    }
    let payments: Vec<Payment> = request.payments.into_iter().map(payment).collect();
    let paid = match payments::total(&payments) {
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
        state.orders.tables.claims.remove(&place);
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
    if state.orders.tables.claimed_by_other(place, terminal.terminal_number).is_some() {
        return refused(CancelOrderResult::Failed, "The table is claimed by another workplace.");
    }
    let answer = state.cancel(&id);
    if answer.result == CancelOrderResult::Ok {
        state.orders.tables.clear(place);
    }
    Ok(answer)
}

fn release(state: &mut State, place: Place, workplace: i32) -> ReleaseTableV2Result {
    match state.orders.tables.claims.get(&place) {
        None => ReleaseTableV2Result::NotClaimed,
        Some(holder) if *holder != workplace => ReleaseTableV2Result::ClaimedByOther,
        Some(_) => {
            state.orders.tables.claims.remove(&place);
            ReleaseTableV2Result::Ok
        }
    }
}

fn release_table(
    state: &mut State,
    ReleaseTable { terminal, request }: ReleaseTable,
) -> Answer<ReleaseTableResponse> {
    let part = request.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
    let place = (terminal.branch_number, request.table_number.unwrap_or_default(), part);
    let result = match release(state, place, terminal.terminal_number) {
        ReleaseTableV2Result::Ok => ReleaseTableOrderResult::Ok,
        ReleaseTableV2Result::ClaimedByOther => ReleaseTableOrderResult::ClaimedByOther,
        _ => ReleaseTableOrderResult::NotClaimed,
    };
    Ok(ReleaseTableResponse { result })
}

fn release_table_v2(
    state: &mut State,
    ReleaseTableV2 { request }: ReleaseTableV2,
) -> Answer<ReleaseTableV2Response> {
    let TableIdentifier { branch_number, table_number, table_sub_number } = request.table;
    let place = (branch_number, table_number, table_sub_number);
    Ok(ReleaseTableV2Response { result: release(state, place, request.workplace.workplace_number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_stands_in_the_way_of_other_workplaces_only() {
        let mut tables = Tables::default();
        tables.claims.insert((1, 4, 1), 2);
        assert_eq!(tables.claimed_by_other((1, 4, 1), 1), Some(2));
        assert_eq!(tables.claimed_by_other((1, 4, 1), 2), None);
        tables.seat((1, 4, 1), "a");
        tables.clear((1, 4, 1));
        assert_eq!((tables.order_id((1, 4, 1)), tables.claimed_by_other((1, 4, 1), 1)), (None, None));
    }
}
