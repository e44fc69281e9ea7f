//! The menu sync against the test POS.

mod connect;
#[cfg(feature = "testkit")]
mod crash;
mod pull;
mod push;
