//! Locations, tables and stock in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Params, params};
use rust_decimal::Decimal;

use crate::model::{ConnectionId, FloorPlan, InventoryLevel, ItemId, Location, LocationId, Tracked};
use crate::store::{LocationStore, Page, Select, StockChunk, StockStore, StoreError, row};

use super::Durability::{Eventual, Immediate};
use super::time::Time;
use super::{SqliteStore, error, records};

#[async_trait]
impl LocationStore for SqliteStore {
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        locations: Vec<Tracked<Location>>,
    ) -> Result<(), StoreError> {
        let (connection, rows) = (connection.clone(), records::rows(locations)?);
        self.write("write locations", Immediate, move |transaction| {
            records::write::<Location>(transaction, &connection, &rows)
        })
        .await
    }

    async fn locations(
        &self,
        connection: &ConnectionId,
        select: Select<Location>,
    ) -> Result<Vec<Tracked<Location>>, StoreError> {
        self.select(connection, select).await
    }

    async fn save_floor_plan(&self, connection: &ConnectionId, plan: &FloorPlan) -> Result<(), StoreError> {
        let (connection, location, body) = (connection.clone(), plan.location.clone(), row::to_json(plan)?);
        self.write("save a floor plan", Immediate, move |transaction| {
            let sql = "INSERT INTO mplus_floor_plans (connection, location, body) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (connection, location) DO UPDATE SET body = excluded.body";
            let values = [connection.as_str(), location.as_str(), body.as_str()];
            transaction.execute(sql, values).map(drop).map_err(error::of("save a floor plan"))
        })
        .await
    }

    async fn floor_plan(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
    ) -> Result<Option<FloorPlan>, StoreError> {
        let (connection, location) = (connection.clone(), location.clone());
        self.read("read a floor plan", move |database| {
            let sql = "SELECT body FROM mplus_floor_plans WHERE connection = ?1 AND location = ?2";
            let body: Option<String> = database
                .query_row(sql, [connection.as_str(), location.as_str()], |row| row.get(0))
                .optional()
                .map_err(error::of("read a floor plan"))?;
            body.map(|body| row::from_json(&body, "floor plan", location.as_str())).transpose()
        })
        .await
    }
}

const LEVEL_COLUMNS: &str = "location, item, amount, day_stock, changed_at";

/// A level, or the item whose stored amount is no number.
type ReadLevel = Result<InventoryLevel, String>;

fn level_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<ReadLevel> {
    let (location, item): (String, String) = (row.get(0)?, row.get(1)?);
    let amount: String = row.get(2)?;
    let (day_stock, changed_at): (bool, Time) = (row.get(3)?, row.get(4)?);
    Ok(match amount.parse::<Decimal>() {
        Err(_) => Err(item),
        Ok(amount) => Ok(InventoryLevel {
            location: location.into(),
            item: item.into(),
            amount,
            day_stock,
            changed_at: changed_at.0,
        }),
    })
}

/// Reads levels with one statement for each set of values.
fn read_levels<P: Params>(
    database: &rusqlite::Connection,
    sql: &str,
    values: impl Iterator<Item = P>,
) -> Result<Vec<InventoryLevel>, StoreError> {
    let failed = error::of("read stock");
    let mut statement = database.prepare_cached(sql).map_err(&failed)?;
    let mut levels = Vec::new();
    for values in values {
        for level in statement.query_map(values, level_of).map_err(&failed)? {
            levels.push(level.map_err(&failed)?.map_err(|item| row::corrupt("the stock of item", &item))?);
        }
    }
    Ok(levels)
}

#[async_trait]
impl StockStore for SqliteStore {
    async fn apply_stock(&self, connection: &ConnectionId, mut chunk: StockChunk) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.write("write stock", Eventual, move |transaction| {
            row::in_key_order(&mut chunk.levels, "stock level", row::by_place)?;
            let failed = error::of("write stock");
            // A level has no other columns and no other index, so it is replaced: that looks for its place once, not twice.
            let sql = format!(
                "INSERT OR REPLACE INTO mplus_inventory_levels (connection, {LEVEL_COLUMNS}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            );
            let mut statement = transaction.prepare_cached(&sql).map_err(&failed)?;
            for level in &chunk.levels {
                let (location, item) = (level.location.as_str(), level.item.as_str());
                let (amount, changed_at) = (level.amount.to_string(), Time(level.changed_at));
                let values =
                    params![connection.as_str(), location, item, amount, level.day_stock, changed_at];
                statement.execute(values).map_err(&failed)?;
            }
            records::write_checkpoints(transaction, &connection, &chunk.checkpoints)
        })
        .await
    }

    async fn levels_of(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        items: &[ItemId],
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let (connection, location, items) = (connection.clone(), location.clone(), items.to_vec());
        self.read("read stock", move |database| {
            let sql = format!(
                "SELECT {LEVEL_COLUMNS} FROM mplus_inventory_levels \
                 WHERE connection = ?1 AND location = ?2 AND item = ?3"
            );
            let each = items.iter().map(|item| [connection.as_str(), location.as_str(), item.as_str()]);
            read_levels(database, &sql, each)
        })
        .await
    }

    async fn levels(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        page: Page<ItemId>,
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let (connection, location) = (connection.clone(), location.clone());
        self.read("read stock", move |database| {
            let (last, behind) = row::page_start(&page);
            let sql = format!(
                "SELECT {LEVEL_COLUMNS} FROM mplus_inventory_levels \
                 WHERE connection = ?1 AND location = ?2 AND item {behind} ?3 ORDER BY item LIMIT ?4"
            );
            let limit = row::limit(page.limit);
            let values = params![connection.as_str(), location.as_str(), last, limit];
            read_levels(database, &sql, std::iter::once(values))
        })
        .await
    }
}
