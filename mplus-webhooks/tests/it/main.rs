//! The crate's behaviour from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not inside a test for the lint")]

mod accounts;
mod adapters;
mod bad_input;
mod edges;
mod events;
mod failures;
mod faults;
mod fuzz;
mod http_client;
mod inbox;
mod interleavings;
mod kills;
mod notices;
mod oddities;
mod payments;
mod providers;
mod replies;
mod resolver;
mod sessions;
mod spawn;
mod stores;
mod support;
mod tills;
mod troubleshooting;
mod unfetched;
mod waiting;
