//! Sync Now: starting it, watching it, and what it did.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use maud::{Markup, html};
use mplus_sync::progress::{Phase, Progress};
use serde_json::json;

use super::locations;
use crate::restaurant::runs::{Running, Sort, Wanted, step_id};
use crate::text::{Text, connection, frame, sync as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::form::tick;
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{count, moment};
use crate::view::report;

/// How often it is looked how far a run is that somebody watches.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    let running = at.app.restaurants.running(at.id()).await?;
    let reports = at.app.restaurants.last_reports(at.id()).await?;
    let locations = locations::all(&at).await?;
    let location = |id: &str| {
        let known = locations.iter().find(|location| location.record.id.as_str() == id);
        known.map(|location| location.record.name.clone())
    };
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        @match &running {
            Some(running) => (progress(&at, running)),
            None if at.connection.paused.is_some() => section.card {
                p { strong { (&lang[frame::PAUSED]) ". " } (&lang[frame::PAUSED_ABOUT]) }
                p { a.button href=(at.path("/connection")) { (&lang[connection::RESUME]) } }
            },
            None => section.card {
                (post(&at.visit, &at.path("/sync"), html! {
                    (tick(lang, "dry", t::DRY, Some(t::DRY_HINT), false))
                    (tick(lang, "full", t::FULL, Some(t::FULL_HINT), false))
                    (tick(lang, "loss", t::LOSS, Some(t::LOSS_HINT), false))
                    button.large type="submit" { (&lang[t::START]) }
                }))
            },
        }
        h2 { (&lang[t::LAST]) }
        @if reports.is_empty() { (empty(&lang[t::NO_REPORTS], &lang[t::NO_REPORTS_ABOUT], html! {})) }
        @for last in &reports { (report::show(lang, &lang[title(last.sort)], &last.report, &location)) }
    };
    Ok(at.page(Here::Sync, body).reloading(running.is_some()))
}

fn title(sort: Sort) -> Text {
    match sort {
        Sort::Menu => t::KIND_MENU,
        Sort::Stock => t::KIND_STOCK,
        Sort::DryRun => t::KIND_DRY,
    }
}

fn progress(at: &At, running: &Running) -> Markup {
    let lang = at.lang;
    html! {
        section.card #progress data-events=(at.path("/sync/events")) aria-live="polite" {
            h2 { (&lang[if running.is_dry() { t::DRY } else { t::RUNNING }]) }
            p {
                @match running.since {
                    Some(since) => (lang.fill(t::RUNNING_SINCE, &[&moment(lang, since)])),
                    None => (&lang[t::BEGINS]),
                }
                " " (&lang[t::RELOADS])
            }
            ul.steps #steps {
                @for step in &running.steps {
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
    // A restaurant that is disconnected or paused says so.
    at.open_to_work().await?;
    let wanted =
        Wanted { full: fields.is_on("full"), dry: fields.is_on("dry"), accept_loss: fields.is_on("loss") };
    let back = Go::to(at.path("/sync"));
    Ok(match at.app.restaurants.start(at.id(), wanted).await? {
        true => back.saying(&at.lang[t::STARTED]),
        false => back.warning(&at.lang[t::IS_RUNNING]),
    })
}

pub(crate) async fn stop(at: At) -> Result<Go, Trouble> {
    at.app.restaurants.stop(at.id()).await?;
    Ok(Go::to(at.path("/sync")).saying(&at.lang[t::STOPPING]))
}

/// How far the run is, as it goes; the last event says that it ended.
pub(crate) async fn events(at: At) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = unfold(Some(None), move |told: Option<Option<Running>>| {
        let at = at.clone();
        async move {
            let (event, told) = next_event(&at, told?).await;
            Some((Ok(event), told))
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// Waits until there is something else to tell than what was told last; with nothing to come when that is the end.
async fn next_event(at: &At, told: Option<Running>) -> (Event, Option<Option<Running>>) {
    let runtime = at.app.restaurants.host().runtime();
    loop {
        // A database that does not answer now may answer in a moment; the page loads again and says what is wrong.
        let running = at.app.restaurants.running(at.id()).await.ok().flatten();
        let Some(running) = running else { return (Event::default().event("ended").data("ended"), None) };
        if told.as_ref() != Some(&running) {
            return (Event::default().data(steps(at.lang, &running)), Some(Some(running)));
        }
        if at.app.stopping.stop_or(runtime.sleep(LOOK)).await.is_err() {
            return (Event::default().event("ended").data("ended"), None);
        }
    }
}

fn steps(lang: Lang, running: &Running) -> String {
    let steps = running.steps.iter().map(|step| {
        json!({
            "id": step_id(step), "name": name(lang, step), "done": step.done, "expected": step.expected,
            "text": how_far(lang, step),
        })
    });
    serde_json::Value::from_iter(steps).to_string()
}
