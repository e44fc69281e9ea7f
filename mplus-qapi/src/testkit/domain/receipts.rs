//! Receipts: what orders end in that are paid and done.

use crate::{
    receipts::*,
    testkit::{
        domain::{
            operations::{Answer, Items, Operations},
            page::bounded_page,
        },
        state::State,
    },
    types::Order,
    value::List,
};

pub(super) fn register(operations: &mut Operations) {
    operations.list(get_receipts);
}

fn get_receipts(state: &mut State, GetReceipts { request }: GetReceipts) -> Answer<Items<GetReceipts>> {
    let from = request.from_financial_date.and_then(|date| date.to_date());
    let through = request.through_financial_date.and_then(|date| date.to_date());
    let wanted = |receipt: &Receipt| {
        let date = receipt.financial_date.to_date();
        from.is_none_or(|from| date >= Some(from))
            && through.is_none_or(|through| date.is_some_and(|date| date <= through))
            && (request.branch_numbers.is_empty()
                || request.branch_numbers.contains(&receipt.financial_branch_number))
            && (request.receipt_ids.is_empty() || request.receipt_ids.contains(&receipt.receipt_id))
    };
    let receipts = state.orders.all().filter_map(receipt_of).filter(wanted).map(|mut receipt| {
        let is_short = request.include_line_list == Some(false);
        if is_short {
            receipt.line_list = List::absent();
        }
        if is_short || request.include_order_references != Some(true) {
            (receipt.order_ids, receipt.ext_order_ids) = (List::absent(), List::absent());
        }
        (receipt.sync_marker.unwrap_or_default(), receipt)
    });
    let (marker, limit) = (request.sync_marker, request.sync_marker_limit);
    let page = bounded_page(state.dialect.list_length, receipts.collect(), marker, limit);
    Ok(Box::new(page.into_iter()))
}

/// The receipt of an order that has one.
fn receipt_of(order: &Order) -> Option<Receipt> {
    let receipt_id = order.invoice_ids.first()?.clone();
    let total = order.total_incl_amount.unwrap_or_default();
    Some(Receipt {
        receipt_id,
        order_ids: vec![order.order_id.clone()].into(),
        ext_order_ids: order.ext_order_id.clone().into_iter().collect(),
        sync_marker: order.sync_marker,
        receipt_type: ReceiptType::Receipt,
        employee_number: order.employee_number.unwrap_or_default(),
        entry_timestamp: order.entry_timestamp.unwrap_or_default(),
        relation_number: order.relation_number,
        financial_date: order.financial_date.unwrap_or_default(),
        financial_branch_number: order.financial_branch_number.unwrap_or(1),
        workplace_number: order.workplace_number.unwrap_or_default(),
        entry_branch_number: order.entry_branch_number,
        reference: order.reference.clone(),
        total_incl_amount: total,
        total_excl_amount: order.total_excl_amount.unwrap_or_default(),
        vat_method: order.vat_method.clone().unwrap_or(VatMethod::Inclusive),
        paid_amount: total,
        state: ReceiptState::Paid,
        line_list: order.line_list.clone(),
        payment_list: order.payment_list.clone(),
        table_number: order.table_number,
        table_sub_number: order.table_sub_number,
        ..Receipt::default()
    })
}
