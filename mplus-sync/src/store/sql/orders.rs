//! The outbox in a database.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, Order, OrderNumber, OrderStep, OutboxEntry, OutboxStateKind};
use crate::store::outbox::{check_prunable, requeued_states};
use crate::store::{
    Backlog, ClaimRequest, Enqueued, Finished, OrderOutbox, SetAside, StoreError, StoreErrorKind, Wake,
    WakeUp, known_order,
};

use super::driver::{Driver, in_transaction};
use super::finished::finish_all;
use super::format;
use super::line::has_its_turn;
use super::order_rows::{COLUMNS, entry_of, find, progress, save};
use super::table;
use super::value::{SqlValue, Statement, marks, padded};
use super::{SqlStore, conflict, limit, take_up};

/// How many orders are looked at in one transaction.
const PAGE: usize = 200;

impl<D: Driver> SqlStore<D> {
    /// The statement that queues an order, for the host's own transaction on a database in which this store was opened.
    ///
    /// The order is queued when the host commits, and not when it does not. No row is written when the connection has an order
    /// of this number; [`entry`](OrderOutbox::entry) tells which. Call [`wake`](WakeUp::wake) after the commit: without it the
    /// order waits for the next look.
    ///
    /// # Errors
    /// [`Invalid`](StoreErrorKind::Invalid) when the order has no JSON form.
    pub fn enqueue_statement(
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Statement, StoreError> {
        let (text, values) = enqueue(D::DIALECT, connection, order, now)?;
        Ok(Statement { text: D::DIALECT.placed(&text).into_owned(), values })
    }
}

/// Queues an order unless its number is known.
fn enqueue(
    dialect: super::Dialect,
    connection: &ConnectionId,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<(String, Vec<SqlValue>), StoreError> {
    let text = format!(
        "INSERT INTO mplus_outbox (connection, number, lane, is_open, state, due_at, claims, queued_at, updated_at, \
         body, progress) VALUES (?, ?, ?, 1, ?, ?, 0, ?, ?, ?, ?){}",
        dialect.unless_there(table::OUTBOX.key)
    );
    let entry = OutboxEntry::queued(connection.clone(), 0, order.clone(), now);
    let values = vec![
        connection.as_str().into(),
        order.number.as_str().into(),
        order.lane().into(),
        entry.state.kind().as_str().into(),
        now.into(),
        now.into(),
        now.into(),
        format::to_new_json(order)?.into(),
        progress(&entry)?,
    ];
    Ok((text, values))
}

#[async_trait]
impl<D: Driver> OrderOutbox for SqlStore<D> {
    async fn enqueue(
        &self,
        connection: &ConnectionId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, StoreError> {
        let (sql, values) = enqueue(D::DIALECT, connection, order, now)?;
        if self.driver.execute("queue an order", &sql, values).await? == 1 {
            self.wake(Wake::Orders);
            return Ok(Enqueued::New);
        }
        known_order(self.entry(connection, &order.number).await?.as_ref(), order)
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.claim_orders(request, now).await
    }

    async fn rest(&self, connection: &ConnectionId, until: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO mplus_order_turns (connection, turn, rests_until) VALUES (?, 0, ?){}",
            D::DIALECT.or_replace(table::TURNS.key, &["rests_until"])
        );
        let values = vec![connection.as_str().into(), until.into()];
        self.driver.execute("let a connection rest", &sql, values).await.map(drop)
    }

    async fn step(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
        step: OrderStep<'_>,
    ) -> Result<(), StoreError> {
        if let OrderStep::Requeue { now } = step
            && self.take_up_order(connection, order, now).await?
        {
            self.wake(Wake::Notices);
            self.wake(Wake::Orders);
            return Ok(());
        }
        let action = step.action();
        let refused = |kind| StoreError::new(kind, format!("{action} {order}"));
        let told = in_transaction!(self.driver, action, |transaction| {
            let found = match find(transaction, D::DIALECT.for_update(), connection, order).await {
                Err(error) if error.kind() == StoreErrorKind::Corrupt => match step {
                    OrderStep::Withdraw { reason, now }
                        if take_up::withdraw(transaction, connection, order, reason, now).await? =>
                    {
                        return Ok(true);
                    }
                    _ => return Err(error),
                },
                found => found?,
            };
            let found = found.ok_or_else(|| refused(StoreErrorKind::NotFound))?;
            let next = step
                .carry_out(found.clone())
                .map_err(|why| refused(StoreErrorKind::Conflict).with_source(why))?;
            if next != found {
                save(transaction, &found, &next).await?;
            }
            Ok(next.tells_after(&found).is_some())
        })?;
        if told {
            self.wake(Wake::Notices);
        }
        if step.queues() {
            self.wake(Wake::Orders);
        }
        Ok(())
    }

    async fn finish_all(
        &self,
        finished: &[Finished],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if let [one] = finished {
            return Ok(vec![self.finish(&one.claim, one.outcome.clone(), now).await]);
        }
        let (recorded, told) = in_transaction!(self.driver, "record outcomes of orders", |transaction| {
            finish_all(transaction, D::DIALECT.for_update(), finished, now).await
        })?;
        if told {
            self.wake(Wake::Notices);
        }
        Ok(recorded)
    }

    async fn requeue_all(
        &self,
        connection: &ConnectionId,
        state: Option<OutboxStateKind>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        for kind in requeued_states(state)? {
            if kind == OutboxStateKind::NeedsAttention {
                count += self.take_up_orders(connection, now).await?;
            }
            // Those that are queued again are in another state then.
            let mut last = None;
            loop {
                let (requeued, next) = self.requeue_page(connection, kind, last, now).await?;
                count += requeued;
                match next {
                    Some(next) => last = Some(next),
                    None => break,
                }
            }
        }
        self.wake(Wake::Orders);
        Ok(count)
    }

    async fn take_up_set_aside(&self) -> Result<(), StoreError> {
        if self.take_up().await? {
            self.wake(Wake::Orders);
            self.wake(Wake::Runs);
            self.wake(Wake::Notices);
        }
        Ok(())
    }

    async fn take_up_again(&self, connection: &ConnectionId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let count = self.take_up_orders(connection, now).await? + self.take_up_work(connection).await?;
        if count > 0 {
            Wake::ALL.into_iter().for_each(|wake| self.wake(wake));
        }
        Ok(count)
    }

    async fn discard_set_aside(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let count = self.discard(connection).await?;
        self.wake(Wake::Notices);
        Ok(count)
    }

    async fn count_set_aside(&self) -> Result<SetAside, StoreError> {
        self.set_aside().await
    }

    async fn release_expired(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let action = "release ended claims";
        let sql = format!(
            "SELECT {COLUMNS} FROM mplus_outbox WHERE {} AND state = 'sending' AND due_at <= ? \
             ORDER BY sequence LIMIT ?{}",
            table::OPEN_BY_TIME,
            D::DIALECT.for_update_skip_locked()
        );
        let mut count = 0;
        loop {
            let released = in_transaction!(self.driver, action, |transaction| {
                let rows = transaction.query(&sql, vec![now.into(), limit(PAGE).into()]).await?;
                let mut released = 0;
                for entry in rows.into_iter().map(entry_of) {
                    // One that cannot be read is the claim's to set aside.
                    let Ok(entry) = entry else { continue };
                    save(transaction, &entry, &entry.clone().released(now)).await?;
                    released += 1;
                }
                Ok(released)
            })?;
            count += released;
            if released == 0 {
                return Ok(count);
            }
        }
    }

    async fn entry(
        &self,
        connection: &ConnectionId,
        order: &OrderNumber,
    ) -> Result<Option<OutboxEntry>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mplus_outbox WHERE connection = ? AND number = ?");
        let values = vec![connection.as_str().into(), order.as_str().into()];
        let found = self.driver.query("read an order", &sql, values).await?;
        found.into_iter().next().map(entry_of).transpose()
    }

    async fn entries(
        &self,
        connection: &ConnectionId,
        state: OutboxStateKind,
        after: Option<i64>,
        page: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM mplus_outbox \
             WHERE connection = ? AND state = ? AND sequence > ? AND parked IS NULL ORDER BY sequence LIMIT ?"
        );
        let mut last = after.unwrap_or(i64::MIN);
        let mut found = Vec::new();
        while found.len() < page {
            let wanted = page - found.len();
            let values =
                vec![connection.as_str().into(), state.as_str().into(), last.into(), limit(wanted).into()];
            let rows = self.driver.query("read orders", &sql, values).await?;
            let is_last = rows.len() < wanted;
            for row in rows {
                if let Some(SqlValue::Integer(sequence)) = row.0.as_slice().get(1) {
                    last = *sequence;
                }
                found.extend(entry_of(row).ok());
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<BTreeMap<OutboxStateKind, u64>, StoreError> {
        // What was set aside waits for a person, or a newer release.
        let sql = "SELECT CASE WHEN parked IS NULL THEN state ELSE 'needs_attention' END AS kind, count(*) \
                   FROM mplus_outbox WHERE connection = ? GROUP BY kind";
        let mut counts = BTreeMap::new();
        for mut row in self.driver.query("count orders", sql, vec![connection.as_str().into()]).await? {
            let name = row.text()?;
            // A state that a newer release knows is nothing to count here.
            if let Some(kind) = OutboxStateKind::ALL.into_iter().find(|kind| kind.as_str() == name) {
                counts.insert(kind, row.count()?);
            }
        }
        Ok(counts)
    }

    async fn backlog(&self, connection: Option<&ConnectionId>) -> Result<Backlog, StoreError> {
        let has_its_turn = has_its_turn(D::DIALECT);
        let since = D::DIALECT.latest(&["due.due_at", "due.updated_at", "coalesce(t.rests_until, 0)"]);
        let mut sql = format!(
            "SELECT due.state, coalesce(c.held, 0) AS is_held, count(*), min(due.queued_at), \
             min(CASE WHEN {has_its_turn} THEN {since} END) FROM mplus_outbox AS due \
             LEFT JOIN mplus_connections AS c ON c.id = due.connection \
             LEFT JOIN mplus_order_turns AS t ON t.connection = due.connection WHERE due.is_open = 1"
        );
        let mut values = Vec::new();
        if let Some(connection) = connection {
            sql += " AND due.connection = ?";
            values.push(connection.as_str().into());
        }
        sql += " GROUP BY due.state, is_held";
        let mut backlog = Backlog::default();
        for mut row in self.driver.query("count waiting orders", &sql, values).await? {
            let (state, is_held, count) = (row.text()?, row.yes()?, row.count()?);
            let (oldest, owed) = (row.optional_time()?, row.optional_time()?);
            backlog = backlog.and(match state == OutboxStateKind::Sending.as_str() {
                _ if is_held => Backlog::default().with_held(count),
                true => Backlog::new(0, count, oldest).owed_since(owed),
                false => Backlog::new(count, 0, oldest).owed_since(owed),
            });
        }
        Ok(backlog)
    }

    async fn prune_orders(
        &self,
        connection: &ConnectionId,
        older_than: &[(OutboxStateKind, DateTime<Utc>)],
    ) -> Result<u64, StoreError> {
        check_prunable(older_than)?;
        let mut count = 0;
        for (kind, before) in older_than {
            loop {
                let removed = self.prune_page(connection, *kind, *before).await?;
                count += removed;
                if removed < PAGE as u64 {
                    break;
                }
            }
        }
        Ok(count)
    }
}

impl<D: Driver> SqlStore<D> {
    /// Queues one page again; also the sequence to go on behind, unless it was the last page.
    async fn requeue_page(
        &self,
        connection: &ConnectionId,
        kind: OutboxStateKind,
        after: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(u64, Option<i64>), StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM mplus_outbox WHERE connection = ? AND state = ? AND sequence > ? \
             ORDER BY sequence LIMIT ?{}",
            D::DIALECT.for_update()
        );
        in_transaction!(self.driver, "queue orders again", |transaction| {
            let values = vec![
                connection.as_str().into(),
                kind.as_str().into(),
                after.unwrap_or(i64::MIN).into(),
                limit(PAGE).into(),
            ];
            let rows = transaction.query(&sql, values).await?;
            let is_last = rows.len() < PAGE;
            let (mut count, mut last) = (0, None);
            for row in rows {
                if let Some(SqlValue::Integer(sequence)) = row.0.as_slice().get(1) {
                    last = Some(*sequence);
                }
                let Ok(entry) = entry_of(row) else { continue };
                let next = entry.clone().requeued(now);
                let next = next.map_err(|why| conflict("queue orders again").with_source(why))?;
                save(transaction, &entry, &next).await?;
                count += 1;
            }
            Ok((count, last.filter(|_| !is_last)))
        })
    }

    async fn prune_page(
        &self,
        connection: &ConnectionId,
        kind: OutboxStateKind,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT sequence, number FROM mplus_outbox WHERE connection = ? AND state = ? AND updated_at < ? \
             AND is_open = 0 ORDER BY sequence LIMIT ?{}",
            D::DIALECT.for_update()
        );
        in_transaction!(self.driver, "prune orders", |transaction| {
            let values =
                vec![connection.as_str().into(), kind.as_str().into(), before.into(), limit(PAGE).into()];
            let rows = transaction.query(&sql, values).await?;
            let count = rows.len() as u64;
            let mut sequences = Vec::with_capacity(rows.len());
            let mut numbers = Vec::with_capacity(rows.len());
            for mut row in rows {
                sequences.push(SqlValue::from(row.integer()?));
                numbers.push(SqlValue::from(row.text()?));
            }
            if count > 0 {
                let (sequences, mut numbers) = (padded(sequences), padded(numbers));
                let sql = format!("DELETE FROM mplus_outbox WHERE sequence IN {}", marks(sequences.len()));
                transaction.execute(&sql, sequences).await?;
                let sql = format!(
                    "DELETE FROM mplus_order_notices WHERE connection = ? AND number IN {}",
                    marks(numbers.len())
                );
                numbers.insert(0, connection.as_str().into());
                transaction.execute(&sql, numbers).await?;
            }
            Ok(count)
        })
    }
}
