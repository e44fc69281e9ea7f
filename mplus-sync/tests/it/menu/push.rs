//! Pushing the host's edits, and conflicts with the POS's.

use chrono::TimeDelta;
use mplus_qapi::testkit::Fault;
use mplus_qapi::value::Decimal;
use mplus_sync::conflict::{SyncContext, Why, Winner};
use mplus_sync::model::{
    Category, CategoryEdit, CategoryId, Combo, ComboChoice, ComboEdit, ComboId, ComboPart, Item, ItemEdit,
    ItemId, LocationId, LocationPrice, Resource, Tracked,
};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::{CatalogEdits, Select};
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

const DISH: &str = "Dame blanche";

/// The host edits at the POS's present time plus so many minutes.
async fn edit(merchant: &Merchant, edits: CatalogEdits, minutes: i64) {
    let now = merchant.pos.now() + TimeDelta::minutes(minutes);
    merchant.store.save_edits(&Merchant::id(), edits, now).await.unwrap();
}

fn items(items: Vec<Item>) -> CatalogEdits {
    CatalogEdits { items: items.iter().map(ItemEdit::overwriting).collect(), ..CatalogEdits::default() }
}

async fn by_id(merchant: &Merchant, id: &str) -> Tracked<Item> {
    let select = Select::Ids(vec![ItemId::from(id)]);
    merchant.store.items(&Merchant::id(), select).await.unwrap().remove(0)
}

fn new_item(id: &str, category: &CategoryId, price: i64) -> Item {
    let mut item = Item::new(id, format!("Dish {id}"));
    item.category = Some(category.clone());
    item.price = Some(Decimal::new(price, 2));
    item.tax_rate = Some(9.into());
    item
}

#[tokio::test]
async fn an_edit_reaches_the_pos_and_its_echo_is_no_conflict_and_no_write() {
    let (merchant, integration) = Merchant::synced().await;
    let mut item = merchant.item(DISH).await.record;
    (item.price, item.description) = (Some(Decimal::new(995, 2)), Some("With warm chocolate".to_owned()));
    edit(&merchant, items(vec![item.clone()]), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((report.counts[&Resource::ARTICLES].pushed, report.conflicts.total), (1, 0), "{report}");
    let article = merchant.pos.article(merchant.article(DISH)).unwrap();
    assert_eq!((article.price_incl, article.extra_text), (item.price, item.description.clone()));
    let pushed = merchant.item(DISH).await;
    assert_eq!(pushed.edited_at(), None);

    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((report.counts[&Resource::ARTICLES].pulled, report.conflicts.total), (0, 0), "{report}");
    assert_eq!(merchant.item(DISH).await, pushed);
    let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((requests, report.writes), (4, 0));
}

#[tokio::test]
async fn in_a_manual_sync_the_later_change_wins_and_in_a_webhook_the_pos() {
    let cases = [
        (SyncContext::Manual, 60, Winner::Host, Why::HostIsLater),
        (SyncContext::Manual, -60, Winner::Pos, Why::PosIsLater),
        (SyncContext::Webhook, 60, Winner::Pos, Why::Webhook),
    ];
    for (context, minutes, winner, why) in cases {
        let (merchant, integration) = Merchant::synced().await;
        let article = merchant.article(DISH);
        merchant.pos.set_price(article, Decimal::new(700, 2));
        let mut item = merchant.item(DISH).await.record;
        item.price = Some(Decimal::new(999, 2));
        edit(&merchant, items(vec![item]), minutes).await;
        let (report, _) = merchant.sync(&integration, &RunOptions::incremental(context)).await;
        assert_eq!(report.conflicts.total, 1, "{report}");
        let conflict = &report.conflicts.first[0];
        assert_eq!((conflict.winner, conflict.why), (winner, why));
        let price = conflict.fields.iter().find(|field| field.field == "price").unwrap();
        assert_eq!((price.pos.as_deref(), price.host.as_deref()), (Some("7.00"), Some("9.99")));
        let expected = Some(if winner == Winner::Host { Decimal::new(999, 2) } else { Decimal::new(700, 2) });
        assert_eq!(merchant.item(DISH).await.record.price, expected);
        assert_eq!(merchant.pos.article(article).unwrap().price_incl, expected);
        let (report, _) = merchant.sync(&integration, &RunOptions::incremental(context)).await;
        assert_eq!(report.conflicts.total, 0, "{report}");
    }
}

#[tokio::test]
async fn a_new_category_is_made_with_its_items_and_keeps_its_numbers() {
    let (merchant, integration) = Merchant::synced().await;
    let category = Category::new("specials", "Specials");
    let edits = CatalogEdits {
        categories: vec![CategoryEdit::making(&category)],
        ..items(vec![new_item("s-1", &category.id, 1250), new_item("s-2", &category.id, 1350)])
    };
    edit(&merchant, edits, 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty(), "{report}");
    let (one, two) = (by_id(&merchant, "s-1").await, by_id(&merchant, "s-2").await);
    let article = merchant.pos.article(two.external_ids.mpluskassa.unwrap().get()).unwrap();
    assert_eq!((article.price_incl, article.vat_code), (Some(Decimal::new(1350, 2)), Some(2)));
    assert_ne!(one.external_ids.mpluskassa, two.external_ids.mpluskassa);
    assert_eq!(merchant.pos.requests().carried_out("createProduct"), 1);
    let count = merchant.items().await.len();
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.conflicts.total, 0, "{report}");
    assert_eq!(merchant.items().await.len(), count, "the echo makes no second item");
}

#[tokio::test]
async fn a_product_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let (merchant, integration) = Merchant::synced().await;
    let category = Category::new("specials", "Specials");
    let edits = CatalogEdits {
        categories: vec![CategoryEdit::making(&category)],
        ..items(vec![new_item("s-1", &category.id, 1250)])
    };
    edit(&merchant, edits, 1).await;
    merchant.pos.faults().script_for("createProduct", [Fault::ResetAfter]);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    let note = &report.failures.first[0].message;
    assert!(
        note.starts_with("the POS may have it, and the next sync finds out: createProduct failed"),
        "{note}"
    );
    let count = merchant.items().await.len();
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty(), "{report}");
    assert_eq!(merchant.pos.requests().carried_out("createProduct"), 1);
    assert_eq!(merchant.items().await.len(), count);
    let item = by_id(&merchant, "s-1").await;
    assert!(item.external_ids.mpluskassa.is_some() && item.edited_at().is_none());
    let specials =
        merchant.categories().await.into_iter().find(|one| one.record.id.as_str() == "specials").unwrap();
    assert!(specials.external_ids.mpluskassa.is_some());
}

#[tokio::test]
async fn a_branch_price_of_the_host_is_pushed_and_taken_away_again() {
    let (merchant, integration) = Merchant::synced().await;
    let utrecht = LocationId::from("mpluskassa-2");
    let mut item = merchant.item(DISH).await.record;
    let own = LocationPrice { location: utrecht.clone(), price: Decimal::new(875, 2) };
    item.location_prices = vec![own];
    edit(&merchant, items(vec![item.clone()]), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.counts[&Resource::BRANCH_PRICES].pushed, 1, "{report}");
    assert_eq!(merchant.pos.requests().carried_out("updateProduct"), 0, "the article itself is as it was");
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.conflicts.is_empty(), "{report}");
    assert_eq!(merchant.item(DISH).await.record.price_at(&utrecht), Some(Decimal::new(875, 2)));
    let gone = ItemEdit::of(item.id).no_price_at(utrecht.clone());
    edit(&merchant, CatalogEdits { items: vec![gone], ..CatalogEdits::default() }, 2).await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    let item = merchant.item(DISH).await;
    assert_eq!((item.record.price_at(&utrecht), item.edited_at()), (item.record.price, None));
}

#[tokio::test]
async fn an_item_whose_tax_rate_has_no_code_is_left_out_and_named_and_the_others_go() {
    let (merchant, integration) = Merchant::synced().await;
    let category = merchant.item(DISH).await.record.category.unwrap();
    let mut odd = new_item("odd", &category, 500);
    odd.tax_rate = Some(13.into());
    let mut cheap = new_item("fraction", &category, 500);
    cheap.price = Some(Decimal::new(12345, 4));
    edit(&merchant, items(vec![odd, cheap, new_item("fine", &category, 500)]), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    let notes: Vec<_> = report.skipped.first.iter().map(|note| note.message.as_str()).collect();
    assert!(notes.contains(&"Tax mismatch: 13 % is not in the tax mapping"), "{notes:?}");
    assert!(notes.contains(&"the price 1.2345 has more than two decimals"), "{notes:?}");
    assert!(by_id(&merchant, "fine").await.external_ids.mpluskassa.is_some());
    assert!(by_id(&merchant, "odd").await.edited_at().is_some(), "it goes once it is put right");
}

#[tokio::test]
async fn a_choice_removed_from_a_combo_is_left_to_a_person() {
    let (merchant, integration) = Merchant::synced().await;
    let category = merchant.item(DISH).await.record.category.unwrap();
    let (one, two) = (merchant.item(DISH).await.record.id, merchant.item("Crème brûlée").await.record.id);
    let choice = |item: &ItemId| ComboChoice { item: item.clone(), surcharge: Decimal::new(50, 2) };
    let mut combo = Combo::new("lunch", "Lunch deal");
    combo.category = Some(category);
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    combo.parts =
        vec![ComboPart { number: 23, name: "Dessert".to_owned(), choices: vec![choice(&one), choice(&two)] }];
    let edits = |combo: &Combo| CatalogEdits {
        combos: vec![ComboEdit::overwriting(combo)],
        ..CatalogEdits::default()
    };
    edit(&merchant, edits(&combo), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty() && report.manual_actions.is_empty(), "{report}");
    let select = Select::Ids(vec![ComboId::from("lunch")]);
    let stored = merchant.store.combos(&Merchant::id(), select).await.unwrap().remove(0);
    let number = stored.external_ids.mpluskassa.unwrap().get();
    assert_eq!((merchant.pos.menu(number).unwrap().choices.len(), stored.edited_at()), (2, None));

    let count = merchant.items().await.len();
    combo.parts[0].choices.remove(0);
    edit(&merchant, edits(&combo), 2).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.manual_actions.total, 1, "{report}");
    let action = &report.manual_actions.first[0];
    assert!(
        action.message.ends_with("from group 23; the POS merges menus and still offers it"),
        "{}",
        action.message
    );
    assert_eq!(action.advice, "Remove the choice by hand in the MplusKASSA back office");
    assert_eq!(merchant.items().await.len(), count, "a combo's article is no item");
}

#[tokio::test]
async fn a_modifier_group_is_never_pushed() {
    let (merchant, integration) = Merchant::synced().await;
    let mut item = merchant.item(DISH).await.record;
    item.modifier_groups.clear();
    edit(&merchant, items(vec![item]), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed);
    let calls = merchant.pos.requests();
    let writes =
        ["savePreparationMethodGroup", "saveArticleAlterationsGroup", "updateArticlePreparationMethodGroups"];
    assert!(writes.iter().all(|write| calls.count(write) == 0));
    assert_eq!(calls.count("updateProduct"), 0, "nothing that both sides share was changed");
}

/// A combo that the POS has, and its article.
async fn with_combo(merchant: &Merchant, integration: &mplus_sync::Integration) -> (Combo, i64) {
    let dish = merchant.item(DISH).await.record;
    let mut combo = Combo::new("lunch", "Lunch deal");
    combo.category = dish.category;
    (combo.price, combo.tax_rate) = (Some(Decimal::new(1995, 2)), Some(9.into()));
    let choices = vec![ComboChoice { item: dish.id, surcharge: Decimal::ZERO }];
    combo.parts = vec![ComboPart { number: 23, name: "Dessert".to_owned(), choices }];
    edit_combo(merchant, ComboEdit::overwriting(&combo), 1).await;
    merchant.sync(integration, &RunOptions::manual()).await;
    let stored = combo_of(merchant).await;
    (stored.record, stored.external_ids.mpluskassa.unwrap().get())
}

async fn edit_combo(merchant: &Merchant, combo: ComboEdit, minutes: i64) {
    edit(merchant, CatalogEdits { combos: vec![combo], ..CatalogEdits::default() }, minutes).await;
}

async fn combo_of(merchant: &Merchant) -> Tracked<Combo> {
    let select = Select::Ids(vec![ComboId::from("lunch")]);
    merchant.store.combos(&Merchant::id(), select).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_the_till_changes_of_a_combo_reaches_the_host_and_no_edit_of_another_field_takes_it_back() {
    let (merchant, integration) = Merchant::synced().await;
    let (combo, number) = with_combo(&merchant, &integration).await;
    merchant.pos.change_article(number, |article| {
        (article.price_incl, article.turnover_group) = (Some(Decimal::new(2250, 2)), Some(7));
    });
    edit_combo(&merchant, ComboEdit::of(combo.id.clone()).name("Lunch of the day"), 60).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(report.conflicts.total, 0, "{report}");
    let held = combo_of(&merchant).await.record;
    let told = (held.name.as_str(), held.price, held.turnover_group);
    assert_eq!(told, ("Lunch of the day", Some(Decimal::new(2250, 2)), Some(7)), "{report}");
    let menu = merchant.pos.menu(number).unwrap();
    assert_eq!((menu.description.as_str(), menu.price_incl), ("Lunch of the day", Decimal::new(2250, 2)));

    // Both changed the price: who was later has it.
    for (minutes, winner) in [(-60, Winner::Pos), (60, Winner::Host)] {
        edit_combo(&merchant, ComboEdit::of(combo.id.clone()).price(Decimal::new(1111, 2)), minutes).await;
        merchant.pos.set_price(number, Decimal::new(2300 + minutes, 2));
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert_eq!(report.conflicts.first[0].winner, winner, "{report}");
        let price = if winner == Winner::Pos { 2240 } else { 1111 };
        assert_eq!(combo_of(&merchant).await.record.price, Some(Decimal::new(price, 2)));
        assert_eq!(merchant.pos.article(number).unwrap().price_incl, Some(Decimal::new(price, 2)));
    }
}

#[tokio::test]
async fn combos_that_are_pushed_alone_take_back_nothing_that_the_till_changed() {
    let (merchant, integration) = Merchant::synced().await;
    let (combo, number) = with_combo(&merchant, &integration).await;
    merchant.pos.set_price(number, Decimal::new(2250, 2));
    edit_combo(&merchant, ComboEdit::of(combo.id.clone()).name("Lunch of the day"), 60).await;
    let report = integration.articles().push_combos(&RunOptions::manual()).await;
    let menu = merchant.pos.menu(number).unwrap();
    assert_eq!(
        (menu.description.as_str(), menu.price_incl),
        ("Lunch of the day", Decimal::new(2250, 2)),
        "{report}"
    );
    assert_eq!(combo_of(&merchant).await.record.price, Some(Decimal::new(2250, 2)));

    // Both changed the price, and the till was later.
    edit_combo(&merchant, ComboEdit::of(combo.id).price(Decimal::new(1111, 2)), -60).await;
    merchant.pos.set_price(number, Decimal::new(2300, 2));
    let report = integration.articles().push_combos(&RunOptions::manual()).await;
    assert_eq!(report.conflicts.first[0].winner, Winner::Pos, "{report}");
    assert_eq!(merchant.pos.article(number).unwrap().price_incl, Some(Decimal::new(2300, 2)));
}

#[tokio::test]
async fn what_a_menu_is_written_with_is_not_taken_back_by_an_article_that_never_shows_it() {
    let (merchant, integration) = Merchant::synced().await;
    let (combo, number) = with_combo(&merchant, &integration).await;
    // The test POS keeps whether a menu is sold apart from its article.
    edit_combo(&merchant, ComboEdit::of(combo.id.clone()).active(false), 1).await;
    merchant.sync(&integration, &RunOptions::manual()).await;
    for cents in [2100, 2200] {
        merchant.pos.set_price(number, Decimal::new(cents, 2));
        merchant.sync(&integration, &RunOptions::full(SyncContext::Manual)).await;
        let held = combo_of(&merchant).await.record;
        assert_eq!((held.active, held.price), (false, Some(Decimal::new(cents, 2))));
    }
}

#[tokio::test]
async fn a_combo_without_a_price_is_never_sold_for_nothing() {
    let (merchant, integration) = Merchant::synced().await;
    let (combo, number) = with_combo(&merchant, &integration).await;
    edit_combo(&merchant, ComboEdit::of(combo.id.clone()).set("price", &None::<Decimal>).name("Lunch"), 60)
        .await;
    for _ in 0..2 {
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        let asked = &report.manual_actions.first;
        assert!(asked.len() == 1 && asked[0].message.contains("goes on asking 19.95"), "{report}");
    }
    let menu = merchant.pos.menu(number).unwrap();
    assert_eq!((menu.description.as_str(), menu.price_incl), ("Lunch", Decimal::new(1995, 2)));

    let mut new = Combo::new("brunch", "Brunch");
    (new.category, new.tax_rate) = (combo.category, Some(9.into()));
    edit_combo(&merchant, ComboEdit::overwriting(&new), 61).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.skipped.first.iter().any(|note| note.message == "the combo has no price"), "{report}");
    assert!(merchant.pos.article_number("Brunch").is_none());
}

#[tokio::test]
async fn a_dry_run_counts_what_would_be_pushed_and_sends_nothing() {
    let (merchant, integration) = Merchant::synced().await;
    let mut item = merchant.item(DISH).await.record;
    item.price = Some(Decimal::new(995, 2));
    edit(&merchant, items(vec![item]), 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual().dry_run()).await;
    assert_eq!(report.counts[&Resource::ARTICLES].pushed, 1);
    assert_eq!(merchant.pos.requests().count("updateProduct"), 0);
    assert!(merchant.item(DISH).await.edited_at().is_some());
}

#[tokio::test]
async fn a_text_that_cannot_be_sent_as_it_is_keeps_no_other_edit_back() {
    let (merchant, integration) = Merchant::synced().await;
    let all: Vec<Item> = merchant.items().await.into_iter().map(|item| item.record).collect();
    let beside = |dish: &Item| {
        let is_beside = |other: &&Item| other.category == dish.category && other.id != dish.id;
        all.iter().find(is_beside).cloned()
    };
    let (dish, other) = all.iter().find_map(|dish| Some((dish.clone(), beside(dish)?))).unwrap();
    let price = Decimal::new(1234, 2);
    let edits = CatalogEdits {
        categories: vec![
            CategoryEdit::of(dish.category.clone().unwrap()).description(Some("Van\u{b}de kaart")),
        ],
        items: vec![
            ItemEdit::of(dish.id.clone()).description(Some("IJskoud\u{b} geserveerd")),
            ItemEdit::of(other.id.clone()).price(price),
        ],
        ..CatalogEdits::default()
    };
    edit(&merchant, edits, 1).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty(), "{report}");
    let at_pos = async |id: &ItemId| {
        let number = by_id(&merchant, id.as_str()).await.external_ids.mpluskassa.unwrap();
        merchant.pos.article(number.get()).unwrap()
    };
    assert_eq!(at_pos(&other.id).await.price_incl, Some(price));
    assert_eq!(at_pos(&dish.id).await.extra_text.as_deref(), Some("IJskoud  geserveerd"));
    // Both sides have the same from then on.
    merchant.sync(&integration, &RunOptions::manual()).await;
    let held = by_id(&merchant, dish.id.as_str()).await;
    assert_eq!(held.record.description.as_deref(), Some("IJskoud  geserveerd"));
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((report.writes, report.conflicts.total), (0, 0), "{report}");
}

#[cfg(feature = "testkit")]
#[tokio::test]
async fn a_product_of_which_the_answer_tells_nothing_is_made_once() {
    use crate::support::Doctored;

    for told in ["", "<ns1:result>CREATE-PRODUCT-RESULT-LATER</ns1:result>"] {
        let (merchant, _) = Merchant::synced().await;
        let unclear = Doctored::new(&merchant.pos, "createProduct", move |answer| {
            let begin = answer.find("<ns1:result>").unwrap();
            let end = answer.find("</ns1:result>").unwrap() + "</ns1:result>".len();
            format!("{}{told}{}", &answer[..begin], &answer[end..])
        });
        let integration = merchant.open_doctored(unclear).await;
        let category = Category::new("specials", "Specials");
        let new = ["s-1", "s-2", "s-3"].map(|id| new_item(id, &category.id, 1250));
        let edits = CatalogEdits { categories: vec![CategoryEdit::making(&category)], ..items(new.to_vec()) };
        edit(&merchant, edits, 1).await;
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert!(report.failures.total > 0, "{report}");
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert!(report.failures.is_empty(), "{report}");
        assert_eq!(merchant.pos.requests().carried_out("createProduct"), 1, "{told}");
        for id in ["s-1", "s-2", "s-3"] {
            let item = by_id(&merchant, id).await;
            assert!(item.external_ids.mpluskassa.is_some() && item.edited_at().is_none(), "{id}");
        }
    }
}
