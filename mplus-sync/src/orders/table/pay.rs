//! Orders that are paid already: `createAndPayTableOrder`.

use mplus_qapi::table_orders::{
    CreateAndPayTableOrder, CreateAndPayTableOrderRequest, CreateAndPayTableOrderResult,
};

use crate::model::{OrderKind, PosOrder};
use crate::orders::error::name_of;
use crate::orders::note::AttemptNote;
use crate::orders::service::Attempt;
use crate::orders::{OrderService, SubmitError, SubmitErrorKind};

use super::find::paid;
use super::place::placed;

impl OrderService {
    /// Places a table order that is paid already, on its own; where the POS does not know the call for it, with
    /// `placeTableOrder`, and without that as an order for pick-up that names its table.
    pub(in crate::orders) async fn create_and_pay_table_order(
        &self,
        attempt: &mut Attempt<'_>,
    ) -> Result<PosOrder, SubmitError> {
        if attempt.may_be_at_pos {
            // It went as an order for pick-up, whose payments may have to follow.
            if attempt.note.pays_apart {
                return self.create_for_table(attempt).await;
            }
            let may_send = self.may_send(attempt);
            if let Some(found) = self.find_paid(attempt).await? {
                return Ok(found);
            }
            // It may have been placed by the other call, before the settings were changed.
            if let Some(found) = self.find_placed(attempt).await? {
                return Ok(found);
            }
            may_send?;
        }
        let sent = Some(self.now());
        self.note_table(attempt, AttemptNote { unpaid: false, sent, ..attempt.note.clone() }).await?;
        let mut order = attempt.draft.to_order(attempt.relation, &self.settings);
        order.payment_list = attempt.draft.to_payments().into();
        let request = CreateAndPayTableOrderRequest { order: Some(order) };
        let response = self.lacking.call(CreateAndPayTableOrder::from(request), Some(self.timeout())).await;
        let Some(response) = response.map_err(|error| attempt.write_failed(error))? else {
            attempt.note.sent = None;
            return match self.place_table_order(attempt).await? {
                Some(placed) => Ok(placed),
                None => self.create_for_table(attempt).await,
            };
        };
        attempt.note.sent = None;
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
                    None => Err(self.unclear(attempt, "createAndPayTableOrder", answer).await),
                }
            }
            CreateAndPayTableOrderResult::PaymentFailed => {
                attempt.may_be_at_pos = true;
                let note = AttemptNote { unpaid: true, ..attempt.note.clone() };
                self.note(attempt, note).await?;
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
        (attempt.may_be_at_pos, attempt.is_unanswered) = (as_sale.may_be_at_pos, as_sale.is_unanswered);
        attempt.note = as_sale.note;
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
                return paid(attempt, &found, Ok(()));
            }
        }
        let difference = "it calls this one a duplicate, but does not show it".to_owned();
        Err(attempt.error(SubmitErrorKind::NumberTaken { difference }))
    }
}
