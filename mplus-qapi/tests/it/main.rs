//! Behaviour of the whole crate against the test POS and real HTTP.
#![cfg(feature = "testkit")]

mod testkit;
mod vectors;
