//! How the program is doing, for people and for machines.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use mplus_sync::fleet::FleetStatus;
use mplus_sync::model::ConnectionId;
use mplus_sync::store::Page as StorePage;
use mplus_webhooks::inbox::EntryFilter;
use serde_json::json;

use crate::app::App;
use crate::text::{connection as t, frame};
use crate::view::Lang;
use crate::view::answer::Trouble;
use crate::view::at::Desk;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Query;
use crate::view::layout::Page;
use crate::view::number::{count, time};
use crate::view::reason::said;
use crate::view::table::scrolling;

/// Restaurants on one page of those that fail.
const PAGE: usize = 50;
/// So many dead letters are counted, and no more.
const COUNTED: usize = 1000;

/// What was asked, and what each answered.
struct Asked {
    fleet: Result<FleetStatus, String>,
    records: Result<(), String>,
    dead: Result<usize, String>,
}

async fn ask(app: &App) -> Asked {
    let mut dead = EntryFilter::dead();
    dead.limit = COUNTED;
    Asked {
        fleet: app.restaurants.fleet().status().await.map_err(|error| error.to_string()),
        records: app.records.get("password", "admin").await.map(drop).map_err(|error| error.to_string()),
        dead: app
            .webhooks
            .inbox()
            .list(&dead)
            .await
            .map(|dead| dead.len())
            .map_err(|error| error.to_string()),
    }
}

impl Asked {
    fn store(&self) -> Result<(), &String> {
        self.fleet.as_ref().map(drop).and(self.records.as_ref().copied())
    }

    /// Whether the background work of this process goes on.
    fn works(&self, app: &App) -> bool {
        let this = app.restaurants.host().worker();
        let works = |status: &FleetStatus| status.processes.iter().any(|process| process.worker == *this);
        self.fleet.as_ref().is_ok_and(works)
    }
}

/// The process lives.
pub(crate) async fn is_live() -> &'static str {
    "ok\n"
}

/// The process can work: its database and its inbox answer, and its background work goes on. Says nothing that a stranger may
/// not know.
pub(crate) async fn is_ready(State(app): State<App>) -> Response {
    let asked = ask(&app).await;
    let (store, fleet, inbox) = (asked.store().is_ok(), asked.works(&app), asked.dead.is_ok());
    let status = if store && fleet && inbox { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "store": store, "fleet": fleet, "inbox": inbox }))).into_response()
}

pub(crate) async fn show(desk: Desk, Query(query): Query) -> Result<Page, Trouble> {
    let (lang, asked) = (desk.lang, ask(&desk.app).await);
    let fleet = asked.fleet.clone().unwrap_or_default();
    let silent = lang[t::FLEET_SILENT].to_owned();
    let silent = (!asked.works(&desk.app)).then_some(&silent);
    let merchants = [fleet.merchants, fleet.held, fleet.failing].map(|number| count(lang, number));
    let [all, held, failing] = &merchants;
    let dead = *asked.dead.as_ref().unwrap_or(&0);
    let dead = format!("{}{}", count(lang, dead as u64), if dead == COUNTED { "+" } else { "" });
    let body = html! {
        p.lead { (&lang[t::HEALTH_ABOUT]) }
        section.card {
            dl.facts {
                dt { (&lang[t::STORE_ANSWERS]) } dd { (word(lang, asked.store().err())) }
                dt { (&lang[t::FLEET_ANSWERS]) } dd { (word(lang, silent)) }
                dt { (&lang[t::INBOX_ANSWERS]) } dd { (word(lang, asked.dead.as_ref().err())) }
                dt { (&lang[t::MERCHANTS]) } dd { (lang.fill(t::MERCHANTS_ARE, &[all, held, failing])) }
                dt { (&lang[t::BACKLOG]) } dd { (count(lang, fleet.orders.waiting + fleet.orders.sending)) }
                @if let Some(oldest) = fleet.orders.oldest { dt { (&lang[t::OLDEST]) } dd { (time(lang, oldest)) } }
                dt { (&lang[t::RUNS_DUE]) } dd { (count(lang, fleet.runs.due)) }
                @if let Some(oldest) = fleet.runs.oldest { dt { (&lang[t::RUN_LAG]) } dd { (time(lang, oldest)) } }
                dt { (&lang[t::RUNS_RUNNING]) } dd { (count(lang, fleet.runs.running)) }
                dt { (&lang[t::DEAD_LETTERS]) } dd { (dead) }
            }
        }
        h2 { (&lang[t::PROCESSES]) }
        (processes(lang, &fleet))
        (failures(&desk, query.filled("after")).await?)
    };
    Ok(desk.page(frame::HEALTH, body))
}

fn processes(lang: Lang, fleet: &FleetStatus) -> Markup {
    html! {
        @if fleet.processes.is_empty() { p.hint { (&lang[t::NO_PROCESS]) } } @else {
            (scrolling(html! { table.numbers {
                thead { tr {
                    th scope="col" { (&lang[t::PROCESS]) } th scope="col" { (&lang[t::WORKS_SINCE]) }
                    th scope="col" { (&lang[t::ORDERS_NOW]) } th scope="col" { (&lang[t::RUNS_NOW]) }
                    th scope="col" { (&lang[t::ORDERS_DONE]) } th scope="col" { (&lang[t::RUNS_DONE]) }
                } }
                tbody { @for process in &fleet.processes { tr {
                    th scope="row" { (process.worker) }
                    td { (time(lang, process.since)) }
                    td { (count(lang, process.orders_under_way as u64)) } td { (count(lang, process.runs_under_way as u64)) }
                    td { (count(lang, process.orders_accepted)) } td { (count(lang, process.runs_done)) }
                } } }
            } }))
        }
    }
}

/// A page of the restaurants whose till fails.
async fn failures(desk: &Desk, after: Option<&str>) -> Result<Markup, Trouble> {
    let lang = desk.lang;
    let page = StorePage { after: after.map(ConnectionId::from), limit: PAGE };
    let failing = desk.app.restaurants.fleet().failing(0, page).await?;
    let next = failing.last().filter(|_| failing.len() == PAGE).map(|last| last.connection.to_string());
    Ok(html! {
        @if !failing.is_empty() {
            h2 { (&lang[t::FAILING_TILLS]) }
            (scrolling(html! { table {
                thead { tr { th scope="col" { (&lang[frame::NAME]) } th scope="col" { (&lang[t::WORKS_SINCE]) } th scope="col" { (&lang[frame::REASON]) } } }
                tbody { @for merchant in &failing { tr {
                    th scope="row" { a href=(format!("/restaurants/{}", merchant.connection)) { (merchant.name) } }
                    td { (time(lang, merchant.since)) } td { (said(lang, &merchant.last_error)) }
                } } }
            } }))
            @if let Some(next) = next {
                nav.pager aria-label=(&lang[frame::PAGES]) { a href=(format!("/health?after={next}")) { (&lang[frame::NEXT]) } }
            }
        }
    })
}

fn word(lang: Lang, wrong: Option<&String>) -> Markup {
    match wrong {
        None => badge(Tone::Good, &lang[t::WORKS]),
        Some(why) => badge(Tone::Bad, &lang.fill(t::FAILS, &[&lang.reason(why)])),
    }
}
