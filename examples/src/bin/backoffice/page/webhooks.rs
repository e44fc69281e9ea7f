//! The webhook inbox: the subscription, what arrived, dead letters and replay.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_webhooks::MerchantId;
use mplus_webhooks::adapter::BASE_PATH;
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryId, EntryState};

use super::menu::encoded;
use super::payments::before;
use crate::restaurant::newest;
use crate::text::{Text, connection, frame, payments as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, choose};
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::time;
use crate::view::reason::said;
use crate::view::table::scrolling;
use crate::webhooks::SubscriptionError;

const PAGE: usize = 50;

const STATES: [(EntryState, Text); 6] = [
    (EntryState::Received, t::STATE_RECEIVED),
    (EntryState::Working, t::STATE_WORKING),
    (EntryState::Retrying, t::STATE_RETRYING),
    (EntryState::Done, t::STATE_DONE),
    (EntryState::Dead, t::STATE_DEAD),
    (EntryState::Discarded, t::STATE_DISCARDED),
];

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    page(&at, &query, None).await
}

async fn page(at: &At, query: &Fields, refused: Option<Refused>) -> Result<Page, Trouble> {
    let lang = at.lang;
    let mut filter = EntryFilter::default().of(MerchantId::new(at.id().as_str()));
    filter.states.extend(EntryState::from_name(query.text("state")));
    let (entries, older) = newest::entries(&at.app.webhooks, &filter, before(at, query), PAGE).await?;
    let states: Vec<_> = std::iter::once((String::new(), lang[frame::ALL].to_owned()))
        .chain(STATES.iter().map(|(state, text)| (state.name().to_owned(), lang[*text].to_owned())))
        .collect();
    let next = html! { a.button href=(at.path("/till")) { (&lang[frame::TILL]) } };
    let body = html! {
        p.lead { (&lang[t::HOOKS_ABOUT]) }
        h2 { (&lang[t::EVENTS]) }
        form.filter method="get" {
            (choose(lang, "state", frame::STATE, &states, query.text("state")))
            button.quiet type="submit" { (&lang[frame::FILTER]) }
        }
        @if entries.is_empty() { (empty(&lang[t::NO_EVENTS], &lang[t::NO_EVENTS_ABOUT], next)) } @else {
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[t::ARRIVED]) } th scope="col" { (&lang[t::EVENT]) }
                    th scope="col" { (&lang[t::ABOUT_WHAT]) } th scope="col" { (&lang[frame::STATE]) }
                } }
                tbody { @for entry in &entries {
                    tr {
                        td.nowrap { (time(lang, entry.received_at)) }
                        th scope="row" { a href=(at.path(&format!("/webhooks/entry?id={}", encoded(entry.id.as_str())))) { (entry.event.as_str()) } }
                        td { @if let Some(subject) = &entry.subject { code { (subject) } } }
                        td { (state(lang, entry)) }
                    }
                } }
            } }))
        }
        @if let Some(older) = older {
            nav.pager aria-label=(&lang[frame::PAGES]) {
                a href=(at.path(&format!("/webhooks?state={}&before={}", encoded(query.text("state")), older.timestamp_micros()))) { (&lang[frame::OLDER]) }
            }
        }
        (subscription(at, refused).await?)
    };
    Ok(at.page(Here::Webhooks, body))
}

/// A subscription that was not kept: the id that was entered, and what is wrong with it and with the key.
#[derive(Default)]
struct Refused {
    entered: Option<String>,
    wrong_id: Option<String>,
    wrong_key: Option<String>,
}

async fn subscription(at: &At, refused: Option<Refused>) -> Result<Markup, Trouble> {
    let lang = at.lang;
    let Refused { entered, wrong_id, wrong_key } = refused.unwrap_or_default();
    let stored = at.app.subscriptions.of(at.id()).await?;
    let id = entered.or_else(|| stored.as_ref().map(|stored| stored.id.clone())).unwrap_or_default();
    Ok(html! {
        section.card #subscription {
            h2 { (&lang[t::SUBSCRIPTION]) " " @if stored.is_some() { (badge(Tone::Good, &lang[t::HAS_SUBSCRIPTION])) } }
            @if stored.is_none() { p { (&lang[t::NO_SUBSCRIPTION]) } }
            p { (&lang[t::SUBSCRIPTION_ABOUT]) }
            dl.facts { dt { (&lang[t::SUBSCRIPTION_URL]) } dd { code { (at.app.public_url) (BASE_PATH) } } }
            @if !at.app.is_https() { p.notice role="note" { (&lang[t::SUBSCRIPTION_LOCAL]) } }
            (post(&at.visit, &at.path("/webhooks"), html! {
                div.row {
                    (Field::text(lang, "subscription", t::SUBSCRIPTION_ID).value(id).required().wrong(wrong_id).show())
                    (Field::text(lang, "secret", t::SECRET).kind("password").hint(t::SECRET_HINT).required().wrong(wrong_key).show())
                }
                button type="submit" { (&lang[frame::SAVE]) }
            }))
        }
    })
}

/// How an entry stands, and why.
fn state(lang: Lang, entry: &Entry) -> Markup {
    // What was forgotten is in no list, and is met by an older link.
    let word =
        STATES.iter().find(|(state, _)| *state == entry.state).map_or(t::STATE_FORGOTTEN, |(_, text)| *text);
    let tone = match entry.state {
        EntryState::Done => Tone::Good,
        EntryState::Dead => Tone::Bad,
        EntryState::Discarded | EntryState::Forgotten => Tone::Calm,
        _ => Tone::Waits,
    };
    html! {
        (badge(tone, &lang[word]))
        @if let Some(error) = entry.last_error.as_ref().filter(|_| entry.state != EntryState::Done) { br; span.hint { (said(lang, error)) } }
    }
}

/// Keeps another subscription, or another key of the same.
pub(crate) async fn subscribe(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let (id, secret) = (fields.text("subscription"), fields.raw("secret").unwrap_or_default());
    if id.is_empty() {
        let needed = at.lang[connection::NEEDED].to_owned();
        let refused = Refused { wrong_id: Some(needed), ..Refused::default() };
        return Ok(Err(not_kept(&at, refused).await?));
    }
    Ok(match at.app.subscriptions.save(at.id(), id, secret).await {
        Ok(()) => Ok(Go::to(at.path("/webhooks")).saying(&at.lang[frame::SAVED])),
        Err(SubscriptionError::Secret(error)) => {
            let wrong_key = Some(at.lang.reason(&error.to_string()));
            let entered = Some(id.to_owned());
            Err(not_kept(&at, Refused { entered, wrong_key, wrong_id: None }).await?)
        }
        Err(error) => return Err(Trouble::failed(error)),
    })
}

async fn not_kept(at: &At, refused: Refused) -> Result<Page, Trouble> {
    Ok(page(at, &Fields::default(), Some(refused)).await?.status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// This restaurant's entry.
async fn find(at: &At, id: &str) -> Result<Entry, Trouble> {
    let entry = at.app.webhooks.inbox().entry(&EntryId::new(id)).await?;
    entry.filter(|entry| entry.merchant.as_str() == at.id().as_str()).ok_or(Trouble::NotFound)
}

/// One entry, with what was sent.
pub(crate) async fn one(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let (lang, entry) = (at.lang, find(&at, query.text("id")).await?);
    let body_text =
        entry.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    let pretty = serde_json::from_str::<serde_json::Value>(&body_text).ok();
    let pretty = pretty.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or(body_text);
    let hidden = html! { input type="hidden" name="id" value=(entry.id); };
    let body = html! {
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) } dd { (state(lang, &entry)) }
                dt { (&lang[t::ARRIVED]) } dd { (time(lang, entry.received_at)) }
                @if let Some(subject) = &entry.subject { dt { (&lang[t::ABOUT_WHAT]) } dd { code { (subject) } } }
                dt { (&lang[t::ATTEMPTS]) } dd { (entry.attempts) }
            }
            @if !entry.state.is_open() && entry.body.is_some() {
                (post(&at.visit, &at.path("/webhooks/entry"), html! {
                    (hidden)
                    p.actions {
                        button type="submit" name="do" value="replay" { (&lang[t::REPLAY]) }
                        @if entry.state == EntryState::Dead { button.quiet type="submit" name="do" value="discard" { (&lang[t::DISCARD]) } }
                    }
                    p.hint { (&lang[t::REPLAY_ABOUT]) }
                }))
            }
        }
        h2 { (&lang[t::BODY]) }
        pre tabindex="0" role="group" aria-label=(&lang[t::BODY]) { (pretty) }
        p { a href=(at.path("/webhooks")) { (&lang[frame::WEBHOOKS]) } }
    };
    Ok(at.page_below(Here::Webhooks, entry.event.as_str().to_owned(), body))
}

/// Works an entry off again, or lays it aside.
pub(crate) async fn decide(at: At, fields: Fields) -> Result<Go, Trouble> {
    let entry = find(&at, fields.text("id")).await?;
    let inbox = at.app.webhooks.inbox();
    let back = Go::to(at.path(&format!("/webhooks/entry?id={}", encoded(entry.id.as_str()))));
    Ok(if fields.text("do") == "discard" {
        inbox.discard(&entry.id).await?;
        back.saying(&at.lang[t::DISCARDED_NOW])
    } else {
        inbox.replay(&entry.id).await?;
        back.saying(&at.lang[t::REPLAYED])
    })
}
