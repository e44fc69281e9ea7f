use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use mplus_qapi::{
    branches::GetBranches,
    media::GetImagesRequest,
    preparation::{
        ArticleAlterationsGroupType, GetArticleAlterationsGroupsRequest,
        GetArticlesPreparationMethodGroupsRequest, GetPreparationMethodGroupsRequest,
    },
    products::{
        Article, GetArticleBranchDeviationsRequest, GetArticleGroupsRequest, GetProductsRequest, Product,
        SaveArticleMenuArticleSettings, UpdateArticleMenuRequest, UpdateArticleMenuResult,
    },
    soap::Outcome as _,
    system::{GetApiVersion, GetVatGroupList},
    testkit::Pos,
    value::Decimal,
};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[tokio::test]
async fn the_brasserie_has_three_branches_sixty_articles_and_dutch_vat() {
    let client = Pos::brasserie().client();
    let version = client.get_api_version(GetApiVersion::default()).await.expect("version");
    assert_eq!((version.major_number, version.service_major_number), (1, Some(67)));
    let branches = client.get_branches(GetBranches::default()).await.expect("branches").branches;
    assert_eq!(branches.iter().map(|branch| branch.branch_number).collect::<Vec<_>>(), [1, 2, 3]);
    let groups = client.get_vat_group_list(GetVatGroupList::default()).await.expect("VAT").vat_group;
    let dutch: Vec<_> = groups
        .iter()
        .filter(|group| group.branch_number == Some(1))
        .map(|group| group.vat_percentage)
        .collect();
    assert_eq!(dutch, [2100, 900, 0]);
    let products = client.get_products(GetProductsRequest::default()).await.expect("products").product_list;
    let articles: Vec<&Article> = products.iter().flat_map(|product| &product.article_list).collect();
    assert!((55..=65).contains(&articles.len()), "{} articles", articles.len());
    let brulee = articles
        .iter()
        .find(|article| article.description.as_deref() == Some("Crème brûlée"))
        .expect("dessert");
    assert_eq!(brulee.price_incl, Some(euros(8_75)));
    let present: Vec<_> = brulee
        .nutritional_characteristics
        .iter()
        .flat_map(|list| &list.allergen_list)
        .filter(|allergen| allergen.is_present == Some(true))
        .filter_map(|allergen| allergen.name.clone())
        .collect();
    assert_eq!(present, ["Eieren", "Melk"]);
}

#[tokio::test]
async fn pages_by_marker_bring_every_product_once_and_then_only_changes() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let mut seen = Vec::new();
    let mut marker = 1;
    let pages = client.call(mplus_qapi::products::GetProducts::default()).changes_since(marker, 7);
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.try_next().await.expect("page") {
        let articles: usize = page.items.iter().map(|product| product.article_list.len()).sum();
        assert!(articles <= 7, "the limit counts articles");
        seen.extend(page.items.iter().filter_map(|product| product.product_number));
        marker = page.next_marker;
    }
    let unique: BTreeSet<i64> = seen.iter().copied().collect();
    assert_eq!((unique.len(), seen.len()), (43, 43));

    let espresso = pos.article_number("Espresso dubbel").expect("on the menu");
    assert!(pos.set_price(espresso, euros(4_10)));
    let request = GetProductsRequest { sync_marker: Some(marker), ..Default::default() };
    let changed = client.get_products(request).await.expect("changes").product_list;
    let [product] = &changed[..] else { panic!("one product changed: {changed:?}") };
    let [article] = &product.article_list[..] else { panic!("one article changed: {product:?}") };
    assert_eq!((article.article_number, article.price_incl), (Some(espresso), Some(euros(4_10))));
    assert!(article.sync_marker >= Some(marker));
}

#[tokio::test]
async fn a_first_product_larger_than_the_limit_comes_whole() {
    let client = Pos::brasserie().client();
    let request =
        GetProductsRequest { sync_marker: Some(1), sync_marker_limit: Some(1), ..Default::default() };
    let products = client.get_products(request).await.expect("products").product_list;
    assert_eq!(products.iter().map(|product| product.article_list.len()).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn filters_narrow_the_articles_of_a_product_unless_all_are_wanted() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let single = pos.article_number("Espresso enkel").expect("on the menu");
    let mut request = GetProductsRequest { article_numbers: vec![single], ..Default::default() };
    let products = client.get_products(request.clone()).await.expect("products").product_list;
    assert_eq!(products[0].article_list.len(), 1);
    request.include_all_articles_of_selected_products = Some(true);
    let products = client.get_products(request).await.expect("products").product_list;
    assert_eq!(products[0].article_list.len(), 2);
}

#[tokio::test]
async fn a_generated_catalogue_is_streamed_whole_and_pages_like_any_other() {
    let client = Pos::generated(2000, 5).client();
    let streamed: Vec<Product> =
        client.stream_products(GetProductsRequest::default()).try_collect().await.expect("stream");
    assert_eq!(streamed.len(), 2000);
    let pages = client.call(mplus_qapi::products::GetProducts::default()).changes_since(0, 300);
    let paged: usize = pages
        .map(|page| page.expect("page").items.len())
        .fold(0, |sum, count| async move { sum + count })
        .await;
    assert_eq!(paged, 2000);
}

#[tokio::test]
async fn products_are_created_and_updated_under_new_numbers_and_markers() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let article = Article {
        description: Some("Tompouce".into()),
        vat_code: Some(2),
        price_incl: Some(euros(4_25)),
        ..Article::default()
    };
    let product = Product {
        description: Some("Tompouce".into()),
        article_list: vec![article].into(),
        ..Product::default()
    };
    let created = client.create_product(product).await.expect("sent").into_result().expect("created");
    let number = created.article_numbers[0];
    assert_eq!(pos.article(number).and_then(|article| article.price_excl), Some(euros(3_90)));

    let change =
        Article { article_number: Some(number), price_incl: Some(euros(4_50)), ..Article::default() };
    let update = Product {
        product_number: Some(created.product_number),
        article_list: vec![change].into(),
        ..Product::default()
    };
    let updated = client.update_product(update.clone()).await.expect("sent").into_result().expect("updated");
    assert_eq!(updated.existing_article_numbers, [number]);
    assert!(updated.sync_marker > created.sync_marker);
    let held = pos.article(number).expect("kept");
    assert_eq!((held.description.as_deref(), held.price_incl), (Some("Tompouce"), Some(euros(4_50))));

    let unknown = Product { product_number: Some(999), ..update };
    let refused = client.update_product(unknown).await.expect("sent").into_result().expect_err("unknown");
    assert_eq!(refused.result, "UPDATE-PRODUCT-RESULT-NOT-FOUND");
}

#[tokio::test]
async fn a_group_that_was_deleted_is_told_under_its_marker_only() {
    let pos = Pos::brasserie();
    let client = pos.client();
    assert!(pos.delete_preparation_group(3));
    assert!(!pos.delete_preparation_group(3), "it is gone");
    let all = client.get_preparation_method_groups(GetPreparationMethodGroupsRequest::default());
    let all = all.await.expect("groups").preparation_method_group_list;
    assert!(all.iter().all(|group| group.group_number != 3));
    let request = GetPreparationMethodGroupsRequest { sync_marker: Some(6), sync_marker_limit: Some(10) };
    let changed = client.get_preparation_method_groups(request).await.expect("groups");
    let [group] = &changed.preparation_method_group_list[..] else { panic!("{changed:?}") };
    assert!(group.group_number == 3 && group.deleted_on.is_some());

    let fries = pos.article_number("Verse friet klein").expect("on the menu");
    let entrecote = pos.article_number("Entrecôte 200 g").expect("on the menu");
    let request = GetArticlesPreparationMethodGroupsRequest { article_numbers: vec![fries, entrecote] };
    let attached = client.get_articles_preparation_method_groups(request).await.expect("attached");
    let numbers: Vec<_> = attached
        .article_preparation_method_groups_list
        .iter()
        .map(|entry| entry.preparation_method_group_numbers.clone())
        .collect();
    assert_eq!(numbers, [vec![], vec![2]]);
}

#[tokio::test]
async fn a_menu_is_merged_and_never_loses_a_choice() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let menu = pos.article_number("Driegangenmenu").expect("on the menu");
    let scampi = pos.article_number("Gamba's in knoflookolie 4 stuks").expect("on the menu");
    let before = pos.menu(menu).expect("a menu").choices;
    let request = UpdateArticleMenuRequest {
        article_number: menu,
        description: "Driegangenmenu".into(),
        is_active: true,
        price_incl: euros(41_00).into(),
        vat_code: 2,
        articles_settings: vec![SaveArticleMenuArticleSettings {
            group_number: 21,
            article_number: scampi,
            added_fee: euros(3_50).into(),
        }]
        .into(),
        ..UpdateArticleMenuRequest::default()
    };
    let saved = client.update_article_menu(request.clone()).await.expect("sent");
    assert_eq!(saved.result, UpdateArticleMenuResult::Ok);
    let after = pos.menu(menu).expect("a menu").choices;
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.keys().all(|choice| after.contains_key(choice)));
    let kind = Some(ArticleAlterationsGroupType::Menu);
    let request_groups = GetArticleAlterationsGroupsRequest { group_type: kind, ..Default::default() };
    let groups = client.get_article_alterations_groups(request_groups).await.expect("groups");
    let starters = groups
        .article_alterations_group_list
        .iter()
        .find(|group| group.group_number == 21)
        .expect("starters");
    assert!(starters.article_alterations.iter().any(|choice| choice.article_number == Some(scampi)));

    let mut unknown = request;
    unknown.articles_settings = vec![SaveArticleMenuArticleSettings {
        group_number: 11,
        article_number: scampi,
        added_fee: Decimal::ZERO.into(),
    }]
    .into();
    let partly = client.update_article_menu(unknown).await.expect("sent");
    assert_eq!(partly.result, UpdateArticleMenuResult::NotAllArticleSettingsSaved);
}

#[tokio::test]
async fn branches_have_prices_of_their_own() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let cappuccino = pos.article_number("Cappuccino").expect("on the menu");
    let request = GetArticleBranchDeviationsRequest {
        article_numbers: vec![cappuccino].into(),
        branch_filter: vec![2].into(),
    };
    let deviations = client.get_article_branch_deviations(request).await.expect("deviations");
    let [line] = &deviations.article_branch_deviation_lines[..] else { panic!("{deviations:?}") };
    assert_eq!((line.branch_number, line.sales_price_incl), (2, Some(euros(3_75).into())));
    let branch = pos.add_branch("De Gouden Leeuw Leiden");
    let branches = client.get_branches(GetBranches::default()).await.expect("branches").branches;
    assert_eq!(branches.last().map(|last| last.branch_number), Some(branch));
}

#[tokio::test]
async fn pictures_have_bytes_when_they_are_asked_for() {
    let client = Pos::brasserie().client();
    let request = |include_image_data| GetImagesRequest {
        image_ids: vec![1, 2],
        include_image_data,
        include_thumb_data: false,
    };
    let bare = client.get_images(request(false)).await.expect("images").image_list;
    let full = client.get_images(request(true)).await.expect("images").image_list;
    assert!(bare.iter().all(|image| image.image_data.as_ref().is_empty() && !image.image_hash.is_empty()));
    assert!(full[0].image_data.as_ref().starts_with(b"\x89PNG"));
    assert!(full[1].image_data.as_ref().starts_with(b"\xff\xd8\xff"));
    assert_eq!(bare[0].image_hash, full[0].image_hash);
}

#[tokio::test]
async fn article_groups_form_a_tree_that_knows_its_products() {
    let client = Pos::brasserie().client();
    let groups = client.get_article_groups(GetArticleGroupsRequest::default()).await.expect("groups");
    let drinks = &groups.article_group_list[0];
    assert_eq!((drinks.name.as_str(), drinks.sub_group_list.len()), ("Dranken", 4));
    assert!(drinks.sub_group_list.iter().all(|group| !group.product_numbers.is_empty()));
}
