//! Orders of either kind by the modern call: `placeTableOrder`.

use mplus_qapi::table_orders::{
    LinesResult, PaymentsResult, PlaceTableOrder, PlaceTableOrderResp, PlaceTableOrderResult,
};
use mplus_qapi::types::IdempotencyResult;

use crate::model::PosOrder;
use crate::orders::create::ROUNDS;
use crate::orders::note::AttemptNote;
use crate::orders::service::Attempt;
use crate::orders::{OrderService, SubmitError};

impl OrderService {
    /// Places a table order of either kind by the modern call, which the POS carries out once for each key; none when it
    /// does not know the call. How long it remembers a key is not known: the line that names the order is looked for first.
    pub(super) async fn place_table_order(
        &self,
        attempt: &mut Attempt<'_>,
    ) -> Result<Option<PosOrder>, SubmitError> {
        if self.lacking.lacks("placeTableOrder").await {
            return Ok(None);
        }
        if attempt.may_be_at_pos {
            let may_send = self.may_send(attempt);
            // It may have been saved by the other call, before the settings were changed.
            let found = match attempt.draft.table().filter(|_| attempt.draft.payments.is_empty()) {
                Some(table) => self.find_saved(attempt, table).await?,
                None => match self.find_placed(attempt).await? {
                    None => self.find_paid(attempt).await?,
                    placed => placed,
                },
            };
            if found.is_some() {
                return Ok(found);
            }
            may_send?;
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
            let response = self.lacking.call_once(PlaceTableOrder::from(request), self.timeout()).await;
            let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
                return Ok(None);
            };
            attempt.note.key_of = None;
            let replayed = response.idempotency_result == IdempotencyResult::ReplayResponse;
            // It says yes, and that nothing came of the lines, or what nobody knows.
            let of_lines = response.lines_result.as_ref().map(|told| told.as_str());
            let took_none =
                matches!(response.lines_result, Some(LinesResult::Nothing | LinesResult::Unknown(_)));
            match &response.result {
                PlaceTableOrderResult::Ok if took_none => {
                    let answer = of_lines.unwrap_or_default();
                    return self.look_for_placed(attempt, answer).await.map(Some);
                }
                PlaceTableOrderResult::Ok
                    if response.payments_result == Some(PaymentsResult::Nothing)
                        && !attempt.draft.payments.is_empty() =>
                {
                    attempt.may_be_at_pos = true;
                    self.note(attempt, AttemptNote { unpaid: true, ..attempt.note.clone() }).await?;
                    return Err(attempt.unpaid());
                }
                PlaceTableOrderResult::Ok => {
                    if let Some(PaymentsResult::Unknown(answer)) = &response.payments_result
                        && !attempt.draft.payments.is_empty()
                    {
                        attempt.may_be_at_pos = true;
                        self.note(attempt, AttemptNote { unpaid: true, ..attempt.note.clone() }).await?;
                        return Err(attempt.payments_unclear(answer));
                    }
                    let differs = self.deposit(attempt, &response).await;
                    let placed = placed(response.order_id, response.receipt_id);
                    return Ok(Some(PosOrder { differs, ..placed }));
                }
                PlaceTableOrderResult::IdentifierFailed | PlaceTableOrderResult::LinesFailed if replayed => {}
                PlaceTableOrderResult::Unknown(answer) => {
                    return self.look_for_placed(attempt, answer).await.map(Some);
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

    /// The answer does not say whether the POS took the order: looks for it.
    async fn look_for_placed(
        &self,
        attempt: &mut Attempt<'_>,
        answer: &str,
    ) -> Result<PosOrder, SubmitError> {
        attempt.may_be_at_pos = true;
        match self.find_placed(attempt).await? {
            Some(found) => Ok(found),
            None => Err(self.unclear(attempt, "placeTableOrder", answer).await),
        }
    }

    /// What a person should know when the payments did not settle the table: its guests are asked for the rest, or have
    /// something to get back.
    async fn deposit(&self, attempt: &Attempt<'_>, response: &PlaceTableOrderResp) -> Option<String> {
        let payments = match response.payments_result.as_ref()? {
            PaymentsResult::OrderPrepaidBecauseUnderpaid => "do not settle its table",
            PaymentsResult::OrderPrepaidBecauseOverpaid => "are more than its table comes to",
            _ => return None,
        };
        let order_id = response.order_id.as_deref().filter(|id| !id.is_empty());
        let shown = match order_id {
            // What cannot be read makes no difference to the order.
            Some(order_id) => self.get(order_id).await.unwrap_or_default(),
            None => None,
        };
        let paid = attempt.draft.paid();
        let total = shown.and_then(|shown| shown.total_incl_amount);
        let total = total.map(|total| format!(" ({total} euros, with what others ordered there)"));
        Some(format!(
            "the {paid} euros that were paid {payments}{}: they are a deposit",
            total.unwrap_or_default()
        ))
    }
}

/// What the POS calls a table order that it placed.
pub(super) fn placed(order_id: Option<String>, receipt_id: Option<String>) -> PosOrder {
    let known = |id: Option<String>| id.filter(|id| !id.is_empty());
    PosOrder { order_id: known(order_id), receipt_id: known(receipt_id), ..PosOrder::default() }
}
