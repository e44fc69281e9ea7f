//! Everything in Postgres, for as many processes as the host likes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, GenericClient, NoTls};

use super::sql::{
    Database, Dialect, Durability, HasTables, MIGRATIONS_TABLE, Row, Tables, Value, migrations,
    migrations_table, up_to_date,
};
use crate::store_error::StoreError;

/// The most connections, unless told otherwise.
const CONNECTIONS: usize = 16;
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may say nothing before the other side is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);
/// What every connection begins with. The database gives up what nobody waits for any more, and a commit is on the disk whatever
/// else its settings say; a stronger promise of theirs stays.
const SETUP: &str = "SET statement_timeout = '30s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A store in Postgres, for any number of processes. Needs a tokio runtime. Clones share the connections.
///
/// Its tables begin with `mplus_webhook_` and are made in the first schema of the connection's search path. Once they are there,
/// a role that may only read and write them is enough.
///
/// ```no_run
/// # async fn example() -> Result<(), mplus_webhooks::StoreError> {
/// use mplus_webhooks::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://host@localhost/restaurant").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresStore {
    tables: Arc<Tables>,
}

/// How a Postgres database is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    url: String,
    /// How many connections at most: 16 unless set.
    pub connections: usize,
    /// A PEM file with the authorities that the database's certificate may come from, instead of the platform's.
    #[cfg(feature = "postgres-tls")]
    pub root_certificates: Option<std::path::PathBuf>,
}

/// Does not show the URL, which may have a password in it.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresOptions")
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// A database by its URL, or by a list of `key=value` as Postgres' own tools take it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: CONNECTIONS,
            #[cfg(feature = "postgres-tls")]
            root_certificates: None,
        }
    }

    /// The pool, with TLS when the URL asks for it.
    fn pool(&self) -> Result<Pool, StoreError> {
        const ACTION: &str = "set up the database's connections";
        // What is wrong with the text may quote it, password included.
        let mut config: Config =
            self.url.parse().map_err(|_| StoreError::new(ACTION, "its URL cannot be understood"))?;
        // A connection that a failover has swallowed is noticed in seconds, not in hours.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(QUIET);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(QUIET));
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Require {
            #[cfg(feature = "postgres-tls")]
            {
                let tls = super::postgres_tls::connector(self.root_certificates.as_deref());
                let tls = tls.map_err(|error| StoreError::new(ACTION, error))?;
                Manager::from_config(config, tls, recycling)
            }
            #[cfg(not(feature = "postgres-tls"))]
            {
                let _ = recycling;
                return Err(StoreError::new(
                    ACTION,
                    "its URL asks for TLS: turn on the feature `postgres-tls`",
                ));
            }
        } else {
            config.ssl_mode(SslMode::Disable);
            Manager::from_config(config, NoTls, recycling)
        };
        Pool::builder(manager)
            .max_size(self.connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move { client.batch_execute(SETUP).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| StoreError::new(ACTION, error))
    }
}

impl PostgresStore {
    /// Connects with at most 16 connections, and brings the tables up to date. The text is a URL or a list of `key=value`, as
    /// Postgres' own tools take it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(PostgresOptions::new(url)).await
    }

    /// Connects, and brings the tables up to date.
    ///
    /// With `sslmode=require` in the URL (feature `postgres-tls`) every connection has TLS, and the database has to prove by its
    /// certificate that it is the URL's host. Otherwise none has: `prefer` would leave the choice to whoever is in between.
    ///
    /// # Errors
    /// [`StoreError`] when the URL cannot be understood, the database cannot be reached, cannot prove who it is or does not allow it,
    /// or a later release has been here.
    pub async fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        let database = Postgres(options.pool()?);
        database.migrate().await?;
        Ok(Self { tables: Arc::new(Tables::new(database)) })
    }
}

impl HasTables for PostgresStore {
    fn tables(&self) -> &Tables {
        &self.tables
    }
}

struct Postgres(Pool);

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("connections", &self.0.status()).finish()
    }
}

/// A connection of the pool. One on which somebody stopped waiting for an answer is closed: the next one would wait behind it.
struct Lent {
    connection: Option<Object>,
    answered: bool,
}

impl Lent {
    /// What the statement answers.
    async fn ask<T>(
        &mut self,
        action: &'static str,
        work: impl AsyncFnOnce(&deadpool_postgres::ClientWrapper) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else {
            return Err(StoreError::new(action, "the connection was closed"));
        };
        let answer = work(connection).await;
        self.answered = true;
        answer.map_err(|error| StoreError::new(action, described(&error)))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.answered
            && let Some(connection) = self.connection.take()
        {
            drop(Object::take(connection));
        }
    }
}

impl Postgres {
    async fn connection(&self, action: &'static str) -> Result<Object, StoreError> {
        self.0.get().await.map_err(|error| match &error {
            PoolError::Backend(error) => StoreError::new(action, described(error)),
            _ => StoreError::new(action, error),
        })
    }

    async fn lent(&self, action: &'static str) -> Result<Lent, StoreError> {
        Ok(Lent { connection: Some(self.connection(action).await?), answered: false })
    }

    /// Makes the steps that are missing, all in one transaction. Processes that start at the same time take turns.
    async fn migrate(&self) -> Result<(), StoreError> {
        const ACTION: &str = "bring the tables up to date";
        let failed = |error: tokio_postgres::Error| StoreError::new(ACTION, described(&error));
        let all = migrations(Dialect::Postgres);
        let mut connection = self.connection(ACTION).await?;
        // A role that may not make tables does not get further than this, and needs not.
        if let Some(done) = made(&**connection).await.map_err(failed)?
            && up_to_date(ACTION, done, &all)?
        {
            return Ok(());
        }
        let transaction = connection.transaction().await.map_err(failed)?;
        // Somebody else's turn may take long, and so may a step.
        transaction.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(failed)?;
        let turn =
            "SELECT pg_advisory_xact_lock(hashtext('mplus_webhook_migrations'), hashtext(current_schema()))";
        transaction.query(turn, &[]).await.map_err(failed)?;
        // What this connection believes of its tables may be older than the turn, so it does not ask whether there is one.
        for statement in migrations_table(Dialect::Postgres) {
            transaction.batch_execute(&statement).await.map_err(failed)?;
        }
        let done = last(&*transaction).await.map_err(failed)?.unwrap_or_default();
        up_to_date(ACTION, done, &all)?;
        for step in all.iter().filter(|step| step.number > done) {
            for statement in &step.statements {
                transaction.batch_execute(statement).await.map_err(failed)?;
            }
            let insert = format!(
                "INSERT INTO {MIGRATIONS_TABLE} (version, applied_at) \
                 VALUES ($1, (extract(epoch FROM now()) * 1000000)::bigint)"
            );
            transaction.execute(&insert, &[&step.number]).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }
}

/// The last step that was made.
async fn made(client: &impl GenericClient) -> Result<Option<i64>, tokio_postgres::Error> {
    let there = "SELECT to_regclass($1) IS NOT NULL";
    let there: bool = client.query_one(there, &[&MIGRATIONS_TABLE]).await?.try_get(0)?;
    if !there {
        return Ok(None);
    }
    last(client).await
}

async fn last(client: &impl GenericClient) -> Result<Option<i64>, tokio_postgres::Error> {
    client.query_one(&format!("SELECT max(version) FROM {MIGRATIONS_TABLE}"), &[]).await?.try_get(0)
}

/// The database's own words, which the error alone leaves out.
fn described(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(words) => format!("{error}: {words}"),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

impl ToSql for Value {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(of, out),
            Self::Text(text) => text.to_sql(of, out),
            Self::Bytes(bytes) => (&bytes[..]).to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

fn values(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let value = |(number, column): (usize, &tokio_postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(number)?.map_or(Value::Null, Value::Int),
            Type::INT4 => {
                row.try_get::<_, Option<i32>>(number)?.map_or(Value::Null, |small| Value::Int(small.into()))
            }
            Type::BYTEA => row
                .try_get::<_, Option<Vec<u8>>>(number)?
                .map_or(Value::Null, |bytes| Value::Bytes(bytes.into())),
            _ => row.try_get::<_, Option<String>>(number)?.map_or(Value::Null, Value::Text),
        })
    };
    row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(Row)
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn query(
        &self,
        action: &'static str,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut lent = self.lent(action).await?;
        lent.ask(action, async |connection| {
            let statement = connection.prepare_cached(statement).await?;
            let rows = connection.query(&statement, &values(&parameters)).await?;
            rows.iter().map(row).collect()
        })
        .await
    }

    async fn execute(
        &self,
        action: &'static str,
        _: Durability,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let mut lent = self.lent(action).await?;
        lent.ask(action, async |connection| {
            let statement = connection.prepare_cached(statement).await?;
            connection.execute(&statement, &values(&parameters)).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a real database behind `MPLUS_TEST_POSTGRES`.
    async fn setting(options: &str, name: &str) -> Option<String> {
        let url = std::env::var("MPLUS_TEST_POSTGRES").ok()?;
        let more = if url.contains('?') { '&' } else { '?' };
        let pool = PostgresOptions::new(format!("{url}{more}options={options}")).pool().unwrap();
        let connection = pool.get().await.unwrap();
        Some(connection.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0))
    }

    #[tokio::test]
    async fn a_commit_is_on_the_disk_whatever_else_the_database_is_set_to() {
        let Some(off) = setting("-c%20synchronous_commit%3Doff", "synchronous_commit").await else { return };
        assert_eq!(off, "on");
        let stronger = setting("-c%20synchronous_commit%3Dremote_apply", "synchronous_commit").await;
        assert_eq!(stronger.as_deref(), Some("remote_apply"));
    }

    #[tokio::test]
    async fn the_database_gives_up_what_nobody_waits_for() {
        let Some(time_out) = setting("-c%20statement_timeout%3D0", "statement_timeout").await else { return };
        assert_eq!(time_out, "30s");
    }
}
