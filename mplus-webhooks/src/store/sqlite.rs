//! Everything in one SQLite file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, TransactionBehavior};

use super::sql::{
    Database, Dialect, Durability, HasTables, MIGRATIONS_TABLE, Row, Tables, Value, migrations,
    migrations_table, up_to_date,
};
use crate::store_error::StoreError;

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// How many connections that read are kept open.
const READERS: usize = 4;

/// A store in one SQLite file, for one or a few processes of one machine. Has to be used inside a tokio runtime.
///
/// What an event or a payment says is on the disk when it is acknowledged. Reading does not wait for writing.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    tables: Arc<Tables>,
}

impl SqliteStore {
    /// Opens the file, makes it when it is missing, and brings the tables up to date. Waits for the disk.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened, is not a database, or was used by a later release.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let mut writer =
            Connection::open(path).map_err(|error| StoreError::new("open the database", error))?;
        prepare(&writer)
            .and_then(|()| writer.pragma_update(None, "journal_mode", "WAL"))
            .map_err(|error| StoreError::new("open the database", error))?;
        migrate(&mut writer)?;
        let file = Arc::new(File {
            // A database in memory belongs to its connection.
            path: (path != Path::new(":memory:") && !path.as_os_str().is_empty()).then(|| path.to_owned()),
            writer: Mutex::new(Writer { connection: writer, durability: None }),
            readers: Mutex::default(),
        });
        Ok(Self { tables: Arc::new(Tables::new(Sqlite(file))) })
    }
}

impl HasTables for SqliteStore {
    fn tables(&self) -> &Tables {
        &self.tables
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(BUSY)
}

/// Makes the steps that are missing, all in one transaction.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    const ACTION: &str = "bring the tables up to date";
    let failed = |error: rusqlite::Error| StoreError::new(ACTION, error);
    let all = migrations(Dialect::Sqlite);
    if let Some(done) = made(connection).map_err(failed)?
        && up_to_date(ACTION, done, &all)?
    {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for statement in migrations_table(Dialect::Sqlite) {
        transaction.execute_batch(&statement).map_err(failed)?;
    }
    let done = made(&transaction).map_err(failed)?.unwrap_or_default();
    up_to_date(ACTION, done, &all)?;
    for step in all.iter().filter(|step| step.number > done) {
        for statement in &step.statements {
            transaction.execute_batch(statement).map_err(failed)?;
        }
        let insert = format!(
            "INSERT INTO {MIGRATIONS_TABLE} (version, applied_at) VALUES (?1, unixepoch() * 1000000)"
        );
        transaction.execute(&insert, [step.number]).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// The last step that was made.
fn made(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let there: i64 = connection.query_row(there, [MIGRATIONS_TABLE], |row| row.get(0))?;
    if there == 0 {
        return Ok(None);
    }
    connection.query_row(&format!("SELECT max(version) FROM {MIGRATIONS_TABLE}"), [], |row| row.get(0))
}

#[derive(Debug)]
struct Sqlite(Arc<File>);

#[derive(Debug)]
struct File {
    path: Option<PathBuf>,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    /// How the connection commits at present.
    durability: Option<Durability>,
}

impl File {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn query(&self, statement: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let Some(path) = &self.path else { return rows(&self.writer().connection, statement, values) };
        // Taken out of the lock while it reads.
        let waiting = self.readers().pop();
        let reader = match waiting {
            Some(reader) => reader,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let reader = Connection::open_with_flags(path, flags)?;
                prepare(&reader)?;
                reader.pragma_update(None, "query_only", true)?;
                reader
            }
        };
        let found = rows(&reader, statement, values);
        let mut readers = self.readers();
        if readers.len() < READERS {
            readers.push(reader);
        }
        found
    }

    fn execute(&self, durability: Durability, statement: &str, values: &[Value]) -> rusqlite::Result<u64> {
        let mut writer = self.writer();
        if writer.durability != Some(durability) {
            let level = match durability {
                Durability::Kept => "FULL",
                Durability::MayBeLost => "NORMAL",
            };
            writer.connection.pragma_update(None, "synchronous", level)?;
            writer.durability = Some(durability);
        }
        let mut statement = writer.connection.prepare_cached(statement)?;
        statement.execute(rusqlite::params_from_iter(values)).map(|changed| changed as u64)
    }
}

fn rows(connection: &Connection, statement: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(statement)?;
    let columns = statement.column_count();
    let found = statement.query_map(rusqlite::params_from_iter(values), |row| {
        (0..columns).map(|column| value(row.get_ref(column)?)).collect::<rusqlite::Result<_>>().map(Row)
    })?;
    found.collect()
}

fn value(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(_) => Value::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec().into()),
        ValueRef::Real(_) => return Err(rusqlite::types::FromSqlError::InvalidType.into()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[async_trait]
impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn query(
        &self,
        action: &'static str,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let (file, statement) = (self.0.clone(), statement.to_owned());
        on_a_thread(action, move || file.query(&statement, &values)).await
    }

    async fn execute(
        &self,
        action: &'static str,
        durability: Durability,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let (file, statement) = (self.0.clone(), statement.to_owned());
        on_a_thread(action, move || file.execute(durability, &statement, &values)).await
    }
}

/// Works on a thread that may wait for the disk.
async fn on_a_thread<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| StoreError::new(action, error)),
        Err(error) => Err(StoreError::new(action, error)),
    }
}
