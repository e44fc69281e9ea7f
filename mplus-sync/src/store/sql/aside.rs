//! What becomes of runs and notices that were set aside: who looks at the merchant is told, and a person decides.

use chrono::{DateTime, Utc};

use crate::model::{Activity, ActivityLevel, ConnectionId, DueRun, Unreadable};
use crate::store::{SetAside, StoreError};

use super::driver::{Driver, Transaction, in_transaction};
use super::value::SqlValue;
use super::write::Write;
use super::{SqlStore, format, runs, table};

/// Tells of a run or a notice that was set aside: a line of the merchant's activity log, and one of the process's.
pub(super) async fn tell(
    transaction: &mut dyn Transaction,
    connection: &str,
    topic: &str,
    message: String,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tracing::warn!(target: "mplus_sync", connection, %message, "something stored was set aside");
    let (level, topic) = (ActivityLevel::Error, topic.to_owned());
    let activity = Activity { at: now, level, topic, message, subject: None };
    let row = vec![connection.into(), now.into(), format::to_new_json(&activity)?.into()];
    transaction.write(Write::insert(&table::ACTIVITIES, vec![row])).await
}

/// What is said of a run.
pub(super) fn of_run(kind: &str, error: &StoreError) -> String {
    format!(
        "what is due of kind {kind} was set aside, for this release cannot read it ({error}): a newer release takes it up by itself; \
         whoever asks for it begins a new one"
    )
}

/// What is said of a notice.
pub(super) fn of_notice(order: &str, error: &StoreError) -> String {
    format!(
        "a notice of order {order} was set aside, for this release cannot read it ({error}), and later ones of the order wait: \
         a newer release takes it up by itself; otherwise look at the order, and discard what was set aside"
    )
}

impl<D: Driver> SqlStore<D> {
    /// Has the runs and notices of a connection tried again; counts them.
    pub(super) async fn take_up_work(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let mut count = 0;
        for table in ["mplus_runs", "mplus_order_notices"] {
            let sql = format!("UPDATE {table} SET parked = NULL WHERE connection = ? AND parked IS NOT NULL");
            let values = vec![connection.as_str().into()];
            count += self.driver.execute("take up what was set aside", &sql, values).await?;
        }
        Ok(count)
    }

    /// Discards the runs and notices of a connection that were set aside; counts them.
    pub(super) async fn discard(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let key: Vec<SqlValue> = vec![connection.as_str().into()];
        in_transaction!(self.driver, "discard what was set aside", |transaction| {
            let mut count = 0;
            for table in ["mplus_runs", "mplus_order_notices"] {
                let sql = format!("DELETE FROM {table} WHERE connection = ? AND parked IS NOT NULL");
                count += transaction.execute(&sql, key.clone()).await?;
            }
            Ok(count + runs::discard_unread(transaction, D::DIALECT.for_update(), connection).await?)
        })
    }

    /// Counts what is set aside.
    pub(super) async fn set_aside(&self) -> Result<SetAside, StoreError> {
        let count = |table: &str| format!("(SELECT count(*) FROM {table} WHERE parked IS NOT NULL)");
        let counts = ["mplus_outbox", "mplus_runs", "mplus_order_notices"].map(count).join(", ");
        let rows =
            self.driver.query("count what was set aside", &format!("SELECT {counts}"), Vec::new()).await?;
        match rows.into_iter().next() {
            Some(mut row) => Ok(SetAside::new(row.count()?, row.count()?, row.count()?)),
            None => Ok(SetAside::default()),
        }
    }
}

/// What a run keeps that cannot be read, as it is listed.
pub(super) fn unread(kind: &str, run: &DueRun) -> Option<Unreadable> {
    let why = "what was known of it before cannot be read, and a new one was begun".to_owned();
    run.unread().map(|_| Unreadable { kind: "run".to_owned(), id: kind.to_owned(), why })
}
