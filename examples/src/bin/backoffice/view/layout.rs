//! The frame of every page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use mplus_sync::model::Connection;

use super::{Lang, badge};
use crate::safe::guard::{NOTICE, Visit};
use crate::text::{Text, frame as t};

/// Pages of a restaurant, as its navigation has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    Overview,
    Menu,
    Stock,
    Tax,
    Orders,
    Tables,
    Payments,
    Providers,
    Sales,
    Connection,
    Locations,
    Sync,
    Settings,
    Webhooks,
    Activity,
    Troubleshooting,
    Kiosk,
    Till,
}

/// The navigation: groups of pages.
const NAVIGATION: [(Option<Text>, &[Here]); 5] = [
    (None, &[Here::Overview]),
    (Some(t::GROUP_MENU), &[Here::Menu, Here::Stock, Here::Tax]),
    (Some(t::GROUP_ORDERS), &[Here::Orders, Here::Tables, Here::Payments, Here::Providers, Here::Sales]),
    (
        Some(t::GROUP_CONNECTION),
        &[
            Here::Connection,
            Here::Sync,
            Here::Locations,
            Here::Settings,
            Here::Webhooks,
            Here::Activity,
            Here::Troubleshooting,
        ],
    ),
    (Some(t::GROUP_TRY), &[Here::Kiosk, Here::Till]),
];

impl Here {
    pub(crate) fn title(self) -> Text {
        match self {
            Self::Overview => t::OVERVIEW,
            Self::Menu => t::MENU,
            Self::Stock => t::STOCK,
            Self::Tax => t::TAX,
            Self::Orders => t::ORDERS,
            Self::Tables => t::TABLES,
            Self::Payments => t::PAYMENTS,
            Self::Providers => t::PROVIDERS,
            Self::Sales => t::SALES,
            Self::Connection => t::CONNECTION,
            Self::Locations => t::LOCATIONS,
            Self::Sync => t::SYNC,
            Self::Settings => t::SETTINGS,
            Self::Webhooks => t::WEBHOOKS,
            Self::Activity => t::ACTIVITY,
            Self::Troubleshooting => t::TROUBLESHOOTING,
            Self::Kiosk => t::KIOSK,
            Self::Till => t::TILL,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Menu => "/menu",
            Self::Stock => "/stock",
            Self::Tax => "/tax",
            Self::Orders => "/orders",
            Self::Tables => "/tables",
            Self::Payments => "/payments",
            Self::Providers => "/providers",
            Self::Sales => "/sales",
            Self::Connection => "/connection",
            Self::Locations => "/locations",
            Self::Sync => "/sync",
            Self::Settings => "/settings",
            Self::Webhooks => "/webhooks",
            Self::Activity => "/activity",
            Self::Troubleshooting => "/troubleshooting",
            Self::Kiosk => "/kiosk",
            Self::Till => "/till",
        }
    }
}

/// A page with its frame.
pub(crate) struct Page {
    visit: Visit,
    title: String,
    body: Markup,
    restaurant: Option<(Connection, Here)>,
    status: StatusCode,
    /// Reloads by itself, with scripts and without, while something goes on.
    reloads: bool,
    demo: bool,
}

impl Page {
    pub(crate) fn new(visit: Visit, title: String, body: Markup) -> Self {
        Self { visit, title, body, restaurant: None, status: StatusCode::OK, reloads: false, demo: false }
    }

    pub(crate) fn of(self, connection: &Connection, here: Here) -> Self {
        Self { restaurant: Some((connection.clone(), here)), ..self }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn reloading(self, reloads: bool) -> Self {
        Self { reloads, ..self }
    }

    pub(crate) fn demo(self, demo: bool) -> Self {
        Self { demo, ..self }
    }

    fn render(&self) -> Markup {
        let lang = self.visit.lang;
        let of = self.restaurant.as_ref().map(|(connection, _)| connection.name.as_str());
        html! {
            (DOCTYPE)
            html lang=(lang.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if self.reloads { noscript { meta http-equiv="refresh" content="2"; } }
                    title { (self.title) " - " @if let Some(of) = of { (of) " - " } (&lang[t::PRODUCT]) }
                    link rel="stylesheet" href="/style.css";
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    script src="/script.js" defer {}
                }
                body {
                    a.skip href="#content" { (&lang[t::SKIP]) }
                    (self.header(lang))
                    div.columns {
                        @if let Some((connection, here)) = &self.restaurant { (navigation(lang, connection, *here)) }
                        main #content tabindex="-1" data-reload[self.reloads] {
                            @if let Some(notice) = &self.visit.notice {
                                p.notice.bad[!notice.good] data-once role=(if notice.good { "status" } else { "alert" }) { (notice.text) }
                            }
                            h1 id="title" { (self.title) }
                            (self.body)
                        }
                    }
                }
            }
        }
    }

    fn header(&self, lang: Lang) -> Markup {
        html! {
            header.top {
                a.brand href="/" { span.mark aria-hidden="true" {} (&lang[t::PRODUCT]) }
                @if let Some((connection, _)) = &self.restaurant {
                    a.restaurant href=(format!("/restaurants/{}", connection.id)) { (connection.name) }
                    (badge::connection(lang, connection))
                    @if self.demo && crate::demo::is_of_demo(connection) { span.badge.calm { "Demo" } }
                    @else if connection.host == crate::demo::HOST { span.badge.calm { (&lang[t::TEST_TILL]) } }
                }
                nav.tools aria-label=(&lang[t::TOOLS]) {
                    @if self.visit.signed_in {
                        a href="/" { (&lang[t::RESTAURANTS]) }
                        a href="/programs" { (&lang[t::PROGRAMS]) }
                        a href="/health" { (&lang[t::HEALTH]) }
                    }
                    @for other in Lang::ALL.into_iter().filter(|other| *other != lang) {
                        (post(&self.visit, "/language", html! {
                            input type="hidden" name="to" value=(other.code());
                            input type="hidden" name="back" value=(self.visit.path);
                            button.link type="submit" lang=(other.code()) { (other.name()) }
                        }))
                    }
                    @if self.visit.signed_in {
                        (post(&self.visit, "/logout", html! { button.link type="submit" { (&lang[t::SIGN_OUT]) } }))
                    }
                }
            }
        }
    }
}

fn navigation(lang: Lang, connection: &Connection, here: Here) -> Markup {
    let link = |page: Here| {
        let current = (page == here).then_some("page");
        html! {
            li { a href=(format!("/restaurants/{}{}", connection.id, page.path())) aria-current=[current] { (&lang[page.title()]) } }
        }
    };
    let groups = html! {
        @for (name, pages) in NAVIGATION {
            @if let Some(name) = name { h2 { (&lang[name]) } }
            ul { @for page in pages { (link(*page)) } }
        }
    };
    html! {
        nav.pages aria-label=(&lang[t::MAIN_MENU]) {
            input #pages-open type="checkbox" aria-label=(&lang[t::MENU_BUTTON]);
            label for="pages-open" aria-hidden="true" { (&lang[t::MENU_BUTTON]) }
            div.groups { (groups) }
        }
    }
}

/// A form that changes something, with what shows that it is ours.
pub(crate) fn post(visit: &Visit, action: &str, fields: Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name="form_token" value=(visit.form_token);
            (fields)
        }
    }
}

/// What to do next where there is nothing yet.
pub(crate) fn empty(title: &str, about: &str, next: Markup) -> Markup {
    html! { section.empty { h2 { (title) } p { (about) } (next) } }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.render()).into_response();
        if self.visit.notice.is_some() {
            self.visit.set_cookie(response.headers_mut(), NOTICE, "");
        }
        response
    }
}
