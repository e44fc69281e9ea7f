use mplus_qapi::products::{Article, Barcode, Product, SortOrderGroup};
use mplus_qapi::types::{ArticleSpecialPrice, Image, PriceGroup};
use mplus_qapi::value::AMSTERDAM;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::merge::{Shared, content_fingerprint};
use super::*;
use crate::model::{BtwCode, Category, CategoryId, Item, Variant};
use crate::price::PriceProblem;
use crate::tax::{TaxMapping, TaxTable, VatGroup};

fn tax() -> TaxTable {
    let group = |code, rate: i64| VatGroup::new(BtwCode::new(code), rate.into());
    TaxMapping::dutch().check(&[group(1, 2100), group(2, 900), group(3, 0)])
}

fn category() -> CategoryId {
    CategoryId::from("drinks")
}

fn mapped(article: &Article) -> IncomingItem {
    article_to_item(article, Some(&category()), &tax(), AMSTERDAM).unwrap()
}

fn cola() -> Article {
    Article {
        article_number: Some(7),
        description: Some("Cola".to_owned()),
        price_incl: Some(Decimal::new(250, 2)),
        vat_code: Some(2),
        ..Article::default()
    }
}

#[test]
fn an_article_keeps_its_exact_price_and_gets_the_rate_of_its_code() {
    let item = mapped(&cola()).incoming.record;
    assert_eq!((item.price, item.tax_rate), (Some(Decimal::new(250, 2)), Some(9.into())));
    assert_eq!((item.id.as_str(), item.category), ("mpluskassa-7", Some(category())));
}

#[test]
fn sizes_barcodes_and_pictures_come_along_each_once() {
    let barcode = |code: &str| Barcode { barcode: Some(code.to_owned()), ..Barcode::default() };
    let image = |hash: &str| Image {
        image_hash: hash.to_owned(),
        image_name: "a.jpg".to_owned(),
        ..Image::default()
    };
    let article = Article {
        size: Some("33 cl".to_owned()),
        size_sequence_number: Some(2),
        barcode: Some("871".to_owned()),
        barcode_list: vec![barcode("871"), barcode("872"), barcode("")].into(),
        image_list: vec![image("h1"), image("")].into(),
        plu_number: Some("007".to_owned()),
        ..cola()
    };
    let item = mapped(&article).incoming.record;
    assert_eq!(item.barcodes, ["871", "872"]);
    assert_eq!(item.plu.as_deref(), Some("007"));
    assert_eq!(item.images.len(), 1);
    let size = Variant { size: Some("33 cl".to_owned()), size_position: Some(2), ..Variant::default() };
    assert_eq!(item.variant, Some(size));
}

#[test]
fn a_price_that_cannot_be_is_named_and_never_guessed() {
    let problems = |price: Option<i64>, special_price| {
        let price_incl = price.map(|cents| Decimal::new(cents, 2));
        let item = mapped(&Article { price_incl, special_price, ..cola() });
        (item.incoming.record.price, item.problems)
    };
    let negative = ArticleProblem::Price(PriceProblem::Negative(Decimal::new(-5, 2)));
    assert_eq!(problems(Some(-5), None), (None, vec![negative]));
    assert_eq!(problems(None, None), (None, vec![ArticleProblem::NoPrice]));
    let asked = (None, vec![ArticleProblem::AskedAtTill]);
    assert_eq!(problems(None, Some(ArticleSpecialPrice::AskPositive)), asked);
    assert_eq!(problems(Some(250), Some(ArticleSpecialPrice::AskPositive)), asked);
    let free = problems(Some(250), Some(ArticleSpecialPrice::Free));
    assert_eq!(free, (Some(Decimal::ZERO), vec![]), "whatever amount is told with it");
    assert_eq!(problems(None, Some(ArticleSpecialPrice::Free)), (Some(Decimal::ZERO), vec![]));
}

#[test]
fn an_unknown_code_leaves_the_rate_open_and_is_named() {
    let item = mapped(&Article { vat_code: Some(9), ..cola() });
    assert_eq!((item.incoming.record.tax_rate, item.incoming.record.btw_code), (None, Some(BtwCode::new(9))));
    assert!(matches!(item.problems[..], [ArticleProblem::Tax(_)]));
}

#[test]
fn an_article_without_number_or_product_is_told_apart() {
    assert_eq!(article_to_item(&Article { article_number: None, ..cola() }, None, &tax(), AMSTERDAM), None);
    assert_eq!(
        article_to_item(&cola(), None, &tax(), AMSTERDAM).unwrap().problems,
        [ArticleProblem::NoProduct]
    );
}

#[test]
fn a_product_is_a_category_at_its_first_place() {
    let product = Product {
        product_number: Some(4),
        description: Some(" Soft drinks ".to_owned()),
        group_numbers: vec![2],
        sort_order_group_list: vec![SortOrderGroup { group_number: 2, sort_order: 9 }].into(),
        ..Product::default()
    };
    let category = product_to_category(&product, AMSTERDAM).unwrap().record;
    assert_eq!((category.name.as_str(), category.position), ("Soft drinks", Some(9)));
    assert_eq!(product_to_category(&Product::default(), AMSTERDAM), None);
}

#[test]
fn what_the_pos_cannot_take_is_refused_and_not_rounded() {
    let refused = |change: fn(&mut Item)| {
        let mut item = Item::new("a", "A");
        change(&mut item);
        item_to_article(&item, None, None, false).unwrap_err()
    };
    assert_eq!(
        refused(|item| item.price = Some(Decimal::new(1, 3))),
        ItemProblem::FractionOfCent(Decimal::new(1, 3))
    );
    assert_eq!(refused(|item| item.turnover_group = Some(1000)), ItemProblem::TurnoverGroup(1000));
    assert_eq!(refused(|item| item.name = " ".to_owned()), ItemProblem::NoName);
}

#[test]
fn an_article_that_the_pos_withholds_is_not_switched_off_by_a_push() {
    let mut item = Item::new("a", "A");
    item.active = false;
    assert_eq!(item_to_article(&item, None, None, true).unwrap().active, None);
    assert_eq!(item_to_article(&item, None, None, false).unwrap().active, Some(false));
}

prop_compose! {
    fn any_item()(
        name in "[A-Za-zéü&<>]{1,20}",
        description in prop::option::of("[a-z]{1,20}"),
        cents in prop::option::of(0i64..1_000_000),
        rate in prop::sample::select(vec![21, 9, 0]),
        turnover_group in prop::option::of(0i32..1000),
        size in prop::option::of("[a-z]{1,5}"),
        plu in prop::option::of("[0-9]{1,6}"),
        barcode in prop::option::of("[0-9]{8}"),
        minimum_age in prop::option::of(1i32..30),
        active: bool,
    ) -> Item {
        let mut item = Item::new("host-1", name);
        item.category = Some(category());
        item.description = description;
        item.price = cents.map(|cents| Decimal::new(cents, 2));
        item.tax_rate = Some(rate.into());
        item.turnover_group = turnover_group;
        item.variant = size.map(|size| Variant { size: Some(size), ..Variant::default() });
        item.plu = plu;
        item.barcodes = barcode.into_iter().collect();
        item.minimum_age = minimum_age;
        item.active = active;
        item
    }
}

proptest! {
    #[test]
    fn an_item_that_went_to_the_pos_comes_back_the_same(item in any_item()) {
        let code = tax().code_for(&item.name, item.tax_rate).unwrap();
        let sent = item_to_article(&item, None, Some(code), false).unwrap();
        let article = Article { article_number: Some(7), ..sent };
        let told = mapped(&article);
        prop_assert_eq!(told.external_id.as_deref(), Some("host-1"));
        let back = told.incoming.record;
        prop_assert_eq!(content_fingerprint(&back).unwrap(), content_fingerprint(&item).unwrap());
        let mut taken = item.clone();
        taken.take_shared(&back);
        prop_assert_eq!(Item { btw_code: None, ..taken }, item);
    }
}

#[test]
fn a_price_group_with_a_discount_and_a_price_of_zero_sells_nothing_for_free() {
    let group = |price_incl, discount_percentage| PriceGroup {
        price_group_number: 2,
        price_incl,
        discount_percentage,
        ..PriceGroup::default()
    };
    let priced = |group| {
        let article = Article { price_group_list: vec![group].into(), ..cola() };
        let mut item = mapped(&article);
        from_pos::take_group_price(&mut item, &article, 2);
        (item.incoming.record.price, item.problems)
    };
    let own = Some(Decimal::new(250, 2));
    let discount = vec![ArticleProblem::GroupDiscount(10)];
    assert_eq!(priced(group(None, Some(10))), (own, discount.clone()));
    assert_eq!(priced(group(Some(Decimal::ZERO), Some(10))), (own, discount));
    assert_eq!(priced(group(Some(Decimal::ZERO), None)).0, Some(Decimal::ZERO), "free on purpose");
    assert_eq!(priced(group(Some(Decimal::new(200, 2)), Some(0))).0, Some(Decimal::new(200, 2)));
}

#[test]
fn every_field_goes_both_ways_or_is_the_pos_s_or_the_host_s_own() {
    fn check<T: Shared>(of_host: &[&'static str]) {
        let record = T::empty("record".to_owned().into());
        let fields = record.fields();
        let mut fields: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
        let mut listed: Vec<&str> = [T::FIELDS, T::POS_OWNED, of_host].concat();
        fields.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, fields, "{}", T::NAME);
    }
    check::<Item>(&["position", "hidden", "nutrients", "modifier_groups"]);
    check::<Category>(&["hidden"]);
}
