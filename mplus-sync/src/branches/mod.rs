//! Branches, imported as locations.
//!
//! Connecting imports them all, every later sync finds new ones. Each gets what only the host can give from a
//! [`LocationProvisioner`]: for instance the customer of the default billing profile and a branding profile of its own. What
//! then is still missing is listed for a person. Nothing is ever pushed to a branch, and a location whose branch is gone
//! is flagged, never removed.

mod from_pos;
mod import;
mod service;

pub use from_pos::{branch_information_to_location, branch_to_location};
pub use service::Branches;
pub(crate) use service::IMPORT;

pub use crate::merchant::{LocationProvisioner, NoProvisioner, Provision, ProvisionError};
