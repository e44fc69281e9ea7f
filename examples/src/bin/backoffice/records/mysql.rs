//! Records in MySQL or MariaDB.

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts};

use super::{Driver, QUIET, Record, RecordsError, TABLE, Value};

pub(crate) struct Mysql(Pool);

impl Mysql {
    pub(crate) fn connect(url: &str) -> Result<Self, RecordsError> {
        // What is wrong with the text may quote it, password included.
        let unreadable = || RecordsError::new("read the database URL", "it cannot be understood");
        let given = Opts::from_url(url).map_err(|_| unreadable())?;
        let bounds = PoolConstraints::new(0, 8).ok_or_else(unreadable)?;
        let pool_options = PoolOpts::default().with_constraints(bounds);
        // A connection that a failover has swallowed is noticed in time.
        let options = OptsBuilder::from_opts(given).tcp_keepalive(Some(QUIET)).pool_opts(pool_options);
        Ok(Self(Pool::new(options)))
    }
}

fn parameters(values: Vec<Value>) -> Params {
    if values.is_empty() {
        return Params::Empty;
    }
    let value = |value| match value {
        Value::Text(text) => mysql_async::Value::from(text),
        Value::Number(number) => mysql_async::Value::from(number),
    };
    Params::Positional(values.into_iter().map(value).collect())
}

#[async_trait]
impl Driver for Mysql {
    fn set_up(&self) -> Vec<String> {
        // Identifiers are compared byte by byte.
        let table = TABLE.replace("body TEXT", "body MEDIUMTEXT");
        vec![format!(
            "CREATE TABLE IF NOT EXISTS backoffice_record ({table}, KEY (kind, owner, position), KEY (kind, owner, subject), \
             KEY (kind, position), KEY (kind, subject, position)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )]
    }

    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError> {
        let failed = |error| RecordsError::new("use the database", error);
        let mut connection = self.0.get_conn().await.map_err(failed)?;
        connection.exec_drop(sql.to_owned(), parameters(values)).await.map_err(failed)?;
        Ok(connection.affected_rows())
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError> {
        let failed = |error| RecordsError::new("use the database", error);
        let mut connection = self.0.get_conn().await.map_err(failed)?;
        let record = |(kind, id, owner, subject, position, body, revision)| Record {
            kind,
            id,
            owner,
            subject,
            position,
            body,
            revision,
        };
        connection.exec_map(sql.to_owned(), parameters(values), record).await.map_err(failed)
    }

    fn upsert(&self) -> &'static str {
        "ON DUPLICATE KEY UPDATE owner = VALUES(owner), subject = VALUES(subject), position = VALUES(position), \
         body = VALUES(body), revision = revision + 1"
    }

    fn keep(&self) -> &'static str {
        "ON DUPLICATE KEY UPDATE id = id"
    }
}
