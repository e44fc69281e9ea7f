//! What the guide's troubleshooting says of menu, tax and locations: each with the words that a person reads.

use chrono::TimeDelta;
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{
    BtwCode, Category, CategoryEdit, Combo, ComboChoice, ComboEdit, ComboPart, ConnectionStatus, Field, Item,
    ItemEdit, ItemId, MissingField, PendingEdit,
};
use mplus_sync::report::RunOutcome;
use mplus_sync::settings::MerchantSettings;
use mplus_sync::store::{CatalogChunk, CatalogEdits};
use mplus_sync::sync::RunOptions;
use mplus_sync::tax::TaxMapping;

use crate::support::small_pos::{self, ARTICLES};
use crate::support::{Doctored, Merchant, contents};

async fn synced() -> (Merchant, Integration, small_pos::Groups) {
    let (pos, groups) = small_pos::open().await;
    let merchant = Merchant::new(pos);
    let integration = merchant.connect().await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
    (merchant, integration, groups)
}

/// The host edits so many minutes after what the POS's clock shows.
async fn edit(merchant: &Merchant, edits: CatalogEdits, minutes: i64) {
    let now = merchant.pos.now() + TimeDelta::minutes(minutes);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
}

fn edited(item: Item) -> CatalogEdits {
    CatalogEdits { items: vec![ItemEdit::overwriting(&item)], ..CatalogEdits::default() }
}

async fn any_item(merchant: &Merchant) -> Item {
    let id = ItemId::for_article(ARTICLES[3].into());
    merchant.items().await.into_iter().find(|item| item.record.id == id).unwrap().record
}

/// The printed report of a sync.
async fn printed(merchant: &Merchant, integration: &Integration) -> String {
    merchant.sync(integration, &RunOptions::manual()).await.0.to_string()
}

#[track_caller]
fn assert_reads(text: &str, lines: &[&str]) {
    assert!(text.contains(&lines.join("\n")), "expected\n{}\n\nin\n{text}", lines.join("\n"));
}

// "Tax mismatch"

#[tokio::test]
async fn tax_mismatch_of_an_item_whose_rate_is_not_mapped() {
    let (merchant, integration, _) = synced().await;
    let mut wine = any_item(&merchant).await;
    (wine.name, wine.tax_rate) = ("Wine".to_owned(), Some(13.into()));
    edit(&merchant, edited(wine), 1).await;
    let report = printed(&merchant, &integration).await;
    let expected = [
        "  Wine (mpluskassa-1000010): Tax mismatch: 13 % is not in the tax mapping",
        "    Add 13 % to the tax mapping, or correct the item's tax rate",
    ];
    assert_reads(&report, &expected);
    let log = merchant.activity_log().await;
    assert!(
        log.contains(
            &"Wine (mpluskassa-1000010): Tax mismatch: 13 % is not in the tax mapping. \
              Add 13 % to the tax mapping, or correct the item's tax rate"
                .to_owned()
        ),
        "{log:?}"
    );
    assert_eq!(
        merchant.pos.requests().count("updateProduct"),
        0,
        "nothing is sent with a rate that is guessed"
    );
}

#[tokio::test]
async fn tax_mismatch_of_an_item_without_a_rate() {
    let (merchant, integration, _) = synced().await;
    let mut dish = Item::new("own", "Our own");
    dish.category = any_item(&merchant).await.category;
    edit(&merchant, edited(dish), 1).await;
    let expected = ["  Our own (own): Tax mismatch: it has no tax rate", "    Give the item a tax rate"];
    assert_reads(&printed(&merchant, &integration).await, &expected);
}

#[tokio::test]
async fn tax_mismatch_of_a_code_that_means_another_rate_at_the_pos_until_the_mapping_is_corrected() {
    let (merchant, _, _) = synced().await;
    let settings = |code| {
        let mut settings = MerchantSettings::default();
        settings.tax = TaxMapping::dutch().with_code(9.into(), "Laag", BtwCode::new(code));
        settings
    };
    let open = async |code| {
        Integration::open(merchant.host().with_settings(settings(code)), Merchant::id()).await.unwrap()
    };
    let mut soup = Item::new("soup", "Soup");
    soup.category = any_item(&merchant).await.category;
    (soup.price, soup.tax_rate) = (Some(Decimal::new(650, 2)), Some(9.into()));
    edit(&merchant, edited(soup), 1).await;
    let expected = [
        "  Soup (soup): Tax mismatch: BTW code 1 is 21 % in the POS but BTW Laag 9 % in the tax mapping",
        "    Correct the tax mapping, or the BTW setup in the POS",
    ];
    assert_reads(&printed(&merchant, &open(1).await).await, &expected);
    let (report, _) = merchant.sync(&open(2).await, &RunOptions::manual()).await;
    assert!(report.skipped.is_empty() && report.failures.is_empty(), "{report}");
    let soup = merchant.items().await.into_iter().find(|item| item.record.id.as_str() == "soup").unwrap();
    let article = merchant.pos.article(soup.external_ids.mpluskassa.unwrap().get()).unwrap();
    assert_eq!(article.vat_code, Some(2));
}

// "Locations not imported correctly"

#[tokio::test]
async fn no_active_branches_say_where_to_configure_them() {
    let (merchant, _, _) = synced().await;
    let no_branches = Doctored::new(&merchant.pos, "getBranches", |answer| {
        let begin = answer.find("branches>").unwrap() + "branches>".len();
        let end = answer[..answer.rfind("branches>").unwrap()].rfind("</").unwrap();
        format!("{}{}", &answer[..begin], &answer[end..])
    });
    let integration = merchant.open_doctored(no_branches).await;
    let before = contents(merchant.locations().await);
    let expected = [
        "  branches: the POS lists no branches, so no locations were imported",
        "    Check that the MplusKASSA account has active branches configured",
    ];
    assert_reads(&printed(&merchant, &integration).await, &expected);
    assert_eq!(contents(merchant.locations().await), before, "locations that are there stay");
}

#[tokio::test]
async fn imported_locations_list_the_fields_that_a_person_completes() {
    let merchant = Merchant::new(Pos::brasserie());
    let (_, report) = merchant.try_connect("geheim & vertrouwelijk").await.unwrap();
    let left = [MissingField::Coordinates, MissingField::OpeningHours, MissingField::DeliveryZones];
    assert!(report.incomplete_locations.first.iter().all(|location| location.missing == left), "{report}");
    let report = report.to_string();
    assert_reads(&report, &["Locations to complete (3)"]);
    assert!(
        report.contains("Utrecht (mpluskassa-2): coordinates, opening hours, delivery zones\n"),
        "{report}"
    );
}

#[tokio::test]
async fn a_branch_added_after_connecting_is_detected_by_a_sync() {
    let (merchant, integration, _) = synced().await;
    let number = merchant.pos.add_branch("De Gouden Leeuw Gent");
    let report = printed(&merchant, &integration).await;
    assert!(report.contains(&format!("De Gouden Leeuw Gent (mpluskassa-{number}): ")), "{report}");
    assert!(merchant.locations().await.iter().any(|location| location.record.name == "De Gouden Leeuw Gent"));
}

// "Modifier groups not syncing back to MplusKassa"

#[tokio::test]
async fn a_modifier_group_changed_on_the_host_is_undone_and_said_to_be_pull_only() {
    let (merchant, integration, groups) = synced().await;
    let before = contents(merchant.groups().await);
    let id = format!("mpluskassa-preparation-{}", groups.cooking);
    let mut group = merchant.groups().await.into_iter().find(|group| group.record.id.as_str() == id).unwrap();
    group.record.name = "Cooking, as we call it".to_owned();
    let edit = PendingEdit { at: merchant.pos.now(), agreed: None };
    group.edits.insert(Field::named("name"), edit);
    let chunk = CatalogChunk { modifier_groups: vec![group], ..CatalogChunk::default() };
    merchant.store.apply(&Merchant::id(), chunk).await.unwrap();
    let report = printed(&merchant, &integration).await;
    let expected = [
        "To do by hand in the POS (1)".to_owned(),
        format!(
            "  Cooking, as we call it ({id}): modifier groups are pull only: \
             the change on the host does not reach the POS and is undone"
        ),
        "    Make the change in the MplusKASSA back office, then sync".to_owned(),
    ];
    assert_reads(&report, &[&expected[0], &expected[1], &expected[2]]);
    assert_eq!(contents(merchant.groups().await), before);
    assert_eq!(merchant.pos.requests().count("savePreparationMethodGroup"), 1, "the one of the set-up");
    let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((report.manual_actions.total, report.writes, requests), (0, 0, 4), "{report}");
}

// "Combo/menu choices cannot be removed"

#[tokio::test]
async fn a_choice_removed_from_a_combo_is_to_be_removed_by_hand() {
    let (merchant, integration, groups) = synced().await;
    let [one, two] = [ARTICLES[3], ARTICLES[4]].map(|article| ItemId::for_article(article.into()));
    let choice = |item: &ItemId| ComboChoice { item: item.clone(), surcharge: Decimal::ZERO };
    let mut combo = Combo::new("lunch", "Lunch deal");
    combo.category = any_item(&merchant).await.category;
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choices = vec![choice(&one), choice(&two)];
    combo.parts = vec![ComboPart { number: groups.courses, name: "Dessert".to_owned(), choices }];
    let edits = |combo: &Combo| CatalogEdits {
        combos: vec![ComboEdit::overwriting(combo)],
        ..CatalogEdits::default()
    };
    edit(&merchant, edits(&combo), 1).await;
    let report = printed(&merchant, &integration).await;
    assert!(!report.contains("by hand"), "{report}");
    combo.parts[0].choices.remove(0);
    edit(&merchant, edits(&combo), 2).await;
    let expected = [
        "To do by hand in the POS (1)".to_owned(),
        format!(
            "  Lunch deal (lunch): the choice of article {} was removed from group {}; \
             the POS merges menus and still offers it",
            ARTICLES[3], groups.courses
        ),
        "    Remove the choice by hand in the MplusKASSA back office".to_owned(),
    ];
    let report = printed(&merchant, &integration).await;
    assert_reads(&report, &[&expected[0], &expected[1], &expected[2]]);
}

// FAQ: "What happens if I change a price in Upvendo?"

#[tokio::test]
async fn a_price_changed_on_both_sides_names_both_values_the_winner_and_why() {
    let (merchant, integration, _) = synced().await;
    let mut dish = any_item(&merchant).await;
    (dish.price, dish.name) =
        (Some(Decimal::new(999, 2)), merchant.pos.article(ARTICLES[3]).unwrap().description.unwrap());
    let name = dish.name.clone();
    merchant.pos.set_price(ARTICLES[3], Decimal::new(700, 2));
    edit(&merchant, edited(dish.clone()), 60).await;
    let expected = [
        "Conflicts (1)".to_owned(),
        format!("  {name} (mpluskassa-1000010): the host wins, the host changed it later"),
        "    price: POS 7.00, host 9.99".to_owned(),
    ];
    let report = printed(&merchant, &integration).await;
    assert_reads(&report, &[&expected[0], &expected[1], &expected[2]]);
    assert_eq!(merchant.pos.article(ARTICLES[3]).unwrap().price_incl, Some(Decimal::new(999, 2)));

    merchant.pos.set_price(ARTICLES[3], Decimal::new(750, 2));
    dish.price = Some(Decimal::new(1099, 2));
    edit(&merchant, edited(dish), 120).await;
    let options = RunOptions::incremental(mplus_sync::conflict::SyncContext::Webhook);
    let report = merchant.sync(&integration, &options).await.0.to_string();
    let winner = format!("  {name} (mpluskassa-1000010): the POS wins, in a webhook the POS wins");
    assert_reads(&report, &[&winner, "    price: POS 7.50, host 10.99"]);
    assert_eq!(any_item(&merchant).await.price, Some(Decimal::new(750, 2)));
}

// FAQ: "What happens if the MplusKassa API is unreachable during sync?"

#[tokio::test]
async fn an_unreachable_pos_is_in_the_activity_log_and_the_next_sync_goes_on_where_this_one_stopped() {
    let merchant = Merchant::new(Pos::generated(1200, 5));
    let integration = merchant.connect().await;
    // It goes away after the first of several pages, for longer than the client tries again.
    let gone = std::iter::once(None).chain([Some(Fault::Refused); 20]);
    merchant.pos.faults().script_for("getProducts", gone);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(matches!(report.outcome, RunOutcome::Failed { .. }), "{report}");
    let log = merchant.activity_log().await;
    let line =
        log.iter().find(|line| line.starts_with("manual sync failed")).unwrap_or_else(|| panic!("{log:?}"));
    assert!(line.starts_with("manual sync failed: getProducts failed"), "{line}");
    assert!(
        line.contains("Check host, port and that the POS can be reached; the next sync goes on from here"),
        "{line}"
    );
    let status = integration.status().await.unwrap().unwrap().status;
    assert!(matches!(status, ConnectionStatus::Failing { .. }), "{status:?}");

    merchant.pos.faults().clear();
    let kept = merchant.items().await.len();
    assert!(kept > 0);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    let pulled = report.counts[&mplus_sync::model::Resource::ARTICLES].pulled as usize;
    assert_eq!(pulled, merchant.items().await.len() - kept, "what was stored is not read again");
    assert_eq!(integration.status().await.unwrap().unwrap().status, ConnectionStatus::Connected);
}

// "Verify connection status", for a category that the POS refuses.

#[tokio::test]
async fn an_item_in_no_category_is_named_and_goes_once_it_has_one() {
    let (merchant, integration, _) = synced().await;
    let mut dish = Item::new("own", "Our own");
    (dish.price, dish.tax_rate) = (Some(Decimal::new(500, 2)), Some(9.into()));
    edit(&merchant, edited(dish.clone()), 1).await;
    let expected = ["  Our own (own): the item is in no category", "    Put the item into a category"];
    assert_reads(&printed(&merchant, &integration).await, &expected);
    let category = Category::new("specials", "Specials");
    dish.category = Some(category.id.clone());
    let edits = CatalogEdits { categories: vec![CategoryEdit::overwriting(&category)], ..edited(dish) };
    edit(&merchant, edits, 2).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.skipped.is_empty() && report.failures.is_empty(), "{report}");
    assert_eq!(merchant.pos.requests().carried_out("createProduct"), 1);
}
