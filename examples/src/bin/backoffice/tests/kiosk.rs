//! What guests choose, and what becomes of it.

use axum::http::StatusCode;
use rust_decimal::Decimal;

use super::world::World;

const KIOSK: &str = "/restaurants/demo/kiosk";

/// What stands between two texts of a page.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    page.split(before).nth(1).unwrap_or_else(|| panic!("no {before}: {page}")).split(after).next().unwrap()
}

/// Name and value of what a guest clicks to choose this: an option of a list, or a box.
fn choice(page: &str, word: &str) -> (String, String) {
    let items = page.split("<ul class=\"kiosk\">").nth(1).unwrap();
    let before = items.split(&format!(">{word}")).next().unwrap();
    let value = |tag: &str| between(before.rsplit(tag).next().unwrap(), "value=\"", "\"").to_owned();
    match before.rfind("<option").filter(|option| before[*option..].matches('<').count() == 1) {
        Some(_) => {
            let list = before.rsplit("<select ").next().unwrap();
            (between(list, "name=\"", "\"").to_owned(), value("<option "))
        }
        None => {
            let field = before.rsplit("<input ").next().unwrap();
            (between(field, "name=\"", "\"").to_owned(), value("<input "))
        }
    }
}

fn quantity(page: &str) -> String {
    format!("quantity_{}", between(page, "name=\"quantity_", "\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_choice_is_ordered_with_it_and_without_it_nobody_pays() {
    let world = World::open().await;
    let demo = world.app.demo.as_ref().unwrap();
    let page = world.page("/kiosk?text=entrec").await.text;
    let (steak, rare, sauce) = (quantity(&page), choice(&page, "Rosé"), choice(&page, "Pepersaus"));
    assert_ne!(rare.0, sauce.0);

    let plain =
        world.post_form(KIOSK, KIOSK, &[(&steak, "2"), (&sauce.0, &sauce.1), ("kind", "pickup")]).await;
    assert!(plain.text.contains("needs 1 to 1 of"), "{}", plain.text);
    assert!(demo.terminal.payments().is_empty(), "nobody was to pay");
    assert!(
        plain.text.contains(&format!("value=\"{}\" checked", sauce.1)),
        "it stays chosen: {}",
        plain.text
    );

    let chosen = [(steak.as_str(), "2"), (&rare.0, &rare.1), (&sauce.0, &sauce.1)];
    let looked =
        world.post_form(KIOSK, KIOSK, &[&chosen[..], &[("do", "show"), ("text", "cola")]].concat()).await;
    assert_eq!((looked.hidden(&rare.0), looked.hidden(&sauce.0)), (rare.1.clone(), sauce.1.clone()));
    let gone = [(steak.as_str(), "2"), (&rare.0, "gone"), ("kind", "pickup")];
    let gone = world.post_form(KIOSK, KIOSK, &gone).await;
    assert!(gone.text.contains("Bakwijze cannot be ordered any more"), "{}", gone.text);

    let ordered = world.post_form(KIOSK, KIOSK, &[&chosen[..], &[("kind", "pickup")]].concat()).await;
    assert_eq!(ordered.status, StatusCode::SEE_OTHER, "{}", ordered.text);
    let (pay, id) =
        (ordered.location().to_owned(), ordered.location().rsplit_once("id=").unwrap().1.to_owned());
    let basket = world.app.baskets.of_payment(crate::demo::ID, &id).await.unwrap().unwrap();
    // Two steaks of 27.50, each with a sauce, which costs what the till asks for it.
    let sauces = demo.till.pos.article(demo.till.pos.article_number("Pepersaus").unwrap()).unwrap();
    let sauce: Decimal = sauces.price_incl.unwrap();
    let steak: Decimal = "27.50".parse().unwrap();
    assert_eq!(basket.order.total, (steak + sauce) * Decimal::TWO);
    let fields = [("id", id.as_str()), ("do", "pay"), ("back", &pay)];
    let played = world.post_form(&pay, "/restaurants/demo/payments/play", &fields).await;
    let placed = world.get(played.location()).await;
    let order = placed.location().trim_start_matches("/restaurants/demo").to_owned();
    let shown = world.until(&order, "At the till").await.text;
    assert!(shown.contains("+ Rosé") && shown.contains("+ Pepersaus"), "{shown}");
    let number = order.rsplit_once("number=").unwrap().1;
    let at_till =
        demo.till.pos.orders().into_iter().find(|known| known.ext_order_id.as_deref() == Some(number));
    let at_till: Decimal = at_till.unwrap().total_incl_amount.unwrap();
    assert_eq!(at_till, basket.order.total);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_orders_from_several_categories_and_is_told_of_what_is_gone() {
    let world = World::open().await;
    let coffee = quantity(&world.page("/kiosk?text=cappuccino").await.text);
    let looked = world
        .post_form(KIOSK, KIOSK, &[(&coffee, "2"), ("do", "show"), ("text", "cola"), ("table", "3")])
        .await;
    assert_eq!(looked.status, StatusCode::OK);
    assert_eq!(looked.hidden(&coffee), "2", "{}", looked.text);
    assert!(looked.text.contains("Coca-Cola") && looked.text.contains("× Cappuccino"), "{}", looked.text);
    let refused = world.post_form(KIOSK, KIOSK, &[(&coffee, "2"), ("kind", "table"), ("text", "cola")]).await;
    assert!(refused.text.contains("Enter the number of your table") && refused.hidden(&coffee) == "2");
    let gone =
        world.post_form(KIOSK, KIOSK, &[(&coffee, "2"), ("quantity_gone", "1"), ("kind", "pickup")]).await;
    assert!(gone.text.contains("gone cannot be ordered any more"), "{}", gone.text);
    assert!(world.app.demo.as_ref().unwrap().terminal.payments().is_empty(), "nobody was to pay");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_has_not_paid_stays_chosen() {
    let world = World::open().await;
    let page = world.page("/kiosk?text=entrec").await.text;
    let (steak, rare, sauce) = (quantity(&page), choice(&page, "Rosé"), choice(&page, "Pepersaus"));
    let fields = [
        (steak.as_str(), "2"),
        (&rare.0, &rare.1),
        (&sauce.0, &sauce.1),
        ("kind", "pickup"),
        ("guest", "Sam"),
        ("note", "no salt"),
    ];
    let ordered = world.post_form(KIOSK, KIOSK, &fields).await;
    let (pay, id) =
        (ordered.location().to_owned(), ordered.location().rsplit_once("id=").unwrap().1.to_owned());
    let refused = [("id", id.as_str()), ("do", "refuse"), ("back", &pay)];
    world.post_form(&pay, "/restaurants/demo/payments/play", &refused).await;
    let back = world.get(&pay).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    let kiosk = world.get(back.location()).await.text;
    assert!(kiosk.contains("It was not paid"), "{kiosk}");
    assert!(kiosk.contains(&format!("name=\"{steak}\" value=\"2\"")), "{kiosk}");
    assert!(kiosk.contains("value=\"Sam\"") && kiosk.contains("value=\"no salt\""), "{kiosk}");
    let is_kept = |chosen: &str| {
        let marks = ["selected", "checked"].map(|mark| format!("value=\"{chosen}\" {mark}"));
        let hidden =
            format!("type=\"hidden\" name=\"{}\"", if chosen == rare.1 { &rare.0 } else { &sauce.0 });
        marks.iter().any(|mark| kiosk.contains(mark)) || kiosk.contains(&hidden)
    };
    assert!(is_kept(&rare.1) && is_kept(&sauce.1), "{kiosk}");
}
