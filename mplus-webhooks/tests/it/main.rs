//! The crate's behaviour from outside.

mod adapters;
mod bad_input;
mod payments;
mod sessions;
mod stores;
mod support;
