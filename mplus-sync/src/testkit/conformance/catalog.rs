//! Behaviours of the menu's storage.

use chrono::TimeDelta;
use futures_util::future::join_all;
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BtwCode, Category, Characteristic, Checkpoint, Combo, ComboChoice, ComboPart,
    ConnectionId, CourseNumber, Field, Fingerprint, Item, ItemEdit, ItemId, ItemImage, LocationPrice, Marker,
    Modifier, ModifierGroup, ModifierSource, Nutrient, PendingEdit, PosModifierGroup, Presence,
    ProductNumber, Resource, Revision, Tracked, Variant, Version,
};
use crate::store::{CatalogChunk, CatalogEdits, Page, Select, Store, StoreErrorKind};

use super::samples::{item, items, merchant, minute};
use super::{Case, Checked, Unmet, expect, expect_equal, expect_refused};

async fn by_id(store: &dyn Store, id: &str) -> Result<Option<Tracked<Item>>, Unmet> {
    Ok(store.items(&merchant(), Select::Ids(vec![ItemId::from(id)])).await?.pop())
}

pub(super) async fn chunk_with_checkpoint(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let point = Checkpoint::new(Resource::ARTICLES, Marker::new(41));
    let chunk = CatalogChunk { checkpoints: vec![point.clone()], ..items([item("a", 1), item("b", 2)]) };
    store.apply(&merchant(), chunk).await?;
    let again = case.open().await?;
    expect_equal("checkpoints", again.checkpoints(&merchant()).await?, vec![point])?;
    let stored = by_id(&*again, "a").await?;
    expect_equal("the item", stored, Some(Tracked { revision: Revision::new(1), ..item("a", 1) }))
}

pub(super) async fn every_field(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let moment = minute(3) + TimeDelta::microseconds(123_456);
    let version = Version {
        fingerprint: Fingerprint::of("content").map_err(|error| Unmet(error.to_string()))?,
        changed_at: Some(moment),
        marker: Some(Marker::new(i64::MAX)),
    };
    let mut cola = Item::new("cola / 'quoted\" \\ é ✓", "Cola é ✓ ".repeat(1_250));
    cola.category = Some("drinks".into());
    cola.description = Some("line one\nline two\ttab".into());
    cola.price = Some(Decimal::new(2_500, 3));
    cola.location_prices = vec![LocationPrice { location: "beach".into(), price: Decimal::new(-1, 2) }];
    cola.tax_rate = Some(Decimal::new(90, 1));
    cola.btw_code = Some(BtwCode::new(2));
    cola.turnover_group = Some(999);
    cola.variant = Some(Variant { size: Some("L".into()), size_position: Some(3), ..Variant::default() });
    cola.plu = Some("007".into());
    cola.barcodes = vec!["8712345678906".into(), "1".into()];
    cola.position = Some(-4);
    cola.active = false;
    cola.stock_tracked = Some(true);
    cola.course = Some(CourseNumber::new(2));
    cola.minimum_age = Some(18);
    cola.allergens = vec![Characteristic { number: 1, name: "Nuts".into(), presence: Presence::Maybe }];
    cola.diets = vec![Characteristic { number: 2, name: "Vegan".into(), presence: Presence::Absent }];
    cola.nutrients = vec![Nutrient {
        number: 3,
        name: "Sugar".into(),
        value: Decimal::new(106, 1),
        unit: Some("g".into()),
    }];
    let image = |hash: &str, media: Option<&str>, refused: Option<&str>| ItemImage {
        hash: hash.into(),
        name: "cola.png".into(),
        media: media.map(str::to_owned),
        refused: refused.map(str::to_owned),
    };
    cola.images = vec![image("abc", Some("m-1"), None), image("def", None, Some("too large"))];
    cola.modifier_groups = vec!["ice".into(), "straw".into()];
    let mut cola = Tracked::new(cola).linked(ArticleNumber::new(i64::MAX));
    cola.sync.pulled = Some(version.clone());
    cola.sync.pushed = Some(version.clone());
    cola.sync.parts.insert("prices".into(), version.fingerprint);
    cola.edits = [(Field::named("name"), PendingEdit { at: moment, agreed: None })].into_iter().collect();

    let mut drinks = Category::new("drinks", "Drinks");
    drinks.group_numbers = vec![3, 1, 2];
    let drinks = Tracked::new(drinks).linked(ProductNumber::new(5));

    let mut ice = ModifierGroup::new("ice", "Ice");
    ice.maximum = Some(1);
    ice.modifiers = vec![Modifier::new("none", "No ice", 1)];
    let group = PosModifierGroup { source: ModifierSource::PreparationMethod, number: 5 };
    let ice = Tracked::new(ice).linked(group);

    let mut menu = Combo::new("menu", "Menu");
    let choice = ComboChoice { item: "cola".into(), surcharge: Decimal::new(50, 2) };
    menu.parts = vec![ComboPart { number: 1, name: "Drink".into(), choices: vec![choice] }];
    let menu = Tracked::new(menu).linked(ArticleNumber::new(5));

    let chunk = CatalogChunk {
        categories: vec![drinks.clone()],
        items: vec![cola.clone()],
        modifier_groups: vec![ice.clone()],
        combos: vec![menu.clone()],
        checkpoints: Vec::new(),
    };
    store.apply(&merchant(), chunk).await?;

    let first = Revision::new(1);
    let category = store.categories(&merchant(), Select::Page(Page::first(10))).await?;
    expect_equal("the category", category, vec![Tracked { revision: first, ..drinks }])?;
    let found = store.items(&merchant(), Select::Page(Page::first(10))).await?;
    let scale = found.first().and_then(|item| item.record.price).map(|price| price.scale());
    expect_equal("the price's scale", scale, Some(3))?;
    expect_equal("the item", found, vec![Tracked { revision: first, ..cola }])?;
    let groups = store.modifier_groups(&merchant(), Select::PosIds(vec![group])).await?;
    expect_equal("the modifier group", groups, vec![Tracked { revision: first, ..ice }])?;
    let combos = store.combos(&merchant(), Select::Page(Page::first(10))).await?;
    expect_equal("the combo", combos, vec![Tracked { revision: first, ..menu }])
}

pub(super) async fn found_by_both_sides(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let unknown = Tracked::new(Item::new("c", "Not at the POS"));
    store.apply(&merchant(), items([item("a", 1), item("b", 2), unknown])).await?;
    let ids = ["a", "c", "absent", "a"].map(ItemId::from).to_vec();
    let numbers = [2, 3, 2].map(ArticleNumber::new).to_vec();
    let names = |found: Vec<Tracked<Item>>| {
        let mut ids: Vec<String> = found.into_iter().map(|item| item.record.id.into()).collect();
        ids.sort();
        ids
    };
    let found = names(store.items(&merchant(), Select::Ids(ids)).await?);
    expect_equal("by identifier", found, vec!["a".to_owned(), "c".to_owned()])?;
    let found = names(store.items(&merchant(), Select::PosIds(numbers)).await?);
    expect_equal("by number", found, vec!["b".to_owned()])?;
    let found = store.items(&merchant(), Select::Ids(Vec::new())).await?;
    expect("nothing is found when nothing is asked", found.is_empty())
}

pub(super) async fn pages(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let mut names = ["b", "B", "a-1", "a1", "é", "Z", "10", "9", "_", "~"].map(ItemId::from).to_vec();
    let numbered = names.iter().zip(1..).map(|(id, number)| item(id.as_str(), number));
    store.apply(&merchant(), items(numbered)).await?;
    names.sort();
    let mut found: Vec<ItemId> = Vec::new();
    loop {
        let page = Page { after: found.last().cloned(), limit: 3 };
        let rows = store.items(&merchant(), Select::Page(page)).await?;
        let full = rows.len() == 3;
        found.extend(rows.into_iter().map(|row| row.record.id));
        if !full || found.len() > names.len() {
            break;
        }
    }
    expect_equal("all pages together", found, names)
}

pub(super) async fn stale_revision(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1), item("b", 2)])).await?;
    let first = Revision::new(1);
    let renamed = |id: &str, number, revision| {
        let mut row = item(id, number);
        row.record.name = "Renamed".into();
        Tracked { revision, ..row }
    };
    store.apply(&merchant(), items([renamed("a", 1, first)])).await?;
    let chunk = CatalogChunk {
        checkpoints: vec![Checkpoint::new(Resource::ARTICLES, Marker::new(9))],
        categories: vec![Tracked::new(Category::new("new", "New"))],
        ..items([renamed("b", 2, first), renamed("a", 1, first), item("c", 3)])
    };
    let refused = store.apply(&merchant(), chunk).await;
    expect_refused("the stale chunk", refused, StoreErrorKind::Conflict)?;
    let b = by_id(&*store, "b").await?.map(|row| row.record.name);
    expect_equal("the other item's name", b, Some("Item 2".to_owned()))?;
    expect_equal("the new item", by_id(&*store, "c").await?, None)?;
    let categories = store.categories(&merchant(), Select::Page(Page::first(5))).await?;
    expect_equal("the new category", categories, Vec::new())?;
    expect_equal("the checkpoints", store.checkpoints(&merchant()).await?, Vec::new())
}

pub(super) async fn existing_is_not_new(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    let again = store.apply(&merchant(), items([item("a", 1)])).await;
    expect_refused("writing it as new again", again, StoreErrorKind::Conflict)?;
    let gone = Tracked { revision: Revision::new(4), ..item("b", 2) };
    let refused = store.apply(&merchant(), items([gone])).await;
    expect_refused("replacing what is not there", refused, StoreErrorKind::Conflict)?;
    expect_equal("what is not there", by_id(&*store, "b").await?, None)
}

pub(super) async fn number_taken(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("a", 1)])).await?;
    let refused = store.apply(&merchant(), items([item("b", 2), item("c", 1)])).await;
    expect_refused("a second item with the number", refused, StoreErrorKind::Conflict)?;
    expect_equal("the item beside it", by_id(&*store, "b").await?, None)?;
    let category = Tracked::new(Category::new("a", "A")).linked(ProductNumber::new(1));
    let chunk = CatalogChunk { categories: vec![category], ..CatalogChunk::default() };
    store.apply(&merchant(), chunk).await?;
    let unlinked = || Tracked::new(Item::new("d", "D"));
    let other = Tracked::new(Item::new("e", "E"));
    store.apply(&merchant(), items([unlinked(), other])).await?;
    Ok(())
}

pub(super) async fn twice_in_a_chunk(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let refused = store.apply(&merchant(), items([item("a", 1), item("b", 2), item("a", 1)])).await;
    expect_refused("the chunk", refused, StoreErrorKind::Invalid)?;
    let edits = CatalogEdits { items: vec![ItemEdit::of("b").name("B"); 2], ..CatalogEdits::default() };
    let refused = store.save_edits(&merchant(), edits, minute(1)).await;
    expect_refused("the edits", refused, StoreErrorKind::Invalid)?;
    expect_equal("the item", by_id(&*store, "b").await?, None)
}

pub(super) async fn big_chunk(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let many = || (0..5_000).map(|number| item(&format!("i{number:05}"), number));
    store.apply(&merchant(), items(many())).await?;
    let again = many().map(|row| Tracked { revision: Revision::new(1), ..row });
    store.apply(&merchant(), items(again)).await?;
    let numbers = (0..5_000).map(ArticleNumber::new).collect();
    let found = store.items(&merchant(), Select::PosIds(numbers)).await?;
    expect_equal("the number of items", found.len(), 5_000)?;
    expect("each was written twice", found.iter().all(|row| row.revision == Revision::new(2)))
}

pub(super) async fn big_chunk_refused(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let last = || item("z", 5_000);
    store.apply(&merchant(), items([last()])).await?;
    let many = || (0..1_000).map(|number| item(&format!("i{number:05}"), number));
    let refused = store.apply(&merchant(), items(many().chain([last()]))).await;
    expect_refused("new records, of which the last exists", refused, StoreErrorKind::Conflict)?;
    let gone = Tracked { revision: Revision::new(1), ..item("zz", 5_001) };
    let refused = store.apply(&merchant(), items(many().chain([gone]))).await;
    expect_refused("new records, and one that is gone", refused, StoreErrorKind::Conflict)?;
    let found = store.items(&merchant(), Select::Page(Page::first(9))).await?;
    expect("nothing of them is there", found.len() == 1 && found[0].record.id == ItemId::new("z"))
}

pub(super) async fn one_writer_wins(case: &Case<'_>) -> Checked {
    let (one, two) = (case.open().await?, case.open().await?);
    for round in 0..10 {
        let revision = Revision::new(round);
        let writers = (0..6).map(|writer| {
            let store = if writer % 2 == 0 { &one } else { &two };
            let rows = ["a", "b"].map(|id| {
                let mut row = item(id, i64::from(id == "a"));
                row.record.name = format!("writer {writer}");
                Tracked { revision, ..row }
            });
            async move { store.apply(&merchant(), items(rows)).await }
        });
        let mut won = 0;
        for result in join_all(writers).await {
            match result {
                Ok(_) => won += 1,
                Err(error) if error.kind() == StoreErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
            }
        }
        expect_equal("the number of winners", won, 1)?;
        let rows = one.items(&merchant(), Select::Page(Page::first(2))).await?;
        let names: Vec<&str> = rows.iter().map(|row| row.record.name.as_str()).collect();
        expect("both records are of the same writer", names.len() == 2 && names[0] == names[1])?;
    }
    Ok(())
}

pub(super) async fn connections_apart(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let other = ConnectionId::from("other merchant");
    let point = Checkpoint::new(Resource::ARTICLES, Marker::new(1));
    let chunk = CatalogChunk { checkpoints: vec![point], ..items([item("a", 1)]) };
    store.apply(&merchant(), chunk).await?;
    store.apply(&other, items([item("a", 1)])).await?;
    let mine = store.items(&merchant(), Select::Page(Page::first(9))).await?;
    expect_equal("the number of items", mine.len(), 1)?;
    expect_equal("the other's checkpoints", store.checkpoints(&other).await?, Vec::new())?;
    let third = ConnectionId::from("third");
    let none = store.items(&third, Select::PosIds(vec![ArticleNumber::new(1)])).await?;
    expect("a third merchant has nothing", none.is_empty())
}

pub(super) async fn checkpoints_forgotten(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let point = |resource: &Resource, marker| Checkpoint::new(resource.clone(), Marker::new(marker));
    let groups = Resource::PREPARATION_METHOD_GROUPS;
    for marker in [7, 8] {
        let checkpoints = vec![point(&Resource::ARTICLES, marker), point(&groups, marker)];
        store.apply(&merchant(), CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    store.forget_checkpoints(&merchant(), &[Resource::ARTICLES, Resource::RELATIONS]).await?;
    expect_equal("the rest", store.checkpoints(&merchant()).await?, vec![point(&groups, 8)])
}
