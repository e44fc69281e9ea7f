//! Customers' links, leases, the activity log and connections in Postgres.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use crate::model::{
    Activity, Connection, ConnectionId, CustomerId, CustomerLink, Lease, LeaseName, LoggedActivity, WorkerId,
};
use crate::store::{
    ActivityLog, ConnectionStore, CustomerStore, LeaseStore, Page, StoreError, StoreErrorKind, row,
};

use super::{PostgresStore, Values, error, first_json};

#[async_trait]
impl CustomerStore for PostgresStore {
    async fn customer_link(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let sql = "SELECT body::text FROM mplus_customer_links WHERE connection = $1 AND customer = $2";
        let values: Values<'_> = &[&connection.as_str(), &customer.as_str()];
        let found = self.query("read a customer's link", sql, values).await?;
        first_json(&found, "the link of customer", customer.as_str())
    }

    async fn link_customer(
        &self,
        connection: &ConnectionId,
        link: CustomerLink,
    ) -> Result<CustomerLink, StoreError> {
        let sql = "INSERT INTO mplus_customer_links (connection, customer, body) VALUES ($1, $2, $3::text::json) \
                   ON CONFLICT (connection, customer) DO NOTHING";
        let values: Values<'_> = &[&connection.as_str(), &link.customer.as_str(), &row::to_json(&link)?];
        if self.execute("link a customer", sql, values).await? == 1 {
            return Ok(link);
        }
        Ok(self.customer_link(connection, &link.customer).await?.unwrap_or(link))
    }

    async fn unlink_customer(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM mplus_customer_links WHERE connection = $1 AND customer = $2";
        let values: Values<'_> = &[&connection.as_str(), &customer.as_str()];
        self.execute("unlink a customer", sql, values).await.map(drop)
    }
}

#[async_trait]
impl LeaseStore for PostgresStore {
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &WorkerId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let sql = "INSERT INTO mplus_leases AS held (connection, name, holder, ends_at, token) \
                   VALUES ($1, $2, $3, $4, 1) ON CONFLICT (connection, name) DO UPDATE \
                   SET holder = excluded.holder, ends_at = excluded.ends_at, token = held.token + 1 \
                   WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.ends_at <= $5 \
                   RETURNING token";
        let values: Values<'_> = &[&connection.as_str(), &name.as_str(), &holder.as_str(), &until, &now];
        let granted = self.query("acquire a lease", sql, values).await?;
        let lease = |token| Lease {
            connection: connection.clone(),
            name: name.clone(),
            holder: holder.clone(),
            until,
            token,
        };
        let token = |row: &Row| row.try_get(0).map(lease).map_err(error::of("acquire a lease"));
        granted.first().map(token).transpose()
    }

    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        let sql = "UPDATE mplus_leases SET ends_at = $4 \
                   WHERE connection = $1 AND name = $2 AND token = $3 AND holder IS NOT NULL";
        let values: Values<'_> = &[&lease.connection.as_str(), &lease.name.as_str(), &lease.token, &until];
        match self.execute("renew a lease", sql, values).await? {
            0 => Err(StoreError::new(StoreErrorKind::Conflict, "renew the lease")),
            _ => Ok(Lease { until, ..lease.clone() }),
        }
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let sql = "UPDATE mplus_leases SET holder = NULL WHERE connection = $1 AND name = $2 AND token = $3";
        let values: Values<'_> = &[&lease.connection.as_str(), &lease.name.as_str(), &lease.token];
        self.execute("release a lease", sql, values).await.map(drop)
    }
}

#[async_trait]
impl ActivityLog for PostgresStore {
    async fn log(&self, connection: &ConnectionId, activities: &[Activity]) -> Result<(), StoreError> {
        let times: Vec<DateTime<Utc>> = activities.iter().map(|activity| activity.at).collect();
        let bodies: Vec<String> = activities.iter().map(row::to_json).collect::<Result<_, _>>()?;
        let sql = "INSERT INTO mplus_activities (connection, at, body) SELECT $1, at, body::json \
                   FROM unnest($2::timestamptz[], $3::text[]) WITH ORDINALITY AS row (at, body, position) \
                   ORDER BY position";
        self.execute("log activities", sql, &[&connection.as_str(), &times, &bodies]).await.map(drop)
    }

    async fn activities(
        &self,
        connection: &ConnectionId,
        before: Option<i64>,
        page: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError> {
        let failed = error::of("read activities");
        let sql = "SELECT sequence, body::text FROM mplus_activities \
                   WHERE connection = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3";
        let before = before.unwrap_or(i64::MAX);
        let values: Values<'_> = &[&connection.as_str(), &before, &row::limit(page)];
        let rows = self.query("read activities", sql, values).await?;
        let logged = rows.iter().map(|row| {
            let sequence: i64 = row.try_get(0).map_err(&failed)?;
            let body: &str = row.try_get(1).map_err(&failed)?;
            let activity = row::from_json(body, "activity", &sequence.to_string())?;
            Ok(LoggedActivity { sequence, activity })
        });
        logged.collect()
    }

    async fn prune_activities(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mplus_activities WHERE connection = $1 AND at < $2";
        self.execute("prune activities", sql, &[&connection.as_str(), &before]).await
    }
}

#[async_trait]
impl ConnectionStore for PostgresStore {
    async fn save_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO mplus_connections (id, body) VALUES ($1, $2::text::json) \
                   ON CONFLICT (id) DO UPDATE SET body = excluded.body";
        let values: Values<'_> = &[&connection.id.as_str(), &row::to_json(connection)?];
        self.execute("save a connection", sql, values).await.map(drop)
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let sql = "SELECT body::text FROM mplus_connections WHERE id = $1";
        let found = self.query("read a connection", sql, &[&id.as_str()]).await?;
        first_json(&found, "connection", id.as_str())
    }

    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        let failed = error::of("read connections");
        let (last, behind) = row::page_start(&page);
        let sql =
            format!("SELECT id, body::text FROM mplus_connections WHERE id {behind} $1 ORDER BY id LIMIT $2");
        let rows = self.query("read connections", &sql, &[&last, &row::limit(page.limit)]).await?;
        let connections = rows.iter().map(|row| {
            let id: &str = row.try_get(0).map_err(&failed)?;
            row::from_json(row.try_get(1).map_err(&failed)?, "connection", id)
        });
        connections.collect()
    }
}
