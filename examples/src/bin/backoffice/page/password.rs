//! Another password for the administrator.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;
use secrecy::SecretString;

use super::login::{self, Checked};
use crate::safe::password::{SHORTEST, StoredPassword};
use crate::safe::session;
use crate::text::frame as t;
use crate::view::answer::{Go, Trouble};
use crate::view::at::Desk;
use crate::view::fields::Fields;
use crate::view::form::Field;
use crate::view::layout::{Page, post};

pub(crate) async fn show(desk: Desk) -> Page {
    page(&desk, None)
}

/// Passwords are never shown again: what is wrong stands at an empty field.
fn page(desk: &Desk, wrong: Option<(&str, String)>) -> Page {
    let lang = desk.lang;
    let say = |name: &str| wrong.as_ref().filter(|(field, _)| *field == name).map(|(_, text)| text);
    let fields = html! {
        // Lets a browser's key chain keep the password.
        input type="text" name="username" value="admin" autocomplete="username" hidden;
        (Field::text(lang, "password", t::OLD_PASSWORD).kind("password").required().complete("current-password").wrong(say("password")).show())
        (Field::text(lang, "new", t::NEW_PASSWORD).kind("password").required().complete("new-password").hint(t::PASSWORD_HINT).wrong(say("new")).show())
        (Field::text(lang, "again", t::PASSWORD_AGAIN).kind("password").required().complete("new-password").wrong(say("again")).show())
        button type="submit" { (&lang[t::SAVE]) }
    };
    let body = html! {
        section.card.narrow {
            (post(&desk.visit, "/password", fields))
            p.hint { (&lang[t::PASSWORD_ABOUT]) }
        }
    };
    desk.page(t::CHANGE_PASSWORD, body)
}

pub(crate) async fn change(desk: Desk, fields: Fields) -> Result<Response, Trouble> {
    let lang = desk.lang;
    let new = fields.raw("new").unwrap_or_default();
    let wrong = if new.chars().count() < SHORTEST {
        Some(("new", lang.fill(t::PASSWORD_TOO_SHORT, &[&SHORTEST])))
    } else if fields.raw("again") != Some(new) {
        Some(("again", lang[t::PASSWORD_DIFFERS].to_owned()))
    } else {
        None
    };
    if wrong.is_some() {
        return Ok(page(&desk, wrong).status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    }
    let (told, status) = match login::check(&desk, &fields, "password").await? {
        Checked::Wrong => (lang[t::WRONG_PASSWORD].to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        Checked::Wait(until) => (login::wait(lang, until), StatusCode::TOO_MANY_REQUESTS),
        Checked::Right => {
            let new = SecretString::from(new);
            let derived = tokio::task::spawn_blocking(move || StoredPassword::of(&new)).await;
            derived.map_err(Trouble::failed)?.map_err(Trouble::failed)?.keep(&desk.app.records).await?;
            // Whoever knew the former one is out.
            session::end_all(&desk.app.records).await?;
            let mut response = Go::to("/").saying(&lang[t::PASSWORD_CHANGED]).into_response();
            login::begin(&desk, &mut response).await?;
            return Ok(response);
        }
    };
    Ok(page(&desk, Some(("password", told))).status(status).into_response())
}
