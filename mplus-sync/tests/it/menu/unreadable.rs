//! Articles that cannot be read: each costs itself, and is named.

use std::sync::Arc;

use mplus_qapi::testkit::Pos;
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::conflict::SyncContext;
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{Environment, ItemEdit, Resource};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::store::{CatalogEdits, Credentials};
use mplus_sync::sync::RunOptions;

use crate::support::{Doctored, Merchant};

const DISH: &str = "Dame blanche";
const DRINK: &str = "Coca-Cola";

/// The answer with another text in an element of the article of this name.
fn with_value(answer: &str, name: &str, element: &str, value: &str) -> String {
    // Its product comes before it, and is called the same.
    let Some(named) = answer.rfind(&format!("description>{name}<")) else { return answer.to_owned() };
    let begin = answer[..named].rfind("article>").unwrap();
    let end = named + answer[named..].find("article>").unwrap();
    let Some(at) = answer[begin..end].find(&format!("{element}>")) else { return answer.to_owned() };
    let at = begin + at + element.len() + 1;
    let to = at + answer[at..].find('<').unwrap();
    format!("{}{value}{}", &answer[..at], &answer[to..])
}

fn spoiled(pos: &Pos, names: &'static [&str], element: &'static str, value: &'static str) -> Doctored {
    Doctored::new(pos, "getProducts", move |answer| {
        names.iter().fold(answer, |answer, name| with_value(&answer, name, element, value))
    })
}

fn articles(pos: &Pos) -> usize {
    pos.products().iter().map(|product| product.article_list.len()).sum()
}

fn told_of(report: &RunReport, name: &str) -> Vec<String> {
    let notes = report.skipped.first.iter().chain(&report.failures.first);
    let of_it = notes.filter(|note| note.subject.as_ref().is_some_and(|subject| subject.name == name));
    of_it.map(|note| note.message.clone()).collect()
}

#[tokio::test]
async fn one_article_with_a_value_that_is_none_costs_that_article_and_is_named() {
    for (element, value) in
        [("priceIncl", "8,50"), ("active", "maybe"), ("vatCode", "high"), ("syncMarker", "soon")]
    {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let integration = merchant.open_doctored(spoiled(&merchant.pos, &[DISH], element, value)).await;
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
        let items = merchant.items().await;
        assert_eq!(items.len(), articles(&merchant.pos) - 1, "{element}: {report}");
        let told = told_of(&report, DISH);
        assert!(told.len() == 1 && told[0].contains(value) && told[0].contains(element), "{told:?}");
        // Corrected, which gives it another marker.
        let integration = merchant.connect().await;
        merchant.pos.set_price(merchant.article(DISH), Decimal::new(875, 2));
        integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(merchant.item(DISH).await.record.price, Some(Decimal::new(875, 2)));
    }
}

#[tokio::test]
async fn an_article_that_cannot_be_read_any_more_stays_as_it_is_and_on_sale() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    let before = merchant.item(DISH).await;
    let integration = merchant.open_doctored(spoiled(&merchant.pos, &[DISH, DRINK], "priceIncl", "?")).await;
    merchant.pos.set_price(merchant.article("Cappuccino"), Decimal::new(444, 2));
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert_eq!(merchant.item(DISH).await.record, before.record);
    assert!(merchant.item(DRINK).await.record.active);
    assert_eq!(merchant.item("Cappuccino").await.record.price, Some(Decimal::new(444, 2)));
    assert_eq!((told_of(&report, DISH).len(), told_of(&report, DRINK).len()), (1, 1), "{report}");
}

#[tokio::test]
async fn a_value_that_no_sync_needs_costs_nothing() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let integration = merchant.open_doctored(spoiled(&merchant.pos, &[DISH], "vatPercentage", "low")).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(merchant.item(DISH).await.record.price.is_some());
    assert!(report.skipped.is_empty() && report.failures.is_empty(), "{report}");
}

#[tokio::test]
async fn what_is_no_xml_in_the_midst_of_a_list_costs_what_it_spoils_and_the_others_come() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let integration =
        merchant.open_doctored(spoiled(&merchant.pos, &[DISH], "priceIncl", "<ns1:open>")).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert_eq!(merchant.items().await.len(), articles(&merchant.pos) - 1, "{report}");
    let marker = merchant.pos.article(merchant.article(DISH)).unwrap().sync_marker.unwrap();
    let named = report.failures.first.iter().any(|note| note.message.contains(&format!("marker {marker} ")));
    assert!(named, "marker {marker}: {report}");
    // What changes later is read as usual, and nothing is asked for again that was told.
    merchant.pos.set_price(merchant.article(DRINK), Decimal::new(333, 2));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, 1, "{report}");
    assert!(report.skipped.is_empty() && report.failures.is_empty(), "{report}");
}

#[tokio::test]
async fn a_record_behind_a_wide_gap_of_markers_is_passed_over_and_nothing_behind_it_is_missed() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    // Every change raises the marker: no other record has one of these.
    for cents in 0..700 {
        merchant.pos.set_price(merchant.article(DISH), Decimal::new(900 + cents, 2));
    }
    let marker = merchant.pos.article(merchant.article(DISH)).unwrap().sync_marker.unwrap();
    merchant.pos.set_price(merchant.article(DRINK), Decimal::new(333, 2));
    merchant.pos.set_price(merchant.article("Cappuccino"), Decimal::new(444, 2));
    let integration =
        merchant.open_doctored(spoiled(&merchant.pos, &[DISH], "priceIncl", "<ns1:open>")).await;
    let before = merchant.pos.requests().count("getProducts");
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::new(333, 2)), "{report}");
    assert_eq!(merchant.item("Cappuccino").await.record.price, Some(Decimal::new(444, 2)));
    let named =
        report.failures.first.iter().any(|note| note.message.contains(&format!("to {marker} cannot")));
    assert!(named, "marker {marker}: {report}");
    assert!(merchant.pos.requests().count("getProducts") - before < 70);
}

#[tokio::test]
async fn a_branch_price_that_cannot_be_read_is_named_and_everything_else_is_pulled_and_pushed() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    let prices = async || {
        merchant.items().await.into_iter().map(|item| item.record.location_prices).collect::<Vec<_>>()
    };
    let before = prices().await;
    let broken = Doctored::new(&merchant.pos, "getArticleBranchDeviations", |answer| {
        let at = answer.find("salesPriceIncl>").unwrap() + "salesPriceIncl>".len();
        let end = at + answer[at..].find('<').unwrap();
        format!("{}three{}", &answer[..at], &answer[end..])
    });
    let integration = merchant.open_doctored(broken).await;
    let (dish, wish) = (merchant.item(DISH).await.record, Decimal::new(1111, 2));
    let location = merchant.locations().await.remove(0).record.id;
    let edit = ItemEdit::of(dish.id).price(wish).price_at(location.clone(), wish);
    let edits = CatalogEdits { items: vec![edit], ..CatalogEdits::default() };
    merchant.store.save_edits(&Merchant::id(), edits, merchant.pos.now()).await.unwrap();
    merchant.pos.set_price(merchant.article(DRINK), Decimal::new(333, 2));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(report.failures.first.iter().any(|note| note.message.contains("salesPriceIncl")), "{report}");
    assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::new(333, 2)), "{report}");
    assert_eq!(merchant.pos.article(merchant.article(DISH)).unwrap().price_incl, Some(wish), "{report}");
    assert_eq!(merchant.pos.requests().count("saveArticleBranchDeviations"), 0);
    let edits = merchant.item(DISH).await.edits;
    let pending: Vec<_> = edits.iter().map(|(field, _)| field.location()).collect();
    assert_eq!(pending, [Some(location)], "what could not be sent waits: {report}");
    // Once it can be read all is as before, with what waited.
    let report = merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    assert!(report.failures.is_empty() && merchant.item(DISH).await.edits.is_empty(), "{report}");
    let changed = prices().await.iter().zip(&before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 1, "{report}");
}

#[tokio::test]
async fn a_service_that_answers_no_xml_at_all_is_not_read_past() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let broken = Doctored::new(&merchant.pos, "getProducts", |answer| answer.replace("</", "<"));
    let integration = merchant.open_doctored(broken).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(matches!(report.outcome, RunOutcome::Incomplete { .. }), "{report}");
    assert!(merchant.pos.requests().count("getProducts") < 100);
    let report = merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.items().await.len(), articles(&merchant.pos), "{report}");
}

#[tokio::test]
async fn a_scheduled_sync_that_finds_the_menu_changed_notices_what_is_gone() {
    let merchant = Merchant::new(Pos::brasserie().with_dialect("deleted-is-gone".parse().unwrap()));
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    merchant.pos.delete_article(merchant.article(DISH));
    merchant.pos.set_price(merchant.article(DRINK), Decimal::new(333, 2));
    let report = integration.sync_menu(&RunOptions::incremental(SyncContext::Scheduled)).await;
    assert!(!merchant.item(DISH).await.record.active, "{report}");
    assert_eq!(report.counts[&Resource::ARTICLES].deactivated, 1, "{report}");
    assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::new(333, 2)));
}

#[tokio::test]
async fn an_article_that_a_list_left_out_and_the_pos_still_has_is_not_gone() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await.sync_menu(&RunOptions::manual()).await;
    let number = merchant.article(DISH).to_string();
    // As when it changes while the list is read; asked for by its number it is there.
    let first = std::sync::atomic::AtomicBool::new(true);
    let hidden = Doctored::new(&merchant.pos, "getProducts", move |answer| {
        match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => answer.replace(&format!("articleNumber>{number}<"), "articleNumber>99999<"),
            false => answer,
        }
    });
    let integration = merchant.open_doctored(hidden).await;
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Scheduled)).await;
    let dish = merchant.items().await.into_iter().find(|item| {
        item.external_ids.mpluskassa.is_some_and(|number| number.get() == merchant.article(DISH))
    });
    assert!(dish.is_some_and(|dish| dish.record.active), "{report}");
}

/// The answer to an operation with another text in the last element of this name.
fn last_spoiled(pos: &Pos, operation: &'static str, element: &'static str, value: &'static str) -> Doctored {
    Doctored::new(pos, operation, move |answer| {
        let Some(end) = answer.rfind(&format!("</ns1:{element}>")) else { return answer };
        let begin = answer[..end].rfind('>').unwrap() + 1;
        format!("{}{value}{}", &answer[..begin], &answer[end..])
    })
}

#[tokio::test]
async fn a_branch_that_cannot_be_read_stays_as_it_is_and_is_named_and_the_others_are_imported() {
    let merchant = Merchant::new(Pos::brasserie());
    let spoiled = last_spoiled(&merchant.pos, "getBranches", "countryCode", "Nederland");
    let new = NewConnection {
        id: Merchant::id(),
        name: "De Gouden Leeuw".to_owned(),
        host: "api.mpluskassa.nl".to_owned(),
        port: 34562,
        environment: Environment::Test,
    };
    let credentials = Credentials { ident: "testkit".to_owned(), secret: "geheim & vertrouwelijk".into() };
    let host = merchant.host_with(Arc::clone(&merchant.store), spoiled);
    let (integration, report) = Integration::connect(host, new, credentials).await.unwrap();
    assert_eq!(merchant.locations().await.len(), 2, "{report}");
    assert!(report.failures.first[0].message.contains("Nederland"), "{report}");
    // Known, it is not taken for gone.
    merchant.connect().await;
    assert_eq!(merchant.locations().await.len(), 3);
    integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert!(merchant.locations().await.iter().all(|location| !location.record.vanished));
}

#[tokio::test]
async fn a_vat_group_that_cannot_be_read_costs_itself_and_takes_no_rate_away() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let integration =
        merchant.open_doctored(last_spoiled(&merchant.pos, "getVatGroupList", "vatPercentage", "vrij")).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.failures.first[0].message.contains("vrij"), "{report}");
    assert_eq!(merchant.item(DISH).await.record.tax_rate, Some(9.into()));
    // What has a rate keeps it.
    let (merchant, _) = Merchant::synced().await;
    let rates =
        || async { merchant.items().await.into_iter().map(|item| item.record.tax_rate).collect::<Vec<_>>() };
    let before = rates().await;
    let low = Doctored::new(&merchant.pos, "getVatGroupList", |answer| answer.replace(">900<", ">laag<"));
    let integration = merchant.open_doctored(low).await;
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.failures.first.iter().any(|note| note.message.contains("laag")), "{report}");
    assert_eq!(rates().await, before);
}

#[tokio::test]
async fn allergens_of_other_articles_are_pulled_beside_one_that_cannot_be_read() {
    for (element, value, names_it) in [("vatPercentage", "low", false), ("priceIncl", "?", true)] {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await.sync_menu(&RunOptions::manual()).await;
        let spoiled = spoiled(&merchant.pos, &[DISH], element, value);
        let integration = merchant.open_doctored(spoiled).await;
        let numbers = [DISH, "Crème brûlée"].map(|name| merchant.article(name));
        for number in numbers {
            merchant.pos.change_article(number, |article| article.nutritional_characteristics = None);
        }
        let asked = merchant.pos.requests().count("getNutritionalCharacteristics");
        let report = integration.articles().pull(&RunOptions::manual()).await;
        assert!(merchant.pos.requests().count("getNutritionalCharacteristics") > asked, "{report}");
        assert_eq!((&report.outcome, report.failures.total), (&RunOutcome::Completed, 0), "{report}");
        let told = told_of(&report, DISH);
        assert!(told.iter().all(|told| told.contains("allergens")), "{report}");
        assert!(names_it || told.is_empty(), "{report}");
    }
}
