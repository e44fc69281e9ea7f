//! Sync Now: starting it, watching it, and what it did.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use maud::{Markup, html};
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::RunKind;
use mplus_sync::progress::{Phase, Progress};
use serde_json::json;

use crate::restaurant::runs::{self, DRY, Wanted, Watched, step_id};
use crate::text::{Text, sync as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::form::tick;
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{count, moment};
use crate::view::report;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    let running = at.app.restaurants.runs.watch(at.id()).map(|watch| watch.borrow().clone());
    let reports = at.store().last_reports(at.id()).await?;
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        @match &running {
            Some(watched) => (progress(&at, watched)),
            None => section.card {
                (post(&at.visit, &at.path("/sync"), html! {
                    (tick(lang, "dry", t::DRY, Some(t::DRY_HINT), false))
                    (tick(lang, "full", t::FULL, Some(t::FULL_HINT), false))
                    (tick(lang, "loss", t::LOSS, Some(t::LOSS_HINT), false))
                    button.large type="submit" { (&lang[t::START]) }
                }))
            }
        }
        h2 { (&lang[t::LAST]) }
        @if reports.is_empty() { (empty(&lang[t::NO_REPORTS], &lang[t::NO_REPORTS_ABOUT], html! {})) }
        @for (kind, stored) in &reports {
            (report::show(lang, title(kind).map_or(kind.as_str(), |title| &lang[title]), stored))
        }
    };
    Ok(at.page(Here::Sync, body).reloading(running.is_some()))
}

fn title(kind: &RunKind) -> Option<Text> {
    match kind.as_str() {
        "menu" => Some(t::KIND_MENU),
        "stock" => Some(t::KIND_STOCK),
        DRY => Some(t::KIND_DRY),
        _ => None,
    }
}

fn progress(at: &At, watched: &Watched) -> Markup {
    let lang = at.lang;
    html! {
        section.card #progress data-events=(at.path("/sync/events")) aria-live="polite" {
            h2 { (&lang[if watched.dry { t::DRY } else { t::RUNNING }]) }
            p { (lang.fill(t::RUNNING_SINCE, &[&moment(lang, watched.started_at)])) " " (&lang[t::RELOADS]) }
            ul.steps #steps {
                @for step in &watched.steps {
                    li id=(step_id(step)) {
                        span { (name(lang, step)) }
                        progress max=[step.expected] value=[step.expected.map(|_| step.done)] aria-label=(name(lang, step)) {}
                        span.count { (how_far(lang, step)) }
                    }
                }
            }
            (post(&at.visit, &at.path("/sync/stop"), html! { button.quiet type="submit" { (&lang[t::STOP]) } }))
        }
    }
}

fn name(lang: Lang, step: &Progress) -> String {
    let (phase, resource) = (step.phase, step.resource.to_string());
    let resource = report::resource(lang, &resource);
    lang.fill(if phase == Phase::Pull { t::STEP_PULL } else { t::STEP_PUSH }, &[&resource])
}

fn how_far(lang: Lang, step: &Progress) -> String {
    match step.expected {
        Some(expected) => lang.fill(t::PROGRESS_OF, &[&count(lang, step.done), &count(lang, expected)]),
        None => count(lang, step.done),
    }
}

pub(crate) async fn start(at: At, fields: Fields) -> Result<Go, Trouble> {
    // A restaurant that is disconnected says so.
    at.open().await?;
    let wanted =
        Wanted { full: fields.is_on("full"), dry: fields.is_on("dry"), accept_loss: fields.is_on("loss") };
    let back = Go::to(at.path("/sync"));
    Ok(match runs::start(&at.app, at.id(), wanted, SyncContext::Manual) {
        true => back.saying(&at.lang[t::STARTED]),
        false => back.warning(&at.lang[t::IS_RUNNING]),
    })
}

pub(crate) async fn stop(at: At) -> Go {
    at.app.restaurants.runs.stop(at.id());
    Go::to(at.path("/sync")).saying(&at.lang[t::STOPPING])
}

/// How far the run is, as it goes; the last event says that it ended.
pub(crate) async fn events(at: At) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let lang = at.lang;
    let watch = at.app.restaurants.runs.watch(at.id());
    let stream = unfold(watch, move |watch| async move {
        let mut watch = watch?;
        let ended = watch.changed().await.is_err() || watch.borrow().ended;
        if ended {
            return Some((Ok(Event::default().event("ended").data("ended")), None));
        }
        let steps: Vec<_> = watch.borrow_and_update().steps.clone();
        let steps = steps.iter().map(|step| {
            json!({
                "id": step_id(step), "name": name(lang, step), "done": step.done, "expected": step.expected,
                "text": how_far(lang, step),
            })
        });
        let event = Event::default().data(serde_json::Value::from_iter(steps).to_string());
        Some((Ok(event), Some(watch)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
