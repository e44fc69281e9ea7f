//! The webhook inbox: what arrived, dead letters, working one off again.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta};
use mplus_webhooks::MerchantId;
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryId, EntryState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::At;
use super::{Answer, PAGE, Refused};
use crate::restaurant::newest;

/// An event that a till sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    id: String,
    /// As MplusKASSA names it, such as `completeSession`.
    event: String,
    /// What it is about: the id of a session or a payment.
    subject: Option<String>,
    /// `received`, `working`, `retrying`, `done`, `dead`, `discarded`.
    state: &'static str,
    /// Why it could not be worked off.
    last_error: Option<String>,
    received_at: String,
    /// Where the page before this event begins: hand it in as `before`. Microseconds since 1970.
    position: i64,
}

impl From<&Entry> for Event {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            event: entry.event.as_str().to_owned(),
            subject: entry.subject.clone(),
            state: entry.state.name(),
            last_error: entry.last_error.clone().filter(|_| entry.state != EntryState::Done),
            received_at: entry.received_at.to_rfc3339(),
            position: entry.received_at.timestamp_micros(),
        }
    }
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InState {
    /// Only those in this state, such as `dead`.
    state: Option<String>,
    /// The `position` of the last one of the page before.
    before: Option<i64>,
}

/// Lists events, the newest first.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/events", params(("restaurant" = String, Path), InState),
    responses((status = 200, body = Vec<Event>), (status = 422, body = Refused)))]
pub(crate) async fn list(at: At, Query(wanted): Query<InState>) -> Answer<Vec<Event>> {
    let mut filter = EntryFilter::default().of(MerchantId::new(at.id().as_str()));
    if let Some(name) = &wanted.state {
        let state = EntryState::from_name(name);
        filter.states.push(state.ok_or_else(|| Refused::invalid(format!("no state is named {name}")))?);
    }
    let before = wanted.before.and_then(DateTime::from_timestamp_micros);
    let before = before.unwrap_or_else(|| at.app.now() + TimeDelta::minutes(1));
    let (entries, _) = newest::entries(&at.app.webhooks, &filter, before, PAGE).await?;
    Ok(Json(entries.iter().map(Event::from).collect()))
}

/// The path of one event.
#[derive(Deserialize)]
pub(crate) struct EventPath {
    event: String,
}

/// This restaurant's event.
async fn find(at: &At, path: &EventPath) -> Result<EntryId, Refused> {
    let entry = at.app.webhooks.inbox().entry(&EntryId::new(&path.event)).await?;
    let own = entry.filter(|entry| entry.merchant.as_str() == at.id().as_str());
    own.map(|entry| entry.id).ok_or_else(Refused::not_found)
}

/// Works an event off again, under the same identifiers.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/events/{event}/replay",
    params(("restaurant" = String, Path), ("event" = String, Path)), responses((status = 204), (status = 409, body = Refused)))]
pub(crate) async fn replay(at: At, Path(path): Path<EventPath>) -> Result<StatusCode, Refused> {
    at.app.webhooks.inbox().replay(&find(&at, &path).await?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lays a dead letter aside: nothing is done about it any more.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/events/{event}/discard",
    params(("restaurant" = String, Path), ("event" = String, Path)), responses((status = 204), (status = 409, body = Refused)))]
pub(crate) async fn discard(at: At, Path(path): Path<EventPath>) -> Result<StatusCode, Refused> {
    at.app.webhooks.inbox().discard(&find(&at, &path).await?).await?;
    Ok(StatusCode::NO_CONTENT)
}
