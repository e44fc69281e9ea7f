//! Records of any kind: all their tables have the same columns, and many rows are one statement.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use tokio::task::yield_now;
use tokio_postgres::error::DbError;
use tokio_postgres::types::ToSql;

use crate::model::{Checkpoint, ConnectionId, Revision, Tracked};
use crate::store::row::{self, Row, Stored};
use crate::store::{Pushed, Select, StoreError, StoreErrorKind};

use super::json::Json;
use super::{PostgresStore, error};

const COLUMNS: &str = "id, pos_key, body::text, sync::text, edited_at, revision";

fn row_of(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    Ok(Row {
        id: row.try_get(0)?,
        pos_key: row.try_get(1)?,
        body: row.try_get(2)?,
        sync: row.try_get(3)?,
        edited_at: row.try_get(4)?,
        revision: row.try_get(5)?,
    })
}

impl PostgresStore {
    pub(super) async fn select<T: Stored>(
        &self,
        connection: &ConnectionId,
        select: Select<T>,
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        let table = T::TABLE;
        let connection = connection.as_str();
        match &select {
            Select::Ids(ids) => {
                let ids: BTreeSet<&str> = ids.iter().map(AsRef::as_ref).collect();
                let ids: Vec<&str> = ids.into_iter().collect();
                self.tracked(&each::<T>("id"), &[&connection, &ids]).await
            }
            Select::PosIds(numbers) => {
                let keys: BTreeSet<String> = numbers.iter().map(T::pos_key).collect();
                let keys: Vec<String> = keys.into_iter().collect();
                self.tracked(&each::<T>("pos_key"), &[&connection, &keys]).await
            }
            Select::Page(page) | Select::Edited(page) => {
                let edited =
                    if matches!(select, Select::Edited(_)) { "AND edited_at IS NOT NULL" } else { "" };
                let (last, behind) = row::page_start(page);
                let sql = format!(
                    "SELECT {COLUMNS} FROM {table} WHERE connection = $1 AND id {behind} $2 {edited} \
                     ORDER BY id LIMIT $3"
                );
                self.tracked(&sql, &[&connection, &last, &row::limit(page.limit)]).await
            }
        }
    }

    async fn tracked<T: Stored>(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        let rows = self.query("read records", sql, values).await?;
        rows.iter().map(|row| row_of(row).map_err(error::of("read records"))?.into_tracked()).collect()
    }
}

/// Reads the records of many keys, each of them through the key's index.
///
/// `= ANY` leaves the choice to the planner, which takes a table that was never analysed for a small one and reads it
/// from end to end, in every call of the pull that fills it. `OFFSET 0` keeps it from making a join of this.
fn each<T: Stored>(key_column: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM unnest($2::text[]) AS wanted (key) CROSS JOIN LATERAL \
         (SELECT * FROM {} WHERE connection = $1 AND {key_column} = wanted.key OFFSET 0) AS found",
        T::TABLE
    )
}

/// Rows, column by column.
struct Columns {
    ids: Vec<String>,
    pos_keys: Vec<Option<String>>,
    bodies: Vec<Json>,
    syncs: Vec<Option<Json>>,
    edited_at: Vec<Option<DateTime<Utc>>>,
    revisions: Vec<i64>,
}

impl Columns {
    fn of<T: Stored>(records: &[Tracked<T>]) -> Result<Self, StoreError> {
        let mut columns = Self {
            ids: Vec::with_capacity(records.len()),
            pos_keys: Vec::with_capacity(records.len()),
            bodies: Vec::with_capacity(records.len()),
            syncs: Vec::with_capacity(records.len()),
            edited_at: Vec::with_capacity(records.len()),
            revisions: Vec::with_capacity(records.len()),
        };
        for tracked in records {
            let row = Row::of(tracked)?;
            columns.ids.push(row.id);
            columns.pos_keys.push(row.pos_key);
            columns.bodies.push(Json(row.body));
            columns.syncs.push(row.sync.map(Json));
            columns.edited_at.push(row.edited_at);
            columns.revisions.push(row.revision);
        }
        Ok(columns)
    }
}

/// How many rows a statement writes: enough that statements are few, and the first is soon on its way.
const ROWS: usize = 128;

/// Writes records whose stored revision is the one given.
pub(super) async fn write<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut records: Vec<Tracked<T>>,
) -> Result<(), StoreError> {
    row::in_key_order(&mut records, T::NAME, |one, other| one.record.id().cmp(other.record.id()))?;
    let are_new = records.iter().all(|tracked| tracked.revision == Revision::NEW);
    let mut chunks = records.chunks(ROWS);
    let Some(first) = chunks.next() else { return Ok(()) };
    let mut rows = Columns::of(first)?;
    for next in chunks {
        // The next rows become JSON while the server writes these.
        let next = async {
            yield_now().await;
            Columns::of(next)
        };
        ((), rows) = try_join(write_rows::<T>(transaction, connection, &rows, are_new), next).await?;
    }
    write_rows::<T>(transaction, connection, &rows, are_new).await
}

/// Writes rows, of which all may be new.
async fn write_rows<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    rows: &Columns,
    are_new: bool,
) -> Result<(), StoreError> {
    let values: [&(dyn ToSql + Sync); 7] = [
        &connection.as_str(),
        &rows.ids,
        &rows.pos_keys,
        &rows.bodies,
        &rows.syncs,
        &rows.edited_at,
        &rows.revisions,
    ];
    let refused = |source: String| {
        StoreError::new(StoreErrorKind::Conflict, format!("write records of kind {}", T::NAME))
            .with_source(source)
    };
    let failed = |error: tokio_postgres::Error| {
        let constraint = error.as_db_error().and_then(DbError::constraint).unwrap_or_default();
        let source = match constraint.ends_with("_pos") {
            true => "a number at the POS belongs to another record",
            false => "a new record is there already",
        };
        match error::of("write records")(error) {
            error if error.kind() == StoreErrorKind::Conflict => refused(source.to_owned()),
            error => error,
        }
    };
    // An upsert looks for each row first, which takes a third longer.
    let sql = if are_new { insert::<T>() } else { upsert::<T>() };
    let statement = transaction.prepare_cached(&sql).await.map_err(failed)?;
    if are_new {
        return transaction.execute(&statement, &values).await.map(drop).map_err(failed);
    }
    let counts = transaction.query_one(&statement, &values).await.map_err(failed)?;
    let count = |index| counts.try_get::<_, i64>(index).map(|count| count.unsigned_abs() as usize);
    let (count, inserted) = (count(0).map_err(failed)?, count(1).map_err(failed)?);
    // A new record that exists was not written; a known one that is gone was inserted.
    let (wanted, new) = (rows.ids.len(), rows.revisions.iter().filter(|revision| **revision == 0).count());
    if (count, inserted) == (wanted, new) {
        return Ok(());
    }
    let moved_on = (wanted - count).max(inserted.abs_diff(new));
    Err(refused(format!("the revisions of {moved_on} of {wanted} have moved on")))
}

/// Writes rows of which none is there yet, in the order of their keys, as [`upsert`] does.
fn insert<T: Stored>() -> String {
    format!(
        "INSERT INTO {} AS stored (connection, id, pos_key, body, sync, edited_at, revision) \
         SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::json[]), unnest($5::json[]), \
         unnest($6::timestamptz[]), unnest($7::bigint[]) + 1",
        T::TABLE
    )
}

/// Writes rows where the stored revision allows it; answers how many were written and how many of these are new.
///
/// Every row is found through the primary key, in the order of the keys: no plan can turn bad, and two writers never
/// wait for each other in a circle. A row that was inserted has no `xmax`, one that was updated has its writer's.
fn upsert<T: Stored>() -> String {
    format!(
        "WITH written AS ({} \
         ON CONFLICT (connection, id) DO UPDATE SET pos_key = excluded.pos_key, body = excluded.body, \
         sync = excluded.sync, edited_at = excluded.edited_at, revision = excluded.revision \
         WHERE stored.revision = excluded.revision - 1 RETURNING stored.xmax = 0 AS inserted) \
         SELECT count(*), count(*) FILTER (WHERE inserted) FROM written",
        insert::<T>()
    )
}

/// Takes the host's edits, whatever the stored revisions are.
pub(super) async fn edit<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut records: Vec<T>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    row::in_key_order(&mut records, T::NAME, |one, other| one.id().cmp(other.id()))?;
    let failed = error::of("save the host's edits");
    let ids: Vec<&str> = records.iter().map(|record| record.id().as_ref()).collect();
    let bodies: Vec<String> = records.iter().map(row::to_json).collect::<Result<_, _>>()?;
    let sql = format!(
        "INSERT INTO {} AS stored (connection, id, body, edited_at, revision) \
         SELECT $1, id, body::json, $4, 1 FROM unnest($2::text[], $3::text[]) AS row (id, body) \
         ON CONFLICT (connection, id) DO UPDATE \
         SET body = excluded.body, edited_at = excluded.edited_at, revision = stored.revision + 1",
        T::TABLE
    );
    let statement = transaction.prepare_cached(&sql).await.map_err(&failed)?;
    transaction.execute(&statement, &[&connection.as_str(), &ids, &bodies, &now]).await.map_err(&failed)?;
    Ok(())
}

/// Records what the POS has taken.
pub(super) async fn mark_pushed<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut pushes: Vec<Pushed<T>>,
) -> Result<(), StoreError> {
    if pushes.is_empty() {
        return Ok(());
    }
    row::in_key_order(&mut pushes, T::NAME, |one, other| one.id.cmp(&other.id))?;
    let failed = error::of("mark records as pushed");
    let ids: Vec<&str> = pushes.iter().map(|push| push.id.as_ref()).collect();
    let keys: Vec<String> = pushes.iter().map(|push| T::pos_key(&push.number)).collect();
    let syncs: Vec<Option<String>> =
        pushes.iter().map(|push| row::sync_json(&push.sync)).collect::<Result<_, _>>()?;
    let revisions: Vec<i64> = pushes.iter().map(|push| push.revision.get()).collect();
    let sql = format!(
        "WITH locked AS MATERIALIZED (SELECT id FROM {table} \
         WHERE connection = $1 AND id = ANY($2::text[]) ORDER BY id FOR NO KEY UPDATE) \
         UPDATE {table} AS stored SET pos_key = row.pos_key, sync = row.sync::json, \
         revision = stored.revision + 1, \
         edited_at = CASE WHEN stored.revision = row.revision THEN NULL ELSE stored.edited_at END \
         FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) \
         AS row (id, pos_key, sync, revision) JOIN locked ON locked.id = row.id \
         WHERE stored.connection = $1 AND stored.id = row.id",
        table = T::TABLE
    );
    let statement = transaction.prepare_cached(&sql).await.map_err(&failed)?;
    let values: [&(dyn ToSql + Sync); 5] = [&connection.as_str(), &ids, &keys, &syncs, &revisions];
    let count = transaction.execute(&statement, &values).await.map_err(&failed)?;
    if count < ids.len() as u64 {
        let action = format!(
            "mark {} of {} records of kind {} as pushed",
            ids.len() as u64 - count,
            ids.len(),
            T::NAME
        );
        return Err(StoreError::new(StoreErrorKind::NotFound, action));
    }
    Ok(())
}

pub(super) async fn write_checkpoints(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut checkpoints: Vec<Checkpoint>,
) -> Result<(), StoreError> {
    if checkpoints.is_empty() {
        return Ok(());
    }
    row::in_key_order(&mut checkpoints, "checkpoint", |one, other| one.resource.cmp(&other.resource))?;
    let failed = error::of("write checkpoints");
    let resources: Vec<&str> = checkpoints.iter().map(|point| point.resource.as_str()).collect();
    let markers: Vec<i64> = checkpoints.iter().map(|point| point.marker.get()).collect();
    let sql = "INSERT INTO mplus_checkpoints (connection, resource, marker) \
               SELECT $1, resource, marker FROM unnest($2::text[], $3::bigint[]) AS row (resource, marker) \
               ON CONFLICT (connection, resource) DO UPDATE SET marker = excluded.marker";
    let statement = transaction.prepare_cached(sql).await.map_err(&failed)?;
    let values: [&(dyn ToSql + Sync); 3] = [&connection.as_str(), &resources, &markers];
    transaction.execute(&statement, &values).await.map(drop).map_err(&failed)
}
