//! Statements: single ones, and many rows in one.

use deadpool_postgres::Object;
use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};

use crate::store::sql::Dialect;
use crate::store::sql::table::{Kind, Table};
use crate::store::sql::value::{Row, SqlValue};
use crate::store::sql::write::{Keyed, Mode, Write};

/// Values with the types in which they are sent.
type Values<'a> = Vec<(&'a (dyn ToSql + Sync), Type)>;

fn borrowed(values: &[SqlValue]) -> Values<'_> {
    let of = |value: &SqlValue| match value {
        SqlValue::Integer(_) => Type::INT8,
        SqlValue::Text(_) => Type::TEXT,
        // Whatever stands there.
        SqlValue::Null => Type::UNKNOWN,
    };
    values.iter().map(|value| (value as &(dyn ToSql + Sync), of(value))).collect()
}

/// A connection, and how it is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'c> {
    pub(super) client: &'c Object,
    /// Whether statements are prepared under names and kept. Otherwise each goes with its values in one message, which is all that a
    /// pooler in transaction mode needs to see of it.
    pub(super) prepared: bool,
}

impl Asked<'_> {
    async fn query(self, sql: &str, values: Values<'_>) -> Result<Vec<tokio_postgres::Row>, Error> {
        if !self.prepared {
            return self.client.query_typed(sql, &values).await;
        }
        let statement = self.client.prepare_cached(sql).await?;
        self.client.query(&statement, &untyped(values)).await
    }

    async fn execute(self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        if !self.prepared {
            return self.client.execute_typed(sql, &values).await;
        }
        let statement = self.client.prepare_cached(sql).await?;
        self.client.execute(&statement, &untyped(values)).await
    }
}

fn untyped(values: Values<'_>) -> Vec<&(dyn ToSql + Sync)> {
    values.into_iter().map(|(value, _)| value).collect()
}

fn read(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, Error> {
    let read = |row: &tokio_postgres::Row| {
        (0..row.len()).map(|column| row.try_get(column)).collect::<Result<Vec<SqlValue>, _>>().map(Row::new)
    };
    rows.iter().map(read).collect()
}

pub(super) async fn query(asked: Asked<'_>, sql: &str, values: &[SqlValue]) -> Result<Vec<Row>, Error> {
    read(&asked.query(&Dialect::Postgres.placed(sql), borrowed(values)).await?)
}

pub(super) async fn execute(asked: Asked<'_>, sql: &str, values: &[SqlValue]) -> Result<u64, Error> {
    asked.execute(&Dialect::Postgres.placed(sql), borrowed(values)).await
}

/// Reads the rows of many keys, each of them through the key's index.
///
/// `= ANY` leaves the choice to the planner, which takes a table that was never analysed for a small one and reads it
/// from end to end, in every call of the pull that fills it. `OFFSET 0` keeps it from making a join of this.
pub(super) async fn by_keys(asked: Asked<'_>, keyed: &Keyed) -> Result<Vec<Row>, Error> {
    let keys = keyed.within.len() + 1;
    let condition = Dialect::Postgres.placed(&keyed.condition()).into_owned();
    let (table, columns, column) = (keyed.table.name, keyed.columns, keyed.column);
    let lock = if keyed.lock { " ORDER BY id FOR NO KEY UPDATE" } else { "" };
    let sql = match keyed.lock {
        // Locking wants the table itself; those who lock have few keys.
        true => format!(
            "SELECT {columns} FROM {table} WHERE {condition} AND {column} = ANY(${keys}::text[]){lock}"
        ),
        false => format!(
            "SELECT {columns} FROM unnest(${keys}::text[]) AS wanted (key) CROSS JOIN LATERAL \
             (SELECT * FROM {table} WHERE {condition} AND {column} = wanted.key OFFSET 0) AS found"
        ),
    };
    let fixed = keyed.fixed();
    let mut values = borrowed(&fixed);
    values.push((&keyed.keys, Type::TEXT_ARRAY));
    read(&asked.query(&sql, values).await?)
}

/// How many rows a statement writes at most.
const ROWS: usize = 512;

/// Rows, column by column.
enum Array {
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
}

fn arrays(table: &Table, rows: Vec<Vec<SqlValue>>) -> Vec<Array> {
    let mut arrays: Vec<Array> = table
        .columns
        .iter()
        .map(|column| match column.kind {
            Kind::Integer => Array::Integers(Vec::with_capacity(rows.len())),
            Kind::Id | Kind::Text => Array::Texts(Vec::with_capacity(rows.len())),
        })
        .collect();
    for row in rows {
        for (value, array) in row.into_iter().zip(&mut arrays) {
            match (array, value) {
                (Array::Integers(array), SqlValue::Integer(number)) => array.push(Some(number)),
                (Array::Texts(array), SqlValue::Text(text)) => array.push(Some(text)),
                (Array::Integers(array), _) => array.push(None),
                (Array::Texts(array), _) => array.push(None),
            }
        }
    }
    arrays
}

/// Writes rows; false when the stored revisions do not allow it.
///
/// Every row is found through the primary key, in the order of the keys: no plan can turn bad, and two writers never
/// wait for each other in a circle.
pub(super) async fn write(asked: Asked<'_>, write: Write) -> Result<bool, Error> {
    let sql = statement(&write);
    let mut rows = write.rows;
    while !rows.is_empty() {
        let next = rows.split_off(rows.len().min(ROWS));
        let count = rows.len();
        let arrays = arrays(write.table, std::mem::replace(&mut rows, next));
        let values: Values<'_> = arrays
            .iter()
            .map(|array| match array {
                Array::Texts(array) => (array as &(dyn ToSql + Sync), Type::TEXT_ARRAY),
                Array::Integers(array) => (array as &(dyn ToSql + Sync), Type::INT8_ARRAY),
            })
            .collect();
        match write.mode {
            Mode::Insert | Mode::Upsert => drop(asked.execute(&sql, values).await?),
            Mode::Replace => {
                // A row that is gone would be inserted: one that was not there has no `xmax`.
                let (mut written, mut inserted): (i64, i64) = (0, 0);
                for counts in asked.query(&sql, values).await? {
                    (written, inserted) = (counts.try_get(0)?, counts.try_get(1)?);
                }
                if written.unsigned_abs() as usize != count || inserted != 0 {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

fn statement(write: &Write) -> String {
    let table = write.table;
    let names = table.names();
    let arrays: Vec<String> = table
        .columns
        .iter()
        .zip(1..)
        .map(|(column, number)| match column.kind {
            Kind::Integer => format!("unnest(${number}::bigint[])"),
            Kind::Id | Kind::Text => format!("unnest(${number}::text[])"),
        })
        .collect();
    let insert =
        format!("INSERT INTO {} AS stored ({}) SELECT {}", table.name, names.join(", "), arrays.join(", "));
    let replace = Dialect::Postgres.or_replace(table.key, &table.rest());
    match write.mode {
        Mode::Insert => insert,
        Mode::Upsert => insert + &replace,
        Mode::Replace => format!(
            "WITH written AS ({insert}{replace} WHERE stored.revision = excluded.revision - 1 \
             RETURNING stored.xmax = 0 AS inserted) \
             SELECT count(*), count(*) FILTER (WHERE inserted) FROM written"
        ),
    }
}
