//! Edits of which the POS cannot be told: a person is, and the host's wish is not lost.

use mplus_qapi::testkit::{Dialect, Pos};
use mplus_qapi::types::{ArticleSpecialPrice, Course, CourseType, NutritionalCharacteristicPresence};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{
    BtwCode, Category, CategoryEdit, Characteristic, Combo, ComboChoice, ComboEdit, ComboPart, CourseNumber,
    Field, Item, ItemEdit, LocationId, Presence, Resource,
};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::store::{CatalogEdits, Page, Select};
use mplus_sync::sync::RunOptions;

use crate::support::{Doctored, Merchant};

const DISH: &str = "Dame blanche";

async fn synced(dialect: &str) -> (Merchant, Integration) {
    let merchant = Merchant::new(Pos::brasserie().with_dialect(dialect.parse::<Dialect>().unwrap()));
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    (merchant, integration)
}

async fn save(merchant: &Merchant, edits: CatalogEdits) {
    let now = merchant.pos.now() + chrono::TimeDelta::hours(1);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
}

async fn edit(merchant: &Merchant, edit: ItemEdit) {
    save(merchant, CatalogEdits { items: vec![edit], ..CatalogEdits::default() }).await;
}

/// What a person is asked to do.
fn asked(report: &RunReport) -> Vec<&str> {
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    report.manual_actions.first.iter().map(|note| note.message.as_str()).collect()
}

#[tokio::test]
async fn a_price_that_the_host_removed_is_left_to_a_person_until_the_pos_has_none() {
    let (merchant, integration) = synced("").await;
    let number = merchant.article(DISH);
    edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).no_price().name("Dame rouge")).await;
    for _ in 0..2 {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        let asked = asked(&report);
        assert!(asked.len() == 1 && asked[0].contains("goes on asking 8.50"), "{asked:?}");
        assert_eq!(merchant.item("Dame rouge").await.record.price, None, "as the host wants it");
    }
    let article = merchant.pos.article(number).unwrap();
    assert_eq!(article.description.as_deref(), Some("Dame rouge"), "the rest of the edit went");
    assert_eq!(
        merchant.pos.requests().carried_out("updateProduct"),
        1,
        "and nothing is sent again and again"
    );

    merchant.pos.change_article(number, |article| (article.price_incl, article.price_excl) = (None, None));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty(), "{report}");
    assert!(merchant.item("Dame rouge").await.edits.is_empty());
}

#[tokio::test]
async fn a_category_that_the_host_switches_off_stays_off_and_a_person_is_told() {
    let (merchant, integration) = synced("").await;
    let category = merchant.item(DISH).await.record.category.unwrap();
    let off = CategoryEdit::of(category.clone()).active(false);
    save(&merchant, CatalogEdits { categories: vec![off], ..CatalogEdits::default() }).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report)[0].contains("off sale on the host alone"), "{report}");
    // The product changes at the POS.
    merchant.pos.set_price(merchant.article(DISH), Decimal::new(901, 2));
    integration.sync_menu(&RunOptions::manual()).await;
    let active = async || {
        let categories = merchant.categories().await;
        categories.into_iter().find(|held| held.record.id == category).unwrap().record.active
    };
    assert!(!active().await);
    let on = CategoryEdit::of(category.clone()).active(true);
    save(&merchant, CatalogEdits { categories: vec![on], ..CatalogEdits::default() }).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty() && active().await, "{report}");
}

#[tokio::test]
async fn a_branch_price_that_the_host_removed_goes_or_a_person_is_told() {
    for (dialect, stays) in [("line-replaced", false), ("line-merged", true)] {
        let (merchant, integration) = synced(dialect).await;
        let items = merchant.items().await;
        let priced = items.into_iter().find(|item| !item.record.location_prices.is_empty()).unwrap().record;
        let location = priced.location_prices[0].location.clone();
        edit(&merchant, ItemEdit::of(priced.id.clone()).no_price_at(location.clone())).await;
        let report = integration.sync_menu(&RunOptions::manual()).await;
        let asked = asked(&report);
        assert_eq!(asked.len(), usize::from(stays), "{dialect}: {report}");
        assert!(asked.iter().all(|asked| asked.contains("keeps the price that was removed")), "{asked:?}");
        let item = merchant.item(&priced.name).await;
        assert!(item.record.location_prices.iter().all(|own| own.location != location), "{dialect}");
        assert_eq!(item.edits.is_empty(), !stays, "{dialect}: what was not done is not forgotten");
    }
}

#[tokio::test]
async fn a_price_beside_a_special_one_is_left_to_a_person_until_the_price_is_a_normal_one() {
    use ArticleSpecialPrice as Special;
    for special in [Special::Free, Special::AskPositive, Special::BarcodePrice, Special::NotForSale] {
        let (merchant, integration) = synced("").await;
        let number = merchant.article(DISH);
        merchant.pos.change_article(number, |article| article.special_price = Some(special.clone()));
        integration.sync_menu(&RunOptions::manual()).await;
        let wish = Decimal::new(500, 2);
        edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(wish)).await;
        for _ in 0..2 {
            let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
            let asked = asked(&report);
            assert!(asked.len() == 1 && asked[0].starts_with("a special price"), "{special:?}: {report}");
            let item = merchant.item(DISH).await;
            assert_eq!((item.record.price, item.edits.is_empty()), (Some(wish), false), "{special:?}");
        }
        assert_eq!(merchant.pos.requests().carried_out("updateProduct"), 0, "{special:?}");

        merchant.pos.change_article(number, |article| article.special_price = Some(Special::Normal));
        integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(merchant.pos.article(number).unwrap().price_incl, Some(wish), "{special:?}");
        assert!(merchant.item(DISH).await.edits.is_empty(), "{special:?}");
    }
}

#[tokio::test]
async fn what_the_pos_does_not_sell_by_other_means_is_not_put_on_sale_by_an_edit() {
    let (merchant, integration) = synced("").await;
    merchant.pos.change_article(merchant.article(DISH), |article| article.discontinued = Some(true));
    integration.sync_menu(&RunOptions::manual()).await;
    edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).active(true)).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report)[0].contains("does not sell the article"), "{report}");
    assert!(!merchant.item(DISH).await.edits.is_empty());
}

#[tokio::test]
async fn the_price_of_a_branch_whose_line_has_a_special_one_is_left_to_a_person_and_the_other_branches_go() {
    let (merchant, _) = synced("").await;
    let items = merchant.items().await;
    let priced = items.into_iter().find(|item| !item.record.location_prices.is_empty()).unwrap();
    let own = priced.record.location_prices[0].clone();
    let number = priced.external_ids.mpluskassa.unwrap();
    let branch = own.location.as_str().trim_start_matches("mpluskassa-").to_owned();
    let free = Doctored::new(&merchant.pos, "getArticleBranchDeviations", move |answer| {
        with_special_price(&answer, number.get(), &branch, "PRICE-FREE")
    });
    let integration = merchant.open_doctored(free).await;
    integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(&priced.record.name).await.record.price_at(&own.location), Some(Decimal::ZERO));
    let other = merchant.locations().await.into_iter().map(|location| location.record.id);
    let other = other.into_iter().find(|id| *id != own.location).unwrap();
    let wish = Decimal::new(777, 2);
    let both =
        ItemEdit::of(priced.record.id).price_at(own.location.clone(), wish).price_at(other.clone(), wish);
    edit(&merchant, both).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report)[0].contains("a special price"), "{report}");
    let item = merchant.item(&priced.record.name).await;
    let pending: Vec<_> = item.edits.iter().map(|(field, _)| field.location()).collect();
    assert_eq!(pending, [Some(own.location)], "{report}");
    assert_eq!(item.record.price_at(&other), Some(wish));
}

/// The lines with a special price in that of an article in a branch.
fn with_special_price(answer: &str, article: i64, branch: &str, special: &str) -> String {
    let line = "articleBranchDeviationLines>";
    let is_it = |text: &str| {
        text.contains(&format!("articleNumber>{article}<"))
            && text.contains(&format!("branchNumber>{branch}<"))
    };
    let lines = answer.split_inclusive(line).map(|text| match text.rfind("</").filter(|_| is_it(text)) {
        Some(end) => {
            let prefix =
                text[end + 2..].split_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
            format!(
                "{}<{prefix}specialPrice>{special}</{prefix}specialPrice>{}",
                without(&text[..end], "specialPrice"),
                &text[end..]
            )
        }
        None => text.to_owned(),
    });
    lines.collect()
}

/// A text without an element, whatever its prefix.
fn without(text: &str, element: &str) -> String {
    let Some(name) = text.find(&format!("{element}>")) else { return text.to_owned() };
    let begin = text[..name].rfind('<').unwrap();
    let end = text.rfind(&format!("{element}>")).unwrap() + element.len() + 1;
    format!("{}{}", &text[..begin], &text[end..])
}

#[tokio::test]
async fn codes_and_ages_that_the_host_removed_are_removed_at_the_pos() {
    let (merchant, integration) = synced("").await;
    let number = merchant.article(DISH);
    merchant.pos.change_article(number, |article| {
        article.plu_number = Some("0042".to_owned());
        article.barcode = Some("8712345678906".to_owned());
        article.age_check_minimum_age = Some(18);
    });
    integration.sync_menu(&RunOptions::manual()).await;
    let item = merchant.item(DISH).await.record;
    assert_eq!((item.plu.as_deref(), item.minimum_age), (Some("0042"), Some(18)));
    let none: Option<String> = None;
    let edits = ItemEdit::of(item.id).set("plu", &none).set("minimum_age", &None::<i32>);
    edit(&merchant, edits.set("barcodes", &Vec::<String>::new())).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty() && report.skipped.is_empty(), "{report}");
    let article = merchant.pos.article(number).unwrap();
    assert_eq!((article.plu_number.as_deref(), article.barcode.as_deref()), (Some(""), Some("")));
    assert_eq!(article.age_check_minimum_age, Some(0));
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, 0, "the echo is no change: {report}");
    assert_eq!(merchant.item(DISH).await.record.plu, None);
}

#[tokio::test]
async fn what_no_call_changes_stays_as_the_host_edited_it_and_a_person_is_asked_until_the_pos_has_it() {
    let (merchant, integration) = synced("").await;
    let dish = merchant.item(DISH).await.record;
    assert_ne!(dish.allergens, []);
    edit(&merchant, ItemEdit::of(dish.id.clone()).set("allergens", &Vec::<String>::new())).await;
    for cents in [910, 920] {
        // The article changes, which takes over what else it tells.
        merchant.pos.set_price(merchant.article(DISH), Decimal::new(cents, 2));
        let report = integration.sync_menu(&RunOptions::manual()).await;
        let asked = asked(&report);
        assert!(asked.len() == 1 && asked[0].contains("no call changes allergens"), "{report}");
        let held = merchant.item(DISH).await;
        assert_eq!((held.record.allergens.len(), held.edits.is_empty()), (0, false), "{report}");
        assert_eq!(held.record.price, Some(Decimal::new(cents, 2)));
    }
    merchant.pos.change_article(merchant.article(DISH), |article| {
        let none = mplus_qapi::types::NutritionalCharacteristics::default();
        article.nutritional_characteristics = Some(none);
    });
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let held = merchant.item(DISH).await;
    assert!(
        asked(&report).is_empty() && held.edits.is_empty() && held.record.allergens.is_empty(),
        "{report}"
    );
}

#[tokio::test]
async fn what_the_pos_changes_while_an_edit_waits_is_decided_by_the_rule_and_told() {
    let (merchant, integration) = synced("").await;
    let number = merchant.article(DISH);
    let dish = merchant.item(DISH).await.record;
    let wish = Some(CourseNumber::new(7));
    let none = Vec::<String>::new();
    edit(&merchant, ItemEdit::of(dish.id).set("allergens", &none).set("course", &wish)).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!((asked(&report).len(), report.conflicts.total), (2, 0), "{report}");

    let served = |number| Some(Course { number, r#type: CourseType::Standard, ..Course::default() });
    merchant.pos.change_article(number, |article| {
        article.course = served(3);
        let told = article.nutritional_characteristics.as_mut().unwrap();
        for allergen in &mut *told.allergen_list {
            allergen.presence = Some(NutritionalCharacteristicPresence::Maybe);
        }
    });
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!((asked(&report).len(), report.conflicts.total), (1, 2), "{report}");
    let held = merchant.item(DISH).await;
    // When allergens changed is not known; the course is the host's, who was later.
    assert!(!held.record.allergens.is_empty(), "{report}");
    assert!(held.record.allergens.iter().all(|allergen| allergen.presence == Presence::Maybe), "{report}");
    assert_eq!((held.record.course, pending(&held)), (wish, vec!["course"]), "{report}");
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!((asked(&report).len(), report.conflicts.total), (1, 0), "it is settled once: {report}");

    merchant.pos.pass(std::time::Duration::from_hours(2));
    merchant.pos.change_article(number, |article| article.course = served(4));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!((asked(&report).len(), report.conflicts.total), (0, 1), "{report}");
    let held = merchant.item(DISH).await;
    assert_eq!((held.record.course, held.edits.is_empty()), (Some(CourseNumber::new(4)), true), "{report}");
}

#[tokio::test]
async fn groups_and_further_barcodes_that_the_host_took_away_are_left_to_a_person() {
    let (merchant, integration) = synced("").await;
    let number = merchant.article(DISH);
    merchant.pos.change_article(number, |article| {
        article.barcode = Some("871".to_owned());
        let further = mplus_qapi::products::Barcode { barcode: Some("872".to_owned()), ..Default::default() };
        article.barcode_list = vec![further].into();
    });
    integration.sync_menu(&RunOptions::manual()).await;
    let dish = merchant.item(DISH).await.record;
    assert_eq!(dish.barcodes, ["871", "872"]);
    edit(&merchant, ItemEdit::of(dish.id.clone()).set("barcodes", &["874", "873"])).await;
    for _ in 0..2 {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(asked(&report)[0].contains("further barcodes"), "{report}");
        assert_eq!(merchant.item(DISH).await.record.barcodes, ["874", "873"]);
    }
    assert_eq!(merchant.pos.article(number).unwrap().barcode.as_deref(), Some("874"), "the first one goes");
    assert_eq!(merchant.pos.requests().carried_out("updateProduct"), 1);

    let grouped = merchant.categories().await.into_iter().find(|one| !one.record.group_numbers.is_empty());
    let grouped = grouped.unwrap().record;
    let none = CategoryEdit::of(grouped.id.clone()).set("group_numbers", &Vec::<i32>::new());
    save(&merchant, CatalogEdits { categories: vec![none], ..CatalogEdits::default() }).await;
    for _ in 0..2 {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(asked(&report).iter().any(|asked| asked.contains("stays in its article groups")), "{report}");
        let held = merchant.categories().await.into_iter().find(|one| one.record.id == grouped.id).unwrap();
        assert_eq!((held.record.group_numbers.len(), held.edits.is_empty()), (0, false), "{report}");
    }
}

/// The fields that wait, by name.
fn pending<T: mplus_sync::model::Record>(held: &mplus_sync::model::Tracked<T>) -> Vec<&str> {
    held.edits.iter().map(|(field, _)| field.as_str()).collect()
}

#[tokio::test]
async fn what_no_call_changes_of_a_new_record_is_left_to_a_person_too_and_the_rest_of_it_goes() {
    let (merchant, integration) = synced("").await;
    let mut category = Category::new("specials", "Specials");
    category.position = Some(3);
    let mut soup = Item::new("soup", "Pea soup");
    soup.category = Some(category.id.clone());
    (soup.price, soup.tax_rate) = (Some(Decimal::new(750, 2)), Some(9.into()));
    soup.barcodes = vec!["871".to_owned(), "872".to_owned()];
    soup.allergens =
        vec![Characteristic { number: 4, name: "celery".to_owned(), presence: Presence::Present }];
    soup.course = Some(CourseNumber::new(2));
    soup.not_sold_at = vec![LocationId::from("mpluskassa-2")];
    let edits = CatalogEdits {
        categories: vec![CategoryEdit::making(&category)],
        items: vec![ItemEdit::making(&soup)],
        ..CatalogEdits::default()
    };
    save(&merchant, edits).await;
    for _ in 0..3 {
        let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
        let asked = asked(&report);
        assert_eq!(asked.len(), 5, "{asked:?}");
        for field in ["position", "allergens", "course", "not_sold_at", "further barcodes"] {
            assert!(asked.iter().any(|asked| asked.contains(field)), "{field}: {asked:?}");
        }
        let held = merchant.item("Pea soup").await;
        let kept =
            (&held.record.allergens, held.record.course, &held.record.not_sold_at, &held.record.barcodes);
        assert_eq!(kept, (&soup.allergens, soup.course, &soup.not_sold_at, &soup.barcodes));
        assert_eq!(pending(&held), ["allergens", "barcodes", "course", "not_sold_at"]);
        let specials =
            merchant.categories().await.into_iter().find(|held| held.record.id == category.id).unwrap();
        assert_eq!((specials.record.position, pending(&specials)), (Some(3), vec!["position"]));
        let article = merchant.pos.article(held.external_ids.mpluskassa.unwrap().get()).unwrap();
        assert_eq!(
            (article.price_incl, article.barcode.as_deref()),
            (Some(Decimal::new(750, 2)), Some("871"))
        );
    }
    let sent = merchant.pos.requests();
    assert_eq!((sent.carried_out("createProduct"), sent.carried_out("updateProduct")), (1, 0));

    let number = merchant.item("Pea soup").await.external_ids.mpluskassa.unwrap().get();
    merchant.pos.change_article(number, |article| {
        let course = Course { number: 2, r#type: CourseType::Standard, ..Course::default() };
        article.course = Some(course);
        let further = mplus_qapi::products::Barcode { barcode: Some("872".to_owned()), ..Default::default() };
        article.barcode_list = vec![further].into();
    });
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(asked(&report).len(), 3, "{report}");
    assert_eq!(pending(&merchant.item("Pea soup").await), ["allergens", "not_sold_at"]);
}

#[tokio::test]
async fn what_is_asked_of_a_person_outlives_an_answer_that_was_lost() {
    let (merchant, integration) = synced("").await;
    let mut soup = Item::new("soup", "Pea soup");
    soup.category = merchant.item(DISH).await.record.category;
    (soup.price, soup.tax_rate) = (Some(Decimal::new(750, 2)), Some(9.into()));
    soup.course = Some(CourseNumber::new(2));
    edit(&merchant, ItemEdit::making(&soup)).await;
    merchant.pos.faults().script_for("updateProduct", [mplus_qapi::testkit::Fault::ResetAfter]);
    integration.sync_menu(&RunOptions::manual()).await;
    for _ in 0..3 {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(asked(&report).iter().any(|asked| asked.contains("course")), "{report}");
        let held = merchant.item("Pea soup").await;
        assert_eq!((held.record.course, pending(&held)), (soup.course, vec!["course"]), "{report}");
    }
}

#[tokio::test]
async fn a_btw_code_that_is_edited_without_its_rate_is_left_to_a_person_and_changes_no_rate_meanwhile() {
    let (merchant, integration) = synced("").await;
    let dish = merchant.item(DISH).await.record;
    let (number, before) = (merchant.article(DISH), dish.btw_code.unwrap());
    let other = merchant
        .item("Coca-Cola")
        .await
        .record
        .btw_code
        .into_iter()
        .chain([BtwCode::new(1), BtwCode::new(2)]);
    let other = other.into_iter().find(|code| *code != before).unwrap();
    edit(&merchant, ItemEdit::of(dish.id.clone()).set("btw_code", &other)).await;
    for cents in [910, 920] {
        merchant.pos.set_price(number, Decimal::new(cents, 2));
        let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
        assert!(asked(&report).iter().any(|asked| asked.contains("btw_code")), "{report}");
        let held = merchant.item(DISH).await;
        assert_eq!((held.record.btw_code, held.record.tax_rate), (Some(other), dish.tax_rate), "{report}");
        assert_eq!(pending(&held), ["btw_code"]);
    }
    merchant.pos.change_article(number, |article| article.vat_code = Some(other.get()));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty() && merchant.item(DISH).await.edits.is_empty(), "{report}");

    // With its rate it goes.
    let rate = dish.tax_rate;
    let both = ItemEdit::of(dish.id).set("btw_code", &before).tax_rate(rate.unwrap());
    edit(&merchant, both).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty() && merchant.item(DISH).await.edits.is_empty(), "{report}");
    assert_eq!(merchant.pos.article(number).unwrap().vat_code, Some(before.get()));
}

#[tokio::test]
async fn allergens_of_an_article_that_tells_none_stay_as_the_host_edited_them() {
    let (merchant, integration) = synced("").await;
    let number = merchant.article(DISH);
    merchant.pos.change_article(number, |article| article.nutritional_characteristics = None);
    integration.sync_menu(&RunOptions::manual()).await;
    edit(
        &merchant,
        ItemEdit::of(merchant.item(DISH).await.record.id).set("allergens", &Vec::<String>::new()),
    )
    .await;
    for cents in [910, 920] {
        merchant.pos.set_price(number, Decimal::new(cents, 2));
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(asked(&report).iter().any(|asked| asked.contains("allergens")), "{report}");
        assert_eq!(pending(&merchant.item(DISH).await), ["allergens"]);
    }
}

#[tokio::test]
async fn a_combo_that_the_host_moved_is_left_to_a_person_until_it_is_moved_there() {
    let (merchant, integration) = synced("").await;
    let dish = merchant.item(DISH).await.record;
    let drinks = merchant.item("Coca-Cola").await.record.category.unwrap();
    let mut combo = Combo::new("lunch", "Lunch");
    combo.category = dish.category.clone();
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choices = vec![ComboChoice { item: dish.id, surcharge: Decimal::ZERO }];
    combo.parts = vec![ComboPart { number: 23, name: "Dessert".to_owned(), choices }];
    save(&merchant, CatalogEdits { combos: vec![ComboEdit::making(&combo)], ..CatalogEdits::default() })
        .await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let held = async || {
        let combos = merchant.store.combos(&Merchant::id(), Select::Page(Page::first(10))).await.unwrap();
        combos.into_iter().next().unwrap()
    };
    assert!(asked(&report).is_empty() && held().await.edits.is_empty(), "{report}");
    let moved = ComboEdit::of("lunch").set(Field::named("category"), &drinks).name("Late lunch");
    save(&merchant, CatalogEdits { combos: vec![moved], ..CatalogEdits::default() }).await;
    for _ in 0..2 {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(asked(&report).iter().any(|asked| asked.contains("category")), "{report}");
        assert_eq!(
            (held().await.record.category, pending(&held().await)),
            (Some(drinks.clone()), vec!["category"])
        );
    }
    let number = held().await.external_ids.mpluskassa.unwrap().get();
    assert_eq!(merchant.pos.article(number).unwrap().description.as_deref(), Some("Late lunch"));
    let categories = merchant.categories().await;
    let product =
        categories.into_iter().find(|one| one.record.id == drinks).unwrap().external_ids.mpluskassa.unwrap();
    assert!(merchant.pos.move_article(number, product.get()));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(asked(&report).is_empty() && held().await.edits.is_empty(), "{report}");
}
