//! What the host is still to be told, in a database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId};
use crate::store::{NoticeRequest, NoticeStore, StoreError, Wake};

use super::driver::{Driver, Transaction, in_transaction};
use super::notice_rows::{COLUMNS, notice_of};
use super::value::{SqlValue, marks, padded};
use super::{SqlStore, limit, set_aside, table};

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
        let mut sequences = Vec::new();
        for row in transaction.query(sql, values).await? {
            let (sequence, connection, order) = match row.0.as_slice() {
                [SqlValue::Integer(sequence), SqlValue::Text(connection), SqlValue::Text(order), ..] => {
                    (*sequence, connection.clone(), order.clone())
                }
                _ => continue,
            };
            match notice_of(row) {
                Ok(notice) => {
                    sequences.push(sequence.into());
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
        if !sequences.is_empty() {
            let sequences = padded(sequences);
            let sql = format!(
                "UPDATE mplus_order_notices SET due_at = ?, token = token + 1 WHERE sequence IN {}",
                marks(sequences.len())
            );
            transaction.execute(&sql, [request.until.into()].into_iter().chain(sequences).collect()).await?;
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
        let by_order = D::DIALECT.by_index(&table::NOTICES, "order");
        // A notice that a newer release wrote is set aside for it, and its order's later ones wait. With its offset the look for an
        // earlier one is a look at an index, and no join, for which a database that last counted when there were none takes all of
        // them for each.
        let idle = format!(
            "SELECT {COLUMNS} FROM mplus_order_notices AS n \
             WHERE n.due_at <= ?{mine} AND n.parked IS NULL \
             AND NOT EXISTS (SELECT 1 FROM mplus_order_notices AS earlier{by_order} \
                 WHERE earlier.connection = n.connection AND earlier.number = n.number \
                 AND earlier.sequence < n.sequence LIMIT 1 OFFSET 0) \
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
        self.remove_notice(notice.notice.sequence, notice.token).await?;
        // Its order's next one may be told now: by whoever told this one, so that other processes need not look.
        self.driver.bell().ring(Wake::Notices);
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
