//! Which articles the host knows in which of the POS's products: what the POS shows of a product is compared with it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::{CategoryId, Field, Fingerprint, Item, Tracked};
use crate::products::merge::ANOTHERS;
use crate::run::{Run, StepError};
use crate::store::{Page, Select};

/// The articles of each product as both sides last agreed on, and whether the host sells them. They are read when the first
/// product is asked for; what the run itself moves after that is found where it is.
#[derive(Debug, Default)]
pub(crate) struct KnownArticles(Option<Known>);

#[derive(Debug, Default)]
struct Known {
    products: HashMap<i64, BTreeMap<i64, bool>>,
    /// The identifiers that articles have from somebody else.
    anothers: HashSet<Fingerprint>,
}

impl KnownArticles {
    /// Those of a product.
    pub(super) async fn of(&mut self, run: &Run<'_>, product: i64) -> Result<BTreeMap<i64, bool>, StepError> {
        Ok(self.known(run).await?.products.get(&product).cloned().unwrap_or_default())
    }

    /// Whether an article has this identifier from somebody else.
    pub(super) async fn is_anothers(&mut self, run: &Run<'_>, id: &str) -> Result<bool, StepError> {
        let print = Fingerprint::of(id)?;
        Ok(self.known(run).await?.anothers.contains(&print))
    }

    async fn known(&mut self, run: &Run<'_>) -> Result<&Known, StepError> {
        Ok(match &mut self.0 {
            Some(known) => known,
            unread => unread.insert(read(run).await?),
        })
    }
}

async fn read(run: &Run<'_>) -> Result<Known, StepError> {
    let (store, connection) = (run.store(), run.connection());
    let limit = usize::from(run.limits().chunk.max(1));
    let mut products: HashMap<CategoryId, i64> = HashMap::new();
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let categories = store.categories(connection, Select::Page(next)).await?;
        let last = categories.last().filter(|_| categories.len() == limit).map(|one| one.record.id.clone());
        page = last.map(|last| Page::after(last, limit));
        let numbered = categories
            .into_iter()
            .filter_map(|one| Some((one.record.id, one.external_ids.mpluskassa?.get())));
        products.extend(numbered);
    }
    let (mut known, mut anothers) = (HashMap::<i64, BTreeMap<i64, bool>>::new(), HashSet::new());
    let mut note = |category: Option<&CategoryId>, article: i64, is_sold: bool| {
        if let Some(product) = category.and_then(|category| products.get(category)) {
            known.entry(*product).or_default().insert(article, is_sold);
        }
    };
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let items = store.items(connection, Select::Page(next)).await?;
        let last = items.last().filter(|_| items.len() == limit).map(|one| one.record.id.clone());
        page = last.map(|last| Page::after(last, limit));
        for item in &items {
            anothers.extend(item.sync.parts.get(ANOTHERS).cloned());
            if let Some(article) = item.external_ids.mpluskassa {
                note(category_at_pos(item).as_ref(), article.get(), item.record.active);
            }
        }
    }
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let combos = store.combos(connection, Select::Page(next)).await?;
        let last = combos.last().filter(|_| combos.len() == limit).map(|one| one.record.id.clone());
        page = last.map(|last| Page::after(last, limit));
        for combo in &combos {
            if let Some(article) = combo.external_ids.mpluskassa {
                note(combo.record.category.as_ref(), article.get(), combo.record.active);
            }
        }
    }
    Ok(Known { products: known, anothers })
}

/// The category in which the POS has an item, which the host may have moved since.
fn category_at_pos(item: &Tracked<Item>) -> Option<CategoryId> {
    match item.edits.get(&Field::named("category")) {
        None => item.record.category.clone(),
        Some(edit) => edit.agreed.as_ref()?.read::<Option<CategoryId>>().ok()?,
    }
}
