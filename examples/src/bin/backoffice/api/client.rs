//! Which program calls.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use mplus_sync::model::{Connection, ConnectionId};

use super::Refused;
use crate::app::App;
use crate::callbacks::clients;

/// A program that gave a token of ours.
pub(crate) struct Caller(pub(super) App);

/// The same, at a restaurant.
pub(crate) struct At {
    pub(super) app: App,
    pub(super) connection: Connection,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let known = match token {
            Some(token) => clients::of_token(&app.records, token.trim()).await?,
            None => None,
        };
        let refused =
            || Refused::new(StatusCode::UNAUTHORIZED, "send a client's token as Authorization: Bearer");
        known.map(|_| Self(app.clone())).ok_or_else(refused)
    }
}

impl FromRequestParts<App> for At {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let Caller(app) = Caller::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, &app).await;
        let params = params.map_err(|_| Refused::not_found())?;
        let id = params.iter().find(|(name, _)| *name == "restaurant").ok_or_else(Refused::not_found)?.1;
        let connection = app.restaurants.store().connection(&ConnectionId::from(id)).await?;
        Ok(Self { connection: connection.ok_or_else(Refused::not_found)?, app })
    }
}

impl At {
    pub(super) fn id(&self) -> &ConnectionId {
        &self.connection.id
    }
}
