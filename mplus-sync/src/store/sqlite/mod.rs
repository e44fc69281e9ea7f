//! A store in one SQLite file.

mod catalog;
mod error;
mod logs;
mod migrate;
mod orders;
mod places;
mod records;
mod time;

use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{StoreError, StoreErrorKind};

pub use orders::enqueue_in;

/// A store in one SQLite file, for one machine.
///
/// Works on a thread of its own and needs no async runtime. Several stores, of one process or of several, may have the
/// same file open: writers wait for each other up to five seconds and then fail as
/// [`Unavailable`](StoreErrorKind::Unavailable).
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
#[derive(Clone)]
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// When a transaction is on the disk.
#[derive(Clone, Copy)]
enum Durability {
    /// When the call returns.
    Immediate,
    /// Soon; lost as a whole or not at all.
    Eventual,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file, makes it when it is absent, and brings its tables up to date.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the file cannot be opened, and
    /// [`Invalid`](StoreErrorKind::Invalid) when it was written by a newer release.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        Self::start(move || Connection::open(path)).await
    }

    /// Opens a store that is in memory and gone with the last clone of it.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when there is no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::start(Connection::open_in_memory).await
    }

    async fn start(
        open: impl FnOnce() -> rusqlite::Result<Connection> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, answer) = oneshot::channel();
        let work = move || {
            let mut connection = match open().map_err(error::of("open the database")).and_then(prepare) {
                Ok(connection) => connection,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(())).is_ok() {
                queue.iter().for_each(|job| job(&mut connection));
            }
        };
        thread::Builder::new()
            .name("mplus-sqlite".to_owned())
            .spawn(work)
            .map_err(|error| unavailable("start the database's thread").with_source(error))?;
        answer.await.map_err(|_| unavailable("open the database"))??;
        Ok(Self { jobs })
    }

    /// Runs work on the database's thread. All its statements see the same state, and lock the file once.
    async fn read<R: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        self.run(action, move |connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .map_err(error::of(action))?;
            work(&transaction)
        })
        .await
    }

    /// Runs work on the database's thread in one transaction.
    async fn write<R: Send + 'static>(
        &self,
        action: &'static str,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        self.run(action, move |connection| {
            let level = match durability {
                Durability::Immediate => "FULL",
                Durability::Eventual => "NORMAL",
            };
            connection.pragma_update(None, "synchronous", level).map_err(error::of(action))?;
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(error::of(action))?;
            let result = work(&transaction)?;
            transaction.commit().map_err(error::of(action))?;
            Ok(result)
        })
        .await
    }

    async fn run<R: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(done.send(work(connection))));
        self.jobs.send(job).map_err(|_| unavailable(action))?;
        answer.await.map_err(|_| unavailable(action).maybe_done())?
    }
}

fn unavailable(action: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, action)
}

/// Sets up a connection and brings the tables up to date.
fn prepare(mut connection: Connection) -> Result<Connection, StoreError> {
    let failed = error::of("set up the database");
    let set_up = |connection: &Connection| {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // 32 MiB of pages: a pull reads and writes all over the tables.
        connection.pragma_update(None, "cache_size", -32_768)?;
        // Fewer, larger moves from the log into the file; the log stays below about 16 MB.
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)
    };
    set_up(&connection).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate::migrate(&mut connection)?;
    Ok(connection)
}
