//! What is gone at the POS: a full pull brings everything else.

use std::collections::BTreeSet;

use super::rows::Rows;
use crate::model::{ArticleNumber, ProductNumber, Resource, Tracked};
use crate::products::merge::Shared;
use crate::run::{Run, StepError};
use crate::store::{CatalogChunk, Page, Select};

/// Numbers that a full pull has brought. 8 bytes each.
#[derive(Default)]
pub(super) struct Seen {
    articles: BTreeSet<i64>,
    products: BTreeSet<i64>,
}

impl Seen {
    /// Writes down which numbers a page has.
    pub(super) fn note(&mut self, rows: &Rows) {
        self.articles.extend(rows.articles().map(|(number, ..)| number));
        self.products.extend(rows.products().map(|(number, _)| number));
    }
}

/// Makes inactive what a full pull did not bring any more. Nothing is deleted.
pub(super) async fn deactivate_gone(run: &mut Run<'_>, seen: &Seen) -> Result<(), StepError> {
    let limit = usize::from(run.settings().chunk.max(1));
    let mut page = Page::first(limit);
    loop {
        let items = run.store().items(run.connection(), Select::Page(page)).await?;
        let next = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let gone = |number: &ArticleNumber| !seen.articles.contains(&number.get());
        let items = gone_ones(items, gone);
        deactivate(run, &Resource::ARTICLES, CatalogChunk { items, ..CatalogChunk::default() }).await?;
        match next {
            Some(last) => page = Page::after(last, limit),
            None => break,
        }
    }
    let mut page = Page::first(limit);
    loop {
        let categories = run.store().categories(run.connection(), Select::Page(page)).await?;
        let next =
            (categories.len() == limit).then(|| categories.last().map(|one| one.record.id.clone())).flatten();
        let gone = |number: &ProductNumber| !seen.products.contains(&number.get());
        let categories = gone_ones(categories, gone);
        deactivate(run, &Resource::CATEGORIES, CatalogChunk { categories, ..CatalogChunk::default() })
            .await?;
        match next {
            Some(last) => page = Page::after(last, limit),
            None => return Ok(()),
        }
    }
}

/// The records that can be sold and are gone at the POS, made inactive.
fn gone_ones<T: Shared>(records: Vec<Tracked<T>>, gone: impl Fn(&T::PosId) -> bool) -> Vec<Tracked<T>> {
    let sold = records.into_iter().filter_map(|mut tracked| {
        let is_gone = tracked.external_ids.mpluskassa.as_ref().is_some_and(&gone);
        (is_gone && *tracked.record.active()).then(|| {
            *tracked.record.active() = false;
            // There is nothing to push an edit to.
            tracked.edits.clear();
            tracked
        })
    });
    sold.collect()
}

/// A record that the host edits at this very moment is left to the next full run.
async fn deactivate(run: &mut Run<'_>, resource: &Resource, chunk: CatalogChunk) -> Result<(), StepError> {
    let count = chunk.items.len() + chunk.categories.len();
    if count > 0 && run.apply(chunk).await? {
        run.report.count(resource).deactivated += count as u64;
    }
    Ok(())
}
