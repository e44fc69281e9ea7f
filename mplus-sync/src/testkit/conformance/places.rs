//! Behaviours of the storage of locations, tables and stock.

use rust_decimal::Decimal;

use crate::model::{
    Area, ArticleNumber, BranchNumber, Checkpoint, ConnectionId, Course, CourseNumber, FloorPlan,
    InventoryLevel, ItemId, Location, LocationId, Marker, MissingField, Resource, Revision, SubTable, Table,
    Tracked, Workplace,
};
use crate::store::{Page, Select, StockChunk, StoreErrorKind};

use super::samples::{item, items, merchant, minute};
use super::{Case, Checked, expect_equal, expect_refused};

pub(super) async fn locations(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let mut beach = Location::new("beach", "Beach");
    beach.address.city = Some("Zandvoort".into());
    beach.workplaces = vec![Workplace { number: 1, name: "Till".into() }];
    beach.attributes = [("stripe_customer".into(), "cus_1".into())].into();
    beach.missing = vec![MissingField::Coordinates, MissingField::DeliveryZones];
    beach.vanished = true;
    let beach = Tracked::new(beach).linked(BranchNumber::new(2));
    let city = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
    store.apply_locations(&merchant(), vec![city, beach.clone()]).await?;
    let found = store.locations(&merchant(), Select::PosIds(vec![BranchNumber::new(2)])).await?;
    expect_equal("by branch", found, vec![Tracked { revision: Revision::new(1), ..beach.clone() }])?;
    let all = store.locations(&merchant(), Select::Page(Page::first(10))).await?;
    let names: Vec<&str> = all.iter().map(|row| row.record.id.as_str()).collect();
    expect_equal("all", names, vec!["beach", "city"])?;
    let stale = store.apply_locations(&merchant(), vec![beach]).await;
    expect_refused("a stale location", stale, StoreErrorKind::Conflict)
}

pub(super) async fn floor_plans(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let sub_tables = vec![SubTable { number: 1, name: Some("Window".into()) }];
    let plan = |number| FloorPlan {
        location: "city".into(),
        tables: vec![Table { number, name: None, sub_tables: sub_tables.clone() }],
        areas: vec![Area { plan: 1, name: "Terrace".into(), tables: "1-12".into() }],
        courses: vec![Course { number: CourseNumber::new(1), name: "Starter".into(), abbreviation: None }],
        read_at: minute(1),
    };
    store.save_floor_plan(&merchant(), &plan(1)).await?;
    store.save_floor_plan(&merchant(), &plan(2)).await?;
    let found = store.floor_plan(&merchant(), &LocationId::from("city")).await?;
    expect_equal("the plan", found, Some(plan(2)))?;
    expect_equal("another's", store.floor_plan(&merchant(), &LocationId::from("beach")).await?, None)
}

pub(super) async fn items_of_articles(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items([item("cola", 7), item("soup", 70)])).await?;
    store.apply(&ConnectionId::from("other"), items([item("tea", 8)])).await?;
    let wanted = [7, 8, 70, 700].map(ArticleNumber::new);
    let mut found = store.items_of_articles(&merchant(), &wanted).await?;
    found.sort();
    let linked = |number, id: &str| (ArticleNumber::new(number), ItemId::from(id));
    expect_equal("the items", found, vec![linked(7, "cola"), linked(70, "soup")])
}

fn level(location: &str, item: &str, amount: Decimal) -> InventoryLevel {
    InventoryLevel {
        location: location.into(),
        item: item.into(),
        amount,
        day_stock: item == "soup",
        changed_at: minute(1),
    }
}

pub(super) async fn stock_with_checkpoint(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let levels = vec![
        level("city", "cola", Decimal::new(-12_500, 3)),
        level("city", "soup", Decimal::ZERO),
        level("beach", "cola", Decimal::from(3)),
    ];
    let point = Checkpoint::new(Resource::stock(BranchNumber::new(1)), Marker::new(77));
    let chunk =
        StockChunk { levels: levels.clone(), checkpoints: vec![point.clone()], ..StockChunk::default() };
    store.apply_stock(&merchant(), chunk).await?;
    let store = case.open().await?;
    let asked = ["cola", "absent"].map(ItemId::from);
    let found = store.levels_of(&merchant(), &LocationId::from("city"), &asked).await?;
    let scale = found.first().map(|level| level.amount.scale());
    expect_equal("the amount's scale", scale, Some(3))?;
    expect_equal("the level", found, vec![levels[0].clone()])?;
    expect_equal("the checkpoint", store.checkpoints(&merchant()).await?, vec![point])
}

pub(super) async fn stock_stays(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let city = LocationId::from("city");
    let levels = vec![level("city", "cola", Decimal::ONE), level("city", "soup", Decimal::TWO)];
    store.apply_stock(&merchant(), StockChunk { levels, ..StockChunk::default() }).await?;
    let levels = vec![level("city", "cola", Decimal::TEN)];
    store.apply_stock(&merchant(), StockChunk { levels, ..StockChunk::default() }).await?;
    let found = store.levels(&merchant(), &city, Page::first(10)).await?;
    let amounts: Vec<Decimal> = found.iter().map(|level| level.amount).collect();
    expect_equal("the amounts", amounts, vec![Decimal::TEN, Decimal::TWO])?;
    // One is taken away beside what is written, and one that never was there.
    let chunk = StockChunk {
        levels: vec![level("city", "soup", Decimal::ONE), level("beach", "cola", Decimal::ONE)],
        gone: ["cola", "absent"].map(|item| (city.clone(), ItemId::from(item))).into(),
        ..StockChunk::default()
    };
    store.apply_stock(&merchant(), chunk).await?;
    let store = case.open().await?;
    let found = store.levels(&merchant(), &city, Page::first(10)).await?;
    expect_equal("the levels that are left", found, vec![level("city", "soup", Decimal::ONE)])?;
    let beach = store.levels(&merchant(), &LocationId::from("beach"), Page::first(10)).await?;
    expect_equal("the other location's level", beach.len(), 1)
}

pub(super) async fn stock_pages(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    let everywhere = (0..2_500).flat_map(|number| {
        ["beach", "city"].map(|at| level(at, &format!("i{number:04}"), Decimal::from(number)))
    });
    store
        .apply_stock(&merchant(), StockChunk { levels: everywhere.collect(), ..StockChunk::default() })
        .await?;
    let mut found: Vec<InventoryLevel> = Vec::new();
    loop {
        let page = Page { after: found.last().map(|level| level.item.clone()), limit: 1_000 };
        let rows = store.levels(&merchant(), &LocationId::from("city"), page).await?;
        let full = rows.len() == 1_000;
        found.extend(rows);
        if !full || found.len() > 2_500 {
            break;
        }
    }
    let wanted = (0..2_500).map(|number| level("city", &format!("i{number:04}"), Decimal::from(number)));
    expect_equal("all pages together", found, wanted.collect())
}
