//! Stock, pulled from a POS in memory.

use std::sync::Arc;

use mplus_qapi::stock::{ArticleStock, GetStock, GetStockRequest, GetStockResponse};
use mplus_qapi::testkit::{Fault, Pos, VirtualRuntime};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::conflict::SyncContext;
use mplus_sync::merchant::{Merchant, RunLimits};
use mplus_sync::model::{
    ArticleNumber, Checkpoint, InventoryLevel, Item, ItemId, LocationId, Marker, Resource, Tracked,
};
use mplus_sync::report::{RunOutcome, RunReport, Scope};
use mplus_sync::runtime::Runtime;
use mplus_sync::stock::{StockOptions, StockService, StockSettings};
use mplus_sync::store::{CatalogChunk, MemoryStore, Select, Store};
use mplus_sync::testkit::{FailAt, FaultyStore};
use rust_decimal::Decimal;

use crate::orders::world::{World, merchant};
use crate::support::{Doctored, Scripted};

fn service(world: &World, store: Arc<dyn Store>) -> StockService {
    let runtime: Arc<dyn Runtime> = world.runtime.clone();
    let mut limits = RunLimits::default();
    limits.stock_chunk = 3;
    let merchant = Merchant::new(world.pos.client(), merchant(), store, runtime).worked_by("w");
    StockService::new(&merchant.with_limits(limits))
}

/// A brasserie of which every article with stock is an item.
async fn world() -> World {
    let world = World::open().await;
    let names = ["Bitter lemon", "Witbier", "Trappist dubbel", "Croissant"];
    let items = names.map(|name| link(&world, name, name));
    world.store.apply(&merchant(), chunk(items.to_vec(), 1)).await.unwrap();
    world
}

fn link(world: &World, id: &str, name: &str) -> Tracked<Item> {
    Tracked::new(Item::new(id, name)).linked(ArticleNumber::new(world.article(name)))
}

fn chunk(items: Vec<Tracked<Item>>, marker: i64) -> CatalogChunk {
    let checkpoints = vec![Checkpoint::new(Resource::ARTICLES, Marker::new(marker))];
    CatalogChunk { items, checkpoints, ..CatalogChunk::default() }
}

async fn pull(world: &World) -> RunReport {
    let report =
        service(world, world.store.clone()).pull(&StockOptions::default(), &CancelToken::new()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    report
}

async fn level(world: &World, item: &str) -> Option<InventoryLevel> {
    let levels = world
        .store
        .levels_of(&merchant(), &LocationId::from("amsterdam"), &[ItemId::from(item)])
        .await
        .unwrap();
    levels.into_iter().next()
}

#[tokio::test]
async fn what_a_branch_can_sell_is_pulled_with_its_scale_for_items_alone() {
    let world = world().await;
    let report = pull(&world).await;
    assert_eq!(level(&world, "cola").await.unwrap().amount, Decimal::from(144));
    assert_eq!(level(&world, "burger").await, None, "it keeps no stock");
    let branch = report.counts[&Resource::stock(1.into())];
    assert_eq!((branch.pulled, branch.skipped > 0), (5, true));
    let text = report.to_string();
    assert!(text.contains("stock of 8 articles was left out, as they are no item here"), "{text}");
    assert!(text.contains("external_ids.mpluskassa"), "{text}");
}

#[tokio::test]
async fn a_second_pull_without_changes_writes_nothing() {
    let world = world().await;
    pull(&world).await;
    let report = pull(&world).await;
    assert_eq!((report.writes, report.requests), (0, 2), "one request for each branch");
}

#[tokio::test]
async fn only_what_changed_is_pulled_and_absent_levels_stay() {
    let world = world().await;
    pull(&world).await;
    let cola = world.article("Coca-Cola");
    world.pos.set_stock(1, cola, Decimal::new(-25, 1));
    let report = pull(&world).await;
    assert_eq!(report.counts[&Resource::stock(1.into())].pulled, 1);
    let amount = level(&world, "cola").await.unwrap().amount;
    assert_eq!((amount, amount.scale()), (Decimal::new(-25, 1), 1));
    assert!(level(&world, "Witbier").await.is_some());
    assert_eq!(world.pos.requests().count("updateStock") + world.pos.requests().count("setStock"), 0);
}

#[tokio::test]
async fn an_item_that_was_linked_later_gets_its_stock() {
    let world = world().await;
    pull(&world).await;
    let chaud = Tracked::new(Item::new("water", "Chaudfontaine"));
    let article = ArticleNumber::new(world.article("Coca-Cola") + 2);
    let stocked = world.pos.article(article.get()).unwrap();
    assert_eq!(stocked.stock_article, Some(true), "{:?}", stocked.description);
    world.store.apply(&merchant(), chunk(vec![chaud.linked(article)], 2)).await.unwrap();
    pull(&world).await;
    assert!(level(&world, "water").await.is_some());
    assert_eq!(pull(&world).await.writes, 0);
}

#[tokio::test]
async fn a_pull_that_is_cut_off_anywhere_is_made_good_by_the_next() {
    let calls = {
        let world = world().await;
        let store = Arc::new(FaultyStore::counting(world.store.clone()));
        service(&world, store.clone()).pull(&StockOptions::default(), &CancelToken::new()).await;
        store.calls()
    };
    for call in 1..=calls {
        for fail in [FailAt::before(call), FailAt::after(call), FailAt::before(call).and_all_later()] {
            let world = world().await;
            let store = Arc::new(FaultyStore::failing(world.store.clone(), fail));
            service(&world, store).pull(&StockOptions::default(), &CancelToken::new()).await;
            // A lease that was not given back has ended.
            world.runtime.sleep(std::time::Duration::from_secs(301)).await;
            pull(&world).await;
            assert_eq!(level(&world, "cola").await.map(|level| level.amount), Some(144.into()), "{fail:?}");
            assert_eq!(
                level(&world, "Croissant").await.map(|level| level.amount),
                Some(36.into()),
                "{fail:?}"
            );
        }
    }
    for fault in Fault::ALL {
        let world = world().await;
        world.pos.faults().script_for("getStock", [fault, fault]);
        service(&world, world.store.clone()).pull(&StockOptions::default(), &CancelToken::new()).await;
        pull(&world).await;
        assert_eq!(level(&world, "Croissant").await.map(|level| level.amount), Some(36.into()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_branch_that_fails_is_named_the_others_go_on_and_the_pull_is_not_complete() {
    let world = world().await;
    let garbage = [Fault::Garbage];
    world.pos.faults().script_for("getStock", garbage);
    let report =
        service(&world, world.store.clone()).pull(&StockOptions::default(), &CancelToken::new()).await;
    let RunOutcome::Incomplete { message, .. } = &report.outcome else { panic!("{report}") };
    assert!(message.contains("(branch 1) was not read"), "{message}");
    assert_eq!(report.failures.total, 1);
    assert_eq!(report.failures.first[0].subject.as_ref().unwrap().id, "branch 1");
    let other = world.store.levels_of(&merchant(), &"utrecht".into(), &["cola".into()]).await.unwrap();
    assert_eq!(other.len(), 1, "{report}");
}

#[tokio::test]
async fn a_branch_that_is_refused_for_good_is_told_once_and_rests_while_the_others_go_on() {
    let world = world().await;
    let pos = Scripted::new(&world.pos);
    pos.refuse("getStock", "branchNumber>1<");
    let runtime: Arc<dyn Runtime> = world.runtime.clone();
    let service = StockService::new(&Merchant::new(pos.client(), merchant(), world.store.clone(), runtime));
    let pull = async |context| {
        let mut options = StockOptions::default();
        options.context = context;
        world.pos.set_stock(2, world.article("Coca-Cola"), Decimal::from(world.runtime.now().timestamp()));
        let asked = world.pos.requests().count("getStock");
        let report = service.pull(&options, &CancelToken::new()).await;
        assert_eq!(world.pos.requests().count("getStock") - asked, 1, "the other branch is read: {report}");
        assert!(report.counts[&Resource::stock(2.into())].pulled > 0, "{report}");
        report
    };
    let first = pull(SyncContext::Scheduled).await;
    assert!(matches!(first.outcome, RunOutcome::Incomplete { .. }), "{first}");
    assert!(first.failures.first[0].message.contains("may not do that"), "{first}");
    let mut asked = Vec::new();
    for hour in 0..60 {
        let report = pull(SyncContext::Scheduled).await;
        assert_eq!((&report.outcome, report.failures.total), (&RunOutcome::Completed, 0), "{report}");
        let branch = report.counts[&Resource::stock(1.into())];
        assert_eq!(branch.failed + branch.skipped, 1, "{report}");
        if branch.failed > 0 {
            asked.push(hour);
        }
        world.runtime.pass(chrono::TimeDelta::hours(1));
    }
    assert_eq!(asked, [1, 2, 4, 8, 16, 32, 56]);
    let by_hand = pull(SyncContext::Manual).await;
    assert_eq!((&by_hand.outcome, by_hand.failures.total), (&RunOutcome::Completed, 1), "{by_hand}");

    pos.allow();
    world.runtime.pass(chrono::TimeDelta::days(1));
    let mut options = StockOptions::default();
    options.context = SyncContext::Scheduled;
    let read = service.pull(&options, &CancelToken::new()).await;
    assert_eq!((&read.outcome, read.failures.total), (&RunOutcome::Completed, 0), "{read}");
    assert_eq!(level(&world, "cola").await.unwrap().amount, Decimal::from(144));
    pos.refuse("getStock", "branchNumber>1<");
    let anew = pull(SyncContext::Scheduled).await;
    assert_eq!(anew.failures.total, 1, "it is told anew after it worked: {anew}");
}

#[tokio::test]
async fn a_stock_sync_that_is_switched_off_says_so() {
    let world = world().await;
    let mut settings = StockSettings::default();
    settings.enabled = false;
    let service = service(&world, world.store.clone()).with_settings(settings);
    let report = service.pull(&StockOptions::default(), &CancelToken::new()).await;
    let RunOutcome::Failed { message, advice } = report.outcome else { panic!("it ran") };
    assert_eq!(message, "Stock is not synced: Sync Stock is switched off");
    assert_eq!(advice, "Switch on Sync Stock for this integration");
}

#[tokio::test]
async fn a_cancelled_pull_says_so_and_a_full_one_reads_everything_again() {
    let world = World::with(Pos::brasserie(), Arc::new(MemoryStore::new())).await;
    let cancel = CancelToken::new();
    cancel.cancel();
    let report = service(&world, world.store.clone()).pull(&StockOptions::default(), &cancel).await;
    assert_eq!((report.outcome, report.writes), (RunOutcome::Cancelled, 0));
    pull(&world).await;
    let mut everything = StockOptions::default();
    everything.scope = Scope::Full;
    let again = service(&world, world.store.clone()).pull(&everything, &CancelToken::new()).await;
    assert_eq!(again.counts[&Resource::stock(1.into())].pulled, 1);
}

fn stock(world: &World, name: &str, stock_id: i64, amount: Decimal) -> ArticleStock {
    ArticleStock {
        branch_number: Some(1),
        article_number: world.article(name),
        stock_id,
        amount_free: amount,
        ..ArticleStock::default()
    }
}

/// A pull, by chunks of so many rows, of a POS that answers with these.
async fn pull_answer(world: &World, article_stocks: Vec<ArticleStock>, chunk: usize) {
    let pos = Scripted::new(&world.pos);
    pos.answer::<GetStock>(&GetStockResponse { article_stocks });
    let runtime: Arc<dyn Runtime> = world.runtime.clone();
    let merchant = Merchant::new(pos.client(), merchant(), world.store.clone(), runtime);
    let mut limits = RunLimits::default();
    limits.stock_chunk = chunk;
    let merchant = merchant.with_limits(limits);
    StockService::new(&merchant).pull(&StockOptions::default(), &CancelToken::new()).await;
}

#[tokio::test]
async fn of_an_article_that_the_pos_tells_twice_the_newer_level_counts() {
    for chunk in [1_000, 1] {
        let world = world().await;
        let told = [("Witbier", 95, 7), ("Coca-Cola", 90, 1), ("Witbier", 94, 3), ("Coca-Cola", 96, 5)];
        let stocks =
            told.map(|(name, stock_id, amount)| stock(&world, name, stock_id, Decimal::from(amount)));
        pull_answer(&world, stocks.to_vec(), chunk).await;
        assert_eq!(level(&world, "Witbier").await.unwrap().amount, Decimal::from(7));
        assert_eq!(level(&world, "cola").await.unwrap().amount, Decimal::from(5));
    }
}

#[tokio::test]
async fn parts_of_an_article_have_levels_of_their_own_and_day_stock_is_marked() {
    let world = world().await;
    let crate_of = ArticleStock {
        sub_article: vec![stock(&world, "Witbier", 91, Decimal::new(2_400, 2))],
        ..stock(&world, "Coca-Cola", 90, Decimal::ZERO)
    };
    let baked =
        ArticleStock { is_day_stock_article: true, ..stock(&world, "Croissant", 92, Decimal::from(-2)) };
    pull_answer(&world, vec![crate_of, baked], 1_000).await;
    let witbier = level(&world, "Witbier").await.unwrap();
    assert_eq!((witbier.amount, witbier.amount.scale()), (Decimal::from(24), 2));
    let croissant = level(&world, "Croissant").await.unwrap();
    assert_eq!((croissant.amount, croissant.day_stock), (Decimal::from(-2), true));
    let checkpoints = world.store.checkpoints(&merchant()).await.unwrap();
    assert!(checkpoints.contains(&Checkpoint::new(Resource::stock(1.into()), Marker::new(92))));
}

/// The host learns, as by a sync of the menu, whether an item keeps stock.
async fn learn(world: &World, item: &str, tracked: bool, marker: i64) {
    let article = world.article(item);
    world.pos.change_article(article, |article| article.stock_article = Some(tracked));
    let wanted = Select::Ids(vec![ItemId::from(item)]);
    let mut item = world.store.items(&merchant(), wanted).await.unwrap().remove(0);
    item.record.stock_tracked = Some(tracked);
    world.store.apply(&merchant(), chunk(vec![item], marker)).await.unwrap();
}

#[tokio::test]
async fn an_item_that_keeps_stock_no_more_is_not_sold_out_for_ever_and_has_its_level_back_with_its_stock() {
    for scope in [Scope::Incremental, Scope::Full] {
        let world = world().await;
        world.pos.set_stock(1, world.article("Croissant"), Decimal::ZERO);
        pull(&world).await;
        assert_eq!(level(&world, "Croissant").await.map(|level| level.amount), Some(Decimal::ZERO));
        learn(&world, "Croissant", false, 2).await;
        let mut options = StockOptions::default();
        options.scope = scope;
        let report = service(&world, world.store.clone()).pull(&options, &CancelToken::new()).await;
        assert_eq!(level(&world, "Croissant").await, None, "{report}");
        let other =
            world.store.levels_of(&merchant(), &"utrecht".into(), &["Croissant".into()]).await.unwrap();
        assert_eq!(other, [], "in every branch");
        assert!(level(&world, "Witbier").await.is_some(), "{report}");
        assert_eq!(pull(&world).await.writes, 0);

        learn(&world, "Croissant", true, 3).await;
        pull(&world).await;
        assert_eq!(level(&world, "Croissant").await.map(|level| level.amount), Some(Decimal::ZERO));
    }
}

#[tokio::test]
async fn what_is_counted_per_day_is_sold_out_though_its_article_keeps_no_stock() {
    let world = world().await;
    learn(&world, "Croissant", false, 2).await;
    let baked =
        |id, amount| ArticleStock { is_day_stock_article: true, ..stock(&world, "Croissant", id, amount) };
    pull_answer(&world, vec![baked(90, Decimal::ONE)], 1_000).await;
    learn(&world, "Croissant", false, 3).await;
    pull_answer(&world, vec![baked(90, Decimal::ONE), baked(91, Decimal::ZERO)], 1_000).await;
    assert_eq!(level(&world, "Croissant").await.map(|level| level.amount), Some(Decimal::ZERO));
}

/// A pull of a POS whose answers to `getStock` are changed on the way.
async fn pull_doctored(world: &World, doctored: Doctored) -> RunReport {
    let credentials = world.pos.credentials();
    let endpoint = Endpoint::new("pos.invalid", 1).unwrap();
    let client = Client::builder(endpoint, credentials, doctored, VirtualRuntime::new(1)).build();
    let runtime: Arc<dyn Runtime> = world.runtime.clone();
    let merchant = Merchant::new(client, merchant(), world.store.clone(), runtime);
    StockService::new(&merchant).pull(&StockOptions::default(), &CancelToken::new()).await
}

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_itself_is_named_and_comes_once_it_can() {
    let world = world().await;
    world.pos.set_stock(1, world.article("Witbier"), 12.into());
    world.pos.set_stock(1, world.article("Croissant"), 7.into());
    let row = format!("articleNumber>{}<", world.article("Witbier"));
    let spoiled = Doctored::new(&world.pos, "getStock", move |answer| {
        let Some(at) = answer.find(&row) else { return answer };
        let begin = at + answer[at..].find("amountFree>").unwrap() + "amountFree>".len();
        let end = begin + answer[begin..].find('<').unwrap();
        format!("{}veel{}", &answer[..begin], &answer[end..])
    });
    let report = pull_doctored(&world, spoiled).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.skipped.first.iter().any(|note| note.message.contains("veel")), "{report}");
    assert_eq!(level(&world, "Croissant").await.unwrap().amount, Decimal::from(7));
    assert_eq!(level(&world, "Witbier").await, None);
    pull(&world).await;
    assert_eq!(level(&world, "Witbier").await.unwrap().amount, Decimal::from(12));
}

/// The amounts of these articles' rows are none, in whichever answer they are.
fn without_amounts(world: &World, names: &[&str]) -> Doctored {
    let rows: Vec<String> =
        names.iter().map(|name| format!("articleNumber>{}<", world.article(name))).collect();
    Doctored::new(&world.pos, "getStock", move |mut answer| {
        for row in &rows {
            let Some(at) = answer.find(row) else { continue };
            let begin = at + answer[at..].find("amountFree>").unwrap() + "amountFree>".len();
            let end = begin + answer[begin..].find('<').unwrap();
            answer.replace_range(begin..end, "veel");
        }
        answer
    })
}

#[tokio::test]
async fn a_row_of_a_new_item_that_cannot_be_read_is_named_once_and_asked_for_until_it_can() {
    let world = world().await;
    pull(&world).await;
    // Its row was told long ago: only what follows the menu asks for it.
    let water = Tracked::new(Item::new("water", "Chaudfontaine"));
    let article = ArticleNumber::new(world.article("Coca-Cola") + 2);
    world.store.apply(&merchant(), chunk(vec![water.linked(article)], 2)).await.unwrap();
    let name = world.pos.article(article.get()).unwrap().description.unwrap();
    for _ in 0..2 {
        let report = pull_doctored(&world, without_amounts(&world, &[&name])).await;
        let subject = format!("article {article}");
        let named = report.skipped.first.iter().filter(|note| {
            note.subject.as_ref().is_some_and(|found| found.id == subject) && note.message.contains("veel")
        });
        // Two branches have it.
        let named = named.map(|note| note.resource.clone()).collect::<Vec<_>>();
        assert!(named.contains(&Resource::stock(1.into())), "{report}");
        assert_eq!(
            named.iter().filter(|branch| **branch == Resource::stock(1.into())).count(),
            1,
            "{report}"
        );
        assert_eq!(level(&world, "water").await, None);
    }
    pull(&world).await;
    assert!(level(&world, "water").await.is_some());
    assert_eq!(pull(&world).await.writes, 0);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_though_the_answer_breaks_off_behind_it() {
    let world = world().await;
    let row = format!("articleNumber>{}<", world.article("Coca-Cola"));
    let broken = Doctored::new(&world.pos, "getStock", move |answer| {
        let Some(at) = answer.find(&row) else { return answer };
        let begin = at + answer[at..].find("amountFree>").unwrap() + "amountFree>".len();
        let end = begin + answer[begin..].find('<').unwrap();
        let behind = end + answer[end..].find("articleNumber>").unwrap();
        format!("{}veel{}", &answer[..begin], &answer[end..behind])
    });
    let report = pull_doctored(&world, broken).await;
    assert!(matches!(report.outcome, RunOutcome::Incomplete { .. }), "{report}");
    assert!(report.skipped.first.iter().any(|note| note.message.contains("veel")), "{report}");
}

#[tokio::test]
async fn an_empty_answer_is_told_and_loses_no_stock_of_new_items() {
    let world = world().await;
    pull(&world).await;
    let water = Tracked::new(Item::new("water", "Chaudfontaine"));
    let article = ArticleNumber::new(world.article("Coca-Cola") + 2);
    world.store.apply(&merchant(), chunk(vec![water.linked(article)], 2)).await.unwrap();
    let empty = Doctored::new(&world.pos, "getStock", |answer| {
        let Some(begin) = answer.find("<ns1:articleStocks>") else { return answer };
        let end = answer.rfind("</ns1:articleStocks>").unwrap() + "</ns1:articleStocks>".len();
        format!("{}{}", &answer[..begin], &answer[end..])
    });
    let report = pull_doctored(&world, empty).await;
    assert!(
        report.skipped.first.iter().any(|note| note.message.contains("no stock of the branch")),
        "{report}"
    );
    assert_eq!(level(&world, "cola").await.map(|level| level.amount), Some(144.into()), "{report}");
    pull(&world).await;
    assert!(level(&world, "water").await.is_some());
    assert_eq!(pull(&world).await.writes, 0);
}

#[tokio::test]
async fn stock_ids_that_went_back_and_have_passed_what_was_read_are_noticed() {
    let world = world().await;
    for amount in 1..=20 {
        world.pos.set_stock(1, world.article("Croissant"), amount.into());
    }
    world.pos.set_stock(1, world.article("Witbier"), 77.into());
    pull(&world).await;
    // A backup of the start, and then more changes than were ever read.
    let restored = Pos::brasserie();
    restored.set_stock(1, world.article("Croissant"), 3.into());
    for amount in 1..=60 {
        restored.set_stock(1, world.article("Bitter lemon"), amount.into());
    }
    let before = restored.client().call(GetStock::from(of_branch(1))).await.unwrap().article_stocks;
    let amount = |name: &str| {
        let row = before.iter().find(|row| row.article_number == world.article(name)).unwrap();
        row.amount_free
    };
    let restored = World { pos: restored.clone(), store: world.store.clone(), ..World::open().await };
    pull(&restored).await;
    for name in ["Croissant", "Witbier", "Bitter lemon"] {
        assert_eq!(level(&world, name).await.unwrap().amount, amount(name), "{name}");
    }
}

fn of_branch(branch_number: i32) -> GetStockRequest {
    GetStockRequest { branch_number, ..GetStockRequest::default() }
}
