//! Branches, imported as locations.
//!
//! Connecting imports them all, every later sync finds new ones. Each gets what only the host can give from a
//! [`LocationProvisioner`]: the Stripe customer of the default billing profile and a branding profile of its own. What
//! then is still missing is listed for a person. Nothing is ever pushed to a branch, and a location whose branch is gone
//! is flagged, never removed.

mod from_pos;
mod import;
mod provision;
mod service;

pub use from_pos::{branch_information_to_location, branch_to_location};
pub(crate) use import::pull;
pub use provision::{LocationProvisioner, NoProvisioner, Provision, ProvisionError};
pub use service::Branches;
