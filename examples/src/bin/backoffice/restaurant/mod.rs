//! The restaurants of this back office: what the pages ask the libraries and have them do.

pub(crate) mod attention;
pub(crate) mod baskets;
pub(crate) mod btw_codes;
pub(crate) mod index;
pub(crate) use mplus_examples::newest;
pub(crate) mod own_data;
pub(crate) mod payment_profile;
pub(crate) mod payment_search;
mod provision;
pub(crate) mod runs;
pub(crate) mod settings;
pub(crate) mod unsettled;

use std::sync::Arc;
use std::time::Duration;

use mplus_sync::connection::{ConnectError, NewConnection, OpenError};
use mplus_sync::fleet::{Fleet, FleetSettings};
use mplus_sync::model::{ConnectionId, Revision};
use mplus_sync::report::RunReport;
use mplus_sync::settings::SavedSettings;
use mplus_sync::store::{Credentials, Store, StoreError};
use mplus_sync::{Host, Integration};

use crate::callbacks::Callbacks;
use crate::records::Records;

pub(crate) use provision::{BRANDING_PROFILE, Profiles, STRIPE_CUSTOMER};

/// How long runs and orders under way may take to end when the program has to. What is cut off then is given back.
const GRACE: Duration = Duration::from_secs(15);

/// All restaurants.
#[derive(Clone)]
pub(crate) struct Restaurants {
    host: Host,
    fleet: Fleet,
    records: Records,
    pub(crate) index: index::Indexes,
}

impl Restaurants {
    /// All restaurants of a store. A page waits so long at most for a menu that has to be read first.
    pub(crate) fn new(host: Host, records: Records, callbacks: &Callbacks, patience: Duration) -> Self {
        let host = host.with_provisioner(Profiles::new(records.clone())).with_settings(settings::usual());
        let index = index::Indexes::new(host.store().clone(), host.runtime().clone(), patience);
        let told = runs::Told { callbacks: callbacks.clone(), index: index.clone() };
        let mut settings = FleetSettings::default();
        settings.grace = GRACE;
        let fleet = Fleet::new(host.clone())
            .with_settings(settings)
            .with_observer(Arc::new(callbacks.clone()))
            .with_run_observer(Arc::new(told))
            .spawning(|work| drop(tokio::spawn(work)));
        Self { host, fleet, records, index }
    }

    /// What does the work of all restaurants, and knows how it goes.
    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.host.store()
    }

    /// Connects a restaurant, or gives a connected one other credentials. What MplusKASSA suggests is taken as the settings of
    /// a new one.
    pub(crate) async fn connect(
        &self,
        new: NewConnection,
        credentials: Credentials,
    ) -> Result<(Integration, RunReport), ConnectError> {
        let (integration, report) = Integration::connect(self.host.clone(), new, credentials).await?;
        let is_new = integration.settings().await?.revision == Revision::NEW;
        // What could not be suggested is filled in by hand.
        if is_new && let Err(error) = settings::suggest(&integration).await {
            tracing::warn!(connection = %integration.connection_id(), %error, "no settings were suggested");
        }
        // The tax page has a button to read them when this did not.
        if let Err(error) = btw_codes::read(&self.records, &integration, self.host.runtime().now()).await {
            tracing::warn!(connection = %integration.connection_id(), %error, "no BTW codes were read");
        }
        Ok((integration, report))
    }

    /// Takes up a restaurant that is connected.
    pub(crate) async fn open(&self, id: &ConnectionId) -> Result<Integration, OpenError> {
        Integration::open(self.host.clone(), id.clone()).await
    }

    /// A restaurant's settings, and which state of them they are.
    pub(crate) async fn settings(&self, id: &ConnectionId) -> Result<SavedSettings, StoreError> {
        self.host.settings(id).await
    }

    /// Forgets the credentials and keeps everything else.
    pub(crate) async fn disconnect(&self, id: &ConnectionId) -> Result<(), OpenError> {
        match self.open(id).await {
            Ok(integration) => Ok(integration.disconnect().await?),
            Err(OpenError::NotConnected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes everything of a restaurant, connected or not.
    pub(crate) async fn remove(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.fleet.remove(id).await?;
        self.index.forget(id);
        self.records.forget(id.as_str()).await.map_err(own_data::store_error)
    }
}
