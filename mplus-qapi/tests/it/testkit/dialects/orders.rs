//! Orders: what is taken, what is told of them, what is remembered.

use std::time::Duration;

use mplus_qapi::{
    orders::{CreateOrder, CreateOrderV3, CreateOrderV3Request, FindOrder},
    table_orders::{
        GetTableOrderV3, GetTableOrderV3Request, PlaceTableOrder, PlaceTableOrderReq,
        TableOrderIdentifierElem,
    },
    types::{Order, PlaceTableOrderLineDataElem, PlaceTableOrderLineElem},
};

use super::*;
use crate::testkit::orders::{order, payment};

fn cola(pos: &Pos, number: &str) -> Order {
    order(pos, number, &[("Coca-Cola", 1)])
}

async fn create(pos: &Pos, order: Order) -> String {
    envelope(pos, CreateOrder { order: Some(order) }).await
}

fn keyed(pos: &Pos, key: &str, number: &str) -> CreateOrderV3 {
    let request = CreateOrderV3Request {
        idempotency_key: key.into(),
        order: cola(pos, number),
        ..CreateOrderV3Request::default()
    };
    CreateOrderV3 { request }
}

#[tokio::test]
async fn a_number_that_was_used_before_is_refused_or_taken() {
    for (reading, told, orders) in
        [("duplicate-refused", "EXT-ORDER-ID-ALREADY-EXISTS", 1), ("duplicate-taken", "OK", 2)]
    {
        let pos = pos(reading);
        create(&pos, cola(&pos, "1")).await;
        let again = create(&pos, cola(&pos, "1")).await;
        assert!(again.contains(&format!("CREATE-ORDER-RESULT-{told}<")), "{again}");
        assert_eq!(pos.orders().len(), orders);
    }
}

#[tokio::test]
async fn a_key_is_remembered_for_ever_for_an_hour_for_successes_or_not_at_all() {
    for (reading, refusal_again, success_again, success_later) in [
        ("keys-remembered", true, true, true),
        ("keys-of-successes", false, true, true),
        ("keys-for-an-hour", true, true, false),
        ("keys-ignored", false, false, false),
    ] {
        let pos = pos(reading);
        let replayed =
            async |key: &str, number: &str| envelope(&pos, keyed(&pos, key, number)).await.contains("REPLAY");
        let article = pos.article_number("Coca-Cola").expect("cola");
        let mut wrong = keyed(&pos, "k-1", "1");
        wrong.request.order.relation_number = Some(77);
        assert!(envelope(&pos, wrong).await.contains("FAILED"), "{article}");
        assert_eq!(replayed("k-1", "1").await, refusal_again, "{reading}");
        envelope(&pos, keyed(&pos, "k-2", "2")).await;
        assert_eq!(replayed("k-2", "2").await, success_again, "{reading}");
        pos.pass(Duration::from_secs(7200));
        assert_eq!(replayed("k-2", "2").await, success_later, "{reading}");
    }
}

#[tokio::test]
async fn the_result_of_an_order_that_was_taken_may_be_absent_new_or_unknown() {
    for (reading, told) in [
        ("result-told", Some("CREATE-ORDER-RESULT-OK")),
        ("result-absent", None),
        ("result-new", Some("CREATE-ORDER-RESULT-ACCEPTED-LATER")),
        ("result-unknown", Some("CREATE-ORDER-RESULT-UNKNOWN")),
    ] {
        let pos = pos(reading);
        let answer = create(&pos, cola(&pos, "1")).await;
        assert_eq!(texts(&answer, "result").first().copied(), told);
        assert!(pos.order("1").is_some(), "it was taken");
        let wrong = Order { relation_number: Some(77), ..cola(&pos, "2") };
        assert!(create(&pos, wrong).await.contains("CREATE-ORDER-RESULT-FAILED"), "refusals are told");
    }
}

#[tokio::test]
async fn a_reference_is_kept_cut_or_dropped() {
    for (reading, kept) in [
        ("", Some(60)),
        ("reference-of-50", Some(50)),
        ("reference-of-20", Some(20)),
        ("reference-dropped", None),
    ] {
        let pos = pos(reading);
        create(&pos, Order { reference: Some("é".repeat(60)), ..cola(&pos, "1") }).await;
        let found = envelope(&pos, FindOrder { ext_order_id: "1".into() }).await;
        assert_eq!(texts(&found, "reference").first().map(|text| text.chars().count()), kept);
    }
}

#[tokio::test]
async fn what_was_paid_may_not_be_told() {
    for (reading, told) in [("paid-told", true), ("paid-absent", false)] {
        let pos = pos(reading);
        let mut request = keyed(&pos, "k", "1");
        request.request.prepay = Some(true);
        request.request.payment_list = vec![payment("IDEAL", 320)].into();
        envelope(&pos, request).await;
        let found = envelope(&pos, FindOrder { ext_order_id: "1".into() }).await;
        assert_eq!(found.contains("<ns1:prepaidAmount>320<"), told, "{found}");
        assert_eq!(found.contains("IDEAL"), told);
        assert_eq!(pos.order("1").expect("there").payment_list.len(), 1, "it was paid all the same");
    }
}

#[tokio::test]
async fn unknown_employees_workplaces_payment_methods_and_inactive_articles_are_refused_or_taken() {
    let taken = async |readings: &str| {
        let pos = pos(readings);
        let mut answers = Vec::new();
        answers.push(create(&pos, Order { employee_number: Some(4711), ..cola(&pos, "employee") }).await);
        answers.push(create(&pos, Order { workplace_number: Some(99), ..cola(&pos, "workplace") }).await);
        let mut paid = keyed(&pos, "k", "payment");
        paid.request.prepay = Some(true);
        paid.request.payment_list = vec![payment("BITCOIN", 320)].into();
        answers.push(envelope(&pos, paid).await);
        let inactive = cola(&pos, "article");
        pos.change_article(inactive.line_list[0].article_number, |article| article.active = Some(false));
        answers.push(create(&pos, inactive).await);
        answers.into_iter().map(|answer| answer.contains("CREATE-ORDER-RESULT-OK<")).collect::<Vec<_>>()
    };
    assert_eq!(taken("").await, [true, false, false, false]);
    assert_eq!(taken("known-employees").await, [false, false, false, false]);
    assert_eq!(taken("unknown-taken").await, [true, true, true, true]);
}

fn at_table(pos: &Pos, key: &str) -> PlaceTableOrder {
    let line = PlaceTableOrderLineElem {
        article_number: pos.article_number("Coca-Cola"),
        data: Some(PlaceTableOrderLineDataElem {
            quantity: mplus_qapi::value::Decimal::TWO.into(),
            ..Default::default()
        }),
        ..PlaceTableOrderLineElem::default()
    };
    let request = PlaceTableOrderReq {
        idempotency_key: key.into(),
        table_order_identifier: TableOrderIdentifierElem {
            branch_number: 1,
            table_number: 7,
            ..Default::default()
        },
        employee_number: 1,
        workplace_number: 1,
        lines: vec![line],
        ..PlaceTableOrderReq::default()
    };
    PlaceTableOrder { request }
}

#[tokio::test]
async fn tables_may_be_claimed_for_hours() {
    let pos = pos("tables-claimed");
    let place =
        async |key: &str| envelope(&pos, at_table(&pos, key)).await.contains("PLACE-TABLE-ORDER-RESULT-OK");
    assert!(place("1").await);
    pos.pass(Duration::from_secs(6 * 3600));
    assert!(!place("2").await);
    pos.pass(Duration::from_secs(5 * 3600));
    assert!(place("3").await);
}

#[tokio::test]
async fn a_tables_lines_are_told_as_they_were_sent_or_condensed() {
    for (reading, quantities) in [("lines-as-sent", vec![2, 2]), ("lines-condensed", vec![4])] {
        let pos = pos(reading);
        for key in ["1", "2"] {
            envelope(&pos, at_table(&pos, key)).await;
        }
        let request = GetTableOrderV3Request {
            branch_number: 1,
            workplace_number: 1,
            table_number: 7,
            ..Default::default()
        };
        let told = envelope(&pos, GetTableOrderV3 { request }).await;
        assert_eq!(numbers(&told, "quantity"), quantities);
        assert_eq!(pos.table_order(1, 7).expect("seated").line_list.len(), 2);
    }
}
