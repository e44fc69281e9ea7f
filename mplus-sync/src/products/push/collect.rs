//! Collects what the host edited.

use std::collections::BTreeSet;

use crate::model::{Category, CategoryId, Item, ItemId, Tracked};
use crate::run::{Run, StepError};
use crate::store::{Page, Select};

/// Edited records that are read at once.
const PAGE: usize = 100;

/// Edited records that were read, and where the next page begins; none after the last.
pub(super) struct Collected<T, Id> {
    pub(super) records: Vec<T>,
    pub(super) next: Option<Page<Id>>,
}

/// The first page.
pub(super) fn first<Id>() -> Page<Id> {
    Page::first(PAGE)
}

/// A page of edited categories, without those that the pull has settled.
pub(super) async fn categories(
    run: &Run<'_>,
    page: Page<CategoryId>,
    settled: &BTreeSet<String>,
) -> Result<Collected<Tracked<Category>, CategoryId>, StepError> {
    let mut records = run.store().categories(run.connection(), Select::Edited(page)).await?;
    let last = records.last().filter(|_| records.len() == PAGE).map(|last| last.record.id.clone());
    records.retain(|category| !settled.contains(category.record.id.as_str()));
    Ok(Collected { records, next: last.map(|last| Page::after(last, PAGE)) })
}

/// A page of edited items, without those that the pull has settled.
pub(super) async fn items(
    run: &Run<'_>,
    page: Page<ItemId>,
    settled: &BTreeSet<String>,
) -> Result<Collected<Tracked<Item>, ItemId>, StepError> {
    let mut records = run.store().items(run.connection(), Select::Edited(page)).await?;
    let last = records.last().filter(|_| records.len() == PAGE).map(|last| last.record.id.clone());
    records.retain(|item| !settled.contains(item.record.id.as_str()));
    Ok(Collected { records, next: last.map(|last| Page::after(last, PAGE)) })
}
