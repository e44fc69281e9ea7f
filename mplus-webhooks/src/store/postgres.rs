//! Everything in Postgres, for as many processes as the host likes.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;

use super::row::{PaymentRow, account, micros, read_payments, version};
use super::{Claim, InboxStore, StoredReply};
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store_error::StoreError;

/// Two processes that start at once would both make the tables; the lock lets one of them find them made.
const SCHEMA: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(7242686251);
CREATE TABLE IF NOT EXISTS mplus_webhook_work (
    key TEXT PRIMARY KEY,
    claimed_at BIGINT NOT NULL,
    finished_at BIGINT,
    status SMALLINT,
    body BYTEA
);
CREATE TABLE IF NOT EXISTS mplus_webhook_payment (
    merchant TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    refresh_at BIGINT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    record TEXT NOT NULL,
    PRIMARY KEY (merchant, id)
);
CREATE INDEX IF NOT EXISTS mplus_webhook_work_finished ON mplus_webhook_work (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_reference ON mplus_webhook_payment (provider, account, reference);
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_due ON mplus_webhook_payment (refresh_at) WHERE refresh_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_started ON mplus_webhook_payment (started_at);
CREATE INDEX IF NOT EXISTS mplus_webhook_payment_ended ON mplus_webhook_payment (ended_at) WHERE ended_at IS NOT NULL;
COMMIT;
";

/// A store in Postgres. The host brings the pool, and with it address, credentials and TLS.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: Pool,
}

impl PostgresStore {
    /// Makes the tables when they are missing, in the first schema of the connection's search path.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached or does not allow it.
    pub async fn new(pool: Pool) -> Result<Self, StoreError> {
        let store = Self { pool };
        let made = store.connection("make the tables").await?.batch_execute(SCHEMA).await;
        made.map_err(|error| StoreError::new("make the tables", error))?;
        Ok(store)
    }

    async fn connection(&self, action: &'static str) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| StoreError::new(action, error))
    }

    /// Runs one statement and counts the rows that it changed.
    async fn execute(
        &self,
        action: &'static str,
        statement: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<u64, StoreError> {
        let connection = self.connection(action).await?;
        let statement =
            connection.prepare_cached(statement).await.map_err(|error| StoreError::new(action, error))?;
        connection.execute(&statement, parameters).await.map_err(|error| StoreError::new(action, error))
    }

    /// Runs one query.
    async fn query(
        &self,
        action: &'static str,
        statement: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection(action).await?;
        let statement =
            connection.prepare_cached(statement).await.map_err(|error| StoreError::new(action, error))?;
        connection.query(&statement, parameters).await.map_err(|error| StoreError::new(action, error))
    }

    /// Runs a query whose rows are payments' records.
    async fn payments(
        &self,
        action: &'static str,
        statement: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Payment>, StoreError> {
        let rows = self.query(action, statement, parameters).await?;
        let records = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let records: Result<Vec<_>, tokio_postgres::Error> = records.collect();
        Ok(read_payments(records.map_err(|error| StoreError::new(action, error))?))
    }
}

#[async_trait]
impl InboxStore for PostgresStore {
    async fn claim(
        &self,
        key: &str,
        now: DateTime<Utc>,
        stale_before: DateTime<Utc>,
    ) -> Result<Claim, StoreError> {
        const ACTION: &str = "claim an event";
        let claim = "INSERT INTO mplus_webhook_work (key, claimed_at) VALUES ($1, $2)
            ON CONFLICT (key) DO UPDATE SET claimed_at = excluded.claimed_at
            WHERE mplus_webhook_work.finished_at IS NULL AND mplus_webhook_work.claimed_at < $3";
        let claimed = self.execute(ACTION, claim, &[&key, &micros(now), &micros(stale_before)]).await?;
        if claimed == 1 {
            return Ok(Claim::Granted);
        }
        let finished =
            "SELECT status, body FROM mplus_webhook_work WHERE key = $1 AND finished_at IS NOT NULL";
        // Nothing here means that it was released meanwhile: whoever asks looks again.
        let Some(row) = self.query(ACTION, finished, &[&key]).await?.into_iter().next() else {
            return Ok(Claim::Taken);
        };
        let read = || {
            let status: i16 = row.try_get(0)?;
            let body: Vec<u8> = row.try_get(1)?;
            Ok(StoredReply { status: status.unsigned_abs(), body: body.into() })
        };
        read().map(Claim::Done).map_err(|error: tokio_postgres::Error| StoreError::new(ACTION, error))
    }

    async fn finish(&self, key: &str, reply: &StoredReply, now: DateTime<Utc>) -> Result<(), StoreError> {
        const ACTION: &str = "keep an event's reply";
        let status = i16::try_from(reply.status).map_err(|error| StoreError::new(ACTION, error))?;
        let finish = "INSERT INTO mplus_webhook_work (key, claimed_at, finished_at, status, body)
            VALUES ($1, $2, $2, $3, $4)
            ON CONFLICT (key) DO UPDATE SET
            finished_at = excluded.finished_at, status = excluded.status, body = excluded.body";
        self.execute(ACTION, finish, &[&key, &micros(now), &status, &&reply.body[..]]).await.map(drop)
    }

    async fn release(&self, key: &str) -> Result<(), StoreError> {
        let release = "DELETE FROM mplus_webhook_work WHERE key = $1 AND finished_at IS NULL";
        self.execute("give an event back", release, &[&key]).await.map(drop)
    }

    async fn forget_finished(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let forget = "DELETE FROM mplus_webhook_work WHERE finished_at IS NOT NULL AND finished_at < $1";
        self.execute("forget old events", forget, &[&micros(before)]).await
    }
}

#[async_trait]
impl PaymentStore for PostgresStore {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        let row = PaymentRow::write(payment)?;
        let insert = "INSERT INTO mplus_webhook_payment
            (merchant, id, version, provider, account, reference, state, refresh_at, started_at, ended_at, record)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        let inserted = self
            .execute(
                "keep a payment",
                insert,
                &[
                    &payment.key.merchant.as_str(),
                    &payment.key.id,
                    &row.version,
                    &payment.provider,
                    &account(payment),
                    &payment.provider_reference,
                    &row.state,
                    &row.refresh_at,
                    &row.started_at,
                    &row.ended_at,
                    &row.record,
                ],
            )
            .await?;
        if inserted == 1 { Ok(None) } else { Ok(self.payment(&payment.key).await?.map(Arc::unwrap_or_clone)) }
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        let select = "SELECT record, refresh_at FROM mplus_webhook_payment WHERE merchant = $1 AND id = $2";
        let found = self.payments("read a payment", select, &[&key.merchant.as_str(), &key.id]).await?;
        Ok(found.into_iter().next().map(Arc::new))
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        let row = PaymentRow::write(payment)?;
        let Some(previous) = payment.version.checked_sub(1) else { return Ok(false) };
        let update = "UPDATE mplus_webhook_payment
            SET version = $3, reference = $4, state = $5, refresh_at = $6, record = $7, ended_at = $9
            WHERE merchant = $1 AND id = $2 AND version = $8";
        let changed = self
            .execute(
                "change a payment",
                update,
                &[
                    &payment.key.merchant.as_str(),
                    &payment.key.id,
                    &row.version,
                    &payment.provider_reference,
                    &row.state,
                    &row.refresh_at,
                    &row.record,
                    &version(previous)?,
                    &row.ended_at,
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        let select = "SELECT record, refresh_at FROM mplus_webhook_payment
            WHERE provider = $1 AND account = $2 AND reference = $3";
        self.payments("find a payment by its reference", select, &[&provider, &account, &reference]).await
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claim = "UPDATE mplus_webhook_payment SET refresh_at = $2
            WHERE (merchant, id) IN (
                SELECT merchant, id FROM mplus_webhook_payment WHERE refresh_at <= $1
                ORDER BY refresh_at LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            RETURNING record, refresh_at";
        self.payments("claim due payments", claim, &[&micros(now), &micros(until), &limit]).await
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let select = "SELECT record, refresh_at FROM mplus_webhook_payment ORDER BY started_at, merchant, id";
        let all = self.payments("list payments", select, &[]).await?;
        Ok(all.into_iter().filter(|payment| filter.matches(payment)).take(filter.limit).collect())
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let prune = "DELETE FROM mplus_webhook_payment WHERE ended_at < $1 AND refresh_at IS NULL";
        self.execute("prune payments", prune, &[&micros(before)]).await
    }
}
