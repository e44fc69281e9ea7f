//! Locations, tables, stock and customers in a database.

use async_trait::async_trait;

use crate::model::{
    Checkpoint, ConnectionId, CustomerId, CustomerLink, FloorPlan, InventoryLevel, ItemId, Location,
    LocationId, Tracked,
};
use crate::store::{
    Applied, CustomerStore, LocationStore, Page, Select, StockChunk, StockStore, StoreError, StoreErrorKind,
};

use super::driver::{Driver, Durability, in_transaction};
use super::format::{self, corrupt};
use super::records::{checkpoint_writes, in_key_order, writes};
use super::table;
use super::value::Row;
use super::write::{Keyed, Write};
use super::{SqlStore, limit, page_start};

#[async_trait]
impl<D: Driver> LocationStore for SqlStore<D> {
    async fn apply_locations(
        &self,
        connection: &ConnectionId,
        mut locations: Vec<Tracked<Location>>,
    ) -> Result<Applied, StoreError> {
        let action = "write locations";
        let rows = writes(connection, &locations)?;
        match self.driver.write(action, Durability::Immediate, rows).await {
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            written => return written.map(|()| Applied::default()),
        }
        let mut applied = Applied::default();
        self.without_unreadable(connection, &mut locations, &mut applied.parked).await?;
        self.driver.write(action, Durability::Immediate, writes(connection, &locations)?).await?;
        Ok(applied)
    }

    async fn locations(
        &self,
        connection: &ConnectionId,
        select: Select<Location>,
    ) -> Result<Vec<Tracked<Location>>, StoreError> {
        self.select(connection, select).await
    }

    async fn save_floor_plan(&self, connection: &ConnectionId, plan: &FloorPlan) -> Result<(), StoreError> {
        let row = vec![
            connection.as_str().into(),
            plan.location.as_str().into(),
            format::to_new_json(plan)?.into(),
        ];
        let write = Write::upsert(&table::FLOOR_PLANS, vec![row]);
        self.driver.write("save a floor plan", Durability::Immediate, vec![write]).await
    }

    async fn floor_plan(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
    ) -> Result<Option<FloorPlan>, StoreError> {
        let sql = "SELECT body FROM mplus_floor_plans WHERE connection = ? AND location = ?";
        let values = vec![connection.as_str().into(), location.as_str().into()];
        let rows = self.driver.query("read a floor plan", sql, values).await?;
        let read = |mut row: Row| format::read_json(&row.text()?, "floor plan", location.as_str());
        rows.into_iter().next().map(read).transpose()
    }
}

const LEVEL_COLUMNS: &str = "location, item, amount, day_stock, changed_at";

fn level_of(mut row: Row) -> Result<InventoryLevel, StoreError> {
    let (location, item, amount) = (row.text()?, row.text()?, row.text()?);
    Ok(InventoryLevel {
        location: LocationId::from(location),
        amount: amount.parse().map_err(|_| {
            corrupt("the stock of item", &item).with_source(format!("{amount:?} is no amount"))
        })?,
        item: ItemId::from(item),
        day_stock: row.yes()?,
        changed_at: row.time()?,
    })
}

fn stock_writes(
    connection: &ConnectionId,
    mut levels: Vec<InventoryLevel>,
    checkpoints: &[Checkpoint],
) -> Result<Vec<Write>, StoreError> {
    in_key_order(&mut levels, "stock level", |one, other| {
        (&one.location, &one.item).cmp(&(&other.location, &other.item))
    })?;
    let row = |level: InventoryLevel| {
        vec![
            connection.as_str().into(),
            level.location.as_str().into(),
            level.item.as_str().into(),
            level.amount.to_string().into(),
            level.day_stock.into(),
            level.changed_at.into(),
        ]
    };
    let rows: Vec<_> = levels.into_iter().map(row).collect();
    let mut writes = Vec::new();
    if !rows.is_empty() {
        writes.push(Write::upsert(&table::LEVELS, rows));
    }
    writes.extend(checkpoint_writes(connection, checkpoints)?);
    Ok(writes)
}

#[async_trait]
impl<D: Driver> StockStore for SqlStore<D> {
    async fn apply_stock(&self, connection: &ConnectionId, chunk: StockChunk) -> Result<(), StoreError> {
        if chunk.gone.is_empty() {
            let connection = connection.clone();
            let make = Box::new(move || stock_writes(&connection, chunk.levels, &chunk.checkpoints));
            return self.driver.make_and_write("write stock", Durability::Eventual, make).await;
        }
        let writes = stock_writes(connection, chunk.levels, &chunk.checkpoints)?;
        let sql = "DELETE FROM mplus_inventory_levels WHERE connection = ? AND location = ? AND item = ?";
        in_transaction!(self.driver, "write stock", |transaction| {
            for (location, item) in &chunk.gone {
                let key = vec![connection.as_str().into(), location.as_str().into(), item.as_str().into()];
                transaction.execute(sql, key).await?;
            }
            for write in &writes {
                transaction.write(write.clone()).await?;
            }
            Ok(())
        })
    }

    async fn levels_of(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        items: &[ItemId],
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let keyed = Keyed {
            table: &table::LEVELS,
            columns: LEVEL_COLUMNS,
            within: vec![("connection", connection.as_str().into()), ("location", location.as_str().into())],
            column: "item",
            keys: items.iter().map(ToString::to_string).collect(),
            lock: false,
        };
        self.driver.by_keys("read stock", keyed).await?.into_iter().map(level_of).collect()
    }

    async fn levels(
        &self,
        connection: &ConnectionId,
        location: &LocationId,
        page: Page<ItemId>,
    ) -> Result<Vec<InventoryLevel>, StoreError> {
        let (last, behind) = page_start(&page);
        let sql = format!(
            "SELECT {LEVEL_COLUMNS} FROM mplus_inventory_levels \
             WHERE connection = ? AND location = ? AND item {behind} ? ORDER BY item LIMIT ?"
        );
        let values =
            vec![connection.as_str().into(), location.as_str().into(), last.into(), limit(page.limit).into()];
        self.driver.query("read stock", &sql, values).await?.into_iter().map(level_of).collect()
    }
}

#[async_trait]
impl<D: Driver> CustomerStore for SqlStore<D> {
    async fn customer_link(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let sql = "SELECT body FROM mplus_customer_links WHERE connection = ? AND customer = ?";
        let values = vec![connection.as_str().into(), customer.as_str().into()];
        let rows = self.driver.query("read a customer's link", sql, values).await?;
        let read = |mut row: Row| format::read_json(&row.text()?, "the link of customer", customer.as_str());
        rows.into_iter().next().map(read).transpose()
    }

    async fn link_customer(
        &self,
        connection: &ConnectionId,
        link: CustomerLink,
    ) -> Result<CustomerLink, StoreError> {
        let sql = format!(
            "INSERT INTO mplus_customer_links (connection, customer, body) VALUES (?, ?, ?){}",
            D::DIALECT.unless_there(table::CUSTOMER_LINKS.key)
        );
        let values = vec![
            connection.as_str().into(),
            link.customer.as_str().into(),
            format::to_new_json(&link)?.into(),
        ];
        if self.driver.execute("link a customer", &sql, values).await? == 1 {
            return Ok(link);
        }
        Ok(self.customer_link(connection, &link.customer).await?.unwrap_or(link))
    }

    async fn unlink_customer(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM mplus_customer_links WHERE connection = ? AND customer = ?";
        let values = vec![connection.as_str().into(), customer.as_str().into()];
        self.driver.execute("unlink a customer", sql, values).await.map(drop)
    }
}
