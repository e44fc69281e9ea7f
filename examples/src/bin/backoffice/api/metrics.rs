//! Figures for a monitor, in the text format that Prometheus and OpenTelemetry's collector read.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use mplus_sync::fleet::FleetStatus;
use mplus_webhooks::inbox::EntryFilter;

use super::Refused;
use super::client::Caller;
use crate::restaurant::attention;

/// How the work of all restaurants goes, as a monitor reads it: what waits and since when, restaurants, processes.
#[utoipa::path(get, path = "/api/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn show(Caller(app): Caller) -> Result<Response, Refused> {
    let status = app.restaurants.fleet().status().await?;
    let mut dead = EntryFilter::dead();
    dead.limit = COUNTED;
    let (callbacks, callbacks_given_up) = app.callbacks.counts().await?;
    let people = ForPeople {
        matters: attention::count(&app.records).await?,
        dead_events: app.webhooks.inbox().list(&dead).await?.len() as u64,
        callbacks,
        callbacks_given_up,
    };
    let text = text(&status, &people);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// So many dead letters are counted, and no more.
const COUNTED: usize = 1000;

/// What somebody should look at.
#[derive(Default)]
struct ForPeople {
    matters: u64,
    dead_events: u64,
    callbacks: u64,
    callbacks_given_up: u64,
}

fn text(status: &FleetStatus, people: &ForPeople) -> String {
    let seconds = |lag: Option<std::time::Duration>| lag.unwrap_or_default().as_secs();
    let figures = [
        ("mplus_orders_waiting", "Orders that wait.", status.orders.waiting),
        ("mplus_orders_sending", "Orders on their way to a till.", status.orders.sending),
        (
            "mplus_orders_lag_seconds",
            "Age of the oldest order that is not at its till.",
            seconds(status.order_lag),
        ),
        ("mplus_runs_due", "Syncs that are due.", status.runs.due),
        ("mplus_runs_running", "Syncs under way.", status.runs.running),
        (
            "mplus_runs_lag_seconds",
            "How long the first sync has been due that nobody carries out.",
            seconds(status.run_lag),
        ),
        ("mplus_restaurants", "Restaurants.", status.merchants),
        ("mplus_restaurants_resting", "Restaurants that are paused or disconnected.", status.held),
        ("mplus_restaurants_failing", "Restaurants whose till cannot be reached or refuses.", status.failing),
        (
            "mplus_attention",
            "What has happened with payments and sales and needs a person. Any: wake somebody.",
            people.matters,
        ),
        (
            "mplus_events_dead",
            "Events of tills that could not be worked off, 1000 at most. Any: wake somebody.",
            people.dead_events,
        ),
        ("mplus_callbacks_waiting", "Callbacks that programs have not taken yet.", people.callbacks),
        ("mplus_callbacks_given_up", "Callbacks that were given up.", people.callbacks_given_up),
        ("mplus_processes", "Processes at work.", status.processes.len() as u64),
    ];
    let mut text = String::new();
    for (name, help, value) in figures {
        // Writing into a text cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_stands_on_a_line_of_its_own_behind_what_it_is() {
        let mut status = FleetStatus::default();
        status.order_lag = Some(std::time::Duration::from_millis(90_500));
        let text = text(&status, &ForPeople { matters: 3, ..ForPeople::default() });
        let lines: Vec<_> = text.lines().collect();
        for lines in lines.chunks(3) {
            let name = lines[0].split(' ').nth(2).unwrap();
            assert!(
                lines[1] == format!("# TYPE {name} gauge") && lines[2].starts_with(&format!("{name} ")),
                "{lines:?}"
            );
        }
        assert!(lines.contains(&"mplus_orders_lag_seconds 90"), "{text}");
        assert!(lines.contains(&"mplus_attention 3") && lines.contains(&"mplus_events_dead 0"), "{text}");
    }
}
