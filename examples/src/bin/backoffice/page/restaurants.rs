//! All restaurants.

use maud::html;
use mplus_sync::model::ConnectionId;
use mplus_sync::store::Page as StorePage;

use crate::demo;
use crate::text::{connection as t, frame};
use crate::view::answer::Trouble;
use crate::view::at::Desk;
use crate::view::badge;
use crate::view::fields::Query;
use crate::view::layout::{Page, empty};
use crate::view::number::time;

const PAGE: usize = 50;

pub(crate) async fn show(desk: Desk, Query(query): Query) -> Result<Page, Trouble> {
    let lang = desk.lang;
    let page = StorePage { after: query.filled("after").map(ConnectionId::from), limit: PAGE };
    let connections = desk.app.restaurants.store().connections(page).await?;
    let next = connections.last().filter(|_| connections.len() == PAGE).map(|last| last.id.to_string());
    let is_first = query.filled("after").is_none();
    let connect = html! { a.button href="/connect" { (&lang[t::CONNECT_ANOTHER]) } };
    let body = html! {
        @if desk.app.demo.is_some() {
            p.notice role="note" { (lang.fill(frame::DEMO_RUNS, &[&demo::ID])) }
        }
        @if connections.is_empty() && is_first {
            (empty(&lang[t::NO_RESTAURANTS], &lang[t::NO_RESTAURANTS_ABOUT], connect))
        } @else {
            table {
                thead { tr { th scope="col" { (&lang[frame::NAME]) } th scope="col" { (&lang[frame::STATE]) } th scope="col" { (&lang[t::LAST_SYNC]) } } }
                tbody {
                    @for connection in &connections {
                        tr {
                            th scope="row" { a href=(format!("/restaurants/{}", connection.id)) { (connection.name) } }
                            td { (badge::connection(lang, connection)) }
                            td { @match connection.last_sync_at { Some(at) => (time(lang, at)), None => (&lang[frame::NEVER]) } }
                        }
                    }
                }
            }
            @if let Some(next) = next {
                nav.pager aria-label=(&lang[frame::PAGES]) { a href=(format!("/?after={next}")) { (&lang[frame::NEXT]) } }
            }
            p.actions { (connect) }
        }
    };
    Ok(desk.page(frame::RESTAURANTS, body))
}
