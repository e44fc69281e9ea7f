//! Payment providers in the box. Both speak HTTP through [`HttpClient`](crate::HttpClient), so any client will do.

mod call;
mod echo;
#[cfg(feature = "stripe")]
mod stripe;
#[cfg(feature = "viva")]
mod viva;

#[cfg(feature = "stripe")]
pub use stripe::{Stripe, StripeCapture, StripeMode, StripeRedirect};
#[cfg(feature = "viva")]
pub use viva::{Viva, VivaCredentials, VivaEndpoints, VivaIsv, VivaMode};
