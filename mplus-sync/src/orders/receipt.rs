//! Looks for an order among receipts: once it is paid and done, a POS may show it nowhere else.

use chrono::{DateTime, Utc};
use mplus_qapi::ErrorKind;
use mplus_qapi::receipts::{GetReceipts, GetReceiptsRequest, Receipt, ReceiptState, ReceiptType};
use mplus_qapi::soap::{Operation, Unreadable};
use mplus_qapi::types::Order;

use super::OrderService;

impl OrderService {
    /// The order of the first receipt, from the day of this time on, of which `is_it` is true: as the receipt tells it.
    ///
    /// None, too, where the POS tells no receipts, or not to this user: that must not keep orders from it. A receipt of others of
    /// which a value cannot be read is passed over.
    ///
    /// # Errors
    /// When it cannot be asked, or something that cannot be read may be the order: to take it for absent would send it twice.
    pub(super) async fn find_receipt(
        &self,
        placed_at: DateTime<Utc>,
        is_it: impl Fn(&Receipt) -> bool + Send,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        self.find_receipt_unless(placed_at, is_it, |_| false).await
    }

    /// The same by what was sold: a receipt of which the lines cannot be read may be it, unless it names whose it is.
    ///
    /// # Errors
    /// As for [`find_receipt`](Self::find_receipt).
    pub(super) async fn find_receipt_by_lines(
        &self,
        placed_at: DateTime<Utc>,
        is_it: impl Fn(&Receipt) -> bool + Send,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        let of_lines = |value: &Unreadable| value.error().path().contains("lineList");
        self.find_receipt_unless(placed_at, is_it, of_lines).await
    }

    async fn find_receipt_unless(
        &self,
        placed_at: DateTime<Utc>,
        is_it: impl Fn(&Receipt) -> bool + Send,
        matters: impl Fn(&Unreadable) -> bool + Send,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        if self.lacking.lacks(GetReceipts::INFO.name).await {
            return Ok(None);
        }
        let request = GetReceiptsRequest {
            from_financial_date: Some(self.first_day(placed_at)),
            include_order_references: Some(true),
            ..GetReceiptsRequest::default()
        };
        // Others are of money that came or went for nothing that was ordered, or was given back.
        let is_it = move |receipt: &Receipt| receipt.receipt_type == ReceiptType::Receipt && is_it(receipt);
        let hides = move |receipt: &Receipt, value: &Unreadable| {
            matters(value) && receipt.ext_order_ids.iter().all(String::is_empty)
        };
        match self.first_unless_hidden(GetReceipts::from(request), is_it, hides).await {
            Ok(found) => Ok(found.map(order_of)),
            Err(error) if error.is_transient() || error.is_authentication() => Err(error),
            Err(error) if matches!(error.kind(), ErrorKind::Response(_)) => Err(error),
            Err(error) => {
                let call = GetReceipts::INFO.name;
                let is_refused = error.fault().is_some() || matches!(error.kind(), ErrorKind::Paging(_));
                match error.is_unknown_operation() {
                    true => self.lacking.learn(call).await,
                    // A right may be given later: the next process asks again.
                    false if is_refused => drop(self.lacking.remember(call)),
                    false => {}
                }
                Ok(None)
            }
        }
    }
}

/// Where the sale of a receipt was entered.
pub(super) fn branch_of(receipt: &Receipt) -> i32 {
    receipt.entry_branch_number.unwrap_or(receipt.financial_branch_number)
}

fn order_of(receipt: Receipt) -> Order {
    let is_paid = matches!(receipt.state, ReceiptState::Paid | ReceiptState::Handled)
        || receipt.paid_amount >= receipt.total_incl_amount;
    Order {
        entry_branch_number: Some(branch_of(&receipt)),
        order_id: receipt.order_ids.first().cloned().unwrap_or_default(),
        ext_order_id: receipt.ext_order_ids.first().cloned(),
        invoice_ids: vec![receipt.receipt_id].into(),
        relation_number: receipt.relation_number,
        reference: receipt.reference,
        total_incl_amount: Some(receipt.total_incl_amount),
        fully_paid: Some(is_paid),
        line_list: receipt.line_list,
        payment_list: receipt.payment_list,
        ..Order::default()
    }
}
