//! How the program is doing, for people and for machines.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;
use mplus_sync::store::Backlog;
use mplus_webhooks::inbox::EntryFilter;
use serde_json::json;

use crate::app::App;
use crate::text::{connection as t, frame};
use crate::view::Lang;
use crate::view::at::Desk;
use crate::view::badge::{Tone, badge};
use crate::view::layout::Page;
use crate::view::number::{count, time};

/// What was asked, and what each answered.
struct Asked {
    backlog: Result<Backlog, String>,
    runs: Result<mplus_sync::store::RunBacklog, String>,
    records: Result<(), String>,
    dead: Result<usize, String>,
}

async fn ask(app: &App) -> Asked {
    let store = app.restaurants.store();
    Asked {
        backlog: store.backlog(None).await.map_err(|error| error.to_string()),
        runs: store.run_backlog(app.now()).await.map_err(|error| error.to_string()),
        records: app.records.get("password", "admin").await.map(drop).map_err(|error| error.to_string()),
        dead: app
            .webhooks
            .inbox()
            .list(&EntryFilter::dead())
            .await
            .map(|dead| dead.len())
            .map_err(|error| error.to_string()),
    }
}

impl Asked {
    fn store(&self) -> Result<(), &String> {
        self.backlog.as_ref().map(drop).and(self.runs.as_ref().map(drop)).and(self.records.as_ref().copied())
    }
}

/// The process lives.
pub(crate) async fn is_live() -> &'static str {
    "ok\n"
}

/// The process can work: its database and its inbox answer. Says nothing that a stranger may not know.
pub(crate) async fn is_ready(State(app): State<App>) -> Response {
    let asked = ask(&app).await;
    let (store, inbox) = (asked.store().is_ok(), asked.dead.is_ok());
    let status = if store && inbox { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "store": store, "inbox": inbox }))).into_response()
}

pub(crate) async fn show(desk: Desk) -> Page {
    let (lang, asked) = (desk.lang, ask(&desk.app).await);
    let backlog = asked.backlog.as_ref().ok().copied().unwrap_or_default();
    let runs = asked.runs.as_ref().ok().copied().unwrap_or_default();
    let body = html! {
        p.lead { (&lang[t::HEALTH_ABOUT]) }
        section.card {
            dl.facts {
                dt { (&lang[t::STORE_ANSWERS]) } dd { (word(lang, asked.store().err())) }
                dt { (&lang[t::INBOX_ANSWERS]) } dd { (word(lang, asked.dead.as_ref().err())) }
                dt { (&lang[t::BACKLOG]) } dd { (count(lang, backlog.waiting + backlog.sending)) }
                @if let Some(oldest) = backlog.oldest { dt { (&lang[t::OLDEST]) } dd { (time(lang, oldest)) } }
                dt { (&lang[t::RUNS_DUE]) } dd { (count(lang, runs.due)) }
                dt { (&lang[t::RUNS_RUNNING]) } dd { (count(lang, runs.running)) }
                dt { (&lang[t::DEAD_LETTERS]) } dd { (count(lang, asked.dead.unwrap_or_default() as u64)) }
            }
        }
    };
    desk.page(frame::HEALTH, body)
}

fn word(lang: Lang, wrong: Option<&String>) -> maud::Markup {
    match wrong {
        None => badge(Tone::Good, &lang[t::WORKS]),
        Some(why) => badge(Tone::Bad, &lang.fill(t::FAILS, &[why])),
    }
}
