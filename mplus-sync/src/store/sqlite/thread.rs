//! The threads that have the connections.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::store::sql::driver::Durability;
use crate::store::{StoreError, StoreErrorKind};

use super::error;

/// The way to a thread that has a connection.
pub(super) type Jobs = mpsc::Sender<Job>;
pub(super) type Job = Box<dyn FnOnce(&Connection) + Send>;
/// The right to write.
pub(super) type Turn = OwnedMutexGuard<()>;

/// How long a connection waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 96;
/// From this many bytes on that were written, the log is moved into the file.
const LOG: usize = 2 << 20;

thread_local! {
    /// Bytes that this thread's connection has written since the log was last moved, about.
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
    /// What the connection is set to.
    static DURABILITY: Cell<Option<Durability>> = const { Cell::new(None) };
}

/// Counts what was written.
pub(super) fn count(bytes: usize) {
    WRITTEN.set(WRITTEN.get().saturating_add(bytes));
}

/// Has the next transaction be on the disk when it should.
pub(super) fn durable(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    if DURABILITY.get() == Some(durability) {
        return Ok(());
    }
    let level = match durability {
        Durability::Immediate => "FULL",
        Durability::Eventual => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)?;
    DURABILITY.set(Some(durability));
    Ok(())
}

/// Starts a thread with a connection; also the file that it is of, if it is of one.
pub(super) async fn start(
    name: &str,
    open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
) -> Result<(Jobs, Option<PathBuf>), StoreError> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let (opened, answer) = oneshot::channel();
    let work = move || {
        let connection = match open() {
            Ok(connection) => connection,
            Err(error) => return drop(opened.send(Err(error))),
        };
        let file = connection.path().filter(|path| !path.is_empty()).map(PathBuf::from);
        if opened.send(Ok(file)).is_ok() {
            for job in queue {
                job(&connection);
                move_log(&connection);
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

/// Runs work on a connection's thread, which holds the turn until it has ended: also when nobody waits for it any more.
pub(super) async fn run<R: Send + 'static>(
    jobs: &Jobs,
    action: &'static str,
    turn: Option<Turn>,
    work: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    let (done, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        let worked = work(connection);
        drop(turn);
        drop(done.send(worked));
    });
    jobs.send(job).map_err(|_| unavailable(action))?;
    answer.await.map_err(|_| unavailable(action).maybe_done())?
}

fn unavailable(action: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, action)
}

/// Opens the connection that writes.
pub(super) fn open_writer(opened: rusqlite::Result<Connection>) -> Result<Connection, StoreError> {
    let set_up = |connection: Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // 32 MiB of pages: a pull writes all over the tables.
        connection.pragma_update(None, "cache_size", -32_768)?;
        // Done here, after the call was answered: whoever writes works on meanwhile.
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    opened.and_then(set_up).map_err(error::of("open the database"))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let set_up = |connection: Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    Connection::open(file).and_then(set_up).map_err(error::of("open the database"))
}

/// Moves the log into the file when it is long. Waits for nobody: what others still read stays in it, and is moved next time.
fn move_log(connection: &Connection) {
    // In the middle of a transaction there is nothing to move.
    if WRITTEN.get() < LOG || !connection.is_autocommit() {
        return;
    }
    WRITTEN.set(0);
    // Where this fails nothing is lost: there will be another attempt.
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
