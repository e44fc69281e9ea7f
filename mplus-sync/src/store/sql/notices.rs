//! What the host is still to be told, in a database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ClaimedNotice, ConnectionId, OrderNotice, OrderNumber, OutboxEntry, OutboxState};
use crate::store::{NoticeRequest, NoticeStore, StoreError, Wake, WakeUp};

use super::driver::{Driver, Transaction, in_transaction};
use super::value::Row;
use super::{SqlStore, format, limit};

/// What a notice's columns do not say.
#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    state: OutboxState,
}

/// Adds a notice, in the transaction in which the order changes.
pub(super) async fn add(
    transaction: &mut dyn Transaction,
    entry: &OutboxEntry,
    state: &OutboxState,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO mplus_order_notices (connection, number, at, due_at, token, body) \
               VALUES (?, ?, ?, ?, 0, ?)";
    let values = vec![
        entry.connection.as_str().into(),
        entry.order.number.as_str().into(),
        entry.updated_at.into(),
        entry.updated_at.into(),
        format::to_new_json(&Body { state: state.clone() })?.into(),
    ];
    transaction.execute(sql, values).await.map(drop)
}

fn notice_of(mut row: Row) -> Result<ClaimedNotice, StoreError> {
    let (sequence, connection, number, at) = (row.integer()?, row.text()?, row.text()?, row.time()?);
    let token = row.integer()? + 1;
    let body: Body = format::read_json(&row.text()?, "the notice of order", &number)?;
    let (connection, order) = (ConnectionId::from(connection), OrderNumber::from(number));
    Ok(ClaimedNotice { notice: OrderNotice::new(sequence, connection, order, at, body.state), token })
}

#[async_trait]
impl<D: Driver> NoticeStore for SqlStore<D> {
    async fn claim_notices(
        &self,
        request: &NoticeRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        let mine = if request.connection.is_some() { " AND n.connection = ?" } else { "" };
        // A notice that a newer release wrote stays for it, and its order's later ones with it.
        let sql = format!(
            "SELECT n.sequence, n.connection, n.number, n.at, n.token, n.body FROM mplus_order_notices AS n \
             WHERE n.due_at <= ?{mine} AND NOT EXISTS (SELECT 1 FROM mplus_order_notices AS earlier \
                 WHERE earlier.connection = n.connection AND earlier.number = n.number \
                 AND earlier.sequence < n.sequence) \
             ORDER BY n.sequence LIMIT ?{}",
            D::DIALECT.for_update_skip_locked()
        );
        in_transaction!(self.driver, "claim notices", |transaction| {
            let mut values = vec![now.into()];
            values.extend(request.connection.as_ref().map(|connection| connection.as_str().into()));
            values.push(limit(request.limit).into());
            let rows = transaction.query(&sql, values).await?;
            let mut claimed: Vec<ClaimedNotice> = Vec::with_capacity(rows.len());
            for notice in rows.into_iter().map(notice_of) {
                let Ok(notice) = notice else { continue };
                let sql = "UPDATE mplus_order_notices SET due_at = ?, token = ? WHERE sequence = ?";
                let values = vec![request.until.into(), notice.token.into(), notice.notice.sequence.into()];
                transaction.execute(sql, values).await?;
                claimed.push(notice);
            }
            Ok(claimed)
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
