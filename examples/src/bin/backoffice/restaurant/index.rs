//! A restaurant's menu to search and to leaf through by category: names and numbers in memory, everything else from the store.
//!
//! The store gives items in the order of their identifiers and by identifier. People look for a name, or in a category; so this
//! process keeps one short line of every item, read again after each change made here and every half a minute while somebody
//! looks. A page shows items as they are stored at that moment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use mplus_sync::model::{Category, CategoryId, ConnectionId, ItemId};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{Page, Select, Store, StoreError};

/// Records that are read at once.
const CHUNK: usize = 1000;
/// How old an index may be that a page shows.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How long an index is kept that nobody looks at.
const KEPT: TimeDelta = TimeDelta::minutes(15);

/// One line of an item.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: ItemId,
    pub(crate) category: Option<CategoryId>,
    /// The name in small letters, to be searched.
    name: String,
    number: Option<i64>,
    pub(crate) edited: bool,
    pub(crate) shown: bool,
    pub(crate) unlinked: bool,
}

/// A restaurant's menu at a glance.
#[derive(Debug, Default)]
pub(crate) struct Index {
    read_at: DateTime<Utc>,
    /// By the order of their places.
    pub(crate) categories: Vec<Category>,
    /// By category, place and name.
    pub(crate) lines: Vec<Line>,
}

/// Which items are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) text: String,
    pub(crate) category: Option<CategoryId>,
    /// A part of a category's name, where there are too many to choose from.
    pub(crate) category_text: String,
    pub(crate) only: Only,
}

/// Which items are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Only {
    #[default]
    All,
    /// Not for sale.
    Off,
    /// Edited here and not sent yet.
    Edited,
    /// Without a number at MplusKASSA.
    Unlinked,
}

impl Index {
    /// The items that are looked for, in their order.
    pub(crate) fn find<'i>(&'i self, wanted: &'i Wanted) -> impl Iterator<Item = &'i Line> {
        let text = wanted.text.to_lowercase();
        let number: Option<i64> = text.parse().ok();
        let categories = self.named(&wanted.category_text);
        self.lines.iter().filter(move |line| {
            let by_text =
                text.is_empty() || line.name.contains(&text) || (number.is_some() && line.number == number);
            let by_category = (wanted.category.is_none() || line.category == wanted.category)
                && categories.as_ref().is_none_or(|named| {
                    line.category.as_ref().is_some_and(|category| named.contains(category))
                });
            let by_state = match wanted.only {
                Only::All => true,
                Only::Off => !line.shown,
                Only::Edited => line.edited,
                Only::Unlinked => line.unlinked,
            };
            by_text && by_category && by_state
        })
    }

    /// The categories that have a text in their name; none when there is no text.
    fn named(&self, text: &str) -> Option<HashSet<&CategoryId>> {
        let text = text.trim().to_lowercase();
        let has_it = |category: &&Category| category.name.to_lowercase().contains(&text);
        (!text.is_empty())
            .then(|| self.categories.iter().filter(has_it).map(|category| &category.id).collect())
    }

    async fn read(store: &dyn Store, id: &ConnectionId, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let categories = store.categories(id, Select::Page(Page::first(usize::from(u16::MAX)))).await?;
        let mut categories: Vec<_> = categories.into_iter().map(|category| category.record).collect();
        categories.sort_by(|one, other| (one.position, &one.name).cmp(&(other.position, &other.name)));
        let places: HashMap<_, _> =
            categories.iter().enumerate().map(|(place, category)| (category.id.clone(), place)).collect();
        let mut lines = Vec::new();
        let mut page = Page::first(CHUNK);
        loop {
            let items = store.items(id, Select::Page(page)).await?;
            let last = items.last().filter(|_| items.len() == CHUNK).map(|item| item.record.id.clone());
            for item in items {
                let place = item.record.category.as_ref().and_then(|category| places.get(category)).copied();
                let number = item.external_ids.mpluskassa.map(|number| number.get());
                let line = Line {
                    name: item.record.name.to_lowercase(),
                    number,
                    edited: !item.edits.is_empty(),
                    shown: item.record.is_shown(),
                    unlinked: number.is_none(),
                    id: item.record.id,
                    category: item.record.category,
                };
                lines.push((place.unwrap_or(usize::MAX), item.record.position, line));
            }
            match last {
                Some(last) => page = Page::after(last, CHUNK),
                None => break,
            }
        }
        lines.sort_by(|one, other| (one.0, one.1, &one.2.name).cmp(&(other.0, other.1, &other.2.name)));
        Ok(Self { read_at: now, categories, lines: lines.into_iter().map(|(_, _, line)| line).collect() })
    }
}

/// The indexes of all restaurants that somebody looked at of late.
#[derive(Clone)]
pub(crate) struct Indexes(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    /// How long a page waits for a menu that nobody looked at of late.
    patience: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    indexes: BTreeMap<ConnectionId, Kept>,
    /// Whose menus are being read for the first time.
    reading: BTreeSet<ConnectionId>,
}

struct Kept {
    index: Arc<Index>,
    used_at: DateTime<Utc>,
}

impl Indexes {
    pub(crate) fn new(store: Arc<dyn Store>, runtime: Arc<dyn Runtime>, patience: Duration) -> Self {
        Self(Arc::new(Shared { store, runtime, patience, known: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A restaurant's index; one that is not fresh is read again behind the page's back. None while a large menu that nobody
    /// looked at of late is being read: the page says so, and is loaded again.
    pub(crate) async fn of(&self, id: &ConnectionId) -> Result<Option<Arc<Index>>, StoreError> {
        let now = self.0.runtime.now();
        if let Some(index) = self.known(id, now) {
            if now - index.read_at > FRESH {
                let (indexes, id) = (self.clone(), id.clone());
                tokio::spawn(async move { indexes.refresh(&id).await });
            }
            return Ok(Some(index));
        }
        if !self.lock().reading.insert(id.clone()) {
            return Ok(None);
        }
        let (indexes, of) = (self.clone(), id.clone());
        let reading = tokio::spawn(async move {
            let read = indexes.read(&of).await;
            indexes.lock().reading.remove(&of);
            if let Err(error) = &read {
                tracing::warn!(connection = %of, %error, "the menu could not be read");
            }
            read
        });
        match select(reading, self.0.runtime.sleep(self.0.patience)).await {
            Either::Left((Ok(read), _)) => read.map(Some),
            // It takes its time, or ended in a panic, which is told by itself.
            Either::Left((Err(_), _)) | Either::Right(_) => Ok(None),
        }
    }

    fn known(&self, id: &ConnectionId, now: DateTime<Utc>) -> Option<Arc<Index>> {
        let mut known = self.lock();
        let kept = known.indexes.get_mut(id)?;
        kept.used_at = now;
        Some(kept.index.clone())
    }

    /// Reads a restaurant's index again, if anybody looks at it.
    pub(crate) async fn refresh(&self, id: &ConnectionId) {
        if self.lock().indexes.contains_key(id)
            && let Err(error) = self.read(id).await
        {
            tracing::warn!(connection = %id, %error, "the menu could not be read again");
        }
    }

    pub(crate) fn forget(&self, id: &ConnectionId) {
        self.lock().indexes.remove(id);
    }

    async fn read(&self, id: &ConnectionId) -> Result<Arc<Index>, StoreError> {
        let now = self.0.runtime.now();
        let index = Arc::new(Index::read(&*self.0.store, id, now).await?);
        let mut known = self.lock();
        let used_at = known.indexes.get(id).map_or(now, |kept| kept.used_at);
        // Those that nobody looked at of late make room.
        known.indexes.retain(|_, kept| now - kept.used_at < KEPT);
        known.indexes.insert(id.clone(), Kept { index: index.clone(), used_at });
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use mplus_sync::model::{Item, Tracked};
    use mplus_sync::runtime::TokioRuntime;
    use mplus_sync::store::{CatalogChunk, MemoryStore};

    use super::*;

    /// A host for whom no time passes while it waits.
    #[derive(Debug)]
    struct Impatient;

    #[async_trait::async_trait]
    impl Runtime for Impatient {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}

        fn random(&self) -> f64 {
            0.0
        }
    }

    async fn indexes(runtime: Arc<dyn Runtime>) -> Indexes {
        let store = Arc::new(MemoryStore::new());
        let mut chunk = CatalogChunk::default();
        for (id, name) in [("warm", "Warme dranken"), ("cold", "Koude dranken"), ("food", "Lunch")] {
            chunk.categories.push(Tracked::new(Category::new(id, name)));
            let mut item = Item::new(format!("item-{id}"), name);
            item.category = Some(id.into());
            chunk.items.push(Tracked::new(item));
        }
        mplus_sync::store::CatalogStore::apply(&*store, &"a".into(), chunk).await.unwrap();
        Indexes::new(store, runtime, Duration::from_secs(60))
    }

    #[tokio::test]
    async fn items_are_found_by_a_part_of_their_categorys_name() {
        let index = indexes(Arc::new(TokioRuntime)).await.of(&"a".into()).await.unwrap().unwrap();
        let found = |text: &str| {
            let wanted = Wanted { category_text: text.to_owned(), ..Wanted::default() };
            index.find(&wanted).count()
        };
        assert_eq!((found("DRANK"), found("lunch "), found("wijn"), found(" ")), (2, 1, 0, 3));
    }

    #[tokio::test]
    async fn a_page_does_not_wait_for_a_menu_that_takes_its_time() {
        let (indexes, id) = (indexes(Arc::new(Impatient)).await, ConnectionId::from("a"));
        // Nothing else runs on this thread until the first page has its answer.
        assert!(indexes.of(&id).await.unwrap().is_none());
        let found = async {
            loop {
                match indexes.of(&id).await.unwrap() {
                    Some(index) => return index.lines.len(),
                    None => tokio::task::yield_now().await,
                }
            }
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(60), found).await.unwrap(), 3);
    }
}
