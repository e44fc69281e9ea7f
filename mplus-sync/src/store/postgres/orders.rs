//! The outbox in Postgres.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio_postgres::{GenericClient, Row, Statement};

use crate::model::{
    Claim, ConnectionId, Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Outcome, StepRefused,
    WORKER_LOST,
};
use crate::store::row::{self, EntryRow};
use crate::store::{ClaimRequest, Enqueued, OrderOutbox, StoreError, StoreErrorKind};

use super::{PostgresStore, Values, error};

/// The columns of [`EntryRow`], in its order.
macro_rules! columns {
    () => {
        "o.connection, o.sequence, o.number, o.body::text, o.state_detail::text, o.attempts, o.claims, \
         o.may_be_at_pos, o.due_at, o.last_error, o.queued_at, o.updated_at"
    };
}

fn entry_of(row: &Row) -> Result<OutboxEntry, StoreError> {
    let columns = || {
        Ok(EntryRow {
            connection: row.try_get(0)?,
            sequence: row.try_get(1)?,
            number: row.try_get(2)?,
            body: row.try_get(3)?,
            state: row.try_get(4)?,
            attempts: row.try_get(5)?,
            claims: row.try_get(6)?,
            may_be_at_pos: row.try_get(7)?,
            due_at: row.try_get(8)?,
            last_error: row.try_get(9)?,
            queued_at: row.try_get(10)?,
            updated_at: row.try_get(11)?,
        })
    };
    columns().map_err(error::of("read an order"))?.into_entry()
}

/// Reads one order's entry.
const FIND: &str =
    concat!("SELECT ", columns!(), " FROM mplus_outbox AS o WHERE o.connection = $1 AND o.number = $2");

/// Queues an order unless its number is known.
const ENQUEUE: &str = "INSERT INTO mplus_outbox (connection, number, lane, body, state, state_detail, attempts, \
     claims, may_be_at_pos, due_at, queued_at, updated_at) \
     VALUES ($1, $2, $3, $4::text::json, $5, $6::text::json, 0, 0, false, $7, $7, $7) \
     ON CONFLICT (connection, number) DO NOTHING";

async fn find(
    client: &impl GenericClient,
    statement: &Statement,
    connection: &ConnectionId,
    order: &OrderNumber,
) -> Result<Option<OutboxEntry>, StoreError> {
    let found = client.query_opt(statement, &[&connection.as_str(), &order.as_str()]).await;
    found.map_err(error::of("read an order"))?.as_ref().map(entry_of).transpose()
}

async fn enqueue(
    client: &impl GenericClient,
    statement: &Statement,
    connection: &ConnectionId,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let (state, body) = (OutboxState::Queued, row::to_json(order)?);
    let (name, detail) = (state.kind().as_str(), row::to_json(&state)?);
    let (connection, number, lane) = (connection.as_str(), order.number.as_str(), order.lane());
    let values: Values<'_> = &[&connection, &number, &lane, &body, &name, &detail, &now];
    client.execute(statement, values).await.map_err(error::of_write("queue an order"))
}

/// Queues an order in the host's own transaction, in a database in which a [`PostgresStore`] was opened.
///
/// The order is queued when the host commits, and not when it does not; see
/// [`OrderOutbox::enqueue`](crate::store::OrderOutbox::enqueue).
///
/// # Errors
/// As [`OrderOutbox::enqueue`](crate::store::OrderOutbox::enqueue).
pub async fn enqueue_in(
    client: &impl GenericClient,
    connection: &ConnectionId,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Enqueued, StoreError> {
    let failed = error::of("queue an order");
    let statement = client.prepare(ENQUEUE).await.map_err(&failed)?;
    if enqueue(client, &statement, connection, order, now).await? == 1 {
        return Ok(Enqueued::New);
    }
    let statement = client.prepare(FIND).await.map_err(&failed)?;
    row::known_order(find(client, &statement, connection, &order.number).await?, order)
}

/// Claims what is due: open orders that are due longest, of each table only its first, passing over what another worker
/// is claiming at this moment.
const CLAIM: &str = concat!(
    "WITH due AS (SELECT sequence, due_at FROM mplus_outbox AS first \
         WHERE state IN ('queued', 'sending') AND due_at <= $1 AND ($2::text IS NULL OR connection = $2) \
         AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM mplus_outbox AS earlier \
             WHERE earlier.connection = first.connection AND earlier.lane = first.lane \
             AND earlier.state IN ('queued', 'sending') AND earlier.lane IS NOT NULL \
             AND earlier.sequence < first.sequence)) \
         ORDER BY due_at, sequence LIMIT $3 FOR UPDATE SKIP LOCKED) \
     UPDATE mplus_outbox AS o SET may_be_at_pos = o.may_be_at_pos OR o.state = 'sending', state = 'sending', \
         state_detail = $4::text::json, attempts = o.attempts + 1, claims = o.claims + 1, due_at = $5, \
         updated_at = $1 \
     FROM due WHERE o.sequence = due.sequence RETURNING ",
    columns!(),
    ", due.due_at"
);

/// Writes an entry's next step over the one that was read, unless another step was faster.
const STEP: &str = "UPDATE mplus_outbox SET state = $4, state_detail = $5::text::json, attempts = $6, \
     may_be_at_pos = $7, due_at = $8, last_error = $9, updated_at = $10 \
     WHERE sequence = $1 AND claims = $2 AND state = $3";

impl PostgresStore {
    /// Replaces an entry with the next step of it. The count of claims and the state together never come back, so that
    /// they tell whether the entry is still the one that was read.
    async fn step(
        &self,
        action: &'static str,
        connection: &ConnectionId,
        order: &OrderNumber,
        step: impl Fn(OutboxEntry) -> Result<OutboxEntry, StepRefused> + Send,
    ) -> Result<(), StoreError> {
        let refused = |kind| StoreError::new(kind, format!("{action} {order}"));
        let client = self.client(action).await?;
        let read = client.prepare_cached(FIND).await.map_err(error::of(action))?;
        let write = client.prepare_cached(STEP).await.map_err(error::of(action))?;
        loop {
            let found = find(&**client, &read, connection, order).await?;
            let found = found.ok_or_else(|| refused(StoreErrorKind::NotFound))?;
            let state = found.state.kind().as_str();
            let next = step(found).map_err(|why| refused(StoreErrorKind::Conflict).with_source(why))?;
            let written = client
                .execute(
                    &write,
                    &[
                        &next.sequence,
                        &next.claims,
                        &state,
                        &next.state.kind().as_str(),
                        &row::to_json(&next.state)?,
                        &i64::from(next.attempts),
                        &next.may_be_at_pos,
                        &next.due_at,
                        &next.last_error,
                        &next.updated_at,
                    ],
                )
                .await
                .map_err(error::of_write(action))?;
            if written == 1 {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl OrderOutbox for PostgresStore {
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError> {
        let client = self.client("queue an order").await?;
        let statement = client.prepare_cached(ENQUEUE).await.map_err(error::of("queue an order"))?;
        if enqueue(&**client, &statement, connection, order, now).await? == 1 {
            return Ok(Enqueued::New);
        }
        drop(client);
        row::known_order(self.entry(connection, &order.number).await?, order)
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let action = "claim orders";
        let client = self.client(action).await?;
        let statement = client.prepare_cached(CLAIM).await.map_err(error::of(action))?;
        let sending = row::to_json(&OutboxState::Sending { worker: request.worker.clone() })?;
        let connection = request.connection.as_ref().map(ConnectionId::as_str);
        let rows = client
            .query(&statement, &[&now, &connection, &row::limit(request.limit), &sending, &request.until])
            .await
            .map_err(error::of_write(action))?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let was_due_at: DateTime<Utc> = row.try_get(12).map_err(error::of(action))?;
            claimed.push((was_due_at, entry_of(row)?));
        }
        claimed.sort_by_key(|(was_due_at, entry)| (*was_due_at, entry.sequence));
        Ok(claimed.into_iter().map(|(_, entry)| entry).collect())
    }

    async fn extend_claim(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        let extended = |entry: OutboxEntry| entry.extended(claim, until);
        self.step("extend the claim of order", &claim.connection, &claim.order, extended).await
    }

    async fn finish(&self, claim: &Claim, outcome: Outcome, now: DateTime<Utc>) -> Result<(), StoreError> {
        let finished = |entry: OutboxEntry| entry.finished(claim, &outcome, now);
        self.step("record the outcome of order", &claim.connection, &claim.order, finished).await
    }

    async fn requeue(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let requeued = |entry: OutboxEntry| entry.requeued(now);
        self.step("queue again order", connection, order, requeued).await
    }

    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "UPDATE mplus_outbox SET state = $2, state_detail = $3::text::json, may_be_at_pos = true, \
                   last_error = $4, updated_at = $1 WHERE state = 'sending' AND due_at <= $1";
        let queued = OutboxState::Queued;
        let (name, detail) = (queued.kind().as_str(), row::to_json(&queued)?);
        self.execute("release ended claims", sql, &[&now, &name, &detail, &WORKER_LOST]).await
    }

    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError> {
        let found = self.query("read an order", FIND, &[&connection.as_str(), &order.as_str()]).await?;
        found.first().map(entry_of).transpose()
    }

    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        page: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM mplus_outbox AS o \
             WHERE o.connection = $1 AND o.state = $2 AND o.sequence > $3 ORDER BY o.sequence LIMIT $4"
        );
        let last = after.unwrap_or(i64::MIN);
        let values: Values<'_> = &[&connection.as_str(), &state.as_str(), &last, &row::limit(page)];
        let rows = self.query("read orders", sql, values).await?;
        rows.iter().map(entry_of).collect()
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError> {
        let failed = error::of("count orders");
        let sql = "SELECT state, count(*) FROM mplus_outbox WHERE connection = $1 GROUP BY state";
        let rows = self.query("count orders", sql, &[&connection.as_str()]).await?;
        let mut counts = BTreeMap::new();
        for row in &rows {
            let state: &str = row.try_get(0).map_err(&failed)?;
            let count: i64 = row.try_get(1).map_err(&failed)?;
            counts.insert(row::state_named(state)?, count.unsigned_abs());
        }
        Ok(counts)
    }

    async fn prune_accepted(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mplus_outbox WHERE connection = $1 AND state = 'accepted' AND updated_at < $2";
        self.execute("prune orders", sql, &[&connection.as_str(), &before]).await
    }
}
