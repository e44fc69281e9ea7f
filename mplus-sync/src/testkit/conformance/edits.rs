//! Behaviours of the host's edits and of pushing them.

use crate::model::{
    ArticleNumber, Category, Fingerprint, Item, ItemId, ProductNumber, SyncState, Tracked, Version,
};
use crate::store::{CatalogEdits, CatalogPushes, Page, Pushed, Select, Store, StoreErrorKind};

use super::samples::{item, items, merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn edit(id: &str, name: &str) -> CatalogEdits {
    CatalogEdits { items: vec![Item::new(id, name)], ..CatalogEdits::default() }
}

fn agreed(content: &str) -> Result<SyncState, Unmet> {
    let fingerprint = Fingerprint::of(content).map_err(|error| Unmet(error.to_string()))?;
    let version = Version { fingerprint, changed_at: Some(minute(1)), marker: None };
    Ok(SyncState { pushed: Some(version), ..SyncState::default() })
}

fn pushed(row: &Tracked<Item>, number: i64) -> Result<CatalogPushes, Unmet> {
    let push = Pushed {
        id: row.record.id.clone(),
        revision: row.revision,
        number: ArticleNumber::new(number),
        sync: agreed(&row.record.name)?,
    };
    Ok(CatalogPushes { items: vec![push], ..CatalogPushes::default() })
}

async fn edited(store: &dyn Store) -> Result<Vec<Tracked<Item>>, Unmet> {
    Ok(store.items(&merchant(), Select::Edited(Page::first(10))).await?)
}

async fn only(store: &dyn Store) -> Result<Tracked<Item>, Unmet> {
    let rows = store.items(&merchant(), Select::Page(Page::first(10))).await?;
    rows.into_iter().next().ok_or_else(|| Unmet("the item is gone".into()))
}

pub(super) async fn pending_until_pushed(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let edits = CatalogEdits { categories: vec![Category::new("drinks", "Drinks")], ..edit("a", "New") };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    store.save_edits(&merchant(), edit("a", "Newer"), minute(2)).await?;
    let rows = edited(&*store).await?;
    expect_equal("edited items", rows.len(), 1)?;
    expect_equal("when", rows[0].edited_at, Some(minute(2)))?;
    expect_equal("the number", rows[0].external_ids.mpluskassa, None)?;
    let mut pushes = pushed(&rows[0], 7)?;
    let categories = store.categories(&merchant(), Select::Edited(Page::first(10))).await?;
    pushes.categories = categories
        .into_iter()
        .map(|row| Pushed {
            id: row.record.id,
            revision: row.revision,
            number: ProductNumber::new(3),
            sync: SyncState::default(),
        })
        .collect();
    store.mark_pushed(&merchant(), pushes).await?;
    expect_equal("edited items afterwards", edited(&*store).await?, Vec::new())?;
    let found = store.items(&merchant(), Select::PosIds(vec![ArticleNumber::new(7)])).await?;
    expect_equal("items with the number", found.len(), 1)?;
    expect_equal("the sync state", found[0].sync.clone(), agreed("Newer")?)?;
    let category = store.categories(&merchant(), Select::PosIds(vec![ProductNumber::new(3)])).await?;
    expect("the category is pushed", category.len() == 1 && category[0].edited_at.is_none())
}

pub(super) async fn edit_keeps_number(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let row = Tracked { sync: agreed("old")?, ..item("a", 1) };
    store.apply(&merchant(), items([row])).await?;
    store.save_edits(&merchant(), edit("a", "Edited"), minute(1)).await?;
    let row = only(&*store).await?;
    expect_equal("the name", row.record.name.as_str(), "Edited")?;
    expect_equal("the number", row.external_ids.mpluskassa, Some(ArticleNumber::new(1)))?;
    expect_equal("the sync state", row.sync, agreed("old")?)
}

pub(super) async fn edit_during_push(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.save_edits(&merchant(), edit("a", "First"), minute(1)).await?;
    let first = only(&*store).await?;
    store.save_edits(&merchant(), edit("a", "Second"), minute(2)).await?;
    store.mark_pushed(&merchant(), pushed(&first, 7)?).await?;
    let row = only(&*store).await?;
    expect_equal("the edit", row.edited_at, Some(minute(2)))?;
    expect_equal("the name", row.record.name.as_str(), "Second")?;
    expect_equal("the number", row.external_ids.mpluskassa, Some(ArticleNumber::new(7)))?;
    expect_equal("what was pushed", row.sync.clone(), agreed("First")?)?;
    store.mark_pushed(&merchant(), pushed(&row, 7)?).await?;
    expect_equal("edited items", edited(&*store).await?, Vec::new())
}

pub(super) async fn edit_during_pull(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    let read = only(&*store).await?;
    store.save_edits(&merchant(), edit("a", "Edited"), minute(1)).await?;
    let refused = store.apply(&merchant(), items([read])).await;
    expect_refused("the pull", refused, StoreErrorKind::Conflict)?;
    expect_equal("the name", only(&*store).await?.record.name.as_str(), "Edited")
}

pub(super) async fn pull_settles_edit(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    store.save_edits(&merchant(), edit("a", "Edited"), minute(1)).await?;
    let mut row = only(&*store).await?;
    row.record.name = "From the POS".into();
    row.edited_at = None;
    store.apply(&merchant(), items([row])).await?;
    expect_equal("edited items", edited(&*store).await?, Vec::new())?;
    expect_equal("the name", only(&*store).await?.record.name.as_str(), "From the POS")
}

pub(super) async fn pushed_absent(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.save_edits(&merchant(), edit("a", "New"), minute(1)).await?;
    store.apply(&merchant(), items([item("taken", 9)])).await?;
    let rows = edited(&*store).await?;
    let mut pushes = pushed(&rows[0], 7)?;
    pushes.items.push(Pushed { id: ItemId::from("absent"), ..pushes.items[0].clone() });
    pushes.items[1].number = ArticleNumber::new(8);
    let refused = store.mark_pushed(&merchant(), pushes).await;
    expect_refused("an absent item", refused, StoreErrorKind::NotFound)?;
    expect_equal("edited items", edited(&*store).await?, rows.clone())?;
    let refused = store.mark_pushed(&merchant(), pushed(&rows[0], 9)?).await;
    expect_refused("a number that is taken", refused, StoreErrorKind::Conflict)?;
    expect_equal("edited items", edited(&*store).await?, rows)
}

pub(super) async fn edited_pages(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items((0..20).map(|number| item(&format!("i{number:02}"), number)))).await?;
    let names: Vec<String> = (0..20).step_by(3).map(|number| format!("i{number:02}")).collect();
    let edits = names.iter().map(|id| Item::new(id.as_str(), "Edited")).collect();
    let edits = CatalogEdits { items: edits, ..CatalogEdits::default() };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    let first = store.items(&merchant(), Select::Edited(Page::first(4))).await?;
    let last = first.last().map(|row| row.record.id.clone());
    let rest = store.items(&merchant(), Select::Edited(Page { after: last, limit: 4 })).await?;
    expect_equal("the first page", first.len(), 4)?;
    let found: Vec<String> = first.into_iter().chain(rest).map(|row| row.record.id.into()).collect();
    expect_equal("both pages", found, names)
}
