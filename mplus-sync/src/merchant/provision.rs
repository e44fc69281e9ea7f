//! What only the host can give a location.

use async_trait::async_trait;

use crate::model::{ConnectionId, Location};

/// Gives imported locations what only the host has.
///
/// Called for every location that lacks one of the two, again by each later sync until it has them. A call may be
/// repeated for the same location after a crash: answer with what that location was given before, and make no second
/// branding profile. `location.id` is the same each time.
#[async_trait]
pub trait LocationProvisioner: Send + Sync {
    /// The Stripe customer of the default billing profile, and a branding profile for this location.
    async fn provision(
        &self,
        connection: &ConnectionId,
        location: &Location,
    ) -> Result<Provision, ProvisionError>;
}

/// What a location was given; what is none is listed as missing for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provision {
    /// The Stripe customer that pays for the location.
    pub stripe_customer: Option<String>,
    /// The location's branding profile.
    pub branding_profile: Option<String>,
}

/// The host could not give a location what it needs. The import goes on; the next sync asks again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProvisionError {
    /// What went wrong, for a person.
    pub message: String,
}

/// Gives nothing: for a host that assigns both by hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProvisioner;

#[async_trait]
impl LocationProvisioner for NoProvisioner {
    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        Ok(Provision::default())
    }
}
