//! The menu: categories, items, modifier groups, combos.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    ArticleNumber, Category, CategoryEdit, Checkpoint, Combo, ComboEdit, ConnectionId, Item, ItemEdit,
    ItemId, ModifierGroup, Record, StaleField, SyncState, Tracked, Unreadable,
};

use super::StoreError;

/// Which records to read.
#[derive(Debug, Clone, PartialEq)]
pub enum Select<T: Record> {
    /// Those with these host identifiers; absent ones are left out.
    Ids(Vec<T::Id>),
    /// Those with these numbers at the POS; absent ones are left out.
    PosIds(Vec<T::PosId>),
    /// All, a page at a time.
    Page(Page<T::Id>),
    /// Those of which the host edited a field that was not pushed since, a page at a time.
    Edited(Page<T::Id>),
}

/// One page of records in the order of their identifiers, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// Begin behind this one; none begins at the start.
    pub after: Option<K>,
    /// How many at most. A page with fewer is the last.
    pub limit: usize,
}

impl<K> Page<K> {
    /// The first page.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// The page behind a record.
    pub fn after(last: K, limit: usize) -> Self {
        Self { after: Some(last), limit }
    }
}

/// What a pull writes at once.
///
/// An identifier may be in a chunk once for each kind of record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogChunk {
    /// Categories to write.
    pub categories: Vec<Tracked<Category>>,
    /// Items to write.
    pub items: Vec<Tracked<Item>>,
    /// Modifier groups to write.
    pub modifier_groups: Vec<Tracked<ModifierGroup>>,
    /// Combos to write.
    pub combos: Vec<Tracked<Combo>>,
    /// How far the pull has come when all this is written.
    pub checkpoints: Vec<Checkpoint>,
}

/// What writing a chunk left out.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// Records whose stored row, or the row that has their number, this release cannot read: they were not written.
    pub parked: Vec<Unreadable>,
}

/// What the host edited, to be pushed by the next sync: patches, so that what is not named stays as it is.
///
/// An identifier may be in it once for each kind of record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogEdits {
    /// Edited categories.
    pub categories: Vec<CategoryEdit>,
    /// Edited items.
    pub items: Vec<ItemEdit>,
    /// Edited combos.
    pub combos: Vec<ComboEdit>,
}

/// What became of the host's edits.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SavedEdits {
    /// Fields that were left out, because they had changed since the person saw them.
    pub stale: Vec<StaleField>,
}

/// What a push wrote to the POS.
///
/// An identifier may be in it once for each kind of record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogPushes {
    /// Pushed categories.
    pub categories: Vec<Pushed<Category>>,
    /// Pushed items.
    pub items: Vec<Pushed<Item>>,
    /// Pushed combos.
    pub combos: Vec<Pushed<Combo>>,
}

/// A record that the POS has taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed<T: Record> {
    /// The host's identifier.
    pub id: T::Id,
    /// The record as it was read to be pushed; none when the POS has taken no content of it yet: its edits stay pending.
    pub sent: Option<T>,
    /// The POS's number, given just now or known before.
    pub number: T::PosId,
    /// What both sides agree on now.
    pub sync: SyncState,
}

/// Keeps the menu.
///
/// Records that cannot be read are left out wherever records are read, and listed by [`unreadable`](Self::unreadable).
///
/// Writes by the sync carry the revision that was read and are refused as a whole when one record has moved on, so
/// that no edit of the host is ever overwritten unseen.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Writes a chunk and its checkpoints in one transaction: all of it or nothing.
    ///
    /// Each record replaces the stored one, its pending edits included, and gets the next revision; one of
    /// [`Revision::NEW`](crate::model::Revision::NEW) must not exist yet. Moving a number from one record to another takes
    /// two chunks. A record that meets a row that cannot be read is left out and named; the others are written.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when a record's stored revision is not the one given, or when its
    /// number at the POS belongs to another record: nothing is written; read again and decide again.
    /// [`Invalid`](super::StoreErrorKind::Invalid) when an identifier is in the chunk twice.
    async fn apply(&self, connection: &ConnectionId, chunk: CatalogChunk) -> Result<Applied, StoreError>;

    /// Reads categories; in no particular order unless a page is asked.
    async fn categories(
        &self,
        connection: &ConnectionId,
        select: Select<Category>,
    ) -> Result<Vec<Tracked<Category>>, StoreError>;

    /// Reads items; in no particular order unless a page is asked.
    async fn items(
        &self,
        connection: &ConnectionId,
        select: Select<Item>,
    ) -> Result<Vec<Tracked<Item>>, StoreError>;

    /// Reads which item each of these articles is; articles that are none are left out. In no particular order.
    ///
    /// A store that can answer from its keys alone does better than this, which reads the items.
    async fn items_of_articles(
        &self,
        connection: &ConnectionId,
        articles: &[ArticleNumber],
    ) -> Result<Vec<(ArticleNumber, ItemId)>, StoreError> {
        let items = self.items(connection, Select::PosIds(articles.to_vec())).await?;
        Ok(items
            .into_iter()
            .filter_map(|item| Some((item.external_ids.mpluskassa?, item.record.id)))
            .collect())
    }

    /// Reads modifier groups; in no particular order unless a page is asked.
    async fn modifier_groups(
        &self,
        connection: &ConnectionId,
        select: Select<ModifierGroup>,
    ) -> Result<Vec<Tracked<ModifierGroup>>, StoreError>;

    /// Reads combos; in no particular order unless a page is asked.
    async fn combos(
        &self,
        connection: &ConnectionId,
        select: Select<Combo>,
    ) -> Result<Vec<Tracked<Combo>>, StoreError>;

    /// Takes the host's edits: all of them or none. Only what a patch names is changed, by the rules of
    /// [`Patch::carry_out`](crate::model::Patch::carry_out); numbers at the POS and sync states stay. Each record that changes
    /// gets the next revision.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when a patch expects another revision,
    /// [`Invalid`](super::StoreErrorKind::Invalid) when a field does not take its value or an identifier is there twice,
    /// [`Corrupt`](super::StoreErrorKind::Corrupt) when a record cannot be read.
    async fn save_edits(
        &self,
        connection: &ConnectionId,
        edits: CatalogEdits,
        now: DateTime<Utc>,
    ) -> Result<SavedEdits, StoreError>;

    /// Records what the POS has taken: all of it or nothing.
    ///
    /// Number and sync state are stored whatever happened meanwhile, for they are facts. The edit of a field counts as pushed
    /// when the field still is what was sent; one that the host made meanwhile stays pending
    /// ([`Tracked::pushed`](crate::model::Tracked::pushed)). Each record gets the next revision.
    ///
    /// # Errors
    /// [`NotFound`](super::StoreErrorKind::NotFound) when a record is not there,
    /// [`Conflict`](super::StoreErrorKind::Conflict) when a number belongs to another record.
    async fn mark_pushed(&self, connection: &ConnectionId, pushes: CatalogPushes) -> Result<(), StoreError>;

    /// Lists what this release cannot read of a connection: its own record, records of the menu, locations, due runs, and orders and notices
    /// that a claim has set aside. Reads everything; for a person, not for a loop.
    async fn unreadable(&self, connection: &ConnectionId) -> Result<Vec<Unreadable>, StoreError>;
}
