//! The menu in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::params;

use crate::model::{
    ArticleNumber, Category, Checkpoint, Combo, ConnectionId, Item, ItemId, Marker, ModifierGroup, Resource,
    Tracked,
};
use crate::store::row::Stored;
use crate::store::{
    CatalogChunk, CatalogEdits, CatalogPushes, CatalogStore, CheckpointStore, Select, StoreError,
};

use super::Durability::{Eventual, Immediate};
use super::{SqliteStore, error, records};

impl SqliteStore {
    pub(super) async fn select<T: Stored>(
        &self,
        connection: &ConnectionId,
        select: Select<T>,
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        let connection = connection.clone();
        self.read("read records", move |database| records::select(database, &connection, &select)).await
    }
}

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<(), StoreError> {
        let connection = connection.clone();
        let (categories, items) = (records::rows(chunk.categories)?, records::rows(chunk.items)?);
        let (groups, combos) = (records::rows(chunk.modifier_groups)?, records::rows(chunk.combos)?);
        self.write("write a chunk of the menu", Eventual, move |transaction| {
            records::write::<Category>(transaction, &connection, &categories)?;
            records::write::<Item>(transaction, &connection, &items)?;
            records::write::<ModifierGroup>(transaction, &connection, &groups)?;
            records::write::<Combo>(transaction, &connection, &combos)?;
            records::write_checkpoints(transaction, &connection, &chunk.checkpoints)
        })
        .await
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
        let (connection, articles) = (connection.clone(), articles.to_vec());
        self.read("read items", move |database| records::items_of_articles(database, &connection, &articles))
            .await
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
        let connection = connection.clone();
        self.write("save the host's edits", Immediate, move |transaction| {
            records::edit(transaction, &connection, edits.categories, now)?;
            records::edit(transaction, &connection, edits.items, now)?;
            records::edit(transaction, &connection, edits.combos, now)
        })
        .await
    }

    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.write("mark records as pushed", Immediate, move |transaction| {
            records::mark_pushed(transaction, &connection, pushes.categories)?;
            records::mark_pushed(transaction, &connection, pushes.items)?;
            records::mark_pushed(transaction, &connection, pushes.combos)
        })
        .await
    }
}

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn checkpoints(&self, connection: &ConnectionId) -> Result<Vec<Checkpoint>, StoreError> {
        let connection = connection.clone();
        self.read("read checkpoints", move |database| {
            let failed = error::of("read checkpoints");
            let sql =
                "SELECT resource, marker FROM mplus_checkpoints WHERE connection = ?1 ORDER BY resource";
            let mut statement = database.prepare_cached(sql).map_err(&failed)?;
            let rows = statement.query_map([connection.as_str()], |row| {
                let name: String = row.get(0)?;
                Ok(Checkpoint::new(Resource::named(name), Marker::new(row.get(1)?)))
            });
            rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
        })
        .await
    }

    async fn forget_checkpoints(
        &self,
        connection: &ConnectionId,
        resources: &[Resource],
    ) -> Result<(), StoreError> {
        let (connection, resources) = (connection.clone(), resources.to_vec());
        self.write("forget checkpoints", Immediate, move |transaction| {
            let sql = "DELETE FROM mplus_checkpoints WHERE connection = ?1 AND resource = ?2";
            for resource in &resources {
                transaction
                    .execute(sql, params![connection.as_str(), resource.as_str()])
                    .map_err(error::of("forget checkpoints"))?;
            }
            Ok(())
        })
        .await
    }
}
