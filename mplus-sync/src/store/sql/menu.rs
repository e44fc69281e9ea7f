//! The menu in a database.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    ArticleNumber, Category, Checkpoint, Combo, ConnectionId, Item, ItemId, Location, Marker, ModifierGroup,
    Record, Resource, Tracked, Unreadable,
};
use crate::store::{
    Applied, CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, CheckpointStore, SavedEdits, Select,
    StoreError, StoreErrorKind,
};

use super::SqlStore;
use super::driver::{Driver, Durability, in_transaction};
use super::records::{self, checkpoint_writes, writes};
use super::table;
use super::write::Keyed;

#[async_trait]
impl<D: Driver> CatalogStore for SqlStore<D> {
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<Applied, StoreError> {
        let chunk = Arc::new(chunk);
        match self.write_chunk(connection, &chunk).await {
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            written => return written.map(|()| Applied::default()),
        }
        // It may have met a row that cannot be read.
        let mut chunk = Arc::unwrap_or_clone(chunk);
        let mut applied = Applied::default();
        self.without_unreadable(connection, &mut chunk.categories, &mut applied.parked).await?;
        self.without_unreadable(connection, &mut chunk.items, &mut applied.parked).await?;
        self.without_unreadable(connection, &mut chunk.modifier_groups, &mut applied.parked).await?;
        self.without_unreadable(connection, &mut chunk.combos, &mut applied.parked).await?;
        self.write_chunk(connection, &Arc::new(chunk)).await?;
        Ok(applied)
    }

    async fn categories(
        &self,
        connection: &ConnectionId,
        select: Select<Category>,
    ) -> Result<Vec<Tracked<Category>>, StoreError> {
        self.select(connection, select).await
    }

    async fn items(
        &self,
        connection: &ConnectionId,
        select: Select<Item>,
    ) -> Result<Vec<Tracked<Item>>, StoreError> {
        self.select(connection, select).await
    }

    async fn items_of_articles(
        &self,
        connection: &ConnectionId,
        articles: &[ArticleNumber],
    ) -> Result<Vec<(ArticleNumber, ItemId)>, StoreError> {
        let keyed = Keyed {
            table: &table::ITEMS,
            columns: "pos_key, id",
            within: vec![("connection", connection.as_str().into())],
            column: "pos_key",
            keys: articles.iter().map(Item::pos_key).collect(),
            lock: false,
        };
        let mut found = Vec::with_capacity(articles.len());
        for mut row in self.driver.by_keys("read items", keyed).await? {
            let (key, id) = (row.text()?, row.text()?);
            found.extend(Item::from_pos_key(&key).map(|article| (article, ItemId::from(id))));
        }
        Ok(found)
    }

    async fn modifier_groups(
        &self,
        connection: &ConnectionId,
        select: Select<ModifierGroup>,
    ) -> Result<Vec<Tracked<ModifierGroup>>, StoreError> {
        self.select(connection, select).await
    }

    async fn combos(
        &self,
        connection: &ConnectionId,
        select: Select<Combo>,
    ) -> Result<Vec<Tracked<Combo>>, StoreError> {
        self.select(connection, select).await
    }

    async fn save_edits(
        &self,
        connection: &ConnectionId,
        edits: CatalogEdits,
        now: DateTime<Utc>,
    ) -> Result<SavedEdits, StoreError> {
        in_transaction!(self.driver, "save the host's edits", |transaction| {
            let mut saved = SavedEdits::default();
            let stale = &mut saved.stale;
            records::edit(transaction, connection, &edits.categories, now, stale).await?;
            records::edit(transaction, connection, &edits.items, now, stale).await?;
            records::edit(transaction, connection, &edits.combos, now, stale).await?;
            Ok(saved)
        })
    }

    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError> {
        in_transaction!(self.driver, "mark records as pushed", |transaction| {
            records::mark_pushed(transaction, connection, &pushes.categories).await?;
            records::mark_pushed(transaction, connection, &pushes.items).await?;
            records::mark_pushed(transaction, connection, &pushes.combos).await
        })
    }

    async fn unreadable(&self, connection: &ConnectionId) -> Result<Vec<Unreadable>, StoreError> {
        let mut found = Vec::new();
        self.unreadable_connection(connection, &mut found).await?;
        self.unreadable_records::<Category>(connection, &mut found).await?;
        self.unreadable_records::<Item>(connection, &mut found).await?;
        self.unreadable_records::<ModifierGroup>(connection, &mut found).await?;
        self.unreadable_records::<Combo>(connection, &mut found).await?;
        self.unreadable_records::<Location>(connection, &mut found).await?;
        self.unreadable_orders(connection, &mut found).await?;
        self.unreadable_work(connection, &mut found).await?;
        Ok(found)
    }
}

impl<D: Driver> SqlStore<D> {
    async fn write_chunk(
        &self,
        connection: &ConnectionId,
        chunk: &Arc<CatalogChunk>,
    ) -> Result<(), StoreError> {
        let (connection, chunk) = (connection.clone(), Arc::clone(chunk));
        let make = Box::new(move || chunk_writes(&connection, &chunk));
        self.driver.make_and_write("write a chunk of the menu", Durability::Eventual, make).await
    }
}

fn chunk_writes(
    connection: &ConnectionId,
    chunk: &CatalogChunk,
) -> Result<Vec<super::write::Write>, StoreError> {
    let mut all = writes(connection, &chunk.categories)?;
    all.extend(writes(connection, &chunk.items)?);
    all.extend(writes(connection, &chunk.modifier_groups)?);
    all.extend(writes(connection, &chunk.combos)?);
    all.extend(checkpoint_writes(connection, &chunk.checkpoints)?);
    Ok(all)
}

#[async_trait]
impl<D: Driver> CheckpointStore for SqlStore<D> {
    async fn checkpoints(&self, connection: &ConnectionId) -> Result<Vec<Checkpoint>, StoreError> {
        let sql = "SELECT resource, marker FROM mplus_checkpoints WHERE connection = ? ORDER BY resource";
        let rows = self.driver.query("read checkpoints", sql, vec![connection.as_str().into()]).await?;
        let point = |mut row: super::value::Row| {
            Ok(Checkpoint::new(Resource::named(row.text()?), Marker::new(row.integer()?)))
        };
        rows.into_iter().map(point).collect()
    }

    async fn forget_checkpoints(
        &self,
        connection: &ConnectionId,
        resources: &[Resource],
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM mplus_checkpoints WHERE connection = ? AND resource = ?";
        in_transaction!(self.driver, "forget checkpoints", |transaction| {
            for resource in resources {
                let values = vec![connection.as_str().into(), resource.as_str().into()];
                transaction.execute(sql, values).await?;
            }
            Ok(())
        })
    }
}
