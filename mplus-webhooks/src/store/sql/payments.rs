//! Payments in tables: the columns that are searched, and the whole record as JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::value::{Row, Value, count};
use super::{Durability, HasTables, Tables};
use crate::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};
use crate::store::payment_row::{account, due_at, ended_at, transaction};
use crate::store_error::StoreError;

const TABLE: &str = "mplus_webhook_payment";
/// The version of the record's JSON.
const RECORD_VERSION: u32 = 1;

/// In the order of [`read`].
const READ: &str = "record, refresh_at, version";

/// What is asked again and again, in the database's spelling.
#[derive(Debug)]
pub(super) struct Statements {
    insert: String,
    by_key: String,
    replace: String,
    by_reference: String,
    any_due: String,
    claim: String,
    claimed: String,
    prune: String,
    /// Tells one claim of this process from the next.
    claims: AtomicU64,
    process: u64,
}

impl Statements {
    pub(super) fn new(dialect: Dialect) -> Self {
        use std::hash::BuildHasher as _;
        let select = format!("SELECT {READ} FROM {TABLE}");
        let own = (TABLE, "merchant, id");
        Self {
            insert: dialect.insert_new(
                TABLE,
                &[
                    "merchant",
                    "id",
                    "version",
                    "provider",
                    "account",
                    "reference",
                    "transaction_reference",
                    "state",
                    "refresh_at",
                    "started_at",
                    "ended_at",
                    "record",
                ],
            ),
            by_key: dialect.statement(&format!("{select} WHERE merchant = ? AND id = ?")),
            // A claim's name stays: whoever changes a payment between a claim and the look at what it got takes nothing away.
            replace: dialect.statement(&format!(
                "UPDATE {TABLE} SET version = ?, provider = ?, account = ?, reference = ?, transaction_reference = ?, state = ?, \
                 refresh_at = ?, ended_at = ?, record = ? WHERE merchant = ? AND id = ? AND version = ?"
            )),
            by_reference: dialect.statement(&format!(
                "{select} WHERE provider = ? AND account = ? AND reference = ? \
                 UNION ALL {select} WHERE provider = ? AND account = ? AND transaction_reference = ? \
                 AND (reference IS NULL OR reference <> transaction_reference)"
            )),
            any_due: dialect.statement(&format!("SELECT 1 FROM {TABLE} WHERE refresh_at <= ? LIMIT 1")),
            claim: dialect.limited(
                &format!("UPDATE {TABLE} SET refresh_at = ?, claimed_by = ?, version = version + 1"),
                own,
                "refresh_at <= ?",
                "refresh_at",
            ),
            claimed: dialect.statement(&format!("{select} WHERE refresh_at = ? AND claimed_by = ?")),
            prune: dialect.limited(
                &format!("DELETE FROM {TABLE}"),
                own,
                "ended_at < ? AND refresh_at IS NULL",
                "ended_at",
            ),
            claims: AtomicU64::default(),
            process: std::hash::RandomState::new().hash_one(0),
        }
    }

    /// A name that no other claim has.
    fn claim_name(&self) -> String {
        format!("{:016x}.{}", self.process, self.claims.fetch_add(1, Ordering::Relaxed))
    }
}

/// The record with the version of its shape.
#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    payment: &'a Payment,
}

#[derive(Deserialize)]
struct Stored {
    v: u32,
    payment: Payment,
}

fn write(action: &'static str, payment: &Payment) -> Result<Value, StoreError> {
    let written = serde_json::to_string(&Written { v: RECORD_VERSION, payment });
    written.map(Value::Text).map_err(|error| StoreError::new(action, error))
}

/// Reads a record; `refresh_at` and the version are the columns', which a claim moves.
fn read(action: &'static str, mut row: Row) -> Result<Payment, StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::new(action, error);
    let record = row.text(0).map_err(|error| failed(error.into()))?;
    let stored: Stored = serde_json::from_str(&record).map_err(|error| failed(error.into()))?;
    if stored.v != RECORD_VERSION {
        let text = format!("its record has version {}, this release knows {RECORD_VERSION}", stored.v);
        return Err(failed(text.into()));
    }
    let mut payment = stored.payment;
    if let Some(refresh_at) = row.maybe_instant(1).map_err(|error| failed(error.into()))? {
        payment.refresh_at = refresh_at;
    }
    let version = row.int(2).map_err(|error| failed(error.into()))?;
    payment.version = version.try_into().map_err(|_| failed("its version is below zero".into()))?;
    Ok(payment)
}

impl Tables {
    /// The payments of a query; one that cannot be read is logged and left out.
    async fn payments(
        &self,
        action: &'static str,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Payment>, StoreError> {
        let rows = self.database.query(action, statement, values).await?;
        let read = rows.into_iter().filter_map(|row| {
            read(action, row)
                .inspect_err(|error| tracing::error!(%error, "a stored payment is passed over"))
                .ok()
        });
        Ok(read.collect())
    }
}

#[async_trait]
impl<S: HasTables> PaymentStore for S {
    async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
        const ACTION: &str = "keep a payment";
        let tables = self.tables();
        let values = vec![
            payment.key.merchant.as_str().into(),
            payment.key.id.as_str().into(),
            count(payment.version),
            payment.provider.as_str().into(),
            account(payment).into(),
            payment.provider_reference.as_deref().into(),
            transaction(payment).into(),
            payment.state.name().into(),
            due_at(payment).into(),
            payment.started_at.into(),
            ended_at(payment).into(),
            write(ACTION, payment)?,
        ];
        if tables.database.execute(ACTION, Durability::Kept, &tables.payments.insert, values).await? == 1 {
            return Ok(None);
        }
        let existing = self.payment(&payment.key).await?.map(Arc::unwrap_or_clone);
        existing.map(Some).ok_or_else(|| StoreError::new(ACTION, "it was removed meanwhile"))
    }

    async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
        const ACTION: &str = "read a payment";
        let tables = self.tables();
        let values = vec![key.merchant.as_str().into(), key.id.as_str().into()];
        let rows = tables.database.query(ACTION, &tables.payments.by_key, values).await?;
        rows.into_iter().next().map(|row| read(ACTION, row).map(Arc::new)).transpose()
    }

    async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
        const ACTION: &str = "change a payment";
        let Some(previous) = payment.version.checked_sub(1) else { return Ok(false) };
        let values = vec![
            count(payment.version),
            payment.provider.as_str().into(),
            account(payment).into(),
            payment.provider_reference.as_deref().into(),
            transaction(payment).into(),
            payment.state.name().into(),
            due_at(payment).into(),
            ended_at(payment).into(),
            write(ACTION, payment)?,
            payment.key.merchant.as_str().into(),
            payment.key.id.as_str().into(),
            count(previous),
        ];
        let tables = self.tables();
        let replace = &tables.payments.replace;
        Ok(tables.database.execute(ACTION, Durability::Kept, replace, values).await? == 1)
    }

    async fn payments_by_reference(
        &self,
        provider: &str,
        account: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, StoreError> {
        let tables = self.tables();
        let by_either = [provider, account, reference, provider, account, reference];
        let values = by_either.map(Value::from).to_vec();
        tables.payments("find a payment by its reference", &tables.payments.by_reference, values).await
    }

    async fn claim_payments(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        const ACTION: &str = "claim due payments";
        let tables = self.tables();
        if tables.database.dialect().has_one_writer()
            && tables.database.query(ACTION, &tables.payments.any_due, vec![now.into()]).await?.is_empty()
        {
            return Ok(Vec::new());
        }
        let name = tables.payments.claim_name();
        let values = vec![until.into(), name.as_str().into(), now.into(), count(limit)];
        let claim = &tables.payments.claim;
        if tables.database.execute(ACTION, Durability::MayBeLost, claim, values).await? == 0 {
            return Ok(Vec::new());
        }
        let values = vec![until.into(), name.as_str().into()];
        tables.payments(ACTION, &tables.payments.claimed, values).await
    }

    async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let mut values: Vec<Value> = Vec::new();
        let mut condition = String::from("1 = 1");
        if !filter.states.is_empty() {
            condition += &format!(" AND state IN ({})", vec!["?"; filter.states.len()].join(", "));
            values.extend(filter.states.iter().map(|state| Value::from(state.name())));
        }
        if let Some(merchant) = &filter.merchant {
            condition += " AND merchant = ?";
            values.push(merchant.as_str().into());
        }
        if let Some(from) = filter.from {
            condition += " AND started_at >= ?";
            values.push(from.into());
        }
        if let Some(to) = filter.to {
            condition += " AND started_at < ?";
            values.push(to.into());
        }
        if let Some((at, key)) = &filter.after {
            condition +=
                " AND (started_at > ? OR (started_at = ? AND (merchant > ? OR (merchant = ? AND id > ?))))";
            let (at, merchant) = (Value::from(*at), Value::from(key.merchant.as_str()));
            values.extend([at.clone(), at, merchant.clone(), merchant, key.id.as_str().into()]);
        }
        values.push(count(filter.limit));
        let tables = self.tables();
        let select =
            format!("SELECT {READ} FROM {TABLE} WHERE {condition} ORDER BY started_at, merchant, id LIMIT ?");
        let statement = tables.database.dialect().statement(&select);
        tables.payments("list payments", &statement, values).await
    }

    async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let tables = self.tables();
        tables.in_slices("prune payments", &tables.payments.prune, &[before.into()]).await
    }
}
