//! Records that the host has linked by hand: one that has the identifier of another does not stop the menu.

use mplus_qapi::value::Decimal;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{ArticleNumber, ItemId, ProductNumber, Tracked};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::CatalogChunk;
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

const DISH: &str = "Dame blanche";
const DRINK: &str = "Coca-Cola";

#[tokio::test]
async fn an_article_whose_identifier_another_item_has_gets_one_that_is_free_and_all_others_come() {
    let (merchant, integration) = Merchant::synced().await;
    let dish = merchant.item(DISH).await;
    let number = merchant.article(DISH);
    let elsewhere = Tracked::clone(&dish).linked(ArticleNumber::new(990_001));
    let categories = merchant.categories().await;
    let category = categories.into_iter().find(|one| Some(&one.record.id) == dish.record.category.as_ref());
    let category = category.unwrap();
    let product = category.external_ids.mpluskassa.unwrap();
    let chunk = CatalogChunk {
        items: vec![elsewhere],
        categories: vec![category.linked(ProductNumber::new(990_002))],
        ..CatalogChunk::default()
    };
    merchant.store.apply(&Merchant::id(), chunk).await.unwrap();

    for cents in [700, 710] {
        merchant.pos.set_price(number, Decimal::new(cents, 2));
        merchant.pos.set_price(merchant.article(DRINK), Decimal::new(cents, 2));
        let report = integration.sync_menu(&RunOptions::manual()).await;
        assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
        assert_eq!(merchant.item(DRINK).await.record.price, Some(Decimal::new(cents, 2)));
        let items = merchant.items().await;
        let new = items.iter().find(|item| item.external_ids.mpluskassa == Some(ArticleNumber::new(number)));
        let new = &new.unwrap().record;
        assert_eq!(new.id, ItemId::new(format!("{}-2", dish.record.id)));
        assert_eq!(new.price, Some(Decimal::new(cents, 2)));
        let categories = merchant.categories().await;
        let of_product = categories.iter().find(|one| one.external_ids.mpluskassa == Some(product)).unwrap();
        assert_eq!(new.category.as_ref(), Some(&of_product.record.id));
    }
    let before = merchant.items().await.len();
    integration.sync_menu(&RunOptions::full(SyncContext::Manual)).await;
    assert_eq!(merchant.items().await.len(), before, "no second one");
}
