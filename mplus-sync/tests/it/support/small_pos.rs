//! A POS with one of everything, so small that each call of a sync can be failed in turn.

use mplus_qapi::media::{CreateImage, CreateImageCardLink, CreateImageRequest, CreateImageResult};
use mplus_qapi::preparation::{
    ArticleAlterationsGroupType, SaveArticleAlteration, SaveArticleAlterationsGroup,
    SaveArticleAlterationsGroupRequest, SavePreparationMethodGroup, SavePreparationMethodGroupRequest,
    SavePreparationMethodItem, UpdateArticlePreparationMethodGroups,
    UpdateArticlePreparationMethodGroupsRequest,
};
use mplus_qapi::testkit::Pos;
use mplus_qapi::types::CardType;
use mplus_qapi::value::Decimal;

/// Some of the articles, in the order of their items' identifiers.
pub(crate) const ARTICLES: [i64; 5] = [1_000_001, 1_000_004, 1_000_007, 1_000_010, 1_000_013];

/// Groups of choices at the POS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Groups {
    /// Preparation methods, linked to the first article.
    pub(crate) cooking: i32,
    /// Alterations.
    pub(crate) extras: i32,
    /// A part of set menus.
    pub(crate) courses: i32,
}

/// Five products with pictures, branch prices and groups of choices.
pub(crate) async fn open() -> (Pos, Groups) {
    let pos = Pos::generated(5, 11);
    for article in ARTICLES {
        assert!(pos.article(article).is_some(), "{article}");
    }
    add_picture(&pos, 1, 1).await;
    pos.set_branch_price(2, ARTICLES[1], Some(Decimal::new(495, 2)));
    let cooking = add_preparation_group(&pos).await;
    let extras = add_alterations(&pos, "Extras", ArticleAlterationsGroupType::CrossSell).await;
    let courses = add_alterations(&pos, "Dessert", ArticleAlterationsGroupType::Menu).await;
    (pos, Groups { cooking, extras, courses })
}

/// A picture of the n-th product, another one for each content.
pub(crate) async fn add_picture(pos: &Pos, product: i64, content: u8) {
    let bytes = [&b"\x89PNG\r\n\x1a\n"[..], &[content]].concat();
    let link = CreateImageCardLink {
        card_type: CardType::Product,
        card_numbers: vec![100_000 + product],
        ..CreateImageCardLink::default()
    };
    let request = CreateImageRequest {
        image_name: format!("{content}.png"),
        mime_type: "image/png".to_owned(),
        image_data: bytes.into(),
        card_link: Some(link),
    };
    let reply = pos.client().call(CreateImage { request }).await.unwrap();
    assert_eq!(reply.result, CreateImageResult::Ok);
}

async fn add_preparation_group(pos: &Pos) -> i32 {
    let item = SavePreparationMethodItem {
        sequence_number: 1,
        remark: "Well done".to_owned(),
        ..SavePreparationMethodItem::default()
    };
    let request = SavePreparationMethodGroupRequest {
        description: "Cooking".to_owned(),
        preparation_method_items: vec![item],
        ..SavePreparationMethodGroupRequest::default()
    };
    let reply = pos.client().call(SavePreparationMethodGroup { request }).await.unwrap();
    let number = reply.preparation_method_group_number.unwrap();
    let request = UpdateArticlePreparationMethodGroupsRequest {
        article_number: ARTICLES[0],
        preparation_method_group_numbers: vec![number],
    };
    pos.client().call(UpdateArticlePreparationMethodGroups { request }).await.unwrap();
    number
}

async fn add_alterations(pos: &Pos, name: &str, group_type: ArticleAlterationsGroupType) -> i32 {
    let alteration = SaveArticleAlteration {
        sequence_number: 1,
        article_number: Some(ARTICLES[2]),
        remark: name.to_owned(),
        ..SaveArticleAlteration::default()
    };
    let request = SaveArticleAlterationsGroupRequest {
        description: name.to_owned(),
        article_alterations: vec![alteration].into(),
        group_type,
        ..SaveArticleAlterationsGroupRequest::default()
    };
    let reply = pos.client().call(SaveArticleAlterationsGroup { request }).await.unwrap();
    reply.group_number.unwrap()
}
