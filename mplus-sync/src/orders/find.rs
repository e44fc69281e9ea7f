//! Looks for an order at the POS.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use mplus_qapi::orders::{
    FindOrder, GetOrder, GetOrders, GetOrdersByExtOrderIds, GetOrdersByExtOrderIdsRequest, GetOrdersRequest,
};
use mplus_qapi::types::{Order, OrderType};

use crate::model::{ConnectionId, OrderNumber, PosOrder};

use super::identity::stable_uuid;
use super::service::Attempt;
use super::{OrderDraft, OrderService, SubmitError};

/// The types that an order of the host may have at the POS.
const ALL_TYPES: [OrderType; 3] =
    [OrderType::SalesOrder, OrderType::ExternalSalesOrder, OrderType::TableOrder];

impl OrderService {
    /// The order with this number, of whatever type, placed at this time or later.
    pub(super) async fn find(
        &self,
        number: &OrderNumber,
        placed_at: DateTime<Utc>,
        at_table: bool,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        let timeout = Some(self.timeout());
        let find = FindOrder { ext_order_id: number.to_string() };
        let found = self.lacking.call(find, timeout).await?;
        let finds = found.is_some();
        let found = found.and_then(|response| response.order);
        if let Some(order) = found.filter(|order| is_numbered(order, number)) {
            return Ok(Some(order));
        }
        let ids = vec![number.to_string()].into();
        let request = GetOrdersByExtOrderIdsRequest { ext_order_ids: ids, ..Default::default() };
        if let Some(response) = self.lacking.call(GetOrdersByExtOrderIds::from(request), timeout).await? {
            let found = response.order_list.into_iter().find(|order| is_numbered(order, number));
            if found.is_some() || !at_table {
                return Ok(found);
            }
        } else if finds && !at_table {
            return Ok(None);
        }
        // Whether these calls show table orders is not known; lists hide them unless they are asked for.
        // It is looked for among those of its days, which are told faster without their lines.
        let request = GetOrdersRequest {
            order_type_list: ALL_TYPES.to_vec().into(),
            include_line_list: Some(false),
            ..self.since(placed_at)
        };
        match self.first(request, |order| is_numbered(order, number)).await? {
            Some(found) => self.get(&found.order_id).await,
            None => Ok(None),
        }
    }

    /// The same, refused when it is another order than the draft.
    pub(super) async fn find_same(&self, attempt: &Attempt<'_>) -> Result<Option<Order>, SubmitError> {
        let found =
            self.find(&attempt.draft.number, attempt.draft.placed_at, attempt.draft.table().is_some()).await;
        let found = found.map_err(|error| attempt.read_failed(error))?;
        if let Some(found) = &found {
            attempt.check_same(found)?;
        }
        Ok(found)
    }

    /// A table order of the branch that carries this order's mark, whether or not it is still open.
    pub(super) async fn find_marked(&self, draft: &OrderDraft) -> Result<Option<Order>, mplus_qapi::Error> {
        let mark = self.mark(&draft.number);
        let request = GetOrdersRequest { include_line_list: Some(false), ..self.at_tables(draft) };
        self.first(request, |order| is_marked(order, &mark)).await
    }

    /// A table order of the branch in which a line of text is this order's number.
    pub(super) async fn find_line(&self, draft: &OrderDraft) -> Result<Option<Order>, mplus_qapi::Error> {
        self.first(self.at_tables(draft), |order| has_line(order, &draft.number)).await
    }

    /// The order with this identifier of the POS.
    pub(super) async fn get(&self, order_id: &str) -> Result<Option<Order>, mplus_qapi::Error> {
        let request = GetOrder { order_id: order_id.to_owned() };
        if let Some(response) = self.lacking.call(request, Some(self.timeout())).await? {
            return Ok(response.order.filter(|order| order.order_id == order_id));
        }
        let request = GetOrdersRequest {
            order_ids: vec![order_id.to_owned()],
            order_type_list: ALL_TYPES.to_vec().into(),
            ..GetOrdersRequest::default()
        };
        self.first(request, |order| order.order_id == order_id).await
    }

    fn at_tables(&self, draft: &OrderDraft) -> GetOrdersRequest {
        GetOrdersRequest {
            branch_numbers: vec![draft.branch.get()],
            order_type_list: vec![OrderType::TableOrder].into(),
            ..self.since(draft.placed_at)
        }
    }

    fn since(&self, placed_at: DateTime<Utc>) -> GetOrdersRequest {
        // A day earlier, for a POS whose business day ends after midnight.
        let since = self.settings.zone.local(placed_at - TimeDelta::days(1)).date_naive();
        GetOrdersRequest { from_financial_date: Some(since.into()), ..GetOrdersRequest::default() }
    }

    async fn first(
        &self,
        request: GetOrdersRequest,
        is_it: impl Fn(&Order) -> bool + Send,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        let mut orders =
            self.merchant.client().call(GetOrders::from(request)).timeout(self.timeout()).stream();
        while let Some(order) = orders.next().await {
            let order = order?;
            if is_it(&order) {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    /// The mark that an order leaves in the reference of a table order that it was added to. Short, and put first: the POS
    /// keeps as few as 20 characters.
    pub(super) fn mark(&self, number: &OrderNumber) -> String {
        mark(self.connection(), number)
    }
}

pub(super) fn is_numbered(order: &Order, number: &OrderNumber) -> bool {
    order.ext_order_id.as_deref() == Some(number.as_str())
}

fn mark(connection: &ConnectionId, number: &OrderNumber) -> String {
    let id = stable_uuid(&["mark", connection.as_str(), number.as_str()]);
    format!("#{}", &id[..7])
}

pub(super) fn is_marked(order: &Order, mark: &str) -> bool {
    order.reference.as_deref().is_some_and(|reference| reference.split(' ').any(|word| word == mark))
}

/// Whether a line of text is an order's number.
pub(super) fn has_line(order: &Order, number: &OrderNumber) -> bool {
    let is_it = |text: &Option<String>| text.as_deref() == Some(number.as_str());
    order.line_list.iter().any(|line| line.article_number == 0 && is_it(&line.text))
}

/// What the POS calls an order.
pub(super) fn pos_order(order: &Order) -> PosOrder {
    PosOrder {
        order_id: Some(order.order_id.clone()).filter(|id| !id.is_empty()),
        order_number: order.order_number.as_ref().map(|number| format!("{}-{}", number.year, number.number)),
        receipt_id: order.invoice_ids.first().cloned(),
    }
}
