//! Locations, tables and stock in Postgres.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, FloorPlan, InventoryLevel, ItemId, Location, LocationId, Tracked};
use crate::store::{LocationStore, Page, Select, StockChunk, StockStore, StoreError, row};

use super::{PostgresStore, Values, begin, commit, error, first_json, in_task_of_its_own, records};

#[async_trait]
impl LocationStore for PostgresStore {
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        locations: Vec<Tracked<Location>>,
    ) -> Result<(), StoreError> {
        let mut client = self.client("write locations").await?;
        let transaction = begin(&mut client, "write locations").await?;
        records::write(&transaction, connection, locations).await?;
        commit(transaction, "write locations").await
    }

    async fn locations(
        &self,
        connection: &ConnectionId,
        select: Select<Location>,
    ) -> Result<Vec<Tracked<Location>>, StoreError> {
        self.select(connection, select).await
    }

    async fn save_floor_plan(&self, connection: &ConnectionId, plan: &FloorPlan) -> Result<(), StoreError> {
        let sql = "INSERT INTO mplus_floor_plans (connection, location, body) VALUES ($1, $2, $3::text::json) \
                   ON CONFLICT (connection, location) DO UPDATE SET body = excluded.body";
        let values: Values<'_> = &[&connection.as_str(), &plan.location.as_str(), &row::to_json(plan)?];
        self.execute("save a floor plan", sql, values).await.map(drop)
    }

    async fn floor_plan(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
    ) -> Result<Option<FloorPlan>, StoreError> {
        let sql = "SELECT body::text FROM mplus_floor_plans WHERE connection = $1 AND location = $2";
        let found = self.query("read a floor plan", sql, &[&connection.as_str(), &location.as_str()]).await?;
        first_json(&found, "floor plan", location.as_str())
    }
}

const LEVEL_COLUMNS: &str = "location, item, amount::text, day_stock, changed_at";

fn level_of(row: &tokio_postgres::Row) -> Result<InventoryLevel, StoreError> {
    let failed = error::of("read stock");
    let item: String = row.try_get(1).map_err(&failed)?;
    let amount: &str = row.try_get(2).map_err(&failed)?;
    Ok(InventoryLevel {
        location: LocationId::from(row.try_get::<_, String>(0).map_err(&failed)?),
        amount: amount
            .parse()
            .map_err(|_| row::corrupt("the stock of item", &item).with_source("its amount is too long"))?,
        item: item.into(),
        day_stock: row.try_get(3).map_err(&failed)?,
        changed_at: row.try_get(4).map_err(&failed)?,
    })
}

impl PostgresStore {
    async fn write_stock(self, connection: ConnectionId, chunk: StockChunk) -> Result<(), StoreError> {
        let mut levels = chunk.levels;
        row::in_key_order(&mut levels, "stock level", row::by_place)?;
        let failed = error::of("write stock");
        let locations: Vec<&str> = levels.iter().map(|level| level.location.as_str()).collect();
        let items: Vec<&str> = levels.iter().map(|level| level.item.as_str()).collect();
        let amounts: Vec<String> = levels.iter().map(|level| level.amount.to_string()).collect();
        let day_stock: Vec<bool> = levels.iter().map(|level| level.day_stock).collect();
        let changed_at: Vec<DateTime<Utc>> = levels.iter().map(|level| level.changed_at).collect();
        let mut client = self.client("write stock").await?;
        let transaction = begin(&mut client, "write stock").await?;
        if !levels.is_empty() {
            let sql = "INSERT INTO mplus_inventory_levels \
                       (connection, location, item, amount, day_stock, changed_at) \
                       SELECT $1, location, item, amount::numeric, day_stock, changed_at \
                       FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[]) \
                       AS row (location, item, amount, day_stock, changed_at) \
                       ON CONFLICT (connection, location, item) DO UPDATE SET amount = excluded.amount, \
                       day_stock = excluded.day_stock, changed_at = excluded.changed_at";
            let statement = transaction.prepare_cached(sql).await.map_err(&failed)?;
            let values: Values<'_> =
                &[&connection.as_str(), &locations, &items, &amounts, &day_stock, &changed_at];
            transaction.execute(&statement, values).await.map_err(&failed)?;
        }
        records::write_checkpoints(&transaction, &connection, chunk.checkpoints).await?;
        commit(transaction, "write stock").await
    }
}

#[async_trait]
impl StockStore for PostgresStore {
    async fn apply_stock(&self, connection: &ConnectionId, chunk: StockChunk) -> Result<(), StoreError> {
        let writing = self.clone().write_stock(connection.clone(), chunk);
        in_task_of_its_own("write stock", writing).await
    }

    async fn levels_of(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        items: &[ItemId],
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let sql = format!(
            "SELECT {LEVEL_COLUMNS} FROM mplus_inventory_levels \
             WHERE connection = $1 AND location = $2 AND item = ANY($3)"
        );
        let items: Vec<&str> = items.iter().map(ItemId::as_str).collect();
        let values: Values<'_> = &[&connection.as_str(), &location.as_str(), &items];
        self.query("read stock", &sql, values).await?.iter().map(level_of).collect()
    }

    async fn levels(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        page: Page<ItemId>,
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let (last, behind) = row::page_start(&page);
        let sql = format!(
            "SELECT {LEVEL_COLUMNS} FROM mplus_inventory_levels \
             WHERE connection = $1 AND location = $2 AND item {behind} $3 ORDER BY item LIMIT $4"
        );
        let values: Values<'_> = &[&connection.as_str(), &location.as_str(), &last, &row::limit(page.limit)];
        self.query("read stock", &sql, values).await?.iter().map(level_of).collect()
    }
}
