//! The menu of a POS that is not as the test POS: every reading of the facts keeps what both sides have.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use mplus_qapi::testkit::{Dialect, Fault, Pos};
use mplus_qapi::types::ArticleSpecialPrice;
use mplus_qapi::value::{Decimal, Zone};
use mplus_sync::Integration;
use mplus_sync::conflict::{SyncContext, Unit, Winner};
use mplus_sync::model::{
    ConnectionStatus, ItemEdit, ModifierGroup, ModifierSource, PosModifierGroup, Tracked,
};
use mplus_sync::report::RunOutcome;
use mplus_sync::settings::MerchantSettings;
use mplus_sync::store::{CatalogChunk, CatalogEdits};
use mplus_sync::sync::RunOptions;
use mplus_sync::tax::TaxMapping;

use crate::support::{Doctored, Merchant, Scripted};

const DISH: &str = "Dame blanche";
const DRINK: &str = "Coca-Cola";

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

async fn synced_at(pos: Pos) -> (Merchant, Integration) {
    let merchant = Merchant::new(pos);
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    (merchant, integration)
}

async fn synced() -> (Merchant, Integration) {
    synced_at(Pos::brasserie()).await
}

async fn edit(merchant: &Merchant, edit: ItemEdit, minutes: i64) {
    let now = merchant.pos.now() + TimeDelta::minutes(minutes);
    let edits = CatalogEdits { items: vec![edit], ..CatalogEdits::default() };
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
}

async fn open(merchant: &Merchant, change: impl FnOnce(&mut MerchantSettings)) -> Integration {
    let mut settings = MerchantSettings::default();
    change(&mut settings);
    Integration::open(merchant.host().with_settings(settings), Merchant::id()).await.unwrap()
}

#[tokio::test]
async fn markers_that_went_back_lead_to_a_full_read() {
    let (merchant, integration) = synced().await;
    for cents in 0..30 {
        merchant.pos.set_price(merchant.article(DISH), euros(700 + cents));
    }
    integration.sync_menu(&RunOptions::manual()).await;
    let restored = Pos::brasserie();
    restored.set_price(merchant.article(DRINK), euros(321));
    let host = merchant.host_with(Arc::clone(&merchant.store), restored);
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DRINK).await.record.price, Some(euros(321)));
    assert_eq!(
        merchant.item(DISH).await.record.price,
        Pos::brasserie().article(merchant.article(DISH)).unwrap().price_incl
    );
}

#[tokio::test]
async fn special_prices_are_what_the_till_does() {
    let (merchant, integration) = synced().await;
    let special = |name: &str, special: ArticleSpecialPrice| {
        merchant.pos.change_article(merchant.article(name), |article| article.special_price = Some(special));
    };
    special(DISH, ArticleSpecialPrice::NotForSaleVisible);
    special(DRINK, ArticleSpecialPrice::Free);
    special("Cappuccino", ArticleSpecialPrice::AskPositiveNoPopup);
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(!merchant.item(DISH).await.record.active);
    assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::ZERO));
    assert_eq!(merchant.item("Cappuccino").await.record.price, None);
    assert!(report.skipped.first.iter().any(|note| note.message.contains("asks for the price")), "{report}");
}

#[tokio::test]
async fn a_rate_that_changes_reaches_items_that_did_not() {
    let (merchant, _) = synced().await;
    let mapping = |tax: TaxMapping| move |settings: &mut MerchantSettings| settings.tax = tax;
    let poorer = open(&merchant, mapping(TaxMapping::empty().with_rate(21.into(), "Hoog"))).await;
    poorer.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DISH).await.record.tax_rate, None);
    let right = open(&merchant, mapping(TaxMapping::dutch())).await;
    right.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DISH).await.record.tax_rate, Some(9.into()));
    let report = right.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.writes, 0, "{report}");
}

#[tokio::test]
async fn fields_that_one_side_alone_changed_keep_that_change() {
    let (merchant, integration) = synced().await;
    // An hour before the POS's change, and yet not its business.
    edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(1111)), -60).await;
    merchant.pos.change_article(merchant.article(DISH), |article| article.extra_text = Some("Nieuw".into()));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(report.conflicts.is_empty(), "{report}");
    let item = merchant.item(DISH).await;
    assert_eq!((item.record.price, item.record.description.as_deref()), (Some(euros(1111)), Some("Nieuw")));
    let article = merchant.pos.article(merchant.article(DISH)).unwrap();
    assert_eq!((article.price_incl, article.extra_text.as_deref()), (Some(euros(1111)), Some("Nieuw")));
    assert!(item.edits.is_empty());
}

#[tokio::test]
async fn a_setting_gives_whole_items_to_who_was_later() {
    for (minutes, winner) in [(-60, Winner::Pos), (60, Winner::Host)] {
        let (merchant, _) = synced().await;
        let integration = open(&merchant, |settings| settings.conflicts = Unit::Record).await;
        let before = merchant.pos.article(merchant.article(DISH)).unwrap();
        edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(1111)), minutes).await;
        merchant
            .pos
            .change_article(merchant.article(DISH), |article| article.extra_text = Some("Nieuw".into()));
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.conflicts.first[0].winner, winner, "{report}");
        let wanted = match winner {
            Winner::Pos => (before.price_incl, Some("Nieuw".to_owned())),
            Winner::Host => (Some(euros(1111)), before.extra_text),
        };
        let article = merchant.pos.article(merchant.article(DISH)).unwrap();
        let text = article.extra_text.filter(|text| !text.is_empty());
        assert_eq!((article.price_incl, text), wanted, "at the POS");
        let item = merchant.item(DISH).await.record;
        assert_eq!((item.price, item.description), wanted, "in the host");
    }
}

#[tokio::test]
async fn who_was_later_is_decided_by_the_clock_that_hangs_where_the_pos_is() {
    // The POS's clock shows the same in both; in Willemstad it is six hours later by then.
    for (zone, winner) in [("Europe/Amsterdam", Winner::Host), ("America/Curacao", Winner::Pos)] {
        let (merchant, _) = synced().await;
        let zone: Zone = zone.parse().unwrap();
        let settings = MerchantSettings::default().in_zone(zone);
        // As a sender writes it that only knows the wall clock.
        let clock = Doctored::new(&merchant.pos, "getProducts", |answer| {
            let parts = answer.split_inclusive("timezone>");
            let told =
                parts.map(|part| match part.find("</").filter(|_| part.starts_with(char::is_numeric)) {
                    Some(end) => format!("0{}", &part[end..]),
                    None => part.to_owned(),
                });
            told.collect()
        });
        let host = merchant.host_with(Arc::clone(&merchant.store), clock).with_settings(settings);
        let integration = Integration::open(host, Merchant::id()).await.unwrap();
        edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(1111)), 3 * 60).await;
        merchant.pos.set_price(merchant.article(DISH), euros(700));
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.conflicts.first[0].winner, winner, "{zone}: {report}");
    }
}

#[tokio::test]
async fn a_move_that_the_pos_refuses_is_left_to_a_person_and_the_rest_goes() {
    for reading in ["move-refused", "article-moved"] {
        let (merchant, integration) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        let to = merchant.item(DRINK).await.record.category.unwrap();
        let moved = ItemEdit::of(merchant.item(DISH).await.record.id).category(to.clone()).price(euros(1111));
        edit(&merchant, moved, 60).await;
        let first = integration.sync_menu(&RunOptions::manual()).await;
        assert!(first.failures.is_empty(), "{first}");
        assert_eq!(merchant.pos.article(merchant.article(DISH)).unwrap().price_incl, Some(euros(1111)));
        let second = integration.sync_menu(&RunOptions::manual()).await;
        let item = merchant.item(DISH).await;
        assert_eq!(item.record.category, Some(to), "{second}");
        let refused = reading == "move-refused";
        assert_eq!(
            (first.manual_actions.total, item.edits.is_empty()),
            (u64::from(refused), !refused),
            "{first}"
        );
    }
}

#[tokio::test]
async fn an_update_takes_nothing_away_that_it_does_not_name() {
    for reading in ["update-replaces-articles", "update-replaces-products"] {
        let (merchant, integration) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        let espresso = merchant.article("Espresso enkel");
        merchant.pos.change_article(espresso, |article| {
            article.shelf_life_in_days = Some(3);
            article.price_deviation_min = Some(euros(100).into());
            article.available_for_interbranch_ordering = Some(true);
            article.stock_si_unit = Some("kg".to_owned());
        });
        integration.sync_menu(&RunOptions::manual()).await;
        let (before, count) = (merchant.pos.article(espresso).unwrap(), merchant.items().await.len());
        edit(&merchant, ItemEdit::of(merchant.item("Espresso enkel").await.record.id).price(euros(333)), 60)
            .await;
        integration.sync_menu(&RunOptions::manual()).await;
        let after = merchant.pos.article(espresso).unwrap();
        assert_eq!(after.price_incl, Some(euros(333)));
        let scalars = |article: &mplus_qapi::products::Article| {
            let unit = article.stock_si_unit.clone();
            (
                article.shelf_life_in_days,
                article.price_deviation_min,
                article.available_for_interbranch_ordering,
                unit,
            )
        };
        assert_eq!(scalars(&after), scalars(&before), "{reading}");
        assert_eq!(
            (after.stock_article, after.extra_text),
            (before.stock_article, before.extra_text),
            "{reading}"
        );
        assert_eq!(after.nutritional_characteristics, before.nutritional_characteristics, "{reading}");
        integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
        let active = merchant.items().await.iter().filter(|item| item.record.active).count();
        assert_eq!(active, count, "{reading}");
    }
}

#[tokio::test]
async fn items_link_to_modifier_groups_under_the_hosts_own_identifiers() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let number = PosModifierGroup { source: ModifierSource::PreparationMethod, number: 1 };
    let own = Tracked::new(ModifierGroup::new("ours", "Milk")).linked(number);
    let chunk = CatalogChunk { modifier_groups: vec![own], ..CatalogChunk::default() };
    merchant.store.apply(&Merchant::id(), chunk).await.unwrap();
    for _ in 0..2 {
        integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
        let groups: Vec<_> = merchant.groups().await.into_iter().map(|group| group.record.id).collect();
        let items = merchant.items().await;
        let links: Vec<_> = items.iter().flat_map(|item| &item.record.modifier_groups).collect();
        assert!(links.iter().any(|link| link.as_str() == "ours"));
        assert!(links.iter().all(|link| groups.contains(link)), "{links:?}");
    }
}

#[tokio::test]
async fn a_list_that_is_empty_or_cut_switches_nothing_off_until_a_person_says_so() {
    for reading in ["menu-empty", "menu-half"] {
        let (merchant, integration) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        let active = async || merchant.items().await.iter().filter(|item| item.record.active).count();
        let before = active().await;
        merchant.pos.pass(std::time::Duration::from_secs(4 * 3600));
        let report = integration.sync_menu(&RunOptions::full(SyncContext::Scheduled)).await;
        assert_eq!(active().await, before, "{report}");
        assert!(!report.is_clean(), "{report}");
        let held =
            report.manual_actions.first.iter().any(|note| note.message.contains("none was switched off"));
        assert!(held, "{report}");
        if reading == "menu-empty" {
            assert!(matches!(report.outcome, RunOutcome::Incomplete { .. }), "{report}");
        }
        integration.sync_menu(&RunOptions::full(SyncContext::Manual).accepting_loss()).await;
        assert!(active().await < before);
    }
}

#[tokio::test]
async fn a_list_without_branch_prices_takes_none_away() {
    let (merchant, _) = synced().await;
    let own =
        async || merchant.items().await.iter().map(|item| item.record.location_prices.len()).sum::<usize>();
    let before = own().await;
    assert!(before > 0);
    let empty = Doctored::new(&merchant.pos, "getArticleBranchDeviations", |answer| {
        let begin = answer
            .find("<ns1:articleBranchDeviationLines>")
            .or_else(|| answer.find("<ns:articleBranchDeviationLines>"));
        match (begin, answer.rfind("articleBranchDeviationLines>")) {
            (Some(begin), Some(end)) => {
                format!("{}{}", &answer[..begin], &answer[end + "articleBranchDeviationLines>".len()..])
            }
            _ => answer,
        }
    });
    let integration = merchant.open_doctored(empty).await;
    // Articles that change meanwhile, and full runs, change nothing of it.
    for (cents, full) in [(700, false), (710, true), (720, false)] {
        merchant.pos.set_price(merchant.article(DISH), euros(cents));
        let options = if full { RunOptions::full(SyncContext::Manual) } else { RunOptions::manual() };
        let report = integration.sync_menu(&options).await;
        assert_eq!(own().await, before, "{report}");
        assert_eq!(report.manual_actions.total, 1, "{report}");
    }
}

#[tokio::test]
async fn a_schedule_reads_everything_once_a_week_and_notices_what_is_gone() {
    let (merchant, integration) =
        synced_at(Pos::brasserie().with_dialect("deleted-is-gone".parse::<Dialect>().unwrap())).await;
    let gone = merchant.item(DISH).await.record.id;
    merchant.pos.delete_article(merchant.article(DISH));
    let active = async || {
        merchant.items().await.into_iter().find(|item| item.record.id == gone).unwrap().record.active
    };
    let daily = RunOptions::incremental(SyncContext::Scheduled);
    integration.sync_menu(&daily).await;
    assert!(active().await);
    merchant.runtime.pass(TimeDelta::days(8));
    integration.sync_menu(&daily).await;
    assert!(!active().await);
}

#[tokio::test]
async fn a_service_that_lacks_what_a_sync_can_do_without_is_no_failure_and_is_asked_once() {
    let calls = [
        "no-getBranchInformation",
        "no-getCurrentSyncMarkers",
        "no-getVatGroupList",
        "no-getArticleBranchDeviations",
        "no-getArticlesPreparationMethodGroups",
        "no-getPreparationMethodGroups",
        "no-getArticleAlterationsGroups",
        "no-getNutritionalCharacteristics",
    ];
    for reading in calls {
        let (merchant, integration) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(1111)), 60).await;
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{reading}: {report}");
        assert!(report.failures.is_empty(), "{reading}: {report}");
        let price = merchant.pos.article(merchant.article(DISH)).unwrap().price_incl;
        assert_eq!(price, Some(euros(1111)), "{reading}");
        let name = reading.trim_start_matches("no-");
        if name != "getCurrentSyncMarkers" {
            assert!(merchant.pos.requests().count(name) <= 1, "{reading}");
        }
    }
}

#[tokio::test]
async fn texts_and_special_prices_of_branch_lines_survive_a_push() {
    for reading in ["with-texts", "with-texts,article-lines-replaced"] {
        let (merchant, integration) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        let before = merchant.pos.branch_lines();
        let line = before.iter().find(|line| line.sales_price_incl.is_some()).unwrap();
        let location = merchant
            .locations()
            .await
            .into_iter()
            .find(|location| {
                location.external_ids.mpluskassa.is_some_and(|branch| branch.get() == line.branch_number)
            })
            .unwrap()
            .record
            .id;
        let item = merchant
            .items()
            .await
            .into_iter()
            .find(|item| {
                item.external_ids.mpluskassa.is_some_and(|number| number.get() == line.article_number)
            })
            .unwrap();
        edit(&merchant, ItemEdit::of(item.record.id).price_at(location, euros(777)), 60).await;
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(report.failures.is_empty(), "{report}");
        let after = merchant.pos.branch_lines();
        assert_eq!(after.len(), before.len(), "{reading}");
        for (after, before) in after.iter().zip(&before) {
            assert_eq!(
                (&after.description, &after.special_price),
                (&before.description, &before.special_price)
            );
        }
        let changed = after
            .iter()
            .find(|one| (one.article_number, one.branch_number) == (line.article_number, line.branch_number));
        assert_eq!(changed.unwrap().sales_price_incl, Some(euros(777).into()));
    }
}

#[tokio::test]
async fn a_price_group_of_the_sales_channel_goes_before_the_articles_price_and_is_not_pushed() {
    use mplus_qapi::types::PriceGroup;

    let (merchant, _) = synced().await;
    let (dish, drink) = (merchant.article(DISH), merchant.article(DRINK));
    let group = |number, price| PriceGroup {
        price_group_number: number,
        price_incl: price,
        discount_percentage: Some(10),
        ..PriceGroup::default()
    };
    merchant.pos.change_article(dish, |article| {
        article.price_group_list = vec![group(3, Some(euros(700))), group(4, Some(euros(750)))].into();
    });
    merchant.pos.change_article(drink, |article| article.price_group_list = vec![group(4, None)].into());
    let integration = open(&merchant, |settings| settings.price_group = Some(4)).await;
    let before = merchant.item(DRINK).await.record.price;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DISH).await.record.price, Some(euros(750)));
    assert_eq!(merchant.item(DRINK).await.record.price, before);
    assert!(report.skipped.first.iter().any(|note| note.message.contains("discount (10)")), "{report}");
    // Switched off and on again: the articles do not change at the POS meanwhile.
    open(&merchant, |_| ()).await.sync_menu(&RunOptions::manual()).await;
    let own = merchant.pos.article(dish).unwrap().price_incl;
    assert_eq!(merchant.item(DISH).await.record.price, own);
    integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DISH).await.record.price, Some(euros(750)));

    edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(800)), 60).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.manual_actions.total, 1, "{report}");
    assert_ne!(merchant.pos.article(dish).unwrap().price_incl, Some(euros(800)));
}

#[tokio::test]
async fn a_rate_that_changes_reaches_branch_prices_that_are_told_without_vat() {
    let dialect: Dialect = "exclusive-only,vat-rises".parse().unwrap();
    let (merchant, integration) = synced_at(Pos::brasserie().with_dialect(dialect)).await;
    let low = Some(Decimal::from(9));
    let priced = |item: &mplus_sync::model::Item| item.tax_rate == low && !item.location_prices.is_empty();
    let before: Vec<_> = merchant.items().await.into_iter().map(|item| item.record).filter(priced).collect();
    assert!(!before.is_empty());
    merchant.pos.pass(std::time::Duration::from_secs(4 * 3600));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    for old in before {
        let now = merchant.item(&old.name).await.record;
        assert_eq!(now.tax_rate, Some(21.into()), "{}", old.name);
        for own in &old.location_prices {
            let price = now.price_at(&own.location);
            assert_ne!(price, Some(own.price), "{}: {report}", old.name);
            let is_told = report
                .skipped
                .first
                .iter()
                .any(|note| note.subject.as_ref().is_some_and(|subject| subject.name == old.name));
            assert!(price.is_some() || is_told, "{}: {report}", old.name);
        }
    }
}

#[tokio::test]
async fn a_rate_that_changes_reaches_a_price_without_vat_also_when_the_run_that_saw_it_first_breaks_off() {
    let (merchant, integration) =
        synced_at(Pos::brasserie().with_dialect("vat-rises".parse::<Dialect>().unwrap())).await;
    let dish = merchant.article(DISH);
    merchant.pos.change_article(dish, |article| {
        (article.price_incl, article.price_excl) = (None, Some(euros(1000)));
    });
    integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.item(DISH).await.record.price, Some(euros(1090)));
    merchant.pos.pass(std::time::Duration::from_secs(4 * 3600));
    merchant.pos.faults().script_for("getProducts", [Fault::Garbage; 20]);
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_ne!(report.outcome, RunOutcome::Completed, "{report}");
    merchant.pos.faults().clear();
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let item = merchant.item(DISH).await.record;
    assert_eq!((item.tax_rate, item.price), (Some(21.into()), Some(euros(1210))), "{report}");
}

fn is_told(report: &mplus_sync::report::RunReport, text: &str) -> bool {
    report.skipped.first.iter().any(|note| note.message.contains(text))
}

#[tokio::test]
async fn a_pos_that_does_not_say_what_is_for_the_web_shop_switches_nothing_off_by_it() {
    for reading in ["side-elements-absent", "side-elements-empty"] {
        let (merchant, _) =
            synced_at(Pos::brasserie().with_dialect(reading.parse::<Dialect>().unwrap())).await;
        let sold = async || merchant.items().await.into_iter().filter(|item| item.record.active).count();
        let before = sold().await;
        let webshop = open(&merchant, |settings| settings.webshop_only = true).await;
        for options in [RunOptions::manual(), RunOptions::full(SyncContext::Scheduled)] {
            let report = webshop.sync_menu(&options).await;
            assert_eq!(sold().await, before, "{reading}: {report}");
            assert!(is_told(&report, "whether they are for the web shop: that stays as it was"), "{report}");
        }
    }
}

#[tokio::test]
async fn what_is_not_for_the_web_shop_is_not_sold_there_and_stays_so_when_the_pos_says_it_no_more() {
    let (merchant, _) = synced().await;
    let (dish, drink) = (merchant.article(DISH), merchant.article(DRINK));
    merchant.pos.change_article(drink, |article| article.webshop = Some(false));
    let sold = async || (merchant.item(DISH).await.record.active, merchant.item(DRINK).await.record.active);
    let webshop = |settings: &mut MerchantSettings| settings.webshop_only = true;
    open(&merchant, webshop).await.sync_menu(&RunOptions::manual()).await;
    assert_eq!(sold().await, (true, false));

    let silent = Doctored::new(&merchant.pos, "getProducts", |answer| answer.replace("webshop>", "eshop>"));
    let mut settings = MerchantSettings::default();
    webshop(&mut settings);
    let host = merchant.host_with(Arc::clone(&merchant.store), silent).with_settings(settings);
    let silent = Integration::open(host, Merchant::id()).await.unwrap();
    merchant.pos.set_price(dish, euros(700));
    merchant.pos.set_price(drink, euros(300));
    for options in [RunOptions::manual(), RunOptions::full(SyncContext::Manual)] {
        let report = silent.sync_menu(&options).await;
        assert_eq!(sold().await, (true, false), "{report}");
        assert_eq!(merchant.item(DRINK).await.record.price, Some(euros(300)), "{report}");
    }
    merchant.pos.change_article(drink, |article| article.webshop = Some(true));
    open(&merchant, webshop).await.sync_menu(&RunOptions::manual()).await;
    assert_eq!(sold().await, (true, true));
}

#[tokio::test]
async fn a_menu_that_leaves_the_web_shop_in_bulk_is_told() {
    let (merchant, _) = synced().await;
    for item in merchant.items().await.iter().take(5) {
        let number = item.external_ids.mpluskassa.unwrap().get();
        merchant.pos.change_article(number, |article| article.webshop = Some(false));
    }
    let webshop = open(&merchant, |settings| settings.webshop_only = true).await;
    let report = webshop.sync_menu(&RunOptions::manual()).await;
    assert!(
        is_told(&report, "5 items were switched off: the POS says that they are not for the web shop"),
        "{report}"
    );
}

#[tokio::test]
async fn a_service_that_tells_no_pictures_is_not_asked_for_them_at_each_sync() {
    let (merchant, integration) =
        synced_at(Pos::brasserie().with_dialect("no-getImages".parse::<Dialect>().unwrap())).await;
    let asked = merchant.pos.requests().count("getImages");
    merchant.pos.set_price(merchant.article(DISH), euros(815));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.pos.requests().count("getImages"), asked);
    assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
    assert!(asked > 0 && integration.status().await.unwrap().unwrap().lacking.contains("getImages"));
}

#[tokio::test]
async fn a_call_that_is_refused_costs_what_it_tells_and_nothing_else() {
    for refused in ["getVatGroupList", "getArticleBranchDeviations", "getArticlesPreparationMethodGroups"] {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let pos = Scripted::new(&merchant.pos);
        pos.refuse(refused, "");
        let host = merchant.host_with(Arc::clone(&merchant.store), pos.clone());
        let integration = Integration::open(host, Merchant::id()).await.unwrap();
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{refused}: {report}");
        let told = |note: &str| note.contains("This user may not do that");
        assert!(report.failures.first.iter().any(|note| told(&note.message)), "{refused}: {report}");
        edit(&merchant, ItemEdit::of(merchant.item(DISH).await.record.id).price(euros(1111)), 60).await;
        integration.sync_menu(&RunOptions::manual()).await;
        let price = merchant.pos.article(merchant.article(DISH)).unwrap().price_incl;
        assert_eq!(price, Some(euros(1111)), "{refused}");
        // Allowed again, all is as if it always had been.
        pos.allow();
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(report.failures.is_empty(), "{refused}: {report}");
        let other = Merchant::new(merchant.pos.clone());
        other.connect().await.sync_menu(&RunOptions::manual()).await;
        let held = async |merchant: &Merchant| {
            merchant.items().await.into_iter().map(|item| item.record).collect::<Vec<_>>()
        };
        assert_eq!(held(&merchant).await, held(&other).await, "{refused}");
    }
}

#[tokio::test]
async fn a_refused_sort_of_groups_costs_that_sort_alone_and_the_connection_is_well() {
    for refused in
        ["getPreparationMethodGroups", "getArticleAlterationsGroups", "getNutritionalCharacteristics"]
    {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let pos = Scripted::new(&merchant.pos);
        pos.refuse(refused, "");
        let host = merchant.host_with(Arc::clone(&merchant.store), pos.clone());
        let integration = Integration::open(host, Merchant::id()).await.unwrap();
        for _ in 0..2 {
            let report = integration.sync_menu(&RunOptions::manual()).await;
            assert_eq!(report.outcome, RunOutcome::Completed, "{refused}: {report}");
        }
        let status = integration.status().await.unwrap().unwrap();
        assert_eq!(status.status, ConnectionStatus::Connected, "{refused}");
        let sources: BTreeSet<_> = merchant
            .groups()
            .await
            .into_iter()
            .filter_map(|group| {
                Some(group.external_ids.mpluskassa?.source == ModifierSource::PreparationMethod)
            })
            .collect();
        let wanted = match refused {
            "getPreparationMethodGroups" => [false].into(),
            "getArticleAlterationsGroups" => [true].into(),
            _ => BTreeSet::from([false, true]),
        };
        assert_eq!(sources, wanted, "{refused}");
    }
}

#[tokio::test]
async fn a_name_that_was_made_up_never_goes_before_the_one_of_the_pos() {
    let (merchant, _) = synced().await;
    let integration = open(&merchant, |settings| settings.conflicts = Unit::Record).await;
    let number = merchant.article(DISH);
    merchant.pos.change_article(number, |article| article.description = Some(String::new()));
    integration.sync_menu(&RunOptions::manual()).await;
    let nameless = merchant.item(&format!("Article {number}")).await.record;
    edit(&merchant, ItemEdit::of(nameless.id).price(euros(1111)), 60).await;
    merchant.pos.change_article(number, |article| article.description = Some("Nasi".into()));
    integration.sync_menu(&RunOptions::manual()).await;
    let article = merchant.pos.article(number).unwrap();
    assert_eq!((article.description.as_deref(), article.price_incl), (Some("Nasi"), Some(euros(1111))));
    assert_eq!(merchant.item("Nasi").await.record.price, Some(euros(1111)));
}

#[tokio::test]
async fn a_line_of_branch_prices_that_comes_twice_is_one_price() {
    let (merchant, integration) = synced().await;
    let number = merchant.article(DISH);
    merchant.pos.set_branch_price(2, number, Some(euros(999)));
    integration.sync_menu(&RunOptions::manual()).await;
    let before = merchant.item(DISH).await.record.location_prices;
    let doubled = Doctored::new(&merchant.pos, "getArticleBranchDeviations", |answer| {
        let element = "articleBranchDeviationLines>";
        let begin = answer[..answer.find(element).unwrap()].rfind('<').unwrap();
        let end = answer.rfind(element).unwrap() + element.len();
        format!("{}{}{}", &answer[..end], &answer[begin..end], &answer[end..])
    });
    let integration = merchant.open_doctored(doubled).await;
    integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(merchant.item(DISH).await.record.location_prices, before);
}
