//! Every page: its content, both languages, accessibility, escaping.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use mplus_sync::model::{Connection, ConnectionStatus};

use super::world::World;
use crate::demo;

/// Every page of a restaurant with something that it has to show.
const PAGES: [(&str, &str); 20] = [
    ("", "id=\"attention\""),
    ("/menu", "Cappuccino"),
    ("/menu?text=cola", "Coca-Cola"),
    ("/stock", "144"),
    ("/tax", "name=\"rate-0\""),
    ("/orders", "/orders?state=waiting"),
    ("/orders?number=none", "aria-invalid"),
    ("/tables", "name=\"location\""),
    ("/payments", "/till"),
    ("/providers", "webhook/payment-provider/stripe/"),
    ("/sales", "/till"),
    ("/connection", "test-till.localhost"),
    ("/connection/disconnect", "<form"),
    ("/connection/remove", "name=\"name\""),
    ("/locations", "/locations/"),
    ("/sync", "article class=\"report\""),
    ("/settings", "name=\"daily\""),
    ("/webhooks", "webhook/mpluskassa"),
    ("/activity", "name=\"level\""),
    ("/troubleshooting", "/activity?level=error"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_what_it_is_for_in_both_languages_and_can_be_read_by_everybody() {
    let world = World::open().await;
    let more = [("/kiosk", "name=\"quantity_"), ("/till", "value=\"sell\"")];
    let records = records(&world).await;
    for lang in ["en", "nl"] {
        world.post_form("/", "/language", &[("to", lang), ("back", "/")]).await;
        for (path, content) in PAGES.iter().chain(&more) {
            let page = world.page(path).await.text;
            assert!(page.contains(content), "{lang} {path} lacks {content}: {page}");
            assert!(page.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            check_accessibility(&format!("{lang} {path}"), &page);
        }
        for path in &records {
            check_accessibility(&format!("{lang} {path}"), &world.page(path).await.text);
        }
        for path in ["/", "/connect", "/programs", "/health", "/password", "/thanks", "/nowhere"] {
            check_accessibility(path, &world.get(path).await.text);
        }
        for (page, fields) in mistakes() {
            let told = world.post_form(page, page, &fields).await;
            assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
            assert!(told.text.contains("aria-invalid"), "{page}: {}", told.text);
            check_accessibility(&format!("{lang} {page} with a mistake"), &told.text);
        }
    }
}

/// Pages of single records: an item, a location, a payment, an event that could not be worked off.
async fn records(world: &World) -> Vec<String> {
    world.act("/till", "/till", &[("do", "pay"), ("article", "Cappuccino"), ("price", "3,50")]).await;
    world.act("/till", "/till", &[("do", "break")]).await;
    let mut paths = Vec::new();
    for (list, link) in [
        ("/menu?text=entrec", "/menu/item?id="),
        ("/locations", "/demo/locations/"),
        ("/payments", "/payments/payment?id="),
        ("/webhooks", "/webhooks/entry?id="),
    ] {
        let page = world.until(list, link).await.text;
        let path = page.split("href=\"").find(|rest| rest.split('"').next().unwrap().contains(link)).unwrap();
        paths.push(path.split('"').next().unwrap().trim_start_matches("/restaurants/demo").to_owned());
    }
    paths
}

/// Forms with something that cannot be.
fn mistakes() -> [(&'static str, Vec<(&'static str, &'static str)>); 9] {
    [
        ("/connect", vec![("port", "x")]),
        ("/restaurants/demo/settings", vec![("daily", "noon"), ("employee", "chef")]),
        ("/restaurants/demo/tax", vec![("rate-0", "x"), ("rate-1", "9"), ("code-1", "laag")]),
        ("/restaurants/demo/webhooks", vec![("subscription", "demo"), ("secret", "!")]),
        ("/restaurants/demo/connection", vec![("username", "a")]),
        ("/programs", vec![("name", " ")]),
        ("/password", vec![("password", "x"), ("new", "short"), ("again", "short")]),
        ("/programs", vec![("name", "shop"), ("url", "ftp://shop.example")]),
        ("/restaurants/demo/providers", vec![("company", "stripe"), ("account", "demo-1")]),
    ]
}

/// What automated checkers look at first: a language, a title, one first heading, landmarks, names of fields, alternatives of
/// pictures, identifiers that come once, and no heading that skips a level.
fn check_accessibility(path: &str, page: &str) {
    assert!(page.contains("<html lang=") && page.contains("<title>"), "{path}: language and title");
    assert_eq!(page.matches("<h1 ").count(), 1, "{path}: one first heading");
    assert_eq!(page.matches("<main").count(), 1, "{path}: one main landmark");
    assert!(page.contains("<header") && page.contains("<nav"), "{path}: landmarks");
    assert!(page.contains("href=\"#content\"") && page.contains("id=\"content\""), "{path}: a skip link");
    assert!(
        !page.contains("style=\"") && !page.contains("onclick") && !page.contains("<script>"),
        "{path}: nothing inline"
    );
    let mut ids = BTreeSet::new();
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let attribute =
            |name: &str| tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        if let Some(id) = attribute("id") {
            assert!(ids.insert(id), "{path}: the id {id} comes twice");
        }
        let is_named = || {
            let labelled = attribute("id").is_some_and(|id| page.contains(&format!("for=\"{id}\"")));
            labelled || attribute("aria-label").is_some_and(|label| !label.is_empty())
        };
        let is_hidden = tag.contains("type=\"hidden\"") || tag.ends_with(" hidden");
        let is_field = ["input ", "select ", "textarea "].iter().any(|field| tag.starts_with(field));
        assert!(!is_field || is_hidden || is_named(), "{path}: a field without a name: {tag}");
        assert!(
            !tag.starts_with("img ") || tag.contains(" alt"),
            "{path}: a picture without an alternative: {tag}"
        );
        assert!(
            !tag.starts_with("th") || tag.starts_with("thead") || tag.contains("scope="),
            "{path}: {tag}"
        );
    }
    for id in page.split("aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for id in id.split(' ') {
            assert!(page.contains(&format!("id=\"{id}\"")), "{path}: nothing describes {id}");
        }
    }
    let main = page.split("<main").nth(1).unwrap_or_default();
    let levels = main.match_indices("<h").filter_map(|(at, _)| main[at + 2..].chars().next()?.to_digit(10));
    let mut last = 1;
    for level in levels {
        assert!(level <= last + 1, "{path}: a heading of level {level} after one of level {last}");
        last = level;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_enter_is_shown_as_text() {
    let world = World::open().await;
    let evil = "<script>alert('x')</script>\"";
    let item = world.page("/menu?text=cappuccino").await;
    let path = item
        .text
        .split("href=\"")
        .find(|link| link.contains("/menu/item?id="))
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let path = path.trim_start_matches("/restaurants/demo").to_owned();
    let shown = world.page(&path).await;
    let (id, seen) = (shown.hidden("id"), shown.hidden("seen"));
    let fields = [("id", id.as_str()), ("seen", &seen), ("name", evil), ("price", "3.50"), ("active", "on")];
    let saved = world.act(&path, "/menu/item", &fields).await;
    assert!(saved.text.contains("&lt;script&gt;"), "{}", saved.text);
    for path in [path.as_str(), "/menu?text=script", "/kiosk"] {
        assert!(!world.page(path).await.text.contains("<script>"), "{path}");
    }
    let wrong =
        [("name", evil), ("host", evil), ("port", "x"), ("username", evil), ("password", "hunter2-secret")];
    let answer = world.post_form("/connect", "/connect", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!answer.text.contains("<script>") && answer.text.contains("&lt;script&gt;"));
    assert!(!answer.text.contains("hunter2-secret"), "a password is never shown again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_stays_where_it_cannot_be_used() {
    let world = World::open().await;
    let webhooks = "/restaurants/demo/webhooks";
    let told = world.post_form(webhooks, webhooks, &[("subscription", "my-sub"), ("secret", "!")]).await.text;
    assert!(told.contains("value=\"my-sub\"") && !told.contains("value=\"!\""), "{told}");
    let url = "ftp://shop.example";
    let told = world.post_form("/programs", "/programs", &[("name", "shop"), ("url", url)]).await.text;
    assert!(told.contains("value=\"shop\"") && told.contains("value=\"ftp://shop.example\""), "{told}");
    let connection = format!("{}/connection", world.connect("Bistro").await);
    let other =
        [("host", demo::HOST), ("port", "2"), ("username", "someone"), ("password", "hunter2-secret")];
    let told = world.post_form(&connection, &connection, &other).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = told.text;
    assert!(told.contains("value=\"someone\"") && told.contains("value=\"2\""), "{told}");
    assert!(!told.contains("hunter2-secret"), "a password is never shown again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_whose_till_has_another_port_is_connected_to_it() {
    let world = World::open().await;
    let connection = format!("{}/connection", world.connect("Bistro").await);
    let other =
        [("host", demo::HOST), ("port", "2"), ("username", demo::USERNAME), ("password", demo::PASSWORD)];
    let moved = world.post_form(&connection, &connection, &other).await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.text);
    assert!(world.get(&connection).await.text.contains(&format!("{}:2", demo::HOST)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_a_secret() {
    let world = World::open().await;
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=";
    let fields = [("subscription", "demo"), ("secret", secret)];
    world.act("/webhooks", "/webhooks", &fields).await;
    for (path, _) in PAGES {
        let page = world.page(path).await.text;
        assert!(!page.contains(secret), "{path}");
        // The hint of the demonstration tells it to those who try the form.
        let hinted = path == "/connection";
        assert!(hinted || !page.contains("geheim &amp; vertrouwelijk"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_come_in_pages() {
    let world = World::open().await;
    let first = world.page("/menu").await.text;
    let rows = |page: &str| page.matches("/menu/item?id=").count();
    assert_eq!(rows(&first), 50);
    let second = world.page("/menu?page=2").await.text;
    assert!(rows(&second) > 0 && rows(&second) < 50);
    assert!(first.contains("page=2") && second.contains("page=1"));
    assert!(world.page("/menu?page=99").await.text.contains("Nothing fits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_is_found_by_its_name_among_thousands() {
    let world = World::open().await;
    let (store, now) = (world.app.restaurants.store(), chrono::DateTime::UNIX_EPOCH);
    for number in 0..1_200 {
        let name = if number % 200 == 7 { format!("De Kas {number}") } else { format!("Bistro {number}") };
        let mut new = Connection::new(format!("m-{number:04}"), name, "pos.example.nl", 1, now);
        // Nobody works for it.
        new.status = ConnectionStatus::Disconnected { since: now };
        store.save_connection(&new).await.unwrap();
    }
    let rows = |page: &str| page.matches("href=\"/restaurants/m-").count();
    let found = world.get("/?text=de+kas").await.text;
    assert_eq!(rows(&found), 6, "{found}");
    assert!(found.contains("De Kas 1007") && !found.contains("Next page"));
    let many = world.get("/?text=BISTRO").await.text;
    assert_eq!(rows(&many), 50);
    assert!(many.contains("/?text=BISTRO&amp;after=m-0050"), "{many}");
    let next = world.get("/?text=BISTRO&after=m-0050").await.text;
    assert!(next.contains("Bistro 51<") && !next.contains("Bistro 50<"));
    assert!(world.get("/?text=nobody").await.text.contains("No restaurant fits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_page_that_says_so() {
    let world = World::open().await;
    for path in [
        "/nowhere",
        "/restaurants/nobody",
        "/restaurants/demo/menu/item?id=x",
        "/restaurants/demo/orders/order?number=x",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains(">There is no such page</h1>"), "{path}");
    }
    let disconnected = world.act("/connection/disconnect", "/connection/disconnect", &[]).await;
    assert!(disconnected.text.contains("Disconnected"));
    let answer = world.post_form("/restaurants/demo/sync", "/restaurants/demo/sync", &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("This restaurant is disconnected"));
    assert_eq!(demo::ID, "demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tax_page_does_not_wait_for_the_till() {
    let world = World::open().await;
    let till = &world.app.demo.as_ref().unwrap().till;
    till.switch_off(true);
    let page = world.page("/tax").await.text;
    assert_eq!(page.matches("Fits: code").count(), 3, "by the codes that were read last: {page}");
    let told = world.act("/tax", "/tax/read", &[]).await.text;
    assert!(told.contains("could not be asked for its BTW codes"), "{told}");
    till.switch_off(false);
    assert!(world.act("/tax", "/tax/read", &[]).await.text.contains("The BTW codes were read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_in_the_visitors_language() {
    let world = World::open().await;
    world.post_form("/", "/language", &[("to", "nl"), ("back", "/")]).await;
    let kiosk = "/restaurants/demo/kiosk";
    let page = world.page("/kiosk?text=entrec").await.text;
    let steak = page.split("name=\"quantity_").nth(1).unwrap().split('"').next().unwrap();
    let told = world.post_form(kiosk, kiosk, &[(&format!("quantity_{steak}"), "1")]).await.text;
    assert!(
        told.contains("is niet naar de kassa gestuurd: &quot;Entrecôte 200 g&quot; vraagt 1 tot 1 van"),
        "{told}"
    );
    world.app.demo.as_ref().unwrap().till.switch_off(true);
    let fields =
        [("name", "Bistro"), ("host", demo::HOST), ("port", "1"), ("username", "a"), ("password", "b")];
    let told = world.post_form("/connect", "/connect", &fields).await.text;
    assert!(
        told.contains("de kassa kon niet worden bereikt") && told.contains("de testkassa is uit"),
        "{told}"
    );
    let told = world.act("/connection", "/connection/verify", &[]).await.text;
    assert!(told.contains("geen verbinding: de testkassa is uit") && !told.contains("next sync"), "{told}");
    // A text that nobody knows says which language it is in.
    assert!(crate::view::reason::said(crate::text::Lang::Nl, "as is").0.contains("lang=\"en\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_a_payment_provider_is_kept_without_being_shown() {
    use crate::restaurant::payment_profile::{Company, Profile};
    let world = World::open().await;
    let accounts = &world.app.payment_accounts;
    let sealed = |secret| accounts.seal("demo-1", secret).unwrap();
    let at = Company::Stripe { key: sealed("sk_live_1"), webhook_secret: sealed("whsec_1"), ideal: true };
    let (account, terminal) = ("demo-1".to_owned(), Some("tmr_1".to_owned()));
    let terminals = [("2".to_owned(), "tmr_branch".to_owned())].into();
    let profile = Profile { account, revision: 0, method: None, terminal, terminals, at };
    accounts.save(&demo::ID.into(), &profile).await.unwrap();
    let page = world.page("/providers").await.text;
    assert!(page.contains("/webhook/payment-provider/stripe/demo-1") && page.contains("tmr_1"), "{page}");
    assert!(page.contains("name=\"stripe_terminal_2\"") && page.contains("tmr_branch"), "{page}");
    assert!(!page.contains("sk_live_1") && !page.contains("whsec_1"), "{page}");
    // Somebody else changes it while the page is open: nothing of that is overwritten.
    let known = accounts.find("demo-1").await.unwrap().unwrap();
    let opened = known.revision.to_string();
    accounts.save(&demo::ID.into(), &Profile { terminal: Some("tmr_2".to_owned()), ..known }).await.unwrap();
    let fields =
        [("company", "stripe"), ("account", "demo-1"), ("stripe_terminal", "tmr_3"), ("revision", &opened)];
    let path = "/restaurants/demo/providers";
    let told = world.post_form(path, path, &fields).await;
    assert_eq!(told.status, StatusCode::CONFLICT, "{}", told.text);
    assert!(
        told.text.contains("somebody else has saved this") && told.text.contains("tmr_3"),
        "{}",
        told.text
    );
    let kept = accounts.find("demo-1").await.unwrap().unwrap();
    assert_eq!(kept.terminal.as_deref(), Some("tmr_2"));
    let retired = world.act("/providers", "/providers/retire", &[("account", "demo-1")]).await.text;
    assert!(!retired.contains("tmr_2"), "{retired}");
    // Another restaurant's account is not to be had by its name.
    let bistro = world.connect("Bistro").await;
    let fields =
        [("company", "stripe"), ("account", "demo-1"), ("key", "sk_2"), ("webhook_secret", "whsec_2")];
    let path = format!("{bistro}/providers");
    assert_eq!(world.post_form(&path, &path, &fields).await.status, StatusCode::NOT_FOUND);
}
