//! What the store has of a page's records.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use futures_util::future::try_join3;
use mplus_qapi::products::Article;

use super::rows::Rows;
use crate::model::free_id::candidates;
use crate::model::{
    ArticleNumber, Category, CategoryId, Combo, ComboId, ConnectionId, Item, ItemId, ModifierGroupId,
    ModifierSource, PosModifierGroup, ProductNumber, Record, Tracked,
};
use crate::products::from_pos::text;
use crate::products::push::sent::{is_called, is_its, was_sent};
use crate::store::{Page, Select, Store, StoreError};

/// Stored records, found by the POS's number.
pub(super) struct Known {
    pub(super) categories: HashMap<ProductNumber, Tracked<Category>>,
    pub(super) items: HashMap<ArticleNumber, Tracked<Item>>,
    pub(super) combos: HashMap<ArticleNumber, Tracked<Combo>>,
    /// Items and combos without a number, by that of the article that was made of them.
    pub(super) pushed_items: HashMap<ArticleNumber, Tracked<Item>>,
    pub(super) pushed_combos: HashMap<ArticleNumber, Tracked<Combo>>,
    /// Identifiers that records of other numbers have, of those that new ones would get.
    pub(super) taken: Taken,
}

/// Identifiers that are not free.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) items: BTreeSet<ItemId>,
    pub(super) categories: BTreeSet<CategoryId>,
}

impl Known {
    /// Reads them. A host without combos has none to look up. Whether identifiers are free is only looked at when asked for:
    /// the store refuses those that are not.
    pub(super) async fn of(
        store: &dyn Store,
        connection: &ConnectionId,
        rows: &Rows,
        has_combos: bool,
        looks_for_taken: bool,
    ) -> Result<Self, StoreError> {
        let products: Vec<_> = rows.products().map(|(number, _)| ProductNumber::new(number)).collect();
        let articles: Vec<_> = rows.articles().map(|(number, ..)| ArticleNumber::new(number)).collect();
        let combos = async {
            match has_combos {
                true => store.combos(connection, Select::PosIds(articles.clone())).await,
                false => Ok(Vec::new()),
            }
        };
        let (categories, items, combos) = try_join3(
            store.categories(connection, Select::PosIds(products)),
            store.items(connection, Select::PosIds(articles.clone())),
            combos,
        )
        .await?;
        let mut categories = by_number(categories);
        let (items, combos) = (by_number(items), by_number(combos));
        let unknown = rows.articles().filter_map(|(number, article, _)| {
            let number = ArticleNumber::new(number);
            let is_known = items.contains_key(&number) || combos.contains_key(&number);
            let external = text(&article.ext_article_id).filter(|_| !is_known)?;
            Some(Unknown { number, article, external })
        });
        let unknown: Vec<Unknown<'_>> = unknown.collect();
        let (mut pushed_items, mut pushed_combos) = (HashMap::new(), HashMap::new());
        if !unknown.is_empty() {
            let ids = unknown.iter().map(|one| ItemId::new(&one.external)).collect();
            let found = store.items(connection, Select::Ids(ids)).await?;
            pushed_items = pushed(&unknown, found, is_its);
            if has_combos {
                let ids = unknown.iter().map(|one| ComboId::new(&one.external)).collect();
                let found = store.combos(connection, Select::Ids(ids)).await?;
                pushed_combos = pushed(&unknown, found, |combo, _| was_sent(combo));
            }
        }
        if !pushed_items.is_empty() || !pushed_combos.is_empty() {
            adopt_categories(store, connection, rows, &mut categories, &pushed_items, &pushed_combos).await?;
        }
        let mut taken = Taken::default();
        if looks_for_taken {
            let new = rows.articles().map(|(number, ..)| ArticleNumber::new(number));
            let new = new.filter(|number| !items.contains_key(number));
            let ids = new.flat_map(|number| candidates(ItemId::for_article(number))).collect();
            let found = store.items(connection, Select::Ids(ids)).await?;
            taken.items = found.into_iter().map(|item| item.record.id).collect();
            let new = rows.products().map(|(number, _)| ProductNumber::new(number));
            let new = new.filter(|number| !categories.contains_key(number));
            let ids = new.flat_map(|number| candidates(CategoryId::for_product(number))).collect();
            let found = store.categories(connection, Select::Ids(ids)).await?;
            taken.categories = found.into_iter().map(|category| category.record.id).collect();
        }
        Ok(Self { categories, items, combos, pushed_items, pushed_combos, taken })
    }
}

/// An article that has an identifier from somebody, and of which the store has no record.
struct Unknown<'a> {
    number: ArticleNumber,
    article: &'a Article,
    external: String,
}

/// The records that these articles were made of.
fn pushed<T: Record>(
    unknown: &[Unknown<'_>],
    found: Vec<Tracked<T>>,
    is_its: fn(&Tracked<T>, &Article) -> bool,
) -> HashMap<ArticleNumber, Tracked<T>> {
    let lost = found.into_iter().filter(|found| found.external_ids.mpluskassa.is_none());
    let mut lost: HashMap<String, _> =
        lost.map(|lost| (lost.record.id().as_ref().to_owned(), lost)).collect();
    let made = unknown.iter().filter_map(|one| {
        lost.get(&one.external).filter(|lost| is_its(lost, one.article))?;
        Some((one.number, lost.remove(&one.external)?))
    });
    made.collect()
}

/// Under which identifiers the host has the POS's modifier groups.
#[derive(Debug, Default)]
pub(super) struct KnownGroups {
    ids: HashMap<PosModifierGroup, ModifierGroupId>,
    /// Those that are not offered any more.
    inactive: HashSet<ModifierGroupId>,
}

impl KnownGroups {
    /// Reads them all: there are few.
    pub(super) async fn of(store: &dyn Store, connection: &ConnectionId) -> Result<Self, StoreError> {
        let mut known = Self::default();
        let mut page = Some(Page::first(GROUPS));
        while let Some(next) = page {
            let groups = store.modifier_groups(connection, Select::Page(next)).await?;
            let last = groups.last().filter(|_| groups.len() == GROUPS).map(|last| last.record.id.clone());
            let inactive = groups.iter().filter(|group| !group.record.active);
            known.inactive.extend(inactive.map(|group| group.record.id.clone()));
            known.ids.extend(
                groups
                    .into_iter()
                    .filter_map(|group| Some((group.external_ids.mpluskassa?, group.record.id))),
            );
            page = last.map(|last| Page::after(last, GROUPS));
        }
        Ok(known)
    }

    /// The host's identifier of a group; the one that it will get when it is not there yet.
    pub(super) fn id_of(&self, group: &PosModifierGroup) -> ModifierGroupId {
        self.ids.get(group).cloned().unwrap_or_else(|| group.host_id())
    }

    /// Whether an item has preparation method groups that are still offered.
    pub(super) fn are_offered_with(&self, item: &Item) -> bool {
        item.modifier_groups.iter().any(|id| !self.inactive.contains(id) && self.is_preparation(id))
    }

    /// Whether it is a preparation method group: which articles have those, the POS tells.
    pub(super) fn is_preparation(&self, id: &ModifierGroupId) -> bool {
        let mut known = self.ids.iter().filter(|(_, known)| *known == id);
        match known.next() {
            Some((group, _)) => group.source == ModifierSource::PreparationMethod,
            None => id.as_str().starts_with("mpluskassa-preparation-"),
        }
    }
}

/// How many articles are asked for to see whether the POS tells groups at all, and in how many items they are looked for.
const WITNESSES: usize = 3;
const SEARCHED: usize = 2_000;

/// Some articles, not of these rows, that are offered with preparation method groups as far as the store knows.
pub(super) async fn offered_with_groups(
    store: &dyn Store,
    connection: &ConnectionId,
    groups: &KnownGroups,
    rows: &Rows,
) -> Result<Vec<i64>, StoreError> {
    let items = store.items(connection, Select::Page(Page::first(SEARCHED))).await?;
    let offered = items.iter().filter(|item| item.record.active && groups.are_offered_with(&item.record));
    let numbers = offered.filter_map(|item| Some(item.external_ids.mpluskassa?.get()));
    Ok(numbers.filter(|number| rows.article(*number).is_none()).take(WITNESSES).collect())
}

/// Modifier groups that are read at once.
const GROUPS: usize = 500;

/// A product that holds an item of ours and is not known is the item's category, made by a push whose answer was
/// lost. One that holds an item which was never sent is so only when both sides call it the same.
async fn adopt_categories(
    store: &dyn Store,
    connection: &ConnectionId,
    rows: &Rows,
    categories: &mut HashMap<ProductNumber, Tracked<Category>>,
    items: &HashMap<ArticleNumber, Tracked<Item>>,
    combos: &HashMap<ArticleNumber, Tracked<Combo>>,
) -> Result<(), StoreError> {
    let names: HashMap<i64, &Option<String>> =
        rows.products().map(|(number, product)| (number, &product.description)).collect();
    let mut wanted: BTreeMap<CategoryId, (bool, ProductNumber)> = BTreeMap::new();
    for (number, _, product) in rows.articles() {
        let number = ArticleNumber::new(number);
        let item = items.get(&number);
        let sent = item.is_none_or(was_sent);
        let item = item.and_then(|item| item.record.category.clone());
        let combo = || combos.get(&number).and_then(|combo| combo.record.category.clone());
        if let (Some(category), Some(product)) = (item.or_else(combo), product) {
            let held = wanted.entry(category).or_insert((sent, ProductNumber::new(product)));
            if sent && !held.0 {
                *held = (sent, ProductNumber::new(product));
            }
        }
    }
    wanted.retain(|_, (_, product)| !categories.contains_key(product));
    let ids = wanted.keys().cloned().collect();
    for category in store.categories(connection, Select::Ids(ids)).await? {
        let Some((sent, product)) = wanted.get(&category.record.id) else { continue };
        let is_ours =
            *sent || names.get(&product.get()).is_some_and(|name| is_called(&category.record.name, name));
        if is_ours && category.external_ids.mpluskassa.is_none() {
            categories.insert(*product, category);
        }
    }
    Ok(())
}

fn by_number<T: Record>(records: Vec<Tracked<T>>) -> HashMap<T::PosId, Tracked<T>>
where
    T::PosId: Hash + Eq,
{
    let numbered =
        records.into_iter().filter_map(|record| Some((record.external_ids.mpluskassa.clone()?, record)));
    numbered.collect()
}
