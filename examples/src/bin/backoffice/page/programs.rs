//! Programs that use this back office: their tokens, and where they are called.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;

use crate::callbacks::clients;
use crate::text::{connection, frame, programs as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::Desk;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Fields;
use crate::view::form::Field;
use crate::view::layout::{Page, empty, post};
use crate::view::number::count;
use crate::view::reason::said;
use crate::view::table::scrolling;

pub(crate) async fn show(desk: Desk) -> Result<Page, Trouble> {
    page(&desk, None, None).await
}

/// A program that was not made: what was entered, and what is wrong with its name and its address.
struct Refused<'f> {
    entered: &'f Fields,
    wrong_name: Option<String>,
    wrong_url: Option<String>,
}

async fn page(
    desk: &Desk,
    told: Option<&clients::Told>,
    refused: Option<Refused<'_>>,
) -> Result<Page, Trouble> {
    let lang = desk.lang;
    let entered = refused.as_ref().map(|refused| refused.entered);
    let entered = |name: &str| entered.map(|entered| entered.text(name).to_owned()).unwrap_or_default();
    let (name, url) = (entered("name"), entered("url"));
    let (wrong_name, wrong_url) =
        refused.map(|refused| (refused.wrong_name, refused.wrong_url)).unwrap_or_default();
    let mut known = Vec::new();
    for client in clients::all(&desk.app.records).await? {
        known.push((desk.app.callbacks.standing(&client.id).await?, client));
    }
    let body = html! {
        p.lead { (&lang[t::ABOUT]) " " a href="/api/openapi.json" { "OpenAPI" } }
        @if let Some(told) = told {
            section.card role="status" {
                h2 { (&lang[t::MADE]) }
                p { (&lang[t::MADE_ABOUT]) }
                dl.facts { dt { (&lang[t::TOKEN]) } dd { code { (told.token) } } dt { (&lang[t::SECRET]) } dd { code { (told.secret) } } }
            }
        }
        @if known.is_empty() { (empty(&lang[t::NONE], &lang[t::NONE_ABOUT], html! {})) } @else {
            (scrolling(html! { table {
                thead { tr { th scope="col" { (&lang[frame::NAME]) } th scope="col" { (&lang[t::URL]) } th scope="col" { (&lang[t::WAITING]) } th scope="col" { span.unseen { (&lang[t::REMOVE]) } } } }
                tbody { @for (standing, client) in &known { tr {
                    th scope="row" { (client.name) }
                    td { (client.url.as_deref().unwrap_or("-")) }
                    td {
                        (count(lang, standing.waiting))
                        @if let Some(error) = &standing.last_error { br; span.hint { (said(lang, error)) } }
                        @if standing.given_up > 0 {
                            br; (badge(Tone::Bad, &lang.fill(t::GIVEN_UP, &[&count(lang, standing.given_up)])))
                            (post(&desk.visit, "/programs/again", html! {
                                input type="hidden" name="id" value=(client.id);
                                button.quiet type="submit" { (&lang[t::SEND_AGAIN]) }
                            }))
                        }
                    }
                    td { (post(&desk.visit, "/programs/remove", html! {
                        input type="hidden" name="id" value=(client.id);
                        button.quiet type="submit" aria-label=(lang.fill(t::REMOVE_ONE, &[&client.name])) { (&lang[t::REMOVE]) }
                    })) }
                } } }
            } }))
        }
        section.card {
            h2 { (&lang[t::NEW]) }
            (post(&desk.visit, "/programs", html! {
                div.row {
                    (Field::text(lang, "name", frame::NAME).value(name).required().wrong(wrong_name).show())
                    (Field::text(lang, "url", t::URL).kind("url").value(url).hint(t::URL_HINT).wrong(wrong_url).show())
                }
                button type="submit" { (&lang[t::NEW]) }
            }))
        }
    };
    Ok(desk.page(frame::PROGRAMS, body))
}

pub(crate) async fn make(desk: Desk, fields: Fields) -> Result<Response, Trouble> {
    let Some(name) = fields.filled("name") else {
        return refuse(&desk, &fields, Some(desk.lang[connection::NEEDED].to_owned()), None).await;
    };
    match clients::make(&desk.app.records, &desk.app.keys, name, fields.filled("url")).await {
        Ok(told) => Ok(page(&desk, Some(&told), None).await?.into_response()),
        Err(error @ clients::NewClientError::Address) => {
            refuse(&desk, &fields, None, Some(desk.lang.reason(&error.to_string()))).await
        }
        Err(error) => Err(Trouble::failed(error)),
    }
}

/// The page again, with what was entered and what is wrong with it.
async fn refuse(
    desk: &Desk,
    entered: &Fields,
    wrong_name: Option<String>,
    wrong_url: Option<String>,
) -> Result<Response, Trouble> {
    let page = page(desk, None, Some(Refused { entered, wrong_name, wrong_url })).await?;
    Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

/// Sends again what was given up.
pub(crate) async fn again(desk: Desk, fields: Fields) -> Result<Go, Trouble> {
    let sent = desk.app.callbacks.send_again(fields.text("id")).await?;
    Ok(Go::to("/programs").saying(desk.lang.fill(t::SENT_AGAIN, &[&count(desk.lang, sent)])))
}

pub(crate) async fn remove(desk: Desk, fields: Fields) -> Result<Go, Trouble> {
    clients::remove(&desk.app.records, fields.text("id")).await?;
    Ok(Go::to("/programs").saying(&desk.lang[t::REMOVED]))
}
