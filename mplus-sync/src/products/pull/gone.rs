//! What is gone at the POS: a full pull brings everything else.

use std::collections::BTreeSet;

use super::rows::Rows;
use crate::model::{ArticleNumber, ProductNumber, Record, Resource, Tracked};
use crate::products::merge::Shared;
use crate::report::Note;
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

/// So few may always go: of a small menu one is a large share.
const FEW: usize = 2;

/// Makes inactive what a full pull did not bring any more. Nothing is deleted, and nothing is believed that would switch off
/// too much of the menu.
pub(super) async fn deactivate_gone(run: &mut Run<'_>, seen: &Seen) -> Result<(), StepError> {
    if is_held_back(run, seen).await? {
        return Ok(());
    }
    let limit = usize::from(run.settings().chunk.max(1));
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let items = run.store().items(run.connection(), Select::Page(next)).await?;
        page = following(&items, limit);
        let gone = |number: &ArticleNumber| !seen.articles.contains(&number.get());
        let items = gone_ones(items, gone);
        deactivate(run, &Resource::ARTICLES, CatalogChunk { items, ..CatalogChunk::default() }).await?;
    }
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let categories = run.store().categories(run.connection(), Select::Page(next)).await?;
        page = following(&categories, limit);
        let gone = |number: &ProductNumber| !seen.products.contains(&number.get());
        let categories = gone_ones(categories, gone);
        deactivate(run, &Resource::CATEGORIES, CatalogChunk { categories, ..CatalogChunk::default() })
            .await?;
    }
    Ok(())
}

/// Whether too much is gone to be believed, which is told then.
async fn is_held_back(run: &mut Run<'_>, seen: &Seen) -> Result<bool, StepError> {
    if run.options.accepts_loss {
        return Ok(false);
    }
    let limit = usize::from(run.settings().chunk.max(1));
    let (mut sold, mut gone) = (0_usize, 0_usize);
    let mut page = Some(Page::first(limit));
    while let Some(next) = page {
        let items = run.store().items(run.connection(), Select::Page(next)).await?;
        page = following(&items, limit);
        let numbers = items.iter().filter(|item| item.record.active);
        for number in numbers.filter_map(|item| item.external_ids.mpluskassa) {
            sold += 1;
            gone += usize::from(!seen.articles.contains(&number.get()));
        }
    }
    let too_many = gone > FEW && gone * 100 > sold * usize::from(run.settings().most_gone);
    if gone == 0 || !(too_many || seen.articles.is_empty()) {
        return Ok(false);
    }
    run.report.ask_for(Note::general(
        Resource::ARTICLES,
        &format!("the POS does not list {gone} of {sold} articles any more: none was switched off"),
        "Look at the menu in the POS. If they are gone indeed, run a full sync that accepts the loss",
    ));
    Ok(true)
}

/// The page behind these records; none when they were the last.
fn following<T: Record>(records: &[Tracked<T>], limit: usize) -> Option<Page<T::Id>> {
    let last = records.last().filter(|_| records.len() == limit)?;
    Some(Page::after(last.record.id().clone(), limit))
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
