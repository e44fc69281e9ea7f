//! Restaurants: connect, verify, sync, reports, locations.

use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{Connection, ConnectionId, ConnectionStatus, Environment};
use mplus_sync::store::{Credentials, Page, Select};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::{At, Caller};
use super::{Answer, PAGE, Refused};
use crate::page::connect::{is_id, new_id};
use crate::restaurant::runs::{LastReport, Wanted};
use crate::restaurant::unsettled::{self, Unsettled};
use crate::view::answer::Trouble;

/// A restaurant.
#[derive(Serialize, ToSchema)]
pub(crate) struct Restaurant {
    id: String,
    name: String,
    /// `connected`, `failing` or `disconnected`.
    status: &'static str,
    /// Whether it was told to rest: orders wait, and nothing is synced.
    paused: bool,
    /// The last failure, in a sentence.
    last_error: Option<String>,
    /// When a sync last ended well.
    last_sync_at: Option<String>,
}

impl From<&Connection> for Restaurant {
    fn from(connection: &Connection) -> Self {
        let (status, last_error) = match &connection.status {
            ConnectionStatus::Connected => ("connected", None),
            ConnectionStatus::Failing { last_error, .. } => ("failing", Some(last_error.clone())),
            ConnectionStatus::Disconnected { .. } => ("disconnected", None),
        };
        Self {
            id: connection.id.to_string(),
            name: connection.name.clone(),
            paused: connection.paused.is_some(),
            status,
            last_error,
            last_sync_at: connection.last_sync_at.map(|at| at.to_rfc3339()),
        }
    }
}

/// Where a page begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// The last record of the page before.
    after: Option<String>,
}

/// Lists restaurants, in the order of their identifiers.
#[utoipa::path(get, path = "/api/restaurants", params(After), responses((status = 200, body = Vec<Restaurant>)))]
pub(crate) async fn list(Caller(app): Caller, Query(page): Query<After>) -> Answer<Vec<Restaurant>> {
    let page = Page { after: page.after.map(ConnectionId::from), limit: PAGE };
    let connections = app.restaurants.store().connections(page).await?;
    Ok(Json(connections.iter().map(Restaurant::from).collect()))
}

/// A restaurant to connect, or one that gets other credentials.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewRestaurant {
    /// Of a known restaurant, or your own for a new one: up to 64 letters, digits, `-` and `_`, and not `demo`. A new one gets one
    /// unless given.
    id: Option<String>,
    name: String,
    /// `api.mpluskassa.nl` for most.
    host: String,
    port: u16,
    username: String,
    password: String,
    /// Whether it is only for trying things out.
    #[serde(default)]
    test: bool,
}

/// Connects a restaurant, imports its locations and begins to sync its menu.
#[utoipa::path(post, path = "/api/restaurants", request_body = NewRestaurant,
    responses((status = 200, body = Restaurant), (status = 422, body = Refused)))]
pub(crate) async fn connect(Caller(app): Caller, Json(new): Json<NewRestaurant>) -> Answer<Restaurant> {
    let id = match new.id {
        Some(id) if !is_id(&id) => {
            return Err(Refused::invalid("an id is up to 64 letters, digits, - and _, and not demo"));
        }
        Some(id) => id,
        None => new_id(&new.name).map_err(|_| Refused::invalid("no random numbers"))?,
    };
    let environment = if new.test { Environment::Test } else { Environment::Live };
    let id = ConnectionId::from(id);
    let credentials = Credentials { ident: new.username, secret: new.password.into() };
    let new = NewConnection { id: id.clone(), name: new.name, host: new.host, port: new.port, environment };
    app.restaurants.connect(new, credentials).await.map_err(Refused::invalid)?;
    app.restaurants.start(&id, Wanted::default()).await?;
    let connection = app.restaurants.store().connection(&id).await?.ok_or_else(Refused::not_found)?;
    Ok(Json((&connection).into()))
}

/// Tells of one restaurant.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}", params(("restaurant" = String, Path)),
    responses((status = 200, body = Restaurant), (status = 404, body = Refused)))]
pub(crate) async fn one(at: At) -> Json<Restaurant> {
    Json((&at.connection).into())
}

/// Whether what is open may be put out of reach.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvenSo {
    /// The restaurant's name: it is removed though payments are open, orders are not at the till or events are not worked off. Nobody
    /// looks after them from then on.
    even_so: Option<String>,
}

/// Removes everything of a restaurant here; nothing is removed at the till. 409: something is open, and nothing was removed.
#[utoipa::path(delete, path = "/api/restaurants/{restaurant}", params(("restaurant" = String, Path), EvenSo),
    responses((status = 204), (status = 409, body = Refused), (status = 422, body = Refused)))]
pub(crate) async fn remove(at: At, Query(wanted): Query<EvenSo>) -> Result<StatusCode, Refused> {
    let name = wanted.even_so.as_deref().map(str::trim);
    if name.is_some_and(|name| name != at.connection.name.trim()) {
        return Err(Refused::invalid("even_so is not the name of this restaurant: nothing was removed"));
    }
    let Some(open) = unsettled::remove(&at.app, at.id(), name.is_some()).await? else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let Unsettled { payments, events, orders } = open;
    let why = format!(
        "{payments} payments are open, are being given back, or were paid in vain; {orders} orders are not at the till; {events} events \
         are not worked off: settle them first, or name the restaurant in even_so"
    );
    Err(Refused::new(StatusCode::CONFLICT, why))
}

/// Forgets the credentials and keeps everything else.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/disconnect", params(("restaurant" = String, Path)), responses((status = 204)))]
pub(crate) async fn disconnect(at: At) -> Result<StatusCode, Refused> {
    at.app.restaurants.disconnect(at.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the till whether it still accepts the credentials.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/verify", params(("restaurant" = String, Path)), responses((status = 200, body = Restaurant)))]
pub(crate) async fn verify(at: At) -> Answer<Restaurant> {
    at.app.restaurants.open(at.id()).await?.verify().await?;
    let connection = at.app.restaurants.store().connection(at.id()).await?.ok_or_else(Refused::not_found)?;
    Ok(Json((&connection).into()))
}

/// Has a restaurant rest: orders wait, and nothing is synced.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/pause", params(("restaurant" = String, Path)), responses((status = 204)))]
pub(crate) async fn pause(at: At) -> Result<StatusCode, Refused> {
    at.app.restaurants.open(at.id()).await?.pause().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a restaurant's rest.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/resume", params(("restaurant" = String, Path)), responses((status = 204)))]
pub(crate) async fn resume(at: At) -> Result<StatusCode, Refused> {
    at.app.restaurants.open(at.id()).await?.resume().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a sync is to be.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct SyncRequest {
    /// Everything, not only what changed.
    full: bool,
    /// Writes nothing on either side; the report says what would be done.
    dry_run: bool,
}

/// Starts Sync Now; what it did is in the reports, and a callback tells of it when something was taken over from the till.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/sync", params(("restaurant" = String, Path)), request_body = SyncRequest,
    responses((status = 202), (status = 409, body = Refused)))]
pub(crate) async fn sync(at: At, Json(wanted): Json<SyncRequest>) -> Result<StatusCode, Refused> {
    at.app.restaurants.open(at.id()).await?;
    if at.connection.paused.is_some() {
        return Err(Trouble::Paused(at.id().to_string()).into());
    }
    let wanted = Wanted { full: wanted.full, dry: wanted.dry_run, accept_loss: false };
    match at.app.restaurants.start(at.id(), wanted).await? {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(Refused::new(StatusCode::CONFLICT, "a sync is under way already")),
    }
}

/// The last report of one kind of run.
#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    /// `menu`, `stock`, `dry_run`.
    kind: &'static str,
    /// When it ended.
    at: Option<String>,
    /// The report as the library writes it.
    #[schema(value_type = Object)]
    report: serde_json::Value,
}

/// The last report of each kind.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/reports", params(("restaurant" = String, Path)), responses((status = 200, body = Vec<Report>)))]
pub(crate) async fn reports(at: At) -> Answer<Vec<Report>> {
    let reports = at.app.restaurants.last_reports(at.id()).await?;
    let report = |last: LastReport| Report {
        kind: last.sort.as_str(),
        at: last.at.map(|at| at.to_rfc3339()),
        report: last.report,
    };
    Ok(Json(reports.into_iter().map(report).collect()))
}

/// A location.
#[derive(Serialize, ToSchema)]
pub(crate) struct Location {
    id: String,
    name: String,
    /// The branch's number at MplusKASSA.
    branch: Option<i32>,
    /// Whether MplusKASSA no longer lists it.
    vanished: bool,
}

/// The locations that were imported.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/locations", params(("restaurant" = String, Path)), responses((status = 200, body = Vec<Location>)))]
pub(crate) async fn locations(at: At) -> Answer<Vec<Location>> {
    let locations = at.app.restaurants.store().locations(at.id(), Select::Page(Page::first(1000))).await?;
    let location = |known: mplus_sync::model::Tracked<mplus_sync::model::Location>| Location {
        id: known.record.id.to_string(),
        name: known.record.name,
        branch: known.external_ids.mpluskassa.map(|branch| branch.get()),
        vanished: known.record.vanished,
    };
    Ok(Json(locations.into_iter().map(location).collect()))
}
