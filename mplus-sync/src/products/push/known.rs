//! Which articles the host knows in which of the POS's products: what the POS shows of a product is compared with it.

use std::collections::{BTreeMap, HashMap};

use crate::model::{CategoryId, Field, Item, Tracked};
use crate::run::{Run, StepError};
use crate::store::{Page, Select};

/// The articles of each product as both sides last agreed on, and whether the host sells them. They are read when the first
/// product is asked for; what the run itself moves after that is found where it is.
#[derive(Debug, Default)]
pub(crate) struct KnownArticles(Option<HashMap<i64, BTreeMap<i64, bool>>>);

impl KnownArticles {
    /// Those of a product.
    pub(super) async fn of(&mut self, run: &Run<'_>, product: i64) -> Result<BTreeMap<i64, bool>, StepError> {
        let known = match &mut self.0 {
            Some(known) => known,
            unread => unread.insert(read(run).await?),
        };
        Ok(known.get(&product).cloned().unwrap_or_default())
    }
}

async fn read(run: &Run<'_>) -> Result<HashMap<i64, BTreeMap<i64, bool>>, StepError> {
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
    let mut known: HashMap<i64, BTreeMap<i64, bool>> = HashMap::new();
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
    Ok(known)
}

/// The category in which the POS has an item, which the host may have moved since.
fn category_at_pos(item: &Tracked<Item>) -> Option<CategoryId> {
    match item.edits.get(&Field::named("category")) {
        None => item.record.category.clone(),
        Some(edit) => edit.agreed.as_ref()?.read::<Option<CategoryId>>().ok()?,
    }
}
