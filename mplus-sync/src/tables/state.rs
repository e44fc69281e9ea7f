//! What goes on at a table.

use std::time::Duration;

use mplus_qapi::table_orders::{
    GetTableOrder, GetTableOrderRequest, GetTableOrderResponse, GetTableOrderResult, GetTableOrderV2,
    GetTableOrderV3, GetTableOrderV3Request,
};
use mplus_qapi::types::{Order, Terminal};
use rust_decimal::Decimal;

use crate::merchant::Lacking;
use crate::model::TableRef;
use crate::text::kept;

/// What goes on at a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableState {
    /// Nobody has ordered.
    Free,
    /// There is an order.
    Open(OpenOrder),
    /// Somebody works at the table; its order cannot be read or changed meanwhile.
    Claimed {
        /// At which workplace, when the POS says.
        workplace: Option<i32>,
    },
}

/// A table's order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenOrder {
    /// The POS's identifier.
    pub order_id: String,
    /// The host's order number, when the host opened the table.
    pub number: Option<String>,
    /// What it comes to in euros, VAT included.
    pub total: Decimal,
    /// What was paid of it, in euros.
    pub prepaid: Decimal,
}

/// What the POS has of a table: its order, nothing, or that it is claimed.
pub(crate) enum TableOrder {
    Free,
    Open(Box<Order>),
    Claimed(Option<i32>),
}

/// Reads a table's order without claiming it, with the newest call that the POS knows. The older ones are a terminal's.
///
/// An answer that is not one of the documented ones is handed out as its text.
pub(crate) async fn read_table(
    lacking: &Lacking,
    terminal: &Terminal,
    table: TableRef,
    timeout: Option<Duration>,
) -> Result<Result<TableOrder, String>, mplus_qapi::Error> {
    let workplace = terminal.terminal_number;
    let response = ask(lacking, terminal, table, timeout).await?;
    let Some(response) = response else { return Ok(Err("this POS knows no call for it".to_owned())) };
    let holder = response.claimed_by_workplace_number.filter(|holder| *holder != 0 && *holder != workplace);
    Ok(match response.result {
        // Shown all the same, but nobody else may change it.
        GetTableOrderResult::Ok | GetTableOrderResult::None | GetTableOrderResult::Unknown(_)
            if holder.is_some() =>
        {
            Ok(TableOrder::Claimed(holder))
        }
        GetTableOrderResult::Ok => {
            Ok(response.order.map_or(TableOrder::Free, |order| TableOrder::Open(Box::new(order))))
        }
        GetTableOrderResult::None => Ok(TableOrder::Free),
        GetTableOrderResult::AlreadyUsed | GetTableOrderResult::Claimed => {
            Ok(TableOrder::Claimed(response.claimed_by_workplace_number))
        }
        // What is shown is there, whatever is said of it.
        GetTableOrderResult::Unknown(_) if response.order.is_some() => {
            Ok(response.order.map_or(TableOrder::Free, |order| TableOrder::Open(Box::new(order))))
        }
        other => Err(kept(other.as_str())),
    })
}

async fn ask(
    lacking: &Lacking,
    terminal: &Terminal,
    table: TableRef,
    timeout: Option<Duration>,
) -> Result<Option<GetTableOrderResponse>, mplus_qapi::Error> {
    let request = GetTableOrderV3Request {
        branch_number: terminal.branch_number,
        workplace_number: terminal.terminal_number,
        table_number: table.number,
        table_sub_number: Some(table.sub_number),
        claim_table: Some(false),
        uncondensed_lines: Some(true),
        ..GetTableOrderV3Request::default()
    };
    if let Some(response) = lacking.call(GetTableOrderV3::from(request), timeout).await? {
        return Ok(Some(response));
    }
    let request = GetTableOrderRequest {
        table_number: Some(table.number),
        table_sub_number: Some(table.sub_number),
        claim_table: Some(false),
    };
    let second = GetTableOrderV2 { terminal: terminal.clone(), request };
    if let Some(response) = lacking.call(second, timeout).await? {
        return Ok(Some(response));
    }
    if table.sub_number != 1 {
        return Ok(None);
    }
    let first = GetTableOrder {
        terminal: terminal.clone(),
        branch_number: terminal.branch_number,
        table_number: table.number,
    };
    lacking.call(first, timeout).await
}

impl From<TableOrder> for TableState {
    fn from(order: TableOrder) -> Self {
        match order {
            TableOrder::Free => Self::Free,
            TableOrder::Claimed(workplace) => Self::Claimed { workplace },
            TableOrder::Open(order) => Self::Open(OpenOrder {
                order_id: order.order_id,
                number: order.ext_order_id.filter(|number| !number.is_empty()),
                total: order.total_incl_amount.unwrap_or_default(),
                prepaid: order.prepaid_amount.unwrap_or_default(),
            }),
        }
    }
}
