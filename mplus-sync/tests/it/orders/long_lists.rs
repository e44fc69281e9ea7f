//! Orders that are looked for in lists that are longer than an answer: what an answer does not hold may be there.

use mplus_qapi::testkit::{Fault, VirtualRuntime};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::model::{Order, OrderKind};
use mplus_sync::orders::TableCall;

use super::life::speaking;
use super::table::{later, now};
use super::world::{World, euros, noon, order, paid};
use crate::support::{Doctored, Scripted};

/// A POS with a busy evening behind it, which takes every call as a new one and tells no single orders.
async fn busy(length: &str, finished: &str) -> (World, Scripted) {
    let readings = [
        ("list-length", length),
        ("finished-orders", finished),
        ("duplicate-number", "duplicate-taken"),
        ("idempotency-keys", "keys-ignored"),
    ];
    let mut world = speaking(&readings).await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    for at in 0..8 {
        let other = |kind: &str, at| format!("{kind} {at}");
        for order in [
            paid(&other("pick-up", at), OrderKind::Pickup),
            order(&other("later", at), later(10 + at)),
            paid(&other("now", at), now(1)),
        ] {
            world.service().submit(&order, false).await.unwrap();
        }
    }
    let pos = Scripted::new(&world.pos);
    pos.lack(&["findOrder", "getOrdersByExtOrderIds"]);
    (world, pos)
}

#[tokio::test]
async fn an_order_is_found_in_a_list_that_is_longer_than_an_answer() {
    for (length, finished) in [
        ("lists-cut", "finished-shown"),
        ("lists-capped", "finished-shown"),
        ("lists-capped", "finished-gone"),
    ] {
        let orders: [Order; 3] = [paid("1", OrderKind::Pickup), order("1", later(7)), paid("1", now(8))];
        for order in orders {
            let (world, pos) = busy(length, finished).await;
            let before = world.pos.orders().len();
            for operation in ["createOrderV3", "placeTableOrder"] {
                world.pos.faults().script_for(operation, [Fault::ResetAfter]);
            }
            let service = world.service_of("w", pos.client());
            let error = service.submit(&order, false).await.unwrap_err();
            assert!(error.may_be_at_pos(), "{error}");
            service.submit(&order, true).await.unwrap();
            let kind = &order.kind;
            assert_eq!(
                world.pos.orders().len(),
                before + 1,
                "{length}, {finished}, {kind:?}: it is there once"
            );
        }
    }
}

#[tokio::test]
async fn an_order_that_was_added_to_the_order_of_guests_who_stay_for_days_is_found_at_their_table() {
    let mut world = speaking(&[("idempotency-keys", "keys-ignored")]).await;
    let mut first = order("0", later(7));
    first.placed_at = noon() - chrono::TimeDelta::days(3);
    world.service().submit(&first, false).await.unwrap();
    world.settings.table_call = TableCall::PlaceTableOrder;
    world.pos.faults().script_for("placeTableOrder", [Fault::ResetAfter]);
    let more = order("1", later(7));
    assert!(world.service().submit(&more, false).await.unwrap_err().may_be_at_pos());
    world.service().submit(&more, true).await.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2 * 2490)));
}

#[tokio::test]
async fn an_order_of_somebody_else_that_cannot_be_read_holds_up_none_that_is_looked_for() {
    let world =
        speaking(&[("idempotency-keys", "keys-ignored"), ("duplicate-number", "duplicate-taken")]).await;
    world.service().submit(&order("other", later(9)), false).await.unwrap();
    let spoiled = Doctored::new(&world.pos, "getOrders", |answer| {
        let Some(at) = answer.find("extOrderId>other<") else { return answer };
        let begin = at + answer[at..].find("totalInclAmount>").unwrap() + "totalInclAmount>".len();
        let end = begin + answer[begin..].find('<').unwrap();
        format!("{}veel{}", &answer[..begin], &answer[end..])
    });
    let client = Client::builder(
        Endpoint::new("pos.invalid", 1).unwrap(),
        world.pos.credentials(),
        spoiled,
        VirtualRuntime::new(1),
    );
    let service = world.service_of("w", client.build());
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
    let error = service.submit(&order("1", later(7)), false).await.unwrap_err();
    assert!(error.may_be_at_pos(), "{error}");
    // Neither by its number nor by its mark is it taken for another.
    for _ in 0..2 {
        service.submit(&order("1", later(7)), true).await.unwrap();
    }
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2490)));
    service.submit(&order("2", later(8)), true).await.unwrap();
    assert_eq!(world.pos.table_order(1, 8).unwrap().total_incl_amount, Some(euros(2490)));
}
