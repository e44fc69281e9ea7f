//! The tables, described once: what is stored, what is asked, how a row is read. A driver brings the dialect and carries
//! statements out.

mod dialect;
mod inbox;
mod payments;
mod schema;
mod value;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::store_error::StoreError;

pub(super) use dialect::Dialect;
#[cfg(feature = "mysql")]
pub(super) use schema::Migration;
pub(super) use schema::{MIGRATIONS_TABLE, migrations, migrations_table, up_to_date};
pub(super) use value::{Row, Value};

/// Whether a loss of power may take a write back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Never, once it has returned.
    Kept,
    /// It may: the work is done again then.
    MayBeLost,
}

/// A database, as far as the description needs it. Every statement is a transaction of its own.
#[async_trait]
pub(super) trait Database: Debug + Send + Sync {
    fn dialect(&self) -> Dialect;

    /// Runs a statement that reads.
    async fn query(
        &self,
        action: &'static str,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement that writes, and counts the rows that it changed.
    async fn execute(
        &self,
        action: &'static str,
        durability: Durability,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError>;
}

/// The tables in a database.
#[derive(Debug)]
pub(super) struct Tables {
    database: Box<dyn Database>,
    entries: inbox::Statements,
    payments: payments::Statements,
}

impl Tables {
    /// The tables, which have been made.
    pub(super) fn new(database: impl Database + 'static) -> Self {
        let dialect = database.dialect();
        Self {
            database: Box::new(database),
            entries: inbox::Statements::new(dialect),
            payments: payments::Statements::new(dialect),
        }
    }

    /// Deletes or changes many rows, some at a time so that nobody waits for long.
    async fn in_slices(
        &self,
        action: &'static str,
        statement: &str,
        values: &[Value],
    ) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let mut values = values.to_vec();
            values.push(Value::Int(SLICE));
            let changed = self.database.execute(action, Durability::MayBeLost, statement, values).await?;
            all += changed;
            if changed < SLICE.unsigned_abs() {
                return Ok(all);
            }
        }
    }
}

const SLICE: i64 = 500;

/// A store whose tables are described here.
pub(super) trait HasTables: Debug + Send + Sync {
    fn tables(&self) -> &Tables;
}
