//! What is set up once: settings with the tax mapping, and the webhook subscription.

use axum::Json;
use axum::http::StatusCode;
use mplus_sync::model::Revision;
use mplus_sync::settings::{MerchantSettings, SaveSettingsError, SavedSettings};
use mplus_webhooks::adapter::BASE_PATH;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::At;
use super::{Answer, Refused};
use crate::webhooks::SubscriptionError;

/// A restaurant's settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct Settings {
    /// Which state of them this is: hand it back when you save.
    revision: i64,
    /// Daily time, stock, tax mapping, how orders are entered, in the library's JSON form. What is left out of it when it is saved gets
    /// its default: read, change, save.
    #[schema(value_type = Object)]
    settings: MerchantSettings,
}

impl From<SavedSettings> for Settings {
    fn from(saved: SavedSettings) -> Self {
        Self { revision: saved.revision.get(), settings: (*saved.settings).clone() }
    }
}

/// Settings to be saved: those that were read, and what is changed in them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSettings {
    /// Which state of them was read.
    revision: i64,
    /// All of them. A name that is no setting is refused: it would do nothing.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
}

/// Tells a restaurant's settings.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/settings", params(("restaurant" = String, Path)), responses((status = 200, body = Settings)))]
pub(crate) async fn show(at: At) -> Answer<Settings> {
    Ok(Json(at.app.restaurants.settings(at.id()).await?.into()))
}

/// Saves settings in place of those that were read. 409: somebody else saved them meanwhile; read them again. 422: every setting that
/// cannot be, by its place, and what to do.
#[utoipa::path(put, path = "/api/restaurants/{restaurant}/settings", params(("restaurant" = String, Path)), request_body = NewSettings,
    responses((status = 200, body = Settings), (status = 409, body = Refused), (status = 422, body = Refused)))]
pub(crate) async fn save(at: At, Json(new): Json<NewSettings>) -> Answer<Settings> {
    let (host, revision) = (at.app.restaurants.host(), Revision::new(new.revision));
    let settings = MerchantSettings::from_json(&new.settings.to_string())
        .map_err(|problems| Refused::invalid(SaveSettingsError::Invalid(problems)))?;
    host.save_settings(at.id(), &settings, revision).await.map_err(|error| match error {
        SaveSettingsError::Store(error) => error.into(),
        refused => Refused::invalid(refused),
    })?;
    show(at).await
}

/// Where the till sends its webhooks, and who it says that it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscription {
    /// The address for the webhook settings of MplusKASSA.
    url: String,
    /// The Subscription ID; none while nothing is set up. The Secret Key is never told.
    id: Option<String>,
}

/// Tells the webhook subscription.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/subscription", params(("restaurant" = String, Path)), responses((status = 200, body = Subscription)))]
pub(crate) async fn subscription(at: At) -> Answer<Subscription> {
    let known = at.app.subscriptions.of(at.id()).await?;
    let url = format!("{}{BASE_PATH}", at.app.public_url);
    Ok(Json(Subscription { url, id: known.map(|known| known.id) }))
}

/// A webhook subscription as MplusKASSA shows it.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewSubscription {
    /// The Subscription ID.
    id: String,
    /// The Secret Key, base64. A new one replaces it; the one before is accepted until the next.
    secret: String,
}

/// Sets the webhook subscription up, or gives it another key.
#[utoipa::path(put, path = "/api/restaurants/{restaurant}/subscription", params(("restaurant" = String, Path)), request_body = NewSubscription,
    responses((status = 204), (status = 422, body = Refused)))]
pub(crate) async fn subscribe(at: At, Json(new): Json<NewSubscription>) -> Result<StatusCode, Refused> {
    if new.id.trim().is_empty() {
        return Err(Refused::invalid("the Subscription ID is empty"));
    }
    match at.app.subscriptions.save(at.id(), new.id.trim(), &new.secret).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(SubscriptionError::Secret(error)) => Err(Refused::invalid(error)),
        Err(SubscriptionError::Records(error)) => Err(error.into()),
        Err(error) => Err(crate::view::answer::Trouble::failed(error).into()),
    }
}
