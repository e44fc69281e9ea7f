//! A restaurant's connection: how it is doing, other credentials, its end.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{Connection, ConnectionStatus, PosIdentity};
use mplus_sync::store::StoreErrorKind;

use super::connect::credentials;
use crate::demo;
use crate::restaurant::unsettled::{self, Unsettled};
use crate::text::{Text, connection as t, frame};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge;
use crate::view::fields::Fields;
use crate::view::form::{Field, tick};
use crate::view::layout::{Here, Page, post};
use crate::view::number::{moment, time};
use crate::view::reason::said;

/// What is wrong with another address or other credentials: by field, and what the till said.
#[derive(Default)]
struct Wrong {
    fields: Vec<(&'static str, Text)>,
    told: Option<String>,
}

pub(crate) async fn show(at: At) -> Page {
    page(&at, &Fields::default(), &Wrong::default())
}

fn page(at: &At, entered: &Fields, wrong: &Wrong) -> Page {
    let (lang, connection) = (at.lang, &at.connection);
    let or_known = |name: &str, known: String| entered.raw(name).map_or(known, str::to_owned);
    let say = |name: &str| {
        let known = wrong.fields.iter().find(|(field, _)| *field == name);
        known.map(|(_, text)| lang[*text].to_owned())
    };
    let is_connected = !matches!(connection.status, ConnectionStatus::Disconnected { .. });
    let body = html! {
        @if let Some(said) = other_till(lang, connection) {
            div.notice.bad role="note" { p { (said) } p { (&lang[t::OTHER_WHAT_TO_DO]) } }
        }
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) }
                dd { (badge::connection(lang, connection)) " " (since(at)) }
                @if let ConnectionStatus::Failing { last_error, .. } = &connection.status {
                    dt { (&lang[frame::REASON]) } dd { (said(lang, last_error)) }
                }
                dt { (&lang[t::ADDRESS]) } dd { (connection.host) ":" (connection.port) }
                dt { (&lang[t::CONNECTED_AT]) } dd { (time(lang, connection.connected_at)) }
                dt { (&lang[t::LAST_SYNC]) }
                dd { @match connection.last_sync_at { Some(at) => (time(lang, at)), None => (&lang[frame::NEVER]) } }
                @if let Some(version) = &connection.service_version { dt { (&lang[t::VERSION]) } dd { (version) } }
                @if !connection.lacking.is_empty() {
                    dt { (&lang[t::LACKING]) } dd { @for name in &connection.lacking { code { (name) } " " } }
                }
            }
            @if is_connected {
                (post(&at.visit, &at.path("/connection/verify"), html! {
                    button type="submit" { (&lang[t::VERIFY]) } " " span.hint { (&lang[t::VERIFY_ABOUT]) }
                }))
            }
        }
        section.card {
            h2 { (&lang[if is_connected { t::NEW_CREDENTIALS } else { t::CONNECT_AGAIN }]) }
            p { (&lang[t::NEW_CREDENTIALS_ABOUT]) }
            @if let Some(told) = &wrong.told {
                div.notice.bad role="alert" { strong { (&lang[t::COULD_NOT_CONNECT]) } p { (said(lang, told)) } }
            }
            (post(&at.visit, &at.path("/connection"), html! {
                @if at.demo().is_none() {
                    div.row {
                        (Field::text(lang, "host", t::HOST).value(or_known("host", connection.host.clone())).hint(t::HOST_HINT).required().wrong(say("host")).show())
                        (Field::text(lang, "port", t::PORT).value(or_known("port", connection.port.to_string())).hint(t::OTHER_TILL).required().mode("numeric").wrong(say("port")).show())
                    }
                }
                div.row {
                    (Field::text(lang, "username", t::USERNAME).value(entered.text("username")).required().wrong(say("username")).show())
                    (Field::text(lang, "password", t::PASSWORD).kind("password").hint(t::PASSWORD_HINT).required().complete("new-password").wrong(say("password")).show())
                }
                button type="submit" { (&lang[if is_connected { t::REPLACE } else { t::CONNECT_AGAIN }]) }
            }))
            @if at.app.demo.is_some() && connection.host == demo::HOST {
                p.hint { (lang.fill(t::DEMO_HINT, &[&demo::HOST, &demo::PORT, &demo::USERNAME, &demo::PASSWORD])) }
            }
        }
        section.card { (post(&at.visit, &at.path("/connection/name"), html! {
            (Field::text(lang, "name", t::RESTAURANT_NAME).value(or_known("name", connection.name.clone())).required().wrong(say("name")).show())
            button.quiet type="submit" { (&lang[frame::SAVE]) }
        })) }
        section.card {
            h2 { (&lang[t::DANGER]) }
            @if is_connected {
                p { (&lang[t::PAUSE_ABOUT]) }
                (post(&at.visit, &at.path("/connection/pause"), html! {
                    @if connection.paused.is_some() { button type="submit" name="do" value="resume" { (&lang[t::RESUME]) } }
                    @else { button.quiet type="submit" name="do" value="pause" { (&lang[t::PAUSE]) } }
                }))
                p { (&lang[t::DISCONNECT_ABOUT]) }
                p { a.button.quiet href=(at.path("/connection/disconnect")) { (&lang[t::DISCONNECT]) "…" } }
            }
            p { (&lang[t::REMOVE_ABOUT]) }
            p { a.button.danger href=(at.path("/connection/remove")) { (&lang[t::REMOVE]) "…" } }
        }
    };
    at.page(Here::Connection, body)
}

/// What is said of a restaurant that rests because another till answers than the one that is known.
pub(crate) fn other_till(lang: Lang, connection: &Connection) -> Option<String> {
    let found = connection.other_pos.as_ref()?;
    let named = |pos: &PosIdentity| match &pos.company {
        Some(company) => lang.fill(t::LICENCE_OF, &[&pos.licence, company]),
        None => lang.fill(t::LICENCE, &[&pos.licence]),
    };
    let known = connection.pos_identity.as_ref().map_or_else(|| lang[t::UNKNOWN_LICENCE].to_owned(), named);
    let address = format!("{}:{}", connection.host, connection.port);
    Some(lang.fill(t::OTHER_ANSWERS_AT, &[&address, &named(found), &known]))
}

/// Since when it is as it is.
fn since(at: &At) -> Markup {
    let since = match &at.connection.status {
        ConnectionStatus::Connected => None,
        ConnectionStatus::Failing { since, .. } | ConnectionStatus::Disconnected { since } => Some(*since),
    };
    html! { @if let Some(since) = since { (at.lang.fill(t::SINCE, &[&moment(at.lang, since)])) } }
}

pub(crate) async fn verify(at: At) -> Result<Go, Trouble> {
    let status = at.open().await?.verify().await?;
    let back = Go::to(at.path("/connection"));
    Ok(match status {
        ConnectionStatus::Failing { last_error, .. } => {
            back.warning(at.lang.fill(t::NOT_VERIFIED, &[&at.lang.reason(&last_error)]))
        }
        _ => back.saying(&at.lang[t::VERIFIED]),
    })
}

/// Other credentials or another address, or the same ones after it was disconnected. What a form does not have of the address stays.
pub(crate) async fn replace(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let known = &at.connection;
    let mut wrong = Wrong::default();
    for field in ["username", "password"] {
        if fields.filled(field).is_none() {
            wrong.fields.push((field, t::NEEDED));
        }
    }
    let (mut host, mut port) = (known.host.clone(), known.port);
    if at.demo().is_none() && fields.raw("host").is_some() {
        host = fields.text("host").to_owned();
        if host.is_empty() {
            wrong.fields.push(("host", t::NEEDED));
        }
        match fields.number::<u16>("port").filter(|port| *port > 0) {
            Some(entered) => port = entered,
            None => wrong.fields.push(("port", t::NOT_A_PORT)),
        }
    }
    if wrong.fields.is_empty() {
        let (id, name, environment) = (known.id.clone(), known.name.clone(), known.environment);
        let new = NewConnection { id, name, host, port, environment };
        match at.app.restaurants.connect(new, credentials(&fields)).await {
            Ok(_) => return Ok(Ok(Go::to(at.path("/connection")).saying(&at.lang[t::RECONNECTED]))),
            Err(error) => wrong.told = Some(error.to_string()),
        }
    }
    Ok(Err(page(&at, &fields, &wrong).status(StatusCode::UNPROCESSABLE_ENTITY)))
}

/// Calls the restaurant something else; nothing else of it changes.
pub(crate) async fn rename(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let Some(name) = fields.filled("name") else {
        let wrong = Wrong { fields: vec![("name", t::NEEDED)], told: None };
        return Ok(Err(page(&at, &fields, &wrong).status(StatusCode::UNPROCESSABLE_ENTITY)));
    };
    let back = Go::to(at.path("/connection")).saying(at.lang.fill(t::RENAMED, &[&name]));
    let mut known = at.connection.clone();
    loop {
        known.name = name.to_owned();
        match at.store().save_connection(&known).await {
            Ok(_) => return Ok(Ok(back)),
            // Something else of it has changed meanwhile, which stays.
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                known = at.store().connection(at.id()).await?.ok_or(Trouble::NotFound)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Has the restaurant rest, or ends its rest.
pub(crate) async fn pause(at: At, fields: Fields) -> Result<Go, Trouble> {
    let (integration, name) = (at.open().await?, &at.connection.name);
    let back = Go::to(at.path("/connection"));
    if fields.text("do") == "resume" {
        integration.resume().await?;
        return Ok(back.saying(at.lang.fill(t::RESUMED_NOW, &[name])));
    }
    integration.pause().await?;
    Ok(back.saying(at.lang.fill(t::PAUSED_NOW, &[name])))
}

pub(crate) async fn ask_disconnect(at: At) -> Page {
    let form = html! { button type="submit" { (&at.lang[t::DISCONNECT]) } };
    sure(&at, t::DISCONNECT_SURE, t::DISCONNECT_ABOUT, "/connection/disconnect", form)
}

pub(crate) async fn disconnect(at: At) -> Result<Go, Trouble> {
    at.app.restaurants.disconnect(at.id()).await?;
    let said = at.lang.fill(t::DISCONNECTED_NOW, &[&at.connection.name]);
    Ok(Go::to(at.path("/connection")).saying(said))
}

pub(crate) async fn ask_remove(at: At) -> Result<Page, Trouble> {
    let open = Unsettled::of(&at.app, at.id()).await?;
    let form = html! {
        @if !open.is_empty() { (what_is_open(&at, open)) (tick(at.lang, "even_so", t::REMOVE_EVEN_SO, None, false)) }
        (Field::text(at.lang, "name", t::REMOVE_TYPE).required().show())
        button.danger type="submit" { (&at.lang[t::REMOVE]) }
    };
    Ok(sure(&at, t::REMOVE_SURE, t::REMOVE_ABOUT, "/connection/remove", form))
}

/// What would be out of reach, and where it is settled.
fn what_is_open(at: &At, open: Unsettled) -> Markup {
    let Unsettled { payments, events, orders } = open;
    let lines = [
        (payments, t::OPEN_PAYMENTS, "/payments"),
        (orders, t::OPEN_ORDERS, "/orders"),
        (events, t::OPEN_EVENTS, "/webhooks"),
    ];
    html! {
        div.notice.bad role="note" {
            p { (&at.lang[t::REMOVE_OPEN]) }
            ul { @for (count, text, path) in lines.into_iter().filter(|(count, ..)| *count > 0) {
                li { a href=(at.path(path)) { (at.lang.fill(text, &[&count])) } }
            } }
        }
    }
}

pub(crate) async fn remove(at: At, fields: Fields) -> Result<Go, Trouble> {
    if fields.text("name") != at.connection.name.trim() {
        return Ok(Go::to(at.path("/connection/remove")).warning(&at.lang[t::REMOVE_OTHER_NAME]));
    }
    if unsettled::remove(&at.app, at.id(), fields.is_on("even_so")).await?.is_some() {
        return Ok(Go::to(at.path("/connection/remove")).warning(&at.lang[t::REMOVE_UNSETTLED]));
    }
    Ok(Go::to("/").saying(at.lang.fill(t::REMOVED_NOW, &[&at.connection.name])))
}

/// Asks before something is done that is not undone at once.
fn sure(at: &At, title: Text, about: Text, action: &str, form: Markup) -> Page {
    let body = html! {
        p.lead { (&at.lang[about]) }
        section.card {
            (post(&at.visit, &at.path(action), form))
            p { a href=(at.path("/connection")) { (&at.lang[frame::CANCEL]) } }
        }
    };
    at.page_below(Here::Connection, at.lang.fill(title, &[&at.connection.name]), body)
}
