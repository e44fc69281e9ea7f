//! Leases in a database: a row for each one that is held, none for the others.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, HeldLease, Holder, Lease, LeaseName, WorkerId};
use crate::store::{LeaseStore, StoreError};

use super::driver::{Driver, in_transaction};
use super::migrate::is_outdated;
use super::value::Row;
use super::{SqlStore, conflict, table};

const COLUMNS: &str = "connection, name, slot, life, run, ends_at, token, since, note";

fn held_of(mut row: Row) -> Result<HeldLease, StoreError> {
    let (connection, name) = (ConnectionId::from(row.text()?), LeaseName::named(row.text()?));
    let holder = Holder::of(WorkerId::from(row.text()?), row.text()?).run(row.text()?);
    let (until, token) = (row.time()?, row.integer()?);
    let lease = Lease { connection, name, holder, until, token };
    Ok(HeldLease { lease, since: row.time()?, note: row.optional_text()? })
}

#[async_trait]
impl<D: Driver> LeaseStore for SqlStore<D> {
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &Holder,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let find = format!(
            "SELECT {COLUMNS} FROM mplus_leases WHERE connection = ? AND name = ?{}",
            D::DIALECT.for_update()
        );
        let insert = format!(
            "INSERT INTO mplus_leases (connection, name, slot, life, run, since, ends_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?){}",
            D::DIALECT.unless_there(table::LEASES.key)
        );
        let key = || vec![connection.as_str().into(), name.as_str().into()];
        in_transaction!(self.driver, "acquire a lease", |transaction| {
            if let Some(row) = transaction.query(&find, key()).await?.into_iter().next() {
                let held = held_of(row)?;
                if held.lease.until > now && !holder.succeeds(&held.lease.holder) {
                    return Ok(None);
                }
                let delete = "DELETE FROM mplus_leases WHERE token = ?";
                transaction.execute(delete, vec![held.lease.token.into()]).await?;
            }
            let mut values = key();
            values.extend([
                holder.slot().as_str().into(),
                holder.life().into(),
                holder.run_name().into(),
                now.into(),
                until.into(),
            ]);
            if transaction.execute(&insert, values).await? == 0 {
                // Another was faster.
                return Ok(None);
            }
            let row = transaction.query(&find, key()).await?.into_iter().next();
            row.map(held_of).transpose().map(|held| held.map(|held| held.lease))
        })
    }

    async fn extend(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        // The time that a row has already changes nothing, which some databases count as no row.
        let sql = "UPDATE mplus_leases SET ends_at = ? WHERE token = ?";
        let changed =
            self.driver.execute("extend a lease", sql, vec![until.into(), lease.token.into()]).await?;
        if changed == 0 && !self.is_held(lease).await? {
            return Err(conflict("extend the lease"));
        }
        Ok(Lease { until, ..lease.clone() })
    }

    async fn note_lease(&self, lease: &Lease, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE mplus_leases SET note = ? WHERE token = ?";
        let changed =
            self.driver.execute("note on a lease", sql, vec![note.into(), lease.token.into()]).await?;
        if changed == 0 && !self.is_held(lease).await? {
            return Err(conflict("note on the lease"));
        }
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let sql = "DELETE FROM mplus_leases WHERE token = ?";
        self.driver.execute("release a lease", sql, vec![lease.token.into()]).await.map(drop)
    }

    async fn leases(
        &self,
        connection: Option<&ConnectionId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<HeldLease>, StoreError> {
        let mine = if connection.is_some() { " AND connection = ?" } else { "" };
        let sql =
            format!("SELECT {COLUMNS} FROM mplus_leases WHERE ends_at > ?{mine} ORDER BY connection, name");
        let mut values = vec![now.into()];
        values.extend(connection.map(|connection| connection.as_str().into()));
        self.driver.query("read leases", &sql, values).await?.into_iter().map(held_of).collect()
    }

    async fn prune_leases(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mplus_leases WHERE ends_at < ?";
        self.driver.execute("prune leases", sql, vec![before.into()]).await
    }

    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let Some(sql) = D::DIALECT.clock() else { return Ok(None) };
        let row = self.driver.query("read the clock", sql, Vec::new()).await?.into_iter().next();
        row.map(|mut row| row.time()).transpose()
    }

    async fn is_outdated(&self) -> Result<bool, StoreError> {
        is_outdated(&self.driver).await
    }
}

impl<D: Driver> SqlStore<D> {
    async fn is_held(&self, lease: &Lease) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM mplus_leases WHERE token = ?";
        Ok(!self.driver.query("read a lease", sql, vec![lease.token.into()]).await?.is_empty())
    }
}
