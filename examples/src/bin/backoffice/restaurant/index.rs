//! A restaurant's menu to search and to leaf through by category: names and numbers in memory, everything else from the store.
//!
//! The store gives items in the order of their identifiers and by identifier. People look for a name, or in a category; so this
//! process keeps one short line of every item, read again after each change made here and every half a minute while somebody
//! looks. A page shows items as they are stored at that moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mplus_sync::model::{Category, CategoryId, ConnectionId, ItemId};
use mplus_sync::store::{Page, Select, Store, StoreError};

use crate::app::App;

/// Records that are read at once.
const CHUNK: usize = 1000;
/// How old an index may be that a page shows.
const FRESH: TimeDelta = TimeDelta::seconds(30);

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
        self.lines.iter().filter(move |line| {
            let by_text =
                text.is_empty() || line.name.contains(&text) || (number.is_some() && line.number == number);
            let by_category = wanted.category.is_none() || line.category == wanted.category;
            let by_state = match wanted.only {
                Only::All => true,
                Only::Off => !line.shown,
                Only::Edited => line.edited,
                Only::Unlinked => line.unlinked,
            };
            by_text && by_category && by_state
        })
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

/// The indexes of all restaurants that somebody looked at.
#[derive(Clone, Default)]
pub(crate) struct Indexes(Arc<Mutex<BTreeMap<ConnectionId, Arc<Index>>>>);

impl Indexes {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Arc<Index>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A restaurant's index; one that is not fresh is read again behind the page's back.
    pub(crate) async fn of(&self, app: &App, id: &ConnectionId) -> Result<Arc<Index>, StoreError> {
        let known = self.lock().get(id).cloned();
        let Some(known) = known else { return self.read(app, id).await };
        if app.now() - known.read_at > FRESH {
            let (indexes, app, id) = (self.clone(), app.clone(), id.clone());
            tokio::spawn(async move { indexes.refresh(&app, &id).await });
        }
        Ok(known)
    }

    /// Reads a restaurant's index again, if anybody looks at it.
    pub(crate) async fn refresh(&self, app: &App, id: &ConnectionId) {
        if self.lock().contains_key(id)
            && let Err(error) = self.read(app, id).await
        {
            tracing::warn!(connection = %id, %error, "the menu could not be read again");
        }
    }

    pub(crate) fn forget(&self, id: &ConnectionId) {
        self.lock().remove(id);
    }

    async fn read(&self, app: &App, id: &ConnectionId) -> Result<Arc<Index>, StoreError> {
        let index = Arc::new(Index::read(&**app.restaurants.store(), id, app.now()).await?);
        self.lock().insert(id.clone(), index.clone());
        Ok(index)
    }
}
