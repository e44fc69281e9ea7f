//! Table orders whose call or answer was lost: each arrives once, or a person is told.

use std::sync::Arc;

use mplus_qapi::receipts::{GetReceipts, GetReceiptsRequest, GetReceiptsResponse};
use mplus_qapi::table_orders::{SaveTableOrder, SaveTableOrderResult};
use mplus_qapi::testkit::{Fault, VirtualRuntime};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::model::{ArticleNumber, OutboxState};
use mplus_sync::orders::{OutboxWorker, TableCall};
use mplus_sync::store::{CatalogChunk, Select};

use super::table::{later, now, terminal};
use super::world::{World, euros, line, merchant, order, paid};
use crate::support::{Doctored, Scripted};

#[tokio::test]
async fn an_added_order_is_recognised_also_when_its_table_was_closed_since() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
    let more = order("2", later(7));
    let error = world.service().submit(&more, false).await.unwrap_err();
    assert!(error.may_be_at_pos(), "{error}");
    let open = world.pos.table_order(1, 7).unwrap();
    let terminal = terminal(1, "");
    pay(&world, terminal, &open).await;
    assert_eq!(world.pos.table_order(1, 7), None);
    let found = world.service().submit(&more, error.may_be_at_pos()).await.unwrap();
    assert_eq!(found.order_id, Some(open.order_id));
    assert_eq!(world.pos.orders().len(), 1, "nothing was placed on the free table");
}

/// A POS that shows no order that is paid and done, forgets keys, and takes a number twice.
async fn forgetful() -> World {
    let readings = [
        ("finished-orders", "finished-gone"),
        ("duplicate-number", "duplicate-taken"),
        ("idempotency-keys", "keys-ignored"),
    ];
    super::life::speaking(&readings).await
}

#[tokio::test]
async fn an_order_that_was_paid_by_the_lost_call_is_known_by_its_receipt_and_not_paid_again() {
    for call in [TableCall::SaveTableOrder, TableCall::PlaceTableOrder] {
        let mut world = forgetful().await;
        world.settings.table_call = call;
        for operation in ["createAndPayTableOrder", "placeTableOrder"] {
            world.pos.faults().script_for(operation, [Fault::ResetAfter]);
        }
        let order = paid("1", now(8));
        let error = world.service().submit(&order, false).await.unwrap_err();
        assert!(error.may_be_at_pos(), "{error}");
        let sent = world.service().submit(&order, true).await.unwrap();
        assert_eq!(world.pos.orders().len(), 1, "{call:?}: it is not paid again");
        assert!(sent.receipt_id.is_some() && sent.order_id.is_some(), "{sent:?}");
    }
}

#[tokio::test]
async fn an_order_whose_table_was_settled_before_its_outcome_was_known_is_known_by_the_receipt() {
    for opens in [true, false] {
        let world = forgetful().await;
        if !opens {
            world.service().submit(&order("0", later(7)), false).await.unwrap();
        }
        world.service().enqueue(&order("1", later(7))).await.unwrap();
        world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
        let worker = super::life::worker(&world);
        worker.run_once().await;
        let open = world.pos.table_order(1, 7).unwrap();
        pay(&world, terminal(1, ""), &open).await;
        super::life::work(&world, &worker, 5).await;
        let entry = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
        assert!(matches!(entry.state, OutboxState::Accepted { .. }), "{entry:?}");
        assert_eq!(world.pos.orders().len(), 1, "nothing is charged to the next guests");
    }
}

#[tokio::test]
async fn an_order_that_opened_a_table_long_ago_is_left_to_a_person_where_no_receipt_can_tell_of_it() {
    for (minutes, settled) in [(0, false), (20, true)] {
        let world = forgetful().await;
        let pos = Scripted::new(&world.pos);
        pos.refuse("getReceipts", "");
        let service = Arc::new(world.service_of("w", pos.client()));
        let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
        service.enqueue(&order("1", later(7))).await.unwrap();
        let fault = if settled { Fault::ResetAfter } else { Fault::ResetBefore };
        world.pos.faults().script_for("saveTableOrder", [fault]);
        worker.run_once().await;
        if settled {
            pay(&world, terminal(1, ""), &world.pos.table_order(1, 7).unwrap()).await;
        }
        world.runtime.pass(chrono::TimeDelta::minutes(minutes));
        super::life::work(&world, &worker, 6).await;
        let entry = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
        assert_eq!(matches!(entry.state, OutboxState::Accepted { .. }), !settled, "{entry:?}");
        assert!(!entry.state.kind().is_open(), "{entry:?}");
        assert_eq!(world.pos.orders().len(), 1, "nothing is charged to the next guests");
    }
}

#[tokio::test]
async fn a_receipt_that_names_its_orders_by_the_numbers_of_the_pos_alone_may_be_that_of_the_order() {
    let world = forgetful().await;
    let pos = Scripted::new(&world.pos);
    let service = Arc::new(world.service_of("w", pos.client()));
    let worker = OutboxWorker::new(service.clone(), &world.merchant_of("w", pos.client()));
    service.enqueue(&order("1", later(7))).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
    worker.run_once().await;
    pay(&world, terminal(1, ""), &world.pos.table_order(1, 7).unwrap()).await;
    let request = GetReceiptsRequest { include_order_references: Some(true), ..Default::default() };
    let mut told = world.pos.client().get_receipts(request).await.unwrap();
    assert_eq!((told.receipt_list.len(), told.receipt_list[0].order_ids.len()), (1, 1));
    told.receipt_list[0].ext_order_ids = Default::default();
    // Each look at the receipts ends with an empty page.
    for _ in 0..4 {
        pos.answer::<GetReceipts>(&told);
        pos.answer::<GetReceipts>(&GetReceiptsResponse::default());
    }
    super::life::work(&world, &worker, 5).await;
    let left = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert!(matches!(left.state, OutboxState::NeedsAttention { .. }), "{left:?}");
    assert_eq!(world.pos.orders().len(), 1, "nothing is charged to the next guests");
}

/// A worker of a POS that tells its receipts otherwise.
fn worker_told(world: &World, change: impl Fn(String) -> String + Send + Sync + 'static) -> OutboxWorker {
    let doctored = Doctored::new(&world.pos, "getReceipts", change);
    let endpoint = Endpoint::new("pos.invalid", 1).unwrap();
    let client = Client::builder(endpoint, world.pos.credentials(), doctored, VirtualRuntime::new(1)).build();
    let service = Arc::new(world.service_of("w", client.clone()));
    OutboxWorker::new(service, &world.merchant_of("w", client))
}

#[tokio::test]
async fn a_receipt_of_others_that_cannot_be_read_hides_no_order_and_sends_none_twice() {
    let world = forgetful().await;
    world.service().submit(&order("0", later(9)), false).await.unwrap();
    pay(&world, terminal(1, ""), &world.pos.table_order(1, 9).unwrap()).await;
    let worker = worker_told(&world, |answer| {
        let Some(at) = answer.find("id>0<") else { return answer };
        let begin = at + answer[at..].find("totalInclAmount>").unwrap() + "totalInclAmount>".len();
        let end = begin + answer[begin..].find('<').unwrap();
        format!("{}12,50{}", &answer[..begin], &answer[end..])
    });
    world.service().enqueue(&order("1", later(7))).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
    worker.run_once().await;
    pay(&world, terminal(1, ""), &world.pos.table_order(1, 7).unwrap()).await;
    super::life::work(&world, &worker, 5).await;
    let entry = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert!(matches!(entry.state, OutboxState::Accepted { .. }), "{entry:?}");
    assert_eq!(world.pos.orders().len(), 2, "nothing is charged to the next guests");
}

#[tokio::test]
async fn receipts_that_cannot_be_read_at_all_leave_to_a_person_what_may_be_there_and_keep_nothing_else_back()
{
    let world = forgetful().await;
    let worker = worker_told(&world, |answer| answer.replace("receiptId>", "receiptId"));
    world.service().enqueue(&order("1", later(7))).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
    worker.run_once().await;
    pay(&world, terminal(1, ""), &world.pos.table_order(1, 7).unwrap()).await;
    world.service().enqueue(&order("2", later(8))).await.unwrap();
    let entry = async |number: &str| world.store.entry(&merchant(), &number.into()).await.unwrap().unwrap();
    for round in 0..300 {
        worker.run_once().await;
        world.runtime.pass(chrono::TimeDelta::minutes(5));
        let other = entry("2").await.state;
        assert!(round < 3 || matches!(other, OutboxState::Accepted { .. }), "{other:?}");
    }
    let left = entry("1").await;
    assert!(matches!(left.state, OutboxState::NeedsAttention { .. }), "{left:?}");
    assert_eq!(world.pos.orders().len(), 2, "nothing is charged to the next guests");
}

#[tokio::test]
async fn an_order_that_lost_its_turn_is_not_taken_for_a_later_one_with_the_same_articles() {
    for reference in ["reference-whole", "reference-dropped"] {
        let world = super::life::speaking(&[("reference", reference)]).await;
        world.service().submit(&order("0", later(7)), false).await.unwrap();
        let worker = super::life::worker(&world);
        // It never arrives, which nobody knows, and ends at a person.
        world.service().enqueue(&order("1", later(7))).await.unwrap();
        world.pos.faults().script_for("saveTableOrder", [Fault::ResetBefore]);
        worker.run_once().await;
        let linked = relink(&world, None).await;
        super::life::work(&world, &worker, 2).await;
        let entry =
            async |number: &str| world.store.entry(&merchant(), &number.into()).await.unwrap().unwrap();
        assert!(
            matches!(entry("1").await.state, OutboxState::NeedsAttention { .. }),
            "{:?}",
            entry("1").await
        );
        relink(&world, linked).await;
        world.service().enqueue(&order("2", later(7))).await.unwrap();
        super::life::work(&world, &worker, 2).await;
        assert!(matches!(entry("2").await.state, OutboxState::Accepted { .. }), "{:?}", entry("2").await);

        world.service().requeue(&"1".into()).await.unwrap();
        super::life::work(&world, &worker, 2).await;
        let left = entry("1").await;
        assert!(matches!(left.state, OutboxState::NeedsAttention { .. }), "{reference}: {left:?}");
        assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2 * 2490)));
    }
}

/// Links the cola with another article, or with none; says with which it was linked.
async fn relink(world: &World, article: Option<ArticleNumber>) -> Option<ArticleNumber> {
    let mut items = world.store.items(&merchant(), Select::Ids(vec!["cola".into()])).await.unwrap();
    let before = std::mem::replace(&mut items[0].external_ids.mpluskassa, article);
    world.store.apply(&merchant(), CatalogChunk { items, ..CatalogChunk::default() }).await.unwrap();
    before
}

#[tokio::test]
async fn receipts_that_nobody_may_see_keep_no_order_from_the_pos() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    pos.refuse("getReceipts", "");
    world.pos.faults().script_for("createAndPayTableOrder", [Fault::ResetBefore]);
    let service = world.service_of("worker", pos.client());
    assert!(service.submit(&paid("1", now(8)), false).await.unwrap_err().may_be_at_pos());
    service.submit(&paid("1", now(8)), true).await.unwrap();
    assert_eq!(world.pos.orders().len(), 1);
}

/// A waiter settles the table.
async fn pay(world: &World, terminal: mplus_qapi::types::Terminal, open: &mplus_qapi::types::Order) {
    use mplus_qapi::table_orders::PayTableOrder;
    use mplus_qapi::terminals::RegisterTerminal;
    let client = world.pos.client();
    let register = RegisterTerminal { terminal: terminal.clone(), force_registration: true };
    client.register_terminal(register).await.unwrap();
    let payment = mplus_qapi::types::Payment {
        method: "CONTANT".into(),
        amount: open.total_incl_amount.unwrap(),
        ..Default::default()
    };
    let paid = PayTableOrder { terminal, order: Some(open.clone()), payment_list: vec![payment] };
    let response = client.pay_table_order(paid).await.unwrap();
    assert_eq!(response.error_message, "");
}

#[tokio::test]
async fn every_table_call_survives_every_fault_without_a_second_order() {
    let operations = [
        "saveTableOrder",
        "createAndPayTableOrder",
        "placeTableOrder",
        "getTableOrderV3",
        "registerTerminal",
        "getAvailableTerminalList",
    ];
    for fault in Fault::ALL {
        for call in [TableCall::SaveTableOrder, TableCall::PlaceTableOrder] {
            for operation in operations {
                let mut world = World::open().await;
                world.settings.table_call = call;
                let orders = [order("1", later(7)), order("2", later(7)), paid("3", now(8))];
                for order in &orders {
                    world.pos.faults().script_for(operation, [fault]);
                    let mut earlier = false;
                    let mut attempts = 0;
                    while let Err(error) = world.service().submit(order, earlier).await {
                        earlier = error.may_be_at_pos();
                        attempts += 1;
                        assert!(attempts < 5, "{operation} {fault:?}: {error}");
                    }
                }
                let kept = world.pos.orders();
                let totals: Vec<_> = kept.iter().filter_map(|order| order.total_incl_amount).collect();
                assert_eq!(totals, [euros(2 * 2490), euros(2490)], "{call:?} {operation} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_same_that_a_waiter_added_is_not_taken_for_an_order_that_never_arrived() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    let mut cola = order("2", later(7));
    cola.lines = vec![line("cola", 1, 320)];
    cola.total = cola.sum();
    let mut open = world.pos.table_order(1, 7).unwrap();
    world.service().enqueue(&cola).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::ResetBefore]);
    let worker = super::life::worker(&world);
    worker.run_once().await;
    open.line_list.push(mplus_qapi::types::Line {
        employee_number: Some(5),
        article_number: world.article("Coca-Cola"),
        ..open.line_list[0].clone()
    });
    let terminal = terminal(1, "");
    let register =
        mplus_qapi::terminals::RegisterTerminal { terminal: terminal.clone(), force_registration: true };
    world.pos.client().register_terminal(register).await.unwrap();
    let saved = SaveTableOrder { terminal, order: Some(open) };
    assert_eq!(world.pos.client().save_table_order(saved).await.unwrap().result, SaveTableOrderResult::Ok);
    super::life::work(&world, &worker, 20).await;
    let left = world.store.entry(&merchant(), &"2".into()).await.unwrap().unwrap();
    assert!(matches!(left.state, OutboxState::NeedsAttention { .. }), "{left:?}");
}

#[tokio::test]
async fn a_table_order_arrives_once_though_the_call_for_it_is_changed_meanwhile() {
    let calls = [TableCall::SaveTableOrder, TableCall::PlaceTableOrder];
    for (before, after) in [(calls[0], calls[1]), (calls[1], calls[0])] {
        for order in [order("1", later(7)), paid("1", now(8))] {
            let mut world = World::open().await;
            world.settings.table_call = before;
            for operation in ["saveTableOrder", "createAndPayTableOrder", "placeTableOrder"] {
                // Some are repeated by the client itself.
                world.pos.faults().script_for(operation, std::iter::repeat_n(Fault::ResetAfter, 20));
            }
            let error = world.service().submit(&order, false).await.unwrap_err();
            assert!(error.may_be_at_pos(), "{error}");
            world.pos.faults().clear();
            world.settings.table_call = after;
            world.service().submit(&order, true).await.unwrap();
            let totals: Vec<_> = world.pos.orders().iter().map(|order| order.total_incl_amount).collect();
            assert_eq!(totals, [Some(euros(2490))], "{before:?} then {after:?}");
        }
    }
}
