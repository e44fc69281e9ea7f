//! Transactions of several statements.

use async_trait::async_trait;
use tokio_postgres::error::DbError;

use crate::store::sql::driver::Transaction;
use crate::store::sql::value::{Row, SqlValue};
use crate::store::sql::write::{Keyed, Write, moved_on};
use crate::store::{StoreError, StoreErrorKind};

use super::lent::Lent;
use super::rows::Asked;
use super::{error, rows};

/// A transaction on a connection of its own. Closing that is what takes back a transaction that nobody ended.
pub(super) struct PostgresTransaction {
    lent: Lent,
    action: &'static str,
}

impl PostgresTransaction {
    pub(super) async fn begin(lent: Lent, action: &'static str) -> Result<Self, StoreError> {
        let transaction = Self { lent, action };
        transaction.asked()?.client.batch_execute("BEGIN").await.map_err(error::of(action))?;
        Ok(transaction)
    }

    fn asked(&self) -> Result<Asked<'_>, StoreError> {
        self.lent.asked(self.action)
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn query(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<Vec<Row>, StoreError> {
        rows::query(self.asked()?, sql, &values).await.map_err(error::of(self.action))
    }

    async fn by_keys(&mut self, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        rows::by_keys(self.asked()?, &keyed).await.map_err(error::of(self.action))
    }

    async fn execute(&mut self, sql: &str, values: Vec<SqlValue>) -> Result<u64, StoreError> {
        rows::execute(self.asked()?, sql, &values).await.map_err(error::of(self.action))
    }

    async fn write(&mut self, write: Write) -> Result<(), StoreError> {
        let table = write.table;
        let refused = |why: String| StoreError::new(StoreErrorKind::Conflict, self.action).with_source(why);
        match rows::write(self.asked()?, write).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused(moved_on(table))),
            Err(error) => {
                let constraint = error.as_db_error().and_then(DbError::constraint).unwrap_or_default();
                let taken = constraint.ends_with("_pos");
                match error::of(self.action)(error) {
                    error if error.kind() == StoreErrorKind::Conflict && taken => {
                        Err(refused("a number at the POS belongs to another record".to_owned()))
                    }
                    error => Err(error),
                }
            }
        }
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.asked()?.client.batch_execute("COMMIT").await.map_err(error::of_write(self.action))?;
        self.lent.answered();
        Ok(())
    }

    async fn roll_back(self: Box<Self>) {
        let Ok(asked) = self.asked() else { return };
        if asked.client.batch_execute("ROLLBACK").await.is_ok() {
            self.lent.answered();
        }
    }
}
