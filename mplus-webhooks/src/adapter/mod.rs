//! Thin edges for web frameworks. Each hands the raw body, as it arrives, to
//! [`Orchestrator::receive`](crate::Orchestrator::receive), so that whoever is no till of ours is refused before any of it is read.
//!
//! Every adapter serves `POST /webhook/mpluskassa/{event}` and `GET /webhook/mpluskassa/health`, and for payment providers
//! `/webhook/payment-provider/{provider}/{account}`
//! ([`Orchestrator::receive_from_provider`](crate::Orchestrator::receive_from_provider)).

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "tower")]
pub mod tower;

/// What monitoring is told by `GET {base}/health`.
#[cfg(any(feature = "axum", feature = "actix", feature = "tower"))]
const HEALTHY: &str = "ok";

/// Where the POS's subscription points to; the POS appends `/` and the event's name.
pub const BASE_PATH: &str = "/webhook/mpluskassa";

/// Where payment providers send their own notices; `/{provider}/{account}` follows, such as `/stripe/default`
/// ([`ProviderAccount`](crate::payment::ProviderAccount)).
pub const PROVIDER_PATH: &str = "/webhook/payment-provider";
