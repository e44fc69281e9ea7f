//! Statements, and transactions of several.

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::store::sql::Dialect;
use crate::store::sql::driver::{Durability, Transaction};
use crate::store::sql::table::Table;
use crate::store::sql::value::{Row, SqlValue};
use crate::store::sql::write::{Keyed, Mode, Write, moved_on};
use crate::store::{StoreError, StoreErrorKind};

use super::error;
use super::thread::{self, Jobs, Turn};

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn row_of(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Row> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        values.push(match row.get_ref(column)? {
            ValueRef::Null => SqlValue::Null,
            ValueRef::Integer(number) => SqlValue::Integer(number),
            _ => SqlValue::Text(row.get(column)?),
        });
    }
    Ok(Row::new(values))
}

pub(super) fn rows(connection: &Connection, sql: &str, values: &[SqlValue]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map(params_from_iter(values), |row| row_of(row, columns))?;
    rows.collect()
}

pub(super) fn rows_by_keys(connection: &Connection, keyed: &Keyed) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {} AND {} = ?",
        keyed.columns,
        keyed.table.name,
        keyed.condition(),
        keyed.column
    );
    // One lock for all keys, which are found as they were at one moment.
    let _lock = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.placed(&sql))?;
    let columns = statement.column_count();
    let mut found = Vec::with_capacity(keyed.keys.len());
    let mut values = keyed.fixed();
    for key in &keyed.keys {
        values.push(key.as_str().into());
        let mut rows = statement.query(params_from_iter(&values))?;
        while let Some(row) = rows.next()? {
            found.push(row_of(row, columns)?);
        }
        values.pop();
    }
    Ok(found)
}

pub(super) fn change(connection: &Connection, sql: &str, values: &[SqlValue]) -> rusqlite::Result<u64> {
    thread::count(values.iter().map(size).sum::<usize>());
    let changed = connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(changed as u64)
}

/// What a value takes in the log, about.
fn size(value: &SqlValue) -> usize {
    match value {
        SqlValue::Text(text) => text.len() + 8,
        SqlValue::Null | SqlValue::Integer(_) => 8,
    }
}

pub(super) fn write(connection: &Connection, write: Write) -> Result<(), StoreError> {
    let action = "write rows";
    let failed = error::of(action);
    let sql = write.statement(Dialect::Sqlite, 1);
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.placed(&sql)).map_err(&failed)?;
    let mut written = 0;
    for row in write.rows {
        written += row.iter().map(size).sum::<usize>();
        let values = values(write.table, write.mode, row);
        let changed = statement.execute(params_from_iter(values)).map_err(&failed)?;
        if changed == 0 && write.mode == Mode::Replace {
            return Err(StoreError::new(StoreErrorKind::Conflict, action).with_source(moved_on(write.table)));
        }
    }
    thread::count(written);
    Ok(())
}

/// The values of one row in the order of [`Write::statement`].
fn values(table: &Table, mode: Mode, row: Vec<SqlValue>) -> Vec<SqlValue> {
    if mode != Mode::Replace {
        return row;
    }
    let before = match row.last() {
        Some(SqlValue::Integer(revision)) => SqlValue::Integer(revision - 1),
        _ => SqlValue::Null,
    };
    // Keys come first in every table.
    let mut values = row;
    let keys: Vec<SqlValue> = values.drain(..table.key.len()).collect();
    values.extend(keys);
    values.push(before);
    values
}

/// A transaction on the thread that writes.
pub(super) struct SqliteTransaction {
    jobs: Jobs,
    /// None once it has ended.
    turn: Option<Turn>,
    action: &'static str,
}

impl SqliteTransaction {
    pub(super) async fn begin(jobs: Jobs, turn: Turn, action: &'static str) -> Result<Self, StoreError> {
        let transaction = Self { jobs, turn: Some(turn), action };
        transaction
            .run(|connection| {
                thread::durable(connection, Durability::Immediate)?;
                connection.execute_batch("BEGIN IMMEDIATE")
            })
            .await?;
        Ok(transaction)
    }

    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, rusqlite::Error> + Send + 'static,
    ) -> Result<R, StoreError> {
        let action = self.action;
        let work = move |connection: &Connection| work(connection).map_err(error::of(action));
        thread::run(&self.jobs, action, None, work).await
    }

    async fn end(mut self: Box<Self>, how: &'static str) -> Result<(), StoreError> {
        let (turn, action) = (self.turn.take(), self.action);
        let end = move |connection: &Connection| {
            let ended = connection.execute_batch(how);
            if ended.is_err() {
                // A commit that failed leaves it open.
                let _ = connection.execute_batch("ROLLBACK");
            }
            ended.map_err(error::of(action))
        };
        thread::run(&self.jobs, action, turn, end).await
    }
}

/// What was not ended is taken back.
impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            let job: thread::Job = Box::new(move |connection| {
                let _ = connection.execute_batch("ROLLBACK");
                drop(turn);
            });
            // Without the thread there is no transaction.
            let _ = self.jobs.send(job);
        }
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn query(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<Vec<Row>, StoreError> {
        let sql = Dialect::Sqlite.placed(sql).into_owned();
        self.run(move |connection| rows(connection, &sql, &values)).await
    }

    async fn by_keys(&mut self, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        self.run(move |connection| rows_by_keys(connection, &keyed)).await
    }

    async fn execute(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<u64, StoreError> {
        let sql = Dialect::Sqlite.placed(sql).into_owned();
        self.run(move |connection| change(connection, &sql, &values)).await
    }

    async fn write(&mut self, rows: Write) -> Result<(), StoreError> {
        thread::run(&self.jobs, self.action, None, move |connection| write(connection, rows)).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    async fn roll_back(self: Box<Self>) {
        // Where there is none any more there is nothing to take back.
        let _ = self.end("ROLLBACK").await;
    }
}
