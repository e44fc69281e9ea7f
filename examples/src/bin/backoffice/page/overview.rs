//! A restaurant at a glance: what needs a person, and how much there is of everything.

use maud::{Markup, html};
use mplus_sync::model::{ConnectionStatus, OutboxStateKind};
use mplus_webhooks::MerchantId;
use mplus_webhooks::inbox::EntryFilter;

use super::menu::encoded;
use super::{connection, locations};
use crate::restaurant::attention::{self, Matter, Sort};
use crate::restaurant::index::Index;
use crate::restaurant::own_data;
use crate::text::{Text, connection as t, frame, orders};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::layout::{Here, Page, post};
use crate::view::number::{count, moment, time};
use crate::view::reason::said;

/// Things that have happened and need a person, on one page.
const MATTERS: usize = 50;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    let counts = at.store().counts(at.id()).await?;
    let index = at.app.restaurants.index.of(at.id()).await?;
    let how_many = |of: fn(&Index) -> usize| match &index {
        Some(index) => count(lang, of(index) as u64),
        None => "…".to_owned(),
    };
    let attention = to_do(&at).await?;
    let matters = attention::open(&at.app.records, at.id().as_str(), MATTERS + 1).await?;
    let of = |kind| counts.get(&kind).copied().unwrap_or_default();
    let body = html! {
        section.card aria-labelledby="attention" {
            h2 #attention { (&lang[t::ATTENTION]) }
            @if attention.is_empty() && matters.is_empty() {
                p.calm { (&lang[t::ALL_WELL]) }
            } @else {
                ul.attention {
                    @for (text, path) in &attention { li { (text) " " a href=(at.path(path)) aria-label=(format!("{}: {text}", &lang[t::OPEN])) { (&lang[t::OPEN]) } } }
                    @for (id, matter) in matters.iter().take(MATTERS) { li { (matter_line(&at, id, matter)) } }
                    @if matters.len() > MATTERS { li { (&lang[t::MORE_MATTERS]) } }
                }
            }
        }
        div.cards {
            (card(&at, Here::Orders, "/orders", html! {
                @for kind in [OutboxStateKind::Waiting, OutboxStateKind::Sending, OutboxStateKind::Accepted] {
                    (figure(count(lang, of(kind)), &lang[orders::state(kind)]))
                }
            }))
            (card(&at, Here::Menu, "/menu", html! {
                (figure(how_many(|index| index.lines.len()), &lang[crate::text::menu::ITEMS]))
                (figure(how_many(|index| index.categories.len()), &lang[crate::text::menu::CATEGORIES]))
            }))
            (card(&at, Here::Sync, "/sync", html! {
                p { (&lang[t::LAST_SYNC]) ": " @match at.connection.last_sync_at { Some(at) => (time(lang, at)), None => (&lang[frame::NEVER]) } }
            }))
        }
    };
    Ok(at.page(Here::Overview, body))
}

fn card(at: &At, here: Here, path: &str, body: Markup) -> Markup {
    html! { section.card { h2 { a href=(at.path(path)) { (&at.lang[here.title()]) } } (body) } }
}

fn figure(number: String, what: &str) -> Markup {
    html! { p.figure { strong { (number) } " " span { (what) } } }
}

/// One thing that has happened and needs a person, who ticks it off.
fn matter_line(at: &At, id: &str, matter: &Matter) -> Markup {
    let lang = at.lang;
    let page = if matter.sort.is_of_inbox() { "/webhooks/entry" } else { "/payments/payment" };
    // Read out by themselves, links and buttons say what they are about.
    let about =
        |does: Text| format!("{}: {}, {}", &lang[does], moment(lang, matter.at), &lang[word(matter.sort)]);
    html! {
        (time(lang, matter.at)) ": " (&lang[word(matter.sort)])
        @if let Some(why) = &matter.why { " " span.hint { (said(lang, why)) } }
        " " a href=(at.path(&format!("{page}?id={}", encoded(&matter.about)))) aria-label=(about(t::OPEN)) { (&lang[t::OPEN]) }
        (post(&at.visit, &at.path("/attention"), html! {
            input type="hidden" name="id" value=(id);
            button.link type="submit" aria-label=(about(t::TICK_OFF)) { (&lang[t::TICK_OFF]) }
        }))
    }
}

fn word(sort: Sort) -> Text {
    match sort {
        Sort::PaidNotOrdered => t::MATTER_PAID_NOT_ORDERED,
        Sort::UnexpectedCapture => t::MATTER_UNEXPECTED_CAPTURE,
        Sort::NotFetched => t::MATTER_NOT_FETCHED,
        Sort::Unresolved => t::MATTER_UNRESOLVED,
        Sort::Conflict => t::MATTER_CONFLICT,
        Sort::RefundFailed => t::MATTER_REFUND_FAILED,
        Sort::FurtherPart => t::MATTER_FURTHER_PART,
        Sort::ToldAgain => t::MATTER_TOLD_AGAIN,
        Sort::CancelledAfterCompletion => t::MATTER_CANCELLED,
        Sort::WithoutSession => t::MATTER_WITHOUT_SESSION,
        Sort::Odd => t::MATTER_ODD,
    }
}

/// Somebody has seen to it.
pub(crate) async fn tick_off(at: At, fields: Fields) -> Result<Go, Trouble> {
    attention::tick_off(&at.app.records, at.id().as_str(), fields.text("id")).await?;
    Ok(Go::to(at.path("")))
}

/// What a person has to do, and where.
async fn to_do(at: &At) -> Result<Vec<(String, &'static str)>, Trouble> {
    let (lang, mut found) = (at.lang, Vec::new());
    match &at.connection.status {
        _ if at.connection.other_pos.is_some() => {
            found.extend(connection::other_till(lang, &at.connection).map(|said| (said, "/connection")));
        }
        ConnectionStatus::Failing { last_error, .. } => {
            found.push((lang.fill(t::ATTENTION_CONNECTION, &[&lang.reason(last_error)]), "/connection"));
        }
        ConnectionStatus::Disconnected { .. } => {
            found.push((lang[frame::NOT_CONNECTED_ABOUT].to_owned(), "/connection"))
        }
        ConnectionStatus::Connected if at.connection.paused.is_some() => {
            found.push((lang[t::ATTENTION_PAUSED].to_owned(), "/connection"));
        }
        ConnectionStatus::Connected => {}
    }
    if at.app.subscriptions.of(at.id()).await?.is_some() && !at.takes_payments().await? {
        found.push((lang[t::ATTENTION_NO_PROVIDER].to_owned(), "/providers"));
    }
    if at.connection.last_sync_at.is_none() {
        found.push((lang[t::ATTENTION_NEVER_SYNCED].to_owned(), "/sync"));
    }
    let counts = at.store().counts(at.id()).await?;
    let waiting: u64 =
        counts.iter().filter(|(kind, _)| kind.waits_for_person()).map(|(_, count)| count).sum();
    if waiting > 0 {
        found.push((lang.fill(t::ATTENTION_ORDERS, &[&count(lang, waiting)]), "/orders?state=attention"));
    }
    let dead = EntryFilter::dead().of(MerchantId::new(at.id().as_str()));
    let at_most = dead.limit;
    let dead = at.app.webhooks.inbox().list(&dead).await?.len();
    if dead > 0 {
        // There may be more than were counted.
        let dead = format!("{dead}{}", if dead >= at_most { "+" } else { "" });
        found.push((lang.fill(t::ATTENTION_DEAD, &[&dead]), "/webhooks?state=dead"));
    }
    let locations = locations::all(at).await?;
    let own = own_data::all_filled_in(&at.app.records, at.id()).await?;
    let incomplete =
        locations.iter().filter(|location| !own.of(&location.record.id).missing(&location.record).is_empty());
    let incomplete = incomplete.count();
    if incomplete > 0 {
        found.push((lang.fill(t::ATTENTION_LOCATIONS, &[&incomplete]), "/locations"));
    }
    Ok(found)
}
