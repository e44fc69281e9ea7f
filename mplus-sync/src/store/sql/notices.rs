//! What the host is still to be told, in a database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId};
use crate::store::{NoticeRequest, NoticeStore, StoreError, Wake, WakeUp};

use super::driver::{Driver, Transaction, in_transaction};
use super::notice_rows::{COLUMNS, notice_of};
use super::value::SqlValue;
use super::{SqlStore, limit, set_aside};

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
                    let message = set_aside::of_notice(&order, &error);
                    set_aside::tell(transaction, &connection, "orders", message, now).await?;
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
        let idle = format!(
            "SELECT {COLUMNS} FROM mplus_order_notices AS n \
             WHERE n.due_at <= ?{mine} AND n.parked IS NULL AND NOT EXISTS (SELECT 1 FROM mplus_order_notices AS earlier \
                 WHERE earlier.connection = n.connection AND earlier.number = n.number \
                 AND earlier.sequence < n.sequence) \
             ORDER BY n.sequence LIMIT ?"
        );
        // What an idle process asks takes no lock.
        let mut any = vec![now.into()];
        any.extend(request.connection.as_ref().map(|connection| connection.as_str().into()));
        any.push(1_i64.into());
        if request.limit == 0 || self.driver.query("claim notices", &idle, any).await?.is_empty() {
            return Ok(Vec::new());
        }
        let sql = idle + D::DIALECT.for_update_skip_locked();
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
