//! Thin edges for web frameworks. Each hands the raw body to [`Orchestrator::handle`](crate::Orchestrator::handle).
//!
//! Every adapter serves `POST /webhook/mpluskassa/{event}` and `GET /webhook/mpluskassa/health`.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "tower")]
pub mod tower;

/// Where the POS's subscription points to; the POS appends `/` and the event's name.
pub const BASE_PATH: &str = "/webhook/mpluskassa";
