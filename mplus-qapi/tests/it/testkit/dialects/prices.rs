//! Prices, VAT and stock.

use std::time::Duration;

use mplus_qapi::{
    products::{
        ArticleBranchDeviationLine, GetArticleBranchDeviations, GetProducts, SaveArticleBranchDeviations,
        SaveArticleBranchDeviationsRequest,
    },
    stock::{GetStock, GetStockRequest},
    system::GetVatGroupList,
    value::Decimal,
};

use super::*;

#[tokio::test]
async fn some_articles_have_special_prices() {
    for (reading, told) in [
        ("price-not-set", "PRICE-NOT-SET"),
        ("price-free", "PRICE-FREE"),
        ("price-ask-positive", "PRICE-ASK-POSITIVE"),
        ("price-ask-negative", "PRICE-ASK-NEGATIVE"),
        ("price-ask-positive-no-popup", "PRICE-ASK-POSITIVE-NO-POPUP"),
        ("price-ask-negative-no-popup", "PRICE-ASK-NEGATIVE-NO-POPUP"),
        ("price-in-barcode", "PRICE-BARCODE-PRICE"),
        ("not-for-sale", "PRICE-NOT-FOR-SALE"),
        ("not-for-sale-visible", "PRICE-NOT-FOR-SALE-VISIBLE"),
        ("price-unheard-of", "PRICE-OF-THE-DAY"),
    ] {
        let at_article = envelope(&pos(reading), GetProducts::default()).await;
        let special = texts(&at_article, "specialPrice");
        let count = special.iter().filter(|text| **text == told).count();
        assert!((5..15).contains(&count), "{reading}: {count}");
        assert!(special.contains(&"PRICE-NORMAL"), "others are as they were");
        let at_branch = pos(&format!("{reading},special-at-branch"));
        assert!(!envelope(&at_branch, GetProducts::default()).await.contains(told));
        let lines = envelope(&at_branch, GetArticleBranchDeviations::default()).await;
        assert_eq!(texts(&lines, "specialPrice").iter().filter(|text| **text == told).count(), count);
    }
}

#[tokio::test]
async fn the_price_of_such_articles_may_be_zero_negative_or_absent() {
    let prices = async |readings: &str| {
        let list = envelope(&pos(readings), GetProducts::default()).await;
        let articles = texts(&list, "article").into_iter();
        articles.map(|article| numbers(article, "priceIncl").first().copied()).collect::<Vec<_>>()
    };
    assert!(prices("").await.iter().all(|price| price.is_some_and(|price| price > 0)));
    assert!(prices("amount-zero").await.contains(&Some(0)));
    assert!(prices("amount-negative").await.iter().any(|price| price.is_some_and(|price| price < 0)));
    assert!(prices("amount-absent").await.contains(&None));
}

#[tokio::test]
async fn lines_of_branches_hold_texts_or_only_a_price_without_vat() {
    let lines = async |readings: &str| envelope(&pos(readings), GetArticleBranchDeviations::default()).await;
    assert!(!lines("").await.contains("description"));
    let texts_too = lines("with-texts").await;
    assert!(texts_too.contains("In filiaal 2") && texts_too.contains("PRICE-NORMAL"));
    let exclusive = lines("exclusive-only").await;
    assert!(!exclusive.contains("salesPriceIncl"));
    // 3.75 with 9 %.
    assert!(texts(&exclusive, "salesPriceExcl").contains(&"3.440367"), "{exclusive}");
}

#[tokio::test]
async fn a_saved_line_replaces_is_merged_or_ends_the_articles_others() {
    for (reading, description, others) in [
        ("line-replaced", false, true),
        ("line-merged", true, true),
        ("article-lines-replaced", false, false),
    ] {
        let pos = pos(&format!("with-texts,{reading}"));
        let article = pos.article_number("Coca-Cola").expect("cola");
        pos.set_branch_price(2, article, Some(Decimal::new(333, 2)));
        pos.set_branch_price(3, article, Some(Decimal::new(344, 2)));
        pos.set_dialect(pos.dialect());
        let line = ArticleBranchDeviationLine {
            article_number: article,
            branch_number: 2,
            sales_price_incl: Some(Decimal::new(355, 2).into()),
            ..ArticleBranchDeviationLine::default()
        };
        let request = SaveArticleBranchDeviationsRequest { article_branch_deviation_lines: vec![line] };
        let answer = envelope(&pos, SaveArticleBranchDeviations { request }).await;
        assert!(answer.contains("RESULT-OK"), "{answer}");
        let line = |branch| {
            let is = |line: &ArticleBranchDeviationLine| {
                (line.article_number, line.branch_number) == (article, branch)
            };
            pos.branch_lines().into_iter().find(is)
        };
        let saved = line(2).expect("saved");
        assert_eq!(saved.sales_price_incl, Some(Decimal::new(355, 2).into()));
        assert_eq!((saved.description.is_some(), line(3).is_some()), (description, others), "{reading}");
    }
}

#[tokio::test]
async fn the_low_rate_may_rise_at_the_third_hour_without_a_new_marker() {
    let pos = pos("vat-rises");
    let rates = async || texts(&envelope(&pos, GetVatGroupList::default()).await, "vatPercentage").join(" ");
    let markers = async || numbers(&envelope(&pos, GetProducts::default()).await, "syncMarker");
    let before = markers().await;
    assert!(rates().await.starts_with("2100 900 0"));
    pos.pass(Duration::from_secs(3 * 3600));
    assert!(rates().await.starts_with("2100 2100 0"));
    assert_eq!(pos.vat_rate(2), Some(2100));
    assert_eq!(markers().await, before);
    assert!(!envelope(&pos, GetProducts::default()).await.contains(">900<"));
}

#[tokio::test]
async fn rows_of_stock_are_more_fewer_or_below_zero() {
    let rows = async |pos: &Pos| {
        let request = GetStockRequest { branch_number: 1, ..GetStockRequest::default() };
        let answer = envelope(pos, GetStock { request }).await;
        (
            texts(&answer, "articleStocks").len(),
            numbers(&answer, "amountFree").into_iter().any(|free| free < 0),
        )
    };
    let kept = rows(&pos("")).await;
    assert!(kept.0 > 5 && !kept.1);
    assert!(rows(&pos("stock-every-article")).await.0 > 50);
    assert_eq!(rows(&pos("stock-negative")).await, (kept.0, true));
    assert!(rows(&pos("stock-partly")).await.0 < kept.0);
    let going = pos("stock-going");
    assert_eq!(rows(&going).await, kept);
    going.pass(Duration::from_secs(3 * 3600));
    assert!(rows(&going).await.0 < kept.0);
}
