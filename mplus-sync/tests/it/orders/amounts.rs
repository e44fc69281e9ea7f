//! Orders that come to something else at the POS than the host said: they are there, and a person is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mplus_qapi::orders::{
    CreateOrderResult, CreateOrderV2, CreateOrderV2Response, CreateOrderV3, CreateOrderV3Response,
};
use mplus_qapi::table_orders::{
    LinesResult, PaymentsResult, PlaceTableOrder, PlaceTableOrderResp, PlaceTableOrderResult,
};
use mplus_qapi::types::{IdempotencyResult, PayOrderResult};
use mplus_sync::model::{Order, OrderKind, OrderNotice, OutboxState, OutboxStateKind};
use mplus_sync::orders::{ObserverError, OrderObserver, OutboxWorker, TableCall};

use super::table::{later, now};
use super::world::{World, euros, merchant, order, paid};
use crate::support::Scripted;

/// Keeps the last state that the host was told.
#[derive(Default)]
struct Told(Mutex<Option<OutboxState>>);

#[async_trait]
impl OrderObserver for Told {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        *self.0.lock().unwrap() = Some(notice.state.clone());
        Ok(())
    }
}

/// Sends an order; what the host and the log are told of it.
async fn sent(world: &World, pos: &Scripted, order: &Order) -> (OutboxState, Vec<String>) {
    sent_within(3, world, pos, order).await
}

async fn sent_within(
    minutes: i64,
    world: &World,
    pos: &Scripted,
    order: &Order,
) -> (OutboxState, Vec<String>) {
    let told = Arc::new(Told::default());
    let service = Arc::new(world.service_of("w", pos.client()));
    let worker =
        OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client())).with_observer(told.clone());
    service.enqueue(order).await.unwrap();
    super::life::work(world, &worker, minutes).await;
    let log = world.store.activities(&merchant(), None, 10).await.unwrap();
    let state = told.0.lock().unwrap().clone().unwrap();
    (state, log.into_iter().map(|line| line.activity.message).collect())
}

fn differs(state: &OutboxState) -> Option<&str> {
    let OutboxState::Accepted { pos } = state else { panic!("{state:?}") };
    pos.differs.as_deref()
}

#[tokio::test]
async fn an_order_that_comes_to_another_amount_at_the_pos_is_there_and_told() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    let elsewhere = World::open().await;
    elsewhere.service().submit(&paid("1", OrderKind::Pickup), false).await.unwrap();
    let mut with_deposit = elsewhere.pos.order("1").unwrap();
    with_deposit.total_incl_amount = Some(euros(2515));
    pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: CreateOrderResult::Ok,
        order: Some(with_deposit),
        pay_result: Some(PayOrderResult::Ok),
        ..CreateOrderV3Response::default()
    });
    let (state, log) = sent(&world, &pos, &paid("1", OrderKind::Pickup)).await;
    assert_eq!(differs(&state), Some("it comes to 25.15 euros there instead of 24.90"));
    let line = "order 1 is at MplusKASSA, but it comes to 25.15 euros there instead of 24.90; compare the two by hand";
    assert_eq!(log, [line]);
}

#[tokio::test]
async fn an_older_call_tells_the_amount_and_the_number_that_staff_see_too() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    pos.lack(&["createOrderV3"]);
    let elsewhere = World::open().await;
    elsewhere.service().submit(&order("1", OrderKind::Pickup), false).await.unwrap();
    let mut with_deposit = elsewhere.pos.order("1").unwrap();
    with_deposit.total_incl_amount = Some(euros(2515));
    let number = with_deposit.order_number.clone().unwrap();
    pos.answer::<CreateOrderV2>(&CreateOrderV2Response {
        result: CreateOrderResult::Ok,
        order: Some(with_deposit),
        ..CreateOrderV2Response::default()
    });
    let (state, _) = sent(&world, &pos, &order("1", OrderKind::Pickup)).await;
    assert_eq!(differs(&state), Some("it comes to 25.15 euros there instead of 24.90"));
    let OutboxState::Accepted { pos } = state else { unreachable!() };
    assert_eq!(pos.order_number, Some(format!("{}-{}", number.year, number.number)));
}

#[tokio::test]
async fn an_order_that_is_at_the_pos_as_it_was_sent_is_told_without_a_remark() {
    for order in
        [paid("1", OrderKind::Pickup), order("1", OrderKind::Pickup), paid("1", now(8)), order("1", later(7))]
    {
        for call in [TableCall::SaveTableOrder, TableCall::PlaceTableOrder] {
            let mut world = World::open().await;
            world.settings.table_call = call;
            let (state, log) = sent(&world, &Scripted::new(&world.pos), &order).await;
            assert_eq!((differs(&state), log.len()), (None, 0), "{call:?} {:?} {log:?}", order.kind);
        }
    }
}

#[tokio::test]
async fn payments_that_did_not_settle_their_table_are_told() {
    let mut world = World::open().await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    world.service().submit(&order("0", later(8)), false).await.unwrap();
    let (state, log) = sent(&world, &Scripted::new(&world.pos), &paid("1", now(8))).await;
    let told = differs(&state).unwrap();
    assert!(told.contains("24.90 euros that were paid do not settle its table (49.80 euros"), "{told}");
    assert_eq!(log.len(), 1);

    let pos = Scripted::new(&world.pos);
    pos.answer::<PlaceTableOrder>(&PlaceTableOrderResp {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: PlaceTableOrderResult::Ok,
        payments_result: Some(PaymentsResult::OrderPrepaidBecauseOverpaid),
        ..PlaceTableOrderResp::default()
    });
    let (state, _) = sent(&world, &pos, &paid("2", now(9))).await;
    let told = differs(&state).unwrap();
    assert!(told.contains("are more than its table comes to"), "{told}");
}

#[tokio::test]
async fn a_table_order_of_whose_payments_the_pos_says_something_unknown_is_left_to_a_person() {
    let mut world = World::open().await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    let pos = Scripted::new(&world.pos);
    pos.answer::<PlaceTableOrder>(&PlaceTableOrderResp {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: PlaceTableOrderResult::Ok,
        payments_result: Some(PaymentsResult::from("PAYMENTS-RESULT-LATER")),
        ..PlaceTableOrderResp::default()
    });
    let (state, log) = sent(&world, &pos, &paid("1", now(8))).await;
    assert_eq!(state.kind(), OutboxStateKind::NeedsAttention, "{log:?}");
    assert!(log[0].contains("PAYMENTS-RESULT-LATER"), "{log:?}");
}

#[tokio::test]
async fn a_table_order_of_whose_lines_nothing_came_is_not_taken_for_sent() {
    for told in ["LINES-RESULT-NOTHING", "LINES-RESULT-LATER"] {
        for order in [order("1", later(8)), paid("2", now(9))] {
            let mut world = World::open().await;
            world.settings.table_call = TableCall::PlaceTableOrder;
            let pos = Scripted::new(&world.pos);
            pos.answer::<PlaceTableOrder>(&PlaceTableOrderResp {
                idempotency_result: IdempotencyResult::OriginalResponse,
                result: PlaceTableOrderResult::Ok,
                lines_result: Some(LinesResult::from(told)),
                ..PlaceTableOrderResp::default()
            });
            let (state, log) = sent_within(20, &world, &pos, &order).await;
            assert_eq!(state.kind(), OutboxStateKind::NeedsAttention, "{told} {}: {log:?}", order.number);
            assert!(log[0].contains(told), "{log:?}");
        }
    }
}

#[tokio::test]
async fn an_order_that_was_taken_without_its_payments_gets_them_though_no_result_says_so() {
    let world = World::open().await;
    world.service().submit(&order("1", OrderKind::Pickup), false).await.unwrap();
    let unpaid = world.pos.order("1").unwrap();
    assert_eq!(unpaid.prepaid_amount, Some(euros(0)));
    let pos = Scripted::new(&world.pos);
    pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: CreateOrderResult::Ok,
        order: Some(unpaid),
        ..CreateOrderV3Response::default()
    });
    let (state, _) = sent(&world, &pos, &paid("1", OrderKind::Pickup)).await;
    assert_eq!(differs(&state), None);
    assert_eq!(world.pos.order("1").unwrap().prepaid_amount, Some(euros(2490)));
}
