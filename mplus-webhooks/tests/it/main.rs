//! The crate's behaviour from outside.

mod adapters;
mod bad_input;
mod payments;
mod providers;
mod sessions;
mod stores;
mod support;
mod troubleshooting;
