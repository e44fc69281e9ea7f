//! Customers' links, leases, the activity log and connections in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};

use crate::model::{
    Activity, Connection, ConnectionId, CustomerId, CustomerLink, Lease, LeaseName, LoggedActivity, WorkerId,
};
use crate::store::{
    ActivityLog, ConnectionStore, CustomerStore, LeaseStore, Page, StoreError, StoreErrorKind, row,
};

use super::Durability::Immediate;
use super::time::Time;
use super::{SqliteStore, error};

fn link_of(
    database: &rusqlite::Connection,
    connection: &ConnectionId,
    customer: &CustomerId,
) -> Result<Option<CustomerLink>, StoreError> {
    let sql = "SELECT body FROM mplus_customer_links WHERE connection = ?1 AND customer = ?2";
    let body: Option<String> = database
        .query_row(sql, [connection.as_str(), customer.as_str()], |row| row.get(0))
        .optional()
        .map_err(error::of("read a customer's link"))?;
    body.map(|body| row::from_json(&body, "the link of customer", customer.as_str())).transpose()
}

#[async_trait]
impl CustomerStore for SqliteStore {
    async fn customer_link(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let (connection, customer) = (connection.clone(), customer.clone());
        self.read("read a customer's link", move |database| link_of(database, &connection, &customer)).await
    }

    async fn link_customer(
        &self,
        connection: &ConnectionId,
        link: CustomerLink,
    ) -> Result<CustomerLink, StoreError> {
        let connection = connection.clone();
        self.write("link a customer", Immediate, move |transaction| {
            let sql = "INSERT INTO mplus_customer_links (connection, customer, body) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (connection, customer) DO NOTHING";
            let body = row::to_json(&link)?;
            transaction
                .execute(sql, [connection.as_str(), link.customer.as_str(), body.as_str()])
                .map_err(error::of("link a customer"))?;
            Ok(link_of(transaction, &connection, &link.customer)?.unwrap_or(link))
        })
        .await
    }

    async fn unlink_customer(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<(), StoreError> {
        let (connection, customer) = (connection.clone(), customer.clone());
        self.write("unlink a customer", Immediate, move |transaction| {
            let sql = "DELETE FROM mplus_customer_links WHERE connection = ?1 AND customer = ?2";
            let deleted = transaction.execute(sql, [connection.as_str(), customer.as_str()]);
            deleted.map(drop).map_err(error::of("unlink a customer"))
        })
        .await
    }
}

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &WorkerId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let wanted = Lease {
            connection: connection.clone(),
            name: name.clone(),
            holder: holder.clone(),
            until,
            token: 0,
        };
        self.write("acquire a lease", Immediate, move |transaction| {
            let sql = "INSERT INTO mplus_leases AS held (connection, name, holder, ends_at, token) \
                       VALUES (?1, ?2, ?3, ?4, 1) ON CONFLICT (connection, name) DO UPDATE \
                       SET holder = excluded.holder, ends_at = excluded.ends_at, token = held.token + 1 \
                       WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.ends_at <= ?5 \
                       RETURNING token";
            let values = params![
                wanted.connection.as_str(),
                wanted.name.as_str(),
                wanted.holder.as_str(),
                Time(until),
                Time(now)
            ];
            let token = transaction.query_row(sql, values, |row| row.get(0)).optional();
            let token: Option<i64> = token.map_err(error::of("acquire a lease"))?;
            Ok(token.map(|token| Lease { token, ..wanted }))
        })
        .await
    }

    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        self.write("renew a lease", Immediate, move |transaction| {
            let sql = "UPDATE mplus_leases SET ends_at = ?4 \
                       WHERE connection = ?1 AND name = ?2 AND token = ?3 AND holder IS NOT NULL";
            let values = params![lease.connection.as_str(), lease.name.as_str(), lease.token, Time(until)];
            match transaction.execute(sql, values).map_err(error::of("renew a lease"))? {
                0 => Err(StoreError::new(StoreErrorKind::Conflict, "renew the lease")),
                _ => Ok(Lease { until, ..lease }),
            }
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write("release a lease", Immediate, move |transaction| {
            let sql =
                "UPDATE mplus_leases SET holder = NULL WHERE connection = ?1 AND name = ?2 AND token = ?3";
            let values = params![lease.connection.as_str(), lease.name.as_str(), lease.token];
            transaction.execute(sql, values).map(drop).map_err(error::of("release a lease"))
        })
        .await
    }
}

#[async_trait]
impl ActivityLog for SqliteStore {
    async fn log(&self, connection: &ConnectionId, activities: &[Activity]) -> Result<(), StoreError> {
        let connection = connection.clone();
        let lines = activities.iter().map(|activity| Ok((Time(activity.at), row::to_json(activity)?)));
        let lines: Vec<_> = lines.collect::<Result<_, StoreError>>()?;
        self.write("log activities", Immediate, move |transaction| {
            let failed = error::of("log activities");
            let sql = "INSERT INTO mplus_activities (connection, at, body) VALUES (?1, ?2, ?3)";
            let mut statement = transaction.prepare_cached(sql).map_err(&failed)?;
            for (at, body) in &lines {
                statement.execute(params![connection.as_str(), at, body]).map_err(&failed)?;
            }
            Ok(())
        })
        .await
    }

    async fn activities(
        &self,
        connection: &ConnectionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError> {
        let connection = connection.clone();
        self.read("read activities", move |database| {
            let failed = error::of("read activities");
            let sql = "SELECT sequence, body FROM mplus_activities \
                       WHERE connection = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3";
            let mut statement = database.prepare_cached(sql).map_err(&failed)?;
            let values = params![connection.as_str(), before.unwrap_or(i64::MAX), row::limit(limit)];
            let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)));
            let rows = rows.map_err(&failed)?.map(|row| {
                let (sequence, body): (i64, String) = row.map_err(&failed)?;
                let activity = row::from_json(&body, "activity", &sequence.to_string())?;
                Ok(LoggedActivity { sequence, activity })
            });
            rows.collect()
        })
        .await
    }

    async fn prune_activities(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let connection = connection.clone();
        self.write("prune activities", Immediate, move |transaction| {
            let sql = "DELETE FROM mplus_activities WHERE connection = ?1 AND at < ?2";
            let count = transaction.execute(sql, params![connection.as_str(), Time(before)]);
            count.map(|count| count as u64).map_err(error::of("prune activities"))
        })
        .await
    }
}

#[async_trait]
impl ConnectionStore for SqliteStore {
    async fn save_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        let (id, body) = (connection.id.clone(), row::to_json(connection)?);
        self.write("save a connection", Immediate, move |transaction| {
            let sql = "INSERT INTO mplus_connections (id, body) VALUES (?1, ?2) \
                       ON CONFLICT (id) DO UPDATE SET body = excluded.body";
            let saved = transaction.execute(sql, [id.as_str(), body.as_str()]);
            saved.map(drop).map_err(error::of("save a connection"))
        })
        .await
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let id = id.clone();
        self.read("read a connection", move |database| {
            let sql = "SELECT body FROM mplus_connections WHERE id = ?1";
            let body: Option<String> = database
                .query_row(sql, [id.as_str()], |row| row.get(0))
                .optional()
                .map_err(error::of("read a connection"))?;
            body.map(|body| row::from_json(&body, "connection", id.as_str())).transpose()
        })
        .await
    }

    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        self.read("read connections", move |database| {
            let failed = error::of("read connections");
            let (last, behind) = row::page_start(&page);
            let sql =
                format!("SELECT id, body FROM mplus_connections WHERE id {behind} ?1 ORDER BY id LIMIT ?2");
            let mut statement = database.prepare_cached(&sql).map_err(&failed)?;
            let rows = statement.query_map(params![last, row::limit(page.limit)], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            });
            let rows = rows.map_err(&failed)?.map(|row| {
                let (id, body) = row.map_err(&failed)?;
                row::from_json(&body, "connection", &id)
            });
            rows.collect()
        })
        .await
    }
}
