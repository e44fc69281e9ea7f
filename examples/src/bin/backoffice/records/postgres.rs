//! Records in Postgres.

use async_trait::async_trait;
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use super::{Driver, Record, RecordsError, Value};

pub(crate) struct Postgres(Pool);

impl Postgres {
    pub(crate) fn connect(url: &str) -> Result<Self, RecordsError> {
        let config = url
            .parse()
            .map_err(|error: tokio_postgres::Error| RecordsError::new("read the database URL", error))?;
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(8).build();
        pool.map(Self).map_err(|error| RecordsError::new("make a pool of connections", error))
    }
}

/// The statement with `$1` for its first value.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 8);
    let mut number = 0;
    for part in sql.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => {
                number += 1;
                text.push_str(before);
                text.push_str(&format!("${number}"));
            }
            None => text.push_str(part),
        }
    }
    text
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Text(text) => parameters.push(text),
            Value::Number(number) => parameters.push(number),
        }
    }
    parameters
}

#[async_trait]
impl Driver for Postgres {
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError> {
        let client = self.0.get().await.map_err(|error| RecordsError::new("reach the database", error))?;
        let done = client.execute(&numbered(sql), &parameters(&values)).await;
        done.map_err(|error| RecordsError::new("use the database", error))
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError> {
        let client = self.0.get().await.map_err(|error| RecordsError::new("reach the database", error))?;
        let failed = |error| RecordsError::new("use the database", error);
        let rows = client.query(&numbered(sql), &parameters(&values)).await.map_err(failed)?;
        let record = |row: &tokio_postgres::Row| {
            Ok(Record {
                kind: row.try_get(0)?,
                id: row.try_get(1)?,
                owner: row.try_get(2)?,
                subject: row.try_get(3)?,
                position: row.try_get(4)?,
                body: row.try_get(5)?,
                revision: row.try_get(6)?,
            })
        };
        rows.iter().map(record).collect::<Result<_, tokio_postgres::Error>>().map_err(failed)
    }
}
