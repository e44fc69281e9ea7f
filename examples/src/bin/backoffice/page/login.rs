//! Signing in and out, and the language.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::safe::password::StoredPassword;
use crate::safe::{random_text, session};
use crate::text::frame as t;
use crate::view::Lang;
use crate::view::answer::{Go, Trouble, own_path};
use crate::view::at::Desk;
use crate::view::fields::{Fields, Query};
use crate::view::form::Field;
use crate::view::layout::{Page, post};
use crate::view::number;

pub(crate) async fn show(desk: Desk, Query(query): Query) -> Response {
    let back = own_path(query.text("next")).to_owned();
    if desk.visit.signed_in {
        return Go::to(back).into_response();
    }
    page(&desk, &back, None).into_response()
}

fn page(desk: &Desk, back: &str, wrong: Option<String>) -> Page {
    let lang = desk.lang;
    let fields: Markup = html! {
        input type="hidden" name="next" value=(back);
        // Lets a browser's key chain keep the password.
        input type="text" name="username" value="admin" autocomplete="username" hidden;
        (Field::text(lang, "password", t::PASSWORD).kind("password").required().complete("current-password").wrong(wrong).show())
        button type="submit" { (&lang[t::SIGN_IN]) }
    };
    let body = html! {
        section.card.narrow {
            (post(&desk.visit, "/login", fields))
            p.hint { (&lang[t::SIGN_IN_ABOUT]) }
        }
    };
    desk.page(t::SIGN_IN, body)
}

/// Where customers come back to who paid on a page of a payment provider's.
pub(crate) async fn thank(desk: Desk) -> Page {
    desk.page(t::THANKS, html! { p.lead { (&desk.lang[t::THANKS_ABOUT]) } })
}

pub(crate) async fn sign_in(desk: Desk, fields: Fields) -> Result<Response, Trouble> {
    let back = own_path(fields.text("next")).to_owned();
    let (told, status) = match check(&desk, &fields, "password").await? {
        Checked::Right => {
            let mut response = Go::to(back).into_response();
            begin(&desk, &mut response).await?;
            return Ok(response);
        }
        Checked::Wrong => (desk.lang[t::WRONG_PASSWORD].to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        Checked::Wait(until) => (wait(desk.lang, until), StatusCode::TOO_MANY_REQUESTS),
    };
    Ok(page(&desk, &back, Some(told)).status(status).into_response())
}

/// Signs the visitor in, as somebody else than before.
pub(crate) async fn begin(desk: &Desk, response: &mut Response) -> Result<(), Trouble> {
    let token = random_text::<32>().map_err(Trouble::failed)?;
    session::begin(&desk.app.records, &token, desk.now()).await?;
    desk.visit.begin_anew(response.headers_mut(), &token);
    Ok(())
}

/// What became of a password that was entered.
pub(crate) enum Checked {
    Right,
    Wrong,
    /// Nothing is checked before then.
    Wait(DateTime<Utc>),
}

pub(crate) fn wait(lang: Lang, until: DateTime<Utc>) -> String {
    lang.fill(t::WAIT, &[&number::moment(lang, until)])
}

/// Whether a field has the administrator's password. Wrong ones are counted by address.
pub(crate) async fn check(desk: &Desk, fields: &Fields, field: &str) -> Result<Checked, Trouble> {
    let (app, address, now) = (&desk.app, desk.visit.address, desk.now());
    if let Some(until) = app.throttle.wait(address, now) {
        return Ok(Checked::Wait(until));
    }
    // Counted before it is checked: many at once are no way around.
    app.throttle.wrong(address, now);
    // Another process may have set another one since this one was started.
    let stored = StoredPassword::kept(&app.records).await?;
    let stored = stored.ok_or_else(|| Trouble::failed("there is no password"))?;
    let entered = fields.raw(field).unwrap_or_default().to_owned();
    let Ok(_turn) = app.checks.acquire().await else { return Err(Trouble::failed("it ends")) };
    let is_right = tokio::task::spawn_blocking(move || stored.is(&entered)).await.map_err(Trouble::failed)?;
    if is_right {
        app.throttle.right(address);
        return Ok(Checked::Right);
    }
    tracing::warn!(%address, "a wrong password");
    Ok(Checked::Wrong)
}

pub(crate) async fn sign_out(desk: Desk) -> Result<Response, Trouble> {
    session::end(&desk.app.records, &desk.visit.token).await?;
    let mut response = Go::to("/login").saying(&desk.lang[t::SIGNED_OUT]).into_response();
    desk.visit.begin_anew(response.headers_mut(), "");
    Ok(response)
}

pub(crate) async fn speak(desk: Desk, fields: Fields) -> Response {
    let mut response = Go::to(own_path(fields.text("back"))).into_response();
    if let Some(lang) = Lang::from_code(fields.text("to")) {
        desk.visit.speak(response.headers_mut(), lang);
    }
    response
}
