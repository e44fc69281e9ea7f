//! Programs use the same actions by JSON, and are called back.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::routing::post;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::world::World;

/// What a receiver of callbacks was sent.
type Call = (HeaderMap, String);

/// A host that takes callbacks, and where.
async fn receiver() -> (String, UnboundedReceiver<Call>) {
    async fn take(
        State(calls): State<Arc<UnboundedSender<Call>>>,
        headers: HeaderMap,
        body: String,
    ) -> StatusCode {
        calls.send((headers, body)).unwrap();
        StatusCode::NO_CONTENT
    }
    let (sender, calls) = unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(take)).with_state(Arc::new(sender));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

/// A program with a token.
pub(super) struct Program<'w> {
    world: &'w World,
    token: String,
    secret: String,
}

impl<'w> Program<'w> {
    pub(super) async fn new(world: &'w World, url: &str) -> Self {
        let made = world.post_form("/programs", "/programs", &[("name", "shop"), ("url", url)]).await;
        let code =
            |at: usize| made.text.split("<code>").nth(at).unwrap().split('<').next().unwrap().to_owned();
        Self { world, token: code(1), secret: code(2) }
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let (parts, body) = self.world.handle(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_orders_and_is_called_back_with_a_signature() {
    let world = World::open().await;
    let (url, mut calls) = receiver().await;
    let program = Program::new(&world, &url).await;
    let at = "/restaurants/demo";
    let (_, locations) = program.call(Method::GET, &format!("{at}/locations"), None).await;
    let (_, items) = program.call(Method::GET, &format!("{at}/items"), None).await;
    let item = items.as_array().unwrap().iter().find(|item| item["name"] == "Cappuccino").unwrap();
    let order = json!({
        "number": "SHOP-1", "location": locations[0]["id"], "kind": "pickup", "total": item["price"],
        "lines": [{ "sold": { "item": { "item": item["id"] } }, "name": "Cappuccino", "quantity": "1", "unit_price": item["price"] }],
        "payments": [{ "method": "ideal", "amount": item["price"] }], "placed_at": "2026-01-05T12:00:00Z",
    });
    let (status, placed) = program.call(Method::POST, &format!("{at}/orders"), Some(order.clone())).await;
    assert_eq!((status, &placed["state"]), (StatusCode::ACCEPTED, &json!("waiting")), "{placed}");
    let (status, _) = program.call(Method::POST, &format!("{at}/orders"), Some(order.clone())).await;
    assert_eq!(status, StatusCode::OK, "the same order is the same order");
    let mut other = order.clone();
    other["total"] = json!("1.00");
    let (status, refused) = program.call(Method::POST, &format!("{at}/orders"), Some(other)).await;
    assert!(status.is_client_error(), "{refused}");
    // What is refused before anybody reads it is told in the same form.
    for (method, path, body) in [
        (Method::POST, "/payments", json!({ "id": "web-1" })),
        (Method::PATCH, "/items", json!("no list")),
        (Method::DELETE, "/items", json!({})),
        (Method::GET, "/sales?before=yesterday", json!({})),
    ] {
        let (status, refused) = program.call(method, &format!("{at}{path}"), Some(body)).await;
        assert!(status.is_client_error() && refused["error"].is_string(), "{path}: {status} {refused}");
    }

    let (headers, body) = next(&mut calls, "order.accepted").await;
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["data"]["order"]["number"], "SHOP-1");
    assert_eq!(told["data"]["restaurant"], "demo");
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    assert_eq!(header("webhook-signature"), format!("v1,{}", hmac_of(&program.secret, &signed)));
    let (_, one) = program.call(Method::GET, &format!("{at}/orders/SHOP-1"), None).await;
    assert_eq!(one["state"], "accepted");
    // What was placed can be compared with what is kept.
    assert_eq!((&one["kind"], &one["location"]), (&json!("pickup"), &locations[0]["id"]), "{one}");
    assert_eq!((&one["total"], &one["payments"][0]["amount"]), (&item["price"], &item["price"]), "{one}");
    assert_eq!(
        (&one["payments"][0]["method"], one["queued_at"].is_string()),
        (&json!("ideal"), true),
        "{one}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_cancels_an_order_at_the_till() {
    let world = World::open().await;
    let (url, mut calls) = receiver().await;
    let program = Program::new(&world, &url).await;
    let at = "/restaurants/demo";
    let (_, locations) = program.call(Method::GET, &format!("{at}/locations"), None).await;
    let (_, items) = program.call(Method::GET, &format!("{at}/items"), None).await;
    let item = items.as_array().unwrap().iter().find(|item| item["name"] == "Cappuccino").unwrap();
    let order = json!({
        "number": "SHOP-2", "location": locations[0]["id"], "kind": "pickup", "total": item["price"],
        "lines": [{ "sold": { "item": { "item": item["id"] } }, "name": "Cappuccino", "quantity": "1", "unit_price": item["price"] }],
        "payments": [{ "method": "ideal", "amount": item["price"] }], "placed_at": "2026-01-05T12:00:00Z",
    });
    program.call(Method::POST, &format!("{at}/orders"), Some(order)).await;
    next(&mut calls, "order.accepted").await;
    let (cancel, why) = (format!("{at}/orders/SHOP-2/cancel"), json!({ "reason": "kitchen closed" }));
    let till = &world.app.demo.as_ref().unwrap().till;
    till.switch_off(true);
    let (status, told) = program.call(Method::POST, &cancel, Some(why.clone())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    till.switch_off(false);
    // The same call again is the same cancellation.
    for _ in 0..2 {
        let (status, told) = program.call(Method::POST, &cancel, Some(why.clone())).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }
    let (_, one) = program.call(Method::GET, &format!("{at}/orders/SHOP-2"), None).await;
    assert_eq!((&one["state"], &one["reason"]), (&json!("cancelled"), &json!("kitchen closed")), "{one}");
    let unknown = format!("{at}/orders/SHOP-3/cancel");
    assert_eq!(program.call(Method::POST, &unknown, Some(why)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_stops_a_sync_and_lists_payments() {
    let world = World::open().await;
    let program = Program::new(&world, "").await;
    let at = "/restaurants/demo";
    for _ in 0..2 {
        program.call(Method::POST, &format!("{at}/sync"), Some(json!({}))).await;
        let (status, told) = program.call(Method::POST, &format!("{at}/sync/stop"), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }
    world.synced().await;
    for number in 1..=3 {
        let payment = json!({ "id": format!("web-{number}"), "amount": "12.50", "method": "web" });
        program.call(Method::POST, &format!("{at}/payments"), Some(payment)).await;
    }
    world.act("/payments", "/payments/play", &[("id", "web-2"), ("do", "pay")]).await;
    let ids = async |query: &str| {
        let (status, found) = program.call(Method::GET, &format!("{at}/payments{query}"), None).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let ids = found.as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), found)
    };
    let (all, found) = ids("").await;
    assert_eq!(all, ["web-3", "web-2", "web-1"]);
    assert_eq!(ids("?state=confirmed").await.0, ["web-2"]);
    assert_eq!(ids("?state=paid_in_vain").await.0, [""; 0]);
    assert_eq!(ids(&format!("?before={}", found[1]["position"])).await.0, ["web-1"]);
    let (status, refused) = program.call(Method::GET, &format!("{at}/payments?state=lost"), None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");

    // A person finds one by its identifier or its state.
    let found = world.get("/restaurants/demo/payments?id=web-1").await;
    assert_eq!(found.location(), "/restaurants/demo/payments/payment?id=web-1");
    let none = world.page("/payments?id=web-9").await.text;
    assert!(
        none.contains("There is no payment with this identifier") && none.contains("value=\"web-9\""),
        "{none}"
    );
    let paid = world.page("/payments?state=confirmed").await.text;
    assert!(paid.contains("payment?id=web-2") && !paid.contains("payment?id=web-1"), "{paid}");
    assert!(world.page("/payments?state=paid_in_vain").await.text.contains("No payment fits"));
}

/// The next callback of this type.
async fn next(calls: &mut UnboundedReceiver<Call>, event: &str) -> Call {
    let find = async {
        loop {
            let (headers, body) = calls.recv().await.unwrap();
            if body.contains(&format!("\"{event}\"")) {
                return (headers, body);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), find).await.unwrap()
}

/// What the secret makes of a text, by the library that webhooks are verified with.
fn hmac_of(secret: &str, text: &str) -> String {
    let key = secret.strip_prefix("whsec_").unwrap().to_owned();
    mplus_webhooks::SubscriptionSecret::from_base64(&key.into()).unwrap().sign(text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_payments_and_menu_changes_are_told() {
    let world = World::open().await;
    let (url, mut calls) = receiver().await;
    let program = Program::new(&world, &url).await;
    world.act("/till", "/till", &[("do", "sell"), ("article", "Tosti"), ("price", "6,50")]).await;
    let (_, sale) = next(&mut calls, "sale.completed").await;
    assert!(sale.contains("Tosti") && sale.contains("6.50"), "{sale}");

    let payment = json!({ "id": "shop-payment-1", "amount": "12.50", "method": "web" });
    let (status, started) = program.call(Method::POST, "/restaurants/demo/payments", Some(payment)).await;
    assert_eq!((status, &started["state"]), (StatusCode::OK, &json!("pending")), "{started}");
    world
        .act(
            "/payments",
            "/payments/play",
            &[("id", "shop-payment-1"), ("do", "pay"), ("back", "/restaurants/demo/payments")],
        )
        .await;
    let refund = json!({ "id": "r-1", "amount": "2.50" });
    let path = "/restaurants/demo/payments/shop-payment-1/refunds";
    let (status, refunded) = program.call(Method::POST, path, Some(refund)).await;
    assert_eq!((status, &refunded["refundable"]), (StatusCode::OK, &json!("10.00")), "{refunded}");
    assert_eq!(refunded["refunds"][0]["state"], "succeeded", "{refunded}");
    let (_, told) = next(&mut calls, "payment.refunded").await;
    let told: Value = serde_json::from_str(&told).unwrap();
    let refund = &told["data"]["payment"]["refund"];
    assert_eq!((&refund["id"], &refund["amount"]), (&json!("r-1"), &json!("2.50")), "{told}");

    world.app.demo.as_ref().unwrap().terminal.set_unreachable(true);
    let refund = json!({ "id": "r-2", "amount": "1.00" });
    let (status, asked) = program.call(Method::POST, path, Some(refund)).await;
    assert_eq!(
        (status, &asked["refunds"][1]["state"]),
        (StatusCode::ACCEPTED, &json!("requested")),
        "{asked}"
    );

    let pos = &world.app.demo.as_ref().unwrap().till.pos;
    pos.set_price(pos.article_number("Cappuccino").unwrap(), "4.20".parse().unwrap());
    let (status, _) = program.call(Method::POST, "/restaurants/demo/sync", Some(json!({}))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    next(&mut calls, "menu.changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restaurants_with_one_payment_id_are_both_told() {
    let world = World::open().await;
    let (url, mut calls) = receiver().await;
    let program = Program::new(&world, &url).await;
    let bistro = world.connect("Bistro").await;
    for restaurant in ["/restaurants/demo", &bistro] {
        let payment = json!({ "id": "web-1", "amount": "12.50", "method": "web" });
        program.call(Method::POST, &format!("{restaurant}/payments"), Some(payment)).await;
    }
    let mut told = std::collections::BTreeMap::<String, String>::new();
    while told.values().collect::<std::collections::BTreeSet<_>>().len() < 2 {
        let (headers, body) = next(&mut calls, "payment.changed").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let restaurant = body["data"]["restaurant"].as_str().unwrap().to_owned();
        let id = headers.get("webhook-id").unwrap().to_str().unwrap().to_owned();
        let known = told.entry(id).or_insert(restaurant.clone());
        assert_eq!(*known, restaurant, "one webhook-id for two restaurants");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_a_token_of_ours_is_refused_and_the_document_names_every_path() {
    let world = World::open().await;
    let stranger = Program { world: &world, token: "guessed".to_owned(), secret: String::new() };
    for path in ["/restaurants", "/restaurants/demo/orders", "/restaurants/demo/items"] {
        assert_eq!(stranger.call(Method::GET, path, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    let (status, document) = stranger.call(Method::GET, "/openapi.json", None).await;
    assert_eq!(status, StatusCode::OK);
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 28, "{:?}", paths.keys());
    assert!(document["components"]["securitySchemes"]["token"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_sets_a_restaurant_up() {
    let world = World::open().await;
    let program = Program::new(&world, "").await;
    let at = "/restaurants/demo";
    let (_, mut settings) = program.call(Method::GET, &format!("{at}/settings"), None).await;
    let read = settings.clone();
    settings["settings"]["daily"]["at"] = json!("05:15:00");
    settings["settings"]["tax"]["country"] = json!("BEL");
    let (status, saved) = program.call(Method::PUT, &format!("{at}/settings"), Some(settings.clone())).await;
    assert_eq!((status, &saved["settings"]), (StatusCode::OK, &settings["settings"]), "{saved}");
    let (status, refused) = program.call(Method::PUT, &format!("{at}/settings"), Some(read)).await;
    assert_eq!(status, StatusCode::CONFLICT, "saved since it was read: {refused}");
    let mut invalid = saved.clone();
    invalid["settings"]["stock"]["every_minutes"] = json!(0);
    let (status, refused) = program.call(Method::PUT, &format!("{at}/settings"), Some(invalid)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let mut misspelled = saved.clone();
    misspelled["settings"]["stock"]["evry_minutes"] = json!(5);
    misspelled["settings"]["daily"]["at"] = json!("noon");
    let mut unknown = saved.clone();
    unknown["settings"]["stock"]["evry_minutes"] = json!(5);
    for (wrong, place) in
        [(misspelled, "daily.at: it cannot be read"), (unknown, "stock.evry_minutes: there is no setting")]
    {
        let (status, refused) = program.call(Method::PUT, &format!("{at}/settings"), Some(wrong)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert!(refused["error"].as_str().unwrap().contains(place), "{refused}");
    }
    let mut beside = saved.clone();
    beside["stock"] = json!({ "every_minutes": 5 });
    let (status, refused) = program.call(Method::PUT, &format!("{at}/settings"), Some(beside)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    assert!(world.page("/settings").await.text.contains("value=\"05:15\""));

    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=";
    let new = json!({ "id": "lion", "secret": secret });
    let (status, _) = program.call(Method::PUT, &format!("{at}/subscription"), Some(new)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, known) = program.call(Method::GET, &format!("{at}/subscription"), None).await;
    assert_eq!(known, json!({ "id": "lion", "url": "http://127.0.0.1:8090/webhook/mpluskassa" }));
    let wrong = json!({ "id": "lion", "secret": "!" });
    let (status, refused) = program.call(Method::PUT, &format!("{at}/subscription"), Some(wrong)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");

    world.act("/till", "/till", &[("do", "break")]).await;
    world.until("/webhooks?state=dead", "/webhooks/entry?id=").await;
    let (_, dead) = program.call(Method::GET, &format!("{at}/events?state=dead"), None).await;
    let event = format!("{at}/events/{}", dead[0]["id"].as_str().unwrap());
    assert_eq!((dead.as_array().unwrap().len(), &dead[0]["event"]), (1, &json!("completeSession")), "{dead}");
    let (status, _) = program.call(Method::POST, &format!("{event}/replay"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    world.until("/webhooks?state=dead", "/webhooks/entry?id=").await;
    let (status, _) = program.call(Method::POST, &format!("{event}/discard"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, dead) = program.call(Method::GET, &format!("{at}/events?state=dead"), None).await;
    assert_eq!(dead, json!([]));
    let bistro = world.connect("Bistro").await;
    let other = format!("{bistro}/events/{}/replay", event.rsplit_once('/').unwrap().1);
    assert_eq!(
        program.call(Method::POST, &other, None).await.0,
        StatusCode::NOT_FOUND,
        "another restaurant's"
    );

    for (call, paused) in [("pause", true), ("resume", false)] {
        program.call(Method::POST, &format!("{at}/{call}"), None).await;
        let (_, restaurant) = program.call(Method::GET, at, None).await;
        assert_eq!(restaurant["paused"], json!(paused));
    }
}
