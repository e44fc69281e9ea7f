//! What two people have open at once: settings, and what is filled in of a location.

use axum::http::StatusCode;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn who_saves_what_somebody_else_has_saved_meanwhile_is_told_and_nothing_is_overwritten() {
    let world = World::open().await;
    let locations = world.page("/locations").await.text;
    let location = locations.split("href=\"").find(|link| link.contains("/demo/locations/")).unwrap();
    let location = location.split('"').next().unwrap().trim_start_matches("/restaurants/demo");
    let forms = [
        (
            location,
            [("delivery_zones", "1011"), ("online", "on")],
            [("delivery_zones", "1012"), ("online", "on")],
        ),
        ("/settings", [("employee", "71"), ("daily", "05:15")], [("employee", "82"), ("daily", "06:30")]),
        ("/tax", [("rate-0", "21"), ("name-0", "Hoog")], [("rate-0", "17"), ("name-0", "Laag")]),
    ];
    for (path, mine, yours) in forms {
        let (mine_shown, yours_shown) =
            (format!("value=\"{}\"", mine[0].1), format!("value=\"{}\"", yours[0].1));
        let opened = world.page(path).await.hidden("revision");
        world.act(path, path, &mine).await;
        let form = format!("/restaurants/demo{path}");
        let mut late = yours.to_vec();
        late.push(("revision", &opened));
        let told = world.post_form(&form, &form, &late).await;
        assert_eq!(told.status, StatusCode::CONFLICT, "{path}: {}", told.text);
        assert!(told.text.contains("somebody else has saved this"), "{path}: {}", told.text);
        assert!(told.text.contains(&yours_shown), "what was entered stays: {}", told.text);
        let stored = world.page(path).await.text;
        assert!(stored.contains(&mine_shown) && !stored.contains(&yours_shown), "{path}: {stored}");
        // Who saves again after that means it.
        let anew = told.hidden("revision");
        late.retain(|(name, _)| *name != "revision");
        late.push(("revision", &anew));
        assert_eq!(world.post_form(&form, &form, &late).await.status, StatusCode::SEE_OTHER, "{path}");
        assert!(world.page(path).await.text.contains(&yours_shown), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_does_not_say_what_it_was_made_of_saves_nothing() {
    let world = World::open().await;
    for (path, field) in [("/settings", ("employee", "71")), ("/tax", ("rate-0", "17"))] {
        let form = format!("/restaurants/demo{path}");
        let told = world.post_form(&form, &form, &[field, ("revision", "")]).await;
        assert_eq!(told.status, StatusCode::CONFLICT, "{path}: {}", told.text);
    }
}
