//! Calls that make something at the POS and get no clear answer: nothing is made twice, in the same run or in the next.

use std::time::Duration;

use chrono::TimeDelta;
use mplus_qapi::testkit::{Dialect, Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{
    Category, CategoryEdit, CategoryId, Combo, ComboChoice, ComboEdit, ComboPart, Item, ItemEdit, ItemId,
    LocationId,
};
use mplus_sync::report::RunReport;
use mplus_sync::store::CatalogEdits;
use mplus_sync::sync::RunOptions;

use crate::support::{Doctored, Merchant};

/// How long the POS is at work: longer than the client waits.
const AT_WORK: Duration = Duration::from_secs(150);

fn new_item(id: &str, category: &CategoryId) -> ItemEdit {
    let mut item = Item::new(id, format!("Dish {id}"));
    item.category = Some(category.clone());
    (item.price, item.tax_rate) = (Some(Decimal::new(1250, 2)), Some(9.into()));
    ItemEdit::overwriting(&item)
}

/// A combo of a dish that the POS has, in this category.
async fn combo(merchant: &Merchant, category: &CategoryId) -> ComboEdit {
    let mut combo = Combo::new("lunch", "Lunch deal");
    combo.category = Some(category.clone());
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choices =
        vec![ComboChoice { item: merchant.item("Dame blanche").await.record.id, surcharge: Decimal::ZERO }];
    combo.parts = vec![ComboPart { number: 23, name: "Dessert".to_owned(), choices }];
    ComboEdit::overwriting(&combo)
}

/// The host has a new category, with so many items and a combo.
async fn specials(merchant: &Merchant, items: usize) {
    let category = Category::new("specials", "Specials");
    let edits = CatalogEdits {
        categories: vec![CategoryEdit::making(&category)],
        items: (0..items).map(|item| new_item(&format!("s-{item}"), &category.id)).collect(),
        combos: vec![combo(merchant, &category.id).await],
    };
    save(merchant, edits).await;
}

async fn save(merchant: &Merchant, edits: CatalogEdits) {
    merchant.store.save_edits(&Merchant::id(), edits, merchant.pos.now()).await.unwrap();
}

async fn sync(integration: &Integration) -> RunReport {
    integration.sync_menu(&RunOptions::manual()).await
}

/// Syncs every half minute, on both clocks.
async fn sync_for(merchant: &Merchant, integration: &Integration, minutes: i32) {
    for _ in 0..minutes * 2 {
        merchant.runtime.pass(TimeDelta::seconds(30));
        merchant.pos.pass(Duration::from_secs(30));
        sync(integration).await;
    }
}

/// Every new item and the combo have an article of their own, all of them in one product, and no edit waits.
async fn assert_made_once(merchant: &Merchant, items: usize) {
    let products: Vec<_> = merchant
        .pos
        .products()
        .into_iter()
        .filter(|product| {
            let of_host = |id: &str| id.starts_with("s-") || id == "lunch";
            product.article_list.iter().any(|article| article.ext_article_id.as_deref().is_some_and(of_host))
        })
        .collect();
    assert_eq!(products.len(), 1, "{:?}", products.iter().map(|one| &one.description).collect::<Vec<_>>());
    let mut named: Vec<_> =
        products[0].article_list.iter().filter_map(|article| article.ext_article_id.clone()).collect();
    named.retain(|id| !id.is_empty());
    named.sort();
    let mut wanted: Vec<_> = (0..items).map(|item| format!("s-{item}")).chain(["lunch".to_owned()]).collect();
    wanted.sort();
    assert_eq!(named, wanted);
    let waiting = merchant.items().await.into_iter().filter(|item| !item.edits.is_empty()).count();
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn a_product_whose_answer_was_lost_is_made_once_however_many_items_and_combos_want_it() {
    // More items than are read at once.
    let items = 230;
    for fault in [Fault::ResetAfter, Fault::TimeoutAfter, Fault::Truncated] {
        let (merchant, integration) = Merchant::synced().await;
        specials(&merchant, items).await;
        merchant.pos.faults().script_for("createProduct", [fault]);
        let report = sync(&integration).await;
        assert_eq!(merchant.pos.requests().count("createProduct"), 1, "{fault:?}: {report}");
        assert!(report.failures.total > 200 && report.worth_repeating, "each that waits is told: {report}");
        sync(&integration).await;
        sync(&integration).await;
        assert_eq!(merchant.pos.requests().count("createProduct"), 1, "{fault:?}");
        assert_made_once(&merchant, items).await;
    }
}

#[tokio::test]
async fn an_answer_without_the_products_number_makes_it_once() {
    let (merchant, _) = Merchant::synced().await;
    specials(&merchant, 3).await;
    let numberless = Doctored::new(&merchant.pos, "createProduct", |answer| {
        let begin = answer.find("productNumber>").unwrap() + "productNumber>".len();
        let end = begin + answer[begin..].find('<').unwrap();
        format!("{}0{}", &answer[..begin], &answer[end..])
    });
    let integration = merchant.open_doctored(numberless).await;
    for _ in 0..3 {
        sync(&integration).await;
    }
    assert_eq!(merchant.pos.requests().count("createProduct"), 1);
    assert_made_once(&merchant, 3).await;
}

#[tokio::test]
async fn what_the_pos_is_still_at_work_on_is_not_made_again_by_the_runs_meanwhile() {
    for (operation, is_new) in [("createProduct", true), ("updateProduct", false)] {
        let (merchant, integration) = Merchant::synced().await;
        specials(&merchant, if is_new { 2 } else { 1 }).await;
        if !is_new {
            sync(&integration).await;
            let edits =
                CatalogEdits { items: vec![new_item("s-1", &"specials".into())], ..Default::default() };
            save(&merchant, edits).await;
        }
        merchant.pos.faults().script_for(operation, [Fault::Late { after: AT_WORK }]);
        sync(&integration).await;
        sync_for(&merchant, &integration, 8).await;
        assert_made_once(&merchant, 2).await;
    }
}

#[tokio::test]
async fn what_never_reached_the_pos_is_made_in_the_end_and_at_once_when_that_is_known() {
    let made = |merchant: &Merchant| merchant.pos.requests().carried_out("createProduct");
    let (merchant, integration) = Merchant::synced().await;
    specials(&merchant, 2).await;
    merchant.pos.faults().script_for("createProduct", [Fault::ResetBefore]);
    sync(&integration).await;
    sync(&integration).await;
    assert_eq!(made(&merchant), 0, "the POS may be at work on it");
    sync_for(&merchant, &integration, 4).await;
    assert_made_once(&merchant, 2).await;

    let (merchant, integration) = Merchant::synced().await;
    specials(&merchant, 2).await;
    merchant.pos.faults().script_for("createProduct", [Fault::Refused; 12]);
    sync(&integration).await;
    merchant.pos.faults().clear();
    assert_eq!(made(&merchant), 0);
    sync(&integration).await;
    assert_made_once(&merchant, 2).await;
}

#[tokio::test]
async fn an_edit_of_an_article_that_is_there_goes_while_a_new_one_of_its_product_waits() {
    let (merchant, integration) = Merchant::synced().await;
    let dish = merchant.item("Dame blanche").await.record;
    let category = dish.category.unwrap();
    save(&merchant, CatalogEdits { items: vec![new_item("s-0", &category)], ..Default::default() }).await;
    merchant.pos.faults().script_for("updateProduct", [Fault::Late { after: AT_WORK }]);
    sync(&integration).await;
    let edit = ItemEdit::of(dish.id).price(Decimal::new(1111, 2));
    let now = merchant.pos.now() + TimeDelta::hours(1);
    let edits = CatalogEdits { items: vec![edit], ..CatalogEdits::default() };
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
    let report = sync(&integration).await;
    let price = merchant.pos.article(merchant.article("Dame blanche")).unwrap().price_incl;
    assert_eq!(price, Some(Decimal::new(1111, 2)), "{report}");
    sync_for(&merchant, &integration, 8).await;
    let is_it = |id: &Option<String>| id.as_deref() == Some("s-0");
    let products = merchant.pos.products();
    let articles = products.iter().flat_map(|product| product.article_list.iter());
    assert_eq!(articles.filter(|article| is_it(&article.ext_article_id)).count(), 1);
    let waiting = merchant.items().await.into_iter().find(|item| item.record.id == ItemId::from("s-0"));
    assert!(waiting.unwrap().edits.is_empty());
}

#[tokio::test]
async fn the_branch_price_of_a_new_item_goes_though_its_number_came_late_or_its_answer_was_lost() {
    for (reading, fault) in [("numbers-late", None), ("", Some(Fault::ResetAfter))] {
        let merchant = Merchant::new(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap()));
        let integration = merchant.connect().await;
        sync(&integration).await;
        let category = merchant.item("Dame blanche").await.record.category.unwrap();
        let (utrecht, own) = (LocationId::from("mpluskassa-2"), Decimal::new(1310, 2));
        let edits = vec![new_item("s-0", &category).price_at(utrecht.clone(), own)];
        save(&merchant, CatalogEdits { items: edits, ..Default::default() }).await;
        merchant.pos.faults().script_for("updateProduct", fault);
        for _ in 0..3 {
            sync(&integration).await;
        }
        let held = merchant.item("Dish s-0").await;
        assert_eq!((held.record.price_at(&utrecht), held.edits.is_empty()), (Some(own), true), "{reading}");
        let number = held.external_ids.mpluskassa.unwrap().get();
        let line = merchant.pos.branch_lines().into_iter().find(|line| line.article_number == number);
        assert_eq!(line.unwrap().sales_price_incl.map(Decimal::from), Some(own), "{reading}");
    }
}
