//! Behaviours of rows that cannot be read. They need a factory that can [spoil](super::StoreFactory::spoil) one.

use chrono::TimeDelta;

use crate::model::{ArticleNumber, ItemEdit};
use crate::store::{CatalogEdits, ClaimRequest, Page, Select, StoreErrorKind};

use super::samples::{item, items, merchant, minute, order, table_order};
use super::{Case, Checked, Spoil, expect, expect_equal, expect_refused};

pub(super) async fn order_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    for number in ["1", "2"] {
        store.enqueue(&merchant(), &order(number), minute(0)).await?;
    }
    for number in ["3", "4"] {
        store.enqueue(&merchant(), &table_order(number, 7), minute(0)).await?;
    }
    let spoiled = [Spoil::Order("1".into()), Spoil::Order("3".into())];
    for spoil in &spoiled {
        if !case.spoil(spoil).await? {
            return Ok(());
        }
    }
    let mut claimed = Vec::new();
    for minutes in 1..4 {
        let now = minute(minutes);
        let request = ClaimRequest::new("w".into(), 4, now + TimeDelta::minutes(60));
        claimed.extend(store.claim(&request, now).await?.into_iter().map(|entry| entry.order.number));
    }
    claimed.sort();
    expect_equal("the neighbours", claimed, vec!["2".into(), "4".into()])?;
    let listed = store.unreadable(&merchant()).await?;
    let named: Vec<(&str, &str)> = listed.iter().map(|one| (one.kind.as_str(), one.id.as_str())).collect();
    expect_equal("what is named", named, vec![("order", "1"), ("order", "3")])?;
    let read = store.entry(&merchant(), &"1".into()).await;
    expect_refused("reading it", read, StoreErrorKind::Corrupt)?;
    case.mend(&spoiled[0]).await?;
    store.requeue(&merchant(), &"1".into(), minute(5)).await?;
    let again = store.claim(&ClaimRequest::new("w".into(), 4, minute(60)), minute(5)).await?;
    expect_equal("after it was mended", again.iter().map(|entry| &entry.order).collect(), vec![&order("1")])
}

pub(super) async fn item_parked(case: &Case<'_>) -> Checked {
    let store = case.open().await?;
    store.apply(&merchant(), items((1..5).map(|number| item(&format!("i{number}"), number)))).await?;
    let spoil = Spoil::Item("i2".into());
    if !case.spoil(&spoil).await? {
        return Ok(());
    }
    let page = store.items(&merchant(), Select::Page(Page::first(2))).await?;
    let ids: Vec<&str> = page.iter().map(|row| row.record.id.as_str()).collect();
    expect_equal("a full page without it", ids, vec!["i1", "i3"])?;
    let numbers = Select::PosIds((1..5).map(ArticleNumber::new).collect());
    expect_equal("by their numbers", store.items(&merchant(), numbers).await?.len(), 3)?;
    let listed = store.unreadable(&merchant()).await?;
    let named: Vec<(&str, &str)> = listed.iter().map(|one| (one.kind.as_str(), one.id.as_str())).collect();
    expect_equal("what is named", named, vec![("item", "i2")])?;
    // A pull takes the article for a new one, under whatever identifier.
    let chunk = items([item("i2", 2), item("i9", 9)]);
    let applied = store.apply(&merchant(), chunk).await?;
    let parked: Vec<&str> = applied.parked.iter().map(|one| one.id.as_str()).collect();
    expect_equal("left out of a chunk", parked, vec!["i2"])?;
    let applied = store.apply(&merchant(), items([item("another", 2), item("i10", 10)])).await?;
    expect_equal("left out by its number", applied.parked.len(), 1)?;
    let written =
        store.items(&merchant(), Select::Ids(vec!["i9".into(), "i10".into(), "another".into()])).await?;
    expect_equal("its neighbours are written", written.len(), 2)?;
    let edit = CatalogEdits { items: vec![ItemEdit::of("i2").name("New")], ..CatalogEdits::default() };
    let edited = store.save_edits(&merchant(), edit, minute(1)).await;
    expect_refused("editing it", edited, StoreErrorKind::Corrupt)?;
    case.mend(&spoil).await?;
    let mended = store.items(&merchant(), Select::Ids(vec!["i2".into()])).await?;
    expect("nothing has overwritten it", mended.len() == 1 && mended[0].record == item("i2", 2).record)
}
