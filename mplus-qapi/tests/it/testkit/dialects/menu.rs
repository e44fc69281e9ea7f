//! Products: their markers, their pages, what becomes of them, how they are changed.

use std::{collections::BTreeSet, time::Duration};

use mplus_qapi::{
    products::{
        Article, CreateProduct, CreateProductResult, GetArticleGroups, GetProducts, GetProductsRequest,
        Product, UpdateProduct, UpdateProductResult,
    },
    value::Decimal,
};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn page_from(marker: i64, limit: i32) -> GetProducts {
    let request = GetProductsRequest {
        sync_marker: Some(marker),
        sync_marker_limit: Some(limit),
        ..GetProductsRequest::default()
    };
    GetProducts { request }
}

/// Articles of an answer, and their number of products.
fn articles(page: &str) -> (BTreeSet<i64>, usize) {
    let articles =
        texts(page, "article").iter().map(|article| numbers(article, "articleNumber")[0]).collect();
    (articles, texts(page, "product").len())
}

/// Asks on and on from the highest marker of an article, as the documentation wants it; whatever comes.
async fn read_on(pos: &Pos, limit: i32) -> (BTreeSet<i64>, usize) {
    let (mut marker, mut seen, mut pages) = (0, BTreeSet::new(), 0);
    loop {
        let page = envelope(pos, page_from(marker, limit)).await;
        let markers =
            texts(&page, "article").into_iter().map(|article| numbers(article, "syncMarker")[0]).max();
        let Some(highest) = markers else { return (seen, pages) };
        assert!(highest >= marker, "a page brings something new");
        seen.extend(articles(&page).0);
        (marker, pages) = (highest + 1, pages + 1);
    }
}

#[tokio::test]
async fn under_every_reading_of_pages_all_articles_are_reached_by_their_own_markers() {
    let all = articles(&envelope(&Pos::brasserie(), GetProducts::default()).await).0;
    let orders = ["highest-marker-first", "lowest-marker-first", "no-marker-order"];
    let mut orders = orders.into_iter().cycle();
    for limit in ["", "limit-counts-products", "limit-of-ten"] {
        for whole in ["", "whole-products", "cut-products"] {
            for marker in ["", "product-marker-above", "product-marker-below", "product-marker-absent"] {
                let pos = pos(&[orders.next().unwrap_or_default(), limit, whole, marker].join(","));
                // One of two articles gets a high marker: its product has markers far apart.
                assert!(pos.set_price(1001, Decimal::new(299, 2)));
                let (seen, pages) = read_on(&pos, 15).await;
                assert_eq!(seen, all, "{:?}", pos.dialect());
                assert!(pages > 2, "{pages} pages: {:?}", pos.dialect());
            }
        }
    }
}

#[tokio::test]
async fn a_products_marker_is_its_own() {
    for (reading, expected) in
        [("", Some(2)), ("product-marker-above", None), ("product-marker-below", Some(1))]
    {
        let pos = pos(reading);
        let page = envelope(&pos, GetProducts::default()).await;
        let product = element(&page, "product");
        let before = product.split("<ns1:articleList>").next().expect("it begins");
        let own = numbers(before, "syncMarker")[0];
        let highest = numbers(&page, "syncMarker").into_iter().max();
        assert_eq!(Some(own), expected.or(highest), "{reading}");
    }
    let page = envelope(&pos("product-marker-absent"), GetProducts::default()).await;
    let before = page.split("<ns1:articleList>").next().expect("it begins");
    assert!(!before.contains("syncMarker"));
}

#[tokio::test]
async fn a_page_counts_orders_and_cuts_as_the_reading_says() {
    let shape = async |readings: &str| {
        let page = envelope(&pos(readings), page_from(1, 12)).await;
        let (articles, products) = articles(&page);
        (articles.len(), products)
    };
    let (most, _) = shape("").await;
    assert!((11..=12).contains(&most));
    let (articles, products) = shape("limit-counts-products").await;
    assert!(products == 12 && articles > 12, "{articles} articles");
    assert!(shape("limit-of-ten").await.0 <= 10);
    assert_eq!(shape("cut-products").await.0, 12);
    let order =
        async |readings: &str| numbers(&envelope(&pos(readings), page_from(1, 12)).await, "productNumber");
    let ascending = order("lowest-marker-first").await;
    assert!(ascending.is_sorted());
    assert!(order("").await.into_iter().rev().is_sorted());
    let mixed = order("no-marker-order").await;
    assert!(!mixed.is_sorted() && !mixed.iter().rev().is_sorted());
    assert_eq!(mixed.into_iter().collect::<BTreeSet<_>>(), ascending.into_iter().collect());
}

#[tokio::test]
async fn a_page_with_whole_products_brings_articles_from_before_its_marker() {
    for (reading, expected) in [("", vec![1002]), ("whole-products", vec![1001, 1002])] {
        let pos = pos(reading);
        let before = numbers(&envelope(&pos, GetProducts::default()).await, "syncMarker").into_iter().max();
        assert!(pos.set_price(1002, Decimal::new(299, 2)));
        let page = envelope(&pos, page_from(before.expect("markers") + 1, 10)).await;
        let held: Vec<i64> = articles(&page).0.into_iter().filter(|number| *number < 1003).collect();
        assert_eq!(held, expected);
    }
}

#[tokio::test]
async fn from_the_third_hour_on_a_list_may_be_empty_or_cut() {
    let count = async |pos: &Pos| articles(&envelope(pos, GetProducts::default()).await).1;
    for (reading, later) in [("menu-whole", 43), ("menu-empty", 0), ("menu-half", 22)] {
        let pos = pos(reading);
        assert_eq!(count(&pos).await, 43);
        pos.pass(3 * HOUR);
        assert_eq!(count(&pos).await, later);
        let one = GetProductsRequest { article_numbers: vec![1040], ..GetProductsRequest::default() };
        let told = envelope(&pos, GetProducts { request: one }).await;
        assert_eq!(articles(&told).0, BTreeSet::from([1040]), "nothing was deleted");
    }
}

#[tokio::test]
async fn a_deleted_article_is_told_in_one_of_three_ways() {
    let tell = async |reading: &str| {
        let pos = pos(reading);
        let last = numbers(&envelope(&pos, GetProducts::default()).await, "syncMarker").into_iter().max();
        assert!(pos.delete_article(1003));
        let changes = envelope(&pos, page_from(last.expect("markers") + 1, 10)).await;
        let held = articles(&envelope(&pos, GetProducts::default()).await).0.contains(&1003);
        (changes, held)
    };
    let (changes, held) = tell("deleted-is-inactive").await;
    assert!(held && changes.contains("<ns1:active>false</ns1:active>"));
    let (changes, held) = tell("deleted-is-discontinued").await;
    assert!(held && changes.contains("<ns1:discontinued>true</ns1:discontinued>"));
    let (changes, held) = tell("deleted-is-gone").await;
    assert!(!held && articles(&changes).0.is_empty());
}

#[tokio::test]
async fn an_article_may_be_in_two_products_and_may_move() {
    let listing = envelope(&pos("in-two-products"), GetProducts::default()).await;
    let of_first: Vec<&str> = texts(&listing, "product")
        .into_iter()
        .filter(|product| product.contains("<ns1:articleNumber>1001</ns1:articleNumber>"))
        .collect();
    assert_eq!(of_first.len(), 2);
    let pos = Pos::brasserie();
    assert!(pos.move_article(1001, 7));
    let listing = envelope(&pos, GetProducts::default()).await;
    let owner =
        texts(&listing, "product").into_iter().find(|product| product.contains(">1001<")).expect("somewhere");
    assert_eq!(numbers(owner, "productNumber")[0], 7);
}

#[tokio::test]
async fn a_restored_backup_takes_menu_stock_and_markers_back() {
    let pos = pos("restored");
    let highest =
        async || numbers(&envelope(&pos, GetProducts::default()).await, "syncMarker").into_iter().max();
    let before = highest().await;
    assert!(pos.set_price(1003, Decimal::new(999, 2)) && highest().await > before);
    pos.pass(3 * HOUR);
    assert_eq!(highest().await, before);
    assert_eq!(pos.article(1003).expect("there").price_incl, Some(Decimal::new(350, 2)));
    assert!(pos.set_price(1003, Decimal::new(998, 2)), "it goes on from there");
    assert!(highest().await > before);
}

fn product(number: i64, articles: Vec<Article>) -> Product {
    Product { product_number: Some(number), article_list: articles.into(), ..Product::default() }
}

#[tokio::test]
async fn an_update_merges_or_replaces() {
    for (reading, text_kept, articles_kept) in [
        ("update-merges", true, true),
        ("update-replaces-articles", false, true),
        ("update-replaces-products", false, false),
    ] {
        let pos = pos(reading);
        let change = Article {
            article_number: Some(1001),
            price_incl: Some(Decimal::new(295, 2)),
            ..Article::default()
        };
        let answer = envelope(&pos, UpdateProduct { product: product(1, vec![change]) }).await;
        assert!(answer.contains("UPDATE-PRODUCT-RESULT-OK"), "{answer}");
        let article = pos.article(1001).expect("there");
        assert_eq!(article.price_incl, Some(Decimal::new(295, 2)));
        assert_eq!(article.description.is_some(), text_kept, "{reading}");
        assert_eq!(pos.article(1002).is_some(), articles_kept, "{reading}");
    }
}

#[tokio::test]
async fn an_article_of_another_product_is_refused_or_moves() {
    let change = || Article { article_number: Some(1003), ..Article::default() };
    let refusing = pos("move-refused");
    let answer =
        refusing.client().call(UpdateProduct { product: product(1, vec![change()]) }).await.expect("answer");
    assert_eq!(answer.result, UpdateProductResult::FailedArticleNumberAlreadyTaken);
    let moving = pos("article-moved");
    let answer =
        moving.client().call(UpdateProduct { product: product(1, vec![change()]) }).await.expect("answer");
    assert_eq!(answer.result, UpdateProductResult::Ok);
    let owner = moving
        .products()
        .into_iter()
        .find(|product| product.article_list.iter().any(|article| article.article_number == Some(1003)));
    assert_eq!(owner.and_then(|owner| owner.product_number), Some(1));
    assert_eq!(moving.article(1003).and_then(|article| article.description), Some("Cappuccino".to_owned()));
}

#[tokio::test]
async fn numbers_of_new_articles_are_told_at_once_or_found_later() {
    for (reading, told) in [("numbers-told", 1), ("numbers-late", 0)] {
        let pos = pos(reading);
        let article = Article { description: Some("Soep".into()), vat_code: Some(2), ..Article::default() };
        let new = Product { product_number: None, ..product(0, vec![article]) };
        let answer = pos.client().call(CreateProduct { product: new }).await.expect("answer");
        assert_eq!((answer.result, answer.article_numbers.len()), (CreateProductResult::Ok, told));
        assert!(pos.article_number("Soep").is_some());
    }
    let groups = Pos::brasserie().client().call(GetArticleGroups::default()).await;
    assert!(groups.is_ok());
}
