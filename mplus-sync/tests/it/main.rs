//! Behaviour that spans modules or needs a real edge: files, sockets, databases, time.

// A helper may fail its test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claims;
#[cfg(feature = "testkit")]
mod connection;
#[cfg(feature = "testkit")]
mod dialects;
#[cfg(all(feature = "testkit", feature = "tokio-runtime"))]
mod fleet;
mod floors;
#[cfg(all(
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "https",
    feature = "tokio-runtime",
    feature = "testkit"
))]
mod kills;
mod media;
mod menu;
#[cfg(feature = "testkit")]
mod orders;
#[cfg(all(feature = "postgres", feature = "https", feature = "tokio-runtime", feature = "testkit"))]
mod processes;
#[cfg(feature = "testkit")]
mod relations;
#[cfg(feature = "tokio-runner")]
mod schedule;
#[cfg(feature = "testkit")]
mod settings;
mod spawn;
#[cfg(feature = "testkit")]
mod stock;
#[cfg(feature = "testkit")]
mod store;
mod support;
mod sync;
#[cfg(feature = "testkit")]
mod tables;
#[cfg(feature = "testkit")]
mod troubleshooting;
