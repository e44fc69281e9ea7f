//! A store in one SQLite file.

mod error;
mod thread;
mod transaction;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use super::sql::driver::{Durability, MakeRows, Transaction};
use super::sql::value::{Row, SqlValue};
use super::sql::write::Keyed;
use super::sql::{Dialect, Driver, SqlStore};
use super::{Bell, StoreError, Wake};

use self::thread::{Jobs, Turn};
use self::transaction::SqliteTransaction;

/// A store in one SQLite file, for one machine.
///
/// Works on threads of its own, one that writes and one that reads, and needs no async runtime. Several stores, of one
/// process or of several, may have the same file open: writers wait for each other up to five seconds and then fail as
/// [`Unavailable`](super::StoreErrorKind::Unavailable).
///
/// What has left the house or was promised (orders, numbers that the POS gave, edits) is on the disk when the call
/// returns. Chunks of a pull and their checkpoints are written a little later, always together: after a power cut a
/// pull goes on from the last one that is there.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mplus_sync::store::{CheckpointStore, SqliteStore};
///
/// let directory = tempfile::tempdir()?;
/// let store = SqliteStore::open(directory.path().join("mplus.db")).await?;
/// assert!(store.checkpoints(&"merchant".into()).await?.is_empty());
/// # Ok(())
/// # }
/// ```
pub type SqliteStore = SqlStore<Sqlite>;

/// The way to an SQLite file.
#[derive(Clone)]
pub struct Sqlite {
    writer: Jobs,
    /// Reads while something is being written. In memory there is but one connection, which does both.
    reader: Option<Jobs>,
    /// Whoever writes has it.
    turn: Arc<tokio::sync::Mutex<()>>,
    bell: Arc<Bell>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file, makes it when it is absent, and brings its tables up to date.
    ///
    /// # Errors
    /// [`Unavailable`](super::StoreErrorKind::Unavailable) when the file cannot be opened, and
    /// [`Invalid`](super::StoreErrorKind::Invalid) when it was written by a newer release.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let (writer, file) =
            thread::start("mplus-sqlite-writer", move || thread::open_writer(Connection::open(path))).await?;
        let mut driver = Sqlite { writer, reader: None, turn: Arc::default(), bell: Arc::default() };
        if let Some(file) = file {
            let (reader, _) =
                thread::start("mplus-sqlite-reader", move || thread::open_reader(&file)).await?;
            driver.reader = Some(reader);
        }
        Self::with_driver(driver).await
    }

    /// Opens a store that is in memory and gone with the last clone of it.
    ///
    /// # Errors
    /// [`Unavailable`](super::StoreErrorKind::Unavailable) when there is no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let (writer, _) =
            thread::start("mplus-sqlite", || thread::open_writer(Connection::open_in_memory())).await?;
        Self::with_driver(Sqlite { writer, reader: None, turn: Arc::default(), bell: Arc::default() }).await
    }
}

impl Sqlite {
    /// Reads, all at the same state; in memory nobody writes meanwhile.
    async fn read<R: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<R, rusqlite::Error> + Send + 'static,
    ) -> Result<R, StoreError> {
        let work = move |connection: &Connection| work(connection).map_err(error::of(action));
        match &self.reader {
            Some(reader) => thread::run(reader, action, None, work).await,
            None => thread::run(&self.writer, action, Some(self.turn().await), work).await,
        }
    }

    async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }
}

#[async_trait]
impl Driver for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn query(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = Dialect::Sqlite.placed(sql).into_owned();
        self.read(action, move |connection| transaction::rows(connection, &sql, &values)).await
    }

    async fn by_keys(&self, action: &'static str, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        self.read(action, move |connection| transaction::rows_by_keys(connection, &keyed)).await
    }

    async fn execute(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<u64, StoreError> {
        let sql = Dialect::Sqlite.placed(sql).into_owned();
        thread::run(&self.writer, action, Some(self.turn().await), move |connection| {
            thread::durable(connection, Durability::Immediate).map_err(error::of(action))?;
            transaction::change(connection, &sql, &values).map_err(error::of(action))
        })
        .await
    }

    async fn make_and_write(
        &self,
        action: &'static str,
        durability: Durability,
        make: MakeRows,
    ) -> Result<(), StoreError> {
        thread::run(&self.writer, action, Some(self.turn().await), move |connection| {
            let writes = make()?;
            thread::durable(connection, durability).map_err(error::of(action))?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(error::of(action))?;
            let written = writes.into_iter().try_for_each(|write| transaction::write(connection, write));
            let ended = match written {
                Ok(()) => connection.execute_batch("COMMIT").map_err(error::of(action)),
                Err(error) => Err(error),
            };
            if ended.is_err() {
                // Where there is none any more there is nothing to take back.
                let _ = connection.execute_batch("ROLLBACK");
            }
            ended
        })
        .await
    }

    async fn begin(&self, action: &'static str) -> Result<Box<dyn Transaction>, StoreError> {
        let turn = self.turn().await;
        Ok(Box::new(SqliteTransaction::begin(self.writer.clone(), turn, action).await?))
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Other processes look by themselves.
    fn tell_others(&self, _: Wake) {}
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{Order, OrderKind, OutboxStateKind};
    use crate::store::{OrderOutbox, StoreErrorKind};

    /// Lets the file have this many pages at most, or as many as it has.
    async fn limit(store: &SqliteStore, pages: u32) {
        let set = move |connection: &Connection| {
            let set = connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
            set.map_err(error::of("limit the file"))
        };
        thread::run(&store.driver.writer, "limit the file", None, set).await.unwrap();
    }

    #[tokio::test]
    async fn on_a_full_disk_an_order_is_refused_whole_and_taken_once_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("host.db")).await.unwrap();
        limit(&store, 1).await;
        let (merchant, now) = ("merchant".into(), DateTime::UNIX_EPOCH);
        let order = |number: u64| {
            let mut order = Order::new(number.to_string(), "city", OrderKind::Pickup, now);
            order.note = Some("Ring twice. ".repeat(100));
            order
        };
        let mut taken = 0;
        let refused = loop {
            match store.enqueue(&merchant, &order(taken), now).await {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
            assert!(taken < 10_000, "the file grows all the same");
        };
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "{refused}");
        assert!(refused.to_string().contains("full"), "{refused}");
        let waiting = || async {
            store.counts(&merchant).await.unwrap().get(&OutboxStateKind::Waiting).copied().unwrap_or(0)
        };
        assert_eq!(waiting().await, taken, "what was taken is there, and nothing of what was refused");
        limit(&store, 1_000_000).await;
        store.enqueue(&merchant, &order(taken), now).await.unwrap();
        assert_eq!(waiting().await, taken + 1);
    }
}
