//! A store in a Postgres database.

mod catalog;
mod error;
mod json;
mod logs;
mod migrate;
mod orders;
mod places;
mod records;

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Transaction};
use serde::de::DeserializeOwned;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};

use super::{StoreError, StoreErrorKind, row};

pub use orders::enqueue_in;

/// A store in a Postgres database, for any number of workers on any number of machines.
///
/// Needs a tokio runtime. Its tables begin with `mplus_` and are made in the first schema of the connection's search
/// path. Clones share the pool.
///
/// ```no_run
/// # async fn example() -> Result<(), mplus_sync::store::StoreError> {
/// use mplus_sync::store::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://host@localhost/restaurant").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("pool", &self.pool.status()).finish()
    }
}

impl PostgresStore {
    /// Connects without TLS, with at most 16 connections, and brings the tables up to date.
    ///
    /// The text is a URL or a list of `key=value` as Postgres' own tools take it. A database that asks for TLS, or
    /// another number of connections, needs [`with_pool`](Self::with_pool).
    ///
    /// # Errors
    /// [`Invalid`](StoreErrorKind::Invalid) when the text cannot be understood or a newer release has been here,
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let action = "set up the database's connections";
        // What is wrong with the text may quote it, password included.
        let config: Config = url.parse().map_err(|_| {
            StoreError::new(StoreErrorKind::Invalid, action).with_source("its URL cannot be understood")
        })?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycling))
            .max_size(16)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(30)))
            .create_timeout(Some(Duration::from_secs(30)))
            .build()
            .map_err(|error| StoreError::new(StoreErrorKind::Invalid, action).with_source(error))?;
        Self::with_pool(pool).await
    }

    /// Takes the host's own pool and brings the tables up to date.
    ///
    /// # Errors
    /// [`Invalid`](StoreErrorKind::Invalid) when a newer release has been here,
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached.
    pub async fn with_pool(pool: Pool) -> Result<Self, StoreError> {
        let store = Self { pool };
        let mut client = store.client("bring the tables up to date").await?;
        migrate::migrate(&mut client).await?;
        drop(client);
        Ok(store)
    }

    async fn client(&self, action: &str) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(error::no_client(action))
    }

    /// Runs one statement that reads.
    async fn query(&self, action: &str, sql: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
        let client = self.client(action).await?;
        let statement = client.prepare_cached(sql).await.map_err(error::of(action))?;
        client.query(&statement, values).await.map_err(error::of(action))
    }

    /// Runs one statement that writes, and counts the rows that it touched.
    async fn execute(&self, action: &str, sql: &str, values: Values<'_>) -> Result<u64, StoreError> {
        let client = self.client(action).await?;
        let statement = client.prepare_cached(sql).await.map_err(error::of(action))?;
        client.execute(&statement, values).await.map_err(error::of_write(action))
    }
}

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

async fn begin<'a>(client: &'a mut Object, action: &str) -> Result<Transaction<'a>, StoreError> {
    client.transaction().await.map_err(error::of(action))
}

async fn commit(transaction: Transaction<'_>, action: &str) -> Result<(), StoreError> {
    transaction.commit().await.map_err(error::of_write(action))
}

/// Writes a pull's chunk in a task of its own, which goes on while the caller decodes the next one.
async fn in_task_of_its_own(
    action: &str,
    writing: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    let broken = |error| StoreError::new(StoreErrorKind::Unavailable, action).with_source(error).maybe_done();
    tokio::spawn(writing).await.map_err(broken)?
}

/// The first column of the first row, which is JSON.
fn first_json<T: DeserializeOwned>(rows: &[Row], what: &str, id: &str) -> Result<Option<T>, StoreError> {
    let Some(row) = rows.first() else { return Ok(None) };
    let json: &str = row.try_get(0).map_err(error::of(&format!("read {what} {id}")))?;
    row::from_json(json, what, id).map(Some)
}
