//! Which records were sent to be made: what the POS has under the identifier of one is that one.
//!
//! An identifier alone proves nothing. Another system may have given it to an article of its own (`extArticleId`), and to take
//! that one for the host's would sell a guest another dish.

use mplus_qapi::products::Article;

use crate::model::{Checkpoint, Combo, ComboId, Fingerprint, Item, ItemId, Record, Tracked};
use crate::products::from_pos::text;
use crate::products::merge::SENT;
use crate::run::{DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Select, StoreError, StoreErrorKind};
use crate::text::plain;

/// Whether an article that carries an item's identifier is that item: it was sent, or both sides call it the same.
pub(crate) fn is_its(item: &Tracked<Item>, article: &Article) -> bool {
    was_sent(item) || is_called(&item.record.name, &article.description)
}

/// Whether the POS calls something by this name.
pub(crate) fn is_called(name: &str, description: &Option<String>) -> bool {
    text(description).as_deref() == Some(plain(name).trim())
}

pub(crate) fn was_sent<T: Record>(tracked: &Tracked<T>) -> bool {
    tracked.sync.parts.contains_key(SENT)
}

/// Records that the POS is to make articles of.
#[derive(Debug, Default)]
pub(crate) struct ToMake {
    items: Vec<Tracked<Item>>,
    combos: Vec<Tracked<Combo>>,
}

impl ToMake {
    /// Those of these items that have no number yet.
    pub(crate) fn items<'a>(items: impl Iterator<Item = &'a Tracked<Item>>) -> Self {
        let new = items.filter(|item| item.external_ids.mpluskassa.is_none()).cloned();
        Self { items: new.collect(), combos: Vec::new() }
    }

    /// A combo.
    pub(crate) fn combo(combo: &Tracked<Combo>) -> Self {
        Self { items: Vec::new(), combos: vec![combo.clone()] }
    }

    /// The identifiers of those that were never sent.
    pub(super) fn unsent(&self) -> impl Iterator<Item = &str> {
        let items = self.items.iter().filter(|item| !was_sent(item)).map(|item| item.record.id.as_str());
        let combos = self.combos.iter().filter(|combo| !was_sent(combo));
        items.chain(combos.map(|combo| combo.record.id.as_str()))
    }

    /// Whether an article that has the identifier of one of them is that one: it was sent. The pull takes what is called the same.
    pub(super) fn has(&self, article: &Article) -> bool {
        let Some(external) = article.ext_article_id.as_deref() else { return false };
        let is_it = |id: &str| id == external;
        let mut items = self.items.iter().filter(|item| is_it(item.record.id.as_str()));
        let mut combos = self.combos.iter().filter(|combo| is_it(combo.record.id.as_str()));
        items.any(was_sent) || combos.any(was_sent)
    }

    /// Keeps that they are about to be sent, together with a checkpoint.
    pub(super) async fn keep(&self, run: &mut Run<'_>, checkpoint: Checkpoint) -> Result<(), StepError> {
        let sent = Fingerprint::of(&true)?;
        for _ in 0..DECISIONS {
            let (store, connection) = (run.store(), run.connection());
            let items: Vec<ItemId> = self.items.iter().map(|item| item.record.id.clone()).collect();
            let combos: Vec<ComboId> = self.combos.iter().map(|combo| combo.record.id.clone()).collect();
            let mut chunk = CatalogChunk { checkpoints: vec![checkpoint.clone()], ..CatalogChunk::default() };
            if !items.is_empty() {
                chunk.items = store.items(connection, Select::Ids(items)).await?;
            }
            if !combos.is_empty() {
                chunk.combos = store.combos(connection, Select::Ids(combos)).await?;
            }
            chunk.items.retain_mut(|item| item.sync.parts.insert(SENT.to_owned(), sent.clone()).is_none());
            chunk.combos.retain_mut(|combo| combo.sync.parts.insert(SENT.to_owned(), sent.clone()).is_none());
            if run.apply(chunk).await? {
                return Ok(());
            }
        }
        Err(StepError::Store(StoreError::new(StoreErrorKind::Unavailable, "note what is sent")))
    }

    /// They were not made: those that were not sent before were never sent.
    pub(super) async fn unkeep(&self, run: &mut Run<'_>) -> Result<(), StepError> {
        for _ in 0..DECISIONS {
            let (store, connection) = (run.store(), run.connection());
            let items = self.items.iter().filter(|item| !was_sent(item));
            let items: Vec<ItemId> = items.map(|item| item.record.id.clone()).collect();
            let combos = self.combos.iter().filter(|combo| !was_sent(combo));
            let combos: Vec<ComboId> = combos.map(|combo| combo.record.id.clone()).collect();
            let mut chunk = CatalogChunk::default();
            if !items.is_empty() {
                chunk.items = store.items(connection, Select::Ids(items)).await?;
            }
            if !combos.is_empty() {
                chunk.combos = store.combos(connection, Select::Ids(combos)).await?;
            }
            chunk.items.retain_mut(|item| item.sync.parts.remove(SENT).is_some());
            chunk.combos.retain_mut(|combo| combo.sync.parts.remove(SENT).is_some());
            if chunk == CatalogChunk::default() || run.apply(chunk).await? {
                return Ok(());
            }
        }
        Err(StepError::Store(StoreError::new(StoreErrorKind::Unavailable, "note what was not sent")))
    }
}
