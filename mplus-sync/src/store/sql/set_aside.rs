//! What this release cannot read is set aside with the format that it reads, so that it hides nothing else. A release that reads
//! more takes it up again; a person may decide about an order.

use chrono::{DateTime, Utc};

use crate::model::{Activity, ActivityLevel, ConnectionId, OrderNumber, OutboxState, Unreadable, Waiting};
use crate::store::StoreError;

use super::driver::{Driver, Transaction, in_transaction};
use super::value::{Row, SqlValue};
use super::write::Write;
use super::{SqlStore, aside, format, notices, order_rows, runs, table};

const TAKE_UP: &str = "take up what an older release could not read";

/// Sets an order aside, and tells host and person of it. At its table it keeps its place.
pub(super) async fn order(
    transaction: &mut dyn Transaction,
    named: &Named,
    error: &StoreError,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_outbox SET is_open = 0, parked = ? WHERE sequence = ?";
    transaction.execute(sql, vec![format::version().into(), named.sequence.into()]).await?;
    let reason = format!(
        "order {} was set aside, for this release cannot read it ({error}): a newer release takes it up by itself; \
         otherwise queue it again once it was mended, or withdraw it",
        named.number
    );
    let activity = Activity {
        at: now,
        level: ActivityLevel::Error,
        topic: "orders".to_owned(),
        message: reason.clone(),
        subject: Some(named.number.clone()),
    };
    let row = vec![named.connection.as_str().into(), now.into(), format::to_new_json(&activity)?.into()];
    transaction.write(Write::insert(&table::ACTIVITIES, vec![row])).await?;
    let state = OutboxState::NeedsAttention { reason };
    notices::add(transaction, &named.connection, &named.number, now, &state).await
}

/// How an order's row is called that cannot be read.
pub(super) struct Named {
    connection: String,
    sequence: i64,
    number: String,
}

impl Named {
    /// Of a row of an order's [columns](order_rows::COLUMNS).
    pub(super) fn of(row: &Row) -> Option<Self> {
        match row.0.as_slice() {
            [SqlValue::Text(connection), SqlValue::Integer(sequence), SqlValue::Text(number), ..] => {
                Some(Self { connection: connection.clone(), sequence: *sequence, number: number.clone() })
            }
            _ => None,
        }
    }
}

/// Sets a run aside.
pub(super) async fn run(
    transaction: &mut dyn Transaction,
    connection: &str,
    kind: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_runs SET parked = ? WHERE connection = ? AND kind = ?";
    transaction.execute(sql, vec![format::version().into(), connection.into(), kind.into()]).await.map(drop)
}

/// Sets a notice aside. Its order's later ones wait for it.
pub(super) async fn notice(transaction: &mut dyn Transaction, sequence: i64) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_order_notices SET parked = ? WHERE sequence = ?";
    transaction.execute(sql, vec![format::version().into(), sequence.into()]).await.map(drop)
}

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
    notices::add(transaction, connection.as_str(), order.as_str(), now, &state).await?;
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
            notices::add(transaction, connection.as_str(), order.as_str(), now, &state).await?;
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
            let number = Named::of(&row).map(|named| named.number);
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
                Ok(known) => found.extend(aside::unread(&kind.unwrap_or_default(), &known.run)),
                read @ Err(_) => found.push(unreadable("run", kind, read)),
            }
        }
        let sql = format!(
            "SELECT {} FROM mplus_order_notices AS n WHERE connection = ? AND parked IS NOT NULL ORDER BY sequence",
            notices::COLUMNS
        );
        for row in self.driver.query("read notices", &sql, vec![connection.as_str().into()]).await? {
            let number = match row.0.as_slice().get(2) {
                Some(SqlValue::Text(number)) => Some(number.clone()),
                _ => None,
            };
            found.push(unreadable("notice of order", number, notices::notice_of(row)));
        }
        Ok(())
    }
}

fn unreadable<T>(kind: &str, id: Option<String>, read: Result<T, StoreError>) -> Unreadable {
    let why = match read {
        Ok(_) => "it was set aside by an older release".to_owned(),
        Err(error) => error.to_string(),
    };
    Unreadable { kind: kind.to_owned(), id: id.unwrap_or_default(), why }
}
