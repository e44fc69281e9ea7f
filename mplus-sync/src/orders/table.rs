//! Table orders: `saveTableOrder`, `createAndPayTableOrder`, `placeTableOrder`.

use mplus_qapi::ErrorKind;
use mplus_qapi::table_orders::{
    CreateAndPayTableOrder, CreateAndPayTableOrderRequest, CreateAndPayTableOrderResult, PaymentsResult,
    PlaceTableOrder, PlaceTableOrderResult, SaveTableOrder, SaveTableOrderResult,
};
use mplus_qapi::types::{IdempotencyResult, Line, Order, Terminal};
use rust_decimal::Decimal;

use crate::model::{BranchNumber, OrderKind, PosOrder, TableRef};
use crate::tables::{TableOrder, read_table};
use crate::text::readable;

use super::create::{Booked, ROUNDS, booked};
use super::error::name_of;
use super::find::{is_marked, is_numbered, pos_order};
use super::note::{Added, AttemptNote, TableBefore};
use super::service::Attempt;
use super::terminal::unlisted;
use super::{OrderDraft, OrderService, SubmitError, SubmitErrorKind};

/// How often a table's order is read anew when it changed before it was saved.
const READS: u32 = 5;

impl OrderService {
    /// Adds an order to its table, to be paid at the end.
    ///
    /// The POS keeps one order for a table, and saving replaces it: the order that is there is read, the lines are added
    /// and the whole is saved, if it has not changed since. The host's number is the table order's own when it opens the
    /// table, and a mark in its reference when it was added; since the POS may cut the reference and a waiter may clear it,
    /// what stood there before is noted, too.
    pub(super) async fn save_table_order(
        &self,
        attempt: &mut Attempt<'_>,
        table: TableRef,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            if let Some(found) = self.find_same(attempt).await? {
                return Ok(pos_order(&found));
            }
            if let Some(found) = self.find_added(attempt, true).await? {
                return Ok(pos_order(&found));
            }
            // It may have been placed by the other call, before the settings were changed.
            if let Some(found) = self.find_placed(attempt).await? {
                return Ok(found);
            }
        }
        let terminal = self.terminal(attempt).await?;
        let mark = self.mark(&attempt.draft.number);
        let mut answer = String::new();
        for _ in 0..READS {
            let current = self.table_order(attempt, table, &terminal).await?;
            if let Some(current) = &current {
                if is_numbered(current, &attempt.draft.number) {
                    attempt.check_same(current)?;
                    return Ok(pos_order(current));
                }
                if is_marked(current, &mark) {
                    return Ok(pos_order(current));
                }
                // After a call in this very attempt of which nobody knows the end.
                if attempt.may_be_at_pos
                    && let Some(found) = self.find_added(attempt, false).await?
                {
                    return Ok(pos_order(&found));
                }
            }
            attempt.may_be_at_pos = false;
            let (employee, sent) = (attempt.draft.employee, attempt.draft.articles());
            let before = current.as_ref().map(|current| TableBefore::of(current, employee, sent));
            self.note_table(attempt, AttemptNote { table: before, ..attempt.note.clone() }).await?;
            let order = self.with_lines(attempt, current);
            let request = SaveTableOrder { terminal: terminal.clone(), order: Some(order) };
            let response = self.merchant.client().save_table_order(request).timeout(self.timeout()).await;
            let response = response.map_err(|error| match error.kind() {
                // What others ordered there cannot be written back: the order itself is well, and goes when they have left.
                ErrorKind::Request(_) if attempt.note.table.is_some() => {
                    attempt.declined("saveTableOrder", "the table's order cannot be written back", None)
                }
                _ => attempt.write_failed(error),
            })?;
            match &response.result {
                SaveTableOrderResult::Ok => {
                    return Ok(response.order_id.map(PosOrder::with_id).unwrap_or_default());
                }
                // Read again, and the lines are added to what there is now.
                SaveTableOrderResult::OrderHasChanged => {}
                // Read again: what is there now tells whether the lines are.
                SaveTableOrderResult::NoChanges | SaveTableOrderResult::Unknown(_) => {
                    attempt.may_be_at_pos = true;
                    answer = response.result.as_str().to_owned();
                }
                SaveTableOrderResult::Failed => {
                    // The registration may be what it objects to.
                    self.forget_terminal(attempt);
                    let (result, message) = (response.result.as_str(), response.error_message.as_str());
                    return Err(self
                        .refused_at_table(attempt, "saveTableOrder", result, Some(message))
                        .await);
                }
                result => return Err(attempt.unclear("saveTableOrder", result.as_str())),
            }
        }
        match attempt.may_be_at_pos {
            true => Err(attempt.unclear("saveTableOrder", &answer)),
            false => Err(attempt.error(SubmitErrorKind::TableBusy { table })),
        }
    }

    /// Keeps a note together with the branch at whose table the order is about to be entered.
    async fn note_table(&self, attempt: &mut Attempt<'_>, note: AttemptNote) -> Result<(), SubmitError> {
        let branch = Some(attempt.draft.branch.get());
        self.note(attempt, AttemptNote { branch, ..note }).await
    }

    /// The table order that this order was added to by an earlier call; an error when that cannot be told. Looks among all
    /// of the branch's when nothing was noted, if it is to.
    async fn find_added(&self, attempt: &Attempt<'_>, among_all: bool) -> Result<Option<Order>, SubmitError> {
        let mark = self.mark(&attempt.draft.number);
        if let Some(before) = &attempt.note.table {
            let found = self.get(&before.order_id).await.map_err(|error| attempt.read_failed(error))?;
            if let Some(found) = found {
                if is_marked(&found, &mark) {
                    return Ok(Some(found));
                }
                match before.is_added(&found) {
                    Added::Yes => return Ok(Some(found)),
                    Added::No => return Ok(None),
                    Added::Unclear => {
                        let difference =
                            "its table's order holds what it may be, a part of it, or the same for others"
                                .to_owned();
                        return Err(attempt.error(SubmitErrorKind::NumberTaken { difference }));
                    }
                }
            }
            // The guests may have paid and left: what is not shown any more may have held it.
            let marked = self.find_marked(attempt.draft).await;
            let marked = marked.map_err(|error| attempt.read_failed(error))?;
            let difference =
                "the table's order that it was added to, maybe, is not shown any more".to_owned();
            return marked
                .map(Some)
                .ok_or_else(|| attempt.error(SubmitErrorKind::NumberTaken { difference }));
        }
        if !among_all {
            return Ok(None);
        }
        self.find_marked(attempt.draft).await.map_err(|error| attempt.read_failed(error))
    }

    /// The table's order as it is now; none for a free table.
    async fn table_order(
        &self,
        attempt: &Attempt<'_>,
        table: TableRef,
        terminal: &Terminal,
    ) -> Result<Option<Order>, SubmitError> {
        match read_table(&self.lacking, terminal, table, Some(self.timeout())).await {
            Ok(Ok(TableOrder::Open(order))) => Ok(Some(*order)),
            Ok(Ok(TableOrder::Free)) => Ok(None),
            Ok(Ok(TableOrder::Claimed(workplace))) => {
                Err(attempt.error(SubmitErrorKind::TableClaimed { table, workplace }))
            }
            Ok(Err(answer)) => Err(attempt.declined("getTableOrder", &answer, None)),
            Err(error) => Err(attempt.read_failed(error)),
        }
    }

    /// What a refusal at a table means: while somebody works at the table the order waits for it, whatever the POS said.
    async fn refused_at_table(
        &self,
        attempt: &Attempt<'_>,
        operation: &'static str,
        result: &str,
        message: Option<&str>,
    ) -> SubmitError {
        match self.table_claimed(attempt).await {
            Some(claimed) => claimed,
            None => attempt.declined(operation, result, message),
        }
    }

    /// The error of a table that somebody works at; none of one that is free, or that the POS does not show.
    async fn table_claimed(&self, attempt: &Attempt<'_>) -> Option<SubmitError> {
        let table = attempt.draft.table()?;
        let terminal = Terminal {
            branch_number: attempt.draft.branch.get(),
            terminal_number: attempt.draft.workplace,
            ..unlisted()
        };
        match read_table(&self.lacking, &terminal, table, Some(self.timeout())).await {
            Ok(Ok(TableOrder::Claimed(workplace))) => {
                Some(attempt.error(SubmitErrorKind::TableClaimed { table, workplace }))
            }
            _ => None,
        }
    }

    /// The order to save: a new one, or the current one with the draft's lines added.
    fn with_lines(&self, attempt: &Attempt<'_>, current: Option<Order>) -> Order {
        let mut ours = attempt.draft.to_order(attempt.relation, &self.settings);
        // What was added is told from what a waiter adds by whose name it is in.
        ours.line_list.iter_mut().for_each(|line| line.employee_number = Some(attempt.draft.employee));
        let Some(mut order) = current else { return ours };
        let mut lines = std::mem::take(&mut order.line_list).into_vec();
        lines.iter_mut().for_each(make_readable);
        lines.append(&mut std::mem::take(&mut ours.line_list).into_vec());
        order.line_list = lines.into();
        // What it came to before is not what it comes to now; what cannot be computed here is left to the POS.
        order.total_incl_amount = order.total_incl_amount.map(|total| total + attempt.draft.total);
        order.total_excl_amount = None;
        order.vat_group_list = Default::default();
        order.vat_change = order.vat_change.or(ours.vat_change);
        let mark = self.mark(&attempt.draft.number);
        let parts = [Some(mark), order.reference.take(), ours.reference];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        order.reference = Some(parts.join(" "));
        order
    }

    /// Places a table order that is paid already, on its own; where the POS does not know the call for it, with
    /// `placeTableOrder`, and without that as an order for pick-up that names its table.
    pub(super) async fn create_and_pay_table_order(
        &self,
        attempt: &mut Attempt<'_>,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            // It went as an order for pick-up, whose payments may have to follow.
            if attempt.note.pays_apart {
                return self.create_for_table(attempt).await;
            }
            if let Some(found) = self.find_paid(attempt).await? {
                return Ok(found);
            }
            // It may have been placed by the other call, before the settings were changed.
            if let Some(found) = self.find_placed(attempt).await? {
                return Ok(found);
            }
        }
        self.note_table(attempt, AttemptNote { unpaid: false, ..attempt.note.clone() }).await?;
        let mut order = attempt.draft.to_order(attempt.relation, &self.settings);
        order.payment_list = attempt.draft.to_payments().into();
        let request = CreateAndPayTableOrderRequest { order: Some(order) };
        let response = self.lacking.call(CreateAndPayTableOrder::from(request), Some(self.timeout())).await;
        let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
            return match self.place_table_order(attempt).await? {
                Some(placed) => Ok(placed),
                None => self.create_for_table(attempt).await,
            };
        };
        let message = Some(response.error_message.as_str());
        match &response.result {
            CreateAndPayTableOrderResult::Ok => {
                if !response.duplicate {
                    return Ok(placed(response.order_id, response.omzet_id));
                }
                attempt.may_be_at_pos = true;
                self.duplicate(attempt, response.order_id).await
            }
            CreateAndPayTableOrderResult::Unknown(answer) => {
                attempt.may_be_at_pos = true;
                match self.find_paid(attempt).await? {
                    Some(found) => Ok(found),
                    None => Err(attempt.unclear("createAndPayTableOrder", answer)),
                }
            }
            CreateAndPayTableOrderResult::PaymentFailed => {
                attempt.may_be_at_pos = true;
                self.note(attempt, AttemptNote { unpaid: true, ..attempt.note.clone() }).await?;
                Err(attempt.declined("createAndPayTableOrder", response.result.as_str(), message))
            }
            result => {
                attempt.may_be_at_pos = false;
                let operation = "createAndPayTableOrder";
                Err(self.refused_at_table(attempt, operation, result.as_str(), message).await)
            }
        }
    }

    /// A POS that cannot take a paid table order gets it as an order for pick-up: paid, and with its table in the reference.
    async fn create_for_table(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        let mut draft = attempt.draft.clone();
        if let Some(table) = draft.table() {
            let note = draft.note.as_deref().unwrap_or_default();
            draft.note = Some(format!("Tafel {} {note}", name_of(&table)).trim_end().to_owned());
        }
        draft.kind = OrderKind::Pickup;
        let mut as_sale = Attempt { draft: &draft, ..attempt.clone() };
        let sent = self.create(&mut as_sale).await;
        attempt.may_be_at_pos = as_sale.may_be_at_pos;
        sent
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
            let found = self.get(&order_id).await.map_err(|error| attempt.read_failed(error))?;
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

    /// Places a table order of either kind as the settings want it: by the modern call where the POS knows it.
    pub(super) async fn place(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        if let Some(placed) = self.place_table_order(attempt).await? {
            return Ok(placed);
        }
        match &attempt.draft.kind {
            OrderKind::DineInPayLater { table, .. } => self.save_table_order(attempt, *table).await,
            _ => self.create_and_pay_table_order(attempt).await,
        }
    }

    /// Places a table order of either kind by the modern call, which the POS carries out once for each key; none when it
    /// does not know the call. How long it remembers a key is not known: the line that names the order is looked for first.
    async fn place_table_order(&self, attempt: &mut Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        if self.lacking.lacks("placeTableOrder").await {
            return Ok(None);
        }
        if attempt.may_be_at_pos {
            if let Some(found) = self.find_placed(attempt).await? {
                return Ok(Some(found));
            }
            // It may have been saved by the other call, before the settings were changed.
            if attempt.draft.payments.is_empty() {
                if let Some(found) = self.find_same(attempt).await? {
                    return Ok(Some(pos_order(&found)));
                }
                if let Some(found) = self.find_added(attempt, true).await? {
                    return Ok(Some(pos_order(&found)));
                }
            } else if let Some(found) = self.find_paid(attempt).await? {
                return Ok(Some(found));
            }
            attempt.may_be_at_pos = false;
        }
        self.note_table(attempt, AttemptNote { unpaid: false, ..attempt.note.clone() }).await?;
        // A call that is refused again would be one more answer that the POS keeps under a key.
        if attempt.earlier.waited_for_table
            && let Some(claimed) = self.table_claimed(attempt).await
        {
            return Err(claimed);
        }
        for round in 0..ROUNDS {
            let key = self.key(attempt, "placeTableOrder", round);
            let request = attempt.draft.to_place_table_order(attempt.relation, key, &self.settings);
            let Some(request) = request else {
                return Err(attempt.declined("placeTableOrder", "the order has no table", None));
            };
            let response = self.lacking.call(PlaceTableOrder::from(request), Some(self.timeout())).await;
            let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
                return Ok(None);
            };
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            match &response.result {
                PlaceTableOrderResult::Ok
                    if response.payments_result == Some(PaymentsResult::Nothing)
                        && !attempt.draft.payments.is_empty() =>
                {
                    attempt.may_be_at_pos = true;
                    self.note(attempt, AttemptNote { unpaid: true, ..attempt.note.clone() }).await?;
                    return Err(attempt.unpaid());
                }
                PlaceTableOrderResult::Ok => {
                    return Ok(Some(placed(response.order_id, response.receipt_id)));
                }
                PlaceTableOrderResult::IdentifierFailed | PlaceTableOrderResult::LinesFailed if replayed => {}
                PlaceTableOrderResult::Unknown(answer) => {
                    attempt.may_be_at_pos = true;
                    return match self.find_placed(attempt).await? {
                        Some(found) => Ok(Some(found)),
                        None => Err(attempt.unclear("placeTableOrder", answer)),
                    };
                }
                PlaceTableOrderResult::PaymentsFailed => {
                    // The lines may be there when only the payments were refused.
                    attempt.may_be_at_pos = true;
                    self.note(attempt, AttemptNote { unpaid: true, ..attempt.note.clone() }).await?;
                    let message = response.error_message.as_deref();
                    return Err(attempt.declined("placeTableOrder", response.result.as_str(), message));
                }
                result => {
                    attempt.may_be_at_pos = false;
                    let message = response.error_message.as_deref();
                    let operation = "placeTableOrder";
                    return Err(self.refused_at_table(attempt, operation, result.as_str(), message).await);
                }
            }
        }
        Err(attempt.declined("placeTableOrder", "refused too often", None))
    }

    /// The table order in which a line names this order; an error when its payments are not there.
    async fn find_placed(&self, attempt: &Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let mut found = self.find_line(attempt.draft).await.map_err(|error| attempt.read_failed(error))?;
        if let (None, Some(branch)) =
            (&found, attempt.note.branch.filter(|branch| *branch != attempt.draft.branch.get()))
        {
            // The location was given another branch since.
            let there = OrderDraft { branch: BranchNumber::new(branch), ..attempt.draft.clone() };
            found = self.find_line(&there).await.map_err(|error| attempt.read_failed(error))?;
        }
        let Some(found) = found else { return Ok(None) };
        attempt.check_same(&found)?;
        if attempt.note.unpaid {
            return Err(attempt.unpaid());
        }
        let paid = attempt.draft.paid();
        if paid.is_zero() {
            return Ok(Some(pos_order(&found)));
        }
        // What others at the table may have paid is not this order's: only more than all of theirs shows that it is paid.
        let others = found.total_incl_amount.map(|total| (total - attempt.draft.total).max(Decimal::ZERO));
        let others = others.unwrap_or_default();
        match booked(&found, paid + others) {
            Booked::All | Booked::Untold => Ok(Some(pos_order(&found))),
            _ if !others.is_zero() => Err(attempt.unpaid_among_others()),
            Booked::Part(part) => Err(attempt.underpaid(part)),
            Booked::Nothing => Err(attempt.underpaid(Decimal::ZERO)),
        }
    }
}

/// Has a line of the POS say only what it takes back.
fn make_readable(line: &mut Line) {
    if let Some(text) = &mut line.text {
        *text = readable(text).into_owned();
    }
    line.preparation_list.iter_mut().for_each(make_readable);
}

/// What the POS calls an order that it shows; an error when it is not the draft, or is not paid. The POS books such an order
/// and its payments in one call: one that tells nothing of payments has them.
fn paid(attempt: &Attempt<'_>, found: &Order) -> Result<PosOrder, SubmitError> {
    attempt.check_same(found)?;
    match booked(found, attempt.draft.paid()) {
        Booked::Untold if attempt.note.unpaid => Err(attempt.unpaid()),
        Booked::All | Booked::Untold => Ok(pos_order(found)),
        Booked::Part(part) => Err(attempt.underpaid(part)),
        Booked::Nothing => Err(attempt.underpaid(Decimal::ZERO)),
    }
}

/// What the POS calls a table order that it placed.
fn placed(order_id: Option<String>, receipt_id: Option<String>) -> PosOrder {
    let known = |id: Option<String>| id.filter(|id| !id.is_empty());
    PosOrder { order_id: known(order_id), receipt_id: known(receipt_id), order_number: None }
}
