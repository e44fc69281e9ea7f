//! Table orders: `saveTableOrder`, `createAndPayTableOrder`, `placeTableOrder`.

mod find;
mod look;
mod pay;
mod place;
mod save;

use crate::model::{OrderKind, PosOrder};

use super::service::Attempt;
use super::{OrderService, SubmitError};

impl OrderService {
    /// Places a table order of either kind as the settings want it: by the modern call where the POS knows it.
    pub(in crate::orders) async fn place(&self, attempt: &mut Attempt<'_>) -> Result<PosOrder, SubmitError> {
        if let Some(placed) = self.place_table_order(attempt).await? {
            return Ok(placed);
        }
        match &attempt.draft.kind {
            OrderKind::DineInPayLater { table, .. } => self.save_table_order(attempt, *table).await,
            _ => self.create_and_pay_table_order(attempt).await,
        }
    }
}
