//! Everything in MySQL or MariaDB, for as many processes as the host likes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts};

use super::sql::{
    Database, Dialect, Durability, HasTables, MIGRATIONS_TABLE, Row, Tables, Value, migrations,
    migrations_table, up_to_date,
};
use crate::store_error::StoreError;

/// The most connections, unless told otherwise.
const CONNECTIONS: usize = 16;
/// How long a connection may say nothing before the other side is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);
/// What every connection begins with: the settings of this database for other programs must not decide what a commit means here,
/// whether a name that is too long is cut, or how long one waits for another.
const SETUP: [&str; 3] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 10",
];
/// How often a statement is repeated that the database gave up because two stood in each other's way.
const REPEATS: usize = 8;
/// The database's numbers for that: a deadlock, and a lock that took too long.
const IN_EACH_OTHERS_WAY: [u16; 2] = [1213, 1205];

/// A store in MySQL 8 or MariaDB 10.6 and later, for any number of processes. Needs a tokio runtime. Clones share the connections.
///
/// What it has kept outlasts a loss of power only where the server's `innodb_flush_log_at_trx_commit` is 1, as it is unless changed: no
/// session can set that. When it is another, opening the store logs a warning.
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

/// How a MySQL or MariaDB database is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct MysqlOptions {
    url: String,
    /// How many connections at most: 16 unless set.
    pub connections: usize,
    /// A PEM file with the authorities that the database's certificate may come from, instead of Mozilla's.
    #[cfg(feature = "mysql-tls")]
    pub root_certificates: Option<std::path::PathBuf>,
}

/// Does not show the URL, which may have a password in it.
impl fmt::Debug for MysqlOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MysqlOptions").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl MysqlOptions {
    /// A database by its URL, `mysql://user:password@host:3306/database`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: CONNECTIONS,
            #[cfg(feature = "mysql-tls")]
            root_certificates: None,
        }
    }

    /// The pool, with TLS when the URL asks for it.
    fn pool(&self) -> Result<Pool, StoreError> {
        const ACTION: &str = "set up the database's connections";
        // What is wrong with the URL may quote it, password included.
        let options =
            Opts::from_url(&self.url).map_err(|_| StoreError::new(ACTION, "its URL cannot be understood"))?;
        let tls = options.ssl_opts().cloned();
        let limits = PoolConstraints::new(0, self.connections.max(1)).unwrap_or_default();
        let options = OptsBuilder::from_opts(options)
            .pool_opts(PoolOpts::default().with_constraints(limits))
            // The database of the URL, and no other way to it.
            .prefer_socket(false)
            // A connection that a failover has swallowed is noticed in seconds, not in hours.
            .tcp_keepalive(Some(QUIET))
            // A row counts as changed when it was: what is taken already must not look like news.
            .client_found_rows(false)
            .setup(SETUP.to_vec());
        let Some(tls) = tls else { return Ok(Pool::new(options)) };
        #[cfg(feature = "mysql-tls")]
        {
            use rustls::crypto::{CryptoProvider, aws_lc_rs};
            // The driver takes the process's crypto, and panics without one. A host that wants another installs it before.
            if CryptoProvider::get_default().is_none() {
                // Somebody else may have been faster, which is as good.
                let _ = aws_lc_rs::default_provider().install_default();
            }
            let tls = match &self.root_certificates {
                Some(path) => {
                    tls.with_root_certs(vec![path.clone().into()]).with_disable_built_in_roots(true)
                }
                None => tls,
            };
            Ok(Pool::new(options.ssl_opts(tls)))
        }
        #[cfg(not(feature = "mysql-tls"))]
        {
            drop(tls);
            Err(StoreError::new(ACTION, "its URL asks for TLS: turn on the feature `mysql-tls`"))
        }
    }
}

impl MysqlStore {
    /// Connects with at most 16 connections, and brings the tables up to date.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(MysqlOptions::new(url)).await
    }

    /// Connects, and brings the tables up to date.
    ///
    /// With `require_ssl=true` in the URL (feature `mysql-tls`) every connection has TLS, and the database has to prove by its
    /// certificate that it is the URL's host. Otherwise none has.
    ///
    /// # Errors
    /// [`StoreError`] when the URL cannot be understood, the database cannot be reached, cannot prove who it is or does not allow it,
    /// or a later release has been here.
    pub async fn open(options: MysqlOptions) -> Result<Self, StoreError> {
        let database = Mysql(options.pool()?);
        database.migrate().await?;
        database.look_whether_commits_last().await?;
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

    /// Warns when a commit does not wait for the disk, which is for the server's administrator to change.
    async fn look_whether_commits_last(&self) -> Result<(), StoreError> {
        const ACTION: &str = "read how the database commits";
        let setting = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit";
        let setting: Option<i64> = self
            .connection(ACTION)
            .await?
            .query_first(setting)
            .await
            .map_err(|error| StoreError::new(ACTION, error))?;
        if let Some(setting) = setting.filter(|setting| !waits_for_the_disk(*setting)) {
            tracing::warn!(
                innodb_flush_log_at_trx_commit = setting,
                "the database commits before it has written: a loss of power takes away what was acknowledged"
            );
        }
        Ok(())
    }

    /// Makes the steps that are missing. Processes that start at the same time take turns; a step that was cut off is repeated.
    async fn migrate(&self) -> Result<(), StoreError> {
        const ACTION: &str = "bring the tables up to date";
        let failed = |error: mysql_async::Error| StoreError::new(ACTION, error);
        let all = migrations(Dialect::Mysql);
        let mut connection = self.connection(ACTION).await?;
        // A role that may not make tables does not get further than this, and needs not.
        if let Some(done) = made(&mut connection).await.map_err(failed)?
            && up_to_date(ACTION, done, &all)?
        {
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

/// Whether a commit is on the disk once it has returned, by `innodb_flush_log_at_trx_commit`. MariaDB's 3 is an older way of 1.
fn waits_for_the_disk(setting: i64) -> bool {
    matches!(setting, 1 | 3)
}

async fn change(connection: &mut Conn, all: &[super::sql::Migration]) -> Result<(), StoreError> {
    const ACTION: &str = "bring the tables up to date";
    let failed = |error: mysql_async::Error| StoreError::new(ACTION, error);
    for statement in migrations_table(Dialect::Mysql) {
        connection.query_drop(statement).await.map_err(failed)?;
    }
    let done = made(connection).await.map_err(failed)?.unwrap_or_default();
    up_to_date(ACTION, done, all)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_commit_that_is_flushed_each_time_outlasts_a_loss_of_power() {
        assert_eq!([0, 1, 2, 3].map(waits_for_the_disk), [false, true, false, true]);
    }

    /// With a real database behind `MPLUS_TEST_MYSQL`.
    #[tokio::test]
    async fn no_name_is_cut_whatever_else_the_database_is_set_to() {
        let Ok(url) = std::env::var("MPLUS_TEST_MYSQL") else { return };
        let pool = MysqlOptions::new(url).pool().unwrap();
        let mut connection = pool.get_conn().await.unwrap();
        let mode: Option<String> = connection.query_first("SELECT @@SESSION.sql_mode").await.unwrap();
        let mode = mode.unwrap();
        assert!(mode.split(',').any(|mode| mode == "STRICT_ALL_TABLES"), "{mode}");
        drop(connection);
        pool.disconnect().await.unwrap();
    }
}
