//! What was [set aside](super::set_aside) is taken up again: by a release that reads more, or by a person who decides about an
//! order.

use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, DueRun, OrderNumber, OutboxState, Unreadable, Waiting};
use crate::store::{SetAside, StoreError};

use super::driver::{Driver, Transaction, in_transaction};
use super::value::SqlValue;
use super::{SqlStore, format, notice_rows, order_rows, runs};

const TAKE_UP: &str = "take up what an older release could not read";

/// A person's withdrawal of an order that cannot be read, unless somebody sends it or it has ended: false then.
pub(super) async fn withdraw(
    transaction: &mut dyn Transaction,
    connection: &ConnectionId,
    order: &OrderNumber,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "SELECT progress FROM mplus_outbox WHERE connection = ? AND number = ? \
               AND (parked IS NOT NULL OR state = 'waiting')";
    let key: Vec<SqlValue> = vec![connection.as_str().into(), order.as_str().into()];
    let Some(mut row) = transaction.query(sql, key.clone()).await?.into_iter().next() else {
        return Ok(false);
    };
    let state = OutboxState::Withdrawn { reason: reason.to_owned() };
    let progress = order_rows::progress_in(&row.text()?, &state, now)?;
    let sql = "UPDATE mplus_outbox SET is_open = 0, lane = NULL, parked = NULL, state = ?, updated_at = ?, progress = ? \
               WHERE connection = ? AND number = ?";
    let set = [state.kind().as_str().into(), now.into(), progress];
    transaction.execute(sql, set.into_iter().chain(key).collect()).await?;
    notice_rows::add(transaction, connection.as_str(), order.as_str(), now, &state).await?;
    Ok(true)
}

impl<D: Driver> SqlStore<D> {
    /// Takes up again what an older release could not read, and says whether there was anything.
    pub(super) async fn take_up(&self) -> Result<bool, StoreError> {
        let mut any = false;
        for (table, open) in
            [("mplus_outbox", ", is_open = 1"), ("mplus_runs", ""), ("mplus_order_notices", "")]
        {
            let find = format!("SELECT 1 FROM {table} WHERE parked < ? LIMIT 1");
            if self.driver.query(TAKE_UP, &find, vec![format::version().into()]).await?.is_empty() {
                continue;
            }
            let sql = format!("UPDATE {table} SET parked = NULL{open} WHERE parked < ?");
            any |= self.driver.execute(TAKE_UP, &sql, vec![format::version().into()]).await? > 0;
        }
        Ok(any)
    }

    /// Has an order tried again that was set aside; false when there is none such.
    pub(super) async fn take_up_order(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE mplus_outbox SET is_open = 1, parked = NULL \
                   WHERE connection = ? AND number = ? AND parked IS NOT NULL";
        let any = "SELECT 1 FROM mplus_outbox WHERE connection = ? AND number = ? AND parked IS NOT NULL";
        let action = "queue again an order that could not be read";
        let values: Vec<SqlValue> = vec![connection.as_str().into(), order.as_str().into()];
        if self.driver.query(action, any, values.clone()).await?.is_empty() {
            return Ok(false);
        }
        in_transaction!(self.driver, action, |transaction| {
            if transaction.execute(sql, values.clone()).await? == 0 {
                return Ok(false);
            }
            let state = OutboxState::Waiting(Waiting::Queued);
            notice_rows::add(transaction, connection.as_str(), order.as_str(), now, &state).await?;
            Ok(true)
        })
    }

    /// The same with all orders of a connection; counts them.
    pub(super) async fn take_up_orders(
        &self,
        connection: &ConnectionId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql =
            "SELECT number FROM mplus_outbox WHERE connection = ? AND parked IS NOT NULL ORDER BY sequence";
        let mut count = 0;
        for mut row in self.driver.query("queue orders again", sql, vec![connection.as_str().into()]).await? {
            let number = OrderNumber::from(row.text()?);
            count += u64::from(self.take_up_order(connection, &number, now).await?);
        }
        Ok(count)
    }

    /// The orders of a connection that were set aside.
    pub(super) async fn unreadable_orders(
        &self,
        connection: &ConnectionId,
        found: &mut Vec<Unreadable>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT {} FROM mplus_outbox WHERE connection = ? AND parked IS NOT NULL ORDER BY sequence",
            order_rows::COLUMNS
        );
        for row in self.driver.query("read orders", &sql, vec![connection.as_str().into()]).await? {
            let number = order_rows::Named::of(&row).map(|named| named.number);
            found.push(unreadable("order", number, order_rows::entry_of(row)));
        }
        Ok(())
    }

    /// The runs and notices of a connection that cannot be read.
    pub(super) async fn unreadable_work(
        &self,
        connection: &ConnectionId,
        found: &mut Vec<Unreadable>,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM mplus_runs WHERE connection = ? ORDER BY kind", runs::COLUMNS);
        for row in self.driver.query("read runs", &sql, vec![connection.as_str().into()]).await? {
            let kind = runs::key_of(&row).map(|(_, kind)| kind);
            match runs::found_of(row) {
                Ok(known) => found.extend(unread(&kind.unwrap_or_default(), &known.run)),
                read @ Err(_) => found.push(unreadable("run", kind, read)),
            }
        }
        let sql = format!(
            "SELECT {} FROM mplus_order_notices AS n WHERE connection = ? AND parked IS NOT NULL ORDER BY sequence",
            notice_rows::COLUMNS
        );
        for row in self.driver.query("read notices", &sql, vec![connection.as_str().into()]).await? {
            let number = match row.0.as_slice().get(2) {
                Some(SqlValue::Text(number)) => Some(number.clone()),
                _ => None,
            };
            found.push(unreadable("notice of order", number, notice_rows::notice_of(row)));
        }
        Ok(())
    }

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

fn unreadable<T>(kind: &str, id: Option<String>, read: Result<T, StoreError>) -> Unreadable {
    let why = match read {
        Ok(_) => "it was set aside by an older release".to_owned(),
        Err(error) => error.to_string(),
    };
    Unreadable { kind: kind.to_owned(), id: id.unwrap_or_default(), why }
}
