//! Calls that the POS goes on with though nobody waits for them any more: nothing is sent twice.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use mplus_qapi::orders::{
    CreateOrder, CreateOrderResponse, CreateOrderResult, CreateOrderV2, CreateOrderV2Response, CreateOrderV3,
    CreateOrderV3Response, FindOrder, GetOrderResponse, GetOrderResult,
};
use mplus_qapi::table_orders::{
    CreateAndPayTableOrder, CreateAndPayTableOrderResponse, CreateAndPayTableOrderResult,
    GetTableOrderResponse, GetTableOrderResult, GetTableOrderV3, PlaceTableOrder, PlaceTableOrderResp,
    PlaceTableOrderResult, SaveTableOrder, SaveTableOrderResponse, SaveTableOrderResult,
};
use mplus_qapi::testkit::Fault;
use mplus_qapi::types::IdempotencyResult;
use mplus_sync::model::{Order, OrderKind, OutboxState, OutboxStateKind};
use mplus_sync::orders::{CreateCall, OutboxWorker, TableCall};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::ClaimRequest;

use super::life::{speaking, worker};
use super::table::{later, now};
use super::world::{World, euros, merchant, order, paid};
use crate::support::Scripted;

/// How long the POS is at work: longer than the client waits and than the first rests are.
const AT_WORK: Duration = Duration::from_secs(150);

/// Works every ten seconds, on both clocks, for so long.
async fn work(world: &World, worker: &OutboxWorker, minutes: i32) {
    for _ in 0..minutes * 6 {
        worker.run_once().await;
        world.runtime.pass(TimeDelta::seconds(10));
        world.pos.pass(Duration::from_secs(10));
    }
}

async fn state(world: &World) -> OutboxState {
    world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap().state
}

/// A POS that takes a number twice.
async fn careless() -> World {
    let mut world = speaking(&[("duplicate-number", "duplicate-taken")]).await;
    world.settings.create_call = CreateCall::CreateOrder;
    world
}

#[tokio::test]
async fn a_call_that_the_pos_is_still_at_work_on_is_not_made_again() {
    let calls: [(&str, Order); 4] = [
        ("createOrder", order("1", OrderKind::Pickup)),
        ("payOrder", paid("1", OrderKind::Pickup)),
        ("createAndPayTableOrder", paid("1", now(8))),
        ("saveTableOrder", order("1", later(7))),
    ];
    for (operation, order) in calls {
        let world = careless().await;
        world.service().enqueue(&order).await.unwrap();
        world.pos.faults().script_for(operation, [Fault::Late { after: AT_WORK }]);
        work(&world, &worker(&world), 10).await;
        is_sent_once(&world, operation, &order).await;
    }
}

/// The call was made once, and the order is there once, with its money, and known to be.
async fn is_sent_once(world: &World, operation: &str, order: &Order) {
    assert_eq!(world.pos.requests().count(operation), 1, "{operation}");
    let kept = world.pos.orders();
    assert_eq!((kept.len(), kept[0].total_incl_amount), (1, Some(euros(2490))), "{operation}");
    let taken: rust_decimal::Decimal = kept[0].payment_list.iter().map(|payment| payment.amount).sum();
    let paid = order.payments.iter().map(|payment| payment.amount).sum();
    assert_eq!(taken, paid, "{operation}");
    assert!(matches!(state(world).await, OutboxState::Accepted { .. }), "{operation}");
}

#[tokio::test]
async fn nor_is_one_with_a_key_that_the_pos_does_not_heed() {
    for (operation, order) in
        [("createOrderV3", paid("1", OrderKind::Pickup)), ("placeTableOrder", order("1", later(7)))]
    {
        let readings = [("duplicate-number", "duplicate-taken"), ("idempotency-keys", "keys-ignored")];
        let mut world = speaking(&readings).await;
        world.settings.table_call = TableCall::PlaceTableOrder;
        world.service().enqueue(&order).await.unwrap();
        world.pos.faults().script_for(operation, [Fault::Late { after: AT_WORK }]);
        work(&world, &worker(&world), 10).await;
        is_sent_once(&world, operation, &order).await;
    }
}

#[tokio::test]
async fn nor_is_one_of_a_process_that_was_cut_off_before_it_could_say_so() {
    for (operation, order) in
        [("createOrderV3", paid("1", OrderKind::Pickup)), ("placeTableOrder", order("1", later(7)))]
    {
        for gives_back in [true, false] {
            let readings = [("duplicate-number", "duplicate-taken"), ("idempotency-keys", "keys-ignored")];
            let mut world = speaking(&readings).await;
            world.settings.table_call = TableCall::PlaceTableOrder;
            let service = world.service();
            service.enqueue(&order).await.unwrap();
            let now = world.runtime.now();
            let request = ClaimRequest::new("gone".into(), 1, now + TimeDelta::minutes(2));
            let claimed = world.store.claim(&request, now).await.unwrap().remove(0);
            world.pos.faults().script_for(operation, [Fault::Late { after: AT_WORK }]);
            service.submit(&order, false).await.unwrap_err();
            if gives_back {
                world.store.give_back(&claimed.claim(), true, now).await.unwrap();
            }
            work(&world, &worker(&world), 10).await;
            let what = format!("{operation}, {gives_back}");
            assert_eq!(world.pos.requests().count(operation), 1, "{what}");
            let kept = world.pos.orders();
            assert_eq!((kept.len(), kept[0].total_incl_amount), (1, Some(euros(2490))), "{what}");
            assert!(matches!(state(&world).await, OutboxState::Accepted { .. }), "{what}");
        }
    }
}

#[tokio::test]
async fn payments_that_went_with_an_order_are_waited_for_where_the_pos_shows_it_without_them() {
    for operation in ["createOrderV3", "createAndPayTableOrder", "placeTableOrder"] {
        for booked in [0, 900] {
            let mut world = speaking(&[("idempotency-keys", "keys-ignored")]).await;
            let pos = Scripted::new(&world.pos);
            let kind = if operation == "createOrderV3" { OrderKind::Pickup } else { now(8) };
            if operation == "placeTableOrder" {
                world.settings.table_call = TableCall::PlaceTableOrder;
            }
            let service = Arc::new(world.service_of("w", pos.client()));
            let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
            service.enqueue(&paid("1", kind)).await.unwrap();
            world.pos.faults().script_for(operation, [Fault::TimeoutAfter]);
            worker.run_once().await;
            let mut shown = world.pos.orders().remove(0);
            (shown.fully_paid, shown.prepaid_amount) = (Some(false), Some(euros(booked)));
            shown.payment_list = Default::default();
            shown.invoice_ids = Default::default();
            pos.answer::<FindOrder>(&GetOrderResponse {
                result: GetOrderResult::Ok,
                order: Some(shown.clone()),
            });
            pos.answer::<GetTableOrderV3>(&GetTableOrderResponse {
                result: GetTableOrderResult::Ok,
                order: Some(shown),
                ..GetTableOrderResponse::default()
            });
            world.runtime.pass(TimeDelta::seconds(10));
            worker.run_once().await;
            let name = format!("{operation}, {booked} cents are booked");
            let waiting = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
            assert_eq!(waiting.state.kind(), OutboxStateKind::Waiting, "{name}: {:?}", waiting.last_error);
            work(&world, &worker, 1).await;
            assert!(matches!(state(&world).await, OutboxState::Accepted { .. }), "{name}");
            let calls = [operation, "payOrderV2", "payOrder"].map(|call| world.pos.requests().count(call));
            assert_eq!(calls, [1, 0, 0], "{name}");
        }
    }
}

#[tokio::test]
async fn a_paid_table_order_that_goes_as_one_for_pick_up_is_not_sent_again_while_it_may_be_at_work() {
    let world =
        speaking(&[("duplicate-number", "duplicate-taken"), ("idempotency-keys", "keys-ignored")]).await;
    let pos = Scripted::new(&world.pos);
    pos.lack(&["createAndPayTableOrder", "placeTableOrder"]);
    let service = Arc::new(world.service_of("w", pos.client()));
    let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
    service.enqueue(&paid("1", now(8))).await.unwrap();
    world.pos.faults().script_for("createOrderV3", [Fault::Late { after: AT_WORK }]);
    work(&world, &worker, 10).await;
    assert_eq!(world.pos.requests().count("createOrderV3"), 1);
    assert_eq!(world.pos.orders().len(), 1);
    assert!(matches!(state(&world).await, OutboxState::Accepted { .. }));
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_again_once_it_cannot_be_at_work_any_more() {
    let world = careless().await;
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    world.pos.faults().script_for("createOrder", [Fault::ResetBefore]);
    let worker = worker(&world);
    work(&world, &worker, 2).await;
    let waiting = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert_eq!((waiting.state.kind(), world.pos.orders().len()), (OutboxStateKind::Waiting, 0));
    let told = waiting.last_error.unwrap();
    assert!(told.contains("may still be at work on an earlier call"), "{told}");
    work(&world, &worker, 2).await;
    assert!(matches!(state(&world).await, OutboxState::Accepted { .. }));
    assert_eq!(world.pos.order("1").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn a_call_of_a_clock_that_was_ahead_is_not_waited_for_until_then() {
    let world = careless().await;
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    let now = world.runtime.now();
    let request = ClaimRequest::new("ahead".into(), 1, now + TimeDelta::minutes(2));
    let claim = world.store.claim(&request, now).await.unwrap().remove(0).claim();
    let note = r#"{"sent":"2027-06-01T10:00:00Z"}"#.to_owned();
    world.store.note_attempt(&claim, Some(note)).await.unwrap();
    world.store.give_back(&claim, true, now).await.unwrap();
    work(&world, &worker(&world), 4).await;
    assert!(matches!(state(&world).await, OutboxState::Accepted { .. }));
}

#[tokio::test]
async fn an_order_whose_answer_was_unclear_is_looked_for_and_sent_again_by_a_person_alone() {
    let calls =
        ["createOrderV3", "createOrderV2", "createOrder", "createAndPayTableOrder", "placeTableOrder"];
    for (at, operation) in calls.into_iter().chain(["saveTableOrder"]).enumerate() {
        let mut world = speaking(&[]).await;
        let pos = Scripted::new(&world.pos);
        pos.lack(&calls[..at.min(2)]);
        let later_result = || CreateOrderResult::from("ACCEPTED-LATER");
        match operation {
            "createOrderV3" => pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
                idempotency_result: IdempotencyResult::OriginalResponse,
                result: later_result(),
                ..CreateOrderV3Response::default()
            }),
            "createOrderV2" => pos.answer::<CreateOrderV2>(&CreateOrderV2Response {
                result: later_result(),
                ..CreateOrderV2Response::default()
            }),
            "createOrder" => pos.answer::<CreateOrder>(&CreateOrderResponse {
                result: later_result(),
                ..CreateOrderResponse::default()
            }),
            "createAndPayTableOrder" => {
                pos.answer::<CreateAndPayTableOrder>(&CreateAndPayTableOrderResponse {
                    result: CreateAndPayTableOrderResult::from("ACCEPTED-LATER"),
                    ..CreateAndPayTableOrderResponse::default()
                })
            }
            "placeTableOrder" => {
                world.settings.table_call = TableCall::PlaceTableOrder;
                pos.answer::<PlaceTableOrder>(&PlaceTableOrderResp {
                    idempotency_result: IdempotencyResult::OriginalResponse,
                    result: PlaceTableOrderResult::from("ACCEPTED-LATER"),
                    ..PlaceTableOrderResp::default()
                });
            }
            _ => pos.answer::<SaveTableOrder>(&SaveTableOrderResponse {
                result: SaveTableOrderResult::from("ACCEPTED-LATER"),
                ..SaveTableOrderResponse::default()
            }),
        }
        let kind = match operation {
            "createAndPayTableOrder" | "placeTableOrder" => now(8),
            "saveTableOrder" => later(7),
            _ => OrderKind::Pickup,
        };
        let order = if operation == "saveTableOrder" { order("1", kind) } else { paid("1", kind) };
        let service = Arc::new(world.service_of("w", pos.client()));
        let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
        service.enqueue(&order).await.unwrap();
        work(&world, &worker, 14).await;
        assert_eq!(state(&world).await.kind(), OutboxStateKind::Waiting, "{operation}");
        work(&world, &worker, 4).await;
        let OutboxState::NeedsAttention { reason } = state(&world).await else { panic!("{operation}") };
        assert!(reason.contains("with ACCEPTED-LATER, which does not tell"), "{operation}: {reason}");
        assert_eq!(world.pos.orders().len(), 0, "{operation}: it was only looked for");
        service.requeue(&"1".into()).await.unwrap();
        work(&world, &worker, 4).await;
        assert!(matches!(state(&world).await, OutboxState::Accepted { .. }), "{operation}");
        assert_eq!(world.pos.orders().len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_look_that_is_refused_does_not_change_the_key_of_a_call_that_is_still_to_be_answered() {
    let world = speaking(&[("duplicate-number", "duplicate-taken")]).await;
    let pos = Scripted::new(&world.pos);
    let service = Arc::new(world.service_of("w", pos.client()));
    let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
    service.enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    world.pos.faults().script_for("createOrderV3", [Fault::Late { after: Duration::from_secs(600) }]);
    worker.run_once().await;
    for look in ["findOrder", "getOrdersByExtOrderIds", "getOrders"] {
        pos.refuse(look, "");
    }
    work(&world, &worker, 1).await;
    let entry = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert!(entry.attempts > 0, "{entry:?}");
    pos.allow();
    work(&world, &worker, 15).await;
    assert!(matches!(state(&world).await, OutboxState::Accepted { .. }));
    assert_eq!(world.pos.orders().len(), 1);
}

#[tokio::test]
async fn an_order_is_found_by_another_look_where_one_is_refused() {
    let world = speaking(&[]).await;
    let pos = Scripted::new(&world.pos);
    pos.refuse("findOrder", "");
    let service = Arc::new(world.service_of("w", pos.client()));
    let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
    service.enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    world.pos.faults().script_for("createOrderV3", [Fault::ResetAfter]);
    work(&world, &worker, 2).await;
    assert!(matches!(state(&world).await, OutboxState::Accepted { .. }));
    assert_eq!(world.pos.requests().count("createOrderV3"), 1);
}
