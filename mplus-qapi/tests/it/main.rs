//! Behaviour of the whole crate against the test POS and real HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![cfg(all(feature = "testkit", feature = "reqwest", feature = "rustls"))]

mod attempts;
mod bombs;
mod fuzz;
mod gate;
mod hostile;
mod http;
mod log;
mod meaning;
mod measured;
mod paging;
mod peers;
mod replies;
mod safety;
mod server;
mod spawn;
mod testkit;
mod transport;
mod vectors;
