//! Behaviour that spans modules or needs a real edge: files, sockets, databases, time.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "tokio-runner")]
mod schedule;
#[cfg(feature = "tokio-runner")]
mod support;
