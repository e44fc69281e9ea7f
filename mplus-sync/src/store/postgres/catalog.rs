//! The menu in Postgres.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    ArticleNumber, Category, Checkpoint, Combo, ConnectionId, Item, ItemId, Marker, ModifierGroup, Record,
    Resource, Tracked,
};
use crate::store::{
    CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, CheckpointStore, Select, StoreError,
};

use super::{PostgresStore, begin, commit, error, in_task_of_its_own, records};

impl PostgresStore {
    async fn write_menu(self, connection: ConnectionId, chunk: CatalogChunk) -> Result<(), StoreError> {
        let action = "write a chunk of the menu";
        let mut client = self.client(action).await?;
        let transaction = begin(&mut client, action).await?;
        records::write(&transaction, &connection, chunk.categories).await?;
        records::write(&transaction, &connection, chunk.items).await?;
        records::write(&transaction, &connection, chunk.modifier_groups).await?;
        records::write(&transaction, &connection, chunk.combos).await?;
        records::write_checkpoints(&transaction, &connection, chunk.checkpoints).await?;
        commit(transaction, action).await
    }
}

#[async_trait]
impl CatalogStore for PostgresStore {
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<(), StoreError> {
        let writing = self.clone().write_menu(connection.clone(), chunk);
        in_task_of_its_own("write a chunk of the menu", writing).await
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
        let keys: Vec<String> = articles.iter().map(Item::pos_key).collect();
        let sql = "SELECT pos_key, id FROM mplus_items WHERE connection = $1 AND pos_key = ANY($2)";
        let rows = self.query("read items", sql, &[&connection.as_str(), &keys]).await?;
        let failed = error::of("read items");
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let (key, id): (&str, &str) =
                (row.try_get(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
            found.extend(Item::from_pos_key(key).map(|article| (article, ItemId::from(id))));
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
    ) -> Result<(), StoreError> {
        let action = "save the host's edits";
        let mut client = self.client(action).await?;
        let transaction = begin(&mut client, action).await?;
        records::edit(&transaction, connection, edits.categories, now).await?;
        records::edit(&transaction, connection, edits.items, now).await?;
        records::edit(&transaction, connection, edits.combos, now).await?;
        commit(transaction, action).await
    }

    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError> {
        let action = "mark records as pushed";
        let mut client = self.client(action).await?;
        let transaction = begin(&mut client, action).await?;
        records::mark_pushed(&transaction, connection, pushes.categories).await?;
        records::mark_pushed(&transaction, connection, pushes.items).await?;
        records::mark_pushed(&transaction, connection, pushes.combos).await?;
        commit(transaction, action).await
    }
}

#[async_trait]
impl CheckpointStore for PostgresStore {
    async fn checkpoints(&self, connection: &ConnectionId) -> Result<Vec<Checkpoint>, StoreError> {
        let action = "read checkpoints";
        let sql = "SELECT resource, marker FROM mplus_checkpoints WHERE connection = $1 ORDER BY resource";
        let rows = self.query(action, sql, &[&connection.as_str()]).await?;
        let point = |row: &tokio_postgres::Row| {
            let (name, marker): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok(Checkpoint::new(Resource::named(name), Marker::new(marker)))
        };
        rows.iter().map(point).collect::<Result<_, _>>().map_err(error::of(action))
    }

    async fn forget_checkpoints(
        &self,
        connection: &ConnectionId,
        resources: &[Resource],
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = resources.iter().map(Resource::as_str).collect();
        let sql = "DELETE FROM mplus_checkpoints WHERE connection = $1 AND resource = ANY($2)";
        self.execute("forget checkpoints", sql, &[&connection.as_str(), &names]).await.map(drop)
    }
}
