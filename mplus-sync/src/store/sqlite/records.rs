//! Records of any kind: all their tables have the same columns.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Params, Transaction, params};

use crate::model::{ArticleNumber, Checkpoint, ConnectionId, Item, ItemId, Record, Tracked};
use crate::store::row::{self, Row, Stored};
use crate::store::{Pushed, Select, StoreError, StoreErrorKind};

use super::error;
use super::time::Time;

const COLUMNS: &str = "id, pos_key, body, sync, edited_at, revision";

fn row_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let edited_at: Option<Time> = row.get(4)?;
    Ok(Row {
        id: row.get(0)?,
        pos_key: row.get(1)?,
        body: row.get(2)?,
        sync: row.get(3)?,
        edited_at: edited_at.map(|time| time.0),
        revision: row.get(5)?,
    })
}

pub(super) fn select<T: Stored>(
    database: &Connection,
    connection: &ConnectionId,
    select: &Select<T>,
) -> Result<Vec<Tracked<T>>, StoreError> {
    let table = T::TABLE;
    match select {
        Select::Ids(ids) => {
            let ids: BTreeSet<&str> = ids.iter().map(AsRef::as_ref).collect();
            each(database, connection, "id", ids.into_iter())
        }
        Select::PosIds(numbers) => {
            let keys: BTreeSet<String> = numbers.iter().map(T::pos_key).collect();
            each(database, connection, "pos_key", keys.iter().map(String::as_str))
        }
        Select::Page(page) => {
            let (last, behind) = row::page_start(page);
            let sql = format!(
                "SELECT {COLUMNS} FROM {table} WHERE connection = ?1 AND id {behind} ?2 ORDER BY id LIMIT ?3"
            );
            many(database, &sql, params![connection.as_str(), last, row::limit(page.limit)])
        }
        Select::Edited(page) => {
            let (last, behind) = row::page_start(page);
            let sql = format!(
                "SELECT {COLUMNS} FROM {table} WHERE connection = ?1 AND id {behind} ?2 \
                 AND edited_at IS NOT NULL ORDER BY id LIMIT ?3"
            );
            many(database, &sql, params![connection.as_str(), last, row::limit(page.limit)])
        }
    }
}

fn each<'a, T: Stored>(
    database: &Connection,
    connection: &ConnectionId,
    key_column: &str,
    keys: impl Iterator<Item = &'a str>,
) -> Result<Vec<Tracked<T>>, StoreError> {
    let failed = error::of("read records");
    let sql = format!("SELECT {COLUMNS} FROM {} WHERE connection = ?1 AND {key_column} = ?2", T::TABLE);
    let mut statement = database.prepare_cached(&sql).map_err(&failed)?;
    let mut found = Vec::new();
    for key in keys {
        let row = statement.query_row([connection.as_str(), key], row_of).optional().map_err(&failed)?;
        found.extend(row.map(Row::into_tracked).transpose()?);
    }
    Ok(found)
}

pub(super) fn items_of_articles(
    database: &Connection,
    connection: &ConnectionId,
    articles: &[ArticleNumber],
) -> Result<Vec<(ArticleNumber, ItemId)>, StoreError> {
    let failed = error::of("read items");
    let sql = format!("SELECT id FROM {} WHERE connection = ?1 AND pos_key = ?2", Item::TABLE);
    let mut statement = database.prepare_cached(&sql).map_err(&failed)?;
    let mut found = Vec::with_capacity(articles.len());
    for article in articles {
        let key = Item::pos_key(article);
        let id = statement.query_row([connection.as_str(), &key], |row| row.get::<_, String>(0));
        found.extend(id.optional().map_err(&failed)?.map(|id| (*article, ItemId::from(id))));
    }
    Ok(found)
}

fn many<T: Stored>(
    database: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<Tracked<T>>, StoreError> {
    let failed = error::of("read records");
    let mut statement = database.prepare_cached(sql).map_err(&failed)?;
    let rows = statement.query_map(values, row_of).map_err(&failed)?;
    rows.map(|row| row.map_err(&failed)?.into_tracked()).collect()
}

/// That a record's stored revision is not the one that was read, or that its number is another's.
fn conflict(what: &str, id: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, format!("write {what} {id}"))
}

/// The rows of records, in the order of their keys. Made before the database's thread is asked, which has enough to do.
pub(super) fn rows<T: Stored>(mut records: Vec<Tracked<T>>) -> Result<Vec<Row>, StoreError> {
    row::in_key_order(&mut records, T::NAME, |one, other| one.record.id().cmp(other.record.id()))?;
    records.iter().map(Row::of).collect()
}

/// Writes rows whose stored revision is the one given.
pub(super) fn write<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    rows: &[Row],
) -> Result<(), StoreError> {
    let failed = error::of("write records");
    let insert = format!(
        "INSERT INTO {} (connection, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) \
         ON CONFLICT (connection, id) DO NOTHING",
        T::TABLE
    );
    let update = format!(
        "UPDATE {} SET pos_key = ?3, body = ?4, sync = ?5, edited_at = ?6, revision = revision + 1 \
         WHERE connection = ?1 AND id = ?2 AND revision = ?7",
        T::TABLE
    );
    let mut insert = transaction.prepare_cached(&insert).map_err(&failed)?;
    let mut update = transaction.prepare_cached(&update).map_err(&failed)?;
    for row in rows {
        let edited_at = row.edited_at.map(Time);
        let written = if row.revision == 0 {
            let values = params![connection.as_str(), row.id, row.pos_key, row.body, row.sync, edited_at];
            insert.execute(values)
        } else {
            let revision = row.revision;
            let values =
                params![connection.as_str(), row.id, row.pos_key, row.body, row.sync, edited_at, revision];
            update.execute(values)
        };
        let taken = |error: rusqlite::Error| match failed(error) {
            error if error.kind() == StoreErrorKind::Conflict => {
                conflict(T::NAME, &row.id).with_source("its number at the POS belongs to another record")
            }
            error => error,
        };
        if written.map_err(taken)? == 0 {
            return Err(conflict(T::NAME, &row.id).with_source("its revision has moved on"));
        }
    }
    Ok(())
}

/// Takes the host's edits, whatever the stored revisions are.
pub(super) fn edit<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut records: Vec<T>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    row::in_key_order(&mut records, T::NAME, |one, other| one.id().cmp(other.id()))?;
    let failed = error::of("save the host's edits");
    let sql = format!(
        "INSERT INTO {} (connection, {COLUMNS}) VALUES (?1, ?2, NULL, ?3, NULL, ?4, 1) \
         ON CONFLICT (connection, id) DO UPDATE \
         SET body = excluded.body, edited_at = excluded.edited_at, revision = revision + 1",
        T::TABLE
    );
    let mut statement = transaction.prepare_cached(&sql).map_err(&failed)?;
    for record in &records {
        let values = params![connection.as_str(), record.id().as_ref(), row::to_json(record)?, Time(now)];
        statement.execute(values).map_err(&failed)?;
    }
    Ok(())
}

/// Records what the POS has taken.
pub(super) fn mark_pushed<T: Stored>(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    mut pushes: Vec<Pushed<T>>,
) -> Result<(), StoreError> {
    row::in_key_order(&mut pushes, T::NAME, |one, other| one.id.cmp(&other.id))?;
    let failed = error::of("mark records as pushed");
    let sql = format!(
        "UPDATE {} SET pos_key = ?3, sync = ?4, revision = revision + 1, \
         edited_at = CASE WHEN revision = ?5 THEN NULL ELSE edited_at END \
         WHERE connection = ?1 AND id = ?2",
        T::TABLE
    );
    let mut statement = transaction.prepare_cached(&sql).map_err(&failed)?;
    for push in &pushes {
        let (id, key, sync) = (push.id.as_ref(), T::pos_key(&push.number), row::sync_json(&push.sync)?);
        let values = params![connection.as_str(), id, key, sync, push.revision.get()];
        if statement.execute(values).map_err(&failed)? == 0 {
            let action = format!("mark {} {id} as pushed", T::NAME);
            return Err(StoreError::new(StoreErrorKind::NotFound, action));
        }
    }
    Ok(())
}

pub(super) fn write_checkpoints(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    checkpoints: &[Checkpoint],
) -> Result<(), StoreError> {
    let failed = error::of("write checkpoints");
    let sql = "INSERT INTO mplus_checkpoints (connection, resource, marker) VALUES (?1, ?2, ?3) \
               ON CONFLICT (connection, resource) DO UPDATE SET marker = excluded.marker";
    let mut statement = transaction.prepare_cached(sql).map_err(&failed)?;
    for point in checkpoints {
        let values = params![connection.as_str(), point.resource.as_str(), point.marker.get()];
        statement.execute(values).map_err(&failed)?;
    }
    Ok(())
}
