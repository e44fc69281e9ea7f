//! Everything in MySQL or MariaDB, for as many processes as the host likes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts};

use super::sql::{
    Database, Dialect, Durability, HasTables, MIGRATIONS_TABLE, Row, Tables, Value, known, migrations,
    migrations_table,
};
use crate::store_error::StoreError;

/// The most connections, unless told otherwise.
const CONNECTIONS: usize = 16;
/// How often a statement is repeated that the database gave up because two stood in each other's way.
const REPEATS: usize = 8;
/// The database's numbers for that: a deadlock, and a lock that took too long.
const IN_EACH_OTHERS_WAY: [u16; 2] = [1213, 1205];

/// A store in MySQL 8 or MariaDB 10.6 and later, for any number of processes. Needs a tokio runtime. Clones share the connections.
///
/// Its tables begin with `mplus_webhook_` and are made in the URL's database. Once they are there, a role that may only read and
/// write them is enough.
///
/// ```no_run
/// # async fn example() -> Result<(), mplus_webhooks::StoreError> {
/// use mplus_webhooks::MysqlStore;
///
/// let store = MysqlStore::connect("mysql://host@localhost/restaurant").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MysqlStore {
    tables: Arc<Tables>,
}

impl MysqlStore {
    /// Connects with at most 16 connections, and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the URL cannot be understood, the database cannot be reached or does not allow it, or a later release
    /// has been here.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, CONNECTIONS).await
    }

    /// Like [`connect`](Self::connect), with at most so many connections.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(url: &str, connections: usize) -> Result<Self, StoreError> {
        const ACTION: &str = "set up the database's connections";
        // What is wrong with the URL may quote it, password included.
        let options =
            Opts::from_url(url).map_err(|_| StoreError::new(ACTION, "its URL cannot be understood"))?;
        let limits = PoolConstraints::new(0, connections.max(1)).unwrap_or_default();
        let options = OptsBuilder::from_opts(options)
            .pool_opts(PoolOpts::default().with_constraints(limits))
            // Another program's settings of this database must not decide what a commit means here.
            .setup(vec!["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"]);
        let database = Mysql(Pool::new(options));
        database.migrate().await?;
        Ok(Self { tables: Arc::new(Tables::new(database)) })
    }
}

impl HasTables for MysqlStore {
    fn tables(&self) -> &Tables {
        &self.tables
    }
}

struct Mysql(Pool);

impl fmt::Debug for Mysql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Mysql { .. }")
    }
}

impl Mysql {
    async fn connection(&self, action: &'static str) -> Result<Conn, StoreError> {
        self.0.get_conn().await.map_err(|error| StoreError::new(action, error))
    }

    /// Makes the steps that are missing. Processes that start at the same time take turns; a step that was cut off is repeated.
    async fn migrate(&self) -> Result<(), StoreError> {
        const ACTION: &str = "bring the tables up to date";
        let failed = |error: mysql_async::Error| StoreError::new(ACTION, error);
        let all = migrations(Dialect::Mysql);
        let mut connection = self.connection(ACTION).await?;
        if made(&mut connection).await.map_err(failed)? == all.last().map(|last| last.number) {
            return Ok(());
        }
        let turn = "SELECT GET_LOCK(CONCAT('mplus_webhook_', DATABASE()), 60)";
        let turn: Option<Option<i64>> = connection.query_first(turn).await.map_err(failed)?;
        if turn.flatten() != Some(1) {
            return Err(StoreError::new(ACTION, "another process has been at it for a minute"));
        }
        let changed = change(&mut connection, &all).await;
        let released = "DO RELEASE_LOCK(CONCAT('mplus_webhook_', DATABASE()))";
        connection.query_drop(released).await.map_err(failed)?;
        changed
    }
}

async fn change(connection: &mut Conn, all: &[super::sql::Migration]) -> Result<(), StoreError> {
    const ACTION: &str = "bring the tables up to date";
    let failed = |error: mysql_async::Error| StoreError::new(ACTION, error);
    for statement in migrations_table(Dialect::Mysql) {
        connection.query_drop(statement).await.map_err(failed)?;
    }
    let done = made(connection).await.map_err(failed)?.unwrap_or_default();
    known(ACTION, done, all)?;
    for step in all.iter().filter(|step| step.number > done) {
        for statement in &step.statements {
            connection.query_drop(statement).await.map_err(failed)?;
        }
        let insert = format!(
            "INSERT INTO {MIGRATIONS_TABLE} (version, applied_at) VALUES (?, UNIX_TIMESTAMP() * 1000000)"
        );
        connection.exec_drop(insert, (step.number,)).await.map_err(failed)?;
    }
    Ok(())
}

/// The last step that was made.
async fn made(connection: &mut Conn) -> Result<Option<i64>, mysql_async::Error> {
    let there =
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
    let there: Option<i64> = connection.exec_first(there, (MIGRATIONS_TABLE,)).await?;
    if there.unwrap_or_default() == 0 {
        return Ok(None);
    }
    let last: Option<Option<i64>> =
        connection.query_first(format!("SELECT MAX(version) FROM {MIGRATIONS_TABLE}")).await?;
    Ok(last.flatten())
}

fn parameters(values: &[Value]) -> Params {
    let parameter = |value: &Value| match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Int(number) => mysql_async::Value::Int(*number),
        Value::Text(text) => mysql_async::Value::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => mysql_async::Value::Bytes(bytes.to_vec()),
    };
    match values {
        [] => Params::Empty,
        values => Params::Positional(values.iter().map(parameter).collect()),
    }
}

fn row(row: mysql_async::Row) -> Row {
    let value = |value: mysql_async::Value| match value {
        mysql_async::Value::Int(number) => Value::Int(number),
        mysql_async::Value::UInt(number) => i64::try_from(number).map_or(Value::Null, Value::Int),
        mysql_async::Value::Bytes(bytes) => Value::Bytes(bytes.into()),
        // No column has another type.
        _ => Value::Null,
    };
    Row(row.unwrap().into_iter().map(value).collect())
}

#[async_trait]
impl Database for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn query(
        &self,
        action: &'static str,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.connection(action).await?;
        let rows: Result<Vec<mysql_async::Row>, _> = connection.exec(statement, parameters(&values)).await;
        Ok(rows.map_err(|error| StoreError::new(action, error))?.into_iter().map(row).collect())
    }

    async fn execute(
        &self,
        action: &'static str,
        _: Durability,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let mut connection = self.connection(action).await?;
        let mut repeats = 0;
        loop {
            match connection.exec_drop(statement, parameters(&values)).await {
                Ok(()) => return Ok(connection.affected_rows()),
                Err(mysql_async::Error::Server(error))
                    if IN_EACH_OTHERS_WAY.contains(&error.code) && repeats < REPEATS =>
                {
                    repeats += 1;
                }
                Err(error) => return Err(StoreError::new(action, error)),
            }
        }
    }
}
