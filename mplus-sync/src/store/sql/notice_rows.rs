//! What the host is still to be told as a row.

use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OrderNotice, OrderNumber, OutboxState};
use crate::store::StoreError;

use super::driver::Transaction;
use super::format;
use super::value::Row;

/// What a notice's columns do not say.
#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    state: OutboxState,
}

/// Adds a notice, in the transaction in which the order changes.
pub(super) async fn add(
    transaction: &mut dyn Transaction,
    connection: &str,
    number: &str,
    at: DateTime<Utc>,
    state: &OutboxState,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO mplus_order_notices (connection, number, at, due_at, token, body) \
               VALUES (?, ?, ?, ?, 0, ?)";
    let values = vec![
        connection.into(),
        number.into(),
        at.into(),
        at.into(),
        format::to_new_json(&Body { state: state.clone() })?.into(),
    ];
    transaction.execute(sql, values).await.map(drop)
}

/// The columns of [`notice_of`], of a table that is called `n`.
pub(super) const COLUMNS: &str = "n.sequence, n.connection, n.number, n.at, n.token, n.body";

pub(super) fn notice_of(mut row: Row) -> Result<ClaimedNotice, StoreError> {
    let (sequence, connection, number, at) = (row.integer()?, row.text()?, row.text()?, row.time()?);
    let token = row.integer()? + 1;
    let body: Body = format::read_json(&row.text()?, "the notice of order", &number)?;
    let (connection, order) = (ConnectionId::from(connection), OrderNumber::from(number));
    Ok(ClaimedNotice { notice: OrderNotice::new(sequence, connection, order, at, body.state), token })
}
