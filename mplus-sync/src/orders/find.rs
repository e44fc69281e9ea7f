//! Looks for an order at the POS.

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::orders::{
    FindOrder, GetOrder, GetOrders, GetOrdersByExtOrderIds, GetOrdersByExtOrderIdsRequest, GetOrdersRequest,
};
use mplus_qapi::receipts::Receipt;
use mplus_qapi::types::{Line, Order, OrderType};
use mplus_qapi::value::SoapMplusDate;

use crate::model::{ConnectionId, OrderNumber};

use super::identity::stable_uuid;
use super::receipt::branch_of;
use super::service::Attempt;
use super::{OrderDraft, OrderService, SubmitError};

/// The types that an order of the host may have at the POS.
const ALL_TYPES: [OrderType; 3] =
    [OrderType::SalesOrder, OrderType::ExternalSalesOrder, OrderType::TableOrder];

impl OrderService {
    /// The order with this number, of whatever type, placed at this time or later; as its receipt tells it when orders do not.
    pub(super) async fn find(
        &self,
        number: &OrderNumber,
        placed_at: DateTime<Utc>,
        at_table: bool,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        match self.find_shown(number, placed_at, at_table).await? {
            Some(found) => Ok(Some(found)),
            None => {
                let is_it = |receipt: &Receipt| receipt.ext_order_ids.iter().any(|id| id == number.as_str());
                self.find_receipt(placed_at, is_it).await
            }
        }
    }

    /// The order with this number among those that the POS shows.
    async fn find_shown(
        &self,
        number: &OrderNumber,
        placed_at: DateTime<Utc>,
        at_table: bool,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        let timeout = Some(self.timeout());
        let find = FindOrder { ext_order_id: number.to_string() };
        let found = unless_refused(self.lacking.call(find, timeout).await)?;
        let finds = found.is_some();
        let found = found.and_then(|response| response.order);
        if let Some(order) = found.filter(|order| is_numbered(order, number)) {
            return Ok(Some(order));
        }
        let ids = vec![number.to_string()].into();
        let request = GetOrdersByExtOrderIdsRequest { ext_order_ids: ids, ..Default::default() };
        let listed = unless_refused(self.lacking.call(GetOrdersByExtOrderIds::from(request), timeout).await)?;
        if let Some(response) = listed {
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
        let shown =
            self.first(self.at_tables(draft), |order| has_line(&order.line_list, &draft.number)).await?;
        if shown.is_some() {
            return Ok(shown);
        }
        let is_it = |receipt: &Receipt| {
            branch_of(receipt) == draft.branch.get() && has_line(&receipt.line_list, &draft.number)
        };
        self.find_receipt(draft.placed_at, is_it).await
    }

    /// The order with this identifier of the POS.
    pub(super) async fn get(&self, order_id: &str) -> Result<Option<Order>, mplus_qapi::Error> {
        let request = GetOrder { order_id: order_id.to_owned() };
        if let Some(response) = unless_refused(self.lacking.call(request, Some(self.timeout())).await)? {
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
        let since = self.first_day(placed_at);
        GetOrdersRequest { from_financial_date: Some(since), ..GetOrdersRequest::default() }
    }

    /// The first day under which the POS may have entered an order: a day earlier, for one whose business day ends after
    /// midnight.
    pub(super) fn first_day(&self, placed_at: DateTime<Utc>) -> SoapMplusDate {
        self.settings.zone.local(placed_at - TimeDelta::days(1)).date_naive().into()
    }

    async fn first(
        &self,
        request: GetOrdersRequest,
        is_it: impl Fn(&Order) -> bool + Send,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        self.first_of(GetOrders::from(request), is_it).await
    }

    /// The mark that an order leaves in the reference of a table order that it was added to. Short, and put first: the POS
    /// keeps as few as 20 characters.
    pub(super) fn mark(&self, number: &OrderNumber) -> String {
        mark(self.connection(), number)
    }
}

/// Nothing for a look that the POS refuses, as for one that it does not know: another one may be allowed to this user.
fn unless_refused<T>(looked: Result<Option<T>, mplus_qapi::Error>) -> Result<Option<T>, mplus_qapi::Error> {
    match looked {
        Err(error) if error.fault().is_some() && !error.is_transient() && !error.is_authentication() => {
            Ok(None)
        }
        looked => looked,
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
pub(super) fn has_line(lines: &[Line], number: &OrderNumber) -> bool {
    let is_it = |text: &Option<String>| text.as_deref() == Some(number.as_str());
    lines.iter().any(|line| line.article_number == 0 && is_it(&line.text))
}
