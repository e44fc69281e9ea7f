//! Edits of which the POS cannot be told: a person is, and the host's wish is not lost.

use mplus_qapi::testkit::{Dialect, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{CategoryEdit, ItemEdit, Resource};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::store::CatalogEdits;
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

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
    let report = integration.sync_menu(&RunOptions::full(mplus_sync::conflict::SyncContext::Manual)).await;
    assert_eq!(report.counts[&Resource::ARTICLES].pulled, 0, "the echo is no change: {report}");
    assert_eq!(merchant.item(DISH).await.record.plu, None);
}
