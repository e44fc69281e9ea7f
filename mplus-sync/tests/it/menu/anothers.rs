//! Articles that somebody else gave an identifier which a record of the host's has, too: none of them becomes that record.

use std::time::Duration;

use mplus_qapi::products::{Article, CreateProduct, GetProducts, Product};
use mplus_qapi::testkit::Fault;
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{
    ArticleNumber, Category, CategoryEdit, CategoryId, Combo, ComboChoice, ComboEdit, ComboPart, Item,
    ItemEdit,
};
use mplus_sync::report::RunReport;
use mplus_sync::store::{CatalogEdits, Page, Select};
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

const DISH: &str = "Dame blanche";
const OWN: &str = "1001";

/// A merchant that has pulled nothing yet, at a POS where a former web shop calls a dish 1001.
async fn with_former_web_shop() -> (Merchant, Integration) {
    let merchant = Merchant::new(mplus_qapi::testkit::Pos::brasserie());
    let integration = merchant.connect().await;
    let number = merchant.article(DISH);
    assert!(merchant.pos.change_article(number, |article| article.ext_article_id = Some(OWN.to_owned())));
    (merchant, integration)
}

/// The host's own dish of that identifier.
fn own(name: &str, category: &CategoryId) -> ItemEdit {
    let mut item = Item::new(OWN, name);
    item.category = Some(category.clone());
    (item.price, item.tax_rate) = (Some(Decimal::new(1250, 2)), Some(9.into()));
    ItemEdit::making(&item)
}

/// The host has a new category with its own dish.
async fn with_own_dish(merchant: &Merchant, name: &str) {
    let category = Category::new("specials", "Specials");
    let items = vec![own(name, &category.id)];
    let categories = vec![CategoryEdit::making(&category)];
    save(merchant, CatalogEdits { categories, items, ..CatalogEdits::default() }).await;
}

async fn save(merchant: &Merchant, edits: CatalogEdits) {
    merchant.store.save_edits(&Merchant::id(), edits, merchant.pos.now()).await.unwrap();
}

async fn sync(integration: &Integration) -> RunReport {
    integration.sync_menu(&RunOptions::manual()).await
}

/// Which article the host's own dish is.
async fn linked(merchant: &Merchant) -> Option<ArticleNumber> {
    let items = merchant.items().await;
    items.into_iter().find(|item| item.record.id.as_str() == OWN).unwrap().external_ids.mpluskassa
}

fn is_told(report: &RunReport) -> bool {
    report.manual_actions.first.iter().any(|note| note.message.contains("was not made for it"))
}

#[tokio::test]
async fn an_article_with_the_identifier_of_a_dish_that_was_never_sent_is_a_dish_of_its_own_and_a_person_is_told()
 {
    let (merchant, integration) = with_former_web_shop().await;
    let number = ArticleNumber::new(merchant.article(DISH));
    with_own_dish(&merchant, "Pea soup").await;
    for _ in 0..2 {
        let report = sync(&integration).await;
        assert!(is_told(&report), "{report}");
        assert_eq!(linked(&merchant).await, None);
        assert_eq!(merchant.item(DISH).await.external_ids.mpluskassa, Some(number));
        let specials = merchant.categories().await.into_iter().find(|one| one.record.name == "Specials");
        assert_eq!(specials.unwrap().external_ids.mpluskassa, None, "nor is its product the category");
    }
    let article = merchant.pos.article(number.get()).unwrap();
    assert_eq!(
        (article.description.as_deref(), article.price_incl),
        (Some(DISH), Some(Decimal::new(850, 2)))
    );
    assert_eq!(merchant.pos.requests().count("createProduct"), 0);

    merchant.pos.change_article(number.get(), |article| article.ext_article_id = None);
    let report = sync(&integration).await;
    assert!(!is_told(&report), "{report}");
    let made = linked(&merchant).await.unwrap();
    assert_ne!(made, number);
    assert_eq!(merchant.pos.article(made.get()).unwrap().description.as_deref(), Some("Pea soup"));
}

#[tokio::test]
async fn one_that_both_sides_call_the_same_is_that_dish() {
    let (merchant, integration) = with_former_web_shop().await;
    with_own_dish(&merchant, DISH).await;
    let report = sync(&integration).await;
    assert!(!is_told(&report), "{report}");
    assert_eq!(linked(&merchant).await, Some(ArticleNumber::new(merchant.article(DISH))));
    let called = merchant.items().await.into_iter().filter(|item| item.record.name == DISH).count();
    assert_eq!(called, 1);
}

#[tokio::test]
async fn it_keeps_what_the_host_said_nothing_of_and_its_product_is_not_the_category() {
    let (merchant, integration) = with_former_web_shop().await;
    let number = merchant.article(DISH);
    merchant.pos.change_article(number, |article| {
        (article.plu_number, article.barcode) = (Some("77".to_owned()), Some("871".to_owned()));
        (article.age_check_minimum_age, article.extra_text) = (Some(18), Some("With cherries".to_owned()));
    });
    let products = async || merchant.pos.client().call(GetProducts::default()).await.unwrap().product_list;
    let has_it =
        |product: &&Product| product.article_list.iter().any(|one| one.article_number == Some(number));
    let before = products().await.iter().find(has_it).unwrap().clone();
    merchant.pos.pass(Duration::from_mins(1));
    with_own_dish(&merchant, DISH).await;
    for _ in 0..2 {
        let report = sync(&integration).await;
        let article = merchant.pos.article(number).unwrap();
        let kept = (article.plu_number.as_deref(), article.barcode.as_deref(), article.extra_text.as_deref());
        assert_eq!(kept, (Some("77"), Some("871"), Some("With cherries")), "{report}");
        assert_eq!(article.age_check_minimum_age, Some(18), "{report}");
        assert_eq!(article.price_incl, Some(Decimal::new(1250, 2)), "what the host said goes: {report}");
        let item = merchant.item(DISH).await.record;
        assert_eq!((item.plu.as_deref(), item.minimum_age), (Some("77"), Some(18)), "{report}");
        let after = products().await;
        let same = after.iter().find(|product| product.product_number == before.product_number);
        assert!(same.is_none_or(|same| same.description == before.description), "{report}");
        let specials = merchant.categories().await.into_iter().find(|one| one.record.name == "Specials");
        let specials = specials.unwrap().external_ids.mpluskassa.map(|number| number.get());
        assert!(specials.is_none() || specials != before.product_number, "{report}");
    }
}

#[tokio::test]
async fn a_dish_whose_making_never_left_was_not_sent() {
    let (merchant, integration) = Merchant::synced().await;
    let category = merchant.item(DISH).await.record.category.unwrap();
    save(&merchant, CatalogEdits { items: vec![own("Pea soup", &category)], ..Default::default() }).await;
    merchant.pos.faults().script_for("updateProduct", [Fault::Refused; 10]);
    sync(&integration).await;
    assert!(merchant.pos.faults().injected() > 0);
    merchant.pos.faults().clear();
    let theirs = Article {
        ext_article_id: Some(OWN.to_owned()),
        description: Some("Bitter lemon".to_owned()),
        price_incl: Some(Decimal::new(350, 2)),
        vat_code: Some(2),
        turnover_group: Some(1),
        active: Some(true),
        ..Article::default()
    };
    let description = Some("Lemonade".to_owned());
    let product = Product { description, article_list: vec![theirs].into(), ..Product::default() };
    merchant.pos.client().call(CreateProduct { product }).await.unwrap();
    let report = sync(&integration).await;
    assert_eq!(linked(&merchant).await, None, "{report}");
    assert!(is_told(&report), "{report}");
}

#[tokio::test]
async fn a_dish_that_was_sent_is_found_though_it_is_called_otherwise_by_now() {
    for fault in [Fault::ResetAfter, Fault::TimeoutAfter] {
        let (merchant, integration) = Merchant::synced().await;
        with_own_dish(&merchant, "Pea soup").await;
        merchant.pos.faults().script_for("createProduct", [fault]);
        sync(&integration).await;
        let renamed =
            CatalogEdits { items: vec![ItemEdit::of(OWN).name("Soup of the day")], ..Default::default() };
        save(&merchant, renamed).await;
        sync(&integration).await;
        assert_eq!(merchant.pos.requests().count("createProduct"), 1, "{fault:?}");
        let number = linked(&merchant).await.unwrap();
        assert_eq!(
            merchant.pos.article(number.get()).unwrap().ext_article_id.as_deref(),
            Some(OWN),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn it_keeps_none_of_the_other_new_dishes_of_its_category_back_and_no_combo_takes_it_either() {
    let (merchant, integration) = with_former_web_shop().await;
    sync(&integration).await;
    let dish = merchant.item(DISH).await.record;
    let category = dish.category.clone().unwrap();
    let mut other = Item::new("1002", "Bean soup");
    other.category = Some(category.clone());
    (other.price, other.tax_rate) = (Some(Decimal::new(950, 2)), Some(9.into()));
    let mut combo = Combo::new(OWN, "Lunch");
    combo.category = Some(category.clone());
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choices = vec![ComboChoice { item: dish.id, surcharge: Decimal::ZERO }];
    combo.parts = vec![ComboPart { number: 23, name: "Dessert".to_owned(), choices }];
    let items = vec![own("Pea soup", &category), ItemEdit::making(&other)];
    save(&merchant, CatalogEdits { items, combos: vec![ComboEdit::making(&combo)], ..Default::default() })
        .await;
    let report = sync(&integration).await;
    assert_eq!((is_told(&report), report.manual_actions.total), (true, 2), "{report}");
    assert!(merchant.item("Bean soup").await.external_ids.mpluskassa.is_some(), "{report}");
    let combos = merchant.store.combos(&Merchant::id(), Select::Page(Page::first(10))).await.unwrap();
    assert_eq!((linked(&merchant).await, combos[0].external_ids.mpluskassa), (None, None));
    let article = merchant.pos.article(merchant.article(DISH)).unwrap();
    assert_eq!(article.price_incl, Some(Decimal::new(850, 2)));
}
