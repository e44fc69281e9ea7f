//! Table orders: `saveTableOrder`, `createAndPayTableOrder`, `placeTableOrder`.

use mplus_qapi::orders::GetOrder;
use mplus_qapi::table_orders::{
    CreateAndPayTableOrderRequest, CreateAndPayTableOrderResult, PlaceTableOrderResult, SaveTableOrder,
    SaveTableOrderResult,
};
use mplus_qapi::types::{IdempotencyResult, Order};
use rust_decimal::Decimal;

use crate::model::{PosOrder, TableRef};
use crate::tables::{TableOrder, read_table};

use super::create::{Booked, ROUNDS, booked};
use super::find::{mark, names, pos_order};
use super::service::Attempt;
use super::{OrderService, SubmitError, SubmitErrorKind};

/// How often a table's order is read anew when it changed before it was saved.
const READS: u32 = 5;

impl OrderService {
    /// Adds an order to its table, to be paid at the end.
    ///
    /// The POS keeps one order for a table, and saving replaces it: the order that is there is read, the lines are added
    /// and the whole is saved, if it has not changed since. The host's number is the table order's own when it opens the
    /// table, and a mark in its reference when it was added.
    pub(super) async fn save_table_order(
        &self,
        attempt: &mut Attempt<'_>,
        table: TableRef,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            if let Some(found) = self.find_same(attempt).await? {
                return Ok(pos_order(&found));
            }
            let added = self.find_added_to(attempt.draft).await;
            if let Some(found) = added.map_err(|error| attempt.read_failed(error))? {
                return Ok(pos_order(&found));
            }
        }
        let terminal = self.terminal(attempt).await?;
        for _ in 0..READS {
            let current = self.table_order(attempt, table).await?;
            if let Some(known) = current.as_ref().filter(|current| names(current, &attempt.draft.number)) {
                return Ok(pos_order(known));
            }
            attempt.may_be_at_pos = false;
            let order = self.with_lines(attempt, current);
            let request = SaveTableOrder { terminal: terminal.clone(), order: Some(order) };
            let response = self.merchant.client().save_table_order(request).timeout(self.timeout()).await;
            let response = response.map_err(|error| attempt.write_failed(error))?;
            match &response.result {
                SaveTableOrderResult::Ok => {
                    return Ok(response.order_id.map(PosOrder::with_id).unwrap_or_default());
                }
                // Read again: the lines that were added are seen there, or added to what there is now.
                SaveTableOrderResult::OrderHasChanged | SaveTableOrderResult::NoChanges => {}
                result => {
                    // The registration may be what it objects to.
                    self.forget_terminal(attempt);
                    let message = Some(response.error_message.as_str());
                    return Err(attempt.declined("saveTableOrder", result.as_str(), message));
                }
            }
        }
        Err(attempt.error(SubmitErrorKind::TableBusy { table }))
    }

    /// The table's order as it is now; none for a free table.
    async fn table_order(
        &self,
        attempt: &Attempt<'_>,
        table: TableRef,
    ) -> Result<Option<Order>, SubmitError> {
        let (branch, workplace) = (attempt.draft.branch, attempt.draft.workplace);
        match read_table(self.merchant.client(), branch, workplace, table, Some(self.timeout())).await {
            Ok(Ok(TableOrder::Open(order))) => Ok(Some(*order)),
            Ok(Ok(TableOrder::Free)) => Ok(None),
            Ok(Ok(TableOrder::Claimed(workplace))) => {
                Err(attempt.error(SubmitErrorKind::TableClaimed { table, workplace }))
            }
            Ok(Err(answer)) => Err(attempt.declined("getTableOrderV3", &answer, None)),
            Err(error) => Err(attempt.read_failed(error)),
        }
    }

    /// The order to save: a new one, or the current one with the draft's lines added.
    fn with_lines(&self, attempt: &Attempt<'_>, current: Option<Order>) -> Order {
        let mut ours = attempt.draft.to_order(attempt.relation, &self.settings);
        let Some(mut order) = current else { return ours };
        let mut lines = std::mem::take(&mut order.line_list).into_vec();
        lines.append(&mut std::mem::take(&mut ours.line_list).into_vec());
        order.line_list = lines.into();
        let mark = mark(&attempt.draft.number);
        let parts = [order.reference.take(), Some(mark), ours.reference];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        order.reference = Some(parts.join(" "));
        order
    }

    /// Places a table order that is paid already, on its own.
    pub(super) async fn create_and_pay_table_order(
        &self,
        attempt: &mut Attempt<'_>,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            if let Some(found) = self.find_paid(attempt).await? {
                return Ok(found);
            }
            attempt.may_be_at_pos = false;
        }
        let mut order = attempt.draft.to_order(attempt.relation, &self.settings);
        order.payment_list = attempt.draft.to_payments().into();
        let request = CreateAndPayTableOrderRequest { order: Some(order) };
        let response =
            self.merchant.client().create_and_pay_table_order(request).timeout(self.timeout()).await;
        let response = response.map_err(|error| attempt.write_failed(error))?;
        let message = Some(response.error_message.as_str());
        match &response.result {
            CreateAndPayTableOrderResult::Ok => {
                if !response.duplicate {
                    return Ok(placed(response.order_id, response.omzet_id));
                }
                attempt.may_be_at_pos = true;
                self.duplicate(attempt, response.order_id).await
            }
            result => {
                attempt.may_be_at_pos = *result == CreateAndPayTableOrderResult::PaymentFailed;
                Err(attempt.declined("createAndPayTableOrder", result.as_str(), message))
            }
        }
    }

    /// The POS says that it has the order already: it counts as sent once it is seen to be the same.
    async fn duplicate(
        &self,
        attempt: &Attempt<'_>,
        order_id: Option<String>,
    ) -> Result<PosOrder, SubmitError> {
        if let Some(found) = self.find_paid(attempt).await? {
            return Ok(found);
        }
        if let Some(order_id) = order_id.filter(|id| !id.is_empty()) {
            let response =
                self.merchant.client().get_order(GetOrder { order_id }).timeout(self.timeout()).await;
            let found = response.map_err(|error| attempt.read_failed(error))?.order;
            if let Some(found) = found {
                return paid(attempt, &found);
            }
        }
        let difference = "it calls this one a duplicate, but does not show it".to_owned();
        Err(attempt.error(SubmitErrorKind::NumberTaken { difference }))
    }

    /// The order as the POS has it, paid; an error when it is there without its payments.
    async fn find_paid(&self, attempt: &Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let found = self.find_same(attempt).await?;
        found.map(|found| paid(attempt, &found)).transpose()
    }

    /// Places a table order of either kind by the modern call, which the POS carries out once for each key.
    pub(super) async fn place_table_order(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        for round in 0..ROUNDS {
            let key = self.key(&attempt.draft.number, "placeTableOrder", round);
            let request = attempt.draft.to_place_table_order(attempt.relation, key, &self.settings);
            let Some(request) = request else {
                return Err(attempt.declined("placeTableOrder", "the order has no table", None));
            };
            let response = self.merchant.client().place_table_order(request).timeout(self.timeout()).await;
            let response = response.map_err(|error| attempt.write_failed(error))?;
            match &response.result {
                PlaceTableOrderResult::Ok => {
                    return Ok(placed(response.order_id, response.receipt_id));
                }
                PlaceTableOrderResult::IdentifierFailed | PlaceTableOrderResult::LinesFailed
                    if response.idempotency_result == IdempotencyResult::ReplayResponse => {}
                result => {
                    // The lines may be there when only the payments were refused.
                    attempt.may_be_at_pos = *result == PlaceTableOrderResult::PaymentsFailed;
                    let message = response.error_message.as_deref();
                    return Err(attempt.declined("placeTableOrder", result.as_str(), message));
                }
            }
        }
        Err(attempt.declined("placeTableOrder", "refused too often", None))
    }
}

/// What the POS calls an order that it shows; an error when it is not the draft, or is not paid.
fn paid(attempt: &Attempt<'_>, found: &Order) -> Result<PosOrder, SubmitError> {
    attempt.check_same(found)?;
    match booked(found, attempt.draft.paid()) {
        Booked::All => Ok(pos_order(found)),
        Booked::Part(part) => Err(attempt.underpaid(part)),
        Booked::Nothing => Err(attempt.underpaid(Decimal::ZERO)),
    }
}

/// What the POS calls a table order that it placed.
fn placed(order_id: Option<String>, receipt_id: Option<String>) -> PosOrder {
    let known = |id: Option<String>| id.filter(|id| !id.is_empty());
    PosOrder { order_id: known(order_id), receipt_id: known(receipt_id), order_number: None }
}
