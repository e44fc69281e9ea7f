//! What a person sees of an order, and how one is found.

use axum::http::StatusCode;
use mplus_sync::model::{
    ChosenItem, ConnectionId, Customer, Discount, Order, OrderKind, OrderLine, PostalAddress, Sold,
};
use rust_decimal::Decimal;

use super::world::World;

fn euros(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn off(name: &str, amount: &str) -> Discount {
    Discount { name: name.to_owned(), amount: euros(amount) }
}

/// A menu of 20.00 with a surcharge of 1.50 and 2.00 off, brought for 3.25, a tip of 1.10, and 0.85 off all of it: 23.00.
fn delivery() -> Order {
    let address = PostalAddress {
        street: Some("Kade 7".to_owned()),
        postcode: Some("1011 AB".to_owned()),
        city: Some("Amsterdam".to_owned()),
        country: None,
    };
    let placed = "2026-01-05T12:00:00Z".parse().unwrap();
    let mut order = Order::new("WEB-7", "city", OrderKind::Delivery { address }, placed);
    let choice = ChosenItem {
        part: 1,
        item: "frites".into(),
        name: "Truffelfriet".to_owned(),
        quantity: Decimal::ONE,
        surcharge: euros("1.50"),
        modifiers: Vec::new(),
    };
    let sold = Sold::Combo { combo: "menu".into(), choices: vec![choice] };
    let mut line = OrderLine::new(sold, "Lunchmenu", Decimal::ONE, euros("20.00"));
    line.discount = Some(off("Vaste gast", "2.00"));
    order.lines = vec![line];
    order.discounts = vec![off("Actie", "0.85")];
    (order.delivery_fee, order.tip) = (euros("3.25"), euros("1.10"));
    order.total = euros("23.00");
    let mut customer = Customer::new("guest-7", "Sam de Vries");
    customer.phone = Some("020 1234567".to_owned());
    order.customer = Some(customer);
    order.requested_at = Some("2026-01-05T18:30:00Z".parse().unwrap());
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_shows_everything_that_is_in_its_total_and_where_it_goes() {
    let world = World::open().await;
    let order = delivery();
    assert_eq!(order.sum(), order.total);
    world
        .app
        .restaurants
        .store()
        .enqueue(&ConnectionId::from("demo"), &order, order.placed_at)
        .await
        .unwrap();
    let page = world.page("/orders/order?number=WEB-7").await.text;
    for amount in ["€20.00", "€1.50", "-€2.00", "€19.50", "-€0.85", "€3.25", "€1.10", "€23.00"]
    {
        assert!(page.contains(amount), "{amount}: {page}");
    }
    for text in ["Truffelfriet", "Vaste gast", "Actie", "Kade 7, 1011 AB, Amsterdam", "020 1234567", "19:30"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// Two things that no till has: the order waits for a person.
fn of_two_lines() -> Order {
    let mut order = Order::new("WEB-8", "city", OrderKind::Pickup, "2026-01-05T12:00:00Z".parse().unwrap());
    let line = |name: &str, price: &str| {
        OrderLine::new(Sold::Item { item: name.into() }, name, Decimal::ONE, euros(price))
    };
    order.lines = vec![line("gone", "3.20"), line("lost", "8.50")];
    order.total = order.sum();
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_of_an_order_that_somebody_else_has_corrected_meanwhile_changes_no_other_line() {
    let world = World::open().await;
    let (store, id, order) = (world.app.restaurants.store(), ConnectionId::from("demo"), of_two_lines());
    store.enqueue(&id, &order, order.placed_at).await.unwrap();
    let page = "/orders/order?number=WEB-8";
    let opened = world.until(page, "Correct and send again").await.hidden("queued_at");
    let correct = |first, second| {
        [("number", "WEB-8"), ("do", "replace"), ("quantity_0", first), ("quantity_1", second)]
    };
    world.act(page, "/orders/order", &correct("0", "1")).await;
    let mut late = correct("5", "1").to_vec();
    late.push(("queued_at", &opened));
    let form = format!("/restaurants/demo{page}");
    let told = world.post_form(&form, "/restaurants/demo/orders/order", &late).await;
    assert_eq!(told.status, StatusCode::CONFLICT, "{}", told.text);
    assert!(told.text.contains("somebody else has corrected this order"), "{}", told.text);
    let kept = store.entry(&id, &order.number).await.unwrap().unwrap().order;
    assert_eq!((kept.lines.len(), kept.lines[0].quantity, kept.total), (1, Decimal::ONE, euros("8.50")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_leads_back_to_the_page_that_it_was_asked_on() {
    let world = World::open().await;
    let page = "/restaurants/demo/orders/order?number=WEB-9";
    let from = format!("http://office.example{page}");
    let asked = [("referer", from.as_str()), ("host", "office.example")];
    let told = world.send_with(axum::http::Method::GET, "/restaurants/demo/nowhere", None, &asked).await.text;
    assert!(told.contains(&format!("href=\"{page}\"")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_found_by_its_number_whatever_its_state() {
    let world = World::open().await;
    let order = delivery();
    world
        .app
        .restaurants
        .store()
        .enqueue(&ConnectionId::from("demo"), &order, order.placed_at)
        .await
        .unwrap();
    let found = world.get("/restaurants/demo/orders?number=WEB-7").await;
    assert_eq!(found.status, StatusCode::SEE_OTHER);
    assert_eq!(found.location(), "/restaurants/demo/orders/order?number=WEB-7");
    let none = world.page("/orders?number=WEB-8").await.text;
    assert!(
        none.contains("There is no order with this number") && none.contains("value=\"WEB-8\""),
        "{none}"
    );
}
