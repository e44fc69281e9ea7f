//! The outbox in SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::model::{
    Claim, ConnectionId, Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Outcome, StepRefused,
};
use crate::store::row::{self, EntryRow};
use crate::store::{ClaimRequest, Enqueued, OrderOutbox, StoreError, StoreErrorKind};

use super::Durability::Immediate;
use super::time::Time;
use super::{SqliteStore, error};

/// The columns of [`EntryRow`], in its order.
const ENTRY_COLUMNS: &str = "connection, sequence, number, body, state_detail, attempts, claims, \
     may_be_at_pos, due_at, last_error, queued_at, updated_at";

fn entry_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<EntryRow> {
    let time = |index| row.get::<_, Time>(index).map(|time| time.0);
    Ok(EntryRow {
        connection: row.get(0)?,
        sequence: row.get(1)?,
        number: row.get(2)?,
        body: row.get(3)?,
        state: row.get(4)?,
        attempts: row.get(5)?,
        claims: row.get(6)?,
        may_be_at_pos: row.get(7)?,
        due_at: time(8)?,
        last_error: row.get(9)?,
        queued_at: time(10)?,
        updated_at: time(11)?,
    })
}

fn find(
    database: &rusqlite::Connection,
    connection: &ConnectionId,
    order: &OrderNumber,
) -> Result<Option<OutboxEntry>, StoreError> {
    let failed = error::of("read an order");
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM mplus_outbox WHERE connection = ?1 AND number = ?2");
    let mut statement = database.prepare_cached(&sql).map_err(&failed)?;
    let row = statement.query_row([connection.as_str(), order.as_str()], entry_of).optional();
    row.map_err(&failed)?.map(EntryRow::into_entry).transpose()
}

/// Writes an entry's next step over it.
fn save(transaction: &Transaction<'_>, entry: &OutboxEntry) -> Result<(), StoreError> {
    let failed = error::of("write an order's state");
    let sql = "UPDATE mplus_outbox SET state = ?2, state_detail = ?3, attempts = ?4, claims = ?5, \
               may_be_at_pos = ?6, due_at = ?7, last_error = ?8, updated_at = ?9 WHERE sequence = ?1";
    let mut statement = transaction.prepare_cached(sql).map_err(&failed)?;
    let values = params![
        entry.sequence,
        entry.state.kind().as_str(),
        row::to_json(&entry.state)?,
        entry.attempts,
        entry.claims,
        entry.may_be_at_pos,
        Time(entry.due_at),
        entry.last_error,
        Time(entry.updated_at),
    ];
    statement.execute(values).map(drop).map_err(&failed)
}

/// Queues an order in the host's own transaction, in a database in which a [`SqliteStore`] was opened.
///
/// The order is queued when the host commits, and not when it does not; see
/// [`OrderOutbox::enqueue`](crate::store::OrderOutbox::enqueue).
///
/// # Errors
/// As [`OrderOutbox::enqueue`](crate::store::OrderOutbox::enqueue).
pub fn enqueue_in(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Enqueued, StoreError> {
    let failed = error::of("queue an order");
    let sql = "INSERT INTO mplus_outbox (connection, number, lane, body, state, state_detail, attempts, claims, \
               may_be_at_pos, due_at, queued_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, ?7, ?7, ?7) \
               ON CONFLICT (connection, number) DO NOTHING";
    let mut statement = transaction.prepare_cached(sql).map_err(&failed)?;
    let (state, body) = (OutboxState::Queued, row::to_json(order)?);
    let (name, detail) = (state.kind().as_str(), row::to_json(&state)?);
    let values =
        params![connection.as_str(), order.number.as_str(), order.lane(), body, name, detail, Time(now)];
    if statement.execute(values).map_err(&failed)? == 1 {
        return Ok(Enqueued::New);
    }
    let known = find(transaction, connection, &order.number)?;
    row::known_order(known, order)
}

/// Claims what is due: first the open orders that are due longest, then of each table only its first.
const DUE: &str = "SELECT sequence FROM mplus_outbox AS due \
     WHERE state IN ('queued', 'sending') AND due_at <= ?1 AND (?2 IS NULL OR connection = ?2) \
     AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM mplus_outbox AS earlier \
         WHERE earlier.connection = due.connection AND earlier.lane = due.lane \
         AND earlier.state IN ('queued', 'sending') AND earlier.lane IS NOT NULL \
         AND earlier.sequence < due.sequence)) \
     ORDER BY due_at, sequence LIMIT ?3";

impl SqliteStore {
    /// Replaces an entry with the next step of it.
    async fn step(
        &self,
        action: &'static str,
        connection: &ConnectionId,
        order: &OrderNumber,
        step: impl FnOnce(OutboxEntry) -> Result<OutboxEntry, StepRefused> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (connection, order) = (connection.clone(), order.clone());
        self.write(action, Immediate, move |transaction| {
            let refused = |kind| StoreError::new(kind, format!("{action} {order}"));
            let found =
                find(transaction, &connection, &order)?.ok_or_else(|| refused(StoreErrorKind::NotFound))?;
            let next = step(found).map_err(|why| refused(StoreErrorKind::Conflict).with_source(why))?;
            save(transaction, &next)
        })
        .await
    }
}

#[async_trait]
impl OrderOutbox for SqliteStore {
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError> {
        let (connection, order) = (connection.clone(), order.clone());
        self.write("queue an order", Immediate, move |transaction| {
            enqueue_in(transaction, &connection, &order, now)
        })
        .await
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let request = request.clone();
        self.write("claim orders", Immediate, move |transaction| {
            let failed = error::of("claim orders");
            let connection = request.connection.as_ref().map(ConnectionId::as_str);
            let values = params![Time(now), connection, row::limit(request.limit)];
            let mut due = transaction.prepare_cached(DUE).map_err(&failed)?;
            let due = due.query_map(values, |row| row.get(0)).map_err(&failed)?;
            let due: Vec<i64> = due.collect::<Result<_, _>>().map_err(&failed)?;
            let sql = format!("SELECT {ENTRY_COLUMNS} FROM mplus_outbox WHERE sequence = ?1");
            let mut one = transaction.prepare_cached(&sql).map_err(&failed)?;
            let mut claimed = Vec::with_capacity(due.len());
            for sequence in due {
                let found = one.query_row([sequence], entry_of).map_err(&failed)?.into_entry()?;
                let entry = found.claimed(&request.worker, request.until, now);
                save(transaction, &entry)?;
                claimed.push(entry);
            }
            Ok(claimed)
        })
        .await
    }

    async fn extend_claim(&self, claim: &Claim, until: DateTime<Utc>) -> Result<(), StoreError> {
        let held = claim.clone();
        self.step("extend the claim of order", &claim.connection, &claim.order, move |entry| {
            entry.extended(&held, until)
        })
        .await
    }

    async fn finish(&self, claim: &Claim, outcome: Outcome, now: DateTime<Utc>) -> Result<(), StoreError> {
        let held = claim.clone();
        self.step("record the outcome of order", &claim.connection, &claim.order, move |entry| {
            entry.finished(&held, &outcome, now)
        })
        .await
    }

    async fn requeue(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.step("queue again order", connection, order, move |entry| entry.requeued(now)).await
    }

    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write("release ended claims", Immediate, move |transaction| {
            let failed = error::of("release ended claims");
            let sql =
                format!("SELECT {ENTRY_COLUMNS} FROM mplus_outbox WHERE state = 'sending' AND due_at <= ?1");
            let mut statement = transaction.prepare_cached(&sql).map_err(&failed)?;
            let mut count = 0;
            for row in statement.query_map([Time(now)], entry_of).map_err(&failed)? {
                save(transaction, &row.map_err(&failed)?.into_entry()?.released(now))?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }

    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError> {
        let (connection, order) = (connection.clone(), order.clone());
        self.read("read an order", move |database| find(database, &connection, &order)).await
    }

    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let connection = connection.clone();
        self.read("read orders", move |database| {
            let failed = error::of("read orders");
            let sql = format!(
                "SELECT {ENTRY_COLUMNS} FROM mplus_outbox \
                 WHERE connection = ?1 AND state = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4"
            );
            let mut statement = database.prepare_cached(&sql).map_err(&failed)?;
            let last = after.unwrap_or(i64::MIN);
            let values = params![connection.as_str(), state.as_str(), last, row::limit(limit)];
            let rows = statement.query_map(values, entry_of).map_err(&failed)?;
            rows.map(|row| row.map_err(&failed)?.into_entry()).collect()
        })
        .await
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError> {
        let connection = connection.clone();
        self.read("count orders", move |database| {
            let failed = error::of("count orders");
            let sql = "SELECT state, count(*) FROM mplus_outbox WHERE connection = ?1 GROUP BY state";
            let mut statement = database.prepare_cached(sql).map_err(&failed)?;
            let rows = statement.query_map([connection.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
            let mut counts = BTreeMap::new();
            for row in rows.map_err(&failed)? {
                let (state, count): (String, i64) = row.map_err(&failed)?;
                counts.insert(row::state_named(&state)?, count.unsigned_abs());
            }
            Ok(counts)
        })
        .await
    }

    async fn prune_accepted(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let connection = connection.clone();
        self.write("prune orders", Immediate, move |transaction| {
            let sql =
                "DELETE FROM mplus_outbox WHERE connection = ?1 AND state = 'accepted' AND updated_at < ?2";
            let count = transaction.execute(sql, params![connection.as_str(), Time(before)]);
            count.map(|count| count as u64).map_err(error::of("prune orders"))
        })
        .await
    }
}
