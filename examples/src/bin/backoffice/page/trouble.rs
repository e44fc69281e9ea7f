//! What is shown in the place of a page.

use axum::response::{IntoResponse as _, Response};
use maud::html;

use crate::app::App;
use crate::safe::guard::Visit;
use crate::text::frame as t;
use crate::view::answer::Trouble;
use crate::view::layout::Page;

pub(crate) fn show(app: &App, visit: &Visit, trouble: &Trouble) -> Response {
    let lang = visit.lang;
    let (title, about) = match trouble {
        Trouble::NotFound => (t::NOT_FOUND, lang[t::NOT_FOUND_ABOUT].to_owned()),
        Trouble::Forgery => (t::FORGERY, lang[t::FORGERY_ABOUT].to_owned()),
        Trouble::TooLarge => (t::TOO_LARGE, String::new()),
        Trouble::NotConnected(_) => (t::NOT_CONNECTED, lang[t::NOT_CONNECTED_ABOUT].to_owned()),
        Trouble::Paused(_) => (t::PAUSED, lang[t::PAUSED_ABOUT].to_owned()),
        Trouble::Refused(why) => (t::REFUSED, lang.reason(why)),
        Trouble::Failed(why) => {
            tracing::error!(path = %visit.path, error = %why, "a page could not be shown");
            (t::FAILED, lang[t::FAILED_ABOUT].to_owned())
        }
    };
    // Of a form that was refused, the page that it stands on.
    let back = visit.from.as_deref().filter(|from| *from != visit.path);
    let body = html! {
        p.lead { (about) }
        p.actions {
            @if let Some(back) = back { a.button.quiet href=(back) { (&lang[t::CANCEL]) } }
            @match trouble {
                Trouble::NotConnected(id) => {
                    a.button href=(format!("/restaurants/{id}/connection")) { (&lang[crate::text::connection::CONNECT_AGAIN]) }
                }
                Trouble::Paused(id) => {
                    a.button href=(format!("/restaurants/{id}/connection")) { (&lang[crate::text::connection::RESUME]) }
                }
                _ => { a.button href="/" { (&lang[t::HOME]) } }
            }
        }
    };
    let page = Page::new(visit.clone(), lang[title].to_owned(), body).demo(app.demo.is_some());
    page.status(trouble.status()).into_response()
}
