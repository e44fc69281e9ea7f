//! What only the host can give a location: the default billing profile's Stripe customer, and a branding profile of its own.

use async_trait::async_trait;
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::model::{ConnectionId, Location};

use super::own_data;
use crate::records::Records;

/// The back office's billing and branding.
pub(crate) struct Profiles {
    records: Records,
}

impl Profiles {
    pub(crate) fn new(records: Records) -> Self {
        Self { records }
    }
}

#[async_trait]
impl LocationProvisioner for Profiles {
    async fn provision(
        &self,
        connection: &ConnectionId,
        location: &Location,
    ) -> Result<Provision, ProvisionError> {
        let profile = own_data::billing(&self.records, connection).await;
        let profile = profile.map_err(|error| ProvisionError { message: error.to_string() })?;
        Ok(Provision {
            stripe_customer: profile.stripe_customer,
            // The same each time: a repeated call makes no second one.
            branding_profile: Some(format!("branding-{}", location.id)),
        })
    }
}
