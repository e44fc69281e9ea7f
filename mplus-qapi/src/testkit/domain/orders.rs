//! Orders as the POS keeps them: completed, numbered, found. What changes them is in `order_changes`.

use std::collections::BTreeMap;

use crate::{
    orders::*,
    testkit::{
        catalogue::without_vat,
        dialect::{FinishedOrders, Reference, UnknownNumbers},
        domain::{
            operations::{Answer, Items, Operations},
            page::{bounded_page, page},
        },
        state::State,
    },
    types::*,
    value::Decimal,
};

const ORDER: u32 = 1;
const LINE: u32 = 2;
const INVOICE: u32 = 3;

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_order);
    operations.on(find_order);
    operations.list(get_orders);
    operations.list(get_orders_by_ext_order_ids);
}

impl State {
    /// The relation that an order names, if it may.
    pub(super) fn check_relation(&self, order: &Order) -> Result<(), String> {
        match order.relation_number.filter(|number| *number != 0) {
            None => Err("An order needs a relation.".to_owned()),
            Some(number) if self.relations.get(number).is_none() => {
                Err(format!("There is no relation {number}."))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn check_place(&self, branch: i32, workplace: Option<i32>) -> Result<(), String> {
        if self.branches.get(branch).is_none() {
            return Err(format!("There is no branch {branch}."));
        }
        match workplace.filter(|number| *number != 0) {
            Some(number)
                if !self.branches.has_workplace(branch, number)
                    && self.dialect.unknown_numbers == UnknownNumbers::Refused =>
            {
                Err(format!("Branch {branch} has no workplace {number}."))
            }
            _ => Ok(()),
        }
    }

    /// The order as the POS would keep it: its articles known, prices and totals filled in.
    pub(super) fn complete(&mut self, mut order: Order, order_type: OrderType) -> Result<Order, String> {
        let branch = order.entry_branch_number.filter(|number| *number != 0).unwrap_or(1);
        self.check_place(branch, order.workplace_number)?;
        if order.line_list.is_empty() {
            return Err("An order needs a line.".to_owned());
        }
        order.entry_branch_number = Some(branch);
        order.financial_branch_number =
            order.financial_branch_number.filter(|number| *number != 0).or(Some(branch));
        order.order_type = Some(order_type);
        order.vat_method = order.vat_method.or(Some(VatMethod::Inclusive));
        self.check_employee(order.employee_number)?;
        order.reference = order.reference.and_then(|reference| self.kept_reference(&reference));
        let dated =
            order.financial_date.and_then(|date| date.to_date()).unwrap_or_else(|| self.clock.today());
        order.financial_date = Some(dated.into());
        let relation = order.relation_number.and_then(|number| self.relations.get(number));
        order.relation_name = relation.and_then(|relation| relation.name.clone());
        for line in &mut *order.line_list {
            self.complete_line(line, branch)?;
        }
        self.total(&mut order);
        Ok(order)
    }

    pub(super) fn complete_line(&mut self, line: &mut Line, branch: i32) -> Result<(), String> {
        if line.line_id.as_deref().unwrap_or_default().is_empty() {
            line.line_id = Some(self.clock.id(LINE));
        }
        for choice in &mut *line.preparation_list {
            self.complete_line(choice, branch)?;
        }
        if line.article_number == 0 {
            // A line of text.
            return if line.text.as_deref().unwrap_or_default().is_empty() {
                Err("A line without an article needs a text.".to_owned())
            } else {
                Ok(())
            };
        }
        let Some(article) = self.catalogue.article(line.article_number) else {
            return Err(format!("There is no article {}.", line.article_number));
        };
        let not_for_sale = self.is_not_for_sale(&article, branch);
        if not_for_sale && self.dialect.unknown_numbers == UnknownNumbers::Refused {
            return Err(format!("Article {} is not for sale.", line.article_number));
        }
        if article.active == Some(false) && self.dialect.unknown_numbers == UnknownNumbers::Refused {
            return Err(format!("Article {} is not active.", line.article_number));
        }
        let price = self.price(&article, branch);
        line.text = line.text.take().or(article.description);
        line.plu_number = line.plu_number.take().or(article.plu_number);
        let data =
            line.data.get_or_insert_with(|| LineData { quantity: Decimal::ONE, ..LineData::default() });
        let vat_code = data.vat_code.or(article.vat_code).unwrap_or_default();
        let price = *data.price.get_or_insert(price);
        data.original_price = data.original_price.or(Some(price));
        data.vat_code = Some(vat_code);
        data.vat_percentage = self.vat_rate(vat_code).and_then(|percentage| i32::try_from(percentage).ok());
        let full = price * data.quantity;
        let percentage = Decimal::from(data.discount_percentage.unwrap_or_default());
        let discount = full * percentage / Decimal::ONE_HUNDRED + data.discount_amount.unwrap_or_default();
        let total = (full - discount).round_dp(2);
        data.total_incl_amount = Some(total);
        data.total_excl_amount = Some(without_vat(total, vat_code));
        Ok(())
    }

    fn kept_reference(&self, reference: &str) -> Option<String> {
        let length = match self.dialect.reference {
            Reference::Whole => usize::MAX,
            Reference::Fifty => 50,
            Reference::Twenty => 20,
            Reference::None => return None,
        };
        Some(reference.chars().take(length).collect())
    }

    /// Sums up the lines, per VAT code and in all.
    pub(super) fn total(&self, order: &mut Order) {
        let mut groups: BTreeMap<i32, (Decimal, Decimal)> = BTreeMap::new();
        let lines =
            order.line_list.iter().flat_map(|line| std::iter::once(line).chain(&line.preparation_list));
        for data in lines.filter_map(|line| line.data.as_ref()) {
            let group = groups.entry(data.vat_code.unwrap_or_default()).or_default();
            group.0 += data.total_incl_amount.unwrap_or_default();
            group.1 += data.total_excl_amount.unwrap_or_default();
        }
        order.total_incl_amount = Some(groups.values().map(|(incl, _)| incl).sum());
        order.total_excl_amount = Some(groups.values().map(|(_, excl)| excl).sum());
        let vat_groups = groups.into_iter().map(|(vat_code, (incl, excl))| VatGroup {
            vat_code,
            vat_percentage: self.vat_rate(vat_code).unwrap_or_default(),
            excl_amount: Some(excl),
            vat_amount: Some(incl - excl),
            ..VatGroup::default()
        });
        order.vat_group_list = vat_groups.collect();
    }

    /// Keeps a new order, with an id and numbers of its own, and reserves its stock.
    pub(super) fn keep_new(&mut self, mut order: Order) -> Order {
        let number = YearNumber {
            year: order.financial_date.map(|date| date.year).unwrap_or_default(),
            number: self.orders.by_id.len() as i64 + 1,
        };
        order.order_id = self.clock.id(ORDER);
        order.transaction_string = Some(format!("{}.{}", number.year, number.number));
        order.order_number = Some(number);
        order.entry_timestamp = Some(self.clock.stamp());
        (order.change_counter, order.version_number) = (None, None);
        order.prepaid_amount = Some(Decimal::new(0, 2));
        order.fully_paid = Some(false);
        order.delivery_state = Some(OrderDeliveryState::Nothing);
        order.cancel_state = Some(OrderCancelState::Nothing);
        order.complete_state = Some(OrderCompleteState::Nothing);
        self.reserve_lines(&order, Decimal::ONE);
        let id = order.order_id.clone();
        self.orders.keep_changed(order);
        self.orders.by_id.get(&id).cloned().unwrap_or_default()
    }

    /// Reserves what an order's lines need; with a factor of -1 it is free again.
    pub(super) fn reserve_lines(&mut self, order: &Order, factor: Decimal) {
        let branch = order.financial_branch_number.unwrap_or(1);
        for line in &order.line_list {
            let quantity = line.data.as_ref().map(|data| data.quantity).unwrap_or_default();
            if let Some(article) = self.catalogue.article(line.article_number) {
                self.reserve(branch, &article, quantity * factor, &order.order_id);
            }
        }
    }

    /// Whether calls tell of an order.
    fn shows(&self, order: &Order) -> bool {
        let is_done = order.complete_state == Some(OrderCompleteState::Complete);
        !is_done || self.dialect.finished_orders == FinishedOrders::Shown
    }

    /// The id of a new invoice or receipt.
    pub(super) fn invoice_id(&mut self) -> String {
        self.clock.id(INVOICE)
    }
}

/// What makes a line of an order: article, text, quantity and price.
type LineContents = (i64, Option<String>, Option<Decimal>, Option<Decimal>);

/// What a person would call the contents of an order: two orders that are the same in this have no changes.
pub(super) fn contents(order: &Order) -> impl PartialEq + use<> {
    fn lines(list: &[Line]) -> Vec<LineContents> {
        let one = |line: &Line| {
            let data = line.data.as_ref();
            let quantity = data.map(|data| data.quantity);
            (line.article_number, line.text.clone(), quantity, data.and_then(|data| data.price))
        };
        list.iter().flat_map(|line| std::iter::once(line).chain(&line.preparation_list)).map(one).collect()
    }
    (
        (lines(&order.line_list), order.relation_number, order.reference.clone(), order.number_of_guests),
        (
            order.delivery_method.clone(),
            order.delivery_date,
            order.delivery_period_begin,
            order.delivery_address.clone(),
        ),
        (order.financial_date, order.payment_method.clone(), order.ext_order_id.clone()),
    )
}

fn order_response(order: Option<&Order>) -> GetOrderResponse {
    match order {
        Some(order) => GetOrderResponse { result: GetOrderResult::Ok, order: Some(order.clone()) },
        None => GetOrderResponse { result: GetOrderResult::NotFound, order: None },
    }
}

fn get_order(state: &mut State, GetOrder { order_id }: GetOrder) -> Answer<GetOrderResponse> {
    Ok(order_response(state.orders.get(&order_id).filter(|order| state.shows(order))))
}

fn find_order(state: &mut State, FindOrder { ext_order_id }: FindOrder) -> Answer<GetOrderResponse> {
    Ok(order_response(state.orders.find(&ext_order_id).filter(|order| state.shows(order))))
}

/// Orders of sales only, unless other types are asked for.
fn get_orders(state: &mut State, GetOrders { request }: GetOrders) -> Answer<Items<GetOrders>> {
    let sales = [OrderType::SalesOrder, OrderType::RepeatSalesOrder, OrderType::ExternalSalesOrder];
    let types = if request.order_type_list.is_empty() { &sales[..] } else { &request.order_type_list[..] };
    let listed = |list: &[i32], number: Option<i32>| {
        list.is_empty() || number.is_some_and(|number| list.contains(&number))
    };
    let wanted = |order: &&Order| {
        let date = order.financial_date.and_then(|date| date.to_date());
        let from = request.from_financial_date.and_then(|date| date.to_date());
        let through = request.through_financial_date.and_then(|date| date.to_date());
        state.shows(order)
            && order.order_type.as_ref().is_some_and(|kind| types.contains(kind))
            && listed(&request.branch_numbers, order.entry_branch_number)
            && (request.order_ids.is_empty() || request.order_ids.contains(&order.order_id))
            && (request.relation_numbers.is_empty()
                || order.relation_number.is_some_and(|number| request.relation_numbers.contains(&number)))
            && from.is_none_or(|from| date >= Some(from))
            && through.is_none_or(|through| date.is_some_and(|date| date <= through))
            && (request.article_numbers.is_empty()
                || order.line_list.iter().any(|line| request.article_numbers.contains(&line.article_number)))
    };
    let orders = state.orders.by_id.values().filter(wanted).map(|order| {
        let mut order = order.clone();
        if request.include_line_list == Some(false) {
            order.line_list = Default::default();
        }
        (order.sync_marker.unwrap_or_default(), order)
    });
    let (marker, limit) = (request.sync_marker, request.sync_marker_limit);
    let page = bounded_page(state.dialect.list_length, orders.collect(), marker, limit);
    Ok(Box::new(page.into_iter()))
}

fn get_orders_by_ext_order_ids(
    state: &mut State,
    GetOrdersByExtOrderIds { request }: GetOrdersByExtOrderIds,
) -> Answer<Items<GetOrdersByExtOrderIds>> {
    let found = request.ext_order_ids.iter().filter_map(|ext| state.orders.find(ext));
    let found = found.filter(|order| state.shows(order));
    let orders = found.map(|order| (order.sync_marker.unwrap_or_default(), order.clone())).collect();
    Ok(Box::new(page(orders, request.sync_marker, request.sync_marker_limit).into_iter()))
}
