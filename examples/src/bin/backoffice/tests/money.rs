//! Nobody's money is lost, doubled, or told as something that it is not.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use mplus_sync::model::{ConnectionId, Sold};
use mplus_webhooks::MerchantId;
use mplus_webhooks::event::EventName;
use mplus_webhooks::payment::{OwnPayment, PaymentKey};
use mplus_webhooks::testkit::{Till, TillLine};
use rust_decimal::Decimal;
use serde_json::json;

use super::api::Program;
use super::world::{LONG, World};
use crate::restaurant::baskets::Basket;
use crate::sales::{SALE, Sale, SaleStatus};

fn demo() -> ConnectionId {
    ConnectionId::from(crate::demo::ID)
}

fn key(id: &str) -> PaymentKey {
    PaymentKey::new(MerchantId::new(crate::demo::ID), id)
}

/// A guest orders a cappuccino at the kiosk; answers with the payment that it waits for and the basket.
async fn basket(world: &World) -> (String, Basket) {
    let page = world.page("/kiosk?text=cappuccino").await;
    let quantity = page.text.split("name=\"quantity_").nth(1).unwrap().split('"').next().unwrap();
    let quantity = format!("quantity_{quantity}");
    let fields = [(quantity.as_str(), "1"), ("kind", "pickup")];
    let answer = world.post_form("/restaurants/demo/kiosk", "/restaurants/demo/kiosk", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let id = answer.location().rsplit_once("id=").unwrap().1.to_owned();
    let basket = world.app.baskets.of_payment(crate::demo::ID, &id).await.unwrap().unwrap();
    (id, basket)
}

/// The customer pays at the terminal, and the provider says so.
async fn pays(world: &World, id: &str) {
    assert!(world.app.demo.as_ref().unwrap().terminal.confirm(id));
    world.app.webhooks.payments().unwrap().refresh(&key(id)).await.unwrap();
}

/// Waits until the order is in the outbox.
async fn placed(world: &World, basket: &Basket) {
    let placed = async {
        loop {
            let entry = world.app.restaurants.store().entry(&demo(), &basket.order.number).await.unwrap();
            match entry {
                Some(_) => return,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(LONG, placed).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_placed_although_the_database_was_away_when_it_was_told_and_nobody_looks() {
    let world = World::open().await;
    let (id, basket) = basket(&world).await;
    world.in_database("ALTER TABLE backoffice_record RENAME TO away");
    let payments = world.app.webhooks.payments().unwrap();
    let comes_back = async {
        let is_paid =
            || async { payments.payment(&key(&id)).await.unwrap().unwrap().state.name() == "confirmed" };
        while !is_paid().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Whoever is told of it asks the database in vain, as we do.
        for _ in 0..5 {
            let asked = world.app.baskets.of_payment(crate::demo::ID, &id).await;
            assert!(asked.is_err(), "the database is away");
        }
        world.in_database("ALTER TABLE away RENAME TO backoffice_record");
    };
    // The provider's news waits for those who are told.
    tokio::join!(pays(&world, &id), comes_back);
    placed(&world, &basket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_basket_whose_notice_was_lost_is_found_and_placed() {
    let world = World::open().await;
    let (id, basket) = basket(&world).await;
    // Kept long ago, and under a payment that was told before the basket was there.
    let mut record = world.app.records.get("basket", &format!("demo/{id}")).await.unwrap().unwrap();
    world.app.records.remove("basket", &record.id).await.unwrap();
    pays(&world, &id).await;
    record.position = 0;
    world.app.records.put(&record).await.unwrap();
    world.app.baskets.look_again(world.app.webhooks.payments().unwrap()).await.unwrap();
    placed(&world, &basket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_that_cannot_be_placed_is_told_to_the_guest_and_waits_for_a_person() {
    let world = World::open().await;
    let (id, basket) = basket(&world).await;
    let mut other = basket.order.clone();
    other.note = Some("another order with the same number".to_owned());
    world.app.restaurants.store().enqueue(&demo(), &other, world.app.now()).await.unwrap();
    pays(&world, &id).await;
    let told = world.until("", "A guest has paid, but the order could not be placed").await;
    assert!(!told.text.contains("Nothing needs you right now"));
    // Read out by themselves, the link and the button say what they are about.
    for does in ["Open", "Seen to"] {
        let start = format!("aria-label=\"{does}: ");
        let mut names = told.text.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
        assert!(names.any(|name| name.contains("A guest has paid")), "{does}: {}", told.text);
    }
    let payment = format!("/payments/payment?id={id}");
    assert!(told.text.contains(&payment), "{}", told.text);
    let guest = world.page(&format!("/kiosk/pay?id={id}")).await.text;
    assert!(guest.contains("could not be placed") && !guest.contains("was placed"), "{guest}");
    let matter = told.text.split("action=\"/restaurants/demo/attention\"").nth(1).unwrap();
    let matter = matter.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let seen = world.act("", "/attention", &[("id", &matter)]).await;
    assert!(!seen.text.contains("A guest has paid"), "{}", seen.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pay_page_comes_again_with_scripts_and_without() {
    let world = World::open().await;
    let (id, _) = basket(&world).await;
    let page = world.page(&format!("/kiosk/pay?id={id}")).await.text;
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "{page}");
    assert!(page.contains("<main id=\"content\" tabindex=\"-1\" data-reload"), "{page}");
    assert!(!world.page("/payments").await.text.contains("data-reload"), "nothing is waited for there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_tills_terminal_takes_no_money_of_another_restaurant() {
    let world = World::open().await;
    let bistro = world.connect("Bistro").await;
    let merchant = bistro.rsplit_once('/').unwrap().1;
    let payments = world.app.webhooks.payments().unwrap();
    let key = PaymentKey::new(MerchantId::new(merchant), "web-1");
    let own = OwnPayment::new(key, Decimal::TEN, "web");
    let payment = payments.start_own(&own).await.unwrap();
    assert_eq!(payment.state.name(), "failed", "nobody takes it");
    assert!(world.app.demo.as_ref().unwrap().terminal.payments().is_empty());
    let page = world.get(&format!("{bistro}/payments/payment?id=web-1")).await.text;
    assert!(page.contains("€10.00") && !page.contains("/payments/play"), "{page}");
    let played = world
        .post_form(
            &format!("{bistro}/payments"),
            &format!("{bistro}/payments/play"),
            &[("id", "web-1"), ("do", "pay")],
        )
        .await;
    assert_eq!(played.status, StatusCode::NOT_FOUND);
    assert!(page.contains("Test till"), "it says whose till this is");

    // A till that wants to be paid here is told so, and the page says what is missing.
    let secret = crate::demo::random_secret().unwrap();
    world
        .post_form(
            &format!("{bistro}/webhooks"),
            &format!("{bistro}/webhooks"),
            &[("subscription", "bistro"), ("secret", &secret)],
        )
        .await;
    let pay = [("do", "pay"), ("article", "Cappuccino"), ("price", "3,50")];
    let refused = world.post_form(&format!("{bistro}/till"), &format!("{bistro}/till"), &pay).await;
    let refused = world.get(refused.location()).await.text;
    assert!(refused.contains("No payment provider is assigned"), "{refused}");
    assert!(world.get(&format!("{bistro}/payments")).await.text.contains("No payment provider is set up"));
    assert!(world.get(&bistro).await.text.contains("No payment provider is set up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_provider_has_not_answered_is_not_told_as_given() {
    let world = World::open().await;
    let own = OwnPayment::new(key("web-1"), Decimal::TEN, "web");
    world.app.webhooks.payments().unwrap().start_own(&own).await.unwrap();
    pays(&world, "web-1").await;
    world.app.demo.as_ref().unwrap().terminal.set_unreachable(true);
    let page = "/payments/payment?id=web-1";
    let fields = [("id", "web-1"), ("refund", "r-1"), ("amount", "2,50")];
    let told = world.act(page, "/payments/refund", &fields).await;
    assert!(
        told.text.contains("was asked for") && !told.text.contains("€2.50 was given back"),
        "{}",
        told.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coffee_that_is_credited_does_not_credit_the_whole_sale_and_a_second_one_is_told_too() {
    let world = World::open().await;
    let (subscription, secret) = world.app.subscriptions.newest_secret(&demo()).await.unwrap().unwrap();
    let till = Till::in_process(&subscription, secret, 7).at(1, 2);
    let pos = &world.app.demo.as_ref().unwrap().till.pos;
    let coffee = pos.article_number("Cappuccino").unwrap();
    let price = |text: &str| text.parse::<Decimal>().unwrap();
    let lines =
        [TillLine::new(coffee, "Cappuccino", price("3.50")), TillLine::new(987_654, "Diner", price("46.50"))];
    let session = till.sell(&world.app.webhooks, &lines).await.unwrap();
    let credit = |line: &str, total: f64| {
        json!({ "session": {
            "sessionId": session, "totalInclAmount": total,
            "lines": [{ "lineId": line, "articleNumber": coffee, "text": "Cappuccino", "quantity": -1, "priceIncl": 3.5 }],
        } })
    };
    for line in ["5eea25d4-4188-43b8-9a66-8086561d590c", "0d9fd51f-66fc-441c-bc7c-6e064fc64268"] {
        till.send(&world.app.webhooks, &EventName::CreditSession, credit(line, -3.5)).await.unwrap();
    }
    let shown = world.until("/sales", "Credited €7.00 of €50.00").await.text;
    assert_eq!(shown.matches(">Credit<").count(), 2, "{shown}");

    let sales = sales(&world).await;
    let (credits, sold): (Vec<_>, Vec<_>) = sales.iter().partition(|sale| sale.status == SaleStatus::Credit);
    let totals: Vec<_> = credits.iter().map(|credit| credit.total).collect();
    assert_eq!(totals, [Some(price("-3.5")); 2]);
    assert_ne!(credits[0].number, credits[1].number);
    let [sold] = sold[..] else { panic!("{sold:?}") };
    assert_eq!((sold.status, sold.total), (SaleStatus::Completed, Some(price("50"))));
    // What the sale is in this back office's words.
    assert_eq!((sold.branch, sold.workplace), (Some(1), Some(2)));
    assert!(sold.location.is_some() && sold.completed_at.is_some(), "{sold:?}");
    assert_eq!((sold.lines[0].article, sold.lines[1].article), (Some(coffee), Some(987_654)));
    assert!(sold.lines[0].item.is_some() && sold.lines[1].item.is_none(), "{sold:?}");
    assert_eq!(credits[0].location, sold.location);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_of_a_sale_from_before_is_kept_all_the_same() {
    let world = World::open().await;
    let (subscription, secret) = world.app.subscriptions.newest_secret(&demo()).await.unwrap().unwrap();
    let till = Till::in_process(&subscription, secret, 8);
    let credit = json!({ "session": { "sessionId": till.new_id(), "totalInclAmount": 12.5 } });
    till.send(&world.app.webhooks, &EventName::CreditSession, credit).await.unwrap();
    world.until("/sales", "€12.50").await;
    assert_eq!(sales(&world).await[0].status, SaleStatus::Credit);
}

async fn sales(world: &World) -> Vec<Sale> {
    let records = world.app.records.newest(SALE, crate::demo::ID, None, 100).await.unwrap();
    records.iter().map(|record| record.read().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_is_corrected_and_the_guest_gets_the_rest_back_once() {
    let world = World::open().await;
    let (_, mut basket) = basket(&world).await;
    // An article that the till does not know: the order is refused, and a person takes that line out.
    let mut gone = basket.order.lines[0].clone();
    gone.sold = Sold::Item { item: "gone".into() };
    gone.name = "Gone".to_owned();
    basket.order.lines.push(gone);
    basket.order.total = basket.order.sum();
    let amount = basket.order.total;
    let own = OwnPayment::new(key("web-9"), amount, "web");
    world.app.baskets.keep(&demo(), "web-9", &basket).await.unwrap();
    world.app.webhooks.payments().unwrap().start_own(&own).await.unwrap();
    pays(&world, "web-9").await;
    placed(&world, &basket).await;
    let number = basket.order.number.to_string();
    let page = format!("/orders/order?number={number}");
    let refused = world.until(&page, "Correct and send again").await.text;
    assert!(refused.contains("/payments/payment?id=web-9"), "{refused}");

    let mut fields = vec![
        ("number", number.as_str()),
        ("do", "replace"),
        ("quantity_0", "1"),
        ("quantity_1", "0"),
        ("note", "no sugar"),
    ];
    let form = format!("/restaurants/demo{page}");
    let told = world.post_form(&form, "/restaurants/demo/orders/order", &fields).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text.contains("more was paid than the order comes to now"), "{}", told.text);
    assert!(
        told.text.contains("name=\"quantity_1\" type=\"text\" value=\"0\"") && told.text.contains("no sugar"),
        "what was entered stays: {}",
        told.text
    );
    fields.push(("give_back", "on"));
    world.act(&page, "/orders/order", &fields).await;
    world.until(&page, "At the till").await;
    let refunds = world.app.demo.as_ref().unwrap().terminal.refunds("web-9");
    assert_eq!(refunds.values().copied().collect::<Vec<_>>(), [basket.order.lines[1].unit_price]);
    assert!(world.page("/payments/payment?id=web-9").await.text.contains(&format!("number={number}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_restaurant_says_so_and_begins_nothing() {
    let world = World::open().await;
    world.act("/connection", "/connection/pause", &[("do", "pause")]).await;
    assert!(world.page("").await.text.contains("The restaurant is paused"));
    let sync = world.page("/sync").await.text;
    assert!(
        sync.contains("This restaurant is paused") && !sync.contains("action=\"/restaurants/demo/sync\""),
        "{sync}"
    );
    let refused = world.post_form("/restaurants/demo/menu", "/restaurants/demo/sync", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("This restaurant is paused"), "{}", refused.text);
    assert!(world.app.restaurants.running(&demo()).await.unwrap().is_none());
    world.act("/connection", "/connection/pause", &[("do", "resume")]).await;
    world.act("/sync", "/sync", &[]).await;
    world.synced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_is_not_removed_while_somebody_may_still_pay_it_or_its_till_told_what_is_not_done() {
    let world = World::open().await;
    let (id, basket) = basket(&world).await;
    let connection = world.app.restaurants.store().connection(&demo()).await.unwrap();
    let name = connection.unwrap().name;
    let path = "/connection/remove";
    let refused = world.act(path, path, &[("name", &name)]).await;
    assert!(refused.text.contains("Nothing was removed"), "{}", refused.text);
    assert!(refused.text.contains("1 payments that are open"), "{}", refused.text);
    pays(&world, &id).await;
    placed(&world, &basket).await;
    let order = format!("/orders/order?number={}", basket.order.number);
    world.until(&order, "At the till").await;

    // The end of a sale that cannot be read: a dead letter.
    let (subscription, secret) = world.app.subscriptions.newest_secret(&demo()).await.unwrap().unwrap();
    let till = Till::in_process(&subscription, secret, 9);
    let cut_off = till.signed(&EventName::CompleteSession, "{\"session\":".into());
    assert_eq!(world.app.webhooks.handle(cut_off).await.status(), StatusCode::BAD_REQUEST);
    let refused = world.act(path, path, &[("name", &name)]).await;
    assert!(refused.text.contains("1 events of the till"), "{}", refused.text);
    assert!(!refused.text.contains("payments that are open"), "{}", refused.text);
    assert!(world.app.restaurants.store().connection(&demo()).await.unwrap().is_some());

    let program = Program::new(&world, "").await;
    let (status, told) = program.call(Method::DELETE, "/restaurants/demo", None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(told["error"].as_str().unwrap().contains("1 events are not worked off"), "{told}");
    let (status, told) = program.call(Method::DELETE, "/restaurants/demo?even_so=Other", None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");

    let form = format!("/restaurants/demo{path}");
    let removed = world.post_form(&form, &form, &[("name", &name), ("even_so", "on")]).await;
    assert_eq!(removed.location(), "/");
    assert!(world.app.restaurants.store().connection(&demo()).await.unwrap().is_none());
}
