//! What the host is still to be told as a row.

use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OrderNotice, OrderNumber, OutboxState};
use crate::store::StoreError;

use super::driver::Transaction;
use super::value::{Row, SqlValue};
use super::write::Write;
use super::{format, table};

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
    let row = row_of(connection, number, at, state)?;
    transaction.write(Write::insert(&table::NOTICES, vec![row])).await
}

/// A new notice's row.
pub(super) fn row_of(
    connection: &str,
    number: &str,
    at: DateTime<Utc>,
    state: &OutboxState,
) -> Result<Vec<SqlValue>, StoreError> {
    Ok(vec![
        connection.into(),
        number.into(),
        at.into(),
        at.into(),
        0_i64.into(),
        SqlValue::Null,
        format::to_new_json(&Body { state: state.clone() })?.into(),
    ])
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
