//! What only the host can give a location: the default billing profile's Stripe customer, and a branding profile of its own.

use async_trait::async_trait;
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::model::{ConnectionId, Location};

use super::own_data;
use crate::records::Records;

/// The Stripe customer that pays for a location.
pub(crate) const STRIPE_CUSTOMER: &str = "stripe_customer";
/// A location's branding profile.
pub(crate) const BRANDING_PROFILE: &str = "branding_profile";

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
    fn attributes(&self) -> Vec<String> {
        [STRIPE_CUSTOMER, BRANDING_PROFILE].map(str::to_owned).to_vec()
    }

    async fn provision(
        &self,
        connection: &ConnectionId,
        location: &Location,
    ) -> Result<Provision, ProvisionError> {
        let billing = own_data::billing(&self.records, connection).await;
        let billing = billing.map_err(|error| ProvisionError { message: error.to_string() })?;
        // The same each time: a repeated call makes no second one.
        let provision = Provision::default().with(BRANDING_PROFILE, format!("branding-{}", location.id));
        Ok(match billing.stripe_customer {
            Some(customer) => provision.with(STRIPE_CUSTOMER, customer),
            None => provision,
        })
    }
}
