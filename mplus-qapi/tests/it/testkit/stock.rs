use mplus_qapi::{
    stock::{ArticleStock, GetStockRequest, SetStockRequest, SetStockResult, UpdateStockRequest},
    testkit::Pos,
    value::Decimal,
};

async fn levels(pos: &Pos, branch_number: i32, stock_id: Option<i64>) -> Vec<ArticleStock> {
    let request = GetStockRequest { branch_number, stock_id, ..Default::default() };
    pos.client().get_stock(request).await.expect("stock").article_stocks
}

#[tokio::test]
async fn stock_is_told_with_its_decimals_and_changes_by_stock_id() {
    let pos = Pos::brasserie();
    let all = levels(&pos, 1, None).await;
    let wine = pos.article_number("Rosé de Provence glas").expect("on the menu");
    let level = all.iter().find(|level| level.article_number == wine).expect("keeps stock");
    assert_eq!((level.amount_free, level.amount_free.scale()), (Decimal::new(12_750, 3), 3));

    let newest = all.iter().map(|level| level.stock_id).max().expect("some");
    let later = levels(&pos, 2, Some(newest + 1)).await;
    assert!(later.iter().all(|level| level.branch_number == Some(2)));
    assert!(pos.set_stock(1, wine, Decimal::new(95, 1)));
    let highest = all.iter().chain(&later).map(|level| level.stock_id).max().expect("some");
    let [changed] = &levels(&pos, 1, Some(highest + 1)).await[..] else { panic!("one level changed") };
    assert_eq!((changed.article_number, changed.amount_free), (wine, Decimal::new(95, 1)));
    let request = UpdateStockRequest {
        branch_number: 1,
        article_number: wine,
        amount_changed: Decimal::new(-250, 3),
        ..Default::default()
    };
    pos.client().update_stock(request).await.expect("sent");
    let [changed] = &levels(&pos, 1, Some(changed.stock_id + 1)).await[..] else {
        panic!("one level changed")
    };
    assert_eq!(changed.amount_free, Decimal::new(9_250, 3));
}

#[tokio::test]
async fn an_article_without_stock_says_so() {
    let pos = Pos::brasserie();
    let article_number = pos.article_number("Crème brûlée").expect("on the menu");
    let request =
        SetStockRequest { branch_number: 1, article_number, amount: Decimal::ONE, ..Default::default() };
    let answer = pos.client().set_stock(request.clone()).await.expect("sent");
    assert_eq!(answer.result, SetStockResult::NoStockArticle);
    let elsewhere = SetStockRequest { branch_number: 9, ..request };
    let answer = pos.client().set_stock(elsewhere).await.expect("sent");
    assert_eq!(answer.result, SetStockResult::BranchNotFound);
}

#[tokio::test]
async fn a_generated_catalogue_keeps_stock_of_every_fifth_product() {
    let pos = Pos::generated(500, 2);
    let before = levels(&pos, 1, None).await;
    assert!((100..=300).contains(&before.len()), "{}", before.len());
    assert!(pos.set_stock(1, before[3].article_number, 7.into()));
    let after = levels(&pos, 1, None).await;
    assert_eq!(after.len(), before.len(), "a changed level is told once");
    let newest = after.iter().map(|level| level.stock_id).max();
    assert_eq!(levels(&pos, 1, newest).await.len(), 1);
}
