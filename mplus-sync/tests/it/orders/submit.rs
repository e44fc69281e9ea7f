//! Pick-up and delivery orders.

use mplus_qapi::orders::{
    CreateOrderResult, CreateOrderV3, CreateOrderV3Response, FindOrder, GetOrderResponse, GetOrderResult,
};
use mplus_qapi::payments::{GetPaymentMethodsResponse, GetPaymentMethodsV2};
use mplus_qapi::testkit::Fault;
use mplus_qapi::types::{IdempotencyResult, Order, VatChange, VatMethod};
use mplus_sync::model::{
    BtwCode, ChosenItem, Customer, CustomerLink, Environment, LineModifier, OrderKind, OrderLine,
    OutboxStateKind, PaymentMethod, PostalAddress, RelationMatch, RelationNumber, Sold, TableRef,
};
use mplus_sync::orders::{
    CreateCall, LocationSettings, OrderService, Problem, QueueError, Queued, SubmitErrorKind, TableCall,
};
use mplus_sync::store::StoreErrorKind;
use rust_decimal::Decimal;

use super::life::speaking;
use super::world::{World, euros, line, merchant, noon, order, paid};
use crate::support::Scripted;

#[tokio::test]
async fn a_paid_pick_up_order_arrives_with_its_lines_payment_and_number() {
    let world = World::open().await;
    let pos = world.service().submit(&paid("1001", OrderKind::Pickup), false).await.unwrap();
    let kept = world.pos.order("1001").unwrap();
    assert_eq!(pos.order_id.as_deref(), Some(kept.order_id.as_str()));
    assert!(pos.order_number.is_some());
    let lines = world.lines_of("1001");
    assert_eq!(lines, [(world.article("Coca-Cola"), 2.into()), (world.article("Leeuwburger"), 1.into())]);
    assert_eq!((kept.total_incl_amount, kept.prepaid_amount), (Some(euros(2490)), Some(euros(2490))));
    assert_eq!((kept.vat_method, kept.relation_number), (Some(VatMethod::Inclusive), Some(1)));
    assert_eq!((kept.entry_branch_number, kept.workplace_number), (Some(1), Some(2)));
    assert_eq!(kept.payment_list[0].external_reference.as_deref(), Some("payment of 1001"));
    assert_eq!(kept.reference.as_deref(), Some("1001"), "a POS may ask for one");
}

/// A newer release wrote an item, and this one cannot read it.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn an_order_of_an_item_that_cannot_be_read_waits_for_a_process_that_can_and_is_not_refused() {
    use std::sync::Arc;

    use mplus_qapi::testkit::Pos;
    use mplus_sync::model::Waiting;
    use mplus_sync::store::SqliteStore;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    let world = World::with(Pos::brasserie(), Arc::new(SqliteStore::open(&path).await.unwrap())).await;
    let write = |from: &str, to: &str| {
        let change =
            format!("UPDATE mplus_items SET body = replace(body, '{from}', '{to}') WHERE id = 'cola'");
        assert_eq!(rusqlite::Connection::open(&path).unwrap().execute(&change, []).unwrap(), 1);
    };
    write("{\"v\":1,", "{\"v\":2,\"reads\":2,");
    world.service().enqueue(&paid("1001", OrderKind::Pickup)).await.unwrap();
    let worker = super::life::worker(&world);
    worker.run_once().await;
    let entry = async || world.store.entry(&merchant(), &"1001".into()).await.unwrap().unwrap();
    let waits = entry().await;
    assert!(matches!(waits.waiting(), Some(Waiting::Host { .. })), "{waits:?}");
    assert!(waits.last_error.as_deref().unwrap().contains("read item cola"), "{waits:?}");
    write("{\"v\":2,\"reads\":2,", "{\"v\":1,");
    world.runtime.pass(chrono::TimeDelta::minutes(10));
    worker.run_once().await;
    assert_eq!(entry().await.state.kind(), OutboxStateKind::Accepted);
}

#[tokio::test]
async fn a_delivery_arrives_with_discount_tip_fee_and_address() {
    let world = World::open().await;
    let address = PostalAddress { street: Some("Spui 1".into()), ..PostalAddress::default() };
    let mut order = order("1002", OrderKind::Delivery { address });
    order.discounts = vec![mplus_sync::model::Discount { name: "Welcome".into(), amount: euros(500) }];
    (order.tip, order.delivery_fee) = (euros(100), euros(250));
    order.total = order.sum();
    world.service().submit(&order, false).await.unwrap();
    let kept = world.pos.order("1002").unwrap();
    assert_eq!(kept.total_incl_amount, Some(euros(2490 - 500 + 350)));
    assert_eq!(kept.delivery_address.unwrap().address.as_deref(), Some("Spui 1"));
}

#[tokio::test]
async fn an_item_without_an_article_number_fails_the_order_by_name_and_nothing_is_sent() {
    let world = World::open().await;
    let mut order = paid("1003", OrderKind::Pickup);
    order.customer = Some(Customer::new("guest", "Jan"));
    order.lines.push(line("unlinked", 1, 500));
    order.total = order.sum();
    order.payments[0].amount = order.total;
    let error = world.service().submit(&order, false).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "order 1003 was not sent to the POS: item \"unlinked\" (unlinked) has no article number of MplusKASSA \
         (external_ids.mpluskassa); sync the menu or link the item"
    );
    assert!(error.is_permanent() && !error.may_be_at_pos());
    assert!(world.pos.orders().is_empty());
    assert_eq!((world.pos.relations().len(), world.pos.requests().count("createOrderV3")), (3, 0));
}

#[tokio::test]
async fn a_payment_method_that_the_pos_does_not_have_is_refused_by_name() {
    let mut world = World::open().await;
    world.settings = world.settings.with_payment_method(PaymentMethod::Ideal, "OLD_CODE");
    let error = world.service().submit(&paid("1", OrderKind::Pickup), false).await.unwrap_err();
    let SubmitErrorKind::Refused(refused) = error.kind() else { panic!("{error}") };
    let code = "OLD_CODE".to_owned();
    assert_eq!(refused.problems, [Problem::PaymentUnknown { method: PaymentMethod::Ideal, code }]);
    assert!(error.to_string().contains("payment method iDEAL is mapped to \"OLD_CODE\""), "{error}");
}

#[tokio::test]
async fn a_list_of_payment_methods_that_is_empty_keeps_no_order_from_the_pos() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    pos.answer::<GetPaymentMethodsV2>(&GetPaymentMethodsResponse::default());
    let service = world.service_of("worker", pos.client());
    service.submit(&paid("1001", OrderKind::Pickup), false).await.unwrap();
    assert_eq!(world.pos.order("1001").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn what_the_pos_refuses_to_tell_keeps_no_order_from_it() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    for call in ["getPaymentMethodsV2", "findRelationV2"] {
        pos.refuse(call, "");
    }
    let mut order = paid("1001", OrderKind::Pickup);
    order.customer = Some(Customer::new("guest", "Jan Jansen"));
    world.service_of("worker", pos.client()).submit(&order, false).await.unwrap();
    let kept = world.pos.order("1001").unwrap();
    assert_eq!((kept.prepaid_amount, kept.relation_number), (Some(euros(2490)), Some(1)));
}

#[tokio::test]
async fn a_number_that_cannot_be_sent_is_said_before_the_guest_pays() {
    let world = World::open().await;
    for number in ["10\u{b}01", "", " "] {
        let error = world.service().check(&order(number, OrderKind::Pickup)).await.unwrap_err();
        let SubmitErrorKind::Refused(refused) = error.kind() else { panic!("{error}") };
        assert_eq!(refused.problems, [Problem::Number], "{error}");
    }
}

#[tokio::test]
async fn a_service_that_lists_the_methods_of_one_workplace_refuses_none_of_another() {
    let mut world = World::open().await;
    world.settings = world.settings.with_payment_method(PaymentMethod::Ideal, "OF_ANOTHER_WORKPLACE");
    let pos = Scripted::new(&world.pos);
    pos.lack(&["getPaymentMethodsV2", "getPaymentMethods"]);
    let service = world.service_of("worker", pos.client());
    service.draft(&paid("1001", OrderKind::Pickup)).await.unwrap();
}

#[tokio::test]
async fn the_same_order_sent_again_is_there_once_whatever_was_lost() {
    for fault in Fault::ALL {
        for call in [CreateCall::Detect, CreateCall::CreateOrder] {
            for operation in ["createOrderV3", "createOrder", "payOrder", "payOrderV2", "findOrder"] {
                let mut world = World::open().await;
                world.settings.create_call = call;
                world.pos.faults().script_for(operation, [fault]);
                let order = paid("1001", OrderKind::Pickup);
                let mut earlier = false;
                let mut attempts = 0;
                // Another process each time: nothing is remembered but what the error said.
                while let Err(error) = world.service().submit(&order, earlier).await {
                    earlier = error.may_be_at_pos();
                    attempts += 1;
                    assert!(attempts < 5, "{operation} {fault:?}: {error}");
                }
                world.pos.faults().clear();
                world.service().submit(&order, true).await.unwrap();
                assert_eq!(world.pos.orders().len(), 1, "{operation} {fault:?}");
                let kept = world.pos.order("1001").unwrap();
                assert_eq!(
                    (kept.prepaid_amount, kept.payment_list.len()),
                    (Some(euros(2490)), 1),
                    "{operation} {fault:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_service_without_the_new_call_gets_the_old_one() {
    let mut world = World::open().await;
    world.settings.create_call = CreateCall::CreateOrder;
    world.service().submit(&paid("1001", OrderKind::Pickup), false).await.unwrap();
    let requests = world.pos.requests();
    let counts = ["createOrderV3", "createOrder", "payOrder"].map(|name| requests.count(name));
    assert_eq!(counts, [0, 1, 1]);
    assert_eq!(world.pos.order("1001").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn a_number_that_the_pos_has_for_another_order_needs_a_person() {
    let world = World::open().await;
    world.service().submit(&order("1001", OrderKind::Pickup), false).await.unwrap();
    let mut other = order("1001", OrderKind::Pickup);
    other.lines = vec![line("soup", 3, 850)];
    other.total = other.sum();
    // A new key, as if the first order had come from elsewhere.
    let mut elsewhere = world;
    elsewhere.settings.create_call = CreateCall::CreateOrder;
    let error = elsewhere.service().submit(&other, false).await.unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::NumberTaken { .. }), "{error}");
    assert!(
        error.to_string().contains("has an order with the number 1001 already: it has 0 of article"),
        "{error}"
    );
    assert_eq!(elsewhere.pos.orders().len(), 1);
}

#[tokio::test]
async fn what_the_pos_refused_is_sent_again_once_it_is_put_right() {
    let world = World::open().await;
    let cola = world.article("Coca-Cola");
    world.pos.change_article(cola, |article| article.active = Some(false));
    let order = order("1001", OrderKind::Pickup);
    let error = world.service().submit(&order, false).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        format!("MplusKASSA did not take order 1001 (createOrderV3): Article {cola} is not active.")
    );
    assert!(!error.may_be_at_pos() && !error.is_permanent());
    world.pos.change_article(cola, |article| article.active = Some(true));
    world.service().submit(&order, false).await.unwrap();
    assert_eq!(world.pos.orders().len(), 1);
}

#[tokio::test]
async fn a_customer_gets_a_relation_once_and_the_fallback_serves_the_rest() {
    let world = World::open().await;
    let mut first = order("1", OrderKind::Pickup);
    first.customer = Some(Customer::new("guest", "Jan Jansen"));
    let mut second = first.clone();
    second.number = "2".into();
    let mut nameless = order("3", OrderKind::Pickup);
    nameless.customer = Some(Customer::new("nobody", " "));
    for order in [&first, &second, &nameless] {
        world.service().submit(order, false).await.unwrap();
    }
    let relation = |number: &str| world.pos.order(number).unwrap().relation_number;
    assert_eq!((relation("1"), relation("2"), relation("3")), (Some(4), Some(4), Some(1)));
    assert_eq!(world.pos.relations().len(), 4);
}

#[tokio::test]
async fn without_a_customer_and_a_fallback_relation_an_order_is_refused() {
    let mut world = World::open().await;
    world.settings.fallback_relation = None;
    let error = world.service().submit(&order("1", OrderKind::Pickup), false).await.unwrap_err();
    assert!(error.to_string().contains("no customer and no fallback relation is set up"), "{error}");
    world.settings.fallback_relation = Some(RelationNumber::new(2));
    world.service().submit(&order("1", OrderKind::Pickup), false).await.unwrap();
}

#[tokio::test]
async fn wrong_credentials_are_named_as_such() {
    let world = World::open().await;
    let builder = mplus_qapi::Client::builder(
        mplus_qapi::Endpoint::new("pos.invalid", 1).unwrap(),
        mplus_qapi::Credentials::new("testkit", "wrong"),
        world.pos.clone(),
        mplus_qapi::testkit::VirtualRuntime::default(),
    );
    let service = world.service_of("worker", builder.build());
    let error = service.submit(&order("1001", OrderKind::Pickup), false).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("order 1001 waits: MplusKASSA does not accept the user name and password"),
        "{text}"
    );
    assert!(!text.contains("wrong&") && !text.contains("secret="), "{text}");
}

#[tokio::test]
async fn an_order_may_skip_the_pos_in_a_test_environment_only() {
    let world = World::open().await;
    let mut skipping = order("1001", OrderKind::Pickup);
    skipping.skip_order_sync = true;
    let refused = world.service().enqueue(&skipping).await.unwrap_err();
    assert!(matches!(refused, QueueError::Refused(_)));
    assert!(refused.to_string().contains("allowed in a test environment only"), "{refused}");
    let testing = world.merchant_of("worker", world.pos.client()).in_environment(Environment::Test);
    let service = OrderService::new(&testing, world.settings.clone());
    assert_eq!(service.enqueue(&skipping).await.unwrap(), Queued::Skipped);
    let counts = world.store.counts(&merchant()).await.unwrap();
    assert_eq!(counts.get(&OutboxStateKind::Waiting).copied().unwrap_or_default(), 0);
}

#[tokio::test]
async fn an_order_is_queued_once_and_another_one_with_its_number_is_refused() {
    let world = World::open().await;
    let order = order("1001", OrderKind::Pickup);
    assert_eq!(world.service().enqueue(&order).await.unwrap(), Queued::New);
    assert_eq!(world.service().enqueue(&order).await.unwrap(), Queued::Known);
    let mut other = order;
    other.total += euros(1);
    let Err(QueueError::Store(error)) = world.service().enqueue(&other).await else { panic!("was queued") };
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
}

#[tokio::test]
async fn a_replayed_answer_for_another_order_is_not_taken_for_this_one() {
    let world = World::open().await;
    world.service().submit(&order("1001", OrderKind::Pickup), false).await.unwrap();
    let mut other = order("1001", OrderKind::Pickup);
    other.lines = vec![line("soup", 3, 850)];
    other.total = other.sum();
    let error = world.service().submit(&other, false).await.unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::NumberTaken { .. }), "{error}");
    assert_eq!(world.pos.orders().len(), 1);
}

#[tokio::test]
async fn an_order_of_another_system_with_the_same_number_is_not_taken_for_ours() {
    let world = World::open().await;
    let mut theirs = order("1001", OrderKind::Pickup);
    theirs.lines.push(line("soup", 1, 850));
    theirs.total = theirs.sum();
    world.service().submit(&theirs, false).await.unwrap();
    world.pos.set_dialect("keys-ignored".parse().unwrap());
    // Theirs holds all that ours does.
    let error = world.service().submit(&paid("1001", OrderKind::Pickup), false).await.unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::NumberTaken { .. }), "{error}");
    assert_eq!(world.pos.order("1001").unwrap().payment_list.len(), 0);
    // Ours, to which staff added something since, is ours.
    world.service().submit(&order("1001", OrderKind::Pickup), true).await.unwrap();
}

#[tokio::test]
async fn a_refused_payment_is_not_taken_for_booked_where_the_service_tells_no_sum() {
    let world = World::open().await;
    world.service().submit(&order("1001", OrderKind::Pickup), false).await.unwrap();
    world.pos.set_dialect("paid-absent".parse().unwrap());
    let pos = Scripted::new(&world.pos);
    pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
        idempotency_result: IdempotencyResult::OriginalResponse,
        result: CreateOrderResult::PaymentFailed,
        error_message: Some("The payment was refused.".into()),
        ..CreateOrderV3Response::default()
    });
    let service = world.service_of("worker", pos.client());
    service.submit(&paid("1001", OrderKind::Pickup), false).await.unwrap();
    assert_eq!(world.pos.requests().carried_out("payOrderV2"), 1);
    assert_eq!(world.pos.order("1001").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn a_payment_that_the_pos_refused_is_sent_again_once_it_is_put_right() {
    let world = World::open().await;
    let pos = Scripted::new(&world.pos);
    pos.answer::<CreateOrderV3>(&CreateOrderV3Response {
        idempotency_result: IdempotencyResult::ReplayResponse,
        result: CreateOrderResult::PaymentFailed,
        error_message: Some("There is no payment method IDEAL.".into()),
        ..CreateOrderV3Response::default()
    });
    let service = world.service_of("worker", pos.client());
    service.submit(&paid("1001", OrderKind::Pickup), false).await.unwrap();
    assert_eq!(world.pos.order("1001").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn payments_are_not_booked_a_second_time_where_the_service_tells_no_sum() {
    let world = World::open().await;
    let order = paid("1001", OrderKind::Pickup);
    world.service().submit(&order, false).await.unwrap();
    let told = Order { prepaid_amount: None, fully_paid: None, ..world.pos.order("1001").unwrap() };
    let pos = Scripted::new(&world.pos);
    let result = GetOrderResult::Ok;
    pos.answer::<FindOrder>(&GetOrderResponse { result, order: Some(told) });
    world.service_of("worker", pos.client()).submit(&order, true).await.unwrap();
    assert_eq!(world.pos.requests().count("payOrderV2"), 0);
    assert_eq!(world.pos.order("1001").unwrap().prepaid_amount, Some(euros(2490)));
}

#[tokio::test]
async fn a_customer_whose_relation_is_gone_at_the_pos_gets_another() {
    let world = World::open().await;
    let gone = CustomerLink {
        customer: "guest".into(),
        relation: RelationNumber::new(999),
        found_by: RelationMatch::Created,
        linked_at: noon(),
        told: None,
    };
    world.store.link_customer(&merchant(), gone).await.unwrap();
    let mut order = paid("1001", OrderKind::Pickup);
    order.customer = Some(Customer::new("guest", "Jan Jansen"));
    let error = world.service().submit(&order, false).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "MplusKASSA did not take order 1001 (createOrderV3): There is no relation 999."
    );
    world.service().submit(&order, error.may_be_at_pos()).await.unwrap();
    assert_eq!(world.pos.order("1001").unwrap().relation_number, Some(4));
}

#[tokio::test]
async fn a_check_names_everything_that_would_keep_an_order_from_the_pos_and_sends_nothing() {
    let world = World::open().await;
    let table = OrderKind::DineInPayLater { table: TableRef::whole(99), guests: None };
    world.service().check(&paid("1", OrderKind::Pickup)).await.unwrap();
    world.pos.change_article(world.article("Coca-Cola"), |article| article.active = Some(false));
    world.pos.delete_article(world.article("Leeuwburger"));
    let error = world.service().check(&order("2", table)).await.unwrap_err();
    let text = error.to_string();
    for wanted in ["is switched off at MplusKASSA", "the branch has no table 99"] {
        assert!(text.contains(wanted), "{wanted} is not in: {text}");
    }
    assert!(error.is_permanent() && world.pos.orders().is_empty());
}

#[tokio::test]
async fn a_check_counts_modifiers_and_knows_what_the_host_switched_off() {
    let world = World::open().await;
    let select = mplus_sync::store::Select::Ids(vec!["cola".into(), "burger".into()]);
    let mut items = world.store.items(&merchant(), select).await.unwrap();
    for item in &mut items {
        match item.record.id.as_str() {
            "cola" => item.record.active = false,
            _ => item.record.modifier_groups = vec!["sauce".into()],
        }
    }
    let group = mplus_sync::store::Select::Ids(vec!["sauce".into()]);
    let mut modifier_groups = world.store.modifier_groups(&merchant(), group).await.unwrap();
    modifier_groups[0].record.minimum = 1;
    let chunk = mplus_sync::store::CatalogChunk { items, modifier_groups, ..Default::default() };
    world.store.apply(&merchant(), chunk).await.unwrap();
    let error = world.service().check(&order("1", OrderKind::Pickup)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("item \"cola\" (cola) is switched off"), "{text}");
    assert!(text.contains("\"burger\" needs at least 1 of \"Saus\", and has 0"), "{text}");
}

#[tokio::test]
async fn a_check_knows_where_an_item_is_not_sold() {
    let world = World::open().await;
    let select = mplus_sync::store::Select::Ids(vec!["cola".into()]);
    let mut items = world.store.items(&merchant(), select).await.unwrap();
    items[0].record.not_sold_at = vec!["amsterdam".into()];
    let chunk = mplus_sync::store::CatalogChunk { items, ..Default::default() };
    world.store.apply(&merchant(), chunk).await.unwrap();
    let mut elsewhere = order("1", OrderKind::Pickup);
    let text = world.service().check(&elsewhere).await.unwrap_err().to_string();
    assert!(text.contains("item \"cola\" (cola) is not sold at location amsterdam"), "{text}");
    elsewhere.location = "utrecht".into();
    world.service().check(&elsewhere).await.unwrap();
}

#[tokio::test]
async fn a_check_knows_the_workplaces_of_the_branch_and_whether_the_fallback_relation_is_there() {
    let mut world = World::open().await;
    world.settings = world.settings.with_location("amsterdam", LocationSettings::at_workplace(9));
    world.settings.fallback_relation = Some(RelationNumber::new(77));
    let text = world.service().check(&order("1", OrderKind::Pickup)).await.unwrap_err().to_string();
    for wanted in
        ["the branch of location amsterdam has no workplace 9", "does not have the fallback relation 77"]
    {
        assert!(text.contains(wanted), "{wanted} is not in: {text}");
    }
}

#[tokio::test]
async fn a_check_knows_the_employees_of_a_pos_that_lists_them() {
    let employed = async |dialect: &[(&str, &str)], employee| {
        let mut world = speaking(dialect).await;
        world.settings.employee = employee;
        world.service().check(&order("1", OrderKind::Pickup)).await.map(drop)
    };
    let known = ("employees", "known-employees");
    let text = employed(&[known], 12).await.unwrap_err().to_string();
    assert!(text.contains("MplusKASSA does not have employee 12"), "{text}");
    employed(&[known], 3).await.unwrap();
    employed(&[known], 999_999).await.unwrap();
    // One that lists nobody, and one that does not know the call.
    employed(&[("employees", "any-employee")], 12).await.unwrap();
    employed(&[known, ("absent-calls", "old-service")], 12).await.unwrap();
}

#[tokio::test]
async fn the_pos_is_told_where_an_order_is_eaten_that_sells_something_with_another_rate() {
    let world = World::open().await;
    let select = mplus_sync::store::Select::Ids(vec!["cola".into()]);
    let mut items = world.store.items(&merchant(), select).await.unwrap();
    items[0].record.alternative_btw_code = Some(BtwCode::new(1));
    let chunk = mplus_sync::store::CatalogChunk { items, ..Default::default() };
    world.store.apply(&merchant(), chunk).await.unwrap();
    let table = OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None };
    let mut without = order("1", table.clone());
    without.lines.remove(0);
    without.total = without.sum();
    world.service().submit(&without, false).await.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().vat_change, None);
    world.service().submit(&order("2", table), false).await.unwrap();
    assert_eq!(world.pos.table_order(1, 7).unwrap().vat_change, Some(VatChange::EatHere));
    world.service().submit(&paid("3", OrderKind::Pickup), false).await.unwrap();
    assert_eq!(world.pos.order("3").unwrap().vat_change, Some(VatChange::TakeOut));
}

#[tokio::test]
async fn a_line_of_none_is_said_before_the_guest_pays_and_never_sent() {
    let mut world = World::open().await;
    let mut lines = vec![line("cola", 0, 320)];
    let modifier = |quantity| LineModifier {
        group: "sauce".into(),
        modifier: "mayo".into(),
        name: "Mayonaise".to_owned(),
        quantity,
        unit_price: Decimal::ZERO,
    };
    let mut with_none = line("cola", 1, 320);
    with_none.modifiers = vec![modifier(Decimal::ZERO)];
    lines.push(with_none);
    let choice = ChosenItem {
        part: 1,
        item: "soup".into(),
        name: "soup".to_owned(),
        quantity: Decimal::new(0, 2),
        surcharge: Decimal::ZERO,
        modifiers: Vec::new(),
    };
    let combo = Sold::Combo { combo: "menu".into(), choices: vec![choice] };
    lines.push(OrderLine::new(combo, "Menu", Decimal::ONE, euros(3_500)));
    for call in [TableCall::SaveTableOrder, TableCall::PlaceTableOrder] {
        world.settings.table_call = call;
        for (number, of_none) in lines.iter().enumerate() {
            for kind in
                [OrderKind::Pickup, OrderKind::DineInPayLater { table: TableRef::whole(7), guests: None }]
            {
                let mut order = order(&format!("{number}"), kind);
                order.lines.push(of_none.clone());
                order.total = order.sum();
                let error = world.service().check(&order).await.unwrap_err();
                assert!(error.to_string().contains("takes no quantity of 0"), "{error}");
                let error = world.service().submit(&order, false).await.unwrap_err();
                assert!(error.is_permanent() && !error.may_be_at_pos(), "{error}");
            }
        }
    }
    assert_eq!(world.pos.orders(), []);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_not_repeated_at_a_pos_that_forgets_keys_and_takes_numbers_twice() {
    let readings = [("duplicate-number", "duplicate-taken"), ("idempotency-keys", "keys-ignored")];
    let world = speaking(&readings).await;
    world.pos.faults().script_for("createOrderV3", [Fault::ResetAfter]);
    let error = world.service().submit(&paid("1", OrderKind::Pickup), false).await.unwrap_err();
    assert!(error.may_be_at_pos(), "{error}");
    world.service().submit(&paid("1", OrderKind::Pickup), true).await.unwrap();
    assert_eq!(world.pos.orders().len(), 1);
    // One that never left is.
    world.pos.faults().script_for("createOrderV3", [Fault::Refused, Fault::Refused]);
    world.service().submit(&paid("2", OrderKind::Pickup), false).await.unwrap();
    assert_eq!(world.pos.orders().len(), 2);
}
