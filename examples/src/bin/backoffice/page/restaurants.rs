//! All restaurants, to leaf through and to search.

use std::sync::Arc;

use maud::html;
use mplus_sync::model::{Connection, ConnectionId};
use mplus_sync::store::{Page as StorePage, Store, StoreError};

use crate::demo;
use crate::text::{connection as t, frame};
use crate::view::answer::Trouble;
use crate::view::at::Desk;
use crate::view::badge;
use crate::view::fields::Query;
use crate::view::form::Field;
use crate::view::layout::{Page, empty};
use crate::view::number::time;
use crate::view::table::scrolling;

const PAGE: usize = 50;
/// How many are read at once while some are searched for.
const CHUNK: usize = 1000;

pub(crate) async fn show(desk: Desk, Query(query): Query) -> Result<Page, Trouble> {
    let lang = desk.lang;
    let (text, after) = (query.text("text"), query.filled("after").map(ConnectionId::from));
    let is_whole = after.is_none() && text.is_empty();
    let connections = find(desk.app.restaurants.store(), text, after).await?;
    let next = connections.last().filter(|_| connections.len() == PAGE).map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("text", text).append_pair("after", last.id.as_str()).finish()
    });
    let connect = html! { a.button href="/connect" { (&lang[t::CONNECT_ANOTHER]) } };
    let body = html! {
        @if desk.app.demo.is_some() {
            p.notice role="note" { (lang.fill(frame::DEMO_RUNS, &[&demo::ID])) }
        }
        @if connections.is_empty() && is_whole {
            (empty(&lang[t::NO_RESTAURANTS], &lang[t::NO_RESTAURANTS_ABOUT], connect))
        } @else {
            form.filter method="get" role="search" {
                (Field::text(lang, "text", frame::SEARCH).kind("search").value(text).show())
                button.quiet type="submit" { (&lang[frame::FILTER]) }
            }
            @if connections.is_empty() { (empty(&lang[t::NONE_FOUND], &lang[t::NONE_FOUND_ABOUT], html! {})) } @else { (scrolling(html! { table {
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
            } })) }
            @if let Some(next) = next {
                nav.pager aria-label=(&lang[frame::PAGES]) { a href=(format!("/?{next}")) { (&lang[frame::NEXT]) } }
            }
            p.actions { (connect) }
        }
        p { a href="/password" { (&lang[frame::CHANGE_PASSWORD]) } }
    };
    Ok(desk.page(frame::RESTAURANTS, body))
}

/// The next restaurants whose name, identifier or address at the till's service has this text; all of them when it is empty.
async fn find(
    store: &Arc<dyn Store>,
    text: &str,
    mut after: Option<ConnectionId>,
) -> Result<Vec<Connection>, StoreError> {
    let limit = if text.is_empty() { PAGE } else { CHUNK };
    let text = text.to_lowercase();
    let has_text = |connection: &Connection| {
        [connection.name.as_str(), connection.id.as_str(), &connection.host]
            .iter()
            .any(|word| word.to_lowercase().contains(&text))
    };
    let mut found = Vec::new();
    loop {
        let chunk = store.connections(StorePage { after, limit }).await?;
        after = chunk.last().filter(|_| chunk.len() == limit).map(|last| last.id.clone());
        found.extend(chunk.into_iter().filter(has_text));
        if after.is_none() || found.len() >= PAGE {
            found.truncate(PAGE);
            return Ok(found);
        }
    }
}
