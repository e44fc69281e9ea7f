//! What a database has to do for a store.

use async_trait::async_trait;

use crate::store::{Bell, StoreError, Wake};

use super::dialect::Dialect;
use super::value::{Row, SqlValue};
use super::write::{Keyed, Write};

/// When a transaction is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the call returns.
    Immediate,
    /// Soon; lost as a whole or not at all.
    Eventual,
}

/// Makes the rows that are to be written. It is called where they are written: whoever has many written goes on meanwhile.
pub(crate) type MakeRows = Box<dyn FnOnce() -> Result<Vec<Write>, StoreError> + Send>;

/// A way to a database. Implemented by the stores in the box.
///
/// Statements have `?` for each value.
#[async_trait]
pub trait Driver: Clone + Send + Sync + 'static {
    /// How the database writes SQL.
    const DIALECT: Dialect;

    /// Runs one statement that reads.
    async fn query(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError>;

    /// Reads rows by their keys, each of them through the key's index; in no particular order.
    async fn by_keys(&self, action: &'static str, keyed: Keyed) -> Result<Vec<Row>, StoreError>;

    /// Runs one statement that writes, in a transaction of its own; counts the rows.
    async fn execute(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<u64, StoreError>;

    /// Makes rows and writes them in one transaction: all of them or none.
    async fn make_and_write(
        &self,
        action: &'static str,
        durability: Durability,
        make: MakeRows,
    ) -> Result<(), StoreError>;

    /// Writes rows in one transaction: all of them or none.
    async fn write(
        &self,
        action: &'static str,
        durability: Durability,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        self.make_and_write(action, durability, Box::new(move || Ok(writes))).await
    }

    /// Begins a transaction. One that is dropped is rolled back.
    async fn begin(&self, action: &'static str) -> Result<Box<dyn Transaction>, StoreError>;

    /// The bell of this process.
    fn bell(&self) -> &Bell;

    /// Tells other processes of new work; never waits.
    fn tell_others(&self, what: Wake);
}

/// A transaction.
#[async_trait]
pub trait Transaction: Send {
    /// Runs one statement that reads.
    async fn query(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<Vec<Row>, StoreError>;

    /// Reads rows by their keys.
    async fn by_keys(&mut self, keyed: Keyed) -> Result<Vec<Row>, StoreError>;

    /// Runs one statement that writes; counts the rows.
    async fn execute(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<u64, StoreError>;

    /// Writes rows: all of them or none.
    async fn write(&mut self, write: Write) -> Result<(), StoreError>;

    /// Makes what was done last.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Takes back what was done.
    async fn roll_back(self: Box<Self>);
}

/// How often a transaction is tried that the database rolled back for the sake of another.
pub(crate) const ATTEMPTS: usize = 10;

/// Carries out work in one transaction, and again when the database rolled it back for the sake of another one (a deadlock,
/// a serialization failure). The work is an expression of type `Result<_, StoreError>` that may be evaluated more than once.
macro_rules! in_transaction {
    ($driver:expr, $action:expr, |$transaction:ident| $work:expr) => {{
        let mut attempt = 1;
        loop {
            let mut transaction = $driver.begin($action).await?;
            let worked = {
                let $transaction: &mut dyn $crate::store::sql::driver::Transaction = &mut *transaction;
                async { $work }.await
            };
            let done = match worked {
                Ok(value) => transaction.commit().await.map(|()| value),
                Err(error) => {
                    transaction.roll_back().await;
                    Err(error)
                }
            };
            match done {
                Err(error) if error.is_transient() && attempt < $crate::store::sql::driver::ATTEMPTS => {
                    attempt += 1;
                }
                done => break done,
            }
        }
    }};
}
pub(crate) use in_transaction;
