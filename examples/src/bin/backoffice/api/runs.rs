//! A sync that is under way.

use axum::http::StatusCode;

use super::Refused;
use super::client::At;

/// Has the sync that is under way stop after the step that it is at; what was done stays done. Without one nothing happens.
#[utoipa::path(post, path = "/api/restaurants/{restaurant}/sync/stop", params(("restaurant" = String, Path)), responses((status = 204)))]
pub(crate) async fn stop(at: At) -> Result<StatusCode, Refused> {
    at.app.restaurants.stop(at.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
