//! Whole flows, from the page to the till and back.

use std::time::Duration;

use axum::http::StatusCode;
use rust_decimal::Decimal;

use super::world::{Answer, World};

/// The path of the item with this name.
async fn item(world: &World, name: &str) -> (String, Answer) {
    let page = world.page(&format!("/menu?text={name}")).await;
    let link = page.text.split("href=\"").find(|link| link.contains("/menu/item?id=")).unwrap();
    let path = link.split('"').next().unwrap().trim_start_matches("/restaurants/demo").to_owned();
    let page = world.page(&path).await;
    (path, page)
}

async fn sync(world: &World) {
    world.act("/sync", "/sync", &[]).await;
    world.synced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_is_connected_verified_disconnected_connected_again_and_removed() {
    let world = World::open().await;
    let wrong = |password: &'static str| {
        [
            ("name", "Bistro"),
            ("host", "test-till.localhost"),
            ("port", "1"),
            ("username", "testkit"),
            ("password", password),
        ]
    };
    let refused = world.post_form("/connect", "/connect", &wrong("not the password")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("It could not be connected"), "{}", refused.text);

    let connected = world.post_form("/connect", "/connect", &wrong("geheim & vertrouwelijk")).await;
    assert_eq!(connected.status, StatusCode::SEE_OTHER, "{}", connected.text);
    let path = connected.location().to_owned();
    assert!(path.starts_with("/restaurants/bistro-"));
    assert!(world.get(&format!("{path}/locations")).await.text.contains("Amsterdam"));
    let connection = format!("{path}/connection");
    let verified = world.post_form(&connection, &format!("{connection}/verify"), &[]).await;
    assert!(world.get(verified.location()).await.text.contains("MplusKASSA answers and accepts"));

    let pause = format!("{connection}/pause");
    world.post_form(&connection, &pause, &[("do", "pause")]).await;
    assert!(world.get(&connection).await.text.contains("Paused"));
    world.post_form(&connection, &pause, &[("do", "resume")]).await;

    let disconnect = format!("{connection}/disconnect");
    world.post_form(&disconnect, &disconnect, &[]).await;
    assert!(world.get(&connection).await.text.contains("Disconnected"));
    let credentials = [("username", "testkit"), ("password", "geheim & vertrouwelijk")];
    world.post_form(&connection, &connection, &credentials).await;
    assert!(world.get(&connection).await.text.contains(">Connected<"));

    let remove = format!("{connection}/remove");
    world.post_form(&remove, &remove, &[("name", "Another")]).await;
    assert_eq!(world.get(&path).await.status, StatusCode::OK, "another name removes nothing");
    world.post_form(&remove, &remove, &[("name", "Bistro")]).await;
    assert_eq!(world.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_is_edited_here_is_sent_to_the_till() {
    let world = World::open().await;
    let (path, page) = item(&world, "cappuccino").await;
    let (id, seen) = (page.hidden("id"), page.hidden("seen"));
    let fields =
        [("id", id.as_str()), ("seen", &seen), ("name", "Cappuccino"), ("price", "3,95"), ("active", "on")];
    let saved = world.act(&path, "/menu/item", &fields).await;
    assert!(saved.text.contains("Changed, not sent yet"), "{}", saved.text);
    assert!(world.page("/menu?only=edited").await.text.contains("Cappuccino"));
    sync(&world).await;
    let pos = &world.app.demo.as_ref().unwrap().till.pos;
    let number = pos.article_number("Cappuccino").unwrap();
    let price = pos.article(number).unwrap().price_incl;
    assert_eq!(price, "3.95".parse::<Decimal>().unwrap().into());
    assert!(!world.page(&path).await.text.contains("Changed, not sent yet"));
    assert!(world.page("/sync").await.text.contains("Completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_showed_an_old_price_does_not_overwrite_the_new_one() {
    let world = World::open().await;
    let (path, page) = item(&world, "cappuccino").await;
    let (id, seen) = (page.hidden("id"), page.hidden("seen"));
    let pos = &world.app.demo.as_ref().unwrap().till.pos;
    pos.set_price(pos.article_number("Cappuccino").unwrap(), "4.10".parse().unwrap());
    sync(&world).await;
    let fields =
        [("id", id.as_str()), ("seen", &seen), ("name", "Cappuccino"), ("price", "3,95"), ("active", "on")];
    let saved = world.act(&path, "/menu/item", &fields).await;
    assert!(saved.text.contains("price had been changed at the till meanwhile"), "{}", saved.text);
    assert!(saved.text.contains("value=\"4.10\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_reports_and_changes_nothing() {
    let world = World::open().await;
    let (path, page) = item(&world, "cappuccino").await;
    let (id, seen) = (page.hidden("id"), page.hidden("seen"));
    let fields =
        [("id", id.as_str()), ("seen", &seen), ("name", "Koffie"), ("price", "3,50"), ("active", "on")];
    world.act(&path, "/menu/item", &fields).await;
    world.act("/sync", "/sync", &[("dry", "on")]).await;
    world.synced().await;
    world.until("/sync", "Dry run of the menu").await;
    assert!(world.page(&path).await.text.contains("Changed, not sent yet"));
}

/// Orders one cappuccino at the kiosk, and answers with what comes next.
async fn order(world: &World, kind: &[(&str, &str)]) -> Answer {
    let (_, page) = item(world, "cappuccino").await;
    let quantity = format!("quantity_{}", page.hidden("id"));
    let mut fields = vec![(quantity.as_str(), "2"), ("guest", "Sam")];
    fields.extend(kind);
    let answer = world.post_form("/restaurants/demo/kiosk", "/restaurants/demo/kiosk", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer
}

/// Pays for it.
async fn pay(world: &World, answer: &Answer) -> String {
    let (page, id) =
        (answer.location().to_owned(), answer.location().rsplit_once("id=").unwrap().1.to_owned());
    let fields = [("id", id.as_str()), ("do", "pay"), ("back", &page)];
    let played = world.post_form(&page, "/restaurants/demo/payments/play", &fields).await;
    let placed = world.get(played.location()).await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER, "{}", placed.text);
    placed.location().trim_start_matches("/restaurants/demo").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_order_is_paid_and_arrives_at_the_till() {
    let world = World::open().await;
    let order_page = pay(&world, &order(&world, &[("kind", "pickup")]).await).await;
    let shown = world.until(&order_page, "At the till").await;
    assert!(shown.text.contains("€7.00") && shown.text.contains("Sam"), "{}", shown.text);
    let number = order_page.rsplit_once("number=").unwrap().1.to_owned();
    let pos = &world.app.demo.as_ref().unwrap().till.pos;
    let at_till = pos.orders().into_iter().filter(|known| known.ext_order_id.as_deref() == Some(&number));
    assert_eq!(at_till.count(), 1);

    let fields = [("number", number.as_str()), ("do", "cancel"), ("reason", "kitchen closed")];
    // A till that cannot be asked cancels nothing, and what was typed is not lost.
    world.app.demo.as_ref().unwrap().till.switch_off(true);
    let page = format!("/restaurants/demo{order_page}");
    let told = world.post_form(&page, "/restaurants/demo/orders/order", &fields).await;
    assert_eq!(told.status, StatusCode::CONFLICT, "{}", told.text);
    assert!(
        told.text.contains("role=\"alert\"") && told.text.contains("value=\"kitchen closed\""),
        "{}",
        told.text
    );
    world.app.demo.as_ref().unwrap().till.switch_off(false);
    let cancelled = world.act(&order_page, "/orders/order", &fields).await;
    assert!(cancelled.text.contains("kitchen closed"), "{}", cancelled.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_wait_while_the_till_is_off_and_arrive_when_it_is_back() {
    let world = World::open().await;
    let till = &world.app.demo.as_ref().unwrap().till;
    world.act("/tables", "/tables", &[("location", &world.page("/tables").await.hidden("location"))]).await;
    let placed = order(&world, &[("kind", "table_later"), ("table", "3")]).await;
    let first = placed.location().trim_start_matches("/restaurants/demo").to_owned();
    world.until(&first, "At the till").await;

    world.act("/till", "/till", &[("do", "off")]).await;
    let second = pay(&world, &order_when_off(&world).await).await;
    world.until(&second, "MplusKASSA cannot be reached").await;
    world.until("", "MplusKASSA cannot be reached or refuses").await;
    world.act("/till", "/till", &[("do", "on")]).await;
    world.until(&second, "At the till").await;
    assert!(!till.is_off());
}

/// Orders while the till is off: the order is checked from what is stored.
async fn order_when_off(world: &World) -> Answer {
    order(world, &[("kind", "pickup")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_at_the_till_is_paid_through_the_back_office_and_given_back() {
    let world = World::open().await;
    let fields = [("do", "pay"), ("article", "Cappuccino"), ("price", "3,50")];
    let started = world.act("/till", "/till", &fields).await;
    let id = started.hidden("id");
    let polled = world.act("/till", "/till", &[("do", "poll"), ("id", &id)]).await;
    assert!(polled.text.contains("Still open"), "{}", polled.text);
    world
        .act("/till", "/payments/play", &[("id", &id), ("do", "pay"), ("back", "/restaurants/demo/till")])
        .await;
    let finished = world.act("/till", "/till", &[("do", "poll"), ("id", &id)]).await;
    assert!(finished.text.contains("Paid and finished"), "{}", finished.text);
    world.until("/sales", "Cappuccino").await;

    let page = format!("/payments/payment?id={id}");
    let refund = world.page(&page).await.hidden("refund");
    let too_much = [("id", id.as_str()), ("refund", refund.as_str()), ("amount", "99")];
    let refused = world.act(&page, "/payments/refund", &too_much).await;
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    let part = [("id", id.as_str()), ("refund", "refund-1"), ("amount", "1,50")];
    world.act(&page, "/payments/refund", &part).await;
    // The same form sent again is the same refund.
    world.act(&page, "/payments/refund", &part).await;
    let shown = world.until(&page, "At most €2.00").await;
    assert_eq!(shown.text.matches("<code>refund-1</code>").count(), 1, "{}", shown.text);
    assert_eq!(world.page("/payments").await.text.matches("€1.50 (done)").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_the_till_takes_back_is_credited() {
    let world = World::open().await;
    let none = world.act("/till", "/till", &[("do", "credit")]).await;
    assert!(none.text.contains("There is no sale to take back"), "{}", none.text);
    world.act("/till", "/till", &[("do", "sell"), ("article", "Cappuccino"), ("price", "3,50")]).await;
    world.until("/sales", "Cappuccino").await;
    let credited = world.act("/till", "/till", &[("do", "credit")]).await;
    assert!(credited.text.contains("Taken back"), "{}", credited.text);
    world.until("/sales", "Credited €3.50 of €3.50").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_discarded_and_worked_off_again() {
    let world = World::open().await;
    world.act("/till", "/till", &[("do", "break")]).await;
    let listed = world.until("/webhooks?state=dead", "/webhooks/entry?id=").await;
    world.until("", "could not be worked off").await;
    let link = listed.text.split("href=\"").find(|link| link.contains("/webhooks/entry?id=")).unwrap();
    let path = link.split('"').next().unwrap().trim_start_matches("/restaurants/demo").to_owned();
    let id = world.page(&path).await.hidden("id");
    let replayed = world.act(&path, "/webhooks/entry", &[("id", &id), ("do", "replay")]).await;
    assert!(replayed.text.contains("It is worked off again"), "{}", replayed.text);
    world.until(&path, "Dead letter").await;
    let discarded = world.act(&path, "/webhooks/entry", &[("id", &id), ("do", "discard")]).await;
    assert!(discarded.text.contains("Discarded"), "{}", discarded.text);
    tokio::time::timeout(Duration::from_secs(5), world.page("/webhooks?state=dead")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_tax_and_locations_are_saved_and_nonsense_is_told() {
    let world = World::open().await;
    let settings = [
        ("daily", "05:15"),
        ("stock", "on"),
        ("stock_minutes", "30"),
        ("employee", "999999"),
        ("relation", "1"),
    ];
    let saved = world.act("/settings", "/settings", &settings).await;
    assert!(saved.text.contains("value=\"05:15\"") && saved.text.contains("value=\"30\""), "{}", saved.text);
    let nonsense = [("daily", "noon"), ("employee", "chef")];
    let told = world.post_form("/restaurants/demo/settings", "/restaurants/demo/settings", &nonsense).await;
    assert!(told.text.contains("aria-invalid"), "{}", told.text);
    assert!(world.page("/settings").await.text.contains("value=\"05:15\""), "nothing was changed");

    let tax = world.page("/tax").await.text;
    assert_eq!(tax.matches("Fits: code").count(), 3, "{tax}");
    let rates =
        [("rate-0", "21"), ("name-0", "Hoog"), ("rate-1", "6"), ("name-1", "Oud"), ("country", "NLD")];
    let saved = world.act("/tax", "/tax", &rates).await;
    assert!(saved.text.contains("Fits: code") && saved.text.contains("no BTW code"), "{}", saved.text);

    let location = world.page("/locations").await.text;
    let link = location.split("href=\"").find(|link| link.contains("/demo/locations/")).unwrap();
    let path = link.split('"').next().unwrap().trim_start_matches("/restaurants/demo").to_owned();
    let fields = [
        ("coordinates", "52.37, 4.89"),
        ("opening_hours", "Tu-Su 11:00-22:00"),
        ("delivery_zones", "1011"),
        ("online", "on"),
    ];
    world.act(&path, &path, &fields).await;
    assert!(world.page("/locations").await.text.contains("Complete"));
}
