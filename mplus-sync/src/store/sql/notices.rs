//! What the host is still to be told, in a database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OrderNotice, OrderNumber, OutboxState};
use crate::store::{NoticeRequest, NoticeStore, StoreError, Wake, WakeUp};

use super::driver::{Driver, Transaction, in_transaction};
use super::value::{Row, SqlValue};
use super::{SqlStore, aside, format, limit, set_aside};

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

/// Claims what a statement finds, and looks on behind what it has to set aside.
async fn claim(
    transaction: &mut dyn Transaction,
    sql: &str,
    request: &NoticeRequest,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedNotice>, StoreError> {
    let mut claimed: Vec<ClaimedNotice> = Vec::new();
    loop {
        let mut values = vec![now.into()];
        values.extend(request.connection.as_ref().map(|connection| connection.as_str().into()));
        values.push(limit(request.limit - claimed.len()).into());
        let mut any_aside = false;
        for row in transaction.query(sql, values).await? {
            let (sequence, connection, order) = match row.0.as_slice() {
                [SqlValue::Integer(sequence), SqlValue::Text(connection), SqlValue::Text(order), ..] => {
                    (*sequence, connection.clone(), order.clone())
                }
                _ => continue,
            };
            match notice_of(row) {
                Ok(notice) => {
                    let sql = "UPDATE mplus_order_notices SET due_at = ?, token = ? WHERE sequence = ?";
                    let values = vec![request.until.into(), notice.token.into(), sequence.into()];
                    transaction.execute(sql, values).await?;
                    claimed.push(notice);
                }
                Err(error) => {
                    set_aside::notice(transaction, sequence).await?;
                    let message = aside::of_notice(&order, &error);
                    aside::tell(transaction, &connection, "orders", message, now).await?;
                    any_aside = true;
                }
            }
        }
        if !any_aside || claimed.len() >= request.limit {
            return Ok(claimed);
        }
    }
}

#[async_trait]
impl<D: Driver> NoticeStore for SqlStore<D> {
    async fn claim_notices(
        &self,
        request: &NoticeRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        let mine = if request.connection.is_some() { " AND n.connection = ?" } else { "" };
        // A notice that a newer release wrote is set aside for it, and its order's later ones wait.
        let sql = format!(
            "SELECT {COLUMNS} FROM mplus_order_notices AS n \
             WHERE n.due_at <= ?{mine} AND n.parked IS NULL AND NOT EXISTS (SELECT 1 FROM mplus_order_notices AS earlier \
                 WHERE earlier.connection = n.connection AND earlier.number = n.number \
                 AND earlier.sequence < n.sequence) \
             ORDER BY n.sequence LIMIT ?{}",
            D::DIALECT.for_update_skip_locked()
        );
        in_transaction!(self.driver, "claim notices", |transaction| {
            claim(transaction, &sql, request, now).await
        })
    }

    async fn acknowledge(&self, notice: &ClaimedNotice) -> Result<(), StoreError> {
        let sql = "DELETE FROM mplus_order_notices WHERE sequence = ? AND token = ?";
        let values = vec![notice.notice.sequence.into(), notice.token.into()];
        if self.driver.execute("acknowledge a notice", sql, values).await? > 0 {
            // Its order's next one may be told now.
            self.wake(Wake::Notices);
        }
        Ok(())
    }

    async fn postpone(&self, notice: &ClaimedNotice, until: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "UPDATE mplus_order_notices SET due_at = ? WHERE sequence = ? AND token = ?";
        let values = vec![until.into(), notice.notice.sequence.into(), notice.token.into()];
        self.driver.execute("postpone a notice", sql, values).await.map(drop)
    }

    async fn prune_notices(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mplus_order_notices WHERE connection = ? AND at < ?";
        self.driver.execute("prune notices", sql, vec![connection.as_str().into(), before.into()]).await
    }
}
