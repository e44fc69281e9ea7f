//! Everything in one SQLite file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::row::{PaymentRow, account, due_again, micros, read_payments, version};
use super::{Claim, InboxStore, StoredReply};
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store_error::StoreError;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS mplus_webhook_work (
    key TEXT PRIMARY KEY,
    claimed_at INTEGER NOT NULL,
    finished_at INTEGER,
    status INTEGER,
    body BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mplus_webhook_payment (
    merchant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    refresh_at INTEGER,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    record TEXT NOT NULL,
    PRIMARY KEY (merchant, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mplus_webhook_work_finished ON mplus_webhook_work (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_reference ON mplus_webhook_payment (provider, account, reference);
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_due ON mplus_webhook_payment (refresh_at) WHERE refresh_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_started ON mplus_webhook_payment (started_at);
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_ended ON mplus_webhook_payment (ended_at) WHERE ended_at IS NOT NULL;
";

/// A store in one SQLite file, for one or a few processes of one machine. Has to be used inside a tokio runtime.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens the file, makes it and its tables when they are missing.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or is not a database.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let connection =
            Connection::open(path).map_err(|error| StoreError::new("open the database", error))?;
        let prepare = || {
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(SCHEMA)
        };
        prepare().map_err(|error| StoreError::new("make the tables", error))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs a transaction on a thread that may wait for the disk.
    async fn run<T, W>(&self, action: &'static str, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = self.connection.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        });
        match ran.await {
            Ok(result) => result.map_err(|error: rusqlite::Error| StoreError::new(action, error)),
            Err(error) => Err(StoreError::new(action, error)),
        }
    }

    async fn payments<W>(&self, action: &'static str, work: W) -> Result<Vec<Payment>, StoreError>
    where
        W: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<Vec<Record>> + Send + 'static,
    {
        Ok(read_payments(self.run(action, work).await?))
    }
}

/// A payment's record and its `refresh_at`.
type Record = (String, Option<i64>);

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok((row.get(0)?, row.get(1)?))
}

#[async_trait]
impl InboxStore for SqliteStore {
    async fn claim(
        &self,
        key: &str,
        now: DateTime<Utc>,
        stale_before: DateTime<Utc>,
    ) -> Result<Claim, StoreError> {
        let key = key.to_owned();
        self.run("claim an event", move |transaction| {
            let claimed = transaction
                .prepare_cached(
                    "INSERT INTO mplus_webhook_work (key, claimed_at) VALUES (?1, ?2)
                     ON CONFLICT (key) DO UPDATE SET claimed_at = excluded.claimed_at
                     WHERE finished_at IS NULL AND claimed_at < ?3",
                )?
                .execute(params![key, micros(now), micros(stale_before)])?;
            if claimed == 1 {
                return Ok(Claim::Granted);
            }
            let finished = transaction
                .prepare_cached(
                    "SELECT status, body FROM mplus_webhook_work WHERE key = ?1 AND finished_at IS NOT NULL",
                )?
                .query_row([key], |row| {
                    Ok(StoredReply { status: row.get(0)?, body: row.get::<_, Vec<u8>>(1)?.into() })
                })
                .optional()?;
            Ok(finished.map_or(Claim::Taken, Claim::Done))
        })
        .await
    }

    async fn finish(&self, key: &str, reply: &StoredReply, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (key, reply) = (key.to_owned(), reply.clone());
        self.run("keep an event's reply", move |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO mplus_webhook_work (key, claimed_at, finished_at, status, body) VALUES (?1, ?2, ?2, ?3, ?4)
                     ON CONFLICT (key) DO UPDATE SET
                     finished_at = excluded.finished_at, status = excluded.status, body = excluded.body",
                )?
                .execute(params![key, micros(now), reply.status, &reply.body[..]])
                .map(drop)
        })
        .await
    }

    async fn release(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.run("give an event back", move |transaction| {
            transaction
                .prepare_cached("DELETE FROM mplus_webhook_work WHERE key = ?1 AND finished_at IS NULL")?
                .execute([key])
                .map(drop)
        })
        .await
    }

    async fn forget_finished(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.run("forget old events", move |transaction| {
            let forgotten = transaction
                .prepare_cached(
                    "DELETE FROM mplus_webhook_work WHERE finished_at IS NOT NULL AND finished_at < ?1",
                )?
                .execute([micros(before)])?;
            Ok(forgotten as u64)
        })
        .await
    }
}

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        let (new, row) = (payment.clone(), PaymentRow::write(payment)?);
        let existing = self
            .payments("keep a payment", move |transaction| {
                let inserted = transaction
                    .prepare_cached(
                        "INSERT INTO mplus_webhook_payment
                         (merchant, id, version, provider, account, reference, state, refresh_at, started_at, ended_at, record)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![
                        new.key.merchant.as_str(),
                        new.key.id,
                        row.version,
                        new.provider,
                        account(&new),
                        new.provider_reference,
                        row.state,
                        row.refresh_at,
                        row.started_at,
                        row.ended_at,
                        row.record,
                    ])?;
                if inserted == 1 { Ok(Vec::new()) } else { select(transaction, &new.key) }
            })
            .await?;
        Ok(existing.into_iter().next())
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        let key = key.clone();
        let found = self.payments("read a payment", move |transaction| select(transaction, &key)).await?;
        Ok(found.into_iter().next().map(Arc::new))
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        let (new, row) = (payment.clone(), PaymentRow::write(payment)?);
        let Some(previous) = payment.version.checked_sub(1) else { return Ok(false) };
        let previous = version(previous)?;
        self.run("change a payment", move |transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE mplus_webhook_payment
                     SET version = ?3, reference = ?4, state = ?5, refresh_at = ?6, record = ?7, ended_at = ?9
                     WHERE merchant = ?1 AND id = ?2 AND version = ?8",
                )?
                .execute(params![
                    new.key.merchant.as_str(),
                    new.key.id,
                    row.version,
                    new.provider_reference,
                    row.state,
                    row.refresh_at,
                    row.record,
                    previous,
                    row.ended_at,
                ])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        let searched = [provider.to_owned(), account.to_owned(), reference.to_owned()];
        self.payments("find a payment by its reference", move |transaction| {
            transaction
                .prepare_cached(
                    "SELECT record, refresh_at FROM mplus_webhook_payment
                     WHERE provider = ?1 AND account = ?2 AND reference = ?3",
                )?
                .query_map(searched, record)?
                .collect()
        })
        .await
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claimed = self
            .payments("claim due payments", move |transaction| {
                let due: Vec<(String, String, String, i64)> = transaction
                    .prepare_cached(
                        "SELECT merchant, id, record, refresh_at FROM mplus_webhook_payment
                         WHERE refresh_at <= ?1 ORDER BY refresh_at LIMIT ?2",
                    )?
                    .query_map([micros(now), limit], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                let mut claim = transaction.prepare_cached(
                    "UPDATE mplus_webhook_payment SET refresh_at = ?3 WHERE merchant = ?1 AND id = ?2",
                )?;
                for (merchant, id, ..) in &due {
                    claim.execute(params![merchant, id, micros(until)])?;
                }
                Ok(due.into_iter().map(|(_, _, record, _)| (record, None)).collect())
            })
            .await?;
        Ok(claimed.into_iter().map(|payment| due_again(payment, until)).collect())
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let all = self.payments("list payments", move |transaction| {
            transaction
                .prepare_cached(
                    "SELECT record, refresh_at FROM mplus_webhook_payment ORDER BY started_at, merchant, id",
                )?
                .query_map([], record)?
                .collect()
        });
        Ok(all.await?.into_iter().filter(|payment| filter.matches(payment)).take(filter.limit).collect())
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.run("prune payments", move |transaction| {
            let pruned = transaction
                .prepare_cached(
                    "DELETE FROM mplus_webhook_payment WHERE ended_at < ?1 AND refresh_at IS NULL",
                )?
                .execute([micros(before)])?;
            Ok(pruned as u64)
        })
        .await
    }
}

fn select(transaction: &rusqlite::Transaction<'_>, key: &PaymentKey) -> rusqlite::Result<Vec<Record>> {
    transaction
        .prepare_cached(
            "SELECT record, refresh_at FROM mplus_webhook_payment WHERE merchant = ?1 AND id = ?2",
        )?
        .query_map([key.merchant.as_str(), key.id.as_str()], record)?
        .collect()
}
