//! Behaviours of the host's edits and of pushing them.

use crate::model::{
    ArticleNumber, CategoryEdit, Field, Fingerprint, Item, ItemEdit, ItemId, ProductNumber, Revision,
    SyncState, Tracked, Version,
};
use crate::store::{CatalogEdits, CatalogPushes, Page, Pushed, Select, Store, StoreErrorKind};

use super::samples::{item, items, merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

fn edit(id: &str, name: &str) -> CatalogEdits {
    CatalogEdits { items: vec![ItemEdit::of(id).name(name)], ..CatalogEdits::default() }
}

fn agreed(content: &str) -> Result<SyncState, Unmet> {
    let fingerprint = Fingerprint::of(content).map_err(|error| Unmet(error.to_string()))?;
    let version = Version { fingerprint, changed_at: Some(minute(1)), marker: None };
    Ok(SyncState { pushed: Some(version), ..SyncState::default() })
}

fn pushed(row: &Tracked<Item>, number: i64) -> Result<CatalogPushes, Unmet> {
    let push = Pushed {
        id: row.record.id.clone(),
        sent: Some(row.record.clone()),
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
    let edits =
        CatalogEdits { categories: vec![CategoryEdit::of("drinks").name("Drinks")], ..edit("a", "New") };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    store.save_edits(&merchant(), edit("a", "Newer"), minute(2)).await?;
    let rows = edited(&*store).await?;
    expect_equal("edited items", rows.len(), 1)?;
    expect_equal("when", rows[0].edited_at(), Some(minute(2)))?;
    expect_equal("the number", rows[0].external_ids.mpluskassa, None)?;
    let mut pushes = pushed(&rows[0], 7)?;
    let categories = store.categories(&merchant(), Select::Edited(Page::first(10))).await?;
    pushes.categories = categories
        .into_iter()
        .map(|row| Pushed {
            id: row.record.id.clone(),
            sent: Some(row.record),
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
    expect("the category is pushed", category.len() == 1 && category[0].edits.is_empty())
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
    expect_equal("the edit", row.edited_at(), Some(minute(2)))?;
    let agreed_name = row.edits.get(&Field::named("name")).and_then(|edit| edit.agreed.clone());
    expect_equal("what was agreed", agreed_name.map(|name| name.to_string()), Some("First".to_owned()))?;
    expect_equal("the revision", row.revision, Revision::new(3))?;
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
    row.edits.clear();
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
    let edits = names.iter().map(|id| ItemEdit::of(id.as_str()).name("Edited")).collect();
    let edits = CatalogEdits { items: edits, ..CatalogEdits::default() };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    let first = store.items(&merchant(), Select::Edited(Page::first(4))).await?;
    let last = first.last().map(|row| row.record.id.clone());
    let rest = store.items(&merchant(), Select::Edited(Page { after: last, limit: 4 })).await?;
    expect_equal("the first page", first.len(), 4)?;
    let found: Vec<String> = first.into_iter().chain(rest).map(|row| row.record.id.into()).collect();
    expect_equal("both pages", found, names)
}

pub(super) async fn only_what_is_named(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    let before = only(&*store).await?;
    // The POS raises the price while somebody edits the name in an old form.
    let mut pulled = before.clone();
    pulled.record.price = Some(rust_decimal::Decimal::new(950, 2));
    store.apply(&merchant(), items([pulled])).await?;
    let mut sent = before.record.clone();
    sent.name = "Renamed".into();
    let edits =
        CatalogEdits { items: vec![ItemEdit::between(&before.record, &sent)], ..CatalogEdits::default() };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    let row = only(&*store).await?;
    expect_equal("the price", row.record.price, Some(rust_decimal::Decimal::new(950, 2)))?;
    expect_equal("the name", row.record.name.as_str(), "Renamed")?;
    let fields: Vec<&str> = row.edits.iter().map(|(field, _)| field.as_str()).collect();
    expect_equal("edited fields", fields, vec!["name"])?;
    let agreed = row.edits.get(&Field::named("name")).and_then(|edit| edit.agreed.clone());
    expect_equal("what was agreed", agreed.map(|name| name.to_string()), Some(before.record.name.clone()))?;
    expect_equal("the revision", row.revision, Revision::new(3))
}

pub(super) async fn stale_edits(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1), item("b", 2)])).await?;
    let shown = only(&*store).await?;
    let price = |cents| Some(rust_decimal::Decimal::new(cents, 2));
    let pulled = Tracked { record: Item { price: price(950), ..shown.record.clone() }, ..shown.clone() };
    store.apply(&merchant(), items([pulled])).await?;
    let sent = Item { price: price(800), description: Some("Cold".into()), ..shown.record.clone() };
    let form = ItemEdit::between(&shown.record, &sent);
    let strict = form.clone().expecting(shown.revision);
    let other = ItemEdit::of("b").name("Other");
    let edits = |edits| CatalogEdits { items: edits, ..CatalogEdits::default() };
    let refused = store.save_edits(&merchant(), edits(vec![other, strict]), minute(1)).await;
    expect_refused("an edit of an old revision", refused, StoreErrorKind::Conflict)?;
    expect_equal("edited items", edited(&*store).await?, Vec::new())?;
    let saved = store.save_edits(&merchant(), edits(vec![form]), minute(1)).await?;
    let left_out: Vec<&str> = saved.stale.iter().map(|stale| stale.field.as_str()).collect();
    expect_equal("fields left out", left_out, vec!["price"])?;
    let row = only(&*store).await?;
    expect_equal("the price", row.record.price, price(950))?;
    expect_equal("the description", row.record.description.as_deref(), Some("Cold"))
}

pub(super) async fn hidden_stays(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    let edit = ItemEdit::of("a").hidden(true).price_at("beach", rust_decimal::Decimal::new(310, 2));
    let edits = CatalogEdits { items: vec![edit], ..CatalogEdits::default() };
    store.save_edits(&merchant(), edits, minute(1)).await?;
    let row = only(&*store).await?;
    expect("it is hidden and active", row.record.hidden && row.record.active && !row.record.is_shown())?;
    let beach = Field::price_at(&"beach".into());
    expect("a location's price is a field of its own", row.edits.get(&beach).is_some())
}

pub(super) async fn pushed_raises_revision(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.save_edits(&merchant(), edit("a", "First"), minute(1)).await?;
    let read = only(&*store).await?;
    store.mark_pushed(&merchant(), pushed(&read, 7)?).await?;
    expect_equal("the revision", only(&*store).await?.revision, read.revision.next())?;
    let refused = store.apply(&merchant(), items([read.clone()])).await;
    expect_refused("a pull that read before the push", refused, StoreErrorKind::Conflict)?;
    let number_only = Pushed { sent: None, ..pushed(&read, 7)?.items.remove(0) };
    store.save_edits(&merchant(), edit("a", "Second"), minute(2)).await?;
    let pushes = CatalogPushes { items: vec![number_only], ..CatalogPushes::default() };
    store.mark_pushed(&merchant(), pushes).await?;
    expect_equal("the edit", only(&*store).await?.edited_at(), Some(minute(2)))
}
