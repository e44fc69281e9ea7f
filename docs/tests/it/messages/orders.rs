//! Orders that do not arrive.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::terminals::RegisterTerminal;
use mplus_qapi::testkit::{Fault, VirtualRuntime};
use mplus_qapi::types::{Terminal, TerminalStatus};
use mplus_qapi::{Client, Credentials, Endpoint};
use mplus_sync::merchant::Merchant;
use mplus_sync::model::*;
use mplus_sync::orders::{
    CreateCall, LocationSettings, OrderService, OrderSettings, RetryPlan, SubmitErrorKind,
};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::Store;
use rust_decimal::Decimal;

use super::assert_quoted;
use super::world::{World, cents, connection};

fn item(id: &str, name: &str, quantity: i64, price: Decimal) -> OrderLine {
    OrderLine::new(Sold::Item { item: id.into() }, name, quantity.into(), price)
}

impl World {
    fn orders(&self, settings: OrderSettings) -> OrderService {
        let store: Arc<dyn Store> = self.store.clone();
        let merchant = Merchant::new(self.pos.client(), connection(), store, Arc::new(TokioRuntime));
        OrderService::new(&merchant, settings)
    }

    /// What is wrong with an order.
    async fn problems(&self, settings: OrderSettings, order: &Order) -> Vec<String> {
        let error = self.orders(settings).draft(order).await.unwrap_err();
        let SubmitErrorKind::Refused(refused) = error.kind() else { panic!("{error}") };
        refused.problems.iter().map(ToString::to_string).collect()
    }
}

fn order(kind: OrderKind) -> Order {
    let mut order = Order::new("1001", "city", kind, "2026-06-01T10:00:00Z".parse().unwrap());
    order.lines = vec![item("cola", "Cola", 2, cents(320))];
    order.total = order.sum();
    order
}

fn settings() -> OrderSettings {
    OrderSettings::new(999_999)
        .with_fallback_relation(RelationNumber::new(1))
        .with_location("city", LocationSettings::at_workplace(1))
}

#[tokio::test]
async fn orders_that_cannot_be_sent() {
    let world = World::new().await;

    let mut unlinked = order(OrderKind::Pickup);
    unlinked.lines = vec![item("special", "Special", 1, cents(500))];
    unlinked.total = unlinked.sum();
    assert_quoted(&world.orders(settings()).draft(&unlinked).await.unwrap_err().to_string());

    let mut sold = order(OrderKind::Pickup);
    sold.lines[0].modifiers = vec![LineModifier {
        group: "toppings".into(),
        modifier: "cheese".into(),
        name: "Cheese".to_owned(),
        quantity: Decimal::ONE,
        unit_price: Decimal::ZERO,
    }];
    let menu = Sold::Combo { combo: "menu".into(), choices: Vec::new() };
    sold.lines.push(OrderLine::new(menu, "Menu", Decimal::ONE, cents(900)));
    sold.discounts = vec![Discount { name: "Welcome".to_owned(), amount: cents(100) }];
    sold.total = sold.sum();
    sold.payments = vec![Payment { method: PaymentMethod::Ideal, amount: sold.total, reference: None }];
    let problems = world.problems(settings(), &sold).await;
    assert_eq!(problems.len(), 4, "{problems:?}");
    let combo = format!("order 1001 was not sent to the POS: {}", problems[1]);
    assert!(combo.contains("\"Menu\""), "{problems:?}");
    problems.iter().for_each(|problem| assert_quoted(problem));

    let paid = settings().with_payment_method(PaymentMethod::Ideal, "IDEEL");
    let mut order_paid = order(OrderKind::Pickup);
    order_paid.payments = vec![Payment { method: PaymentMethod::Ideal, amount: cents(640), reference: None }];
    for problem in world.problems(paid, &order_paid).await {
        assert_quoted(&problem);
    }

    let mut differs = order(OrderKind::Pickup);
    differs.lines[0].unit_price = cents(310);
    let bare = OrderSettings::new(999_999);
    let problems = world.problems(bare, &differs).await;
    assert_eq!(problems.len(), 3, "total, workplace, relation: {problems:?}");
    problems.iter().for_each(|problem| assert_quoted(problem));

    let mut elsewhere = order(OrderKind::Pickup);
    elsewhere.location = "haven".into();
    let problem = world.problems(settings(), &elsewhere).await.remove(0);
    assert_quoted(&problem.replace("haven", "city"));

    let mut skipping = order(OrderKind::Pickup);
    skipping.skip_order_sync = true;
    let error = world.orders(settings()).enqueue(&skipping).await.unwrap_err().to_string();
    assert_quoted(error.trim_start_matches("order 1001 was not sent to the POS: "));
}

#[tokio::test]
async fn orders_that_wait() {
    let world = World::new().await;
    let table = TableRef::whole(12);
    world.pos.claim_table(1, 12, 3);
    let claimed = order(OrderKind::DineInPayLater { table, guests: None });
    assert_quoted(&world.orders(settings()).submit(&claimed, false).await.unwrap_err().to_string());

    world.pos.faults().script_for("createOrderV3", [Fault::Refused; 8]);
    let error = world.orders(settings()).submit(&order(OrderKind::Pickup), false).await.unwrap_err();
    assert_quoted(&error.to_string());

    let client = Client::builder(
        Endpoint::new("api.mpluskassa.nl", 34562).unwrap(),
        Credentials::new("user", "changed"),
        world.pos.clone(),
        VirtualRuntime::default(),
    )
    .build();
    let (store, runtime): (Arc<dyn Store>, _) = (world.store.clone(), Arc::new(TokioRuntime));
    let service = OrderService::new(&Merchant::new(client, connection(), store, runtime), settings());
    assert_quoted(&service.submit(&order(OrderKind::Pickup), false).await.unwrap_err().to_string());

    world.orders(settings()).submit(&order(OrderKind::Pickup), false).await.unwrap();
    let mut another = order(OrderKind::Pickup);
    another.lines[0].quantity = 3.into();
    another.total = another.sum();
    let mut by_number = settings();
    by_number.create_call = CreateCall::CreateOrder;
    assert_quoted(&world.orders(by_number).submit(&another, false).await.unwrap_err().to_string());
}

#[tokio::test]
async fn orders_that_need_a_person() {
    let world = World::new().await;
    world.pos.faults().script_for("createOrderV3", [Fault::TimeoutAfter; 4]);
    let result = world.orders(settings()).submit(&order(OrderKind::Pickup), false).await;
    assert_quoted(&result.as_ref().unwrap_err().to_string());
    world.pos.faults().clear();

    let now: DateTime<Utc> = "2026-06-01T10:00:00Z".parse().unwrap();
    let mut entry = OutboxEntry::queued(connection(), 1, order(OrderKind::Pickup), now);
    entry.state = OutboxState::Waiting(Waiting::PosAway { since: now });
    match RetryPlan::default().decide(&entry, &result, now + TimeDelta::hours(24), 0.0) {
        Outcome::NeedsAttention { reason, .. } => assert_quoted(&reason),
        other => panic!("{other:?}"),
    }
    let cola = world.pos.article_number("Coca-Cola").unwrap();
    world.pos.change_article(cola, |article| article.active = Some(false));
    let mut refused = order(OrderKind::Pickup);
    refused.number = "1002".into();
    let result = world.orders(settings()).submit(&refused, false).await;
    entry.attempts = 11;
    match RetryPlan::default().decide(&entry, &result, now, 0.0) {
        Outcome::NeedsAttention { reason, .. } => assert_quoted(&reason),
        other => panic!("{other:?}"),
    }
    world.pos.change_article(cola, |article| article.active = Some(true));

    let terminal = Terminal {
        branch_number: 1,
        terminal_number: 2,
        unique_device_identifier: "a handheld".to_owned(),
        terminal_status: TerminalStatus::Available,
        ..Terminal::default()
    };
    let register = RegisterTerminal { terminal, force_registration: false };
    world.pos.client().register_terminal(register).await.unwrap();
    let settings = settings().with_location("city", LocationSettings::at_workplace(2));
    let table = OrderKind::DineInPayLater { table: TableRef::whole(4), guests: None };
    assert_quoted(&world.orders(settings).submit(&order(table), false).await.unwrap_err().to_string());
}
