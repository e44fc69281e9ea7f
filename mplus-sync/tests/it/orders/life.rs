//! An order's life around its attempts: waiting, corrected, taken back, cancelled, told, forgotten.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use mplus_qapi::orders::{CreateOrderResult, CreateOrderV3, CreateOrderV3Response};
use mplus_qapi::testkit::{Dialect, Fault, Pos};
use mplus_qapi::types::{IdempotencyResult, OrderCancelState};
use mplus_sync::model::{
    ArticleNumber, BranchNumber, Connection, Customer, OrderKind, OrderNotice, OutboxEntry, OutboxState,
    OutboxStateKind, Outcome, Payment, PaymentMethod, TableRef, Waiting,
};
use mplus_sync::orders::{
    CancelError, CreateCall, ObserverError, OrderObserver, OutboxWorker, Queued, Retention, WorkerOptions,
};
use mplus_sync::store::{CatalogChunk, ClaimRequest, MemoryStore, Select, StoreErrorKind};
use rust_decimal::Decimal;

use super::world::{World, euros, line, merchant, noon, order, paid};
use crate::support::Scripted;

pub(super) fn worker(world: &World) -> OutboxWorker {
    let merchant = world.merchant_of("w", world.pos.client());
    OutboxWorker::new(Arc::new(world.service()), &merchant)
}

async fn entry(world: &World, number: &str) -> OutboxEntry {
    world.store.entry(&merchant(), &number.into()).await.unwrap().unwrap()
}

/// Works once a minute for so long.
pub(super) async fn work(world: &World, worker: &OutboxWorker, minutes: i64) {
    for _ in 0..minutes {
        worker.run_once().await;
        world.runtime.pass(TimeDelta::minutes(1));
    }
}

pub(crate) async fn speaking(readings: &[(&str, &str)]) -> World {
    let mut dialect = Dialect::default();
    for (question, reading) in readings {
        dialect.set(question, reading).unwrap();
    }
    World::with(Pos::brasserie().with_dialect(dialect), Arc::new(MemoryStore::new())).await
}

#[tokio::test]
async fn orders_of_an_outage_arrive_in_their_order_when_the_pos_is_back_and_have_used_no_attempt() {
    let world = World::open().await;
    for number in 0..9 {
        world.service().enqueue(&order(&number.to_string(), OrderKind::Pickup)).await.unwrap();
    }
    let mut options = WorkerOptions::default();
    options.at_once = 2;
    let worker = worker(&world).with_options(options);
    world.pos.faults().script(std::iter::repeat_n(Fault::Refused, 10_000));
    work(&world, &worker, 6 * 60).await;
    let waiting = entry(&world, "8").await;
    assert_eq!((waiting.attempts, waiting.state.kind()), (0, OutboxStateKind::Waiting));
    let calls = world.pos.requests().total();
    world.pos.faults().clear();
    work(&world, &worker, 10).await;
    let arrived: Vec<_> = world.pos.orders().into_iter().filter_map(|order| order.ext_order_id).collect();
    assert_eq!(arrived, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assert!(calls < 1_000, "the connection rests while its POS is away: {calls} calls");
}

#[tokio::test]
async fn an_outage_that_does_not_end_is_told_to_a_person_after_a_day() {
    let world = World::open().await;
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    let worker = worker(&world);
    world.pos.faults().script(std::iter::repeat_n(Fault::Refused, 10_000));
    work(&world, &worker, 23 * 60).await;
    assert!(matches!(entry(&world, "1").await.state, OutboxState::Waiting(Waiting::PosAway { .. })));
    work(&world, &worker, 2 * 60).await;
    let OutboxState::NeedsAttention { reason } = entry(&world, "1").await.state else {
        panic!("it waits on")
    };
    assert!(
        reason.contains("cannot be reached") && reason.contains("it has waited for 24 hours"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_table_that_a_waiter_holds_for_hours_is_waited_for() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    world.pos.claim_table(1, 7, 1);
    world.service().enqueue(&order("1", table.clone())).await.unwrap();
    world.service().enqueue(&order("2", table)).await.unwrap();
    world.service().enqueue(&order("3", OrderKind::Pickup)).await.unwrap();
    let worker = worker(&world);
    work(&world, &worker, 5 * 60).await;
    let waiting = entry(&world, "1").await;
    let OutboxState::Waiting(Waiting::TableClaimed { since }) = waiting.state else { panic!("{waiting:?}") };
    assert!(since - noon() < TimeDelta::minutes(5) && waiting.attempts == 0, "{since}");
    assert!(world.pos.order("3").is_some(), "others pass");
    world.pos.claim_table(1, 7, 2);
    work(&world, &worker, 5).await;
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2 * 2490)));
}

#[tokio::test]
async fn an_answer_without_a_known_result_is_looked_up_and_never_taken_for_a_refusal() {
    for reading in ["result-absent", "result-new", "result-unknown"] {
        let world = speaking(&[("order-result", reading), ("idempotency-keys", "keys-ignored")]).await;
        let table = |number| TableRef::whole(number);
        let later = OrderKind::DineInPayLater { table: table(7), guests: None };
        let now = OrderKind::DineInPayNow { table: table(8), guests: None };
        let orders =
            [paid("1", OrderKind::Pickup), order("2", later.clone()), order("3", later), paid("4", now)];
        for order in &orders {
            world.service().enqueue(order).await.unwrap();
        }
        work(&world, &worker(&world), 10).await;
        let counts = world.store.counts(&merchant()).await.unwrap();
        assert_eq!(counts.get(&OutboxStateKind::Accepted), Some(&4), "{reading}: {counts:?}");
        let total: Decimal = world.pos.orders().iter().filter_map(|order| order.total_incl_amount).sum();
        assert_eq!(total, euros(4 * 2490), "{reading}");
    }
}

#[tokio::test]
async fn an_unclear_answer_of_a_pos_that_does_not_show_the_order_waits_and_is_not_repeated_blindly() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: CreateOrderResult::from("CREATE-ORDER-RESULT-LATER"),
        ..CreateOrderV3Response::default()
    });
    let service = world.service_of("w", pos.client());
    let error = service.submit(&paid("1", OrderKind::Pickup), false).await.unwrap_err();
    assert!(error.may_be_at_pos() && !error.is_permanent());
    let text = error.to_string();
    assert!(text.contains("answered createOrderV3 with CREATE-ORDER-RESULT-LATER"), "{text}");
}

#[tokio::test]
async fn an_order_that_was_refused_time_and_again_is_sent_once_it_is_put_right() {
    let world = World::open().await;
    let cola = world.article("Coca-Cola");
    world.pos.change_article(cola, |article| article.active = Some(false));
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    let worker = worker(&world);
    for _ in 0..5 {
        work(&world, &worker, 60).await;
        assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::NeedsAttention);
        assert_eq!(world.service().requeue_all(None).await.unwrap(), 1);
        assert_eq!(entry(&world, "1").await.attempts, 0);
    }
    world.pos.change_article(cola, |article| article.active = Some(true));
    work(&world, &worker, 1).await;
    assert!(world.pos.order("1").is_some());
}

#[tokio::test]
async fn a_mistyped_order_is_corrected_under_its_number_or_taken_back() {
    let world = World::open().await;
    let mut wrong = order("1", OrderKind::Pickup);
    wrong.total = euros(1);
    world.service().enqueue(&wrong).await.unwrap();
    let worker = worker(&world);
    assert_eq!(worker.run_once().await.rejected, 1);
    assert_eq!(world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap(), Queued::Replaced);
    assert_eq!(worker.run_once().await.accepted, 1);
    let again = world.service().replace(&wrong).await.unwrap_err();
    assert!(again.to_string().contains("order 1"), "{again}");
    world.service().enqueue(&order("2", OrderKind::Pickup)).await.unwrap();
    world.service().withdraw(&"2".into(), "the guest left").await.unwrap();
    assert_eq!(worker.run_once().await, Default::default());
    assert!(world.pos.order("2").is_none());
    let withdrawn = entry(&world, "2").await.state;
    assert_eq!(withdrawn, OutboxState::Withdrawn { reason: "the guest left".into() });
    let refused = world.service().withdraw(&"1".into(), "").await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Conflict);
}

#[tokio::test]
async fn the_very_same_order_queued_again_is_sent_after_a_rejection_and_never_silently_kept_back() {
    let world = World::open().await;
    let mut unlinked = order("1", OrderKind::Pickup);
    unlinked.lines.push(line("unlinked", 1, 500));
    unlinked.total = unlinked.sum();
    world.service().enqueue(&unlinked).await.unwrap();
    let worker = worker(&world);
    assert_eq!(worker.run_once().await.rejected, 1);
    let mut items = world.store.items(&merchant(), Select::Ids(vec!["unlinked".into()])).await.unwrap();
    items[0].external_ids.mpluskassa = Some(ArticleNumber::new(world.article("Dame blanche")));
    world.store.apply(&merchant(), CatalogChunk { items, ..CatalogChunk::default() }).await.unwrap();
    assert_eq!(world.service().enqueue(&unlinked).await.unwrap(), Queued::Again);
    assert_eq!(world.service().enqueue(&unlinked).await.unwrap(), Queued::Known, "it waits");
    assert_eq!(worker.run_once().await.accepted, 1);
    assert_eq!(world.service().enqueue(&unlinked).await.unwrap(), Queued::Known, "the POS has it");

    // What a person took back, or has to look at, is not sent by a host that repeats itself.
    let second = order("2", OrderKind::Pickup);
    world.service().enqueue(&second).await.unwrap();
    world.service().withdraw(&"2".into(), "the guest left").await.unwrap();
    assert_eq!(world.service().enqueue(&second).await.unwrap(), Queued::Withdrawn);
    let third = order("3", OrderKind::Pickup);
    world.service().enqueue(&third).await.unwrap();
    world.pos.faults().script(std::iter::repeat_n(Fault::Refused, 10_000));
    work(&world, &worker, 25 * 60).await;
    assert_eq!(world.service().enqueue(&third).await.unwrap(), Queued::NeedsAttention);
    world.pos.faults().clear();
    work(&world, &worker, 10).await;
    assert_eq!(world.pos.orders().len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_is_cancelled_once_and_never_brought_back() {
    for reading in ["knows-all", "no-cancelOrderV2"] {
        let world = speaking(&[("absent-calls", reading)]).await;
        world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
        assert!(matches!(
            world.service().cancel(&"1".into(), "").await.unwrap_err(),
            CancelError::NotAtPos(_)
        ));
        worker(&world).run_once().await;
        for _ in 0..3 {
            world.service().cancel(&"1".into(), "out of soup").await.unwrap();
            assert_eq!(world.pos.order("1").unwrap().cancel_state, Some(OrderCancelState::Complete));
        }
        assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::Cancelled);
    }
}

#[tokio::test]
async fn a_cancel_whose_answer_was_lost_is_not_undone_by_the_next() {
    for fault in [Fault::ResetAfter, Fault::TimeoutAfter, Fault::ResetBefore] {
        let world = World::open().await;
        world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
        worker(&world).run_once().await;
        world.pos.faults().script_for("cancelOrderV2", [fault]);
        while world.service().cancel(&"1".into(), "").await.is_err() {}
        let state = world.pos.order("1").unwrap().cancel_state;
        assert_eq!(state, Some(OrderCancelState::Complete), "{fault:?}");
    }
}

#[tokio::test]
async fn a_table_order_is_cancelled_though_its_location_has_another_branch_by_now() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    world.service().enqueue(&order("1", table)).await.unwrap();
    world.pos.faults().script_for("saveTableOrder", [Fault::TimeoutAfter]);
    worker(&world).run_once().await;
    let request = ClaimRequest::new("w".into(), 1, noon() + TimeDelta::hours(2));
    let now = noon() + TimeDelta::hours(1);
    let claim = world.store.claim(&request, now).await.unwrap().remove(0).claim();
    let outcome = Outcome::NeedsAttention { reason: "it has waited".to_owned(), may_be_at_pos: true };
    world.store.finish(&claim, outcome, now).await.unwrap();
    let locations = world.store.locations(&merchant(), Select::Ids(vec!["amsterdam".into()])).await.unwrap();
    let moved = locations.into_iter().map(|location| location.linked(BranchNumber::new(3))).collect();
    world.store.apply_locations(&merchant(), moved).await.unwrap();
    world.service().cancel(&"1".into(), "").await.unwrap();
    assert_eq!(world.pos.order("1").unwrap().cancel_state, Some(OrderCancelState::Complete));
}

#[tokio::test]
async fn the_order_of_somebody_else_with_the_same_number_is_not_cancelled() {
    let mut world = World::open().await;
    // As if it had come from elsewhere.
    let mut elsewhere = order("1", OrderKind::Pickup);
    elsewhere.lines = vec![line("soup", 3, 850)];
    elsewhere.total = elsewhere.sum();
    world.service().submit(&elsewhere, false).await.unwrap();
    world.settings.create_call = CreateCall::CreateOrder;
    world.service().enqueue(&order("1", OrderKind::Pickup)).await.unwrap();
    worker(&world).run_once().await;
    let kept = entry(&world, "1").await;
    assert!(matches!(kept.state, OutboxState::NeedsAttention { .. }) && kept.may_be_at_pos, "{kept:?}");
    let error = world.service().cancel(&"1".into(), "").await.unwrap_err();
    assert!(matches!(error, CancelError::AnotherOrder { .. }), "{error}");
    assert_eq!(world.pos.requests().count("cancelOrderV2"), 0);
    assert_eq!(entry(&world, "1").await.state, kept.state);
}

#[tokio::test]
async fn a_table_with_what_others_ordered_is_not_cancelled_as_a_whole() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    for number in ["1", "2"] {
        world.service().enqueue(&order(number, table.clone())).await.unwrap();
    }
    work(&world, &worker(&world), 2).await;
    for number in ["1", "2"] {
        let error = world.service().cancel(&number.into(), "").await.unwrap_err();
        assert!(matches!(error, CancelError::AtTable(_)), "{error}");
    }
    assert_eq!(world.pos.requests().count("cancelOrderV2"), 0);
}

/// Fails the first time it is told of each order.
#[derive(Default)]
struct Observer {
    failed: Mutex<Vec<String>>,
    told: Mutex<Vec<(String, OutboxStateKind)>>,
}

#[async_trait]
impl OrderObserver for Observer {
    async fn told(&self, notice: &OrderNotice) -> Result<(), ObserverError> {
        let number = notice.order.to_string();
        let mut failed = self.failed.lock().unwrap();
        if !failed.contains(&number) {
            failed.push(number);
            return Err(ObserverError { message: "not now".into() });
        }
        self.told.lock().unwrap().push((number, notice.state.kind()));
        Ok(())
    }
}

#[tokio::test]
async fn the_host_is_told_every_outcome_in_its_order_until_it_takes_it() {
    let world = World::open().await;
    let mut wrong = order("1", OrderKind::Pickup);
    wrong.total = euros(1);
    world.service().enqueue(&wrong).await.unwrap();
    let observer = Arc::new(Observer::default());
    let worker = worker(&world).with_observer(observer.clone());
    worker.run_once().await;
    world.service().replace(&order("1", OrderKind::Pickup)).await.unwrap();
    worker.run_once().await;
    assert_eq!(*observer.told.lock().unwrap(), [], "it did not take the first");
    work(&world, &worker, 3).await;
    let told: Vec<_> = observer.told.lock().unwrap().iter().map(|(_, kind)| *kind).collect();
    assert_eq!(told, [OutboxStateKind::Rejected, OutboxStateKind::Waiting, OutboxStateKind::Accepted]);
}

#[tokio::test]
async fn every_ended_order_is_forgotten_after_its_time_and_no_other() {
    let world = World::open().await;
    world.service().enqueue(&order("sent", OrderKind::Pickup)).await.unwrap();
    worker(&world).run_once().await;
    world.service().enqueue(&order("dropped", OrderKind::Pickup)).await.unwrap();
    world.service().withdraw(&"dropped".into(), "").await.unwrap();
    world.runtime.pass(TimeDelta::days(31));
    world.service().enqueue(&order("waits", OrderKind::Pickup)).await.unwrap();
    let keep = Retention::days(90).with(OutboxStateKind::Withdrawn, 30);
    assert_eq!(world.service().prune(&keep).await.unwrap(), 1);
    assert_eq!(world.service().prune(&Retention::days(30)).await.unwrap(), 1);
    let counts = world.store.counts(&merchant()).await.unwrap();
    assert_eq!(counts.values().sum::<u64>(), 1);
}

#[tokio::test]
async fn control_characters_and_payments_of_nothing_keep_no_order_from_the_kitchen() {
    let world = World::open().await;
    let mut order = paid("1", OrderKind::Pickup);
    order.note = Some("Geen ui\u{b}graag".into());
    order.lines[0].note = Some("zonder ijs\u{1a}".into());
    order.payments[0].reference = Some("tr_1\u{0}".into());
    order.payments.push(Payment { method: PaymentMethod::GiftCard, amount: Decimal::ZERO, reference: None });
    world.service().submit(&order, false).await.unwrap();
    let kept = world.pos.order("1").unwrap();
    assert_eq!((kept.reference.as_deref(), kept.payment_list.len()), (Some("Geen ui graag"), 1));
}

#[tokio::test]
async fn an_order_that_costs_nothing_arrives_at_a_table_too() {
    let world = World::open().await;
    let now = OrderKind::DineInPayNow { table: TableRef::whole(7), guests: None };
    for (number, kind) in [("1", OrderKind::Pickup), ("2", now)] {
        let mut free = order(number, kind);
        free.lines = vec![line("cola", 1, 0)];
        free.total = Decimal::ZERO;
        free.payments =
            vec![Payment { method: PaymentMethod::Ideal, amount: Decimal::ZERO, reference: None }];
        world.service().submit(&free, false).await.unwrap();
    }
    assert_eq!(world.pos.orders().len(), 2);
}

#[tokio::test]
async fn what_a_pos_cannot_be_asked_is_done_without() {
    let calls: [&[&str]; 4] = [
        &["getAvailableTerminalList"],
        &["getOrder"],
        &["createRelation"],
        &["findRelation", "findRelationV2", "createRelation", "getRelation", "updateRelation"],
    ];
    for lacking in calls {
        let world = World::open().await;
        let pos = Scripted::new(&world.pos);
        pos.lack(lacking);
        let merchant = world.merchant_of("w", pos.client());
        let service = Arc::new(world.service_of("w", pos.client()));
        let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
        let mut orders = [order("1", table.clone()), order("2", table), paid("3", OrderKind::Pickup)];
        orders[2].customer = Some(Customer::new("guest", "Jan Jansen"));
        for order in &orders {
            service.enqueue(order).await.unwrap();
        }
        // What became of the second at its table is to be found out.
        world.pos.faults().script_for("saveTableOrder", [None, Some(Fault::ResetAfter)]);
        work(&world, &OutboxWorker::new(service, &merchant), 20).await;
        let counts = world.store.counts(merchant.connection()).await.unwrap();
        assert_eq!(counts.get(&OutboxStateKind::Accepted), Some(&3), "{lacking:?}: {counts:?}");
        let total: Decimal = world.pos.orders().iter().filter_map(|order| order.total_incl_amount).sum();
        assert_eq!(total, euros(3 * 2490), "{lacking:?}");
    }
}

#[tokio::test]
async fn payments_are_booked_once_though_the_pos_never_tells_what_is_paid() {
    for absent in ["knows-all", "no-createOrderV3", "no-createOrderV2", "no-newer-order-calls"] {
        let world = speaking(&[("absent-calls", absent), ("paid-amounts", "paid-absent")]).await;
        for operation in ["createOrderV3", "createOrderV2", "createOrder"] {
            world.pos.faults().script_for(operation, [Fault::ResetAfter]);
        }
        world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
        work(&world, &worker(&world), 10).await;
        let booked: Decimal = world.pos.order("1").unwrap().payment_list.iter().map(|paid| paid.amount).sum();
        assert_eq!(booked, euros(2490), "{absent}");
        assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::Accepted, "{absent}");
    }
}

#[tokio::test]
async fn payments_that_were_refused_with_an_order_and_go_with_it_again_are_booked_once() {
    for result in ["result-told", "result-absent", "result-new"] {
        let world = speaking(&[("paid-amounts", "paid-absent"), ("order-result", result)]).await;
        world.pos.refuse_payments("IDEAL");
        world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
        worker(&world).run_once().await;
        assert_eq!(world.pos.orders(), []);
        world.pos.allow_payments("IDEAL");
        work(&world, &worker(&world), 5).await;
        assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::Accepted, "{result}");
        assert_eq!(booked(&world, "1"), euros(2490), "{result}");
    }
}

#[tokio::test]
async fn payments_that_went_with_an_order_are_booked_once_though_the_call_for_it_is_changed_meanwhile() {
    let mut world = speaking(&[("paid-amounts", "paid-absent")]).await;
    world.pos.faults().script_for("createOrderV3", [Fault::ResetAfter]);
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    worker(&world).run_once().await;
    world.settings.create_call = CreateCall::CreateOrder;
    work(&world, &worker(&world), 5).await;
    assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::Accepted);
    assert_eq!(booked(&world, "1"), euros(2490));
}

fn booked(world: &World, number: &str) -> Decimal {
    world.pos.order(number).unwrap().payment_list.iter().map(|paid| paid.amount).sum()
}

#[tokio::test]
async fn a_worker_that_has_yet_to_learn_what_the_pos_lacks_pays_an_order_that_another_one_created() {
    let world = speaking(&[("absent-calls", "no-createOrderV2"), ("paid-amounts", "paid-absent")]).await;
    world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
    world.pos.faults().script_for("createOrder", [Fault::ResetAfter]);
    work(&world, &worker(&world), 1).await;
    assert_eq!(booked(&world, "1"), Decimal::ZERO, "it is there, without its payment");
    work(&world, &worker(&world), 5).await;
    assert_eq!(booked(&world, "1"), euros(2490));
    assert_eq!(entry(&world, "1").await.state.kind(), OutboxStateKind::Accepted);
}

#[tokio::test]
async fn a_payment_that_did_not_get_there_is_sent_again_and_one_of_which_nobody_knows_is_left_to_a_person() {
    let silent = [("absent-calls", "no-newer-order-calls"), ("paid-amounts", "paid-absent")];
    for (fault, ends) in
        [(Fault::Refused, OutboxStateKind::Accepted), (Fault::ResetAfter, OutboxStateKind::NeedsAttention)]
    {
        let world = speaking(&silent).await;
        world.service().enqueue(&paid("1", OrderKind::Pickup)).await.unwrap();
        world.pos.faults().script_for("payOrder", std::iter::repeat_n(fault, 3));
        work(&world, &worker(&world), 30).await;
        let left = entry(&world, "1").await;
        assert_eq!(left.state.kind(), ends, "{fault:?}: {left:?}");
        assert!(booked(&world, "1") <= euros(2490), "{fault:?}");
        if ends == OutboxStateKind::Accepted {
            assert_eq!(booked(&world, "1"), euros(2490), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn what_a_pos_lacks_is_learnt_once_and_shown_in_the_connections_status() {
    let world = speaking(&[("absent-calls", "no-getPaymentMethodsV2")]).await;
    let connection = Connection::new(merchant(), "Bistro", "pos.invalid", 1, noon());
    world.store.save_connection(&connection).await.unwrap();
    for number in ["1", "2"] {
        // Another process each time.
        world.service().submit(&paid(number, OrderKind::Pickup), false).await.unwrap();
    }
    assert_eq!(world.pos.requests().count("getPaymentMethodsV2"), 1);
    let kept = world.store.connection(&merchant()).await.unwrap().unwrap();
    assert!(kept.lacking.contains("getPaymentMethodsV2"), "{:?}", kept.lacking);
}

#[tokio::test]
async fn orders_of_every_kind_reach_services_of_every_age() {
    let absent = Dialect::questions().iter().find(|question| question.name == "absent-calls").unwrap();
    for reading in absent.readings {
        for text in ["not-implemented-prefixed", "not-implemented-short"] {
            let world = speaking(&[("absent-calls", reading.name), ("absent-text", text)]).await;
            let table = TableRef::whole(7);
            let later = OrderKind::DineInPayLater { table, guests: None };
            let mut orders = vec![
                paid("1", OrderKind::Pickup),
                order("2", later.clone()),
                order("3", later),
                paid("4", OrderKind::DineInPayNow { table, guests: None }),
            ];
            orders[0].customer = Some(mplus_sync::model::Customer::new("guest", "Jan Jansen"));
            for order in &orders {
                world.service().enqueue(order).await.unwrap();
            }
            world.pos.faults().random(0.2, 7);
            let mut options = WorkerOptions::default();
            options.retry.attempts = 50;
            work(&world, &worker(&world).with_options(options), 60).await;
            for number in ["1", "2", "3", "4"] {
                let entry = entry(&world, number).await;
                let kind = entry.state.kind();
                assert_eq!(
                    kind,
                    OutboxStateKind::Accepted,
                    "{} {number}: {:?}",
                    reading.name,
                    entry.last_error
                );
            }
            let kept = world.pos.orders();
            let total: Decimal = kept.iter().filter_map(|order| order.total_incl_amount).sum();
            assert_eq!(total, euros(4 * 2490), "{}", reading.name);
            let paid: Decimal =
                kept.iter().flat_map(|order| &order.payment_list).map(|payment| payment.amount).sum();
            assert_eq!(paid, euros(2 * 2490), "{}", reading.name);
        }
    }
}

#[tokio::test]
async fn nothing_is_added_to_a_table_twice_whatever_becomes_of_its_reference() {
    for reference in ["reference-whole", "reference-of-50", "reference-of-20", "reference-dropped"] {
        for lines in ["lines-as-sent", "lines-condensed"] {
            let world = speaking(&[("reference", reference), ("table-lines", lines)]).await;
            let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
            for number in 0..12 {
                let mut round = order(&format!("order-of-the-evening-{number}"), table.clone());
                round.note = Some("met twee vorken en een kinderstoel".into());
                world.service().enqueue(&round).await.unwrap();
            }
            for _ in 0..12 {
                world.pos.faults().script_for("saveTableOrder", [Fault::ResetAfter]);
                work(&world, &worker(&world), 1).await;
            }
            work(&world, &worker(&world), 30).await;
            let open = world.pos.table_order(1, 7).unwrap();
            assert_eq!(open.total_incl_amount, Some(euros(12 * 2490)), "{reference} {lines}");
            let counts = world.store.counts(&merchant()).await.unwrap();
            assert_eq!(counts.get(&OutboxStateKind::Accepted), Some(&12), "{reference} {lines}: {counts:?}");
        }
    }
}

#[tokio::test]
async fn a_terminal_is_the_installations_and_another_hosts_is_not_taken() {
    let mut world = World::open().await;
    let table = |number| OrderKind::DineInPayLater { table: TableRef::whole(number), guests: None };
    world.service().submit(&order("1", table(7)), false).await.unwrap();
    world
        .service_of("another-worker", world.pos.client())
        .submit(&order("2", table(8)), false)
        .await
        .unwrap();
    world.settings.installation = "another host".into();
    let error = world.service().submit(&order("3", table(9)), false).await.unwrap_err();
    assert!(error.to_string().contains("workplace 2 cannot be used as a terminal"), "{error}");
}
