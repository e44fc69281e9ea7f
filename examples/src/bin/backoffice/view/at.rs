//! Where a request is: in the back office, or at one of its restaurants.

use std::ops::Deref;
use std::pin::pin;
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use maud::Markup;
use mplus_sync::Integration;
use mplus_sync::model::{Connection, ConnectionId, Revision};
use mplus_sync::settings::{MerchantSettings, SaveSettingsError, SavedSettings};
use mplus_sync::store::{Store, StoreErrorKind};

use super::Lang;
use super::answer::Trouble;
use super::layout::{Here, Page};
use crate::app::App;
use crate::demo::{self, Demo};
use crate::safe::guard::Visit;
use crate::text::Text;

/// How long a page waits for a till.
const PATIENCE: Duration = Duration::from_secs(10);

/// In the back office: who visits.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) visit: Visit,
    pub(crate) lang: Lang,
}

/// At a restaurant: the one that the path names.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) desk: Desk,
    pub(crate) connection: Connection,
}

impl FromRequestParts<App> for Desk {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Trouble> {
        let visit = parts.extensions.get::<Visit>().cloned().ok_or(Trouble::Forgery)?;
        Ok(Self { app: app.clone(), lang: visit.lang, visit })
    }
}

impl FromRequestParts<App> for At {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Trouble> {
        let desk = Desk::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Trouble::NotFound)?;
        let id = params.iter().find(|(name, _)| *name == "restaurant").ok_or(Trouble::NotFound)?.1;
        let connection = app.restaurants.store().connection(&ConnectionId::from(id)).await?;
        Ok(Self { desk, connection: connection.ok_or(Trouble::NotFound)? })
    }
}

impl Desk {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.app.now()
    }

    /// A page that is no restaurant's.
    pub(crate) fn page(&self, title: Text, body: Markup) -> Page {
        Page::new(self.visit.clone(), self.lang[title].to_owned(), body).demo(self.app.demo.is_some())
    }
}

impl Deref for At {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl At {
    pub(crate) fn id(&self) -> &ConnectionId {
        &self.connection.id
    }

    /// The demonstration, at its restaurant; none at every other, where nothing is played.
    pub(crate) fn demo(&self) -> Option<&Demo> {
        self.app.demo.as_ref().filter(|_| demo::is_of_demo(&self.connection))
    }

    /// Whether somebody takes this restaurant's payments.
    pub(crate) async fn takes_payments(&self) -> Result<bool, Trouble> {
        if self.demo().is_some() || self.app.takes_payments {
            return Ok(true);
        }
        Ok(!self.app.payment_accounts.in_use(self.id().as_str()).await?.is_empty())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &**self.app.restaurants.store()
    }

    /// The restaurant's integration, to do something with its till.
    pub(crate) async fn open(&self) -> Result<Integration, Trouble> {
        Ok(self.app.restaurants.open(self.id()).await?)
    }

    /// The same for what a restaurant does not do while it is paused.
    pub(crate) async fn open_to_work(&self) -> Result<Integration, Trouble> {
        if self.connection.paused.is_some() {
            return Err(Trouble::Paused(self.id().to_string()));
        }
        self.open().await
    }

    /// What the till answers to a question while somebody waits for a page; none when that takes too long.
    pub(crate) async fn soon<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        let runtime = self.app.restaurants.host().runtime();
        match select(pin!(question), runtime.sleep(PATIENCE)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => None,
        }
    }

    /// The restaurant's settings, and which state of them they are.
    pub(crate) async fn settings(&self) -> Result<SavedSettings, Trouble> {
        Ok(self.app.restaurants.settings(self.id()).await?)
    }

    /// Saves settings in place of those that a form was made of; `false` when somebody else has saved them since.
    pub(crate) async fn save_settings(
        &self,
        settings: &MerchantSettings,
        read: Revision,
    ) -> Result<bool, Trouble> {
        match self.app.restaurants.host().save_settings(self.id(), settings, read).await {
            Ok(_) => Ok(true),
            Err(SaveSettingsError::Store(error)) if error.kind() == StoreErrorKind::Conflict => Ok(false),
            Err(SaveSettingsError::Store(error)) => Err(error.into()),
            Err(other) => Err(Trouble::Refused(other.to_string())),
        }
    }

    /// A path below the restaurant's.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/restaurants/{}{rest}", self.id())
    }

    /// A page of this restaurant.
    pub(crate) fn page(&self, here: Here, body: Markup) -> Page {
        self.desk.page(here.title(), body).of(&self.connection, here)
    }

    /// A page of this restaurant that is found through another one.
    pub(crate) fn page_below(&self, here: Here, title: impl Into<String>, body: Markup) -> Page {
        Page::new(self.visit.clone(), title.into(), body)
            .demo(self.app.demo.is_some())
            .of(&self.connection, here)
    }
}
