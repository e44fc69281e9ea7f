//! Records in a SQLite file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ToSql, params_from_iter, types::ToSqlOutput};

use super::{Driver, Record, RecordsError, Value};

pub(crate) struct Sqlite(Arc<Mutex<Connection>>);

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, RecordsError> {
        let failed = |error| RecordsError::new(format!("open {}", path.display()), error);
        let connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, RecordsError> {
        let connection = self.0.clone();
        let work = move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        let failed = |error| RecordsError::new("use the database", error);
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(failed),
            Err(error) => Err(RecordsError::new("use the database", error)),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Number(number) => number.to_sql(),
        }
    }
}

#[async_trait]
impl Driver for Sqlite {
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            let changed = connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
            Ok(changed as u64)
        })
        .await
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(Record {
                    kind: row.get(0)?,
                    id: row.get(1)?,
                    owner: row.get(2)?,
                    subject: row.get(3)?,
                    position: row.get(4)?,
                    body: row.get(5)?,
                    revision: row.get(6)?,
                })
            })?;
            rows.collect()
        })
        .await
    }
}
