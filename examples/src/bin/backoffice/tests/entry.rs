//! Who gets in, and what they are told about every page.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};

use super::world::{LONG, PASSWORD, World};

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_sent_to_the_login_and_back() {
    let world = World::closed().await;
    for path in ["/", "/restaurants/demo/menu?page=2", "/health", "/pictures/ab/cd/abcd.jpg", "/nowhere"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/login?next=%2F"), "{path}: {}", answer.location());
    }
    for open in ["/healthz", "/style.css", "/script.js", "/icon.svg", "/login"] {
        assert_eq!(world.get(open).await.status, StatusCode::OK, "{open}");
    }
    let ready = async {
        while world.get("/readyz").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, ready).await.expect("it is ready in time");
    let fields = [("password", PASSWORD), ("next", "/restaurants/demo/menu?page=2")];
    assert_eq!(
        world.post_form("/login", "/login", &fields).await.location(),
        "/restaurants/demo/menu?page=2"
    );
    let foreign = [("password", PASSWORD), ("next", "https://evil.example/")];
    world.forget_cookies();
    assert_eq!(world.post_form("/login", "/login", &foreign).await.location(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_refused_and_make_wait() {
    let world = World::closed().await;
    for _ in 0..5 {
        let answer = world.post_form("/login", "/login", &[("password", "guess")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = world.post_form("/login", "/login", &[("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.get("/").await.status, StatusCode::SEE_OTHER, "not signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_token_or_from_elsewhere_changes_nothing() {
    let world = World::open().await;
    let path = "/restaurants/demo/connection/disconnect";
    let refused = [None, Some(String::new()), Some("form_token=AAAA".to_owned())];
    for form in refused {
        let answer = world.send(Method::POST, path, form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text.contains("<h1 "), "a page says so");
    }
    let token = world.get("/").await.hidden("form_token");
    let form = Some(format!("form_token={token}"));
    let from_elsewhere = [("sec-fetch-site", "cross-site")];
    let answer = world.send_with(Method::POST, path, form.clone(), &from_elsewhere).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(world.page("/connection").await.text.contains("Connected"));

    // Another visit's token is worth nothing.
    world.forget_cookies();
    assert_eq!(world.send(Method::POST, path, form).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_gets_another_cookie_and_who_signs_out_gets_in_no_more() {
    let world = World::closed().await;
    world.get("/login").await;
    let before = world.cookie("backoffice").unwrap();
    let answer = world.post_form("/login", "/login", &[("password", PASSWORD)]).await;
    let set = answer.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let signed_in = world.cookie("backoffice").unwrap();
    assert_ne!(before, signed_in);
    assert_eq!(world.get("/").await.status, StatusCode::OK);
    world.post_form("/", "/logout", &[]).await;
    world.forget_cookies();
    let with_old_cookie = [("cookie", format!("backoffice={signed_in}"))];
    let with_old_cookie: Vec<_> =
        with_old_cookie.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = world.send_with(Method::GET, "/", None, &with_old_cookie).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers() {
    let world = World::open().await;
    for path in ["/", "/login", "/style.css", "/nowhere", "/healthz"] {
        let headers = world.get(path).await.headers;
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff", "{path}");
    }
    assert_eq!(world.get("/").await.headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_changed_by_whoever_knows_it_and_others_are_signed_out() {
    let world = World::open().await;
    let new = "another battery staple";
    let change = |old: &'static str, new: &'static str, again: &'static str| {
        [("password", old), ("new", new), ("again", again)]
    };
    for wrong in
        [change("guess", new, new), change(PASSWORD, "short", "short"), change(PASSWORD, new, "other")]
    {
        let told = world.post_form("/password", "/password", &wrong).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", told.text);
        assert!(!told.text.contains(new), "a password is never shown");
    }
    let other = world.cookie("backoffice").unwrap();
    let changed = world.post_form("/password", "/password", &change(PASSWORD, new, new)).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    assert_eq!(world.get("/").await.status, StatusCode::OK, "who changed it stays signed in");
    assert_ne!(world.cookie("backoffice").unwrap(), other);
    world.forget_cookies();
    let cookie = format!("backoffice={other}");
    let stays = world.send_with(Method::GET, "/programs", None, &[("cookie", &cookie)]).await;
    assert_eq!(stays.status, StatusCode::SEE_OTHER, "others sign in again");
    let signs_in = async |password| {
        world.forget_cookies();
        world.post_form("/login", "/login", &[("password", password)]).await.status
    };
    assert_eq!(signs_in(PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(signs_in(new).await, StatusCode::SEE_OTHER);
}
