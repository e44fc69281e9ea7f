//! Connecting a restaurant with username and password.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{ConnectionId, Environment};
use mplus_sync::store::Credentials;

use crate::demo;
use crate::restaurant::runs::Wanted;
use crate::safe::random_text;
use crate::text::{Text, connection as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::Desk;
use crate::view::fields::Fields;
use crate::view::form::{Field, tick};
use crate::view::layout::{Page, post};
use crate::view::reason::said;

/// What is wrong with what was entered.
#[derive(Default)]
struct Wrong {
    name: Option<Text>,
    host: Option<Text>,
    port: Option<Text>,
    username: Option<Text>,
    password: Option<Text>,
    /// What the till said.
    told: Option<String>,
}

impl Wrong {
    fn is_anything(&self) -> bool {
        self.told.is_some()
            || [self.name, self.host, self.port, self.username, self.password].iter().any(Option::is_some)
    }
}

pub(crate) async fn show(desk: Desk) -> Page {
    page(&desk, &Fields::read(b"host=api.mpluskassa.nl&live=on"), &Wrong::default())
}

fn page(desk: &Desk, entered: &Fields, wrong: &Wrong) -> Page {
    let lang = desk.lang;
    let say = |text: Option<Text>| text.map(|text| lang[text].to_owned());
    let fields = html! {
        (Field::text(lang, "name", t::RESTAURANT_NAME).value(entered.text("name")).required().wrong(say(wrong.name)).show())
        div.row {
            (Field::text(lang, "host", t::HOST).value(entered.text("host")).hint(t::HOST_HINT).required().wrong(say(wrong.host)).show())
            (Field::text(lang, "port", t::PORT).value(entered.text("port")).hint(t::PORT_HINT).required().mode("numeric").wrong(say(wrong.port)).show())
        }
        (Field::text(lang, "username", t::USERNAME).value(entered.text("username")).required().wrong(say(wrong.username)).show())
        (Field::text(lang, "password", t::PASSWORD).kind("password").hint(t::PASSWORD_HINT).required().complete("new-password").wrong(say(wrong.password)).show())
        (tick(lang, "live", t::ENVIRONMENT, Some(t::ENVIRONMENT_HINT), entered.is_on("live")))
        button type="submit" { (&lang[t::CONNECT_BUTTON]) }
    };
    let body = html! {
        p.lead { (&lang[t::CONNECT_ABOUT]) }
        @if let Some(told) = &wrong.told {
            div.notice.bad role="alert" { strong { (&lang[t::COULD_NOT_CONNECT]) } p { (said(lang, told)) } }
        }
        section.card { (post(&desk.visit, "/connect", fields)) }
        @if desk.app.demo.is_some() {
            p.hint { (lang.fill(t::DEMO_HINT, &[&demo::HOST, &demo::PORT, &demo::USERNAME, &demo::PASSWORD])) }
        }
    };
    desk.page(t::CONNECT, body)
}

pub(crate) async fn connect(desk: Desk, fields: Fields) -> Result<Response, Trouble> {
    let needed = |name: &str| fields.filled(name).is_none().then_some(t::NEEDED);
    let port = fields.number::<u16>("port").filter(|port| *port > 0);
    let mut wrong = Wrong {
        name: needed("name"),
        host: needed("host"),
        port: port.is_none().then_some(t::NOT_A_PORT),
        username: needed("username"),
        password: needed("password"),
        told: None,
    };
    if !wrong.is_anything() {
        let id = new_id(fields.text("name")).map_err(Trouble::failed)?;
        let new = NewConnection {
            id: ConnectionId::from(id.as_str()),
            name: fields.text("name").to_owned(),
            host: fields.text("host").to_owned(),
            port: port.unwrap_or_default(),
            environment: if fields.is_on("live") { Environment::Live } else { Environment::Test },
        };
        match desk.app.restaurants.connect(new, credentials(&fields)).await {
            Ok((integration, report)) => {
                let name = fields.text("name");
                let branches: u64 = report.counts.values().map(|counts| counts.pulled).sum();
                let said = desk.lang.fill(t::CONNECTED_NOW, &[&name, &branches]);
                let id = integration.connection_id();
                desk.app.restaurants.start(id, Wanted::default()).await?;
                return Ok(Go::to(format!("/restaurants/{id}")).saying(said).into_response());
            }
            Err(error) => wrong.told = Some(error.to_string()),
        }
    }
    Ok(page(&desk, &fields, &wrong).status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

/// What was entered to sign in at the till.
pub(crate) fn credentials(fields: &Fields) -> Credentials {
    let password = fields.raw("password").unwrap_or_default();
    Credentials { ident: fields.text("username").to_owned(), secret: password.into() }
}

/// An identifier for addresses: what is left of the name in letters and digits, and something random.
pub(crate) fn new_id(name: &str) -> Result<String, aws_lc_rs::error::Unspecified> {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let name: String = name.chars().map(plain).take(40).collect();
    let words: Vec<_> = name.split('-').filter(|word| !word.is_empty()).collect();
    let random: String = random_text::<9>()?.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    Ok([words.as_slice(), &[&random.to_ascii_lowercase()]].concat().join("-"))
}

/// Whether a program may call a restaurant so: it stands in addresses, and the demonstration's is taken.
pub(crate) fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.bytes().all(is_plain) && id != demo::ID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_of_a_program_fits_into_an_address_and_is_not_the_demonstrations() {
        assert!(is_id("cafe_1-A") && is_id(&new_id("Café").unwrap()));
        for other in ["", "demo", "a/b", "a?b", "a b", "é", &"a".repeat(65)] {
            assert!(!is_id(other), "{other}");
        }
    }

    #[test]
    fn an_identifier_has_the_name_in_it_and_comes_once() {
        let id = new_id("Café 't Hoekje & Zn.").unwrap();
        assert!(id.starts_with("caf-t-hoekje-zn-"), "{id}");
        assert!(id.chars().all(|character| character.is_ascii_alphanumeric() || character == '-'));
        assert_ne!(id, new_id("Café 't Hoekje & Zn.").unwrap());
    }
}
