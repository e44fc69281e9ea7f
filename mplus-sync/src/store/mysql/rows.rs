//! Statements: single ones, many rows in one, and transactions of several.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};

use crate::store::sql::Dialect;
use crate::store::sql::driver::Transaction;
use crate::store::sql::table::Kind;
use crate::store::sql::value::{Row, SqlValue};
use crate::store::sql::write::{Keyed, Mode, Write, moved_on};
use crate::store::{StoreError, StoreErrorKind};

use super::error;

/// How many rows, or keys, a statement has at most.
const ROWS: usize = 256;
/// How many bytes of values a statement has, about: well below what a server takes.
const BYTES: usize = 2 << 20;

fn params(values: Vec<SqlValue>) -> Params {
    if values.is_empty() {
        return Params::Empty;
    }
    let value = |value| match value {
        SqlValue::Null => Value::NULL,
        SqlValue::Integer(number) => Value::Int(number),
        SqlValue::Text(text) => Value::Bytes(text.into_bytes()),
    };
    Params::Positional(values.into_iter().map(value).collect())
}

fn read(action: &str, row: mysql_async::Row) -> Result<Row, StoreError> {
    let odd = |what: String| StoreError::new(StoreErrorKind::Corrupt, action).with_source(what);
    let value = |value| match value {
        Value::NULL => Ok(SqlValue::Null),
        Value::Int(number) => Ok(SqlValue::Integer(number)),
        Value::UInt(number) => {
            i64::try_from(number).map(SqlValue::Integer).map_err(|error| odd(error.to_string()))
        }
        Value::Bytes(bytes) => {
            String::from_utf8(bytes).map(SqlValue::Text).map_err(|error| odd(error.to_string()))
        }
        other => Err(odd(format!("a column has {other:?}"))),
    };
    row.unwrap().into_iter().map(value).collect::<Result<Vec<_>, _>>().map(Row::new)
}

pub(super) async fn query<Q: Queryable>(
    database: &mut Q,
    action: &'static str,
    sql: &str,
    values: Vec<SqlValue>,
) -> Result<Vec<Row>, StoreError> {
    let rows: Vec<mysql_async::Row> = database.exec(sql, params(values)).await.map_err(error::of(action))?;
    rows.into_iter().map(|row| read(action, row)).collect()
}

pub(super) async fn execute<Q: Queryable>(
    database: &mut Q,
    action: &'static str,
    sql: &str,
    values: Vec<SqlValue>,
) -> Result<u64, StoreError> {
    let done = database.exec_iter(sql, params(values)).await.map_err(error::of(action))?;
    let changed = done.affected_rows();
    done.drop_result().await.map_err(error::of(action))?;
    Ok(changed)
}

/// Reads the rows of many keys, each of them through the key's index.
pub(super) async fn by_keys<Q: Queryable>(
    database: &mut Q,
    action: &'static str,
    keyed: Keyed,
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::with_capacity(keyed.keys.len());
    for keys in keyed.keys.chunks(ROWS) {
        // As many as a power of two, the last one repeated: few statements are prepared.
        let count = keys.len().next_power_of_two();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} AND {} IN ({}){}",
            keyed.columns,
            keyed.table.name,
            keyed.condition(),
            keyed.column,
            vec!["?"; count].join(", "),
            if keyed.lock { Dialect::MySql.for_update() } else { "" },
        );
        let mut values = keyed.fixed();
        let last = keys.len() - 1;
        values.extend((0..count).map(|at| SqlValue::from(keys[at.min(last)].as_str())));
        found.extend(query(database, action, &sql, values).await?);
    }
    Ok(found)
}

/// Writes rows in statements of as many as a power of two, so that few are prepared.
async fn write<Q: Queryable>(database: &mut Q, action: &'static str, write: Write) -> Result<(), StoreError> {
    let mut rows = write.rows.as_slice();
    while !rows.is_empty() {
        let size = |row: &Vec<SqlValue>| {
            let size = |value: &SqlValue| match value {
                SqlValue::Text(text) => text.len(),
                SqlValue::Null | SqlValue::Integer(_) => 8,
            };
            row.iter().map(size).sum::<usize>()
        };
        let mut bytes = 0;
        let fitting = rows.iter().take(ROWS).take_while(|row| {
            bytes += size(row);
            bytes <= BYTES
        });
        let count = fitting.count().max(1);
        let count = if count.is_power_of_two() { count } else { count.next_power_of_two() / 2 };
        let (now, later) = rows.split_at(count);
        rows = later;
        match write.mode {
            Mode::Insert | Mode::Upsert => {
                let sql = write.statement(Dialect::MySql, count);
                execute(database, action, &sql, now.concat()).await?;
            }
            Mode::Replace => {
                let changed = match now {
                    [row] => execute(database, action, &replace_one(&write), one(&write, row)).await?,
                    rows => execute(database, action, &replace(&write, count), rows.concat()).await?,
                };
                if changed != count as u64 {
                    return Err(
                        StoreError::new(StoreErrorKind::Conflict, action).with_source(moved_on(write.table))
                    );
                }
            }
        }
    }
    Ok(())
}

/// Replaces one row whose revision is the one before its own.
fn replace_one(write: &Write) -> String {
    let set = |name: &&str| format!("{name} = ?");
    let set = |names: &[&str], between| names.iter().map(set).collect::<Vec<_>>().join(between);
    let table = write.table;
    format!(
        "UPDATE {} SET {} WHERE {} AND revision = ? - 1",
        table.name,
        set(&table.rest(), ", "),
        set(table.key, " AND ")
    )
}

/// Its values in their order there.
fn one(write: &Write, row: &[SqlValue]) -> Vec<SqlValue> {
    let table = write.table;
    let names = table.names();
    let value =
        |wanted: &str| names.iter().zip(row).find(|(name, _)| **name == wanted).map(|(_, value)| value);
    let wanted = table.rest().into_iter().chain(table.key.iter().copied()).chain(["revision"]);
    wanted.map(|name| value(name).cloned().unwrap_or(SqlValue::Null)).collect()
}

/// Replaces rows whose revision is the one before theirs: the rows come as a table, which MariaDB keeps in a file where there are texts
/// in it, and each is looked up by its key. An insert that updates what is there would take a row with the same number at the POS for
/// the same row.
fn replace(write: &Write, rows: usize) -> String {
    let table = write.table;
    let member = |first: bool| {
        let column = |column: &crate::store::sql::table::Column| {
            let value = match column.kind {
                Kind::Id => "CAST(? AS BINARY)",
                Kind::Text => "CAST(? AS CHAR)",
                Kind::Integer => "CAST(? AS SIGNED)",
            };
            if first { format!("{value} AS {}", column.name) } else { value.to_owned() }
        };
        format!("SELECT {}", table.columns.iter().map(column).collect::<Vec<_>>().join(", "))
    };
    let members: Vec<String> = (0..rows).map(|row| member(row == 0)).collect();
    let key: Vec<String> = table.key.iter().map(|name| format!("stored.{name} = new.{name}")).collect();
    let set: Vec<String> = table.rest().iter().map(|name| format!("stored.{name} = new.{name}")).collect();
    format!(
        "UPDATE ({}) AS new STRAIGHT_JOIN {} AS stored ON {} SET {} WHERE stored.revision = new.revision - 1",
        members.join(" UNION ALL "),
        table.name,
        key.join(" AND "),
        set.join(", ")
    )
}

/// A transaction on a connection of its own. Dropped, it is rolled back before the connection is used again.
pub(super) struct MySqlTransaction {
    inner: mysql_async::Transaction<'static>,
    action: &'static str,
}

impl MySqlTransaction {
    pub(super) fn new(inner: mysql_async::Transaction<'static>, action: &'static str) -> Self {
        Self { inner, action }
    }
}

#[async_trait]
impl Transaction for MySqlTransaction {
    async fn query(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<Vec<Row>, StoreError> {
        query(&mut self.inner, self.action, sql, values).await
    }

    async fn by_keys(&mut self, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        by_keys(&mut self.inner, self.action, keyed).await
    }

    async fn execute(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<u64, StoreError> {
        execute(&mut self.inner, self.action, sql, values).await
    }

    async fn write(&mut self, rows: Write) -> Result<(), StoreError> {
        write(&mut self.inner, self.action, rows).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { inner, action } = *self;
        inner.commit().await.map_err(error::of(action)).map_err(error::maybe_done)
    }

    async fn roll_back(self: Box<Self>) {
        // Where this fails the connection is gone, and the transaction with it.
        let _ = self.inner.rollback().await;
    }
}
