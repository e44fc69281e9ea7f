//! What a person sees of a connection, and can say of it.

use axum::http::StatusCode;
use mplus_sync::model::{ConnectionId, ConnectionStatus, PosIdentity};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_that_rests_because_another_till_answers_says_so_and_what_to_do() {
    let world = World::open().await;
    let path = world.connect("Bistro").await;
    let (store, id) = (world.app.restaurants.store(), ConnectionId::from(path.rsplit_once('/').unwrap().1));
    // A sync that is under way writes the connection, too.
    loop {
        let mut known = store.connection(&id).await.unwrap().unwrap();
        let now = world.app.now();
        known.status =
            ConnectionStatus::Failing { since: now, last_error: "another database answers".to_owned() };
        known.paused = Some(now);
        known.pos_identity = Some(PosIdentity::new("AAAA").of_company("De Kas"));
        known.other_pos = Some(PosIdentity::new("BBBB").of_company("De Brug"));
        if store.save_connection(&known).await.is_ok() {
            break;
        }
    }
    for page in [path.clone(), format!("{path}/connection")] {
        let told = world.get(&page).await.text;
        assert!(told.contains("Another till answers at") && !told.contains(">Paused<"), "{page}: {told}");
        assert!(
            told.contains("licence BBBB of De Brug, in place of licence AAAA of De Kas"),
            "{page}: {told}"
        );
    }
    assert!(world.get(&path).await.text.contains(&format!("href=\"{path}/connection\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restaurant_gets_another_name_and_nothing_else_of_it_changes() {
    let world = World::open().await;
    let path = world.connect("Bistro").await;
    let (page, action) = (format!("{path}/connection"), format!("{path}/connection/name"));
    let before =
        world.app.restaurants.store().connection(&path.rsplit_once('/').unwrap().1.into()).await.unwrap();
    let told = world.post_form(&page, &action, &[("name", " ")]).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", told.text);
    assert!(told.text.contains("aria-invalid"), "{}", told.text);
    let renamed = world.post_form(&page, &action, &[("name", "Brasserie")]).await;
    assert_eq!(renamed.status, StatusCode::SEE_OTHER, "{}", renamed.text);
    assert!(world.get(&page).await.text.contains("It is called Brasserie now"));
    assert!(world.get("/").await.text.contains("Brasserie"));
    let (before, after) = (
        before.unwrap(),
        world
            .app
            .restaurants
            .store()
            .connection(&path.rsplit_once('/').unwrap().1.into())
            .await
            .unwrap()
            .unwrap(),
    );
    assert_eq!((after.host, after.port, after.connected_at), (before.host, before.port, before.connected_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_in_the_words_that_it_is_read_in() {
    let world = World::open().await;
    world.post_form("/", "/language", &[("to", "nl"), ("back", "/")]).await;
    world.act("/connection", "/connection/pause", &[("do", "pause")]).await;
    let all = world.page("/activity").await.text;
    let line = "gepauzeerd; er wordt niets gesynchroniseerd";
    assert!(all.contains(line), "{all}");
    for text in ["gepauzeerd", "Verbinding", "paused"] {
        let found = world.page(&format!("/activity?text={text}")).await.text;
        assert!(found.contains(line), "{text}: {found}");
    }
    assert!(!world.page("/activity?text=nergens").await.text.contains(line));
}
