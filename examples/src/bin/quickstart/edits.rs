//! What the host's own people change: a price, a branch's price, a combo.

use std::error::Error;

use mplus_qapi::{
    preparation::{
        ArticleAlterationsGroupType, SaveArticleAlteration, SaveArticleAlterationsGroup,
        SaveArticleAlterationsGroupRequest,
    },
    testkit::Pos,
};
use mplus_sync::{
    Integration,
    model::{ArticleNumber, Combo, ComboChoice, ComboEdit, ComboPart, Item, ItemEdit},
    store::{CatalogEdits, CatalogStore, LocationStore, Page, Select, SqliteStore},
};
use rust_decimal::Decimal;

/// Saves them. The next sync pushes them.
pub(crate) async fn save(
    integration: &Integration,
    store: &SqliteStore,
    pos: &Pos,
) -> Result<(), Box<dyn Error>> {
    let id = integration.connection_id();
    let items = store.items(id, Select::Page(Page::first(50))).await?;
    let article = items.iter().find_map(|item| item.external_ids.mpluskassa).map(ArticleNumber::get);
    let sold: Vec<Item> = items
        .into_iter()
        .map(|item| item.record)
        .filter(|item| item.is_shown() && item.price.is_some() && item.tax_rate.is_some())
        .collect();
    let [edited, other, ..] = &sold[..] else { return Ok(()) };
    let dearer = edited.price.unwrap_or_default() + Decimal::new(25, 2);
    let mut edit = ItemEdit::of(edited.id.clone()).price(dearer);
    if let Some(location) = store.locations(id, Select::Page(Page::first(1))).await?.pop() {
        edit = edit.price_at(location.record.id, dearer + Decimal::new(50, 2));
    }
    let choice = |item: &Item| ComboChoice { item: item.id.clone(), surcharge: Decimal::ZERO };
    let mut combo = Combo::new("quickstart-lunch", "Lunch deal");
    combo.category.clone_from(&edited.category);
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), edited.tax_rate);
    combo.parts = vec![ComboPart {
        number: group_of_choices(pos, article).await?,
        name: "Dish".to_owned(),
        choices: vec![choice(edited), choice(other)],
    }];
    let edits = CatalogEdits {
        items: vec![edit],
        combos: vec![ComboEdit::making(&combo)],
        ..CatalogEdits::default()
    };
    store.save_edits(id, edits, integration.runtime().now()).await?;
    Ok(())
}

/// What a person sets up in the POS's back office before the host can have combos: a group that their choices go into.
async fn group_of_choices(pos: &Pos, article: Option<i64>) -> Result<i32, Box<dyn Error>> {
    let alteration = SaveArticleAlteration {
        sequence_number: 1,
        article_number: article,
        remark: "Dish of the day".to_owned(),
        ..SaveArticleAlteration::default()
    };
    let request = SaveArticleAlterationsGroupRequest {
        description: "Dish".to_owned(),
        article_alterations: vec![alteration].into(),
        group_type: ArticleAlterationsGroupType::Menu,
        ..SaveArticleAlterationsGroupRequest::default()
    };
    let reply = pos.client().call(SaveArticleAlterationsGroup { request }).await?;
    reply.group_number.ok_or_else(|| "the POS made no group".into())
}
