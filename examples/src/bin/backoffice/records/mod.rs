//! The back office's own records: logins, sealed secrets, sales, callbacks. One table, in the database of the rest.
//!
//! An integrator has these in tables of the host's own. Here one table with a body of JSON does for all of them.

mod mysql;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use mysql::Mysql;
pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

/// How long the database may take for one statement.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may be silent before the other side is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);

/// The table, in the words that all three databases share.
const COLUMNS: &str = "kind, id, owner, subject, position, body, revision";

/// One record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// What it is: `session`, `sale`.
    pub(crate) kind: String,
    /// Which, among those of its kind.
    pub(crate) id: String,
    /// Whose: a connection's id; empty for what is nobody's.
    pub(crate) owner: String,
    /// What else it is found by.
    pub(crate) subject: String,
    /// Its place among those of its kind, such as a time.
    pub(crate) position: i64,
    /// Its content, JSON.
    pub(crate) body: String,
    /// How often it was written.
    pub(crate) revision: i64,
}

impl Record {
    pub(crate) fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into(), ..Self::default() }
    }

    pub(crate) fn of(self, owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), ..self }
    }

    pub(crate) fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    pub(crate) fn at(self, position: i64) -> Self {
        Self { position, ..self }
    }

    pub(crate) fn with(self, body: &impl Serialize) -> Result<Self, RecordsError> {
        let body = serde_json::to_string(body).map_err(|error| RecordsError::new("write a record", error))?;
        Ok(Self { body, ..self })
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, RecordsError> {
        serde_json::from_str(&self.body)
            .map_err(|error| RecordsError::new(format!("read the {} {}", self.kind, self.id), error))
    }
}

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}: {source}")]
pub(crate) struct RecordsError {
    action: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl RecordsError {
    pub(crate) fn new(
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { action: action.into(), source: source.into() }
    }
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// What the table has; keys of MySQL have a greatest length, so that texts that are found by have one.
const TABLE: &str = "kind VARCHAR(40) NOT NULL, id VARCHAR(200) NOT NULL, owner VARCHAR(200) NOT NULL, \
                     subject VARCHAR(200) NOT NULL, position BIGINT NOT NULL, body TEXT NOT NULL, revision BIGINT NOT NULL, \
                     PRIMARY KEY (kind, id)";

/// One database.
#[async_trait]
pub(crate) trait Driver: Send + Sync {
    /// The statements that make the table where it is missing.
    fn set_up(&self) -> Vec<String> {
        let table = "backoffice_record";
        vec![
            format!("CREATE TABLE IF NOT EXISTS {table} ({TABLE})"),
            format!("CREATE INDEX IF NOT EXISTS {table}_by_position ON {table} (kind, owner, position)"),
            format!("CREATE INDEX IF NOT EXISTS {table}_by_subject ON {table} (kind, owner, subject)"),
            format!("CREATE INDEX IF NOT EXISTS {table}_due ON {table} (kind, position)"),
            format!("CREATE INDEX IF NOT EXISTS {table}_due_about ON {table} (kind, subject, position)"),
        ]
    }

    /// Carries out a statement with `?` for its values; the number of rows that it changed.
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError>;

    /// Rows of [`COLUMNS`].
    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError>;

    /// What an insert ends with that is to replace a row.
    fn upsert(&self) -> &'static str {
        "ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, subject = excluded.subject, \
         position = excluded.position, body = excluded.body, revision = backoffice_record.revision + 1"
    }

    /// What an insert ends with that is to leave a row alone.
    fn keep(&self) -> &'static str {
        "ON CONFLICT (kind, id) DO NOTHING"
    }
}

/// The records.
#[derive(Clone)]
pub(crate) struct Records(Arc<dyn Driver>);

impl Records {
    /// Those of a database, whose table is made when it is missing.
    pub(crate) async fn open(driver: impl Driver + 'static) -> Result<Self, RecordsError> {
        for statement in driver.set_up() {
            driver.execute(&statement, Vec::new()).await?;
        }
        Ok(Self(Arc::new(driver)))
    }

    /// A database that does not answer holds nobody longer than this.
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError> {
        in_time(self.0.execute(sql, values)).await
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError> {
        in_time(self.0.query(sql, values)).await
    }

    /// Writes a record in place of the one with its kind and id.
    pub(crate) async fn put(&self, record: &Record) -> Result<(), RecordsError> {
        let sql = format!(
            "INSERT INTO backoffice_record ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 1) {}",
            self.0.upsert()
        );
        self.execute(&sql, values(record)).await.map(drop)
    }

    /// Writes a record that is not there yet; `false` when it is.
    pub(crate) async fn insert(&self, record: &Record) -> Result<bool, RecordsError> {
        let sql = format!(
            "INSERT INTO backoffice_record ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 1) {}",
            self.0.keep()
        );
        Ok(self.execute(&sql, values(record)).await? > 0)
    }

    /// Writes a record that was read before; `false` when somebody else wrote it meanwhile.
    pub(crate) async fn replace(&self, record: &Record) -> Result<bool, RecordsError> {
        let sql = "UPDATE backoffice_record SET owner = ?, subject = ?, position = ?, body = ?, revision = revision + 1 \
                   WHERE kind = ? AND id = ? AND revision = ?";
        let of = record;
        let values: Vec<Value> = vec![
            of.owner.as_str().into(),
            of.subject.as_str().into(),
            of.position.into(),
            of.body.as_str().into(),
            of.kind.as_str().into(),
            of.id.as_str().into(),
            of.revision.into(),
        ];
        Ok(self.execute(sql, values).await? > 0)
    }

    /// Reads one record.
    pub(crate) async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, RecordsError> {
        let sql = format!("SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND id = ?");
        Ok(self.query(&sql, vec![kind.into(), id.into()]).await?.into_iter().next())
    }

    /// An owner's records about one subject.
    pub(crate) async fn about(
        &self,
        kind: &str,
        owner: &str,
        subject: &str,
    ) -> Result<Vec<Record>, RecordsError> {
        let sql =
            format!("SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND owner = ? AND subject = ?");
        self.query(&sql, vec![kind.into(), owner.into(), subject.into()]).await
    }

    /// An owner's records before a place, those with the highest place first.
    pub(crate) async fn newest(
        &self,
        kind: &str,
        owner: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND owner = ? AND position < ? \
             ORDER BY position DESC LIMIT {limit}"
        );
        self.query(&sql, vec![kind.into(), owner.into(), before.unwrap_or(i64::MAX).into()]).await
    }

    /// An owner's records about one subject, those with the highest place first.
    pub(crate) async fn newest_about(
        &self,
        kind: &str,
        owner: &str,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND owner = ? AND subject = ? \
             ORDER BY position DESC LIMIT {limit}"
        );
        self.query(&sql, vec![kind.into(), owner.into(), subject.into()]).await
    }

    /// How many records there are of a kind, of those about a subject where one is given; whoever's they are.
    pub(crate) async fn count(&self, kind: &str, subject: Option<&str>) -> Result<u64, RecordsError> {
        // A row of the same columns, so that one reader does for all.
        let mut sql =
            "SELECT '' AS kind, '' AS id, '' AS owner, '' AS subject, COUNT(*) AS position, '' AS body, \
                       COUNT(*) AS revision FROM backoffice_record WHERE kind = ?"
                .to_owned();
        let mut values = vec![kind.into()];
        if let Some(subject) = subject {
            sql.push_str(" AND subject = ?");
            values.push(subject.into());
        }
        let found = self.query(&sql, values).await?;
        Ok(found.first().map_or(0, |row| row.position.unsigned_abs()))
    }

    /// Everybody's records about a subject up to a place, those with the lowest place first.
    pub(crate) async fn due_about(
        &self,
        kind: &str,
        subject: &str,
        until: i64,
        limit: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND subject = ? AND position <= ? \
             ORDER BY position LIMIT {limit}"
        );
        self.query(&sql, vec![kind.into(), subject.into(), until.into()]).await
    }

    /// Everybody's records of a kind up to a place, those with the lowest place first.
    pub(crate) async fn due(
        &self,
        kind: &str,
        until: i64,
        limit: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM backoffice_record WHERE kind = ? AND position <= ? ORDER BY position LIMIT {limit}"
        );
        self.query(&sql, vec![kind.into(), until.into()]).await
    }

    /// Removes one record.
    pub(crate) async fn remove(&self, kind: &str, id: &str) -> Result<(), RecordsError> {
        let sql = "DELETE FROM backoffice_record WHERE kind = ? AND id = ?";
        self.execute(sql, vec![kind.into(), id.into()]).await.map(drop)
    }

    /// Removes everybody's records of a kind about a subject.
    pub(crate) async fn remove_about(&self, kind: &str, subject: &str) -> Result<(), RecordsError> {
        let sql = "DELETE FROM backoffice_record WHERE kind = ? AND subject = ?";
        self.execute(sql, vec![kind.into(), subject.into()]).await.map(drop)
    }

    /// Removes the records of a kind whose place is before this one.
    pub(crate) async fn prune(&self, kind: &str, before: i64) -> Result<u64, RecordsError> {
        let sql = "DELETE FROM backoffice_record WHERE kind = ? AND position < ?";
        self.execute(sql, vec![kind.into(), before.into()]).await
    }

    /// Removes everything of an owner.
    pub(crate) async fn forget(&self, owner: &str) -> Result<(), RecordsError> {
        self.execute("DELETE FROM backoffice_record WHERE owner = ?", vec![owner.into()]).await.map(drop)
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, RecordsError>>) -> Result<T, RecordsError> {
    let late = |_| RecordsError::new("use the database", format!("no answer in {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

fn values(record: &Record) -> Vec<Value> {
    vec![
        record.kind.as_str().into(),
        record.id.as_str().into(),
        record.owner.as_str().into(),
        record.subject.as_str().into(),
        record.position.into(),
        record.body.as_str().into(),
    ]
}
