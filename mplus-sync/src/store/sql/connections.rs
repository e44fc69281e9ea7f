//! Merchants and their settings in a database.

use async_trait::async_trait;

use crate::model::{Connection, ConnectionId, Revision, StoredSettings, Unreadable};
use crate::store::{ConnectionCounts, ConnectionStore, Page, SettingsStore, StoreError, StoreErrorKind};

use super::driver::{Driver, Durability, in_transaction};
use super::table::{self, Table};
use super::value::Row;
use super::write::Write;
use super::{SqlStore, conflict, format, limit, page_start};

const COLUMNS: &str = "id, body, revision";

fn connection_of(mut row: Row) -> Result<Connection, StoreError> {
    let id = row.text()?;
    let (mut connection, newer) = format::from_json::<Connection>(&row.text()?, "connection", &id)?;
    connection.newer = newer;
    connection.revision = Revision::new(row.integer()?);
    Ok(connection)
}

#[async_trait]
impl<D: Driver> ConnectionStore for SqlStore<D> {
    async fn save_connection(&self, connection: &Connection) -> Result<Revision, StoreError> {
        let next = connection.revision.next();
        let row = vec![
            connection.id.as_str().into(),
            format::to_json(connection, connection.newer.as_ref())?.into(),
            connection.is_held().into(),
            connection.is_failing().into(),
            next.get().into(),
        ];
        let write = match connection.revision {
            Revision::NEW => Write::insert(&table::CONNECTIONS, vec![row]),
            _ => Write::replace(&table::CONNECTIONS, vec![row]),
        };
        let saved = self.driver.write("save a connection", Durability::Immediate, vec![write]).await;
        saved.map(|()| next).map_err(|error| match error.kind() {
            StoreErrorKind::Conflict => conflict(format!("save connection {}", connection.id)),
            _ => error,
        })
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let row = self.row("read a connection", &table::CONNECTIONS, COLUMNS, id).await?;
        row.map(connection_of).transpose()
    }

    async fn connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        self.page_of_connections("read connections", page, "").await
    }

    async fn count_connections(&self) -> Result<ConnectionCounts, StoreError> {
        let sql = "SELECT count(*), count(CASE WHEN held = 1 THEN 1 END), count(CASE WHEN failing = 1 THEN 1 END) \
                   FROM mplus_connections";
        match self.driver.query("count connections", sql, Vec::new()).await?.into_iter().next() {
            Some(mut row) => Ok(ConnectionCounts::new(row.count()?, row.count()?, row.count()?)),
            None => Ok(ConnectionCounts::default()),
        }
    }

    async fn failing_connections(&self, page: Page<ConnectionId>) -> Result<Vec<Connection>, StoreError> {
        self.page_of_connections("read failing connections", page, "failing = 1 AND ").await
    }

    async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.delete("remove a connection", id, table::ALL).await
    }

    async fn forget_pos(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.delete("forget a POS", id, table::OF_POS).await
    }
}

impl<D: Driver> SqlStore<D> {
    /// A page with as many connections as were asked for, however many between them cannot be read.
    async fn page_of_connections(
        &self,
        action: &'static str,
        page: Page<ConnectionId>,
        only: &str,
    ) -> Result<Vec<Connection>, StoreError> {
        let mut found = Vec::new();
        let mut next = page.clone();
        loop {
            let (last, behind) = page_start(&next);
            let sql = format!(
                "SELECT {COLUMNS} FROM mplus_connections WHERE {only}id {behind} ? ORDER BY id LIMIT ?"
            );
            let rows = self.driver.query(action, &sql, vec![last.into(), limit(next.limit).into()]).await?;
            let is_last = rows.len() < next.limit;
            let last = rows.last().and_then(|row| row.first_text());
            found.extend(rows.into_iter().filter_map(|row| connection_of(row).ok()));
            match last {
                Some(last) if !is_last && found.len() < page.limit => {
                    next = Page::after(ConnectionId::from(last), page.limit - found.len());
                }
                _ => return Ok(found),
            }
        }
    }

    /// The connection's own record, where this release cannot read it.
    pub(super) async fn unreadable_connection(
        &self,
        connection: &ConnectionId,
        found: &mut Vec<Unreadable>,
    ) -> Result<(), StoreError> {
        match self.connection(connection).await {
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                let (kind, id) = ("connection".to_owned(), connection.to_string());
                found.push(Unreadable { kind, id, why: error.to_string() });
                Ok(())
            }
            read => read.map(drop),
        }
    }

    /// Deletes everything of a merchant in these tables.
    async fn delete(
        &self,
        action: &'static str,
        id: &ConnectionId,
        tables: &[Table],
    ) -> Result<(), StoreError> {
        in_transaction!(self.driver, action, |transaction| {
            for table in tables {
                let column = if table.name == table::CONNECTIONS.name { "id" } else { "connection" };
                let sql = format!("DELETE FROM {} WHERE {column} = ?", table.name);
                transaction.execute(&sql, vec![id.as_str().into()]).await?;
            }
            Ok(())
        })
    }
}

#[async_trait]
impl<D: Driver> SettingsStore for SqlStore<D> {
    async fn settings(&self, connection: &ConnectionId) -> Result<Option<StoredSettings>, StoreError> {
        let columns = "connection, form, body, revision";
        let row = self.row("read settings", &table::SETTINGS, columns, connection).await?;
        let read = |mut row: Row| {
            row.text()?;
            let form = row.integer()?;
            let schema = u32::try_from(form).map_err(|_| format::corrupt("settings", connection.as_str()))?;
            Ok(StoredSettings { schema, json: row.text()?, revision: Revision::new(row.integer()?) })
        };
        row.map(read).transpose()
    }

    async fn save_settings(
        &self,
        connection: &ConnectionId,
        settings: &StoredSettings,
    ) -> Result<Revision, StoreError> {
        let next = settings.revision.next();
        let row = vec![
            connection.as_str().into(),
            i64::from(settings.schema).into(),
            settings.json.as_str().into(),
            next.get().into(),
        ];
        let write = match settings.revision {
            Revision::NEW => Write::insert(&table::SETTINGS, vec![row]),
            _ => Write::replace(&table::SETTINGS, vec![row]),
        };
        let saved = self.driver.write("save settings", Durability::Immediate, vec![write]).await;
        saved.map(|()| next).map_err(|error| match error.kind() {
            StoreErrorKind::Conflict => conflict(format!("save the settings of connection {connection}")),
            _ => error,
        })
    }
}
