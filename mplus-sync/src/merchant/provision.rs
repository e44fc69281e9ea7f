//! What only the host can give a location.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::model::{ConnectionId, Location};

/// Gives imported locations what only the host has: the customer of its billing, a branding profile, whatever it calls them.
///
/// Called for every location that lacks one of its attributes, again by each later sync until it has them all. A call may be
/// repeated for the same location after a crash: answer with what that location was given before, and make no second
/// profile. `location.id` is the same each time.
#[async_trait]
pub trait LocationProvisioner: Send + Sync {
    /// The attributes that every location is to have, by the host's own names. One that could not be given is listed among
    /// what a person has to fill in ([`MissingField::Attribute`](crate::model::MissingField::Attribute)).
    fn attributes(&self) -> Vec<String>;

    /// The attributes of this location. Those that it has already stay as they are.
    async fn provision(
        &self,
        connection: &ConnectionId,
        location: &Location,
    ) -> Result<Provision, ProvisionError>;
}

/// What a location was given; what is none is listed as missing for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Provision {
    /// The attributes by their names.
    pub attributes: BTreeMap<String, String>,
}

impl Provision {
    /// The same with one more attribute.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// The host could not give a location what it needs. The import goes on; the next sync asks again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProvisionError {
    /// What went wrong, for a person.
    pub message: String,
}

/// Gives nothing: for a host whose locations need nothing of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProvisioner;

#[async_trait]
impl LocationProvisioner for NoProvisioner {
    fn attributes(&self) -> Vec<String> {
        Vec::new()
    }

    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        Ok(Provision::default())
    }
}
