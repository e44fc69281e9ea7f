//! Thin edges for web frameworks. Each hands the raw body to [`Orchestrator::handle`](crate::Orchestrator::handle).
//!
//! Every adapter serves `POST /webhook/mpluskassa/{event}` and `GET /webhook/mpluskassa/health`.

#[cfg(feature = "axum")]
pub mod axum;

/// Where the POS's subscription points to; the POS appends `/` and the event's name.
pub const BASE_PATH: &str = "/webhook/mpluskassa";
