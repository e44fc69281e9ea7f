//! The restaurants of this back office: what the pages ask the libraries and have them do.

pub(crate) mod baskets;
pub(crate) mod index;
pub(crate) mod newest;
pub(crate) mod own_data;
mod provision;
pub(crate) mod runs;
pub(crate) mod settings;

use std::sync::Arc;

use mplus_sync::connection::{ConnectError, NewConnection, OpenError};
use mplus_sync::model::ConnectionId;
use mplus_sync::report::RunReport;
use mplus_sync::store::{CredentialVault, Credentials, Store, StoreError};
use mplus_sync::{Host, Integration};

use crate::records::Records;

pub(crate) use provision::Profiles;
pub(crate) use settings::Settings;

/// All restaurants.
#[derive(Clone)]
pub(crate) struct Restaurants {
    host: Host,
    vault: Arc<dyn CredentialVault>,
    records: Records,
    pub(crate) runs: runs::Runs,
    pub(crate) index: index::Indexes,
}

impl Restaurants {
    pub(crate) fn new(host: Host, vault: Arc<dyn CredentialVault>, records: Records) -> Self {
        let host = host.with_provisioner(Profiles::new(records.clone()));
        Self { host, vault, records, runs: runs::Runs::default(), index: index::Indexes::default() }
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
        if settings::load(&**self.store(), integration.connection_id()).await?.is_new() {
            settings::suggest(&integration).await?;
        }
        Ok((integration, report))
    }

    /// Takes up a restaurant that is connected, with its settings.
    pub(crate) async fn open(&self, id: &ConnectionId) -> Result<Integration, OpenError> {
        let settings = settings::load(&**self.store(), id).await?;
        Integration::open(self.host.clone().with_settings(settings.sync()), id.clone()).await
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
        self.runs.stop(id);
        self.vault.forget_credentials(id).await?;
        self.store().remove_connection(id).await?;
        self.index.forget(id);
        self.records.forget(id.as_str()).await.map_err(own_data::store_error)
    }
}
