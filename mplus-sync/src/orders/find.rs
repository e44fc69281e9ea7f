//! Looks for an order at the POS.

use chrono::TimeDelta;
use futures_util::StreamExt;
use mplus_qapi::orders::{
    FindOrder, GetOrderResult, GetOrders, GetOrdersByExtOrderIdsRequest, GetOrdersRequest,
};
use mplus_qapi::types::{Order, OrderType};

use crate::model::{OrderNumber, PosOrder};
use crate::pos_call::is_unknown_operation;

use super::service::Attempt;
use super::{OrderDraft, OrderService, SubmitError};

impl OrderService {
    /// The order with this number, of whatever type.
    pub(super) async fn find(&self, number: &OrderNumber) -> Result<Option<Order>, mplus_qapi::Error> {
        let response = self
            .merchant
            .client()
            .find_order(FindOrder { ext_order_id: number.to_string() })
            .timeout(self.timeout())
            .await?;
        if response.result == GetOrderResult::Ok
            && let Some(order) = response.order.filter(|order| is_numbered(order, number))
        {
            return Ok(Some(order));
        }
        let ids = vec![number.to_string()].into();
        let request = GetOrdersByExtOrderIdsRequest { ext_order_ids: ids, ..Default::default() };
        match self.merchant.client().get_orders_by_ext_order_ids(request).timeout(self.timeout()).await {
            Ok(response) => Ok(response.order_list.into_iter().find(|order| is_numbered(order, number))),
            Err(error) if is_unknown_operation(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, refused when it is another order than the draft.
    pub(super) async fn find_same(&self, attempt: &Attempt<'_>) -> Result<Option<Order>, SubmitError> {
        let found = self.find(&attempt.draft.number).await.map_err(|error| attempt.read_failed(error))?;
        if let Some(found) = &found {
            attempt.check_same(found)?;
        }
        Ok(found)
    }

    /// A table order of the branch that this order was added to, whether or not it is still open.
    pub(super) async fn find_added_to(&self, draft: &OrderDraft) -> Result<Option<Order>, mplus_qapi::Error> {
        // A day earlier, for a POS whose business day ends after midnight.
        let since = (draft.placed_at - TimeDelta::days(1)).with_timezone(&self.settings.zone).date_naive();
        let request = GetOrdersRequest {
            from_financial_date: Some(since.into()),
            branch_numbers: vec![draft.branch.get()],
            order_type_list: vec![OrderType::TableOrder].into(),
            include_line_list: Some(false),
            ..GetOrdersRequest::default()
        };
        let mut orders =
            self.merchant.client().call(GetOrders::from(request)).timeout(self.timeout()).stream();
        while let Some(order) = orders.next().await {
            let order = order?;
            if names(&order, &draft.number) {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }
}

fn is_numbered(order: &Order, number: &OrderNumber) -> bool {
    order.ext_order_id.as_deref() == Some(number.as_str())
}

/// The mark that an order leaves in the reference of a table order that it was added to.
pub(super) fn mark(number: &OrderNumber) -> String {
    format!("[{number}]")
}

/// Whether a table order is this one, or this one was added to it.
pub(super) fn names(order: &Order, number: &OrderNumber) -> bool {
    let marked = || order.reference.as_deref().is_some_and(|reference| reference.contains(&mark(number)));
    is_numbered(order, number) || marked()
}

/// What the POS calls an order.
pub(super) fn pos_order(order: &Order) -> PosOrder {
    PosOrder {
        order_id: Some(order.order_id.clone()).filter(|id| !id.is_empty()),
        order_number: order.order_number.as_ref().map(|number| format!("{}-{}", number.year, number.number)),
        receipt_id: order.invoice_ids.first().cloned(),
    }
}
