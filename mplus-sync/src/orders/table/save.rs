//! Orders that are paid at the end: `saveTableOrder`.

use mplus_qapi::ErrorKind;
use mplus_qapi::table_orders::{SaveTableOrder, SaveTableOrderResult};
use mplus_qapi::types::{Line, Order};

use crate::model::{PosOrder, TableRef};
use crate::orders::find::{is_marked, is_numbered};
use crate::orders::note::{AttemptNote, TableBefore};
use crate::orders::service::Attempt;
use crate::orders::{OrderService, SubmitError, SubmitErrorKind};
use crate::text::readable;

/// How often a table's order is read anew when it changed before it was saved.
const READS: u32 = 5;

impl OrderService {
    /// Adds an order to its table, to be paid at the end.
    ///
    /// The POS keeps one order for a table, and saving replaces it: the order that is there is read, the lines are added
    /// and the whole is saved, if it has not changed since. The host's number is the table order's own when it opens the
    /// table, and a mark in its reference when it was added; since the POS may cut the reference and a waiter may clear it,
    /// what stood there before is noted, too.
    pub(in crate::orders) async fn save_table_order(
        &self,
        attempt: &mut Attempt<'_>,
        table: TableRef,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            let may_send = self.may_send(attempt);
            if let Some(saved) = self.find_saved(attempt, table).await? {
                return Ok(saved);
            }
            may_send?;
            attempt.may_be_at_pos = false;
        }
        let terminal = self.terminal(attempt).await?;
        let mark = self.mark(&attempt.draft.number);
        let mut answer = String::new();
        for _ in 0..READS {
            let current = self.table_order(attempt, table, &terminal).await?;
            if let Some(current) = &current {
                if is_numbered(current, &attempt.draft.number) {
                    attempt.check_same(current)?;
                    return Ok(attempt.taken(current));
                }
                if is_marked(current, &mark) {
                    return Ok(attempt.taken(current));
                }
            }
            // After a call in this very attempt of which nobody knows the end.
            if attempt.may_be_at_pos
                && let Some(saved) = self.find_saved(attempt, table).await?
            {
                return Ok(saved);
            }
            // One that is added to a table's order is refused once that has changed; one that opens a table is not.
            if attempt.may_be_at_pos && attempt.note.opened.is_some() {
                return Err(self.unclear(attempt, "saveTableOrder", &answer).await);
            }
            attempt.may_be_at_pos = false;
            let opens = current.is_none();
            let (employee, sent) = (attempt.draft.employee, attempt.draft.articles());
            let before = current.as_ref().map(|order| TableBefore::of(order, employee, sent, attempt.turn()));
            let opened = opens.then(|| self.now());
            let note = AttemptNote { table: before, opened, sent: opened, ..attempt.note.clone() };
            self.note_table(attempt, note).await?;
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
                    let saved = response.order_id.map(PosOrder::with_id).unwrap_or_default();
                    return match opens {
                        true => self.alone_at_table(attempt, table, saved).await,
                        false => Ok(saved),
                    };
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
                result => return Err(self.unclear(attempt, "saveTableOrder", result.as_str()).await),
            }
        }
        match attempt.may_be_at_pos {
            true => Err(self.unclear(attempt, "saveTableOrder", &answer).await),
            false => Err(attempt.error(SubmitErrorKind::TableBusy { table })),
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
}

/// Has a line of the POS say only what it takes back.
fn make_readable(line: &mut Line) {
    if let Some(text) = &mut line.text {
        *text = readable(text).into_owned();
    }
    line.preparation_list.iter_mut().for_each(make_readable);
}
