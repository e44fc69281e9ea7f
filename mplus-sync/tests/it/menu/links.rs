//! Which dishes have which choices, where the POS does not tell it: nothing of it is lost, and the rest of the menu comes.

use std::sync::Arc;

use mplus_qapi::products::{Article, CreateProduct, Product};
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::transport::Transport;
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::merchant::RunLimits;
use mplus_sync::model::{Item, ItemId};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::Store;
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::{FailAt, FaultyStore};

use crate::support::{Doctored, Merchant, Scripted};

const LINKS: &str = "getArticlesPreparationMethodGroups";

/// The merchant's integration, reading a few articles at a time.
async fn open(
    merchant: &Merchant,
    store: Arc<dyn Store>,
    pos: impl Transport + Clone,
) -> Option<Integration> {
    let mut limits = RunLimits::default();
    limits.chunk = 7;
    let host = merchant.host_with(store, pos).with_limits(limits);
    Integration::open(host, Merchant::id()).await.ok()
}

async fn items(merchant: &Merchant) -> Vec<Item> {
    merchant.items().await.into_iter().map(|item| item.record).collect()
}

fn linked(items: &[Item]) -> usize {
    items.iter().filter(|item| !item.modifier_groups.is_empty()).count()
}

/// What an undisturbed sync brings.
async fn undisturbed() -> Vec<Item> {
    let (merchant, _) = Merchant::synced().await;
    let items = items(&merchant).await;
    assert!(linked(&items) > 2);
    items
}

#[tokio::test]
async fn what_was_not_told_before_a_run_broke_off_is_asked_again_by_the_next() {
    let undisturbed = undisturbed().await;
    let (mut calls, mut call) = (u64::MAX, 1);
    while call <= calls {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let pos = Scripted::new(&merchant.pos);
        pos.refuse(LINKS, "");
        let fail = FailAt::before(call).and_all_later();
        let store = match calls {
            u64::MAX => FaultyStore::counting(Arc::clone(&merchant.store)),
            _ => FaultyStore::failing(Arc::clone(&merchant.store), fail),
        };
        let store = Arc::new(store);
        if let Some(integration) = open(&merchant, Arc::clone(&store) as _, pos.clone()).await {
            integration.sync_menu(&RunOptions::manual()).await;
        }
        if calls == u64::MAX {
            calls = store.calls();
            assert!(calls > 30, "{calls}");
            continue;
        }
        // A lease that was not given back ends by itself.
        merchant.runtime.pass(chrono::TimeDelta::hours(1));
        pos.allow();
        let integration = open(&merchant, Arc::clone(&merchant.store), pos).await.unwrap();
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(items(&merchant).await, undisturbed, "{fail:?}: {report}");
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!((report.writes, report.requests), (0, 4), "nothing is left to ask: {report}");
        call += 1;
    }
}

#[tokio::test]
async fn an_answer_whose_result_is_absent_or_new_tells_no_links_and_takes_none() {
    let undisturbed = undisturbed().await;
    for told in ["", "<ns1:result>GET-ARTICLES-PREPARATION-METHOD-GROUPS-RESULT-LATER</ns1:result>"] {
        let unclear = |pos: &Pos| {
            Doctored::new(pos, LINKS, move |answer| {
                let begin = answer.find("<ns1:result>").unwrap();
                // Nothing stands behind it, either.
                let end =
                    answer.rfind("</ns1:getArticlesPreparationMethodGroupsResponse>").unwrap_or_else(|| {
                        answer.rfind("</ns1:GetArticlesPreparationMethodGroupsResponse>").unwrap()
                    });
                format!("{}{told}{}", &answer[..begin], &answer[end..])
            })
        };
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let doctored = open(&merchant, Arc::clone(&merchant.store), unclear(&merchant.pos)).await.unwrap();
        let report = doctored.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
        assert!(
            report.failures.first.iter().any(|note| note.message.contains("ArticlesPreparationMethodGroups")),
            "{report}"
        );
        let held = items(&merchant).await;
        assert_eq!((held.len(), linked(&held)), (undisturbed.len(), 0), "{report}");
        let integration = open(&merchant, Arc::clone(&merchant.store), merchant.pos.clone()).await.unwrap();
        integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(items(&merchant).await, undisturbed, "{told}");

        // What is known stays.
        let number = merchant.article("Dame blanche");
        merchant.pos.set_price(number, Decimal::new(1234, 2));
        doctored.sync_menu(&RunOptions::manual()).await;
        assert_eq!(linked(&items(&merchant).await), linked(&undisturbed), "{told}");
        assert_eq!(merchant.item("Dame blanche").await.record.price, Some(Decimal::new(1234, 2)));
    }
}

#[tokio::test]
async fn new_items_get_their_stock_while_links_are_refused_or_the_call_for_them_fails() {
    for refuses in [true, false] {
        let merchant = Merchant::new(Pos::brasserie());
        merchant.connect().await;
        let pos = Scripted::new(&merchant.pos);
        if refuses {
            pos.refuse(LINKS, "");
        }
        let integration = open(&merchant, Arc::clone(&merchant.store), pos).await.unwrap();
        let fail = || {
            if !refuses {
                merchant.pos.faults().script_for(LINKS, [Fault::ServerFault; 100]);
            }
        };
        fail();
        integration.sync(&RunOptions::manual()).await;
        // Its stock is counted before the menu has it.
        let article = Article {
            description: Some("Limonade".to_owned()),
            price_incl: Some(Decimal::new(300, 2)),
            stock_article: Some(true),
            turnover_group: Some(1),
            vat_code: Some(2),
            ..Article::default()
        };
        let product = Product {
            description: Some("Limonade".to_owned()),
            article_list: vec![article].into(),
            ..Product::default()
        };
        let made = merchant.pos.client().call(CreateProduct { product }).await.unwrap();
        assert!(merchant.pos.set_stock(1, made.article_numbers[0], 7.into()), "{made:?}");
        integration.stock().pull(&Default::default(), &Default::default()).await;

        fail();
        let report = integration.sync(&RunOptions::manual()).await;
        assert_eq!(report.menu.outcome, RunOutcome::Completed, "{}", report.menu);
        assert!(report.menu.failures.total > 0, "{}", report.menu);
        let item = merchant.item("Limonade").await.record.id;
        let levels =
            merchant.store.levels_of(&Merchant::id(), &"mpluskassa-1".into(), &[item]).await.unwrap();
        assert_eq!(levels.first().map(|level| level.amount), Some(7.into()), "{refuses}: {:?}", report.stock);

        // An item that keeps none any more is not sold out for ever.
        merchant.pos.change_article(made.article_numbers[0], |article| article.stock_article = Some(false));
        fail();
        integration.sync(&RunOptions::manual()).await;
        let item: ItemId = merchant.item("Limonade").await.record.id;
        let levels =
            merchant.store.levels_of(&Merchant::id(), &"mpluskassa-1".into(), &[item]).await.unwrap();
        assert_eq!(levels, [], "{refuses}");
    }
}
