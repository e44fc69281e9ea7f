//! Behaviour that spans modules or needs a real edge: files, sockets, databases, time.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod media;
#[cfg(feature = "tokio-runner")]
mod schedule;
#[cfg(feature = "testkit")]
mod store;
#[cfg(any(feature = "tokio-runner", feature = "cloudflare-images"))]
mod support;
