//! A run may end at any call, of the store or of the POS: the next one comes to the same state on both sides.

use std::sync::Arc;

use chrono::TimeDelta;
use mplus_qapi::products::{GetArticleBranchDeviations, GetProducts};
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{
    Category, CategoryEdit, Combo, ComboChoice, ComboEdit, ComboPart, Item, ItemEdit, ItemId, LocationId,
    LocationPrice,
};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::{CatalogEdits, MemoryStore, Page, Select, Store};
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::{FailAt, FaultyStore};

use crate::support::small_pos::{self, ARTICLES};
use crate::support::{Merchant, contents};

/// Where a merchant stands when the run begins that is disturbed.
#[derive(Debug, Clone, Copy)]
enum Situation {
    /// Connected, nothing pulled; the host has a dish and a combo of its own.
    First,
    /// In agreement before, and everything that can change was changed since, on both sides.
    Later,
}

/// A dish and a combo that the POS does not know, in a category that it does not know.
fn own_menu(combo_group: i32) -> CatalogEdits {
    let category = Category::new("own", "Our own");
    let dish = |id: &str, cents: i64| {
        let mut item = Item::new(id, format!("Our own {id}"));
        item.category = Some(category.id.clone());
        (item.price, item.tax_rate) = (Some(Decimal::new(cents, 2)), Some(9.into()));
        item
    };
    let mut combo = Combo::new("lunch", "Lunch");
    combo.category = Some(category.id.clone());
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choice = |item: &str| ComboChoice { item: ItemId::from(item), surcharge: Decimal::new(50, 2) };
    combo.parts = vec![ComboPart {
        number: combo_group,
        name: "Dessert".to_owned(),
        choices: vec![choice("pudding"), choice("cake")],
    }];
    let items = [dish("pudding", 650), dish("cake", 550)];
    let items = items.iter().map(ItemEdit::overwriting).collect();
    CatalogEdits {
        categories: vec![CategoryEdit::overwriting(&category)],
        items,
        combos: vec![ComboEdit::overwriting(&combo)],
    }
}

async fn prepared(situation: Situation, store: Arc<dyn Store>) -> Merchant {
    let (pos, groups) = small_pos::open().await;
    let merchant = Merchant::keeping(pos, store);
    let integration = merchant.connect().await;
    if let Situation::Later = situation {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
        changed_at_pos(&merchant.pos, groups).await;
        let edits = changed_on_host(&merchant).await;
        merchant
            .store
            .save_edits(&Merchant::id(), edits, merchant.pos.now() + TimeDelta::hours(1))
            .await
            .unwrap();
    }
    let edits = own_menu(groups.courses);
    merchant.store.save_edits(&Merchant::id(), edits, merchant.pos.now()).await.unwrap();
    merchant
}

/// Prices, a branch price, a picture, allergens, an article that is gone, modifier groups.
async fn changed_at_pos(pos: &Pos, groups: small_pos::Groups) {
    assert!(pos.set_price(ARTICLES[0], Decimal::new(1111, 2)));
    assert!(pos.change_article(ARTICLES[1], |article| article.discontinued = Some(true)));
    assert!(pos.change_article(ARTICLES[2], |article| article.nutritional_characteristics = None));
    pos.set_branch_price(2, ARTICLES[0], Some(Decimal::new(1212, 2)));
    small_pos::add_picture(pos, 2, 2).await;
    assert!(pos.delete_preparation_group(groups.cooking));
    assert!(pos.delete_alterations_group(groups.extras));
}

/// Prices, one of them in conflict with the POS's, branch prices, a name, a category.
async fn changed_on_host(merchant: &Merchant) -> CatalogEdits {
    let mut items: Vec<Item> = merchant.items().await.into_iter().map(|item| item.record).collect();
    items.retain(|item| [0, 3, 4].iter().any(|at| item.id == ItemId::for_article(ARTICLES[*at].into())));
    let [conflicting, edited, branch] = &mut items[..] else { panic!("{items:?}") };
    conflicting.price = Some(Decimal::new(999, 2));
    (edited.price, edited.name) = (Some(Decimal::new(888, 2)), "Renamed by the host".to_owned());
    let location = LocationId::from("mpluskassa-2");
    branch.location_prices = vec![LocationPrice { location, price: Decimal::new(777, 2) }];
    let mut category = merchant.categories().await.remove(0).record;
    category.name = "Renamed".to_owned();
    let items = items.iter().map(ItemEdit::overwriting).collect();
    CatalogEdits { items, categories: vec![CategoryEdit::overwriting(&category)], ..CatalogEdits::default() }
}

async fn run(merchant: &Merchant, store: Arc<dyn Store>) {
    if let Ok(integration) = Integration::open(merchant.host_over(store), Merchant::id()).await {
        integration.sync_menu(&RunOptions::manual()).await;
    }
}

/// What both sides have after undisturbed runs: the second takes in the echo of the first, the third finds nothing.
async fn state(merchant: &Merchant) -> Vec<String> {
    // A lease that was not given back ends by itself.
    merchant.runtime.pass(TimeDelta::hours(1));
    let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    for last in [false, false, true] {
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
        assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
        assert!(!last || (report.writes, report.requests) == (0, 4), "{report}");
    }
    let mut lines = Vec::new();
    let mut tell = |what: &dyn std::fmt::Debug| lines.push(format!("{what:?}"));
    contents(merchant.items().await).iter().for_each(|item| tell(item));
    contents(merchant.categories().await).iter().for_each(|category| tell(category));
    contents(merchant.groups().await).iter().for_each(|group| tell(group));
    contents(merchant.locations().await).iter().for_each(|location| tell(location));
    let combos = merchant.store.combos(&Merchant::id(), Select::Page(Page::first(100))).await.unwrap();
    for combo in &combos {
        tell(&combo.external_ids.mpluskassa.and_then(|number| merchant.pos.menu(number.get())));
    }
    contents(combos).iter().for_each(|combo| tell(combo));
    let client = merchant.pos.client();
    let mut products = client.call(GetProducts::default()).await.unwrap().product_list;
    products.sort_by_key(|product| product.product_number);
    for mut product in products {
        product.sync_marker = None;
        for article in &mut *product.article_list {
            (article.sync_marker, article.change_timestamp, article.create_timestamp) = (None, None, None);
        }
        tell(&product);
    }
    let deviations = client.call(GetArticleBranchDeviations::default()).await.unwrap();
    deviations.article_branch_deviation_lines.iter().for_each(|line| tell(line));
    lines
}

/// Shows the lines that differ only.
fn assert_same(state: &[String], undisturbed: &[String], what: &str) {
    let lacking: Vec<_> = undisturbed.iter().filter(|line| !state.contains(line)).collect();
    let surplus: Vec<_> = state.iter().filter(|line| !undisturbed.contains(line)).collect();
    assert!(state == undisturbed, "{what}: lacking {lacking:#?}, instead {surplus:#?}");
}

async fn store_fails_at_every_call(situation: Situation) {
    let merchant = prepared(situation, Arc::new(MemoryStore::new())).await;
    let counting = Arc::new(FaultyStore::counting(Arc::clone(&merchant.store)));
    run(&merchant, Arc::clone(&counting) as _).await;
    let calls = counting.calls();
    let undisturbed = state(&merchant).await;
    assert!(calls > 30, "{calls}");
    for call in 1..=calls {
        for fault in [
            FailAt::before(call),
            FailAt::after(call),
            FailAt::before(call).and_all_later(),
            FailAt::after(call).and_all_later(),
        ] {
            let merchant = prepared(situation, Arc::new(MemoryStore::new())).await;
            run(&merchant, Arc::new(FaultyStore::failing(Arc::clone(&merchant.store), fault))).await;
            assert_same(&state(&merchant).await, &undisturbed, &format!("{fault:?}"));
        }
    }
}

/// Not carried out, carried out with the answer lost, half an answer, and one that is none.
const FAULTS: [Fault; 5] =
    [Fault::Refused, Fault::ResetBefore, Fault::ResetAfter, Fault::Truncated, Fault::ServerFault];

async fn pos_fails_at_every_call(situation: Situation) {
    let merchant = prepared(situation, Arc::new(MemoryStore::new())).await;
    let before = merchant.pos.requests();
    run(&merchant, Arc::clone(&merchant.store)).await;
    let after = merchant.pos.requests();
    for operation in ["getImages", "getArticlesPreparationMethodGroups", "createProduct", "updateArticleMenu"]
    {
        assert!(after.count(operation) > before.count(operation), "{operation} is part of it");
    }
    let undisturbed = state(&merchant).await;
    for call in 0..usize::try_from(after.total() - before.total()).unwrap() {
        for fault in FAULTS {
            let merchant = prepared(situation, Arc::new(MemoryStore::new())).await;
            let mut script = vec![None; call];
            // Often enough that a repeat does not heal it.
            script.extend([Some(fault); 6]);
            merchant.pos.faults().script(script);
            run(&merchant, Arc::clone(&merchant.store)).await;
            merchant.pos.faults().clear();
            assert_same(&state(&merchant).await, &undisturbed, &format!("{fault:?} at call {call}"));
        }
    }
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_in_a_first_sync_the_next_run_comes_to_the_same_state() {
    store_fails_at_every_call(Situation::First).await;
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_when_both_sides_changed_the_next_run_comes_to_the_same_state() {
    store_fails_at_every_call(Situation::Later).await;
}

#[tokio::test]
async fn whichever_call_of_the_pos_fails_in_a_first_sync_the_next_run_comes_to_the_same_state() {
    pos_fails_at_every_call(Situation::First).await;
}

#[tokio::test]
async fn whichever_call_of_the_pos_fails_when_both_sides_changed_the_next_run_comes_to_the_same_state() {
    pos_fails_at_every_call(Situation::Later).await;
}

/// As a killed process does: nothing of the run is polled any more, from the first wait after so many calls of the store.
/// What the store was told to do is done all the same.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_run_that_is_dropped_after_any_call_of_the_store_leaves_a_state_that_the_next_one_completes() {
    use std::task::Poll;

    use mplus_sync::store::SqliteStore;

    for situation in [Situation::First, Situation::Later] {
        let store = || async { Arc::new(SqliteStore::in_memory().await.unwrap()) };
        let merchant = prepared(situation, store().await).await;
        run(&merchant, Arc::clone(&merchant.store)).await;
        let undisturbed = state(&merchant).await;
        for calls in 1.. {
            let merchant = prepared(situation, store().await).await;
            let counted = Arc::new(FaultyStore::counting(Arc::clone(&merchant.store)));
            let mut run = Box::pin(run(&merchant, Arc::clone(&counted) as _));
            std::future::poll_fn(|context| match run.as_mut().poll(context) {
                Poll::Pending if counted.calls() < calls => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
            drop(run);
            assert_same(&state(&merchant).await, &undisturbed, &format!("{situation:?}, {calls} calls"));
            if counted.calls() < calls {
                assert!(calls > 20, "{calls}");
                break;
            }
        }
    }
}
