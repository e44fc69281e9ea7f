//! A restaurant's connection: how it is doing, other credentials, its end.

use maud::{Markup, html};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::ConnectionStatus;

use super::connect::credentials;
use crate::demo;
use crate::restaurant::unsettled;
use crate::text::{Text, connection as t, frame};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge;
use crate::view::fields::Fields;
use crate::view::form::Field;
use crate::view::layout::{Here, Page, post};
use crate::view::number::{moment, time};
use crate::view::reason::said;

pub(crate) async fn show(at: At) -> Page {
    let (lang, connection) = (at.lang, &at.connection);
    let is_connected = !matches!(connection.status, ConnectionStatus::Disconnected { .. });
    let body = html! {
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) }
                dd { (badge::connection(lang, connection)) " " (since(&at)) }
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
            (post(&at.visit, &at.path("/connection"), html! {
                div.row {
                    (Field::text(lang, "username", t::USERNAME).required().show())
                    (Field::text(lang, "password", t::PASSWORD).kind("password").hint(t::PASSWORD_HINT).required().complete("new-password").show())
                }
                button type="submit" { (&lang[if is_connected { t::REPLACE } else { t::CONNECT_AGAIN }]) }
            }))
            @if at.app.demo.is_some() && connection.host == demo::HOST {
                p.hint { (lang.fill(t::DEMO_HINT, &[&demo::HOST, &demo::PORT, &demo::USERNAME, &demo::PASSWORD])) }
            }
        }
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

/// Other credentials, or the same ones after it was disconnected.
pub(crate) async fn replace(at: At, fields: Fields) -> Result<Go, Trouble> {
    let back = Go::to(at.path("/connection"));
    if fields.filled("username").is_none() || fields.filled("password").is_none() {
        return Ok(back.warning(&at.lang[t::CHECK_INPUT]));
    }
    let known = &at.connection;
    let new = NewConnection {
        id: known.id.clone(),
        name: known.name.clone(),
        host: known.host.clone(),
        port: known.port,
        environment: known.environment,
    };
    Ok(match at.app.restaurants.connect(new, credentials(&fields)).await {
        Ok(_) => back.saying(&at.lang[t::RECONNECTED]),
        Err(error) => back.warning(at.lang.reason(&error.to_string())),
    })
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

pub(crate) async fn ask_remove(at: At) -> Page {
    let form = html! {
        (Field::text(at.lang, "name", t::REMOVE_TYPE).required().show())
        button.danger type="submit" { (&at.lang[t::REMOVE]) }
    };
    sure(&at, t::REMOVE_SURE, t::REMOVE_ABOUT, "/connection/remove", form)
}

pub(crate) async fn remove(at: At, fields: Fields) -> Result<Go, Trouble> {
    if fields.text("name") != at.connection.name.trim() {
        return Ok(Go::to(at.path("/connection/remove")).warning(&at.lang[t::REMOVE_OTHER_NAME]));
    }
    let open = unsettled::count(&at.app.inbox, at.id()).await?;
    if open > 0 {
        return Ok(Go::to(at.path("/payments")).warning(at.lang.fill(t::REMOVE_UNSETTLED, &[&open])));
    }
    at.app.restaurants.remove(at.id()).await?;
    at.app.subscriptions.remove(at.id()).await?;
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
