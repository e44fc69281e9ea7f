//! Answers that are cut or empty, and a POS that was put back: nothing is taken away by them in bulk, and nothing is missed.

use std::collections::BTreeMap;
use std::sync::Arc;

use mplus_qapi::preparation::{
    UpdateArticlePreparationMethodGroups, UpdateArticlePreparationMethodGroupsRequest,
};
use mplus_qapi::products::{Article, CreateProduct, Product};
use mplus_qapi::testkit::Pos;
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{Item, ItemEdit, Resource, Tracked};
use mplus_sync::report::{RunOutcome, RunReport};
use mplus_sync::store::CatalogEdits;
use mplus_sync::sync::RunOptions;

use crate::support::{Doctored, Merchant, Scripted};

const DISH: &str = "Dame blanche";
const DRINK: &str = "Coca-Cola";

/// The answer without the elements of this name, but for the first ones.
fn cut(answer: &str, element: &str, kept: usize) -> String {
    let name = format!("{element}>");
    let opens = |at: usize| answer[..at].rfind('<').is_some_and(|begin| !answer[begin..].starts_with("</"));
    let ends: Vec<usize> = answer.match_indices(&name).map(|(at, _)| at).filter(|at| !opens(*at)).collect();
    let begins = answer.match_indices(&name).map(|(at, _)| at).filter(|at| opens(*at));
    let Some(from) = begins.map(|at| answer[..at].rfind('<').unwrap()).nth(kept) else {
        return answer.to_owned();
    };
    let to = ends.last().unwrap() + name.len();
    format!("{}{}", &answer[..from], &answer[to..])
}

async fn open_cut(
    merchant: &Merchant,
    operation: &'static str,
    element: &'static str,
    kept: usize,
) -> Integration {
    merchant
        .open_doctored(Doctored::new(&merchant.pos, operation, move |answer| cut(&answer, element, kept)))
        .await
}

fn is_asked(report: &RunReport, text: &str) -> bool {
    report.manual_actions.first.iter().any(|note| note.message.contains(text))
}

#[tokio::test]
async fn half_a_list_of_branch_prices_does_not_take_the_other_half_away() {
    let (merchant, integration) = Merchant::synced().await;
    for name in [DISH, DRINK, "Cappuccino", "Espresso"] {
        if let Some(article) = merchant.pos.article_number(name) {
            merchant.pos.set_branch_price(2, article, Some(Decimal::new(999, 2)));
        }
    }
    integration.sync_menu(&RunOptions::manual()).await;
    let own = async || {
        merchant.items().await.into_iter().map(|item| item.record.location_prices).collect::<Vec<_>>()
    };
    let before = own().await;
    let lines = merchant.pos.branch_lines().len();
    assert!(lines > 5, "{lines}");
    let half =
        open_cut(&merchant, "getArticleBranchDeviations", "articleBranchDeviationLines", lines / 2).await;
    for options in [RunOptions::manual(), RunOptions::full(SyncContext::Manual), RunOptions::manual()] {
        let report = half.sync_menu(&options).await;
        assert!(is_asked(&report, "branch prices no more"), "{report}");
        assert_eq!(own().await, before, "{report}");
    }
    half.sync_menu(&RunOptions::full(SyncContext::Manual).accepting_loss()).await;
    assert_ne!(own().await, before);
    let report = half.sync_menu(&RunOptions::manual()).await;
    assert!(report.manual_actions.is_empty(), "what was accepted is not asked again: {report}");
}

#[tokio::test]
async fn an_empty_answer_takes_no_choices_off_the_dishes_that_need_them() {
    let (merchant, _) = Merchant::synced().await;
    let links = async || {
        merchant.items().await.into_iter().map(|item| item.record.modifier_groups).collect::<Vec<_>>()
    };
    let before = links().await;
    let linked = before.iter().filter(|groups| !groups.is_empty()).count();
    assert!(linked > 2, "{linked}");
    let operation = "getArticlesPreparationMethodGroups";
    let empty = open_cut(&merchant, operation, "articlePreparationMethodGroups", 0).await;
    let report = empty.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(links().await, before, "{report}");
    assert!(is_asked(&report, "lists no choices any more"), "{report}");
}

#[tokio::test]
async fn an_empty_answer_takes_no_choices_off_the_one_dish_that_changed() {
    let (merchant, integration) = Merchant::synced().await;
    let items = merchant.items().await;
    let dish = items.iter().find(|item| !item.record.modifier_groups.is_empty()).unwrap();
    let number = dish.external_ids.mpluskassa.unwrap().get();
    merchant.pos.set_price(number, Decimal::new(1234, 2));
    let operation = "getArticlesPreparationMethodGroups";
    let empty = open_cut(&merchant, operation, "articlePreparationMethodGroups", 0).await;
    let report = empty.sync_menu(&RunOptions::manual()).await;
    let held = merchant.item(&dish.record.name).await.record;
    assert_eq!(held.price, Some(Decimal::new(1234, 2)));
    assert_eq!(held.modifier_groups, dish.record.modifier_groups, "{report}");
    assert!(is_asked(&report, "lists no choices any more"), "{report}");
    // What is taken off indeed goes, also when the dish is alone in its page.
    integration.sync_menu(&RunOptions::manual()).await;
    unlink(&merchant, number).await;
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(merchant.item(&dish.record.name).await.record.modifier_groups.is_empty(), "{report}");
}

async fn unlink(merchant: &Merchant, article_number: i64) {
    let request = UpdateArticlePreparationMethodGroupsRequest {
        article_number,
        preparation_method_group_numbers: Vec::new(),
    };
    let unlink = UpdateArticlePreparationMethodGroups { request };
    merchant.pos.client().call(unlink).await.unwrap();
    merchant.pos.set_price(article_number, Decimal::new(1235, 2));
}

#[tokio::test]
async fn vat_groups_that_are_not_told_or_cut_take_no_rates_and_the_menu_goes_on() {
    let rates = async |merchant: &Merchant| {
        let items = merchant.items().await.into_iter();
        items.map(|item| (item.record.id, item.record.tax_rate)).collect::<BTreeMap<_, _>>()
    };
    // So many groups are told; none where the call is refused.
    for told in [Some(0), Some(1), None] {
        let (merchant, integration) = Merchant::synced().await;
        let before = rates(&merchant).await;
        let pos = Scripted::new(&merchant.pos);
        let poor = match told {
            Some(told) => open_cut(&merchant, "getVatGroupList", "vatGroup", told).await,
            None => {
                pos.refuse("getVatGroupList", "");
                let host = merchant.host_with(Arc::clone(&merchant.store), pos);
                Integration::open(host, Merchant::id()).await.unwrap()
            }
        };
        merchant.pos.set_price(merchant.article(DISH), Decimal::new(700, 2));
        let article = Article {
            description: Some("Limonade".to_owned()),
            price_incl: Some(Decimal::new(300, 2)),
            vat_code: Some(2),
            ..Article::default()
        };
        let product = Product { article_list: vec![article].into(), ..Product::default() };
        merchant.pos.client().call(CreateProduct { product }).await.unwrap();
        for options in [RunOptions::manual(), RunOptions::full(SyncContext::Manual)] {
            let report = poor.sync_menu(&options).await;
            assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
            let notes = report.manual_actions.first.iter().chain(&report.failures.first);
            assert!(notes.filter(|note| note.message.contains("rates were left")).count() == 1, "{report}");
            let mut now = rates(&merchant).await;
            let new = merchant.item("Limonade").await.record;
            assert_eq!(now.remove(&new.id), Some(Some(9.into())), "as others of its code: {report}");
            assert_eq!(now, before, "{told:?}: {report}");
            assert_eq!(merchant.item(DISH).await.record.price, Some(Decimal::new(700, 2)), "{report}");
        }
        // What needs a code waits, and everything else goes.
        let dish = merchant.item(DISH).await.record;
        let mut own = Item::new("own", "Our own");
        (own.category, own.price) = (dish.category.clone(), dish.price);
        own.tax_rate = Some(9.into());
        let edits = vec![ItemEdit::of(dish.id).price(Decimal::new(888, 2)), ItemEdit::making(&own)];
        let edits = CatalogEdits { items: edits, ..CatalogEdits::default() };
        let now = merchant.pos.now() + chrono::TimeDelta::hours(1);
        merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
        let report = poor.sync_menu(&RunOptions::manual()).await;
        let price = merchant.pos.article(merchant.article(DISH)).unwrap().price_incl;
        assert_eq!(price, Some(Decimal::new(888, 2)), "{report}");
        assert_eq!(merchant.pos.article_number("Our own"), None, "{report}");
        integration.sync_menu(&RunOptions::manual()).await;
        assert!(merchant.pos.article_number("Our own").is_some());
        integration.sync_menu(&RunOptions::manual()).await;
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!((report.writes, report.failures.total), (0, 0), "{report}");
        assert!(rates(&merchant).await.values().all(Option::is_some));
    }
}

#[tokio::test]
async fn rates_that_a_person_says_are_gone_go() {
    let (merchant, _) = Merchant::synced().await;
    let cut = open_cut(&merchant, "getVatGroupList", "vatGroup", 1).await;
    cut.sync_menu(&RunOptions::full(SyncContext::Manual).accepting_loss()).await;
    assert_eq!(merchant.item(DISH).await.record.tax_rate, None);
}

#[tokio::test]
async fn what_the_pos_has_no_more_keeps_the_hosts_edits_and_holds_no_others_back() {
    let merchant = Merchant::new(Pos::brasserie().with_dialect("deleted-is-gone".parse().unwrap()));
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    let items = merchant.items().await;
    let pair = items.iter().find_map(|gone| {
        let is_beside = |item: &&Tracked<Item>| {
            item.record.category == gone.record.category && item.record.id != gone.record.id
        };
        Some((gone.clone(), items.iter().find(is_beside)?.clone()))
    });
    let (gone, neighbour) = pair.unwrap();
    merchant.pos.delete_article(gone.external_ids.mpluskassa.unwrap().get());
    let edits =
        [gone.record.id.clone(), neighbour.record.id].map(|id| ItemEdit::of(id).price(Decimal::new(1111, 2)));
    let edits = CatalogEdits { items: edits.into(), ..CatalogEdits::default() };
    let now = merchant.pos.now() + chrono::TimeDelta::hours(1);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
    let report = integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    let held = merchant.items().await.into_iter().find(|item| item.record.id == gone.record.id).unwrap();
    assert!(!held.record.active && !held.edits.is_empty(), "{report}");
    assert!(is_asked(&report, "the edit waits"), "{report}");
    let number = neighbour.external_ids.mpluskassa.unwrap().get();
    assert_eq!(merchant.pos.article(number).unwrap().price_incl, Some(Decimal::new(1111, 2)), "{report}");
}

#[tokio::test]
async fn a_backup_whose_markers_have_caught_up_is_noticed_at_the_next_sync() {
    let (merchant, integration) = Merchant::synced().await;
    for cents in 700..720 {
        merchant.pos.set_price(merchant.article(DISH), Decimal::new(cents, 2));
    }
    integration.sync_menu(&RunOptions::manual()).await;
    // Last night's state, in which more was changed since than what was undone.
    let restored = Pos::brasserie();
    for cents in 300..340 {
        restored.set_price(merchant.article(DRINK), Decimal::new(cents, 2));
    }
    let host = merchant.host_with(Arc::clone(&merchant.store), restored);
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let undone = Pos::brasserie().article(merchant.article(DISH)).unwrap().price_incl;
    assert_eq!(merchant.item(DISH).await.record.price, undone, "{report}");
    assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::new(339, 2)));
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert!(report.counts.get(&Resource::ARTICLES).is_none_or(|counts| counts.pulled == 0), "{report}");
}

#[tokio::test]
async fn an_edit_of_a_product_that_the_pos_shows_in_part_takes_no_article_away_and_waits() {
    let dialect = "update-replaces-products".parse().unwrap();
    let merchant = Merchant::new(Pos::generated(5, 11).with_dialect(dialect));
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    let all: Vec<i64> = merchant.items().await.iter().map(number_of).collect();
    let edited = all[0];
    let item = merchant.items().await.remove(0).record;
    assert!(merchant.items().await.iter().filter(|one| one.record.category == item.category).count() > 2);
    // A run looks at the article that changed last.
    merchant.pos.set_price(edited, Decimal::new(700, 2));
    integration.sync_menu(&RunOptions::manual()).await;
    let edits = vec![ItemEdit::of(item.id).price(Decimal::new(1111, 2))];
    let edits = CatalogEdits { items: edits, ..CatalogEdits::default() };
    let now = merchant.pos.now() + chrono::TimeDelta::hours(1);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
    // The others are shown when they are asked for, or not even then.
    for shown in [1, 0] {
        let doctored = Doctored::new(&merchant.pos, "getProducts", move |answer| {
            cut(&answer, "article", if answer.contains(&edited.to_string()) { 1 } else { shown })
        });
        let report = merchant.open_doctored(doctored).await.sync_menu(&RunOptions::manual()).await;
        assert!(is_asked(&report, "does not show the product whole"), "{report}");
        assert_eq!(merchant.pos.requests().count("updateProduct"), 0, "{report}");
    }
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(merchant.pos.article(edited).unwrap().price_incl, Some(Decimal::new(1111, 2)), "{report}");
    assert!(all.iter().all(|article| merchant.pos.article(*article).is_some()), "{report}");
}

fn number_of(item: &Tracked<Item>) -> i64 {
    item.external_ids.mpluskassa.unwrap().get()
}
