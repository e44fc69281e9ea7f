use futures_util::TryStreamExt as _;
use mplus_qapi::{
    orders::{
        CancelOrderV2Request, CreateOrderResult, CreateOrderV3Request, FindOrder, GetOrderResult, GetOrders,
        GetOrdersRequest, PayOrderV2Request, UpdateOrderResult,
    },
    relations::{FindRelationResult, FindRelationV2Request, GetRelationsRequest},
    soap::Outcome as _,
    testkit::Pos,
    types::{
        CancelOrderResult, IdempotencyResult, Line, LineData, Order, OrderType, PayOrderResult, Payment,
        Relation,
    },
    value::Decimal,
};

pub(super) fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

pub(super) fn order(pos: &Pos, ext_order_id: &str, lines: &[(&str, i64)]) -> Order {
    let line = |(name, quantity): &(&str, i64)| Line {
        article_number: pos.article_number(name).expect("on the menu"),
        data: Some(LineData { quantity: (*quantity).into(), ..LineData::default() }),
        ..Line::default()
    };
    Order {
        ext_order_id: Some(ext_order_id.to_owned()),
        relation_number: Some(1),
        entry_branch_number: Some(1),
        line_list: lines.iter().map(line).collect(),
        ..Order::default()
    }
}

pub(super) fn payment(method: &str, cents: i64) -> Payment {
    Payment { method: method.to_owned(), amount: euros(cents), ..Payment::default() }
}

#[tokio::test]
async fn an_order_is_priced_kept_and_found_again() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let mut request = order(&pos, "web-1", &[("Cappuccino", 2), ("Pilsener van 't vat 25 cl", 1)]);
    request.entry_branch_number = Some(2);
    let created = client.create_order(request).await.expect("sent").into_result().expect("created");
    let found = client.find_order(FindOrder { ext_order_id: "web-1".into() }).await.expect("sent");
    let found = found.order.expect("there");
    assert_eq!(found.order_id, created.info.order_id);
    // 2 x 3.75, the price of branch 2, and 3.40.
    assert_eq!(found.total_incl_amount, Some(euros(10_90)));
    let vat: Vec<_> = found.vat_group_list.iter().map(|group| (group.vat_code, group.vat_amount)).collect();
    assert_eq!(vat, [(1, Some(euros(59))), (2, Some(euros(62)))]);
    let missing = client.find_order(FindOrder { ext_order_id: "web-2".into() }).await.expect("sent");
    assert_eq!(missing.result, GetOrderResult::NotFound);
}

#[tokio::test]
async fn an_ext_order_id_is_taken_once() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let request = order(&pos, "web-1", &[("Cappuccino", 1)]);
    client.create_order(request.clone()).await.expect("sent").into_result().expect("created");
    let again = client.create_order(request).await.expect("sent");
    assert_eq!(again.result, CreateOrderResult::ExtOrderIdAlreadyExists);
    assert_eq!(pos.orders().len(), 1);
}

#[tokio::test]
async fn what_an_order_needs_is_named_when_it_is_not_there() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let good = order(&pos, "web-1", &[("Cappuccino", 1)]);
    let mut unknown_article = good.clone();
    unknown_article.line_list[0].article_number = 4711;
    let cases = [
        (Order { relation_number: None, ..good.clone() }, "relation"),
        (Order { relation_number: Some(77), ..good.clone() }, "relation 77"),
        (Order { ext_order_id: None, ..good.clone() }, "extOrderId"),
        (Order { entry_branch_number: Some(8), ..good.clone() }, "branch 8"),
        (Order { table_number: Some(4), ..good.clone() }, "table"),
        (Order { order_type: Some(OrderType::TableOrder), ..good.clone() }, "table number"),
        (Order { line_list: Vec::new().into(), ..good.clone() }, "line"),
        (unknown_article, "article 4711"),
    ];
    for (request, named) in cases {
        let answer = client.create_order(request).await.expect("sent");
        assert_eq!(answer.result, CreateOrderResult::Failed);
        assert!(answer.error_message.contains(named), "{} should name {named}", answer.error_message);
    }
    assert!(pos.orders().is_empty());
}

#[tokio::test]
async fn the_same_idempotency_key_gets_the_same_response_and_one_order() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let request = CreateOrderV3Request {
        idempotency_key: "key-1".into(),
        order: order(&pos, "web-1", &[("Leeuwburger", 2)]),
        payment_list: vec![payment("IDEAL", 37_00)].into(),
        ..Default::default()
    };
    let first = client.create_order_v3(request.clone()).await.expect("sent").into_result().expect("created");
    let second =
        client.create_order_v3(request.clone()).await.expect("sent").into_result().expect("replayed");
    assert_eq!(first.idempotency_result, IdempotencyResult::OriginalResponse);
    assert_eq!(second.idempotency_result, IdempotencyResult::ReplayResponse);
    assert_eq!(first.info, second.info);
    let [kept] = &pos.orders()[..] else { panic!("one order") };
    assert_eq!((kept.fully_paid, kept.prepaid_amount), (Some(true), Some(euros(37_00))));

    let fresh = CreateOrderV3Request { idempotency_key: "key-2".into(), ..request };
    let refused = client.create_order_v3(fresh).await.expect("sent");
    assert_eq!(refused.result, CreateOrderResult::ExtOrderIdAlreadyExists);
}

#[tokio::test]
async fn an_order_with_too_little_money_is_not_created() {
    let pos = Pos::brasserie();
    let request = CreateOrderV3Request {
        order: order(&pos, "web-1", &[("Leeuwburger", 2)]),
        payment_list: vec![payment("IDEAL", 36_99)].into(),
        ..Default::default()
    };
    let answer = pos.client().create_order_v3(request).await.expect("sent");
    assert_eq!(answer.result, CreateOrderResult::PaymentFailed);
    assert_eq!(answer.pay_result, Some(PayOrderResult::PaymentInsufficient));
    assert!(pos.orders().is_empty());
}

#[tokio::test]
async fn an_update_needs_the_counters_that_were_read() {
    let pos = Pos::brasserie();
    let client = pos.client();
    client.create_order(order(&pos, "web-1", &[("Cappuccino", 1)])).await.expect("sent");
    let read = pos.order("web-1").expect("there");
    let same = client.update_order(read.clone()).await.expect("sent");
    assert_eq!(same.result, UpdateOrderResult::NoChanges);
    let change = Order { reference: Some("tafel bij het raam".into()), ..read.clone() };
    let first = client.update_order(change.clone()).await.expect("sent");
    assert_eq!(first.result, UpdateOrderResult::Ok);
    let stale =
        client.update_order(Order { reference: Some("toch niet".into()), ..read }).await.expect("sent");
    assert_eq!(stale.result, UpdateOrderResult::OrderHasChanged);
    assert_eq!(pos.order("web-1").expect("there").reference, change.reference);
}

#[tokio::test]
async fn an_order_is_deposited_on_paid_and_then_invoiced() {
    let pos = Pos::brasserie();
    let client = pos.client();
    client.create_order(order(&pos, "web-1", &[("Leeuwburger", 1)])).await.expect("sent");
    let order_id = pos.order("web-1").expect("there").order_id;
    let pay = |prepay, method: &str, cents| {
        let payment_list = vec![payment(method, cents)];
        client.pay_order_v2(PayOrderV2Request {
            order_id: order_id.clone(),
            prepay,
            payment_list,
            ..Default::default()
        })
    };
    assert_eq!(pay(true, "PIN", 10_00).await.expect("sent").result, PayOrderResult::Ok);
    assert_eq!(pay(false, "PIN", 5_00).await.expect("sent").result, PayOrderResult::PaymentInsufficient);
    assert_eq!(pay(false, "BITCOIN", 8_50).await.expect("sent").result, PayOrderResult::Failed);
    let paid = pay(false, "PIN", 8_50).await.expect("sent");
    assert!(paid.result == PayOrderResult::Ok && paid.invoice_id.is_some());
    assert_eq!(pay(false, "PIN", 8_50).await.expect("sent").result, PayOrderResult::OrderAlreadyInvoiced);
}

#[tokio::test]
async fn cancelling_twice_brings_an_order_back_and_stock_follows() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let free = || async {
        let request = mplus_qapi::stock::GetStockRequest {
            branch_number: 1,
            article_numbers: vec![pos.article_number("Coca-Cola").expect("on the menu")],
            ..Default::default()
        };
        let level = pos.client().get_stock(request).await.expect("stock").article_stocks.remove(0);
        (level.amount_free, level.amount_reserved)
    };
    client.create_order(order(&pos, "web-1", &[("Coca-Cola", 4)])).await.expect("sent");
    assert_eq!(free().await, (140.into(), 4.into()));
    let order_id = pos.order("web-1").expect("there").order_id;
    let cancel =
        || client.cancel_order_v2(CancelOrderV2Request { order_id: order_id.clone(), ..Default::default() });
    assert_eq!(cancel().await.expect("sent").result, CancelOrderResult::Ok);
    assert_eq!(free().await, (144.into(), 0.into()));
    assert_eq!(cancel().await.expect("sent").result, CancelOrderResult::UndoCancelOk);
    assert_eq!(free().await, (140.into(), 4.into()));
}

#[tokio::test]
async fn orders_are_listed_without_table_orders_and_paged_by_marker() {
    let pos = Pos::brasserie();
    let client = pos.client();
    for number in 0..5 {
        let request = order(&pos, &format!("web-{number}"), &[("Cappuccino", 1)]);
        client.create_order(request).await.expect("sent");
    }
    let at_table = Order {
        order_type: Some(OrderType::TableOrder),
        table_number: Some(3),
        ..order(&pos, "table-1", &[("Cappuccino", 1)])
    };
    client.create_order(at_table).await.expect("sent").into_result().expect("created");
    let listed = client.get_orders(GetOrdersRequest::default()).await.expect("orders").order_list;
    assert_eq!(listed.len(), 5);
    let pages = client.call(GetOrders::default()).changes_since(1, 2);
    let pages: Vec<_> = pages.try_collect().await.expect("pages");
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [2, 2, 1]);
    let tables =
        GetOrdersRequest { order_type_list: vec![OrderType::TableOrder].into(), ..Default::default() };
    assert_eq!(client.get_orders(tables).await.expect("orders").order_list.len(), 1);
}

#[tokio::test]
async fn relations_are_found_by_parts_of_their_texts_and_created_once_named() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let find = |name: &str, exact_match| {
        let relation = Relation { name: Some(name.to_owned()), ..Relation::default() };
        client.find_relation_v2(FindRelationV2Request { relation, exact_match })
    };
    let found = find("ANNEKE van", None).await.expect("sent").relation.expect("a part is enough");
    assert_eq!(found.relation_number, Some(2));
    assert_eq!(find("ANNEKE van", Some(true)).await.expect("sent").result, FindRelationResult::NotFound);
    let nameless = client.create_relation(Relation::default()).await.expect("sent");
    assert!(nameless.into_result().is_err());
    let new = Relation {
        name: Some("Zoë de Vries".into()),
        email: Some("zoe@example.com".into()),
        ..Relation::default()
    };
    let created = client.create_relation(new).await.expect("sent").into_result().expect("created");
    let since = GetRelationsRequest { sync_marker: created.sync_marker, ..Default::default() };
    let changed = client.get_relations(since).await.expect("relations").relation_list;
    assert_eq!(
        changed.iter().map(|relation| relation.relation_number).collect::<Vec<_>>(),
        [Some(created.relation_number)]
    );
}
