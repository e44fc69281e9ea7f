//! Orders by state, and what can be done with several at once.

use maud::{Markup, html};
use mplus_sync::model::{OrderKind, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Waiting};

use super::menu::encoded;
use super::tables::written;
use crate::text::{frame, orders as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::Field;
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{count, euros, moment, time};
use crate::view::reason::said;
use crate::view::table::scrolling;

const PAGE: usize = 50;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Result<Go, Page>, Trouble> {
    let (lang, number) = (at.lang, query.text("number"));
    let is_known = match query.filled("number") {
        Some(number) => at.store().entry(at.id(), &OrderNumber::from(number)).await?.is_some(),
        None => false,
    };
    if is_known {
        return Ok(Ok(Go::to(at.path(&format!("/orders/order?number={}", encoded(number))))));
    }
    let counts = at.store().counts(at.id()).await?;
    let of = |kind| counts.get(&kind).copied().unwrap_or_default();
    let chosen = chosen(query.text("state"), of);
    let entries = at.store().entries(at.id(), chosen, query.number("after"), PAGE).await?;
    let next = entries.last().filter(|_| entries.len() == PAGE).map(|last| last.sequence);
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        form.filter method="get" role="search" {
            (Field::text(lang, "number", t::FIND).kind("search").value(number).wrong((!number.is_empty()).then(|| &lang[t::NOT_FOUND])).show())
            button.quiet type="submit" { (&lang[frame::SEARCH]) }
        }
        nav.states aria-label=(&lang[frame::STATE]) {
            @for kind in OutboxStateKind::ALL {
                a href=(at.path(&format!("/orders?state={}", kind.as_str()))) aria-current=[(kind == chosen).then_some("page")] {
                    (&lang[t::state(kind)]) " " span.count { (count(lang, of(kind))) }
                }
            }
        }
        @if entries.is_empty() {
            (empty(&lang[t::NO_ORDERS], &lang[t::NO_ORDERS_ABOUT], html! { a.button href=(at.path("/kiosk")) { (&lang[frame::KIOSK]) } }))
        } @else {
            (post(&at.visit, &at.path("/orders"), html! {
                input type="hidden" name="state" value=(chosen.as_str());
                (table(&at, &entries, chosen))
                (actions(&at, chosen))
            }))
        }
        @if let Some(next) = next {
            nav.pager aria-label=(&lang[frame::PAGES]) {
                a href=(at.path(&format!("/orders?state={}&after={next}", chosen.as_str()))) { (&lang[frame::NEXT]) }
            }
        }
    };
    Ok(Err(at.page(Here::Orders, body)))
}

/// The state that is asked for; `attention` is the first in which orders wait for a person, and nothing the first that has any.
fn chosen(name: &str, of: impl Fn(OutboxStateKind) -> u64) -> OutboxStateKind {
    let has_some = |kind: &OutboxStateKind| of(*kind) > 0;
    let waits = OutboxStateKind::ALL.into_iter().filter(|kind| kind.waits_for_person());
    let named = OutboxStateKind::ALL.into_iter().find(|kind| kind.as_str() == name);
    match name {
        "attention" => waits.clone().find(has_some).unwrap_or(OutboxStateKind::NeedsAttention),
        _ => named
            .or_else(|| waits.clone().find(has_some))
            .or_else(|| [OutboxStateKind::Waiting, OutboxStateKind::Sending].into_iter().find(has_some))
            .unwrap_or(OutboxStateKind::Accepted),
    }
}

fn can_be_chosen(kind: OutboxStateKind) -> bool {
    kind.waits_for_person() || matches!(kind, OutboxStateKind::Waiting | OutboxStateKind::Withdrawn)
}

fn table(at: &At, entries: &[OutboxEntry], kind: OutboxStateKind) -> Markup {
    let (lang, boxes) = (at.lang, can_be_chosen(kind));
    html! {
        (scrolling(html! { table {
            thead { tr {
                @if boxes { th scope="col" { input type="checkbox" data-all="order" aria-label=(&lang[t::SELECT_ALL]); } }
                th scope="col" { (&lang[t::NUMBER]) } th scope="col" { (&lang[t::KIND]) } th.number scope="col" { (&lang[t::TOTAL]) }
                th scope="col" { (&lang[t::QUEUED_AT]) } th scope="col" { (&lang[frame::STATE]) }
            } }
            tbody { @for entry in entries {
                @let number = entry.order.number.as_str();
                tr {
                    @if boxes { td { input type="checkbox" name="order" value=(number) aria-label=(lang.fill(t::SELECT, &[&number])); } }
                    th scope="row" { a href=(at.path(&format!("/orders/order?number={}", encoded(number)))) { (number) } }
                    td { (order_kind(lang, &entry.order.kind)) }
                    td.number { (euros(lang, entry.order.total)) }
                    td { (time(lang, entry.queued_at)) }
                    td { (state(lang, entry)) }
                }
            } }
        } }))
    }
}

/// How the order reaches the guest.
pub(crate) fn order_kind(lang: Lang, kind: &OrderKind) -> String {
    match kind {
        OrderKind::Pickup => lang[t::PICKUP].to_owned(),
        OrderKind::Delivery { .. } => lang[t::DELIVERY].to_owned(),
        OrderKind::DineInPayLater { table, .. } => lang.fill(t::TABLE_LATER, &[&written(table)]),
        OrderKind::DineInPayNow { table, .. } => lang.fill(t::TABLE_NOW, &[&written(table)]),
    }
}

/// How an order stands, and why.
pub(crate) fn state(lang: Lang, entry: &OutboxEntry) -> Markup {
    let kind = entry.state.kind();
    let tone = match kind {
        OutboxStateKind::Accepted => Tone::Good,
        OutboxStateKind::Waiting | OutboxStateKind::Sending => Tone::Waits,
        kind if kind.waits_for_person() => Tone::Bad,
        _ => Tone::Calm,
    };
    let why = match &entry.state {
        OutboxState::Waiting(Waiting::PosAway { since }) => {
            lang.fill(t::AWAY_SINCE, &[&moment(lang, *since)])
        }
        OutboxState::Waiting(Waiting::TableClaimed { since }) => {
            lang.fill(t::CLAIMED_SINCE, &[&moment(lang, *since)])
        }
        OutboxState::Waiting(Waiting::Resting | Waiting::Host { .. }) => {
            lang.fill(t::RESTING, &[&moment(lang, entry.due_at)])
        }
        OutboxState::Waiting(_) => lang[t::ITS_TURN].to_owned(),
        OutboxState::Rejected { reason }
        | OutboxState::NeedsAttention { reason }
        | OutboxState::Withdrawn { reason }
        | OutboxState::Cancelled { reason, .. }
        | OutboxState::Skipped { reason } => {
            return html! { (badge(tone, &lang[t::state(kind)])) br; span.hint { (said(lang, reason)) } };
        }
        _ => String::new(),
    };
    html! { (badge(tone, &lang[t::state(kind)])) @if !why.is_empty() { br; span.hint { (why) } } }
}

fn actions(at: &At, kind: OutboxStateKind) -> Markup {
    let lang = at.lang;
    let can_be_sent = kind.waits_for_person() || kind == OutboxStateKind::Withdrawn;
    html! {
        @if can_be_chosen(kind) {
            p.actions {
                @if can_be_sent { button type="submit" name="do" value="requeue" { (&lang[t::REQUEUE]) } }
                @if kind != OutboxStateKind::Withdrawn { button.quiet type="submit" name="do" value="withdraw" { (&lang[t::WITHDRAW]) } }
                @if kind.waits_for_person() { button.quiet type="submit" name="do" value="requeue_all" { (&lang[t::REQUEUE_ALL]) } }
            }
        }
    }
}

/// Does the same with all that were selected.
pub(crate) async fn act(at: At, fields: Fields) -> Result<Go, Trouble> {
    let back = Go::to(at.path(&format!("/orders?state={}", encoded(fields.text("state")))));
    let (lang, now, store) = (at.lang, at.now(), at.store());
    if fields.text("do") == "requeue_all" {
        let sent = store.requeue_all(at.id(), None, now).await?;
        return Ok(back.saying(lang.fill(t::REQUEUED, &[&count(lang, sent)])));
    }
    let (mut done, mut refused) = (0, Vec::new());
    for number in fields.all("order").map(OrderNumber::from) {
        let result = match fields.text("do") {
            "withdraw" => store.withdraw(at.id(), &number, &lang[t::BY_HAND], now).await,
            _ => store.requeue(at.id(), &number, now).await,
        };
        match result {
            Ok(()) => done += 1,
            Err(error) => refused.push(lang.fill(t::NOT_DONE, &[&number, &lang.reason(&error.to_string())])),
        }
    }
    let said = if fields.text("do") == "withdraw" { t::WITHDRAWN_NOW } else { t::REQUEUED };
    Ok(match (done, refused.is_empty()) {
        (0, true) => back.warning(&lang[t::NOTHING_SELECTED]),
        (done, true) => back.saying(lang.fill(said, &[&done])),
        (done, false) => back.warning(format!("{} {}", lang.fill(said, &[&done]), refused.join(" "))),
    })
}
