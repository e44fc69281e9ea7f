//! A store in one SQLite file.

mod catalog;
mod checkpoint;
mod error;
mod logs;
mod migrate;
mod orders;
mod places;
mod records;
mod time;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{StoreError, StoreErrorKind};

pub use orders::enqueue_in;

/// A store in one SQLite file, for one machine.
///
/// Works on threads of its own, one that writes and one that reads, and needs no async runtime. Several stores, of one
/// process or of several, may have the same file open: writers wait for each other up to five seconds and then fail as
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
    writer: Jobs,
    /// Reads while something is being written. In memory there is but one connection, which does both.
    reader: Jobs,
}

/// The way to a thread that has a connection.
type Jobs = mpsc::Sender<Job>;
type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// How long a connection waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 64;

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
        let (writer, file) =
            start("mplus-sqlite-writer", move || open_writer(Connection::open(path))).await?;
        let reader = match file {
            Some(file) => start("mplus-sqlite-reader", move || open_reader(&file)).await?.0,
            None => writer.clone(),
        };
        Ok(Self { writer, reader })
    }

    /// Opens a store that is in memory and gone with the last clone of it.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when there is no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let (writer, _) = start("mplus-sqlite", || open_writer(Connection::open_in_memory())).await?;
        Ok(Self { reader: writer.clone(), writer })
    }

    /// Runs work that reads. All its statements see the same state, and lock the file once.
    async fn read<R: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        run(&self.reader, action, move |connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .map_err(error::of(action))?;
            work(&transaction)
        })
        .await
    }

    /// Runs work that writes, in one transaction.
    async fn write<R: Send + 'static>(
        &self,
        action: &'static str,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        run(&self.writer, action, move |connection| {
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
}

/// Starts a thread with a connection; also the file that it is of, if it is of one.
async fn start(
    name: &str,
    open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
) -> Result<(Jobs, Option<PathBuf>), StoreError> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let (opened, answer) = oneshot::channel();
    let work = move || {
        let mut connection = match open() {
            Ok(connection) => connection,
            Err(error) => return drop(opened.send(Err(error))),
        };
        let file = connection.path().filter(|path| !path.is_empty()).map(PathBuf::from);
        if opened.send(Ok(file)).is_ok() {
            for job in queue {
                job(&mut connection);
                checkpoint::when_due(&connection);
            }
        }
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| unavailable("start the database's thread").with_source(error))?;
    let file = answer.await.map_err(|_| unavailable("open the database"))??;
    Ok((jobs, file))
}

async fn run<R: Send + 'static>(
    jobs: &Jobs,
    action: &'static str,
    work: impl FnOnce(&mut Connection) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    let (done, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| drop(done.send(work(connection))));
    jobs.send(job).map_err(|_| unavailable(action))?;
    answer.await.map_err(|_| unavailable(action).maybe_done())?
}

fn unavailable(action: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, action)
}

/// Opens the connection that writes, and brings the tables up to date.
fn open_writer(opened: rusqlite::Result<Connection>) -> Result<Connection, StoreError> {
    let set_up = |connection: Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // 32 MiB of pages: a pull writes all over the tables.
        connection.pragma_update(None, "cache_size", -32_768)?;
        checkpoint::after_answers(&connection);
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    let mut connection = opened.and_then(set_up).map_err(error::of("open the database"))?;
    migrate::migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that only reads, in a file whose tables are up to date.
fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let set_up = |connection: Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    Connection::open(file).and_then(set_up).map_err(error::of("open the database"))
}
