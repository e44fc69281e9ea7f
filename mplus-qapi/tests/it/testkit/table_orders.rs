use mplus_qapi::{
    soap::Outcome as _,
    table_orders::{
        ClaimMethod, CreateAndPayTableOrderRequest, CreateAndPayTableOrderResult, GetTableListV3Request,
        GetTableOrder, GetTableOrderResult, GetTableOrderV3Request, LinesResult, PaymentsResult,
        PlaceTableOrderPaymentElem, PlaceTableOrderReq, PlaceTableOrderResult, ReleaseTableV2Request,
        ReleaseTableV2Result, SaveTableOrder, SaveTableOrderResult, TableOrderIdentifierElem, TableStatus,
    },
    terminals::{RegisterTerminal, RegisterTerminalResult},
    testkit::Pos,
    types::{
        Order, PlaceTableOrderLineDataElem, PlaceTableOrderLineElem, TableIdentifier, Terminal,
        TerminalStatus, WorkplaceIdentifier,
    },
};

use super::orders::{euros, order, payment};

fn terminal(device: &str) -> Terminal {
    Terminal {
        branch_number: 1,
        terminal_number: 1,
        terminal_status: TerminalStatus::Available,
        unique_device_identifier: device.to_owned(),
        ..Terminal::default()
    }
}

async fn register(pos: &Pos, device: &str) -> RegisterTerminalResult {
    let request = RegisterTerminal { terminal: terminal(device), force_registration: false };
    pos.client().register_terminal(request).await.expect("sent").result
}

async fn save(pos: &Pos, order: Order) -> (SaveTableOrderResult, String) {
    let request = SaveTableOrder { terminal: terminal("host"), order: Some(order) };
    let answer = pos.client().save_table_order(request).await.expect("sent");
    (answer.result, answer.error_message)
}

fn at_table(pos: &Pos, ext_order_id: &str, table: i32) -> Order {
    Order { table_number: Some(table), ..order(pos, ext_order_id, &[("Leeuwburger", 1), ("Coca-Cola", 2)]) }
}

#[tokio::test]
async fn a_terminal_has_to_be_registered_and_belongs_to_one_device() {
    let pos = Pos::brasserie();
    let (result, message) = save(&pos, at_table(&pos, "t-1", 4)).await;
    assert!(result == SaveTableOrderResult::Failed && message.contains("registerTerminal"), "{message}");
    assert_eq!(register(&pos, "host").await, RegisterTerminalResult::Ok);
    assert_eq!(register(&pos, "handheld").await, RegisterTerminalResult::Registered);
    assert_eq!(save(&pos, at_table(&pos, "t-1", 4)).await.0, SaveTableOrderResult::Ok);
    assert_eq!(pos.table_order(1, 4).and_then(|order| order.total_incl_amount), Some(euros(24_90)));
}

#[tokio::test]
async fn saving_a_table_replaces_its_order_unless_it_was_changed_meanwhile() {
    let pos = Pos::brasserie();
    register(&pos, "host").await;
    save(&pos, at_table(&pos, "t-1", 4)).await;
    let read = pos.table_order(1, 4).expect("there");
    assert_eq!(save(&pos, read.clone()).await.0, SaveTableOrderResult::NoChanges);
    assert_eq!(save(&pos, at_table(&pos, "t-1", 4)).await.0, SaveTableOrderResult::NoChanges, "sent again");
    let fewer = Order { line_list: read.line_list[..1].to_vec().into(), ..read.clone() };
    assert_eq!(save(&pos, fewer).await.0, SaveTableOrderResult::Ok);
    assert_eq!(pos.table_order(1, 4).expect("there").line_list.len(), 1);
    assert_eq!(save(&pos, read).await.0, SaveTableOrderResult::OrderHasChanged);
    assert_eq!(save(&pos, at_table(&pos, "t-2", 4)).await.0, SaveTableOrderResult::OrderHasChanged, "taken");
    let (result, message) = save(&pos, at_table(&pos, "t-1", 5)).await;
    assert!(result == SaveTableOrderResult::Failed && message.contains("extOrderId"), "{message}");
}

#[tokio::test]
async fn a_claimed_table_is_kept_from_other_workplaces() {
    let pos = Pos::brasserie();
    let client = pos.client();
    register(&pos, "host").await;
    save(&pos, at_table(&pos, "t-1", 4)).await;
    pos.claim_table(1, 4, 2);
    let (result, message) = save(&pos, pos.table_order(1, 4).expect("there")).await;
    assert!(result == SaveTableOrderResult::Failed && message.contains("claimed"), "{message}");
    let old = GetTableOrder { terminal: terminal("host"), branch_number: 1, table_number: 4 };
    let used = client.get_table_order(old).await.expect("sent");
    assert_eq!(used.result, GetTableOrderResult::AlreadyUsed);
    assert!(used.order.is_some_and(|order| order.line_list.is_empty() && !order.order_id.is_empty()));

    let read = |claim_method| {
        client.get_table_order_v3(GetTableOrderV3Request {
            branch_number: 1,
            workplace_number: 1,
            table_number: 4,
            claim_method: Some(claim_method),
            ..Default::default()
        })
    };
    let claimed = read(ClaimMethod::Normal).await.expect("sent");
    assert_eq!(
        (claimed.result, claimed.claimed_by_workplace_number),
        (GetTableOrderResult::Claimed, Some(2))
    );
    assert_eq!(read(ClaimMethod::Force).await.expect("sent").result, GetTableOrderResult::Ok);
    let release = |workplace_number| {
        client.release_table_v2(ReleaseTableV2Request {
            workplace: WorkplaceIdentifier { branch_number: 1, workplace_number },
            table: TableIdentifier { branch_number: 1, table_number: 4, table_sub_number: 1 },
        })
    };
    assert_eq!(release(2).await.expect("sent").result, ReleaseTableV2Result::ClaimedByOther);
    assert_eq!(release(1).await.expect("sent").result, ReleaseTableV2Result::Ok);
    assert_eq!(release(1).await.expect("sent").result, ReleaseTableV2Result::NotClaimed);
}

#[tokio::test]
async fn a_table_order_that_is_paid_at_once_is_taken_once() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let send = |cents| {
        let mut order = at_table(&pos, "t-9", 9);
        order.payment_list = vec![payment("K_WEBHOOK", cents)].into();
        client.create_and_pay_table_order(CreateAndPayTableOrderRequest { order: Some(order) })
    };
    let short = send(24_89).await.expect("sent");
    assert_eq!(short.result, CreateAndPayTableOrderResult::PaymentInsufficient);
    assert!(pos.orders().is_empty());
    let paid = send(24_90).await.expect("sent").into_result().expect("paid");
    assert!(!paid.duplicate && paid.omzet_id.is_some());
    let again = send(24_90).await.expect("sent").into_result().expect("told again");
    assert!(again.duplicate);
    assert_eq!(again.order_id, paid.order_id);
    assert_eq!(pos.orders().len(), 1);
    assert_eq!(pos.table_order(1, 9), None, "nobody has to pay at the table");
}

#[tokio::test]
async fn placing_appends_lines_prepays_and_settles() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let place = |order_id: Option<String>, lines: usize, cents: &[i64]| {
        let line = PlaceTableOrderLineElem {
            article_number: pos.article_number("Coca-Cola"),
            data: Some(PlaceTableOrderLineDataElem { quantity: euros(1_00).into(), ..Default::default() }),
            ..Default::default()
        };
        let pay = |cents: &i64| PlaceTableOrderPaymentElem {
            method: "PIN".into(),
            amount: euros(*cents).into(),
            ..Default::default()
        };
        client.place_table_order(PlaceTableOrderReq {
            table_order_identifier: TableOrderIdentifierElem {
                branch_number: 1,
                table_number: 7,
                order_id,
                ..Default::default()
            },
            workplace_number: 1,
            lines: vec![line; lines],
            payments: cents.iter().map(pay).collect(),
            ..Default::default()
        })
    };
    let first = place(None, 1, &[]).await.expect("sent").into_result().expect("placed");
    assert_eq!(first.lines_result, Some(LinesResult::OrderCreated));
    let second =
        place(first.order_id.clone(), 2, &[1_00]).await.expect("sent").into_result().expect("placed");
    assert_eq!(second.order_id, first.order_id);
    assert_eq!(second.payments_result, Some(PaymentsResult::OrderPrepaidBecauseUnderpaid));
    let wrong = place(Some("another".into()), 1, &[]).await.expect("sent");
    assert_eq!(wrong.result, PlaceTableOrderResult::IdentifierFailed);
    // Three at 3.20, of which 1.00 is paid.
    let settled = place(None, 0, &[8_60]).await.expect("sent").into_result().expect("settled");
    assert_eq!(settled.payments_result, Some(PaymentsResult::ReceiptCreated));
    let tables = client.get_table_list_v3(GetTableListV3Request { branch_number: 1 }).await.expect("tables");
    assert!(tables.whole_table.iter().all(|table| table.sub_tables[0].state == TableStatus::Open));
}
