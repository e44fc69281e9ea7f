//! Table orders.

use mplus_qapi::orders::{FindOrder, GetOrderResponse, GetOrderResult};
use mplus_qapi::table_orders::{
    CreateAndPayTableOrder, CreateAndPayTableOrderResponse, CreateAndPayTableOrderResult,
    GetTableOrderResponse, GetTableOrderResult, GetTableOrderV3, SaveTableOrder, SaveTableOrderResponse,
    SaveTableOrderResult,
};
use mplus_qapi::terminals::{RegisterTerminal, RegisterTerminalResponse, RegisterTerminalResult};
use mplus_sync::model::{OrderKind, OutboxState, TableRef, Waiting};
use mplus_sync::orders::{SubmitError, SubmitErrorKind, TableCall};

use super::world::{World, euros, line, merchant, order, paid, sold};
use crate::support::Scripted;

pub(super) fn later(table: i32) -> OrderKind {
    OrderKind::DineInPayLater { table: TableRef::whole(table), guests: Some(2) }
}

pub(super) fn now(table: i32) -> OrderKind {
    OrderKind::DineInPayNow { table: TableRef::whole(table), guests: None }
}

/// What the POS answers of a table at which nobody has ordered.
fn free() -> GetTableOrderResponse {
    GetTableOrderResponse { result: GetTableOrderResult::None, ..GetTableOrderResponse::default() }
}

#[tokio::test]
async fn a_table_is_opened_by_the_first_order_and_later_ones_are_added() {
    let world = World::open().await;
    let service = world.service();
    let first = service.submit(&order("1", later(7)), false).await.unwrap();
    let mut more = order("2", later(7));
    more.lines = vec![line("soup", 2, 850)];
    more.total = more.sum();
    let second = service.submit(&more, false).await.unwrap();
    assert_eq!(first.order_id, second.order_id);
    let open = world.pos.table_order(1, 7).unwrap();
    assert_eq!((open.ext_order_id.as_deref(), open.number_of_guests), (Some("1"), Some(2)));
    let soup = world.article("Soupe à l'oignon");
    assert_eq!(open.line_list.last().map(sold), Some((soup, 2.into())));
    assert_eq!(open.total_incl_amount, Some(euros(2490 + 1700)));
    assert_eq!(world.pos.requests().count("registerTerminal"), 1, "once for both");
}

#[tokio::test]
async fn a_second_order_at_a_table_that_was_opened_meanwhile_is_left_to_a_person() {
    let world = World::open().await;
    let soup = world.article("Soupe à l'oignon");
    for (reading, orders) in [("opened-refused", 1), ("opened-second", 2)] {
        world.pos.set_dialect(reading.parse().unwrap());
        let table = 10 + orders;
        assert!(world.pos.serve_table(1, table, soup, 3.into()));
        let before = world.pos.orders().len();
        // What was read before the waiter came.
        let pos = Scripted::new(&world.pos);
        pos.answer::<GetTableOrderV3>(&free());
        let service = world.service_of("worker", pos.client());
        let sent = service.submit(&order(reading, later(table)), false).await;
        assert_eq!(world.pos.orders().len() - before, orders as usize - 1, "{reading}");
        let shown = world.pos.table_order(1, table).unwrap();
        let Err(error) = sent else {
            assert_eq!(
                shown.line_list.first().map(sold),
                Some((soup, 3.into())),
                "nothing of the waiter's is lost"
            );
            assert_eq!((shown.line_list.len() > 1, orders), (true, 1));
            continue;
        };
        assert_eq!(orders, 2);
        assert_eq!(
            error.to_string(),
            "order opened-second was taken for table 12, which somebody else opened in the same moment: the table \
             shows the other order alone; join the two at the till"
        );
        assert!(error.is_permanent() && error.may_be_at_pos());
        let again = service.submit(&order(reading, later(table)), true).await.unwrap_err();
        assert!(matches!(again.kind(), SubmitErrorKind::SecondAtTable { .. }), "{again}");
        assert_eq!(world.pos.orders().len() - before, 1, "it is not sent again");
    }
}

#[tokio::test]
async fn two_orders_that_open_a_table_at_once_are_both_there_and_each_once() {
    for (reading, joined) in [("opened-refused", true), ("opened-second", false)] {
        for result in ["result-told", "result-absent"] {
            let world = super::life::speaking(&[("opened-table", reading), ("order-result", result)]).await;
            let mut sent = Vec::new();
            for number in ["1", "2"] {
                // Both read the table while it was free.
                let pos = Scripted::new(&world.pos);
                pos.answer::<GetTableOrderV3>(&free());
                let service = world.service_of(number, pos.client());
                sent.push(service.submit(&order(number, later(7)), false).await);
            }
            let lines: usize = world.pos.orders().iter().map(|order| order.line_list.len()).sum();
            assert_eq!(lines, 4, "{reading} {result}: {sent:?}");
            assert_eq!(world.pos.orders().len(), if joined { 1 } else { 2 });
            let told: Vec<_> = sent.into_iter().filter_map(Result::err).collect();
            assert_eq!(told.len(), usize::from(!joined), "{told:?}");
            let is_second =
                |error: &SubmitError| matches!(error.kind(), SubmitErrorKind::SecondAtTable { .. });
            assert!(told.iter().all(is_second), "{told:?}");
        }
    }
}

pub(super) fn terminal(number: i32, device: &str) -> mplus_qapi::types::Terminal {
    mplus_qapi::types::Terminal {
        branch_number: 1,
        terminal_number: number,
        terminal_status: mplus_qapi::types::TerminalStatus::Available,
        unique_device_identifier: device.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_paid_table_order_is_settled_at_once() {
    let world = World::open().await;
    let pos = world.service().submit(&paid("1", now(4)), false).await.unwrap();
    let kept = world.pos.order("1").unwrap();
    assert_eq!((pos.order_id, pos.receipt_id), (Some(kept.order_id), kept.invoice_ids.first().cloned()));
    assert_eq!((kept.fully_paid, kept.payment_list.len()), (Some(true), 1));
}

#[tokio::test]
async fn a_claimed_table_is_a_clear_error_and_works_when_it_is_released() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    world.pos.claim_table(1, 7, 1);
    let error = world.service().submit(&order("2", later(7)), false).await.unwrap_err();
    assert!(!error.is_permanent() && !error.may_be_at_pos());
    assert!(matches!(error.kind(), SubmitErrorKind::TableClaimed { workplace: Some(1), .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "order 2 waits: table 7 is in use at workplace 1; it is sent when the table is released there"
    );
    world.pos.claim_table(1, 7, 2);
    world.service().submit(&order("2", later(7)), false).await.unwrap();
}

#[tokio::test]
async fn an_order_waits_for_its_table_by_whichever_call_it_is_placed() {
    let mut world = World::open().await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    world.pos.claim_table(1, 7, 1);
    world.service().enqueue(&order("1", later(7))).await.unwrap();
    let worker = super::life::worker(&world);
    super::life::work(&world, &worker, 3 * 60).await;
    let waiting = world.store.entry(&merchant(), &"1".into()).await.unwrap().unwrap();
    assert!(matches!(waiting.state, OutboxState::Waiting(Waiting::TableClaimed { .. })), "{waiting:?}");
    assert_eq!((waiting.attempts, world.pos.requests().count("placeTableOrder")), (0, 1));
    world.pos.claim_table(1, 7, 2);
    super::life::work(&world, &worker, 2).await;
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2490)));
}

#[tokio::test]
async fn a_table_that_is_claimed_between_reading_and_saving_is_waited_for() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    world.pos.claim_table(1, 7, 1);
    // What was read before the waiter came.
    let pos = Scripted::new(&world.pos);
    let order_of_table = world.pos.table_order(1, 7);
    pos.answer::<GetTableOrderV3>(&GetTableOrderResponse {
        result: GetTableOrderResult::Ok,
        order: order_of_table,
        ..GetTableOrderResponse::default()
    });
    let service = world.service_of("worker", pos.client());
    let error = service.submit(&order("2", later(7)), false).await.unwrap_err();
    assert_eq!(world.pos.requests().count("saveTableOrder"), 2);
    assert!(matches!(error.kind(), SubmitErrorKind::TableClaimed { workplace: Some(1), .. }), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_of_a_branch_or_a_line_keeps_no_order_from_its_table() {
    let world = super::life::speaking(&[("characters", "text-control-characters")]).await;
    for number in ["1", "2"] {
        world.service().submit(&order(number, later(7)), false).await.unwrap();
    }
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2 * 2490)));
}

#[tokio::test]
async fn two_rounds_for_one_table_at_once_are_both_there() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    let (first, second) =
        (world.service_of("a", world.pos.client()), world.service_of("b", world.pos.client()));
    let (two, three) = (order("2", later(7)), order("3", later(7)));
    let (left, right) =
        futures_util::future::join(first.submit(&two, false), second.submit(&three, false)).await;
    left.unwrap();
    right.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(3 * 2490)));
}

#[tokio::test]
async fn a_workplace_that_another_device_uses_is_named() {
    let world = World::open().await;
    let terminal = terminal(2, "a handheld");
    let register = mplus_qapi::terminals::RegisterTerminal { terminal, force_registration: false };
    world.pos.client().register_terminal(register).await.unwrap();
    let error = world.service().submit(&order("1", later(7)), false).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("order 1 waits: workplace 2 cannot be used as a terminal: Another device"),
        "{text}"
    );
    assert!(text.ends_with("choose one that no handheld uses in the order settings"), "{text}");
}

#[tokio::test]
async fn a_terminal_or_a_table_of_which_the_result_is_new_keeps_no_order_from_its_table() {
    let world = World::open().await;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    let pos = Scripted::new(&world.pos);
    pos.answer::<RegisterTerminal>(&RegisterTerminalResponse {
        result: RegisterTerminalResult::Unknown("REGISTER-TERMINAL-RESULT-RENEWED".into()),
        ..RegisterTerminalResponse::default()
    });
    pos.answer::<GetTableOrderV3>(&GetTableOrderResponse {
        result: GetTableOrderResult::Unknown("GET-TABLE-ORDER-RESULT-SHOWN".into()),
        order: world.pos.table_order(1, 7),
        ..GetTableOrderResponse::default()
    });
    world.service_of("other", pos.client()).submit(&order("2", later(7)), false).await.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2 * 2490)));
}

#[tokio::test]
async fn the_modern_call_needs_no_terminal_and_names_the_order_in_a_line() {
    let mut world = World::open().await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    world.service().submit(&order("1", later(7)), false).await.unwrap();
    let pos = world.service().submit(&paid("2", now(9)), false).await.unwrap();
    assert!(pos.receipt_id.is_some());
    let open = world.pos.table_order(1, 7).unwrap();
    assert_eq!(open.line_list.last().and_then(|line| line.text.clone()).as_deref(), Some("1"));
    assert_eq!((open.total_incl_amount, open.relation_number), (Some(euros(2490)), Some(1)));
    assert_eq!(world.pos.requests().count("registerTerminal"), 0);
    // The same order again, by anybody: the key is the same.
    world.service().submit(&order("1", later(7)), true).await.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().total_incl_amount, Some(euros(2490)));
}

/// The POS says that it has the order already, and cannot find it by its number.
fn duplicate(world: &World, order_id: Option<String>) -> Scripted {
    let pos = Scripted::new(&world.pos);
    pos.answer::<CreateAndPayTableOrder>(&CreateAndPayTableOrderResponse {
        result: CreateAndPayTableOrderResult::Ok,
        order_id,
        duplicate: true,
        ..CreateAndPayTableOrderResponse::default()
    });
    pos.answer::<FindOrder>(&GetOrderResponse { result: GetOrderResult::NotFound, order: None });
    pos.answer::<mplus_qapi::orders::GetOrdersByExtOrderIds>(&Default::default());
    pos
}

#[tokio::test]
async fn a_duplicate_counts_as_sent_only_when_the_pos_shows_the_same_order() {
    let world = World::open().await;
    let unseen = world.service_of("worker", duplicate(&world, None).client());
    let error = unseen.submit(&paid("1", now(4)), false).await.unwrap_err();
    assert!(error.is_permanent() && error.may_be_at_pos());
    assert_eq!(
        error.to_string(),
        "MplusKASSA has an order with the number 1 already: it calls this one a duplicate, but does not show it; \
         compare the two by hand"
    );
    let sent = world.service().submit(&paid("1", now(4)), false).await.unwrap();
    let shown = world.service_of("worker", duplicate(&world, sent.order_id.clone()).client());
    let again = shown.submit(&paid("1", now(4)), false).await.unwrap();
    assert_eq!(again.order_id, sent.order_id);
    let mut other = paid("1", now(4));
    other.lines = vec![line("soup", 1, 2490)];
    let shown = world.service_of("worker", duplicate(&world, sent.order_id).client());
    let error = shown.submit(&other, false).await.unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::NumberTaken { .. }), "{error}");
}

#[tokio::test]
async fn a_paid_order_that_is_at_the_pos_without_its_payment_is_left_to_a_person() {
    let world = World::open().await;
    world.service().submit(&order("1", later(4)), false).await.unwrap();
    let error = world.service().submit(&paid("1", now(4)), true).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("0 euros are booked on it instead of 24.90"), "{text}");
    assert!(error.is_permanent());
}

#[tokio::test]
async fn a_guests_note_is_never_taken_for_another_orders_mark() {
    let world = World::open().await;
    let mut first = order("1", later(7));
    first.note = Some("two bills [2] #2".into());
    world.service().submit(&first, false).await.unwrap();
    world.service().submit(&order("2", later(7)), true).await.unwrap();
    let open = world.pos.table_order(1, 7).unwrap();
    assert_eq!(open.total_incl_amount, Some(euros(2 * 2490)));
    let reference = open.reference.unwrap();
    assert!(reference.ends_with(" two bills [2] #2"), "{reference}");
    assert!(
        reference.len() - "two bills [2] #2".len() <= 10,
        "the mark is short and stands first: {reference}"
    );
}

#[tokio::test]
async fn a_table_that_changed_is_read_again_and_one_that_keeps_changing_waits() {
    let world = World::open().await;
    let changed = SaveTableOrderResponse {
        result: SaveTableOrderResult::OrderHasChanged,
        ..SaveTableOrderResponse::default()
    };
    let pos = Scripted::new(&world.pos);
    pos.answer::<SaveTableOrder>(&changed);
    world.service_of("worker", pos.client()).submit(&order("1", later(7)), false).await.unwrap();
    assert_eq!(
        world.pos.requests().count("getTableOrderV3"),
        3,
        "anew, and to see that it is the only order"
    );
    (0..5).for_each(|_| pos.answer::<SaveTableOrder>(&changed));
    let error =
        world.service_of("worker", pos.client()).submit(&order("2", later(7)), false).await.unwrap_err();
    assert!(!error.is_permanent() && !error.may_be_at_pos());
    assert_eq!(
        error.to_string(),
        "order 2 waits: the order of table 7 kept changing while this one was added; it is tried again"
    );
}

#[tokio::test]
async fn what_others_paid_at_the_table_is_not_taken_for_an_orders_own_payment() {
    let mut world = World::open().await;
    world.settings.table_call = TableCall::PlaceTableOrder;
    // What is paid at a table that is not settled stays as a deposit on its order.
    world.service().submit(&order("0", later(8)), false).await.unwrap();
    world.service().submit(&paid("1", now(8)), false).await.unwrap();
    // The second one's lines are there, its money is not.
    let mut unpaid = paid("2", now(8));
    unpaid.kind = later(8);
    unpaid.payments.clear();
    world.service().submit(&unpaid, false).await.unwrap();
    let error = world.service().submit(&paid("2", now(8)), true).await.unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::NumberTaken { .. }), "{error}");
    assert_eq!(world.pos.orders()[0].prepaid_amount, Some(euros(2490)));
}
